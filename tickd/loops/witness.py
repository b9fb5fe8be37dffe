"""The witness loop: every second, the event loop's lag and the wall clock's steps."""

from __future__ import annotations

from collections.abc import Iterable

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.witness import Witness


def loop(witness: Witness, clock: Clock, others: Iterable[Loop]) -> Loop:
    """Ticks every second; when the clock has stepped it wakes `others`, whose sleep was measured before, and
    when the database takes writes again those of them that have failed."""
    sleepers = tuple(others)

    def wake() -> None:
        for other in sleepers:
            other.wake()

    def retry() -> None:
        for other in sleepers:
            if other.state.failing_since is not None:
                other.wake()

    witness.stepped, witness.writes_again = wake, retry
    return Loop("witness", witness.tick, clock)
