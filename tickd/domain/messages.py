"""Alerts in plain words: what happened, since when, why; for people, whatever carries it to them.

Names, errors and addresses come from elsewhere: here they are put on one line and cut. Whoever carries
them escapes them for their medium.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tickd.domain import texts, times
from tickd.domain.alerts import Event, Message, Story, Told

NAME_LETTERS = 200
ERROR_LETTERS = 1_000


@dataclass(frozen=True, slots=True)
class Style:
    """How an event is called: in brackets, behind a number, and as a heading; its sign and its colour.

    `tone` is the sign by name, as ntfy has it.
    """

    tag: str
    counted: str
    heading: str
    sign: str
    tone: str
    colour: int


RED, ORANGE, YELLOW, GREEN, BLUE, GREY = 0xD32F2F, 0xE65100, 0xF9A825, 0x2E7D32, 0x1565C0, 0x616161

_STYLES: dict[Event, Style] = {
    "down": Style("DOWN", "down", "Down", "🔴", "red_circle", RED),
    "job_failed": Style("FAILED", "failed", "Failed", "🔴", "red_circle", RED),
    "reminder": Style("STILL DOWN", "still down", "Still down", "🔴", "red_circle", RED),
    "delivery": Style("NOT DELIVERED", "not delivered", "Alerts not delivered", "🟠", "warning", ORANGE),
    "degraded": Style("DEGRADED", "degraded", "Degraded", "🟡", "warning", YELLOW),
    "certificate": Style("CERTIFICATE", "expiring", "Certificates", "🟡", "warning", YELLOW),
    "blind": Style("BLIND", "blind", "What tickd could not see", "⚪", "white_circle", GREY),
    "recovered": Style("UP", "up", "Up again", "🟢", "green_circle", GREEN),
    "test": Style("TEST", "test", "Tests", "🔵", "large_blue_circle", BLUE),
}
"""In the order in which a digest has them: what is bad comes first."""
_OF_JOBS: dict[Event, Style] = {
    "down": _STYLES["job_failed"],
    "reminder": Style("STILL FAILING", "still failing", "Still failing", "🔴", "red_circle", RED),
    "recovered": Style("RECOVERED", "recovered", "Running well again", "🟢", "green_circle", GREEN),
}
_RANKS: dict[Style, int] = {
    how: rank
    for rank, how in enumerate(
        how for event in _STYLES for how in (_STYLES[event], _OF_JOBS.get(event)) if how is not None
    )
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known, under its label; a `literal` one was written by somebody else."""

    label: str
    text: str
    literal: bool = False


def line(text: str, most: int) -> str:
    """The text on one line, at most `most` letters of it, without what hides or turns letters around."""
    if not texts.is_printable(text):
        text = "".join(one if texts.is_printable(one) else " " for one in text[: 4 * most])
    text = " ".join(text.split())
    if len(text) > most:
        text = text[: most - 1].rstrip() + "…"
    if not text.isascii() and any(unicodedata.bidirectional(one) in ("R", "AL", "AN") for one in text):
        # Isolated, or a name in Hebrew would carry what stands beside it to its other side.
        return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"
    return text


def moment(at: int) -> str:
    """`2026-03-03 12:00:05 UTC`."""
    return times.rfc3339(at - at % times.SECOND).replace("T", " ").replace("Z", " UTC")


def style(story: Story) -> Style:
    """How its event is called."""
    return _OF_JOBS.get(story.event, _STYLES[story.event]) if is_job(story) else _STYLES[story.event]


def is_job(story: Story) -> bool:
    """Whether it is about a job: it fails, where anything else is down."""
    return story.about is not None and story.about.kind == "job"


def name(story: Story, most: int = NAME_LETTERS) -> str:
    """What it is about, by name; tickd where it is about nothing else."""
    return line(story.about.name, most) if story.about is not None and story.about.name else "tickd"


def title(story: Story, most: int = NAME_LETTERS) -> str:
    """What happened, in a few words: `Shop is down`."""
    who = name(story, most)
    match story.event:
        case "down" | "job_failed":
            return f"{who} failed" if is_job(story) else f"{who} is down"
        case "recovered":
            return f"{who} runs well again" if is_job(story) else f"{who} is up again"
        case "degraded":
            return f"{who} is degraded"
        case "certificate":
            return f"The certificate of {who} expires {_in_days(story)}"
        case "reminder":
            return f"{who} is still {'failing' if is_job(story) else 'down'}"
        case "blind":
            return f"tickd could not see for {times.span(_lasted(story))}"
        case "delivery":
            return "Alerts are not delivered"
        case "test":
            return "Test alert"


def lead(story: Story, most: int = ERROR_LETTERS) -> str:
    """The sentence behind the title: since when, for how long; at most `most` letters of a cause."""
    since = moment(story.at if story.since is None else story.since)
    match story.event:
        case "down" | "job_failed":
            return f"It failed at {since}." if is_job(story) else f"It has been down since {since}."
        case "recovered":
            return _recovered(story)
        case "degraded":
            return f"It has been degraded since {since}."
        case "certificate":
            at = "" if story.expires_at is None else f", at {moment(story.expires_at)}"
            return f"It expires {_in_days(story)}{at}."
        case "reminder":
            still = "failing" if is_job(story) else "down"
            lasted = times.span(_lasted(story))
            return f"It is still {still} for {lasted}, since {since}; acknowledge it to stop reminders."
        case "blind":
            cause = f" ({line(story.error, most)})" if story.error else ""
            until = moment(story.at if story.until is None else story.until)
            return f"tickd could not see from {since} to {until}{cause}; nothing is alleged of that time."
        case "delivery":
            return f"A channel has taken no alerts since {since}."
        case "test":
            return f"This is a test alert, sent at {since}. Nothing has failed."


