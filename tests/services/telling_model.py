"""A slow and obvious telling, written from the contract: it keeps all in lists, and looks at all of it."""

from __future__ import annotations

from dataclasses import dataclass, field

WAKE = 5_000
"""How often it wakes, in milliseconds; whatever happens, happens then."""
MINUTE, DAY = 60_000, 86_400_000

DELAY, REMINDER = 120_000, 300_000
"""Of the channel that is told later, and reminded."""
FIRST, LATER, NAMED = "first", "later", "named"
"""The channels: two by default, and one for those who name it."""


@dataclass(eq=False)
class Incident:
    """One failure of a subject, while it lasts and afterwards."""

    number: int
    subject: Subject
    started: int
    opened: int
    draft: bool
    publish_at: int | None
    acknowledged: bool = False
    resolved: int | None = None


@dataclass
class Held:
    """What is held back of a subject, and when it is looked at again."""

    reason: str
    due: int
    cause: int
    incident: Incident | None = None


@dataclass
class Alert:
    """One thing told to one channel, or not."""

    event: str
    subject: str
    lane: str
    state: str
    due: int
    incident: Incident | None = None
    delayed: bool = False
    why: str = ""


@dataclass
class Reminder:
    """Who is reminded of an incident, and when."""

    incident: Incident
    lane: str
    due: int


@dataclass
class Planned:
    """Maintenance of the account: of all, of one subject or of a tag."""

    start: int
    end: int
    covers: str


@dataclass(eq=False)
class Subject:
    """Something that is watched; `windows` are minutes of the day."""

    name: str
    cooldown: int
    interval: int
    tagged: bool
    names_channel: bool
    windows: list[tuple[int, int]] = field(default_factory=list)
    depends_on: list[Subject] = field(default_factory=list)
    failing: bool = False
    doubtful: bool = False
    paused: bool = False
    deleted: bool = False
    held: Held | None = None

    def ancestors(self) -> list[Subject]:
        """All that it depends on, the nearest first."""
        found = [self]
        for one in found:
            found += [parent for parent in one.depends_on if parent not in found and not parent.deleted]
        return found[1:]


