"""What a status page shows: names, states, times, and what people wrote; never why something failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from tickd.domain import maintenance as own_windows
from tickd.domain import times, windows
from tickd.domain.alerts import SubjectKind
from tickd.domain.days import Day
from tickd.domain.incidents import Update
from tickd.domain.maintenance import Window
from tickd.domain.status_pages import SUBJECTS_MOST, StatusPage
from tickd.domain.windows import Maintenance

WELL = "All systems operational"
AILING = "Some systems are experiencing issues"
"""The two banners, in the words of the Tickstem reference."""
SERVICES = "Services"
SCHEDULED = "Scheduled Jobs"

DAYS = 90
"""How many days a row of bars has, today included."""
UPTIME_DAYS = 30
RECENT = 14 * times.DAY
"""How long an incident that has ended stays on the page itself, in milliseconds."""
AHEAD = 14 * times.DAY
"""How long before its beginning a planned maintenance is shown, in milliseconds."""

Health = Literal["ok", "failing", "pending"]
Key = tuple[SubjectKind, int]

_WORDS: dict[SubjectKind, dict[Health, str]] = {
    "monitor": {"ok": "Operational", "failing": "Degraded", "pending": "Pending"},
    "heartbeat": {"ok": "Running", "failing": "Missing", "pending": "Pending"},
    "job": {"ok": "Running", "failing": "Missing", "pending": "Pending"},
}
_TROUBLE: dict[SubjectKind, str] = {"monitor": "down", "heartbeat": "missing", "job": "failing"}


class Subject(Struct, frozen=True, kw_only=True):
    """A monitor, a heartbeat or a job as its row has it; `last_at` is when it last pinged or ran."""

    kind: SubjectKind
    row: int
    id: str
    account_id: str
    name: str
    slug: str
    type: str
    tags: tuple[str, ...]
    is_public: bool
    is_paused: bool
    is_failing: bool
    is_pending: bool
    last_at: int | None
    windows: tuple[Window, ...]

    @property
    def key(self) -> Key:
        """What tells it from all others."""
        return self.kind, self.row

    @property
    def health(self) -> Health:
        """What never reported yet is not failing, and not well either."""
        return "failing" if self.is_failing else "pending" if self.is_pending else "ok"


class Event(NamedTuple):
    """A published incident, without its cause; times in milliseconds."""

    row: int
    id: str
    kind: SubjectKind
    subject: int
    is_open: bool
    started_at: int
    resolved_at: int | None


class Line(Struct, frozen=True, kw_only=True):
    """A subject as a page shows it; `uptime_percent` is of its last 30 days, rounded down."""

    kind: SubjectKind
    name: str
    health: Health
    word: str
    in_maintenance: bool
    uptime_percent: float | None
    last_seen_at: int | None
    days: tuple[Day, ...]
    slug: str
    """Where it has a page of its own, at /s/{slug}; empty where it has none."""


class Group(Struct, frozen=True):
    """Lines below a heading, which is empty where the page has no groups."""

    name: str
    lines: tuple[Line, ...]


class Section(Struct, frozen=True):
    """`Services` or `Scheduled Jobs`."""

    title: str
    groups: tuple[Group, ...]


class Note(Struct, frozen=True, kw_only=True):
    """An incident as a page tells it, updates newest first; times in milliseconds."""

    id: str
    title: str
    name: str
    trouble: str
    """What it is while it is open: down, missing or failing."""
    is_open: bool
    started_at: int
    resolved_at: int | None
    updates: tuple[Update, ...]


class Planned(Struct, frozen=True, kw_only=True):
    """A maintenance of what the page shows; times in milliseconds."""

    name: str
    is_active: bool
    starts_at: int | None
    ends_at: int | None
    subjects: tuple[str, ...]


class View(Struct, frozen=True, kw_only=True):
    """All that a status page, its JSON and its feed show. `more` are subjects beyond the most of a page."""

    page: StatusPage
    banner: str
    sections: tuple[Section, ...]
    current: tuple[Note, ...]
    past: tuple[Note, ...]
    planned: tuple[Planned, ...]
    more: int
    has_older: bool
    """Whether there are incidents that ended before those in `past`."""


class Single(Struct, frozen=True, kw_only=True):
    """What the page of one monitor or heartbeat shows."""

    subject: Subject
    line: Line
    current: tuple[Note, ...]
    past: tuple[Note, ...]
    planned: tuple[Planned, ...]


def groups_of(page: StatusPage, subjects: Sequence[Subject]) -> list[tuple[str, list[Subject]]]:
    """What the page shows, by group and each once: without groups all, but jobs only where it asks for them.

    A job that a group names by its id is shown in any case. What is paused is hidden everywhere, what is not
    public on a public page.
    """
    shown = [one for one in subjects if is_shown(page, one)]
    if not page.groups:
        return [("", [one for one in shown if page.jobs or one.kind != "job"])]
    by_id = {one.id: one for one in shown}
    taken: set[str] = set()
    found: list[tuple[str, list[Subject]]] = []
    for group in page.groups:
        named = [by_id[identifier] for identifier in group.subjects if identifier in by_id]
        tags = set(group.tags)
        tagged = [one for one in shown if tags.intersection(one.tags) and (page.jobs or one.kind != "job")]
        mine = [one for one in dict.fromkeys([*named, *tagged]) if one.id not in taken]
        taken.update(one.id for one in mine)
        found.append((group.name, mine))
    return found


def is_shown(page: StatusPage, one: Subject) -> bool:
    """Whether the page may show it."""
    return not one.is_paused and (one.is_public or page.visibility == "private")


def banner(subjects: Iterable[Subject]) -> str:
    """The sentence over the page: what is pending is not failing."""
    return AILING if any(one.is_failing for one in subjects) else WELL


def cut(groups: Sequence[tuple[str, list[Subject]]]) -> tuple[list[tuple[str, list[Subject]]], int]:
    """As many as a page shows, and how many are beyond."""
    room, kept = SUBJECTS_MOST, []
    for name, mine in groups:
        kept.append((name, mine[:room]))
        room -= len(mine[:room])
    return kept, sum(len(mine) for _, mine in groups) - (SUBJECTS_MOST - room)


def sections(
    groups: Sequence[tuple[str, Sequence[Subject]]], lines: Mapping[Key, Line]
) -> tuple[Section, ...]:
    """The lines by section and group; what would be empty is left out."""
    found = []
    for title, kinds in ((SERVICES, ("monitor",)), (SCHEDULED, ("heartbeat", "job"))):
        inside = [(name, tuple(lines[one.key] for one in mine if one.kind in kinds)) for name, mine in groups]
        filled = tuple(Group(name, mine) for name, mine in inside if mine)
        if filled:
            found.append(Section(title, filled))
    return tuple(found)


def line(
    one: Subject, *, percent: float | None, days: Sequence[Day], holding: Sequence[Maintenance], now: int
) -> Line:
    """A subject as a page shows it; `percent` is its uptime, `holding` the account's maintenance of now."""
    is_held = any(each.covers(one.id, one.tags) for each in holding)
    return Line(
        kind=one.kind,
        name=one.name,
        health=one.health,
        word="Paused" if one.is_paused else _WORDS[one.kind][one.health],
        in_maintenance=is_held or own_windows.within(one.windows, now),
        uptime_percent=None if percent is None else rounded_down(percent),
        last_seen_at=one.last_at,
        days=tuple(days),
        slug=one.slug if one.is_public else "",
    )


