"""tickd: fires HTTP cron jobs, and records every run."""

from importlib.metadata import version

__version__ = version("tickd")
