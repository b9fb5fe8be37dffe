"""What an account may have and do, and the words in which it is refused more."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tickd.domain import cron, times
from tickd.domain.accounts import Account
from tickd.domain.cron_fields import values

Limit = Literal[
    "max_jobs",
    "max_monitors",
    "max_heartbeats",
    "min_interval_secs",
    "executions_per_month",
    "verifications_per_month",
    "retention_days",
]
Noun = Literal["jobs", "monitors", "heartbeats"]

LIMITS: tuple[Limit, ...] = get_args(Limit)
"""The limits of an account, in the order in which they are shown."""
LIMIT_OF: Mapping[Noun, Limit] = {
    "jobs": "max_jobs",
    "monitors": "max_monitors",
    "heartbeats": "max_heartbeats",
}
"""What there may be a certain number of, and the limit that says how many."""
COUNT_MOST = 1_000_000
INTERVAL_MOST = 86_400
DAYS_MOST = 3650
MONTHS_KEPT = 13
"""Of how many months it is known what was used: this one, and a year of others."""

_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAY_MINUTES = 24 * 60

Count = Annotated[int, Meta(ge=0, le=COUNT_MOST)]


class Use(Struct, frozen=True):
    """What an account has now, and what it used this UTC month."""

    jobs: int
    monitors: int
    heartbeats: int
    executions_this_month: int
    verifications_this_month: int


class LimitsChange(Struct, kw_only=True):
    """What an operator may say of an account's limits; None is unlimited, one left out keeps its value."""

    max_jobs: Count | UnsetType | None = UNSET
    max_monitors: Count | UnsetType | None = UNSET
    max_heartbeats: Count | UnsetType | None = UNSET
    min_interval_secs: Annotated[int, Meta(ge=1, le=INTERVAL_MOST)] | UnsetType | None = UNSET
    executions_per_month: Count | UnsetType | None = UNSET
    verifications_per_month: Count | UnsetType | None = UNSET
    retention_days: Annotated[int, Meta(ge=1, le=DAYS_MOST)] | UnsetType = UNSET


def change(account: Account, spec: LimitsChange) -> Account:
    """The account with the limits that were said."""
    said: dict[str, Any] = {name: value for name, value in structs.asdict(spec).items() if value is not UNSET}
    return structs.replace(account, **said)


def of(account: Account) -> dict[Limit, int | None]:
    """The account's limits."""
    return {name: getattr(account, name) for name in LIMITS}


def full(noun: Noun, most: int) -> str:
    """Why there can't be one more of them."""
    return f"this account may have {_many(most, noun)}"


def too_often(least: int) -> str:
    """Why an interval can't be that short."""
    return f"the shortest interval of this account is {_many(least, 'seconds')}"


def schedule_too_often(least: int, gap: int) -> str:
    """Why a schedule can't be that dense; `gap` is the shortest time between two of its runs, in seconds."""
    apart = f"the runs of a job in this account must be at least {_many(least, 'seconds')} apart"
    return f"{apart}; this schedule has runs {_many(gap, 'seconds')} apart"


def runs_used_up(most: int) -> str:
    """Why an occurrence is not called, or a run not begun."""
    return _used_up("have", most, "runs")


def verifications_used_up(most: int, left: int, wanted: int) -> str:
    """Why addresses are not verified."""
    if left <= 0:
        return _used_up("verify", most, "addresses")
    may = f"this account may verify {_many(most, 'addresses')} a month"
    return f"{may}; {left:,} {_is(left)} left, and {wanted:,} are wanted"


def shortest_gap(schedule: str) -> int:
    """The shortest time between two runs of a schedule, in seconds; where that is over a day, two days.

    By the clock on the wall: a day with 23 hours makes no daily schedule too dense. Invalid as for `parse`.
    """
    parsed = cron.parse(schedule)
    minutes = values(parsed.times)
    gaps = [later - sooner for sooner, later in pairwise(minutes)]
    overnight = _DAY_MINUTES if _has_neighbours(parsed) else 2 * _DAY_MINUTES
    return min((*gaps, overnight - minutes[-1] + minutes[0])) * times.MINUTE // times.SECOND


def _has_neighbours(schedule: cron.Schedule) -> bool:
    """Whether it can fire on two days in a row."""
    for month in values(schedule.months):
        for begins_on, bits in enumerate(schedule.days):
            for length in {_LENGTHS[month], 29 if month == 2 else 0} - {0}:
                days = bits & (2 << length) - 1
                following = month % 12 + 1
                goes_on = schedule.months >> following & schedule.days[(begins_on + length) % 7] >> 1 & 1
                if days & days >> 1 or (days >> length & goes_on):
                    return True
    return False


def _used_up(may: str, most: int, nouns: str) -> str:
    if not most:
        return f"this account may {may} {_many(most, nouns)}"
    return f"this account may {may} {_many(most, nouns)} a month, and this month's {_is(most)} used up"


def _is(count: int) -> str:
    return "are" if count != 1 else "is"


def _many(count: int, nouns: str) -> str:
    one = {"addresses": "address"}.get(nouns, nouns[:-1])
    return f"{f'{count:,}' if count else 'no'} {nouns if count != 1 else one}"