def rounded_down(percent: float) -> float:
    """A percentage with two decimals that never says 100 of what was down; not for a float's last bit."""
    return int(percent * 100 + 1e-6) / 100


def note(event: Event, name: str, updates: Sequence[Update]) -> Note:
    """An incident as a page tells it, by the name that its subject has now."""
    verb, trouble = "is" if event.is_open else "was", _TROUBLE[event.kind]
    return Note(
        id=event.id,
        title=f"{name} {verb} {trouble}",
        name=name,
        trouble=trouble,
        is_open=event.is_open,
        started_at=event.started_at,
        resolved_at=event.resolved_at,
        updates=tuple(updates),
    )


def holding(planned: Sequence[Maintenance], now: int) -> list[Maintenance]:
    """The maintenance that holds now."""
    return [one for one in planned if windows.ends_at(one, now) is not None]


def planned_for(subjects: Sequence[Subject], planned: Sequence[Maintenance], now: int) -> tuple[Planned, ...]:
    """The maintenance of these subjects that holds now, and then what begins soon, by its beginning."""
    found = []
    for one in planned:
        until = windows.ends_at(one, now)
        starts_at, ends_at = windows.upcoming(one, now)
        if until is None and (starts_at is None or starts_at > now + AHEAD):
            continue
        covered = tuple(subject.name for subject in subjects if one.covers(subject.id, subject.tags))
        if covered:
            found.append(_planned(one.name, until, starts_at, ends_at, covered))
    by_name: dict[int, list[str]] = {}
    for subject in subjects:
        end = own_windows.ends_at(subject.windows, now)
        if end is not None:
            by_name.setdefault(end, []).append(subject.name)
    found += [_planned("Maintenance", end, None, end, tuple(names)) for end, names in by_name.items()]
    return tuple(sorted(found, key=lambda one: (not one.is_active, one.starts_at or 0, one.ends_at or 0)))


def _planned(
    name: str, until: int | None, starts_at: int | None, ends_at: int | None, subjects: tuple[str, ...]
) -> Planned:
    is_active = until is not None
    return Planned(
        name=name,
        is_active=is_active,
        starts_at=None if is_active else starts_at,
        ends_at=until if is_active else ends_at,
        subjects=subjects,
    )