@dataclass
class Model:
    """What should be told of some subjects. All times in milliseconds."""

    now: int
    subjects: list[Subject] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    reminders: list[Reminder] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    drafts: bool = False
    publish_after: int | None = None

    # What the world does.

    def fail(self, subject: Subject) -> None:
        subject.failing, subject.doubtful = True, False
        self.safeguard(subject, self.now)

    def recover(self, subject: Subject) -> None:
        subject.failing = subject.doubtful = False
        self.end(subject)

    def delete(self, subject: Subject) -> None:
        subject.deleted, subject.held = True, None
        incident = self.open_of(subject)
        if incident is not None:
            self.close(incident)
            self.drop_delayed(incident, "deleted")

    def edited(self, subject: Subject) -> None:
        if subject.held is not None:
            subject.held.due = min(subject.held.due, self.now)

    def planned_otherwise(self) -> None:
        for subject in self.subjects:
            if subject.held is not None and subject.held.reason == "maintenance":
                subject.held.due = self.now

    def acknowledge(self, incident: Incident) -> None:
        incident.acknowledged = True
        self.reminders = [one for one in self.reminders if one.incident is not incident]
        self.drop_delayed(incident, "acknowledged")

    def publish(self, incident: Incident) -> None:
        incident.draft, incident.publish_at = False, None

    # The safeguards, in their order.

    def safeguard(self, subject: Subject, cause: int) -> None:
        incident = self.open_of(subject)
        if self.in_maintenance(subject, self.now):
            self.note(subject, "maintenance", cause)
            end = self.now
            while self.in_maintenance(subject, end):
                end += WAKE
            if incident is None:
                subject.held = Held("maintenance", end, cause)
        elif incident is not None:
            pass
        elif self.now < (until := self.last_end(subject) + subject.cooldown):
            self.note(subject, "cooldown", cause)
            subject.held = Held("cooldown", until, cause)
        else:
            subject.held = None
            publish_at = None
            if self.drafts and self.publish_after is not None:
                publish_at = self.now + self.publish_after
            incident = Incident(len(self.incidents), subject, cause, self.now, self.drafts, publish_at)
            self.incidents.append(incident)
            self.tell(subject, incident, settled=False)

    def in_maintenance(self, subject: Subject, at: int) -> bool:
        minute = at % DAY // MINUTE
        if any(start <= minute < end for start, end in subject.windows):
            return True
        mine = {"all", subject.name} | ({"tag"} if subject.tagged else set())
        return any(one.start <= at < one.end and one.covers in mine for one in self.planned)

    def last_end(self, subject: Subject) -> int:
        ends = [one.resolved for one in self.incidents if one.subject is subject and one.resolved]
        return max(ends, default=-DAY)

    # What is told.

    def tell(self, subject: Subject, incident: Incident, *, settled: bool) -> None:
        parents = subject.ancestors()
        for parent in parents:
            if self.explains(parent, subject, incident):
                self.note(subject, f"dependency {parent.name}", incident.number, incident)
                self.hold(subject, "dependency", MINUTE, incident)
                return
        doubtful = any(parent.doubtful and not parent.paused for parent in parents)
        if parents and not settled:
            wait = min(max(parent.interval for parent in parents), MINUTE) + 5_000
            self.hold(subject, "settling", wait, incident)
            return
        if doubtful and self.now - incident.opened < 2 * MINUTE:
            self.hold(subject, "settling", MINUTE + 5_000, incident)
            return
        subject.held = None
        for lane in [NAMED] if subject.names_channel else [FIRST, LATER]:
            delayed = lane == LATER
            due = self.now + (DELAY if delayed else 0)
            self.alerts.append(Alert("down", subject.name, lane, "queued", due, incident, delayed))
            if delayed and not incident.acknowledged:
                self.reminders.append(Reminder(incident, lane, due + REMINDER))
        if incident.acknowledged:
            self.drop_delayed(incident, "acknowledged")

    def explains(self, parent: Subject, subject: Subject, incident: Incident) -> bool:
        """Of a circle, the first to fail explains the others."""
        if not parent.failing or parent.paused:
            return False
        first = self.open_of(parent)
        in_a_circle = subject in parent.ancestors()
        return not in_a_circle or (first is not None and first.number < incident.number)

    def hold(self, subject: Subject, reason: str, wait: int, incident: Incident) -> None:
        subject.held = Held(reason, self.now + wait, incident.started, incident)

    def end(self, subject: Subject) -> None:
        held, subject.held = subject.held, None
        incident = self.open_of(subject)
        if incident is None:
            return
        self.close(incident)
        if held is not None and held.reason == "settling":
            self.note(subject, "dependency", incident.started, incident)
        self.drop_delayed(incident, "recovered")
        told = [one for one in self.alerts if one.incident is incident and one.event == "down"]
        for alert in told:
            if alert.state != "suppressed":
                up = Alert("recovered", subject.name, alert.lane, "queued", self.now, incident)
                self.alerts.append(up)

    def close(self, incident: Incident) -> None:
        incident.resolved, incident.publish_at = self.now, None
        self.reminders = [one for one in self.reminders if one.incident is not incident]

    def drop_delayed(self, incident: Incident, why: str) -> None:
        for alert in self.alerts:
            if alert.incident is incident and alert.state == "queued" and alert.due > self.now:
                alert.state, alert.why = "suppressed", why

    def note(self, subject: Subject, why: str, cause: int, incident: Incident | None = None) -> None:
        made = Alert("down", subject.name, "", "suppressed", cause, incident, why=why)
        if made not in self.alerts:
            self.alerts.append(made)

    def open_of(self, subject: Subject) -> Incident | None:
        found = [one for one in self.incidents if one.subject is subject and one.resolved is None]
        assert len(found) <= 1
        return found[0] if found else None

    # What time does.

    def wake(self, now: int) -> None:
        """Look at the clock."""
        self.now = now
        due = [one for one in self.subjects if one.held is not None and one.held.due <= now]
        for subject in sorted(
            due, key=lambda one: (one.held.due, self.subjects.index(one)) if one.held else (0, 0)
        ):
            self.look(subject)
        for reminder in [one for one in self.reminders if one.due <= now]:
            self.remind(reminder)
        for incident in self.incidents:
            if incident.publish_at is not None and incident.publish_at <= now:
                self.publish(incident)
        for alert in self.alerts:
            if alert.state == "queued" and alert.due <= now:
                alert.state = "sent"

    def look(self, subject: Subject) -> None:
        held = subject.held
        assert held is not None
        if subject.paused:
            held.due = self.now + MINUTE
        elif held.incident is None:
            subject.held = None
            self.safeguard(subject, held.cause)
        else:
            self.tell(subject, held.incident, settled=held.reason == "settling")

    def remind(self, reminder: Reminder) -> None:
        subject = reminder.incident.subject
        if subject.paused or self.in_maintenance(subject, self.now):
            reminder.due = self.now + MINUTE
            return
        reminder.due = self.now + REMINDER
        waits = [
            one
            for one in self.alerts
            if one.incident is reminder.incident and one.lane == reminder.lane and one.state == "queued"
        ]
        if not waits:
            self.alerts.append(
                Alert("reminder", subject.name, reminder.lane, "queued", self.now, reminder.incident)
            )

    def ahead(self) -> list[int]:
        """All moments at which something is to happen."""
        found = [one.held.due for one in self.subjects if one.held is not None]
        found += [one.due for one in self.reminders]
        found += [one.publish_at for one in self.incidents if one.publish_at is not None]
        return found + [one.due for one in self.alerts if one.state == "queued"]
