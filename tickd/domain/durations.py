"""Durations: how long a job's runs took, slot by slot, as the data of a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tickd.domain import plots, times
from tickd.domain.plots import LENGTHS, Plot, Range, Summary
from tickd.domain.shading import Band

SLOTS: dict[Range, int] = {
    "24h": 10 * times.MINUTE,
    "7d": times.HOUR,
    "30d": 4 * times.HOUR,
    "90d": 12 * times.HOUR,
}
"""How long a slot of each range is, in milliseconds."""
WHOLE = 1 << 60
"""A slot that holds all there is."""


class Slot(NamedTuple):
    """A job's runs in one slot of time: its number since the epoch, p50 and p95 of successes (milliseconds).

    `failed_at` is the first of the `failures`, which failed, timed out or were missed. None where there is
    none.
    """

    number: int
    p50: int | None
    p95: int | None
    failures: int
    failed_at: int | None


def since(range_: Range, now: int) -> int:
    """Where a range begins that ends now, at the edge of a slot."""
    return (now - LENGTHS[range_]) // SLOTS[range_] * SLOTS[range_]


def plot(range_: Range, slots: Sequence[Slot], whole: Slot | None, bands: Sequence[Band], now: int) -> Plot:
    """The chart out of its slots, oldest first, and the same of all at once.

    No line breaks off between two runs, however far apart the schedule has them.
    """
    size = SLOTS[range_]
    drawn = [slot for slot in slots if slot.p50 is not None]
    seen = Slot(0, None, None, 0, None) if whole is None else whole
    return Plot(
        range=range_,
        unit="ms",
        since=(now - LENGTHS[range_]) // times.SECOND,
        until=now // times.SECOND,
        times=[min(slot.number * size + size // 2, now) // times.SECOND for slot in drawn],
        p50=[slot.p50 for slot in drawn],
        p95=[slot.p95 for slot in drawn],
        failed=[slot.failed_at // times.SECOND for slot in slots if slot.failed_at is not None],
        bands=[
            plots.Band(one.since // times.SECOND, -(-one.until // times.SECOND), one.kind) for one in bands
        ],
        summary=Summary(seen.p50, seen.p95, seen.failures),
    )
