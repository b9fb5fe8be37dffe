"""Maintenance that an account plans: of some subjects, of tags or of all, once or weekly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tickd.domain import maintenance, subjects, times, weekly
from tickd.domain.jobs import Name, Reference, Tag
from tickd.domain.maintenance import EVERLASTING, Day, Window
from tickd.domain.weekly import Weekly
from tickd.errors import Invalid

Status = Literal["active", "planned", "over"]

LONGEST_DAYS = 366
"""How long a window that comes once may be."""
OWN = "its own window"
"""What a subject's own windows are called, which have no name."""

_ONCE = ("starts_at", "ends_at")
_WEEKLY = ("day", "start", "end", "timezone")
_COVERED = ("subjects", "tags", "all")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9998, 1, 1, tzinfo=UTC)  # what is past the year 9999 can't be written


class MaintenanceChange(Struct, kw_only=True):
    """What a caller may say of a maintenance; a field left out keeps its value."""

    name: Name | UnsetType = UNSET
    subjects: Annotated[list[Reference], Meta(max_length=500)] | UnsetType = UNSET
    tags: Annotated[list[Tag], Meta(max_length=50)] | UnsetType = UNSET
    all: bool | UnsetType = UNSET
    starts_at: str | UnsetType = UNSET
    ends_at: str | UnsetType = UNSET
    day: Day | UnsetType = UNSET
    start: str | UnsetType = UNSET
    end: str | UnsetType = UNSET
    timezone: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType = UNSET


class MaintenanceCreation(MaintenanceChange, kw_only=True):
    """A maintenance to be made: once or weekly, of subjects, of tags or of all."""

    name: Name


class Maintenance(Struct, frozen=True, kw_only=True):
    """A maintenance as it is stored; `row` is its key in the store, times are milliseconds.

    Of `subjects`, `tags` and `all` one is said; it is once, from `starts_at` to `ends_at`, or `weekly`.
    """

    row: int
    id: str
    account_id: str
    name: str
    subjects: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    all: bool = False
    starts_at: int | None = None
    ends_at: int | None = None
    weekly: Weekly | None = None
    created_at: int
    updated_at: int

    def covers(self, identifier: str, tags: Sequence[str]) -> bool:
        """Whether it is of the subject with that id and those tags."""
        return self.all or identifier in self.subjects or any(tag in self.tags for tag in tags)


def create(spec: MaintenanceCreation, *, identifier: str, account_id: str, now: int) -> Maintenance:
    """A new maintenance out of what the caller said; Invalid names the field that can't be."""
    bare = Maintenance(row=0, id=identifier, account_id=account_id, name="", created_at=now, updated_at=now)
    return change(bare, spec, now)


def change(before: Maintenance, spec: MaintenanceChange, now: int) -> Maintenance:
    """The maintenance with what was said of it; Invalid names the field that can't be.

    Saying what it covers replaces what it covered, and saying a weekly time replaces one that came once.
    """
    said: dict[str, Any] = {name: value for name, value in structs.asdict(spec).items() if value is not UNSET}
    new: dict[str, Any] = {} if "name" not in said else {"name": subjects.name(said["name"])}
    changed = structs.replace(before, **new, **_covered(before, said), **_times(before, said))
    return before if changed == before else structs.replace(changed, updated_at=now)


def _covered(before: Maintenance, said: dict[str, Any]) -> dict[str, Any]:
    """What it covers: exactly one of subjects, tags and all. What is said to be empty is not said."""
    given = [name for name in _COVERED if said.get(name)]
    if len(given) > 1:
        raise Invalid(given[1], f"can't be used with {given[0]}: a maintenance covers one of them")
    if given:
        value = said[given[0]]
        nothing: dict[str, Any] = {"subjects": (), "tags": (), "all": False}
        return nothing | {given[0]: value if given[0] == "all" else subjects.unique(value)}
    known = next((name for name in _COVERED if getattr(before, name)), None)
    if known is None:
        raise Invalid("subjects", "is required, or tags, or all")
    if known in said:
        raise Invalid(known, "can't be taken away: a maintenance covers subjects, tags or all")
    return {}


