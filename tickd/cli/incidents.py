"""`tickd incidents`: what failed, since when and why, and that somebody has seen it."""

from __future__ import annotations

import re
from typing import Any

import click

from tickd.cli import details, listing
from tickd.cli.finding import Ambiguous, Unknown
from tickd.cli.listing import Look, Table, look_options
from tickd.cli.remote import Remote, remote, remote_options, segment
from tickd.cli.terminal import Screen, ago, as_json, safe, word

_ID = re.compile(r"inc_[0-9A-Za-z]+")

TABLE = Table("/v1/incidents", "incidents", "incident", listing.INCIDENTS, listing.incident)


@click.group()
def incidents() -> None:
    """List, show and acknowledge incidents."""


@incidents.command("list", short_help="List incidents, newest first.")
@click.option("--status", type=click.Choice(("open", "resolved")), help="Only those that are.")
@click.option("--kind", type=click.Choice(("job", "monitor", "heartbeat")), help="Only those of this kind.")
@click.option("--subject", metavar="ID", help="Only those of this job, monitor or heartbeat.")
@click.option("--hours", type=click.IntRange(1, 8760), help="Only those that began in the last hours.")
@look_options(50)
@remote_options
def list_incidents(
    as_json: bool,
    header: bool,
    limit: int,
    url: str | None,
    key: str | None,
    profile: str | None,
    **filters: Any,
) -> None:
    """List incidents, newest first.

    \b
    Example:
      tickd incidents list --status open
    """
    listing.show(remote(url, key, profile), TABLE, filters, Look(as_json, header, limit))


def _get(daemon: Remote, text: str) -> dict[str, Any]:
    """The incident of that id, or the open one of what is called so."""
    identifier = text if _ID.fullmatch(text) else _open_one(daemon, text)
    found: dict[str, Any] = daemon.call("GET", f"/v1/incidents/{segment(identifier)}")
    return found


def _open_one(daemon: Remote, text: str) -> str:
    every = daemon.each(TABLE.path, TABLE.noun, {"status": "open"})
    found = [one for one in every if one["subject"]["name"].casefold() == text.casefold()]
    if not found:
        raise Unknown(f"there is no open incident of {safe(text)}; name it by its id, such as inc_…")
    if len(found) > 1:
        ids = ", ".join(safe(one["id"]) for one in found)
        raise Ambiguous(f"{len(found)} incidents are open of what is called {safe(text)}: {ids}")
    identifier: str = found[0]["id"]
    return identifier


@incidents.command(short_help="Show incidents, and what else happened around them.")
@click.argument("ids", nargs=-1, required=True, metavar="INCIDENT...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@remote_options
def show(ids: tuple[str, ...], as_json: bool, url: str | None, key: str | None, profile: str | None) -> None:
    """Show incidents, and what else happened around them.

    \b
    Example:
      tickd incidents show inc_672dmwda287px2cc
    """
    daemon = remote(url, key, profile)
    found = [_get(daemon, one) for one in ids]
    if as_json:
        click.echo(_json(found))
        return
    screen = Screen.current()
    for place, answer in enumerate(found):
        if place:
            click.echo()
        related = answer.pop("related", None) or {}
        for line in details.lines(answer, screen):
            click.echo(line, color=screen.colour)
        _tell_related({noun: ones for noun, ones in related.items() if ones}, screen)


def _tell_related(related: dict[str, list[dict[str, Any]]], screen: Screen) -> None:
    """What else happened within ten minutes, a line each."""
    if related:
        click.echo(f"\n{screen.styled('Around it', 'title')}", color=screen.colour)
    for noun, ones in related.items():
        for one in ones:
            name = one.get("name") or one.get("job_name") or one.get("subject", {}).get("name", "")
            state = one.get("status") or one.get("state") or one.get("kind") or "changed"
            at = one.get("started_at") or one.get("changed_at") or one.get("at")
            shown = screen.styled(word(state).text, word(state).tone)
            line = f"  {safe(noun).removesuffix('s')} {safe(name)}: {shown}, {ago(at, screen.now)}"
            click.echo(line, color=screen.colour)


@incidents.command(short_help="Say that somebody has seen them: no more reminders.")
@click.argument("ids", nargs=-1, required=True, metavar="INCIDENT...")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@remote_options
def acknowledge(
    ids: tuple[str, ...], as_json: bool, url: str | None, key: str | None, profile: str | None
) -> None:
    """Say that somebody has seen them: no more reminders.

    \b
    Example:
      tickd incidents acknowledge inc_672dmwda287px2cc
    """
    daemon = remote(url, key, profile)
    found = [_get(daemon, one) for one in ids]
    done = [daemon.call("POST", f"/v1/incidents/{segment(one['id'])}/acknowledge") for one in found]
    if as_json:
        click.echo(_json(done))
        return
    for one in done:
        click.echo(f"{safe(one['subject']['name'])}: acknowledged")


def _json(answers: list[dict[str, Any]]) -> str:
    return as_json(answers[0] if len(answers) == 1 else answers)
