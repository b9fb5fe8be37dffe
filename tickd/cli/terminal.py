"""The terminal: text that is safe to show, tables that fit, and times as people say them."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TextIO

import click

from tickd.domain import texts, times
from tickd.errors import TickdError

NOTHING = "-"
"""What stands where there is no value."""
STATES = ("down", "degraded", "late", "pending", "up", "paused")
SORTS = ("attention", "name", "changed", "next")
"""The states of a list and its orders, as `domain/overview.py` has them; to import that takes longer than all
the rest of a command."""
GAP = 2
"""Blanks between two columns."""
NARROWEST = 5
"""What a column is cut down to before the edge of the screen cuts."""

_STYLES: Mapping[str, dict[str, Any]] = {
    "good": {"fg": "green"},
    "bad": {"fg": "red", "bold": True},
    "warn": {"fg": "yellow"},
    "quiet": {"dim": True},
    "title": {"bold": True},
}
TONES = {
    **dict.fromkeys(("up", "active", "success", "resolved", "ready"), "good"),
    **dict.fromkeys(("down", "failing", "failed", "timeout", "fail", "critical", "overran"), "bad"),
    **dict.fromkeys(("degraded", "late", "missed", "open", "major", "not ready"), "warn"),
    **dict.fromkeys(("paused", "pending", "skipped", "unknown", "log", "moved"), "quiet"),
}
"""How a state is shown, beside its word."""


class NoOutput(TickdError):
    """What was to be printed can't be."""

    code = "no_output"


class Cell(NamedTuple):
    """What stands in one place of a table: a text, how it is shown, and what a pipe gets in its place.

    Nothing in it has to be safe: whoever writes it makes it so.
    """

    text: str
    tone: str = ""
    exact: str | None = None


class Column(NamedTuple):
    """A column: `least` is the width that it may be cut down to (0: never cut), and of two the one with the
    larger `drop` is left out first (0: never)."""

    title: str
    least: int = 0
    drop: int = 0
    right: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a command writes: a terminal of that many columns, or a pipe; `at` stands for the clock."""

    is_terminal: bool
    colour: bool
    width: int
    at: int | None = None

    @classmethod
    def current(cls) -> Screen:
        """Standard output, as it is now; NoOutput where it is closed."""
        to = _output()
        is_terminal = to.isatty()
        if is_terminal and isinstance(to, io.TextIOWrapper) and not _is_unicode(to):
            # A name in other letters, or the ellipsis of a cut, must not end what shows people a table.
            to.reconfigure(errors="replace")
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        width = max(20, shutil.get_terminal_size().columns)
        return cls(is_terminal, is_terminal and not plain, width)

    @property
    def now(self) -> int:
        """The time, in milliseconds."""
        if self.at is not None:
            return self.at
        # The clock brings asyncio with it, a third of the start of a command that may not need it.
        from tickd.clock import SystemClock

        return SystemClock().now()

    def styled(self, text: str, tone: str) -> str:
        """A text in the colour of its tone, where there are colours."""
        return click.style(text, **_STYLES[tone]) if self.colour and tone in _STYLES else text

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], indent: int = 0) -> list[str]:
        """The lines of a table that fits, the titles first."""
        rows = [[cell._replace(text=safe(cell.text)) for cell in row] for row in rows]
        widths = fitted(columns, rows, self.width - indent)
        titles = [Cell(column.title.upper(), "quiet") for column in columns]
        return [" " * indent + self._line(columns, row, widths) for row in (titles, *rows)]

    def _line(self, columns: Sequence[Column], row: Sequence[Cell], widths: Mapping[int, int]) -> str:
        parts, last = [], max(widths)
        for place, width in widths.items():
            cell = row[place]
            text = cut(cell.text, width)
            pad = " " * (width - width_of(text))
            shown = self.styled(text, cell.tone)
            right = columns[place].right
            parts.append(pad + shown if right else shown if place == last else shown + pad)
        return (" " * GAP).join(parts).rstrip()

    def write(
        self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, header: bool = True
    ) -> None:
        """A table on a terminal; for a pipe whole lines of all columns with tabs between them."""
        if self.is_terminal:
            lines = self.table(columns, rows)
        else:
            names = "\t".join(column.title.replace(" ", "_") for column in columns)
            lines = [names, *("\t".join(_whole(cell) for cell in row) for row in rows)]
        for line in lines if header else lines[1:]:
            click.echo(line, color=self.colour)


def _output() -> TextIO:
    to: TextIO | None = sys.stdout
    if to is None or to.closed:
        raise NoOutput("standard output is closed")
    return to


def _is_unicode(to: TextIO) -> bool:
    return (to.encoding or "utf-8").lower().startswith("utf")


def _whole(cell: Cell) -> str:
    text = cell.text if cell.exact is None else cell.exact
    return "" if text == NOTHING else safe(text)


def fitted(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], room: int) -> dict[int, int]:
    """The places of the columns that fit into `room`, and how wide each is; one that says nothing may go."""
    wanted = [width_of(column.title) for column in columns]
    told = set()
    for row in rows:
        for place, cell in enumerate(row):
            wanted[place] = max(wanted[place], width_of(cell.text))
            if cell.text != NOTHING:
                told.add(place)
    kept = [place for place in range(len(columns)) if not columns[place].drop or place in told]
    while True:
        left = room - GAP * (len(kept) - 1)
        least = {place: columns[place].least or wanted[place] for place in kept}
        widths = _shrunk({place: wanted[place] for place in kept}, least, left)
        if sum(widths.values()) <= left:
            return widths
        droppable = [place for place in kept if columns[place].drop]
        if not droppable:
            # Too narrow for what can't be left out: what is no name or sentence is cut last.
            soft = {place: NARROWEST if columns[place].least else wanted[place] for place in kept}
            return _shrunk(_shrunk(widths, soft, left), dict.fromkeys(kept, NARROWEST), left)
        kept.remove(max(droppable, key=lambda place: columns[place].drop))


def _shrunk(widths: dict[int, int], least: Mapping[int, int], room: int) -> dict[int, int]:
    """The widths, the widest made narrower again and again until all fit, or are at their least."""
    while sum(widths.values()) > room:
        can = [place for place in widths if widths[place] > least[place]]
        if not can:
            break
        widths[max(can, key=lambda place: widths[place])] -= 1
    return widths


def width_of(text: str) -> int:
    """How many columns of the terminal a text takes: of Chinese or an emoji, two a character."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """A text that takes at most `width` columns, with an ellipsis where it was cut."""
    if width_of(text) <= width:
        return text
    if text.isascii():
        return text[: max(0, width - 1)] + "…"
    from rich.cells import set_cell_size

    return set_cell_size(text, max(0, width - 1)).rstrip() + "…"


def safe(text: str) -> str:
    """Somebody's text on one line, without anything that a terminal would obey or that turns it around."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in texts.JOINERS else _shown(one) for one in text)


