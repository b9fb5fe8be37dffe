"""Telling: what a flip opens, ends and queues, in the transaction that records the flip.

Everything here but the hooks runs inside a unit of the writer. Nothing is sent from here: the delivery loop
sends what is committed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from tickd import ids
from tickd.domain import incidents as rules
from tickd.domain import times
from tickd.domain.accounts import SUSPENDED, Account
from tickd.domain.alerts import Event, Story, SubjectKind
from tickd.domain.incidents import Cause, Incident, Subject
from tickd.services import degrading, outbox
from tickd.services.maintenance import Calendar
from tickd.services.subjects import find, find_id
from tickd.services.suspensions import Suspensions
from tickd.store import accounts, alerts, incidents
from tickd.store.incidents import Held

SETTLE_MOST = 60
"""How long an alert waits at most, in seconds, for the verdict of what its subject depends on."""
SETTLE_MARGIN = 5 * times.SECOND
DOUBT_MOST = 2 * times.MINUTE
"""How long a doubtful dependency holds an alert at most."""
SEEN = "it was acknowledged before its delay had passed"
"""Why an alert is suppressed that was to tell somebody else, later, what somebody has seen."""
ANCESTORS_MOST = 100
"""How much of what a subject depends on, and what that depends on, is looked at."""
RELOOK = times.MINUTE
"""How often it is looked at again whether a dependency is still down, or a subject still paused."""


class Telling:
    """Opens and ends incidents and queues their alerts."""

    def __init__(self, calendar: Calendar, suspensions: Suspensions) -> None:
        self._calendar = calendar
        self.suspensions = suspensions
        self.queued: Callable[[], None] = lambda: None
        """Called by whoever flipped something, after the commit: alerts may wait."""

    # Flips.

    def failing(self, tx: sqlite3.Connection, kind: SubjectKind, row: int, cause: Cause, now: int) -> None:
        """A subject has begun to fail: hold back, or open an incident and queue its alerts."""
        subject = find(tx, kind, row)
        if subject is not None:
            self._open(tx, subject, cause, now)

    def recovered(
        self,
        tx: sqlite3.Connection,
        kind: SubjectKind,
        row: int,
        at: int,
        now: int,
        *,
        seen: Cause | None = None,
    ) -> None:
        """A subject is well again: end its incident, and tell those who were told of the failure.

        `seen` is the good check, where there was one.
        """
        held = incidents.held_of(tx, kind, row)
        incidents.drop_held(tx, kind, row)
        incident = incidents.open_of(tx, kind, row)
        told: set[str] = set()
        since = degrading.since(tx, kind, row)
        if incident is not None:
            end = max(at, incident.started_at)
            incidents.resolve(tx, incident.row, end)
            if held is not None and held.reason == "settling":
                self._note_settling(tx, incident, now)
            told = self._tell_end(tx, incident, end, now, seen)
        if since is not None:
            # Who was told that it was degraded, and nothing of the failure, hears the end too.
            degrading.tell_end(tx, kind, row, since, at, now, but=told)

    def degraded(self, tx: sqlite3.Connection, kind: SubjectKind, row: int, cause: Cause, now: int) -> None:
        """A subject runs, but not well: an alert, no incident. Maintenance and cooldown hold it back."""
        subject = find(tx, kind, row)
        account = None if subject is None else accounts.find(tx, subject.account_id)
        if subject is None or account is None:
            return
        story = _story("degraded", subject, cause, now)
        key = f"{kind}:{row}:degraded:{cause.at}"
        is_open = incidents.open_of(tx, kind, row) is not None
        verdict = self._judge(subject, now, is_open, alerts.last_of(tx, kind, row, "degraded"))
        if isinstance(verdict, rules.Suppressed):
            outbox.note(tx, account.id, story, key, verdict.sentence, now, subject=subject)
            if verdict.until is not None:
                incidents.hold(tx, kind, row, verdict.reason, cause, verdict.until, event="degraded")
            return
        ways = outbox.routes(tx, account, subject, "degraded")
        # Queued now, whenever it began: by that the end of it is told.
        outbox.tell(tx, account, ways, story, f"{key}:told", now, subject=subject)

    def restored(self, tx: sqlite3.Connection, kind: SubjectKind, row: int, at: int, now: int) -> None:
        """A degraded subject runs well again: told where that was told."""
        incidents.drop_held(tx, kind, row)
        why = "it ran well again before its delay had passed"
        alerts.suppress_delayed_event(tx, kind, row, "degraded", why, now)
        since = degrading.since(tx, kind, row)
        if since is not None:
            degrading.tell_end(tx, kind, row, since, at, now)

    def certificate(self, tx: sqlite3.Connection, row: int, days: int, expires_at: int, now: int) -> None:
        """A monitor's certificate expires within so many days."""
        subject = find(tx, "monitor", row)
        account = None if subject is None else accounts.find(tx, subject.account_id)
        if subject is None or account is None:
            return
        story = Story(
            event="certificate",
            at=now,
            about=subject.about,
            severity=subject.severity,
            days=days,
            expires_at=expires_at,
        )
        ways = outbox.routes(tx, account, subject, "certificate")
        outbox.tell(tx, account, ways, story, f"monitor:{row}:cert:{expires_at}:{days}", now, subject=subject)

    def blind(self, tx: sqlite3.Connection, started_at: int, ended_at: int, cause: str, now: int) -> None:
        """A time in which tickd could not see is over: one notice to each account that is told things."""
        story = Story(event="blind", at=ended_at, since=started_at, until=ended_at, error=cause)
        for account in accounts.every(tx):
            if self.suspensions.has(account.id):
                continue
            for route in outbox.routes(tx, account, None, "blind"):
                outbox.queue(tx, account, route, story, f"{account.id}:blind:{started_at}", now)

    def edited(self, tx: sqlite3.Connection, kind: SubjectKind, row: int, now: int) -> None:
        """A subject was edited, its windows or its cooldown perhaps: look again at what they hold back."""
        incidents.relook_at(tx, kind, row, now)

    def deleted(self, tx: sqlite3.Connection, kind: SubjectKind, row: int, now: int) -> None:
        """A subject is deleted: its incident ends with it, and nobody is told that it is well."""
        incidents.drop_held(tx, kind, row)
        incident = incidents.open_of(tx, kind, row)
        if incident is not None:
            incidents.resolve(tx, incident.row, now)
            alerts.suppress_delayed(
                tx, incident.row, f"the {kind} was deleted before its delay had passed", now
            )
            incidents.add_update(tx, incident.row, now, "resolved", f"The {kind} was deleted.")
        alerts.suppress_of(tx, kind, row, f"the {kind} was deleted", now)

    def _judge(
        self, subject: Subject, now: int, is_open: bool, last_ended_at: int | None
    ) -> rules.Open | rules.Suppressed:
        """What the safeguards say; before all of them, whether the account is suspended."""
        if self.suspensions.has(subject.account_id):
            return rules.Suppressed("suspended", SUSPENDED, now + RELOOK)
        return rules.judge(
            now,
            maintenance=self._calendar.current(subject, now),
            is_open=is_open,
            last_ended_at=last_ended_at,
            cooldown_secs=subject.cooldown_secs,
        )

    # Incidents.

    def _open(self, tx: sqlite3.Connection, subject: Subject, cause: Cause, now: int) -> None:
        kind, row = subject.about.kind, subject.row
        is_open = incidents.open_of(tx, kind, row) is not None
        verdict = self._judge(subject, now, is_open, incidents.last_ended_at(tx, kind, row))
        if isinstance(verdict, rules.Suppressed):
            if verdict.until is not None and not is_open:
                incidents.hold(tx, kind, row, verdict.reason, cause, verdict.until)
                key = f"{kind}:{row}:{verdict.reason}:{cause.at}"
                story = _story(_failing_event(kind), subject, cause, now)
                outbox.note(tx, subject.account_id, story, key, verdict.sentence, now, subject=subject)
            return
        incidents.drop_held(tx, kind, row)
        account = accounts.find(tx, subject.account_id)
        if account is None:
            return
        publishes = account.draft_incidents and account.publish_after_secs is not None
        incident = Incident(
            row=0,
            id=ids.new("inc"),
            account_id=account.id,
            about=subject.about,
            subject=row,
            severity=subject.severity,
            draft=account.draft_incidents,
            publish_at=now + (account.publish_after_secs or 0) * times.SECOND if publishes else None,
            published_at=None if account.draft_incidents else now,
            started_at=min(cause.at, now),
            opened_at=now,
            cause=cause,
        )
        self._tell_failing(tx, account, subject, incidents.insert(tx, incident), now, settled=False)

    def _tell_failing(
        self,
        tx: sqlite3.Connection,
        account: Account,
        subject: Subject,
        incident: Incident,
        now: int,
        *,
        settled: bool,
    ) -> None:
        """Queue the alerts of an incident, unless what its subject depends on is down, or may be."""
        kind, row = subject.about.kind, subject.row
        event = _failing_event(kind)
        story = _story(event, subject, incident.cause, now, incident)
        parents = _ancestors(tx, subject)
        down = next((parent for parent in parents if _explains(tx, parent, subject, incident)), None)
        if down is not None:
            why = f"it depends on {down.about.name} ({down.about.id}), which is down"
            key = f"{incident.row}:dependency:{down.about.id}"
            outbox.note(tx, account.id, story, key, why, now, subject=subject, incident=incident.row)
            due = now + RELOOK
            incidents.hold(tx, kind, row, "dependency", incident.cause, due, incident=incident.row)
            return
        doubtful = any(parent.is_doubtful and not parent.is_paused for parent in parents)
        if parents and (not settled or (doubtful and now - incident.opened_at < DOUBT_MOST)):
            wait = SETTLE_MOST if settled else max(parent.interval_secs for parent in parents)
            due = now + min(wait, SETTLE_MOST) * times.SECOND + SETTLE_MARGIN
            incidents.hold(tx, kind, row, "settling", incident.cause, due, incident=incident.row)
            return
        incidents.drop_held(tx, kind, row)
        ways = outbox.routes(tx, account, subject, event)
        outbox.tell(
            tx, account, ways, story, f"{incident.row}:{event}", now, subject=subject, incident=incident.row
        )
        if incident.acknowledged_at is not None:
            alerts.suppress_delayed(tx, incident.row, SEEN, now)
            return
        for route in ways:
            if route.reminder_minutes:
                due = now + (route.delay_secs + route.reminder_minutes * 60) * times.SECOND
                incidents.remind(tx, incident.row, route.lane, due)

    def _note_settling(self, tx: sqlite3.Connection, incident: Incident, now: int) -> None:
        """Record that nothing was told of a failure that was over before its verdict."""
        subject = find(tx, incident.kind, incident.subject)
        if subject is not None:
            story = _story(_failing_event(incident.kind), subject, incident.cause, now, incident)
            why = "it recovered while its alert waited for the verdict of what it depends on"
            key = f"{incident.row}:settling"
            outbox.note(tx, incident.account_id, story, key, why, now, subject=subject, incident=incident.row)

    def _tell_end(
        self, tx: sqlite3.Connection, incident: Incident, end: int, now: int, seen: Cause | None
    ) -> set[str]:
        """Tell an end where its beginning was told, and say where that is; what was delayed is not told."""
        account = accounts.find(tx, incident.account_id)
        if account is None:
            return set()
        alerts.suppress_delayed(tx, incident.row, "it recovered before its delay had passed", now)
        story = Story(
            event="recovered",
            at=end,
            about=incident.about,
            severity=incident.severity,
            incident_id=incident.id,
            error=incident.cause.error,
            status_code=None if seen is None else seen.status_code,
            response_ms=None if seen is None else seen.response_ms,
            since=incident.started_at,
            until=end,
        )
        subject = find(tx, incident.kind, incident.subject)
        ways = outbox.routes_back(tx, alerts.lanes_of(tx, incident.row), "recovered")
        for route in ways:
            key = f"{incident.row}:recovered"
            outbox.queue(tx, account, route, story, key, now, subject=subject, incident=incident.row)
        return {route.lane for route in ways}

    # What was held back.

    def _rests(self, subject: Subject) -> bool:
        """Whether nothing is told of the subject for now."""
        return subject.is_paused or self.suspensions.has(subject.account_id)

    def look_again(self, tx: sqlite3.Connection, now: int, limit: int) -> int:
        """Look again at what safeguards held back until now; how many there were."""
        due = incidents.held_due(tx, now, limit)
        for held in due:
            self._look(tx, held, now)
        return len(due)

    def _look(self, tx: sqlite3.Connection, held: Held, now: int) -> None:
        subject = find(tx, held.kind, held.subject)
        is_so = subject is not None and (
            subject.is_degraded and not subject.is_failing if held.event == "degraded" else subject.is_failing
        )
        if subject is None or not is_so:
            incidents.drop_held(tx, held.kind, held.subject)
        elif self._rests(subject):
            incidents.put_off(tx, held, now + RELOOK)
        elif held.incident is None:
            # Held again where there is reason to; what isn't must not be looked at for ever.
            incidents.drop_held(tx, held.kind, held.subject)
            if held.event == "degraded":
                self.degraded(tx, held.kind, held.subject, held.cause, now)
            else:
                self._open(tx, subject, held.cause, now)
        else:
            incident = incidents.by_row(tx, held.incident)
            account = accounts.find(tx, subject.account_id)
            if incident is None or account is None or incident.status != "open":
                incidents.drop_held(tx, held.kind, held.subject)
            else:
                settled = held.reason == "settling"
                self._tell_failing(tx, account, subject, incident, now, settled=settled)

    def remind(self, tx: sqlite3.Connection, now: int, limit: int) -> int:
        """Queue the reminders that are due; how many were looked at."""
        due = incidents.reminders_due(tx, now, limit)
        for reminder in due:
            incident = incidents.by_row(tx, reminder.incident)
            route = next(iter(outbox.routes_back(tx, [alerts.Place(reminder.lane, None)], "reminder")), None)
            subject = None if incident is None else find(tx, incident.kind, incident.subject)
            is_over = incident is None or incident.status != "open" or incident.acknowledged_at is not None
            if incident is None or is_over or subject is None or route is None or not route.reminder_minutes:
                # Where its channel is switched on again, or wants reminders again, they are planned anew.
                incidents.forget_reminder(tx, reminder)
            elif self._rests(subject) or self._calendar.current(subject, now) is not None:
                incidents.put_off_reminder(tx, reminder, now + RELOOK)
            elif alerts.waits(tx, incident.row, route.lane):
                # It could not be told yet: no pile before a channel that is down.
                incidents.put_off_reminder(tx, reminder, now + route.reminder_minutes * times.MINUTE)
            else:
                story = _story("reminder", subject, incident.cause, now, incident)
                account = accounts.find(tx, incident.account_id)
                key = f"{incident.row}:reminder:{reminder.number}"
                if account is not None:
                    outbox.queue(tx, account, route, story, key, now, subject=subject, incident=incident.row)
                incidents.reminded(tx, reminder, now + route.reminder_minutes * times.MINUTE)
        return len(due)


