"""Jobs: what tickd calls on a schedule, and the rules of when, how often and with what outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field, structs

from tickd.domain import cron, headers, subjects, texts, times, urls
from tickd.errors import Invalid

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
RetryOn = Literal["network", "timeout", "status"]
Overlap = Literal["allow", "skip", "queue"]
CatchUp = Literal["last", "none", "all"]
Completion = Literal["response", "callback"]
WhenDown = Literal["defer", "skip", "fire"]
Severity = Literal["minor", "major", "critical"]
Status = Literal["active", "paused", "failing"]
Trigger = Literal["schedule", "manual", "catch_up"]

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Tag = Annotated[str, Meta(min_length=1, max_length=50)]
Reference = Annotated[str, Meta(min_length=1, max_length=100)]

FRESH = times.MINUTE
"""An occurrence younger than this is on time: like crond's, a job belongs to its minute."""
CATCH_UP_MOST = 100
"""How many missed occurrences `catch_up: all` runs at most; the latest ones."""
SLICE = 1_000
"""How many occurrences of one job are recorded in one go at most."""

_OWN_HEADERS = {"x-tickstem-job-id", "x-tickstem-job-name", "webhook-id", "webhook-timestamp"}
_OWN_HEADERS |= {"webhook-signature"}


class JobChange(Struct, kw_only=True, forbid_unknown_fields=False):
    """What a caller may say of a job; a field left out keeps its value."""

    name: Name | UnsetType = UNSET
    schedule: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    timezone: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    endpoint: Annotated[str, Meta(min_length=1, max_length=2048)] | UnsetType = UNSET
    method: Method | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    body: str | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=2000)] | UnsetType = UNSET
    timeout_secs: Annotated[int, Meta(ge=1, le=300)] | UnsetType = UNSET
    retries: Annotated[int, Meta(ge=0, le=10)] | UnsetType = UNSET
    retry_on: Annotated[list[RetryOn], Meta(max_length=3)] | UnsetType = UNSET
    overlap: Overlap | UnsetType = UNSET
    catch_up: CatchUp | UnsetType = UNSET
    failure_threshold: Annotated[int, Meta(ge=1, le=10)] | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET
    channels: Annotated[list[Reference], Meta(max_length=50)] | UnsetType = UNSET
    depends_on: Annotated[list[Reference], Meta(max_length=50)] | UnsetType = UNSET
    tags: Annotated[list[Tag], Meta(max_length=50)] | UnsetType = UNSET
    signing_secret: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    completion: Completion | UnsetType = UNSET
    max_runtime_secs: Annotated[int, Meta(ge=1, le=86_400)] | UnsetType = UNSET
    requires: Annotated[list[Reference], Meta(max_length=50)] | UnsetType = UNSET
    when_down: WhenDown | UnsetType = UNSET
    defer_max_secs: Annotated[int, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    status: Literal["active", "paused"] | UnsetType = UNSET


class JobRegistration(JobChange, kw_only=True):
    """A job to be registered; registering a name again changes the job that has it."""

    name: Name
    schedule: Annotated[str, Meta(min_length=1, max_length=100)]
    endpoint: Annotated[str, Meta(min_length=1, max_length=2048)]


class Job(Struct, frozen=True, kw_only=True):
    """A job as it stands; `row` is its key in the store, times are milliseconds."""

    row: int
    id: str
    account_id: str
    name: str
    schedule: str
    endpoint: str
    timezone: str = "UTC"
    method: Method = "POST"
    headers: dict[str, str] = {}
    body: str = ""
    description: str = ""
    timeout_secs: int = 30
    retries: int = 2
    retry_on: list[RetryOn] = field(default_factory=lambda: ["network"])
    overlap: Overlap = "allow"
    catch_up: CatchUp = "last"
    failure_threshold: int = 1
    severity: Severity = "major"
    channels: list[str] = []
    depends_on: list[str] = []
    tags: list[str] = []
    signing_secret: str = ""
    completion: Completion = "response"
    max_runtime_secs: int = 3600
    requires: list[str] = []
    when_down: WhenDown = "defer"
    defer_max_secs: int = 7200
    paused: bool = False
    failing: bool = False
    consecutive_failures: int = 0
    next_run_at: int | None = None
    last_status: str | None = None
    last_finished_at: int | None = None
    created_at: int
    updated_at: int

    @property
    def status(self) -> Status:
        """`paused` before `failing` before `active`."""
        return "paused" if self.paused else "failing" if self.failing else "active"


def register(spec: JobRegistration, *, identifier: str, account_id: str, now: int) -> Job:
    """A new job out of what the caller said, every other field at its default."""
    bare = Job(
        row=0,
        id=identifier,
        account_id=account_id,
        name=spec.name,
        schedule="",
        endpoint=spec.endpoint,
        created_at=now,
        updated_at=now,
    )
    return change(bare, spec, now)


def change(job: Job, spec: JobChange, now: int) -> Job:
    """The job with what was said of it; Invalid names the field that can't be.

    The next run is planned anew only where the schedule, the zone or the pause changed, so that
    registering the same job at every deploy never loses an occurrence.
    """
    said = {name: value for name, value in structs.asdict(spec).items() if value is not UNSET}
    status = said.pop("status", None)
    if status is not None:
        said["paused"] = status == "paused"
    _check(said)
    changed = structs.replace(job, **said)
    if all(getattr(job, name) == value for name, value in said.items()):
        return job if job.row else _plan(changed, now)
    changed = structs.replace(changed, updated_at=now)
    if (job.schedule, job.timezone, job.paused) != (changed.schedule, changed.timezone, changed.paused):
        return _plan(changed, now)
    return changed


def pause(job: Job, now: int) -> Job:
    """The job without a next run; pausing twice changes nothing."""
    return job if job.paused else _plan(structs.replace(job, paused=True, updated_at=now), now)


def resume(job: Job, now: int) -> Job:
    """The job with its next run after now: what passed during the pause is not caught up."""
    return _plan(structs.replace(job, paused=False, updated_at=now), now) if job.paused else job


def upcoming(job: Job, now: int) -> int:
    """The job's first occurrence after `now`, in milliseconds."""
    return cron.next_after(job.schedule, job.timezone, now)


def _plan(job: Job, now: int) -> Job:
    return structs.replace(job, next_run_at=None if job.paused else upcoming(job, now))


def _check(said: dict[str, object]) -> None:
    for name, rule in _RULES.items():
        if name in said:
            said[name] = rule(said[name])


def _name(value: object) -> str:
    name = str(value).strip()
    if texts.is_empty(name) or not texts.is_printable(name):
        raise Invalid("name", "must be 1 to 200 printable characters")
    return name


def _schedule(value: object) -> str:
    return cron.parse(str(value)).expression


def _timezone(value: object) -> str:
    return cron.zone(str(value)).key


def _endpoint(value: object) -> str:
    return urls.http_url("endpoint", value)


def _headers(value: object) -> dict[str, str]:
    given: dict[str, str] = value  # type: ignore[assignment]
    headers.check(
        "headers", given.items(), own=lambda name: name in _OWN_HEADERS or name.startswith("x-tickd-")
    )
    if len({name.lower() for name in given}) != len(given):
        raise Invalid("headers", "has a name twice")
    return given


def _signing_secret(value: object) -> str:
    return subjects.signing_secret("signing_secret", value)


def _unique(value: object) -> list[object]:
    items: Iterable[object] = value  # type: ignore[assignment]
    return list(dict.fromkeys(items))


_RULES: dict[str, Callable[[object], object]] = {
    "name": _name,
    "schedule": _schedule,
    "timezone": _timezone,
    "endpoint": _endpoint,
    "headers": _headers,
    "signing_secret": _signing_secret,
    "retry_on": _unique,
    "tags": _unique,
    "channels": _unique,
    "depends_on": _unique,
    "requires": _unique,
}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One scheduled moment of a job and what becomes of it: `fate` is pending or missed."""

    at: int
    fate: Literal["pending", "missed"]
    trigger: Trigger = "schedule"


@dataclass(frozen=True, slots=True)
class Plan:
    """All occurrences that are due, oldest first, and the moment the job is due again."""

    occurrences: tuple[Occurrence, ...]
    next_run_at: int


def due(job: Job, now: int, *, horizon: int) -> Plan:
    """What becomes of each occurrence of `job` that is due by `now`.

    Those within their minute run. Older ones were missed while the daemon could not fire; `catch_up`
    says which of them run yet. What is older than `horizon` is past its retention and left out. Where
    more are due than one slice holds, the plan ends early and `next_run_at` is due at once.
    """
    if job.next_run_at is None:
        raise ValueError("a paused job has nothing due")
    following = upcoming(job, job.next_run_at)
    if following > now and now - job.next_run_at < FRESH:
        # Nearly always: one occurrence, on time.
        return Plan((Occurrence(job.next_run_at, "pending"),), following)
    # The plan's own next occurrence is a fact of the file; cron is asked only for those behind it.
    head = [job.next_run_at] if job.next_run_at >= horizon else []
    behind = cron.occurrences(job.schedule, job.timezone, max(job.next_run_at, horizon - 1), now)
    moments = head + list(islice(behind, SLICE + CATCH_UP_MOST))
    if len(moments) >= SLICE + CATCH_UP_MOST:
        return Plan(tuple(Occurrence(at, "missed") for at in moments[:SLICE]), moments[SLICE])
    fates = tuple(_fate(job.catch_up, at, rank, now) for rank, at in enumerate(reversed(moments)))
    return Plan(fates[::-1], upcoming(job, now))


def _fate(catch_up: CatchUp, at: int, rank: int, now: int) -> Occurrence:
    """`rank` counts from the latest occurrence, which is 0."""
    if now - at < FRESH:
        return Occurrence(at, "pending")
    most = {"none": 0, "last": 1, "all": CATCH_UP_MOST}[catch_up]
    return Occurrence(at, "pending", "catch_up") if rank < most else Occurrence(at, "missed")
