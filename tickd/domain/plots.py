"""Plots: what a chart of response times or durations shows, out of single results or of rollups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Literal, NamedTuple

from msgspec import Struct

from tickd.domain import shading, times
from tickd.domain.uptime import Bucket

Range = Literal["24h", "7d", "30d", "90d"]

LENGTHS: dict[Range, int] = {
    "24h": times.DAY,
    "7d": 7 * times.DAY,
    "30d": 30 * times.DAY,
    "90d": 90 * times.DAY,
}
"""How far back each range reaches, in milliseconds."""
SLOT = 5 * times.MINUTE
"""Single results of so long are drawn as one point of each line."""
POINTS_MOST = 6_000
"""How many single results are read for 24 hours at most; of more, the rollups of the hours are drawn."""
MARKS_MOST = 600
"""How many failures are marked at most: what is closer together than a pixel is one mark."""


class Point(NamedTuple):
    """A result: when, how long it took (both in milliseconds), and whether it failed."""

    at: int
    ms: float | None
    failed: bool = False


class Band(Struct, rename={"from_": "from"}):
    """A time that is shaded, in seconds since the epoch."""

    from_: int
    to: int
    kind: Literal["blind", "maintenance"]


class Summary(Struct):
    """What the whole range comes to; None without a result that took time."""

    p50: float | None
    p95: float | None
    failures: int


class Plot(Struct):
    """A chart's data; times are seconds since the epoch, lines milliseconds, None where one breaks off."""

    range: Range
    unit: str
    since: int
    until: int
    times: list[int]
    p50: list[float | None]
    p95: list[float | None]
    failed: list[int]
    bands: list[Band]
    summary: Summary


class _Slot(NamedTuple):
    at: int
    p50: float | None
    p95: float | None


def of_points(
    range_: Range, points: Sequence[Point], shaded: Sequence[shading.Band], now: int, every: int
) -> Plot:
    """A plot out of single results, which come `every` so many milliseconds as a rule; oldest first."""
    slots = list(_slots(points))
    failures = [point.at for point in points if point.failed]
    return _plot(range_, slots, max(every, SLOT), failures, shaded, now, sum_of_points(points))


def sum_of_points(points: Sequence[Point]) -> Summary:
    """What single results come to."""
    took = sorted(point.ms for point in points if point.ms is not None)
    return Summary(
        _rounded(median(took)) if took else None,
        _rounded(_within(took, 95)) if took else None,
        sum(point.failed for point in points),
    )


def of_buckets(
    range_: Range,
    buckets: Sequence[tuple[int, Bucket]],
    size: int,
    shaded: Sequence[shading.Band],
    now: int,
) -> Plot:
    """A plot out of rollups, each of `size` milliseconds from its start; oldest first."""
    slots, failures = [], []
    for start, bucket in buckets:
        end = min(start + size, now)
        middle = (start + end) // 2
        if bucket.latency_count:
            slots.append(_Slot(middle, _rounded(bucket.p50_ms()), _rounded(bucket.p95_ms())))
        if bucket.failed:
            failures.append(middle)
    return _plot(range_, slots, size, failures, shaded, now, sum_of_buckets(buckets))


def sum_of_buckets(buckets: Iterable[tuple[int, Bucket]]) -> Summary:
    """What rollups come to, to the width of one bin."""
    whole = Bucket()
    for _, bucket in buckets:
        whole.merge(bucket)
    return Summary(_rounded(whole.p50_ms()), _rounded(whole.p95_ms()), whole.failed)


def _plot(
    range_: Range,
    slots: Sequence[_Slot],
    step: int,
    failures: Sequence[int],
    shaded: Sequence[shading.Band],
    now: int,
    summary: Summary,
) -> Plot:
    since = now - LENGTHS[range_]
    drawn = list(_with_gaps(slots, step))
    return Plot(
        range=range_,
        unit="ms",
        since=since // times.SECOND,
        until=now // times.SECOND,
        times=[slot.at // times.SECOND for slot in drawn],
        p50=[slot.p50 for slot in drawn],
        p95=[slot.p95 for slot in drawn],
        failed=_marks(failures, LENGTHS[range_]),
        bands=[Band(*_seconds(one), one.kind) for one in shaded if _is_wide(one, LENGTHS[range_])],
        summary=summary,
    )


def _slots(points: Iterable[Point]) -> Iterator[_Slot]:
    """The results of each slot as one, at the mean of their times."""
    shared: dict[int, list[Point]] = {}
    for point in points:
        if point.ms is not None:
            shared.setdefault(point.at // SLOT, []).append(point)
    for slot in shared.values():
        took = sorted(point.ms for point in slot if point.ms is not None)
        at = sum(point.at for point in slot) // len(slot)
        yield _Slot(at, _rounded(median(took)), _rounded(_within(took, 95)))


def _with_gaps(slots: Sequence[_Slot], step: int) -> Iterator[_Slot]:
    """The slots, with one that breaks the lines where more than one is missing."""
    before: int | None = None
    for slot in slots:
        if before is not None and slot.at - before > 2.5 * step:
            yield _Slot((slot.at + before) // 2, None, None)
        yield slot
        before = slot.at


def _marks(moments: Iterable[int], length: int) -> list[int]:
    """The failures in seconds, those nearer to each other than a pixel once."""
    apart = length // MARKS_MOST
    found: dict[int, int] = {}
    for moment in moments:
        found.setdefault(moment // apart, moment // times.SECOND)
    return list(found.values())


def _is_wide(band: shading.Band, length: int) -> bool:
    """Whether it is drawn: an hour of every night would make 90 days a curtain. Blind time always is."""
    return band.kind == "blind" or band.until - band.since >= length // MARKS_MOST


def _seconds(band: shading.Band) -> tuple[int, int]:
    return band.since // times.SECOND, -(-band.until // times.SECOND)


def _within(took: Sequence[float], percent: int) -> float:
    return took[-(-percent * len(took) // 100) - 1]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
