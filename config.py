"""pyinfra's own settings for this project, and its guard rails."""

from pyinfra import config

from nixtrust import guards

config.REQUIRE_PYINFRA_VERSION = "==3.10.0"  # nixtrust.guards knows its insides
# Seconds. Paramiko gives the exchange of keys as long as the TCP connection, and goes on then as if
# it were over: nixtrust.inventory's banner_timeout must have given a silent sshd up before.
config.CONNECT_TIMEOUT = 15
guards.install()