def _recovered(story: Story) -> str:
    if story.since is None:
        return f"It recovered at {moment(story.at)}."
    ended = moment(story.at if story.until is None else story.until)
    together = "; both happened before this could be sent" if story.together else ""
    return f"It {_was(story)}{together}. That was from {moment(story.since)} to {ended}."


def _was(story: Story) -> str:
    """What it was until it recovered: a degraded one had no incident."""
    if story.since is None:
        return "recovered"
    state = "failing" if is_job(story) else "down"
    if not story.incident_id and not story.error:
        state = "degraded"
    return f"was {state} for {times.span(_lasted(story))}"


def _lasted(story: Story) -> int:
    ended = story.at if story.until is None else story.until
    return max(0, ended - (ended if story.since is None else story.since))


def _in_days(story: Story) -> str:
    if story.days is None:
        return "soon"
    return f"in {story.days} day" if story.days == 1 else f"in {story.days} days"


def reason(story: Story, most: int = ERROR_LETTERS) -> str:
    """What follows the name in one line: the error, or for how long it was down."""
    match story.event:
        case "recovered":
            return _was(story)
        case "certificate":
            at = "" if story.expires_at is None else f", at {moment(story.expires_at)}"
            return f"expires {_in_days(story)}{at}"
        case "reminder":
            error = line(story.error, most)
            return f"for {times.span(_lasted(story))}" + (f": {error}" if error else "")
        case "blind":
            return f"could not see for {times.span(_lasted(story))}"
        case "test":
            return "this is a test alert"
        case _:
            return line(story.error, most)


def facts(story: Story, most: int = ERROR_LETTERS) -> list[Fact]:
    """What else is known of it, each under its label; texts of others cut to `most` letters."""
    known: list[Fact] = []
    if story.error and story.event != "blind":
        label = "Why it failed" if story.event == "recovered" else "Why"
        known.append(Fact(label, line(story.error, most), literal=True))
    if story.status_code is not None:
        known.append(Fact("Status code", str(story.status_code)))
    if story.response_ms is not None:
        known.append(Fact("Response time", f"{story.response_ms:.0f} ms"))
    if story.about is not None:
        if story.about.url:
            known.append(Fact("Address", line(story.about.url, min(most, 300)), literal=True))
        known.append(Fact("Severity", story.severity))
    return known


def note(story: Story, most: int = ERROR_LETTERS) -> str:
    """What was added to it, on one line."""
    return line(story.note, most)


def link(message: Message, story: Story) -> str:
    """Where more is to be read: the page of its incident, or nothing."""
    return f"{message.link}/incidents/{story.incident_id}" if message.link and story.incident_id else ""


def one_line(story: Story, *, name_most: int = 80, error_most: int = 120) -> str:
    """The story as a line of a digest: `DOWN Shop — connection refused (2026-03-03 12:00:05 UTC)`."""
    why = reason(story, error_most)
    at = story.at if story.event in ("recovered", "test") or story.since is None else story.since
    return f"{style(story).tag} {name(story, name_most)}{' — ' if why else ''}{why} ({moment(at)})"


def grouped(told: Iterable[Told]) -> list[tuple[Style, list[Told]]]:
    """What is told by event, the worst first, and in its order within each."""
    groups: dict[Style, list[Told]] = {}
    for one in told:
        groups.setdefault(style(one.story), []).append(one)
    return sorted(groups.items(), key=lambda group: _RANKS[group[0]])


def summary(message: Message) -> str:
    """How many of each: `4 down, 1 up`."""
    return ", ".join(f"{len(told)} {how.counted}" for how, told in grouped(message.told))


def heading(message: Message) -> str:
    """The message in a line: the title of its one story, or `5 alerts: 4 down, 1 up`."""
    return f"{len(message.told)} alerts: {summary(message)}" if message.is_digest else title(message.story)


def subject(message: Message) -> str:
    """The subject of a mail: `[DOWN] Shop — connection refused`, `[5 alerts] 4 down, 1 up`."""
    if message.is_digest:
        return f"[{len(message.told)} alerts] {summary(message)}"
    story = message.story
    why = reason(story, 100)
    return f"[{style(story).tag}] {name(story, 100)}{' — ' if why else ''}{why}"


def fitted(lines: Sequence[str], room: int, size: Callable[[str], int]) -> str:
    """As many of the lines as fit into `room`, and then how many more there are.

    `size` says what a text takes of it.
    """
    kept: list[str] = []
    left = room - size("\n+1000 more")
    for text in lines:
        left -= size(text) + size("\n")
        if left < 0:
            break
        kept.append(text)
    if len(kept) < len(lines) and size("\n".join(lines)) > room:
        return "\n".join([*kept, f"+{len(lines) - len(kept)} more"])
    return "\n".join(lines)
