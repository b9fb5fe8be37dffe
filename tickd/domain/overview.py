"""The overview: jobs, monitors and heartbeats as items of one list, what needs attention first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from msgspec import Struct

from tickd.domain.alerts import SubjectKind
from tickd.domain.checks import Check
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.incidents import Incident
from tickd.domain.jobs import Job
from tickd.domain.monitors import Monitor

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


Tone = Literal["good", "warn", "bad", ""]


class Last(NamedTuple):
    """The latest result: when (milliseconds), in a few words, how it is to be taken; how long it took, in
    milliseconds, and what was said with it."""

    at: int
    text: str
    tone: Tone
    took: float | None = None
    more: str = ""


class Item(Struct, frozen=True, kw_only=True):
    """A job, a monitor or a heartbeat in the list; times in milliseconds.

    `since` is when its state began where that is known, `next_at` when it runs, is checked or should ping
    next, `running` whether a run of it is under way, `pinged_at` when a heartbeat's latest ping came.
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
    slug: str = ""
    pinged_at: int | None = None


class Page(NamedTuple):
    """A page of the list: its items, how many match, and by kind and state how many match without regard to
    the two."""

    items: list[Item]
    total: int
    counts: Mapping[tuple[SubjectKind, State], int]


class Run(NamedTuple):
    """A run that has not ended: when it began, or was to (milliseconds), whether the call is out."""

    row: int
    job_id: str
    name: str
    status: str
    at: int


class News(NamedTuple):
    """What has come of a job, a monitor or a heartbeat of late."""

    kind: SubjectKind
    id: str
    name: str
    last: Last


class Planned(NamedTuple):
    """Maintenance that holds now, and until when (milliseconds)."""

    id: str
    name: str
    ends_at: int


class Waiting(NamedTuple):
    """How many alerts wait in a state, and since when the oldest does (milliseconds)."""

    state: str
    alerts: int
    oldest_at: int


class Summary(Struct, frozen=True, kw_only=True):
    """An account on one screen, as of `at` (milliseconds); of each list the first of `…_total`.

    `failing` has what needs attention, the worst first, `due` the jobs that run next, `recent` the newest
    results.
    """

    at: int
    health: Health
    failing: list[Item]
    incidents: list[Incident]
    incidents_total: int
    runs: list[Run]
    runs_total: int
    due: list[Item]
    recent: list[News]
    maintenance: list[Planned]
    waiting: list[Waiting]


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


def of_job(job: Job) -> State:
    """The state that a list gives the job; the store's SQL says the same of its row."""
    if job.paused:
        return "paused"
    if job.failing:
        return "down"
    if job.consecutive_failures:
        return "degraded"
    return "pending" if job.last_status is None else "up"


def of_monitor(monitor: Monitor) -> State:
    """The state that a list gives the monitor."""
    if monitor.paused:
        return "paused"
    return "down" if monitor.standing.failing else monitor.standing.state


def of_heartbeat(heartbeat: Heartbeat, now: int) -> State:
    """The state that a list gives the heartbeat at `now`, in milliseconds."""
    standing = heartbeat.standing
    if heartbeat.paused:
        return "paused"
    if standing.failing or standing.state == "down":
        return "down"
    if standing.state == "degraded":
        return "degraded"
    is_overdue = standing.expected_at is not None and standing.expected_at < now
    return "late" if is_overdue or standing.consecutive_misses else standing.state


def health(counts: Mapping[tuple[SubjectKind, State], int]) -> Health:
    """The account that has so many items of each kind in each state."""
    order: tuple[State, ...] = (*TROUBLE, "up", "pending", "paused")
    seen = {state for (_, state), count in counts.items() if count}
    return Health(counts, next((state for state in order if state in seen), None))


def since(state: State, changed_at: int, *, due: int | None, last_at: int | None, now: int) -> int | None:
    """When the state began that an item is in (milliseconds); None of what is paused: nobody wrote it down.

    What is late is in no new state yet: it is late since its ping was due, or since one was missed.
    """
    if state == "paused":
        return None
    if state != "late":
        return changed_at
    if due is not None and due <= now:
        return due
    return changed_at if last_at is None else last_at


def of_check(check: Check) -> Last:
    """The latest check of a monitor: its status code, or what went wrong."""
    if check.status in ("down", "timeout"):
        return Last(check.at, check.error or check.status, "bad")
    if check.status == "unknown":
        return Last(check.at, "unknown", "")
    code = "" if check.status_code is None else str(check.status_code)
    if not code and check.duration_ms is None:
        code = check.status
    return Last(check.at, code, "good" if check.status == "up" else "warn", check.duration_ms)


def of_run(status: str, at: int, code: int | None, duration_ms: int, words: str) -> Last:
    """The latest run of a job: its status code, or what went wrong."""
    if status != "success":
        return Last(at, words or status, "" if status == "skipped" else "bad")
    return Last(at, status if code is None else str(code), "good", duration_ms or None)


def of_event(kind: str, at: int, degraded: bool, duration_ms: int | None, words: str) -> Last:
    """The latest ping or silence of a heartbeat in a few words."""
    if kind in ("missed", "overran"):
        return Last(at, "no ping came" if kind == "missed" else "the run did not end", "bad")
    if kind == "fail":
        return Last(at, "failed", "bad", duration_ms, words)
    return Last(at, "degraded" if degraded else "pinged", "warn" if degraded else "good", duration_ms, words)
