"""The upkeep loop: removes what is deleted or past its retention."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.upkeep import Upkeep


def loop(upkeep: Upkeep, clock: Clock) -> Loop:
    """Ticks every second while there is something to remove, when a job is deleted, and every ten minutes."""
    made = Loop("upkeep", upkeep.tick, clock)
    upkeep.wake = made.wake
    return made
