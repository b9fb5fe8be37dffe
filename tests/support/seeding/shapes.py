"""Hours and days as checks would have them: made once, used for many monitors and many days."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tickd.domain import times
from tickd.domain.checks import IN_MAINTENANCE, STATUSES, status_of
from tickd.domain.uptime import Bucket

Kind = Literal["http", "tcp", "ssl"]
Fate = Literal["well", "slow", "blip", "falls", "down", "rises", "degraded", "blind", "maintenance"]
Sample = tuple[
    *tuple[int, int, int],
    *tuple[int | None, int | None, int | None, int | None, int | None, int | None, int | None],
    str | None,
]
"""Milliseconds into the hour, stored status, held; then code, tenths of ms (5 of them), expiry, error."""

TWISTS = 7
"""How many hours of a kind are not quite alike."""
FALLS_AT = 20 * times.MINUTE
"""How far into its hour an outage begins."""
RISES_AT = 40 * times.MINUTE
"""How far into its hour an outage ends."""
_ERRORS = ("status code 503", "connection refused", "no answer within 10 s", "status code 502")


class Profile(NamedTuple):
    """What checks of some monitors have in common."""

    kind: Kind
    interval_secs: int
    base_ms: float


@dataclass(slots=True)
class Hour:
    """An hour's samples and their rollup; `number` is its key."""

    number: int
    samples: list[Sample]
    bucket: Bucket


@dataclass(slots=True)
class Outage:
    """From when to when a day's checks fail, in milliseconds of the day, and with what error."""

    since: int
    until: int
    error: str


@dataclass(slots=True)
class Day:
    """The keys of a day's hours, and where it was down."""

    hours: list[int]
    outage: Outage | None = None


_QUIET: tuple[dict[int, Fate], ...] = (*({} for _ in range(46)), {16: "blip"}, {11: "slow", 12: "slow"})
_ROUGH: tuple[dict[int, Fate], ...] = (
    {3: "falls", 4: "rises"},
    {14: "falls", 15: "down", 16: "rises"},
    {9: "degraded", 10: "degraded", 11: "degraded"},
    {20: "falls", 21: "rises"},
    {4: "blind"},
    {2: "maintenance"},
)
CALM = range(len(_QUIET) - 2)
QUIET = range(len(_QUIET))
ROUGH = range(len(_QUIET), len(_QUIET) + len(_ROUGH))


@dataclass(slots=True)
class Shapes:
    """The hours that were made, by their key, and the days that are made of them."""

    some: random.Random
    hours: list[Hour] = field(default_factory=list)
    _made: dict[tuple[Profile, Fate, int, int], int] = field(default_factory=dict)
    _days: dict[tuple[Profile, int], Day] = field(default_factory=dict)

    def hour(self, profile: Profile, fate: Fate, level: int, twist: int = 0) -> int:
        """The key of an hour; `level` is how busy it is, 0 to 3, `twist` which of its kind."""
        key = (profile, fate, level, twist)
        if key not in self._made:
            samples = _samples(profile, fate, level, self.some)
            self._made[key] = len(self.hours)
            self.hours.append(Hour(len(self.hours), samples, bucket_of(profile, samples)))
        return self._made[key]

    def day(self, profile: Profile, variant: int) -> Day:
        """A day of a variant: one of `QUIET` or of `ROUGH`."""
        key = (profile, variant)
        if key not in self._days:
            fates = (_QUIET + _ROUGH)[variant]
            hours = [
                self.hour(profile, fates.get(hour, "well"), _level(hour), (variant * 5 + hour * 3) % TWISTS)
                for hour in range(24)
            ]
            self._days[key] = Day(hours, _outage(fates, variant))
        return self._days[key]

    def merged(self, keys: Sequence[int]) -> Bucket:
        """The rollup of these hours together."""
        whole = Bucket()
        for key in keys:
            whole.merge(self.hours[key].bucket)
        return whole


def _level(hour: int) -> int:
    return 0 if hour < 6 else 1 if hour < 9 else 3 if hour in (12, 13, 18, 19, 20) else 2


def _outage(fates: dict[int, Fate], variant: int) -> Outage | None:
    falls = next((hour for hour, fate in fates.items() if fate == "falls"), None)
    rises = next((hour for hour, fate in fates.items() if fate == "rises"), None)
    if falls is None or rises is None:
        return None
    since, until = falls * times.HOUR + FALLS_AT, rises * times.HOUR + RISES_AT
    return Outage(since, until, _ERRORS[variant % len(_ERRORS)])


def bucket_of(profile: Profile, samples: Sequence[Sample]) -> Bucket:
    """What these checks come to."""
    bucket = Bucket()
    for _, status, held, code, duration, *_ in samples:
        name = status_of(status)
        answered = name != "timeout" if code is not None else name in ("up", "degraded")
        ms = duration / 10 if answered and duration is not None and profile.kind != "ssl" else None
        bucket.add(name, ms, held, status >= IN_MAINTENANCE)
    return bucket


def _samples(profile: Profile, fate: Fate, level: int, some: random.Random) -> list[Sample]:
    step = profile.interval_secs * times.SECOND
    count = times.HOUR // step
    blip = some.randrange(count)
    return [_sample(profile, _now(fate, n, n * step, blip), n, level, step, some) for n in range(count)]


def _now(fate: Fate, number: int, at: int, blip: int) -> Fate:
    """What an hour's fate means for one of its checks."""
    if fate == "falls":
        return "well" if at < FALLS_AT else "down"
    if fate == "rises":
        return "down" if at < RISES_AT else "well"
    if fate == "blip":
        return "down" if number == blip else "well"
    return fate


def _sample(profile: Profile, fate: Fate, number: int, level: int, step: int, some: random.Random) -> Sample:
    at = number * step
    if fate == "blind":
        error = "tickd was not running"
        return (at, STATUSES.index("unknown"), step, None, None, None, None, None, None, None, error)
    kind = profile.kind
    http = kind == "http"
    ms = profile.base_ms * (1 + 0.18 * level) * some.lognormvariate(0, 0.16)
    if some.random() < 0.015:
        ms *= some.uniform(2, 5)
    if fate == "slow":
        ms *= 1.9
    if fate == "degraded":
        ms = max(ms * 6, 2_100)
    total, dns, connect = int(ms * 10), int(10 * some.uniform(0.6, 4)), int(10 * some.uniform(4, 14))
    tls = int(10 * some.uniform(9, 26)) if http or kind == "ssl" else None
    if fate == "down":
        error = _ERRORS[number % 2] if http else "connection refused"
        code = 503 if http and "503" in error else None
        first = int(total * 0.9) if code else None
        return (at, STATUSES.index("down"), step, code, total, dns, connect, None, first, None, error)
    status = STATUSES.index("degraded" if fate == "degraded" else "up")
    status += IN_MAINTENANCE if fate == "maintenance" else 0
    code, first = (200, max(1, total - 15)) if http else (None, None)
    return (at, status, step, code, total, dns, connect, tls, first, None, None)
