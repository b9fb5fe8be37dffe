"""`python -m tickd`."""

from tickd.cli import main

main()
