"""The outbox: where an alert is to go, and the row that is queued for it.

These functions run inside a unit of the writer, in the transaction of what they tell.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from tickd import ids
from tickd.domain import alerts as rules
from tickd.domain import times
from tickd.domain.accounts import Account
from tickd.domain.alerts import Alert, Event, Story
from tickd.domain.channels import Channel, Kind, Options
from tickd.domain.incidents import Subject
from tickd.store import alerts, channels
from tickd.store.alerts import Place

NOWHERE = "there is nowhere to send it: make a channel, or set the account's alert_email"
"""Why an alert is suppressed that no channel takes."""


class Target(Struct, frozen=True, omit_defaults=True):
    """An address that is no channel's: a subject's own, or the account's e-mail."""

    kind: Kind
    options: Options


class Route(NamedTuple):
    """Where an alert goes; `lane` is a channel's id, or made of the address in `target`."""

    lane: str
    target: str | None = None
    delay_secs: int = 0
    reminder_minutes: int = 0


def route_of(channel: Channel) -> Route:
    """The way to a channel."""
    return Route(channel.id, None, channel.delay_secs, channel.reminder_minutes)


def route_to(account_id: str, kind: Kind, options: Options) -> Route:
    """The way to an address; its lane tells nothing of it, and is the account's own."""
    target = msgspec.json.encode(Target(kind, options)).decode()
    return Route(f"{kind}:{hashlib.sha256(f'{account_id} {target}'.encode()).hexdigest()[:20]}", target)


def target_of(text: str) -> Target:
    """The address that an alert carries."""
    return msgspec.json.decode(text, type=Target)


def routes(tx: sqlite3.Connection, account: Account, subject: Subject | None, event: Event) -> list[Route]:
    """Where an event of the subject is told; None is what concerns the account.

    The channels that the subject names, or else the default ones and the account's e-mail address; and
    always its own addresses.
    """
    known = channels.of_account(tx, account.id)
    wanted = () if subject is None else subject.channels
    named = [channel for channel in known if channel.id in wanted or channel.name in wanted]
    chosen = named or [channel for channel in known if channel.default]
    found = [route_of(channel) for channel in chosen if channel.enabled and event in channel.events]
    mail = "" if named else account.mail_to
    if subject is not None:
        mail = subject.alert_email or mail
        if subject.alert_slack_webhook:
            found.append(route_to(account.id, "slack", Options(url=subject.alert_slack_webhook)))
        if subject.webhook_url:
            found.append(route_to(account.id, "webhook", Options(url=subject.webhook_url)))
    if mail:
        found.append(route_to(account.id, "email", Options(to=(mail,))))
    return found


def routes_back(tx: sqlite3.Connection, places: Sequence[Place], event: Event) -> list[Route]:
    """The ways that an earlier alert took, but for channels that are gone or do not take this event."""
    found = []
    for place in places:
        if place.target is not None:
            found.append(Route(place.lane, place.target))
            continue
        channel = channels.find_any(tx, place.lane)
        if channel is not None and channel.enabled and event in channel.events:
            found.append(Route(channel.id, None, 0, channel.reminder_minutes))
    return found


def queue(
    tx: sqlite3.Connection,
    account: Account,
    route: Route,
    story: Story,
    key: str,
    now: int,
    *,
    subject: Subject | None = None,
    incident: int | None = None,
) -> bool:
    """Queue a story for a route; False where an alert of that key was queued before."""
    made = _alert(
        account.id,
        story,
        f"{key}:{route.lane}",
        now,
        subject,
        incident,
        lane=route.lane,
        target=route.target,
        delayed=route.delay_secs > 0,
        due_at=now + route.delay_secs * times.SECOND,
    )
    return _put(tx, account, made, now)


def pass_on(
    tx: sqlite3.Connection, account: Account, route: Route, alert: Alert, note: str, now: int
) -> bool:
    """Queue for another route what could not be delivered; False where it is told there anyway."""
    if alert.incident is not None and alerts.is_told(tx, alert.incident, route.lane, alert.event):
        return False
    copy = msgspec.structs.replace(
        alert,
        key=f"{alert.row}:fallback:{route.lane}",
        lane=route.lane,
        target=route.target,
        story=msgspec.structs.replace(alert.story, note=note),
        state="queued",
        attempts=0,
        last_error="",
        message=None,
        delayed=False,
        created_at=now,
        due_at=now,
    )
    return _put(tx, account, copy, now)


