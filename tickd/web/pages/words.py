"""Words: how times, durations, counts and states are written on pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from markupsafe import Markup, escape

from tickd.domain import times

NOTHING = "\N{EN DASH}"
"""What stands where there is no value."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))

_OURS = ("no ping: expected at ", "deadline moved from ", "the run that began at ")
"""How the sentences begin that tickd writes of heartbeats, with moments in them."""
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z)")

_UNSEEN = {
    "\t": "a tab",
    **dict.fromkeys("\n\r\v\f\x85\u2028\u2029", "a line break"),
    "\xa0": "a no-break space",
    "\xad": "a soft hyphen",
    "\u200b": "a zero-width space",
    "\ufeff": "a byte-order mark",
}
"""What the commonest characters are called that can't be seen."""

STATES = {
    "up": "Up",
    "active": "Active",
    "running": "Running",
    "down": "Down",
    "failing": "Failing",
    "missing": "Missing",
    "degraded": "Degraded",
    "late": "Late",
    "pending": "Pending",
    "paused": "Paused",
    "unknown": "Unknown",
    "success": "Success",
    "failed": "Failed",
    "timeout": "Timed out",
    "missed": "Missed",
    "skipped": "Skipped",
    "open": "Open",
    "resolved": "Resolved",
    "queued": "Queued",
    "sent": "Sent",
    "retrying": "Retrying",
    "suppressed": "Suppressed",
}
"""What a state is called; what is not here is written as it is, with a capital."""
TONES = {
    **dict.fromkeys(("up", "active", "running", "success", "resolved", "sent", "ok"), "good"),
    **dict.fromkeys(("down", "failing", "missing", "failed", "timeout", "critical"), "bad"),
    **dict.fromkeys(("degraded", "late", "missed", "retrying", "open", "major", "warn"), "warn"),
}
"""The tone of a state: good, bad, warn; any other one is quiet."""


def moment(milliseconds: int | None, none: str = "never", *, seconds: bool = False) -> Markup:
    """A `<time>` that the reader's browser puts into its own zone; without a script it is UTC."""
    if milliseconds is None:
        return Markup("<span class=quiet>{}</span>").format(none)
    exact = Markup(" data-exact") if seconds else ""
    text = Markup("<time datetime={}{}>{}</time>")
    return text.format(times.rfc3339(milliseconds), exact, utc(milliseconds, seconds=seconds))


def ago(milliseconds: int | None, none: str = "never") -> Markup:
    """As `moment`, told as a distance from now where there is a script: "3 minutes ago"."""
    if milliseconds is None:
        return Markup("<span class=quiet>{}</span>").format(none)
    # Both texts are of our making, and a list has three hundred of them: to format them took a third of it.
    return Markup(f'<time datetime="{times.rfc3339(milliseconds)}" data-ago>{utc(milliseconds)}</time>')  # noqa: S704


def day(milliseconds: int) -> Markup:
    """A `<time>` of the day alone, in the reader's zone."""
    text = Markup('<time datetime="{}" data-day>{}</time>')
    return text.format(times.rfc3339(milliseconds), utc(milliseconds).rsplit(",", 1)[0])


def utc(milliseconds: int, *, seconds: bool = False) -> str:
    """A moment in UTC: "12 Mar 2026, 14:03 UTC", with seconds "14:03:09"."""
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    rest = f":{at.second:02}" if seconds else ""
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at.hour:02}:{at.minute:02}{rest} UTC"


def told(text: str) -> Markup:
    """What tickd wrote of a silence, its moments as `<time>`; anybody else's text is as it was."""
    if not text.startswith(_OURS):
        return lines(text)
    parts = _MOMENT.split(text)
    return Markup("").join(
        moment(round(datetime.fromisoformat(part).timestamp() * 1000), seconds=True) if place % 2 else part
        for place, part in enumerate(parts)
    )


def duration(seconds: float | None, none: str = NOTHING) -> str:
    """A length of time in its two largest units: "2 hours 5 minutes"; under a minute in seconds."""
    if seconds is None:
        return none
    rest = max(0, round(seconds))
    parts = []
    for size, name in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(plural(count, name))
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 seconds"


def milliseconds(value: float | None, none: str = NOTHING) -> str:
    """A response time: "245 ms", from ten seconds on "12.3 s"."""
    if value is None:
        return none
    return f"{value / 1000:.1f} s" if value >= 10_000 else f"{number(round(value))} ms"


def number(value: int) -> str:
    """A whole number with its thousands apart: 12,345."""
    return f"{value:,}"


def percent(value: float | None, none: str = NOTHING) -> str:
    """A percentage, rounded down, so that 100 % is never said of something that failed."""
    if value is None:
        return none
    hundredths = int(value * 100 + 1e-6)
    return "100 %" if hundredths >= 10_000 else f"{hundredths / 100:.2f} %"


def plural(count: int, one: str, many: str = "") -> str:
    """A count and its noun: "1 monitor", "2 monitors", "1,000 replies"."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def size(count: float) -> str:
    """A number of bytes: "512 B", "1.4 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def state(name: str) -> Markup:
    """A state as a pill, told by its word and its mark and not by colour alone."""
    tone = TONES.get(name, "quiet")
    word = STATES.get(name, name.replace("_", " ").capitalize())
    return Markup('<span class="state {}">{}</span>').format(tone, word)


def sentence(said: str) -> str:
    """A message of ours as a sentence of its own: "This account may have 10 jobs."."""
    return said[:1].upper() + said[1:] + "."


def visible(text: str) -> Markup:
    """Somebody's text with what can't be seen written out, so that nothing in it turns the rest around."""
    if text.isprintable():
        return escape(text)
    return Markup("").join(one if one.isprintable() else _written(one) for one in text)


def _written(one: str) -> Markup | str:
    name = _UNSEEN.get(one)
    return Markup("<span class=tag>{}</span>").format(name) if name else f"\\u{ord(one):04x}"


def address(text: str) -> Markup:
    """An e-mail address that may be anything, apart from the text around it."""
    if not text.strip(" "):
        return Markup("<span class=quiet>{}</span>").format("(spaces)" if text else "(nothing)")
    return Markup('<bdi class="break">{}</bdi>').format(visible(text))


def lines(text: str) -> Markup:
    """Text of several lines as HTML."""
    return Markup("<br>").join(escape(line) for line in text.splitlines())
