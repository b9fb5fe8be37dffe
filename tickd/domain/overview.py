"""The overview: jobs, monitors and heartbeats as items of one list, what needs attention first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from msgspec import Struct

from tickd.domain import times
from tickd.domain.alerts import SubjectKind
from tickd.domain.checks import Check

State = Literal["down", "degraded", "late", "pending", "up", "paused"]
Sort = Literal["attention", "name", "changed", "next"]

KINDS: tuple[SubjectKind, ...] = ("job", "monitor", "heartbeat")
STATES: tuple[State, ...] = ("down", "degraded", "late", "pending", "up", "paused")
"""The states of an item, what needs attention first; the store sorts by the place of one in here."""
SORTS: tuple[Sort, ...] = ("attention", "name", "changed", "next")
TROUBLE: tuple[State, ...] = ("down", "degraded", "late")
"""The states that need attention."""


class Filters(Struct, frozen=True, kw_only=True):
    """Which items are wanted, and in what order; what is empty filters nothing.

    `q` is a part of a name, an address, a tag or a group, in any case.
    """

    q: str = ""
    kind: Literal["", "job", "monitor", "heartbeat"] = ""
    state: Literal["", "trouble", "down", "degraded", "late", "pending", "up", "paused"] = ""
    tag: str = ""
    group: str = ""
    sort: Sort = "attention"

    @property
    def is_narrow(self) -> bool:
        """Whether anything is left out."""
        return bool(self.q or self.kind or self.state or self.tag or self.group)

    @property
    def wanted_kinds(self) -> tuple[SubjectKind, ...]:
        """The kinds that are wanted; jobs have no group."""
        kinds: tuple[SubjectKind, ...] = (self.kind,) if self.kind else KINDS
        return tuple(kind for kind in kinds if kind != "job") if self.group else kinds

    @property
    def wanted_states(self) -> tuple[State, ...]:
        """The states that are wanted."""
        if self.state == "trouble":
            return TROUBLE
        return (self.state,) if self.state else STATES


class Last(NamedTuple):
    """The latest result: when (milliseconds), in a few words, and whether it was good; None: neither."""

    at: int
    text: str
    good: bool | None


class Item(Struct, frozen=True, kw_only=True):
    """A job, a monitor or a heartbeat in the list; times in milliseconds.

    `since` is when its state began, `next_at` when it runs, is checked or should ping next, `running`
    whether a run of it is under way.
    """

    kind: SubjectKind
    row: int
    id: str
    name: str
    group: str
    tags: tuple[str, ...]
    state: State
    paused: bool
    failing: bool
    since: int | None
    next_at: int | None
    last: Last | None
    target: str
    running: bool = False


class Page(NamedTuple):
    """A page of the list: its items, how many match, and by kind and state how many match without regard to
    the two."""

    items: list[Item]
    total: int
    counts: Mapping[tuple[SubjectKind, State], int]


class Health(NamedTuple):
    """An account at a glance: how many items are in each state, and the worst of these; None without any."""

    counts: Mapping[tuple[SubjectKind, State], int]
    worst: State | None

    def of(self, state: State) -> int:
        """How many are in that state."""
        return sum(count for (_, has), count in self.counts.items() if has == state)

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    @property
    def title(self) -> str:
        """What a window's title says first: `2 down`; nothing where all is well."""
        return next((f"{self.of(state)} {state}" for state in TROUBLE if self.of(state)), "")


def health(counts: Mapping[tuple[SubjectKind, State], int]) -> Health:
    """The account that has so many items of each kind in each state."""
    order: tuple[State, ...] = (*TROUBLE, "up", "pending", "paused")
    seen = {state for (_, state), count in counts.items() if count}
    return Health(counts, next((state for state in order if state in seen), None))


def of_check(check: Check) -> Last:
    """The latest check of a monitor in a few words: `200 · 34 ms`."""
    if check.status in ("down", "timeout"):
        return Last(check.at, check.error or check.status, False)
    code = "" if check.status_code is None else str(check.status_code)
    took = "" if check.duration_ms is None else f"{check.duration_ms:.0f} ms"
    words = " · ".join(part for part in (code, took) if part)
    if check.status == "unknown":
        return Last(check.at, "unknown", None)
    return Last(check.at, words or check.status, check.status == "up")


def of_run(status: str, at: int, code: int | None, duration_ms: int, words: str) -> Last:
    """The latest run of a job in a few words: `200 · 1.2 s`, or what went wrong."""
    if status != "success":
        return Last(at, words or status, None if status == "skipped" else False)
    parts = ("" if code is None else str(code), took(duration_ms) if duration_ms else "")
    return Last(at, " · ".join(part for part in parts if part) or "success", True)


def of_event(kind: str, at: int, degraded: bool, duration_ms: int | None, words: str) -> Last:
    """The latest ping or silence of a heartbeat in a few words."""
    if kind in ("missed", "overran"):
        return Last(at, "no ping came" if kind == "missed" else "the run did not end", False)
    said = "failed" if kind == "fail" else "degraded" if degraded else "pinged"
    parts = (said, "" if duration_ms is None else took(duration_ms), words)
    return Last(at, " · ".join(part for part in parts if part), None if degraded else kind != "fail")


def took(milliseconds: int) -> str:
    """A duration: `34 ms`, `1.2 s`, `3 min`."""
    if milliseconds < times.SECOND:
        return f"{milliseconds} ms"
    if milliseconds < times.MINUTE:
        return f"{milliseconds / times.SECOND:.1f} s"
    return times.span(milliseconds)