def _ancestors(tx: sqlite3.Connection, subject: Subject) -> list[Subject]:
    """All that the subject depends on, the nearest first; ids that lead nowhere are left out."""
    found: list[Subject] = []
    seen = {subject.about.id}
    queue = [subject]
    while queue and len(found) < ANCESTORS_MOST:
        for identifier in queue.pop(0).depends_on:
            parent = None if identifier in seen else find_id(tx, subject.account_id, identifier)
            seen.add(identifier)
            if parent is not None:
                found.append(parent)
                queue.append(parent)
    return found


def _explains(tx: sqlite3.Connection, parent: Subject, subject: Subject, incident: Incident) -> bool:
    """Whether the subject's failure is told by its parent's: of a circle, the first to fail is told."""
    if not parent.is_failing or parent.is_paused:
        return False
    if all(one.about.id != subject.about.id for one in _ancestors(tx, parent)):
        return True
    first = incidents.open_of(tx, parent.about.kind, parent.row)
    return first is not None and first.row < incident.row


def _failing_event(kind: SubjectKind) -> Event:
    return "job_failed" if kind == "job" else "down"


def _story(event: Event, subject: Subject, cause: Cause, now: int, incident: Incident | None = None) -> Story:
    return Story(
        event=event,
        at=now if event == "reminder" else cause.at,
        about=subject.about,
        severity=subject.severity if incident is None else incident.severity,
        incident_id="" if incident is None else incident.id,
        error=cause.error,
        status_code=cause.status_code,
        response_ms=cause.response_ms,
        since=cause.at if incident is None else incident.started_at,
    )
