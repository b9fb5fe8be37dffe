"""Incidents: a failure from its beginning to its end, and the safeguards before one is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tickd.domain import headers, times
from tickd.domain.alerts import About, SubjectKind
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.jobs import Job, Severity
from tickd.domain.maintenance import Window
from tickd.domain.monitors import Monitor

Status = Literal["open", "resolved"]
Progress = Literal["investigating", "identified", "monitoring", "resolved"]
Reason = Literal["maintenance", "duplicate", "cooldown", "dependency", "settling", "upgrade", "suspended"]

BODY_LETTERS = 2_048
"""How much of a failing answer's body is kept, in characters."""
HEADERS_MOST = 50
AROUND = 10 * times.MINUTE
"""What happened so shortly before or after an incident's beginning is listed with it."""


class Subject(Struct, frozen=True, kw_only=True):
    """What the safeguards and the alerts need to know of a job, a monitor or a heartbeat.

    `is_doubtful` is one that has failed, and not often enough to fail; `interval_secs` is of what is polled.
    """

    row: int
    account_id: str
    about: About
    severity: Severity
    is_failing: bool
    is_paused: bool
    is_doubtful: bool = False
    is_degraded: bool = False
    interval_secs: int = 0
    cooldown_secs: int = 0
    channels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    windows: tuple[Window, ...] = ()
    depends_on: tuple[str, ...] = ()
    alert_email: str = ""
    alert_slack_webhook: str = ""
    webhook_url: str = ""


def of_job(job: Job) -> Subject:
    """The job as a subject of incidents."""
    return Subject(
        row=job.row,
        account_id=job.account_id,
        about=About("job", job.id, job.name, job.endpoint, "job"),
        severity=job.severity,
        is_failing=job.failing,
        is_paused=job.paused,
        is_doubtful=not job.failing and job.consecutive_failures > 0,
        channels=tuple(job.channels),
        tags=tuple(job.tags),
        depends_on=tuple(job.depends_on),
    )


def of_monitor(monitor: Monitor) -> Subject:
    """The monitor as a subject of incidents."""
    options = monitor.options
    url = f"https://{options.url}" if monitor.type == "ssl" else options.url
    return Subject(
        row=monitor.row,
        account_id=monitor.account_id,
        about=About("monitor", monitor.id, monitor.name, url, monitor.type),
        severity=options.severity,
        is_failing=monitor.standing.failing,
        is_paused=monitor.paused,
        is_doubtful=not monitor.standing.failing and monitor.standing.consecutive_failures > 0,
        is_degraded=monitor.standing.state == "degraded",
        interval_secs=options.interval_secs,
        cooldown_secs=options.cooldown_secs,
        channels=options.channels,
        tags=monitor.tags,
        windows=options.maintenance_windows,
        depends_on=options.depends_on,
        alert_email=options.alert_email,
        alert_slack_webhook=options.alert_slack_webhook,
        webhook_url=options.webhook_url,
    )


def of_heartbeat(heartbeat: Heartbeat) -> Subject:
    """The heartbeat as a subject of incidents."""
    options = heartbeat.options
    return Subject(
        row=heartbeat.row,
        account_id=heartbeat.account_id,
        about=About("heartbeat", heartbeat.id, heartbeat.name, "", "heartbeat"),
        severity=options.severity,
        is_failing=heartbeat.standing.failing,
        is_paused=heartbeat.paused,
        is_doubtful=not heartbeat.standing.failing and heartbeat.standing.consecutive_misses > 0,
        is_degraded=heartbeat.standing.state == "degraded",
        cooldown_secs=options.cooldown_secs,
        channels=options.channels,
        tags=heartbeat.tags,
        windows=options.maintenance_windows,
        depends_on=options.depends_on,
        alert_email=options.alert_email,
        alert_slack_webhook=options.alert_slack_webhook,
        webhook_url=options.webhook_url,
    )


class Steps(Struct, frozen=True):
    """How long each step of a check took, in milliseconds; None for one that was not taken or finished."""

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    total_ms: float | None = None


