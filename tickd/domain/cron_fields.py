"""The five fields of a cron expression: the gate, and what it lets through as bitmaps.

A field becomes an int whose bit `v` is set where the value `v` matches. The grammar is Debian's without its
gaps in checking (backward ranges), and with `5/15` for `5-59/15`, as every other cron reads it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tickd.errors import Invalid

MAX_LENGTH = 100

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class Field(NamedTuple):
    """One of the five: its name in messages, the values it may hold, and the words for them."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The values in words: `1-12 or JAN-DEC`."""
        return _span(self.low, self.high) + (f" or {self.words[0]}-{self.words[-1]}" if self.words else "")


MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day-of-month", 1, 31)
MONTH = Field("month", 1, 12, _MONTHS)
WEEKDAY = Field("day-of-week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))

FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)

_LAYOUT = " ".join(field.name for field in FIELDS)

# What other crons understand, by what to tell those who bring it.
_FOREIGN = (
    (re.compile(r"\?"), "write * for any value"),
    (re.compile(r"[HR](\(.*)?"), "nothing random or hashed is understood, so write the value itself"),
    (re.compile(r"(\d*|[A-Z]{3})(L|W|LW)|.*#.*"), "L, W and # are not understood, only numbers and names"),
)


def split(expression: str) -> list[str]:
    """The texts of the five fields, an alias expanded; raises `Invalid` for any other shape."""
    if len(expression) > MAX_LENGTH:
        raise Invalid("schedule", f"is {len(expression)} characters long, and must be at most {MAX_LENGTH}")
    texts = expression.split()
    if len(texts) == 1 and texts[0].startswith("@"):
        return _expand(texts[0]).split()
    if len(texts) in (6, 7):
        raise Invalid(
            "schedule", f"has {len(texts)} fields, but takes five, no seconds and no years: {_LAYOUT}"
        )
    if len(texts) != len(FIELDS):
        count = f"{len(texts)} field{'' if len(texts) == 1 else 's'}" if texts else "no fields"
        raise Invalid("schedule", f"has {count}, but needs five: {_LAYOUT}")
    return texts


def read(field: Field, text: str) -> int:
    """The bitmap of the values that `text` names in `field`; day-of-week 7 becomes 0; raises `Invalid`."""
    bits = 0
    for term in text.split(","):
        span, slash, step = term.partition("/")
        first, last = _bounds(field, term, span, stepped=bool(slash))
        bits |= sum(1 << value for value in range(first, last + 1, _step(field, term, step) if slash else 1))
    # Sunday is 0 and 7, folded only now: 5-7 is a range, and 6-0 is not.
    return (bits | bits >> 7) & 0x7F if field is WEEKDAY else bits


def values(bits: int) -> list[int]:
    """The values whose bits are set, ascending."""
    return [value for value in range(bits.bit_length()) if bits >> value & 1]


def _expand(alias: str) -> str:
    """The five fields that an alias stands for."""
    known = ALIASES.get(alias.lower())
    if known is None:
        why = "there is no boot to wait for" if alias.lower() == "@reboot" else "there is no such alias"
        raise Invalid("schedule", f"can't be {alias}, as {why}; there are {', '.join(ALIASES)}")
    return known


def _bounds(field: Field, term: str, span: str, *, stepped: bool) -> tuple[int, int]:
    """The first and the last value of `*`, `a`, `a-b`, or the `a` of `a/step`, which runs to the end."""
    if span == "*":
        return field.low, field.high
    begin, dash, end = span.partition("-")
    first = _value(field, term, begin)
    if not dash:
        return first, field.high if stepped else first
    last = _value(field, term, end)
    if first > last:
        instead = f"{_span(first, field.high)},{_span(field.low, last)}"
        sentence = f"has {term} as {field.name}, which runs backwards: split it in two, such as {instead}"
        raise Invalid("schedule", sentence)
    return first, last


def _value(field: Field, term: str, text: str) -> int:
    """The number that a number or a word stands for."""
    word = text.upper()
    if word in field.words:
        return field.low + field.words.index(word)
    # isdigit alone also accepts ² and the digits of other scripts.
    if text.isascii() and text.isdigit() and field.low <= int(text) <= field.high:
        return int(text)
    for pattern, advice in _FOREIGN:
        if pattern.fullmatch(word):
            raise Invalid("schedule", f"has {term} as {field.name}: {advice}")
    if not text:
        where = f"an incomplete {term}" if term else "an empty value"
        raise Invalid("schedule", f"has {where} as {field.name}, which must be {field.allowed}")
    raise Invalid("schedule", f"has {text} as {field.name}, which must be {field.allowed}")


def _step(field: Field, term: str, text: str) -> int:
    """The step behind a slash; one that is longer than its range leaves the first value, as in Debian."""
    if text.isascii() and text.isdigit() and int(text):
        return int(text)
    raise Invalid("schedule", f"has {term} as {field.name}, whose step must be a whole number from 1")


def _span(first: int, last: int) -> str:
    """A range as it is written."""
    return f"{first}-{last}" if first < last else str(first)