def _shown(one: str) -> str:
    return " " if one.isspace() else "\N{REPLACEMENT CHARACTER}"


def safe_lines(text: str) -> list[str]:
    """Somebody's text of several lines, each of them safe."""
    return [safe(line) for line in text.replace("\r\n", "\n").split("\n")]


def as_json(value: object) -> str:
    """A value as JSON for people and programs; what a terminal would obey is escaped, and so is what standard
    output has no letters for. NoOutput where that is closed."""
    text = json.dumps(value, indent=2, ensure_ascii=not _is_unicode(_output()))
    if all(line.isprintable() for line in text.split("\n")):
        return text
    return "".join(one if one == "\n" or one.isprintable() else json.dumps(one)[1:-1] for one in text)


def moment(text: str | None) -> int | None:
    """A time of the API in milliseconds; None where there is none, or where it is no time."""
    try:
        return None if not text else round(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def span(milliseconds: int) -> str:
    """A length of time by its largest unit: `45 s`, `12 min`, `3 h`, `9 d`."""
    for size, unit in ((times.DAY, "d"), (times.HOUR, "h"), (times.MINUTE, "min")):
        # Two of the next smaller unit say more than one of the larger.
        if milliseconds >= 2 * size:
            return f"{milliseconds // size} {unit}"
    return f"{max(0, milliseconds) // times.SECOND} s"


def ago(text: str | None, now: int, none: str = NOTHING) -> str:
    """When something was, or will be, as a distance from now."""
    at = moment(text)
    if at is None:
        return none
    if abs(now - at) < times.SECOND:
        return "now"
    return f"{span(now - at)} ago" if at < now else f"in {span(at - now)}"


def lasting(text: str | None, now: int, none: str = NOTHING) -> str:
    """For how long something has been."""
    at = moment(text)
    return none if at is None else span(now - at)


def local(text: str | None, none: str = NOTHING) -> str:
    """A time in the reader's own zone: `2026-03-03 13:30:00 CET`."""
    at = moment(text)
    if at is None:
        return none
    here = datetime.fromtimestamp(at / 1000).astimezone()
    return f"{here:%Y-%m-%d %H:%M:%S} {here.tzname() or f'{here:%z}'}"


def clock(text: str | None, none: str = NOTHING) -> str:
    """The hour of a time in the reader's own zone: `13:30`."""
    at = moment(text)
    return none if at is None else f"{datetime.fromtimestamp(at / 1000).astimezone():%H:%M}"


def took(milliseconds: float | None) -> str:
    """How long something took: `245 ms`, `12.3 s`, `4 min`."""
    if not milliseconds:
        return NOTHING
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s" if milliseconds < 120_000 else span(int(milliseconds))


def word(state: str) -> Cell:
    """A state by its word and its colour."""
    return Cell(safe(state), TONES.get(state, ""))


def when(text: str | None, shown: str) -> Cell:
    """A time as it is shown to people, exact in a pipe."""
    return Cell(shown, "", text or "")


def plural(count: int, one: str, many: str = "") -> str:
    """`1 job`, `2,000 jobs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
