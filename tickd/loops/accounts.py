"""The accounts loop: heeds, every second, what the command line suspends and resumes."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.suspensions import Suspensions


def loop(suspensions: Suspensions, clock: Clock) -> Loop:
    """The loop that reads which accounts are suspended."""
    return Loop("accounts", suspensions.tick, clock)
