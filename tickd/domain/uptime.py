"""Uptime: what the checks of an hour or a day come to, and the arithmetic of putting them together.

Response times are kept in whole 1/1024 ms, which floats add up without loss, so that merging gives the same
in every order; they are counted in bins of 10^(1/5) (a factor of 1.58) from 1 ms to 63 s.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal

from tickd.domain import times

Status = Literal["up", "down", "timeout", "degraded", "unknown"]

COUNTS = (
    *("up", "down", "timeout", "degraded", "unknown"),
    *("held_up", "held_down", "held_unknown", "latency_sum", "latency_count"),
    *("maintenance", "maintenance_failed", "held_maintenance"),
)
"""The numbers of a bucket, all but its histogram; held times and the sum are in milliseconds.

The first five count every check. `maintenance` says how many of the known ones were made in maintenance,
`maintenance_failed` how many of these were bad; their time is in `held_maintenance` alone.
"""

_BOUNDS = tuple(10 ** (power / 5) for power in range(25))  # ms
_BINS = len(_BOUNDS) + 1
_EMPTY = bytes(_BINS * array("I").itemsize)
_FORMAT = 1
_GRAIN = 1024
_EPOCH = date(1970, 1, 1)


class Bucket:
    """The checks of one subject in one span of time: counts, times held in ms, response times."""

    __slots__ = (*COUNTS, "_bins", "slowest_ms")

    up: int
    down: int
    timeout: int
    degraded: int
    unknown: int
    held_up: int
    held_down: int
    held_unknown: int
    latency_sum: float
    latency_count: int
    maintenance: int
    maintenance_failed: int
    held_maintenance: int
    slowest_ms: float

    def __init__(self) -> None:
        self.up = self.down = self.timeout = self.degraded = self.unknown = 0
        self.held_up = self.held_down = self.held_unknown = 0
        self.maintenance = self.maintenance_failed = self.held_maintenance = 0
        self.latency_count = 0
        self.latency_sum = self.slowest_ms = 0.0
        self._bins: array[int] | None = None

    def add(self, status: Status, ms: float | None, held_ms: int, maintenance: bool = False) -> None:
        """Count a check: its response time, None without a response, and the time it vouches for."""
        if maintenance:
            self._leave_out(status, held_ms)
            held_ms = 0
        if status == "up":
            self.up += 1
            self.held_up += held_ms
        elif status == "down":
            self.down += 1
            self.held_down += held_ms
        elif status == "timeout":
            self.timeout += 1
            self.held_down += held_ms
        elif status == "degraded":
            self.degraded += 1
            self.held_up += held_ms
        else:
            self.unknown += 1
            self.held_unknown += held_ms
        if ms is not None:
            ms = int(ms * _GRAIN + 0.5) / _GRAIN
            self.latency_sum += ms
            self.latency_count += 1
            if ms > self.slowest_ms:
                self.slowest_ms = ms
            bins = self._bins
            if bins is None:
                bins = self._bins = array("I", _EMPTY)
            bins[bisect_left(_BOUNDS, ms)] += 1

    def _leave_out(self, status: Status, held_ms: int) -> None:
        """Count a check in maintenance, whose time is neither good nor bad nor unknown."""
        self.held_maintenance += held_ms
        if status != "unknown":
            self.maintenance += 1
        if status in ("down", "timeout"):
            self.maintenance_failed += 1

    def merge(self, other: Bucket) -> None:
        """Count all that the other one has counted too."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.slowest_ms = max(self.slowest_ms, other.slowest_ms)
        if other._bins is not None:
            mine = self._bins or bytes(_BINS)
            # Eight bytes each: 10,000 monitors put together come near to what four hold.
            self._bins = array("Q", map(int.__add__, mine, other._bins))

    @property
    def checks(self) -> int:
        """How many checks count: all but the unknown ones and those in maintenance."""
        return self.up + self.degraded + self.down + self.timeout - self.maintenance

    @property
    def failed(self) -> int:
        """How many of them were down or timed out."""
        return self.down + self.timeout - self.maintenance_failed

    def uptime_percent(self) -> float | None:
        """The share of the known time that it was up, of the checks where no time was held; None without."""
        good, bad = self.held_up, self.held_down
        if not good + bad:
            good, bad = self.checks - self.failed, self.failed
        return 100 * good / (good + bad) if good + bad else None

    def avg_ms(self) -> float | None:
        """The mean response time; None without a response."""
        return self.latency_sum / self.latency_count if self.latency_count else None

    def p95_ms(self) -> float | None:
        """The time within which 95 % of the responses came, to within one bin; None without a response."""
        return self._within_ms(95)

    def p50_ms(self) -> float | None:
        """The time within which half of the responses came, to within one bin; None without a response."""
        return self._within_ms(50)

    def _within_ms(self, percent: int) -> float | None:
        if self._bins is None:
            return None
        rank = -(-percent * sum(self._bins) // 100)
        before = 0
        for number, count in enumerate(self._bins):
            if before + count >= rank:
                lower = _BOUNDS[number - 1] if number else 0.0
                upper = min(_BOUNDS[number], self.slowest_ms) if number < len(_BOUNDS) else self.slowest_ms
                return lower + (upper - lower) * (rank - before) / count
            before += count
        return None

    def counts(self) -> dict[str, float]:
        """The numbers by name, as `from_bytes` takes them."""
        return {name: getattr(self, name) for name in COUNTS}

    def to_bytes(self) -> bytes:
        """The histogram of the response times: a dozen bytes as a rule, none without a response."""
        if self._bins is None:
            return b""
        used = [number for number, count in enumerate(self._bins) if count]
        first, last = used[0], used[-1]
        numbers = (int(self.slowest_ms * _GRAIN), first, *self._bins[first : last + 1])
        return bytes([_FORMAT]) + b"".join(map(_varint, numbers))

    @classmethod
    def from_bytes(cls, histogram: bytes, **counts: float) -> Bucket:
        """A bucket out of `to_bytes` and `counts`; raises ValueError when the bytes are none of ours."""
        bucket = cls()
        for name in COUNTS:
            setattr(bucket, name, counts.pop(name, 0))
        if counts:
            raise TypeError(f"a bucket has no {', '.join(counts)}")
        if not histogram:
            return bucket
        if histogram[0] != _FORMAT:
            raise ValueError(f"a histogram of format {histogram[0]}, not {_FORMAT}")
        slowest, first, *filled = _numbers(histogram[1:])
        bucket.slowest_ms = slowest / _GRAIN
        if not filled or first + len(filled) > _BINS:
            raise ValueError("a histogram with bins that are not there")
        rest = _BINS - first - len(filled)
        bucket._bins = array("Q", [0] * first + filled + [0] * rest)
        return bucket

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bucket):
            return NotImplemented
        return self.counts() == other.counts() and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value}" for name, value in self.counts().items() if value)
        return f"Bucket({said}, {self.to_bytes().hex()})"


def held(now: int, last_at: int | None, interval_ms: int) -> int:
    """The time a check vouches for: since the one before it, but for no more than two intervals."""
    return 0 if last_at is None else max(0, min(now - last_at, 2 * interval_ms))


def day_of(moment: int) -> int:
    """The UTC day of a moment, in whole days since the epoch."""
    return moment // times.DAY


def hour_of(moment: int) -> int:
    """The UTC hour of a moment, in whole hours since the epoch."""
    return moment // times.HOUR


def date_text(day: int) -> str:
    """A day since the epoch as `2026-03-03`."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _numbers(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
        if shift > 56:
            raise ValueError("a histogram with a number beyond all counts")
    if shift:
        raise ValueError("a histogram that ends too early")
