"""pyinfra's own settings for this project, and its guard rails."""

from pyinfra import config

from nixtrust import guards

config.REQUIRE_PYINFRA_VERSION = "==3.10.0"  # nixtrust.guards knows its insides
config.CONNECT_TIMEOUT = 10  # seconds, for the TCP connection; what follows: nixtrust.inventory
guards.install()
