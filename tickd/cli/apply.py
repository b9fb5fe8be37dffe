"""`tickd apply`: makes an account what manifests say, after it has shown what that takes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from tickd.cli import documents, planning, standing
from tickd.cli.export import Sections
from tickd.cli.remote import Refused, Remote, Unreachable, remote, remote_options, segment
from tickd.cli.standing import PATHS, Standing
from tickd.cli.terminal import safe
from tickd.domain import plans
from tickd.domain.manifest import SECTIONS, SectionName
from tickd.domain.manifest_untold import tells
from tickd.domain.plans import Change, Difference, Plan
from tickd.errors import StartupError, TickdError

WOULD_CHANGE = 5
"""The exit status of `--check` when there is something to do."""
SHOWN_LETTERS = 120
"""How much of a value the plan shows."""
SHOWN_NAMES = 10
"""How many of those that name what is deleted the plan shows."""

_COLORS = {"create": "green", "change": "yellow", "delete": "red"}
_SIGNS = {"create": "+", "change": "~", "delete": "-"}
_DONE = {"create": "created", "change": "changed", "delete": "deleted"}


class Stopped(TickdError):
    """A call failed midway: what was done, and what was not."""

    code = "stopped"

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


@click.command(short_help="Make an account what a file says.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option(
    "--check", is_flag=True, help="Change nothing; exit with 5 when there would be anything to change."
)
@click.option(
    "--prune", is_flag=True, help="Delete what the files don't have, in the sections that they have."
)
@click.option("--only", type=Sections(), help="Pass over the other sections: channels,monitors,…")
@click.option(
    "--update-secrets",
    is_flag=True,
    help="Send secrets again that can't be compared, because they aren't shown.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["toml", "yaml"]),
    help="How the files are written, whatever their names.",
)
@remote_options
def apply(
    files: tuple[str, ...],
    yes: bool,
    check: bool,
    prune: bool,
    only: set[SectionName] | None,
    update_secrets: bool,
    kind: documents.Format | None,
    url: str | None,
    key: str | None,
    profile: str | None,
) -> None:
    """Make an account what FILE says, in TOML or YAML, as `tickd export` writes it; - is standard input.

    What has to be made, changed and deleted is shown first. All of it is checked before any of it is done.
    """
    sections = set(SECTIONS) if only is None else only
    if files.count("-") > 1:
        raise click.UsageError("standard input can be given once only")
    asked = planning.gathered(files, kind, sections)
    for sentence in asked.warnings:
        click.echo(f"warning: {safe(sentence)}", err=True)
    daemon = remote(url, key, profile)
    found = standing.read(daemon)
    plan = planning.planned(asked, found, prune=prune, renew=update_secrets, only=sections)
    planning.ask(daemon, asked, plan)
    show(plan, prune=prune)
    if not plan.changes:
        return
    if check:
        sys.exit(WOULD_CHANGE)
    if not yes:
        if not sys.stdin.isatty():
            raise StartupError("nothing was changed: there is nobody to ask; give --yes, or --check")
        if not click.confirm("Apply this?"):
            raise StartupError("nothing was changed")
    Applying(daemon, found, plan).run()


# The plan.


def show(plan: Plan, *, prune: bool) -> None:
    """Print the plan: a line for each thing, and one for each field that changes."""
    for change in plan.changes:
        _line(f"{_SIGNS[change.action]} {change.action} {change.about}", _COLORS[change.action])
        for difference in change.differences:
            click.echo(f"    {safe(_difference(difference))}")
        if change.id in plan.named and change.action == "delete":
            click.echo(f"    still named by {safe(_listed(plan.named[change.id]))}")
    if plan.changes:
        click.echo()
    counts = [f"{len(plan.of(action))} to {action}" for action in _SIGNS]  # type: ignore[arg-type]
    said = ", ".join(counts) if plan.changes else "Nothing to do"
    click.echo(f"{said}; {plan.unchanged:,} unchanged.")
    others = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in plan.others.items())
    if others:
        hint = (
            "in sections that the files don't have"
            if prune
            else "which --prune would delete where the files have the section"
        )
        click.echo(f"Not in the files, and left alone: {others} ({hint}).")
    if plan.unseen:
        click.echo(f"{_many(plan.unseen, 'secret')} can't be compared; --update-secrets sends them again.")


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {rest:,} more" if rest > 0 else "")


def _line(text: str, color: str | None = None) -> None:
    text = safe(text)
    click.echo(click.style(text, fg=color) if color and not os.environ.get("NO_COLOR") else text)


def _difference(one: Difference) -> str:
    if one.is_secret:
        return f"{one.name}: (a secret) changes"
    if one.is_by_reference:
        return f"{one.name}: (by reference) changes"
    return f"{one.name}: {_shown(one.old)} → {_shown(one.new)}"


def _shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_LETTERS else f"{text[: SHOWN_LETTERS - 1]}…"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"


# Carrying it out.


class Applying:
    """Carries out a plan, call by call, and says what was done."""

    def __init__(self, daemon: Remote, found: Standing, plan: Plan) -> None:
        self._daemon = daemon
        self._names = found.names
        self._changes = plan.changes
        self._releases = plan.releases
        self._late: list[Change] = []
        """What leads to things that were not there yet."""
        self._done: list[Change] = []

    def run(self) -> None:
        """Do all of it; Stopped says how far it came."""
        kept = [change for change in self._changes if change.action != "delete"]
        doomed = [change for change in self._changes if change.action == "delete"]
        change = None
        try:
            for section in plans.ORDER:
                if section == "maintenance":
                    for change in self._late:
                        self._link(change)
                self._release(section)
                for change in (one for one in kept if one.section == section):
                    self._do(change)
            for change in doomed:
                self._do(change)
        except (Refused, Unreachable, KeyboardInterrupt) as error:
            raise self._stopped(change, error) from error
        click.echo(f"{_many(len(self._done), 'change')} made.")

    def _do(self, change: Change) -> None:
        path = PATHS[change.section]
        one = path if change.section == "account" else f"{path}/{segment(change.id)}"
        sent = plans.body(change.fields, change.section, self._names)
        if plans.waits(change.fields, change.section, self._names):
            self._late.append(change)
        if change.action == "create":
            made = self._daemon.call("POST", path, sent)
            self._names.add(change.section, change.key, made["id"])
        elif change.action == "change":
            self._daemon.call("PATCH", one, sent)
            # It may have been there under another key.
            self._names.add(change.section, change.key, change.id)
        else:
            self._daemon.call("DELETE", one)
        self._done.append(change)
        _line(f"{_DONE[change.action]} {change.about}")

    def _release(self, section: SectionName) -> None:
        """Have tokens and domains given up that another takes: no two may have one, not even for a moment."""
        for one in self._releases:
            path = f"{PATHS[section]}/{segment(one.id)}"
            if one.section != section:
                continue
            if section == "heartbeats":
                self._daemon.call("POST", f"{path}/rotate-token")
            else:
                self._daemon.call("PATCH", path, {"custom_domain": ""})

    def _link(self, change: Change) -> None:
        """Say what it depends on, now that all of it is there."""
        identifier = self._names.id_of(change.section, change.key) or change.id
        wanted = {name: change.fields[name] for name in plans.LINKS if name in change.fields}
        sent = plans.body(wanted, change.section, self._names)
        self._daemon.call("PATCH", f"{PATHS[change.section]}/{segment(identifier)}", sent)

    def _stopped(self, at: Change | None, error: BaseException) -> Stopped:
        done = {id(change) for change in self._done}
        left = [change for change in self._changes if id(change) not in done]
        what = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        if at is not None and tells(what, at.untold):
            what = "the daemon refused a field that came by reference, and the reason would tell its value"
        place = f" at {at.about}" if at is not None else ""
        lines = [f"stopped{place}: {what}", f"{_many(len(self._done), 'change')} made, {len(left)} not:"]
        lines += [f"  not {_DONE[change.action]}: {change.about}" for change in left]
        if at is not None and id(at) in done:
            lines.append(f"  not linked: {at.about}")
        lines.append("Once that is mended, apply again: what was done is not done twice.")
        return Stopped("\n".join(map(safe, lines)), getattr(error, "exit_status", 1))
