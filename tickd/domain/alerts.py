"""Alerts: what is told to whom, when it is tried again, and what is told together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from msgspec import Struct

from tickd import ids
from tickd.domain import times
from tickd.domain.jobs import Severity

Event = Literal[
    "down",
    "recovered",
    "degraded",
    "certificate",
    "job_failed",
    "reminder",
    "blind",
    "delivery",
    "test",
]
State = Literal["queued", "retrying", "sent", "failed", "suppressed"]
SubjectKind = Literal["job", "monitor", "heartbeat"]

EVENTS: tuple[Event, ...] = get_args(Event)
"""Every kind of event: `delivery` is a channel that fails, `test` the test button."""
WAITING: tuple[State, ...] = ("queued", "retrying")
"""The states of an alert that is still to be sent."""

GIVE_UP = times.DAY
"""How long an alert is tried, in milliseconds."""
BACKOFF_BASE_SECS = 2.0
BACKOFF_CAP_SECS = 300.0
CROWD = 5
"""So many alerts that wait for one person's channel at once are told in one message, and more."""
DIGEST_MOST = 1_000
"""How many alerts one message tells at most."""
PATIENCE = 10 * times.MINUTE
"""How long a channel fails until that is told elsewhere."""


class About(Struct, frozen=True, omit_defaults=True):
    """What an alert is about, as it was then; `type` is a monitor's type, or else the kind."""

    kind: SubjectKind
    id: str
    name: str
    url: str = ""
    type: str = ""


class Story(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an alert tells, as it was when it happened; times are milliseconds.

    `since` and `until` are the beginning and end of what is over (a failure, a blind interval), `since`
    alone of what goes on (a reminder). `days` and `expires_at` are a certificate's. `together` says that
    the failure was not told before.
    """

    event: Event
    at: int
    about: About | None = None
    severity: Severity = "major"
    incident_id: str = ""
    error: str = ""
    status_code: int | None = None
    response_ms: float | None = None
    since: int | None = None
    until: int | None = None
    expires_at: int | None = None
    days: int | None = None
    together: bool = False
    note: str = ""


class Told(Struct, frozen=True):
    """A story with the id of its alert: the same each time it is sent."""

    id: str
    story: Story


class Message(Struct, frozen=True, kw_only=True):
    """What goes out at once: one story, or a digest of several, oldest first.

    `id` is the same each time the message is sent, so that a receiver can drop a repeat; `moment` is now
    (milliseconds), `link` where people reach this daemon, `secret` what signs a webhook.
    """

    id: str
    told: tuple[Told, ...]
    moment: int
    link: str = ""
    secret: str = ""
    account: str = ""

    @property
    def story(self) -> Story:
        """The first story; of a digest, one of several."""
        return self.told[0].story

    @property
    def is_digest(self) -> bool:
        """Whether it tells several stories."""
        return len(self.told) > 1


class Alert(Struct, frozen=True, kw_only=True):
    """One message to one channel, as it stands; `row` is its key in the store, times are milliseconds."""

    row: int
    account_id: str
    key: str
    event: Event
    incident: int | None
    kind: str
    subject: int
    lane: str
    target: str | None
    story: Story
    state: State
    why: str = ""
    attempts: int = 0
    last_error: str = ""
    message: int | None = None
    delayed: bool = False
    first_tried_at: int | None = None
    created_at: int
    due_at: int
    ended_at: int | None = None

    @property
    def id(self) -> str:
        """`alt_…`, made of the row."""
        return ids.row_id("alt", self.row)


def backoff_secs(attempts: int, jitter: float) -> float:
    """The pause after so many failed attempts in a row: full jitter over 2, 4, 8 … 300 s, at least half a
    second; `jitter` is in [0, 1)."""
    most = min(BACKOFF_CAP_SECS, BACKOFF_BASE_SECS * 2.0 ** min(attempts - 1, 20))
    return max(0.5, jitter * most)


def gives_up(alert: Alert, now: int, failing_since: int) -> bool:
    """Whether an attempt that has just failed was the last one.

    `failing_since` is of its lane, or when it was first tried where it alone is refused. What is old because
    tickd was off, or because it was delayed, is tried for as long as any other.
    """
    return now - max(alert.created_at, failing_since) >= GIVE_UP


def window(ends_at: int | None, held: int, now: int, length_ms: int) -> tuple[int, int, int]:
    """When an alert of now is due where alerts gather for `length_ms`: (due, end of the window, held in it).

    The first is due at once, those after it at the end of its window, together; a window that held some is
    followed by another one, so that a flood is one message a window.
    """
    if not length_ms:
        return now, 0, 0
    if ends_at is not None and now < ends_at <= now + length_ms:
        return ends_at, ends_at, held + 1
    if ends_at is not None and held and now < ends_at + length_ms and ends_at <= now:
        return ends_at + length_ms, ends_at + length_ms, 1
    return now, now + length_ms, 0


def collapsed(waiting: Sequence[Alert]) -> tuple[list[Alert], list[Alert]]:
    """The alerts that remain to be told, and failures that are told by the recovery behind them.

    Where a failure and its recovery both wait, the recovery alone is told, and says that it tells both; a
    reminder between them says nothing more.
    """
    over = {alert.incident for alert in waiting if alert.event == "recovered" and alert.incident is not None}
    merged = [
        alert
        for alert in waiting
        # What once went out in a digest may have been taken, and stays what it was.
        if alert.incident in over and alert.event != "recovered" and alert.message is None
    ]
    gone = {alert.row for alert in merged}
    return [alert for alert in waiting if alert.row not in gone], merged