def _put(tx: sqlite3.Connection, account: Account, alert: Alert, now: int) -> bool:
    """Store an alert to be sent, once; what has no delay of its own gathers as the account says."""
    if alert.delayed or not account.batch_window_secs:
        return alerts.insert(tx, alert)
    known = alerts.lane(tx, alert.lane)
    ends_at, held = (None, 0) if known is None else (known.window_ends_at, known.window_held)
    due, end, held = rules.window(ends_at, held, now, account.batch_window_secs * times.SECOND)
    if not alerts.insert(tx, msgspec.structs.replace(alert, due_at=due)):
        return False
    alerts.set_window(tx, alert.lane, account.id, end, held)
    return True


def note(
    tx: sqlite3.Connection,
    account_id: str,
    story: Story,
    key: str,
    why: str,
    now: int,
    *,
    subject: Subject | None = None,
    incident: int | None = None,
) -> None:
    """Record that something is not told, and why."""
    alert = _alert(
        account_id, story, key, now, subject, incident, lane="", target=None, delayed=False, due_at=now
    )
    alerts.insert(tx, msgspec.structs.replace(alert, state="suppressed", why=why, ended_at=now))


def tell(
    tx: sqlite3.Connection,
    account: Account,
    ways: Sequence[Route],
    story: Story,
    key: str,
    now: int,
    *,
    subject: Subject | None = None,
    incident: int | None = None,
) -> None:
    """Queue a story for all of these routes, or record that there is none."""
    for route in ways:
        queue(tx, account, route, story, key, now, subject=subject, incident=incident)
    if not ways:
        note(tx, account.id, story, key, NOWHERE, now, subject=subject, incident=incident)


def _alert(
    account_id: str,
    story: Story,
    key: str,
    now: int,
    subject: Subject | None,
    incident: int | None,
    *,
    lane: str,
    target: str | None,
    delayed: bool,
    due_at: int,
) -> Alert:
    return Alert(
        row=0,
        account_id=account_id,
        key=key,
        event=story.event,
        incident=incident,
        kind="" if subject is None else subject.about.kind,
        subject=0 if subject is None else subject.row,
        lane=lane,
        target=target,
        story=story,
        state="queued",
        delayed=delayed,
        created_at=now,
        due_at=due_at,
    )


def last_resorts(tx: sqlite3.Connection, account: Account, event: Event, failing: str) -> list[Route]:
    """Where it is told that a lane fails: the fallback channel, or else wherever the account is told."""
    if account.fallback_channel and account.fallback_channel != failing:
        found = routes_back(tx, [Place(account.fallback_channel, None)], event)
        if found:
            return found
    return [way for way in routes(tx, account, None, event) if way.lane != failing]


def lane_name(tx: sqlite3.Connection, alert: Alert) -> str:
    """What people call the lane of an alert."""
    if alert.target is not None:
        return address_name(alert.target, alert)
    channel = channels.find_any(tx, alert.lane)
    return alert.lane if channel is None else f"{channel.name} ({channel.kind})"


def address_name(target: str, alert: Alert) -> str:
    """What people call an address that is no channel's; one that is a secret is not told."""
    found, about = target_of(target), alert.story.about
    whose = "" if about is None else f" of {about.name}"
    return ", ".join(found.options.to) or f"the {found.kind} address{whose}"


def host_of(alert: Alert) -> str:
    """Whose machine an alert bothers that goes to a subject's own address; a channel is by itself."""
    if alert.target is None:
        return alert.lane
    target = target_of(alert.target)
    return urlsplit(target.options.url).netloc or target.kind


def begin_test(tx: sqlite3.Connection, account_id: str, lane: str, story: Story, now: int) -> int:
    """Record a test that is sent now; its row."""
    key = f"test:{ids.secret(16)}"
    alert = _alert(account_id, story, key, now, None, None, lane=lane, target=None, delayed=False, due_at=now)
    words = "tickd stopped while it was sent"
    begun = msgspec.structs.replace(alert, state="failed", attempts=1, last_error=words, ended_at=now)
    alerts.insert(tx, begun)
    return alerts.row_of_key(tx, key)
