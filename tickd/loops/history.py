"""The history loop: closes hours, moves the log to its pages, forgets what is past its retention."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.history import History


def loop(history: History, clock: Clock) -> Loop:
    """Ticks in slices while there is something to move, every minute otherwise."""
    return Loop("history", history.tick, clock)
