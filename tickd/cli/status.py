"""`tickd status`: how everything is, on one screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from tickd.cli.listing import result
from tickd.cli.remote import Refused, Remote, Unreachable, remote, remote_options
from tickd.cli.terminal import (
    NOTHING,
    STATES,
    Cell,
    Column,
    Screen,
    ago,
    as_json,
    clock,
    cut,
    lasting,
    local,
    moment,
    safe,
    width_of,
    word,
)

FAILING = 5
"""The exit status where something needs attention."""
SHOWN = 10
"""How many of each list are on the screen."""


@click.command(short_help="Show how everything is, on one screen.")
@click.option("--json", "as_json_", is_flag=True, help="Print what the API answers, as JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing; the exit status says it.")
@remote_options
@click.pass_context
def status(
    context: click.Context,
    as_json_: bool,
    quiet: bool,
    url: str | None,
    key: str | None,
    profile: str | None,
) -> None:
    """Show how everything is: what fails, since when and why, what waits and what comes next.

    Ends with 0 where all is well, 5 where something is down, degraded or late or the daemon is not ready, 3
    where no daemon answers, 1 where it refuses.

    \b
    Example:
      tickd status || echo "look at it"
    """
    daemon = remote(url, key, profile)
    overview = read(daemon)
    if as_json_:
        click.echo(as_json(overview))
    elif not quiet:
        screen = Screen.current()
        for line in lines(overview, daemon.url, screen):
            click.echo(line, color=screen.colour)
    context.exit(FAILING if is_failing(overview) else 0)


def read(daemon: Remote) -> dict[str, Any]:
    """The overview; Unreachable where what answers has none."""
    try:
        found = daemon.call("GET", "/v1/overview")
    except Refused as refused:
        if refused.status == 404:
            raise Unreachable(f"{daemon.url} has no overview; is it an older tickd?") from None
        raise
    if not isinstance(found, dict) or "failing_total" not in found:
        raise Unreachable(f"{daemon.url} answered, but not as tickd does")
    return found


def is_failing(overview: Mapping[str, Any]) -> bool:
    """Whether something needs attention."""
    return bool(overview["failing_total"] or overview["incidents_total"] or not overview["ready"])


def lines(overview: Mapping[str, Any], url: str, screen: Screen) -> Iterator[str]:
    """The screen, line by line."""
    now = moment(overview["at"]) or screen.now
    yield from head(overview, url, screen)
    yield from (f"  {screen.styled(safe(fault), 'bad')}" for fault in overview["faults"])
    yield ""
    yield from counts(overview, screen)
    yield from failing(overview, now, screen, SHOWN)
    yield from incidents(overview, now, screen, SHOWN)
    yield ""
    yield from facts(overview, now, screen)


def head(overview: Mapping[str, Any], url: str, screen: Screen) -> Iterator[str]:
    """Which daemon it is, and whether it does its work: one line, or on a narrow terminal several."""
    state = word("ready" if overview["ready"] else "not ready")
    parts = [
        Cell(f"tickd {safe(overview['version'])}", "title"),
        Cell(f"at {safe(url)}"),
        state,
        Cell(local(overview["at"])),
    ]
    line, room = "", 0
    for place, part in enumerate(parts):
        text = part.text + ("" if place in (0, len(parts) - 1) else ",")
        if line and screen.is_terminal and room < 1 + width_of(text):
            yield line
            line = ""
        shown = cut(text, screen.width) if screen.is_terminal else text
        room = (room if line else screen.width + 1) - 1 - width_of(shown)
        styled = screen.styled(shown.removesuffix(","), part.tone) + ("," if shown.endswith(",") else "")
        line = f"{line} {styled}" if line else styled
    yield line


_LESS = {"up": 1, "pending": 2, "paused": 3}
"""What a narrow terminal leaves out of the counts, the largest first."""
_COUNTS = (Column(""), *(Column(state, drop=_LESS.get(state, 0), right=True) for state in STATES))


def counts(overview: Mapping[str, Any], screen: Screen) -> list[str]:
    """How many there are in each state."""
    rows = []
    for noun, by_state in overview["counts"].items():
        cells = [Cell(safe(noun))]
        for state in STATES:
            count = by_state.get(state, 0)
            cells.append(Cell(f"{count:,}", word(state).tone if count else "quiet"))
        rows.append(cells)
    return screen.table(_COUNTS, rows)


_FAILING = (
    Column("state"),
    Column("kind", drop=2),
    Column("name", least=14),
    Column("since"),
    Column("why", least=16, drop=1),
)


def failing(overview: Mapping[str, Any], now: int, screen: Screen, most: int) -> Iterator[str]:
    """What needs attention, the worst first."""
    found: Sequence[Mapping[str, Any]] = overview["failing"]
    yield ""
    if not found:
        yield screen.styled("Nothing is down, degraded or late.", "good")
        return
    yield screen.styled(f"Needs attention: {overview['failing_total']:,}", "title")
    rows = [
        [
            word(one["state"]),
            Cell(one["kind"]),
            Cell(safe(one["name"])),
            Cell(lasting(one["since"], now)),
            Cell(result(one["last"] or {}) or NOTHING),
        ]
        for one in found[:most]
    ]
    yield from screen.table(_FAILING, rows, 2)
    yield from _more(overview["failing_total"] - len(rows), screen)


_INCIDENTS = (
    Column("severity"),
    Column("subject", least=14),
    Column("since"),
    Column("seen", drop=1),
    Column("why", least=16, drop=2),
)


def incidents(overview: Mapping[str, Any], now: int, screen: Screen, most: int) -> Iterator[str]:
    """The open incidents, the newest first; nothing where there is none."""
    found: Sequence[Mapping[str, Any]] = overview["incidents"]
    if not found:
        return
    yield ""
    yield screen.styled(f"Open incidents: {overview['incidents_total']:,}", "title")
    rows = [
        [
            word(one["severity"]),
            Cell(safe(one["subject"]["name"])),
            Cell(lasting(one["started_at"], now)),
            Cell("yes" if one["acknowledged_at"] else "no", "" if one["acknowledged_at"] else "warn"),
            Cell(safe(one["error"]) or NOTHING),
        ]
        for one in found[:most]
    ]
    yield from screen.table(_INCIDENTS, rows, 2)
    yield from _more(overview["incidents_total"] - len(rows), screen)


def _more(count: int, screen: Screen) -> Iterator[str]:
    if count > 0:
        yield screen.styled(f"  and {count:,} more", "quiet")


def facts(overview: Mapping[str, Any], now: int, screen: Screen) -> Iterator[str]:
    """What waits, what is held, what runs and what comes next: a line each."""
    told = [("Alerts", alerts(overview["alerts"], now), "warn" if overview["alerts"]["retrying"] else "")]
    for one in overview["maintenance"]:
        until = f"until {clock(one['ends_at'])} ({ago(one['ends_at'], now)})"
        told.append(("Maintenance", f"{safe(one['name'])}, {until}", "warn"))
    running = overview["running"]
    if running:
        longest = f"{safe(running[0]['name'])} for {lasting(running[0]['since'], now)}"
        more = overview["running_total"] - 1
        told.append(("Running", longest + (f" and {more:,} more" if more else ""), ""))
    for one in overview["next"][:1]:
        told.append(("Next", f"{safe(one['name'])} {ago(one['next_at'], now)}", ""))
    for label, text, tone in told:
        shown = cut(text, screen.width - 13) if screen.is_terminal else text
        yield f"{screen.styled(label.ljust(11), 'quiet')}  {screen.styled(shown, tone)}"


def alerts(waiting: Mapping[str, Any], now: int) -> str:
    """How many alerts wait, how many of them failed at first, and for how long the oldest does."""
    total = waiting["queued"] + waiting["retrying"]
    if not total:
        return "none waits"
    tried = f", {waiting['retrying']:,} of them after a failed try" if waiting["retrying"] else ""
    verb = "waits" if total == 1 else "wait"
    return f"{total:,} {verb}{tried}, the oldest for {lasting(waiting['oldest_at'], now)}"