def _times(before: Maintenance, said: dict[str, Any]) -> dict[str, Any]:
    """When it is: exactly one of once and weekly."""
    once = {name: said[name] for name in _ONCE if name in said}
    every = {name: said[name] for name in _WEEKLY if name in said}
    if once and every:
        raise Invalid(next(iter(every)), "can't be used with starts_at and ends_at: it is once or weekly")
    if every:
        known = {} if before.weekly is None else structs.asdict(before.weekly)
        _require({**known, **every}, _WEEKLY[:3])
        return {"starts_at": None, "ends_at": None, "weekly": weekly.checked(Weekly(**{**known, **every}))}
    if once:
        read = {name: _moment(name, text) for name, text in once.items()}
        whole = {name: getattr(before, name) for name in _ONCE if getattr(before, name) is not None} | read
        _require(whole, _ONCE)
        _check_once(whole["starts_at"], whole["ends_at"])
        return {**whole, "weekly": None}
    if before.starts_at is None and before.weekly is None:
        raise Invalid("starts_at", "and ends_at are required, or day, start and end")
    return {}


def _require(given: dict[str, Any], names: Sequence[str]) -> None:
    for name in names:
        if name not in given:
            raise Invalid(name, "is required")


def _check_once(starts_at: int, ends_at: int) -> None:
    if ends_at <= starts_at:
        raise Invalid("ends_at", "must be after starts_at")
    if ends_at - starts_at > LONGEST_DAYS * times.DAY:
        raise Invalid("ends_at", f"must be at most {LONGEST_DAYS} days after starts_at")


def _moment(field: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip().upper())
        if moment.tzinfo is None or not _EPOCH <= moment < _LAST:
            raise ValueError("no offset, or out of range")
    except (ValueError, OverflowError) as error:
        raise Invalid(field, "must be a time with its offset, such as 2026-03-03T12:30:00Z") from error
    return (moment - _EPOCH) // timedelta(milliseconds=1)


# When it holds.


def ends_at(one: Maintenance, now: int) -> int | None:
    """When the window of it that holds now ends; None where none does."""
    if one.weekly is not None:
        return weekly.ends_at(one.weekly, now)
    return one.ends_at if _start(one) <= now < _end(one) else None


def upcoming(one: Maintenance, now: int) -> tuple[int | None, int | None]:
    """When it next starts and when it next ends, both after `now`; None where it does not any more."""
    if one.weekly is not None:
        return weekly.upcoming(one.weekly, now)
    start, end = _start(one), _end(one)
    return (start if start > now else None), (end if end > now else None)


def status(one: Maintenance, now: int) -> Status:
    """Whether it holds, will hold, or is over: a weekly one never is."""
    if ends_at(one, now) is not None:
        return "active"
    return "planned" if upcoming(one, now)[1] is not None else "over"


def current(planned: Sequence[Maintenance], own: tuple[Window, ...], now: int) -> tuple[str, int] | None:
    """The name and the end of the maintenance that holds now; None where none does.

    `planned` are those that cover the subject, `own` its own windows. Of several the one that ends last gives
    its name. What follows without a pause counts as one, for some days: windows that never end are looked at
    again.
    """
    holding = list(_holding(planned, own, now))
    if not holding:
        return None
    end, name = max(holding)
    limit = end + EVERLASTING
    while end < limit:
        further = max((later for later, _ in _holding(planned, own, end)), default=end)
        if further <= end:
            break
        end = further
    return name, end


def _holding(planned: Sequence[Maintenance], own: tuple[Window, ...], now: int) -> Iterator[tuple[int, str]]:
    for one in planned:
        end = ends_at(one, now)
        if end is not None:
            yield end, one.name
    end = maintenance.ends_at(own, now)
    if end is not None:
        yield end, OWN


def _start(one: Maintenance) -> int:
    return 0 if one.starts_at is None else one.starts_at


def _end(one: Maintenance) -> int:
    return 0 if one.ends_at is None else one.ends_at
