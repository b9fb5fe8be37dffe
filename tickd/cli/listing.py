"""Lists on the screen: which items there are, as a table, as JSON, or line by line for a pipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import click

from tickd.cli.remote import PAGE, Remote, Unreachable
from tickd.cli.terminal import (
    NOTHING,
    Cell,
    Column,
    Screen,
    ago,
    as_json,
    lasting,
    plural,
    safe,
    took,
    when,
    word,
)

F = TypeVar("F", bound=Callable[..., Any])
Row = Callable[[Mapping[str, Any], int], list[Cell]]
"""Makes the cells of an item; the number is now, in milliseconds."""

MOST = 1_000
"""How many items a list has unless another number is asked for."""


@dataclass(frozen=True, slots=True)
class Table:
    """How a list of the API is shown: its path, its field, what one of it is called, and the columns."""

    path: str
    noun: str
    one: str
    columns: Sequence[Column]
    row: Row


@dataclass(frozen=True, slots=True)
class Look:
    """How a list is wanted: as JSON, with its titles, and how many at most (0: all)."""

    as_json: bool
    header: bool
    limit: int


def look_options(most: int = MOST) -> Callable[[F], F]:
    """Gives a command the options of a list: `as_json`, `header` and `limit`."""

    def add(function: F) -> F:
        for option in (
            click.option("--json", "as_json", is_flag=True, help="Print JSON."),
            click.option(
                "--no-header", "header", flag_value=False, default=True, help="Leave out the titles."
            ),
            click.option(
                "--limit",
                type=click.IntRange(0),
                default=most,
                show_default=True,
                help="How many at most; 0 shows all.",
            ),
        ):
            function = option(function)
        return function

    return add


def show(daemon: Remote, table: Table, query: Mapping[str, object], look: Look) -> None:
    """Print the list; of one that is cut off, how many more there are."""
    items, total = fetched(daemon, table, query, look.limit)
    screen = Screen.current()
    if look.as_json:
        click.echo(as_json(items))
    elif items or not screen.is_terminal:
        rows = [table.row(item, screen.now) for item in items]
        screen.write(table.columns, rows, header=look.header)
    else:
        click.echo(f"There is no {table.one} to show.", err=True)
    if total > len(items):
        more = f"{total - len(items):,} more"
        click.echo(f"{plural(len(items), table.one)} of {total:,}; {more}: --limit 0 shows all.", err=True)


def fetched(
    daemon: Remote, table: Table, query: Mapping[str, object], limit: int
) -> tuple[list[Mapping[str, Any]], int]:
    """At most so many items (0: all), and how many there are."""
    if 0 < limit <= PAGE:
        page = daemon.call("GET", table.path, query={**query, "limit": limit})
        if not isinstance(page, dict) or not isinstance(page.get(table.noun), list):
            raise Unreachable(f"{daemon.url} answered, but not as tickd does")
        return page[table.noun], int(page["total"])
    items = list(islice(daemon.each(table.path, table.noun, query), limit or None))
    if limit and len(items) == limit:
        return items, int(daemon.call("GET", table.path, query={**query, "limit": 1})["total"])
    return items, len(items)


# What the lists look like.

SUBJECTS = (
    Column("id", drop=9),
    Column("state"),
    Column("name", least=24),
    Column("since", drop=4),
    Column("result", least=20, drop=3),
    Column("when", drop=2),
    Column("next", drop=5),
    Column("group", least=10, drop=6),
    Column("tags", least=10, drop=7),
    Column("target", least=24, drop=8),
)


def subject(item: Mapping[str, Any], now: int) -> list[Cell]:
    """A job, a monitor or a heartbeat as a row."""
    last = item["last"] or {}
    state = f"{item['state']}, running" if item["running"] else item["state"]
    return [
        Cell(item["id"], "quiet"),
        Cell(state, word(item["state"]).tone, item["state"]),
        Cell(safe(item["name"])),
        when(item["since"], lasting(item["since"], now)),
        Cell(result(last) or NOTHING, last.get("outcome", "") if last.get("outcome") != "good" else ""),
        when(last.get("at"), ago(last.get("at"), now)),
        when(item["next_at"], ago(item["next_at"], now)),
        Cell(safe(item["group"]) or NOTHING),
        Cell(safe(", ".join(item["tags"])) or NOTHING),
        Cell(safe(item["target"])),
    ]


def result(last: Mapping[str, Any]) -> str:
    """The latest result in a few words: `200, 34 ms`."""
    parts = [safe(last.get("result", "")), took(last.get("duration_ms")), safe(last.get("message", ""))]
    return ", ".join(part for part in parts if part and part != NOTHING)


RUNS = (
    Column("id", drop=3),
    Column("status"),
    Column("when"),
    Column("trigger", drop=2),
    Column("took", right=True),
    Column("code", drop=1, right=True),
    Column("what", least=20),
)


def run(item: Mapping[str, Any], now: int) -> list[Cell]:
    """A run of a job as a row."""
    return [
        Cell(item["id"], "quiet"),
        word(item["status"]),
        when(item["triggered_at"], ago(item["triggered_at"], now)),
        Cell(item["trigger"]),
        Cell(took(item["duration_ms"]), "", str(item["duration_ms"])),
        Cell(str(item["status_code"] or NOTHING)),
        Cell(safe(item["error"] or item["reason"]) or NOTHING),
    ]


CHECKS = (
    Column("id", drop=3),
    Column("status"),
    Column("when"),
    Column("took", right=True),
    Column("code", drop=1, right=True),
    Column("what", least=20),
)


def check(item: Mapping[str, Any], now: int) -> list[Cell]:
    """A check of a monitor as a row."""
    return [
        Cell(item["id"], "quiet"),
        word(item["status"]),
        when(item["checked_at"], ago(item["checked_at"], now)),
        Cell(took(item["duration_ms"]), "", str(item["duration_ms"])),
        Cell(str(item["status_code"] or NOTHING)),
        Cell(safe(item["error"]) or NOTHING),
    ]


PINGS = (
    Column("id", drop=4),
    Column("kind"),
    Column("when"),
    Column("took", drop=2, right=True),
    Column("exit", drop=1, right=True),
    Column("from", drop=3),
    Column("message", least=20),
)


def ping(item: Mapping[str, Any], now: int) -> list[Cell]:
    """A ping of a heartbeat as a row."""
    exit_status = item["exit_status"]
    return [
        Cell(item["id"], "quiet"),
        word(item["kind"]),
        when(item["pinged_at"], ago(item["pinged_at"], now)),
        Cell(took(item["duration_ms"]), "", str(item["duration_ms"] or "")),
        Cell(NOTHING if exit_status is None else str(exit_status)),
        Cell(safe(item["source_ip"]) or NOTHING),
        Cell(safe(item["message"]) or NOTHING),
    ]


INCIDENTS = (
    Column("id"),
    Column("status"),
    Column("severity", drop=4),
    Column("kind", drop=6),
    Column("subject", least=18),
    Column("began", drop=1),
    Column("lasted", drop=5),
    Column("seen", drop=3),
    Column("cause", least=16, drop=2),
)


def incident(item: Mapping[str, Any], now: int) -> list[Cell]:
    """An incident as a row."""
    ended = item["resolved_at"]
    seconds = item["duration_secs"]
    lasted = lasting(item["started_at"], now) if ended is None else took((seconds or 0) * 1000)
    return [
        Cell(item["id"], "quiet"),
        word(item["status"]),
        word(item["severity"]),
        Cell(item["subject"]["kind"]),
        Cell(safe(item["subject"]["name"])),
        when(item["started_at"], ago(item["started_at"], now)),
        Cell(lasted, "", "" if seconds is None else str(seconds)),
        Cell("yes" if item["acknowledged_at"] else "no"),
        Cell(safe(item["cause"]["error"]) or NOTHING),
    ]