class Good(Struct, frozen=True):
    """The last check that was well before a failure; `at` in milliseconds."""

    at: int
    timings: Steps
    status_code: int | None = None


class Cause(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The evidence of the first failure; `at` in milliseconds. `last_good` is a monitor's alone."""

    error: str
    at: int
    status_code: int | None = None
    response_ms: float | None = None
    headers: dict[str, str] | None = None
    body: str | None = None
    timings: Steps | None = None
    last_good: Good | None = None
    execution_id: str = ""


class Incident(Struct, frozen=True, kw_only=True):
    """An incident as it stands; `row` is its key in the store, times are milliseconds.

    `about` is the subject as it was when the incident was opened, `subject` its row.
    """

    row: int
    id: str
    account_id: str
    about: About
    subject: int
    severity: Severity
    status: Status = "open"
    draft: bool = False
    publish_at: int | None = None
    published_at: int | None = None
    acknowledged_at: int | None = None
    started_at: int
    opened_at: int
    resolved_at: int | None = None
    cause: Cause

    @property
    def kind(self) -> SubjectKind:
        """What kind of subject it is of."""
        return self.about.kind

    @property
    def duration_secs(self) -> int | None:
        """How long it lasted, in whole seconds; None while it is open."""
        if self.resolved_at is None:
            return None
        return max(0, self.resolved_at - self.started_at) // times.SECOND


class Update(Struct, frozen=True):
    """What was said of an incident, and when (milliseconds)."""

    at: int
    status: Progress
    message: str


class UpdateRequest(Struct, kw_only=True):
    """An update to be posted; `resolved` resolves the incident."""

    status: Progress
    message: Annotated[str, Meta(max_length=5000)] = ""


@dataclass(frozen=True, slots=True)
class Open:
    """Open an incident now."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Open none: why, in a word and in a sentence, and when to look again; None where never."""

    reason: Reason
    sentence: str
    until: int | None = None


def judge(
    now: int,
    *,
    maintenance: tuple[str, int] | None,
    is_open: bool,
    last_ended_at: int | None,
    cooldown_secs: int,
) -> Open | Suppressed:
    """The safeguards, in their order: maintenance, duplicate, cooldown, and then an incident.

    `maintenance` is the name and the end of the window that holds now. The cooldown runs from the end of
    the subject's last incident.
    """
    if maintenance is not None:
        name, until = maintenance
        return Suppressed("maintenance", f"in maintenance: {name}, until {times.rfc3339(until)}", until)
    if is_open:
        return Suppressed("duplicate", "an incident is open already")
    cooldown = cooldown_secs * times.SECOND
    # An end that lies far ahead is of a clock that has been set back since.
    if last_ended_at is not None and last_ended_at - cooldown <= now < last_ended_at + cooldown:
        until = last_ended_at + cooldown
        return Suppressed("cooldown", f"within the cooldown until {times.rfc3339(until)}", until)
    return Open()


def shown_headers(given: dict[str, str]) -> dict[str, str] | None:
    """Response headers as they are kept: at most 50, with secrets masked; None where there are none."""
    kept = list(given.items())[:HEADERS_MOST]
    return {name: headers.MASK if headers.is_secret(name) else text[:1000] for name, text in kept} or None


def shown_body(text: str) -> str | None:
    """A response body as it is kept: cut, and without what no file can hold."""
    return text[:BODY_LETTERS].replace("\0", "\N{REPLACEMENT CHARACTER}") or None


CERTIFICATE_DAYS = (30, 14, 7, 3, 1)
"""So many days before its expiry a certificate is warned of, once each."""


def certificate_warning(expires_at: int, now: int, warned_days: int | None) -> int | None:
    """Of how many days a warning is due now; None where none is, or the certificate has expired.

    A certificate that is first seen late gets one warning, not all that it has missed.
    """
    left = expires_at - now
    due = [days for days in CERTIFICATE_DAYS if left <= days * times.DAY]
    if left <= 0 or not due or (warned_days is not None and warned_days <= due[-1]):
        return None
    return due[-1]
