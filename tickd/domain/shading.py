"""What is shaded on a chart: the times in which tickd was blind, and those in maintenance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from tickd.domain import weekly
from tickd.domain.maintenance import Window
from tickd.domain.weekly import Weekly
from tickd.domain.windows import Maintenance


class Band(NamedTuple):
    """A part of a chart, `since` until `until` in milliseconds."""

    since: int
    until: int
    kind: Literal["blind", "maintenance"]


def bands(
    blind: Iterable[tuple[int, int]],
    planned: Sequence[Maintenance],
    own: Sequence[Window],
    since: int,
    until: int,
) -> list[Band]:
    """What is shaded from `since` to `until`; `planned` covers the subject, `own` are its own windows."""
    unseen = _merged(_clipped(blind, since, until))
    held = _merged(_clipped(_held(planned, own, since, until), since, until))
    return [Band(*span, "maintenance") for span in held] + [Band(*span, "blind") for span in unseen]


def _held(
    planned: Sequence[Maintenance], own: Sequence[Window], since: int, until: int
) -> Iterator[tuple[int, int]]:
    """When there was maintenance; none of it before it was planned."""
    for one in planned:
        start = max(since, one.created_at)
        if one.weekly is not None:
            yield from _recurring(one.weekly, start, until)
        elif one.starts_at is not None and one.ends_at is not None:
            yield max(start, one.starts_at), one.ends_at
    for window in own:
        yield from _recurring(Weekly(window.day, window.start_utc, window.end_utc), since, until)


def _recurring(window: Weekly, since: int, until: int) -> Iterator[tuple[int, int]]:
    at = since
    while at < until:
        end = weekly.ends_at(window, at)
        if end is not None:
            yield at, end
            at = end
        else:
            at = weekly.upcoming(window, at)[0]


def _clipped(spans: Iterable[tuple[int, int]], since: int, until: int) -> Iterator[tuple[int, int]]:
    for start, end in spans:
        if start < until and end > since and start < end:
            yield max(start, since), min(end, until)


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in their order, with none that touch."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
