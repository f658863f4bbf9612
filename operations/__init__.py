"""pyinfra operations, one module a technology."""
