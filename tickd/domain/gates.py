"""Gates: what becomes of an occurrence while something that its job requires is down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tickd.domain import jobs, times

NAMED_MOST = 3
"""How many of those that are down are named in a sentence."""
LATER = "a later occurrence was deferred too"
"""Why a deferred occurrence gave way."""
PAUSED = "the job was paused"
"""Why a deferred occurrence of a paused job is not called."""


@dataclass(frozen=True, slots=True)
class Target:
    """A monitor or heartbeat that a job requires; `name` is empty when it has been deleted."""

    id: str
    name: str


def until(job: jobs.Job, at: int, now: int, trigger: jobs.Trigger) -> int:
    """Until when (milliseconds) an occurrence may be deferred. What is caught up is due now, however old."""
    return (now if trigger == "catch_up" else at) + job.defer_max_secs * times.SECOND


def fate(
    job: jobs.Job, deadline: int, is_down: bool, now: int
) -> Literal["fire", "defer", "skip", "give up", "miss"]:
    """What becomes of an occurrence that is due or was deferred, and may wait until `deadline`.

    It can be long past its deadline and find all well only where tickd was away: then it is caught up or
    missed, as its job says.
    """
    if not is_down:
        is_late = now - deadline >= jobs.FRESH
        return "miss" if is_late and job.catch_up == "none" else "fire"
    if job.when_down != "defer":
        return job.when_down
    return "defer" if now < deadline else "give up"


def kept(catch_up: jobs.CatchUp) -> int:
    """How many occurrences of a job wait at most; the latest ones."""
    return jobs.CATCH_UP_MOST if catch_up == "all" else 1


def thinned(catch_up: jobs.CatchUp) -> str:
    """Why an occurrence that is not among the kept ones is not called."""
    return f"{jobs.CATCH_UP_MOST} later occurrences were deferred too" if catch_up == "all" else LATER


# Sentences.


def deferred(down: Sequence[Target]) -> str:
    """Why an occurrence waits."""
    return f"deferred: {_are(down)} down"


def waited(targets: Sequence[Target], milliseconds: int) -> str:
    """Why an occurrence was called late, or would have been."""
    return f"deferred {times.span(milliseconds)}: {_names(targets)} {_were(targets)} down"


def gave_up(down: Sequence[Target], job: jobs.Job) -> str:
    """Why an occurrence is not called any more."""
    if job.defer_max_secs == 0:
        return f"{_are(down)} down (defer_max_secs: 0)"
    limit = times.span(job.defer_max_secs * times.SECOND)
    return f"deferred for {limit}: {_names(down)} {_were(down)} still down"


def skipped(down: Sequence[Target]) -> str:
    """Why an occurrence is not called."""
    return f"{_are(down)} down (when_down: skip)"


def fired(down: Sequence[Target]) -> str:
    """What there is to say of an occurrence that is called all the same."""
    return f"fired although {_are(down)} down"


def before(trigger: jobs.Trigger, reason: str) -> str:
    """What the reason of a deferred occurrence says besides that."""
    return reason.partition("; deferred: ")[0] if trigger == "catch_up" else ""


def joined(*parts: str) -> str:
    """The parts that say something, as one reason."""
    return "; ".join(part for part in parts if part)


def _names(targets: Sequence[Target]) -> str:
    names = [f"{one.name} ({one.id})" if one.name else one.id for one in targets[:NAMED_MOST]]
    more = len(targets) - len(names)
    if more:
        names.append(f"{more} more")
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _are(targets: Sequence[Target]) -> str:
    return f"{_names(targets)} {'is' if len(targets) == 1 else 'are'}"


def _were(targets: Sequence[Target]) -> str:
    return "was" if len(targets) == 1 else "were"
