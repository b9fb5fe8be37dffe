"""Evidence: the first failure of a row of them, kept until the monitor is well or fails."""

from __future__ import annotations

from tickd.domain.checks import Check
from tickd.domain.incidents import Cause, Good, Steps, shown_body, shown_headers
from tickd.domain.monitors import Type, response_ms
from tickd.outbound.prober import Seen


class Evidence:
    """What is kept in memory of a monitor: its last good check, and its first bad one since."""

    __slots__ = ("first", "good")

    def __init__(self) -> None:
        self.good: Check | None = None
        self.first: Cause | None = None


def note(evidence: Evidence, kind: Type, check: Check, seen: Seen) -> Cause | None:
    """Keep a check as evidence; of a bad one, the cause: what was first seen of this failure."""
    if check.status == "up" or check.status == "degraded":
        evidence.good, evidence.first = check, None
        return None
    if check.status == "unknown":
        return None
    if evidence.first is None:
        evidence.first = cause_of(kind, check, seen, evidence.good)
    return evidence.first


def cause_of(kind: Type, check: Check, seen: Seen, good: Check | None) -> Cause:
    """A check as the cause of an incident, beside the last good one."""
    return Cause(
        error=check.error,
        at=check.at,
        status_code=check.status_code,
        response_ms=_tenths(response_ms(kind, check)),
        headers=shown_headers(seen.headers),
        body=shown_body(seen.body),
        timings=_timings(check),
        last_good=None if good is None else Good(good.at, _timings(good), good.status_code),
    )


def _timings(check: Check) -> Steps:
    steps = (check.dns_ms, check.connect_ms, check.tls_ms, check.first_byte_ms, check.duration_ms)
    return Steps(*map(_tenths, steps))


def _tenths(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 1)
