"""`tickd jobs`, `tickd monitors`, `tickd heartbeats`: look at them and act on them, over the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import click

from tickd.cli import details, listing
from tickd.cli.finding import Kind, find
from tickd.cli.listing import Look, Table, look_options
from tickd.cli.remote import (
    CHECK_SECS,
    Refused,
    Remote,
    Unreachable,
    remote,
    remote_options,
    segment,
)
from tickd.cli.terminal import SORTS, STATES, Column, Screen, as_json, safe, safe_lines, took, word

ANSWER_IS_NO = 5
"""The exit status of a run or a check that did not go well."""
POLL_SECS = 0.25
"""How often a run that is waited for is looked at, at first; a long one less often."""
POLL_MOST_SECS = 2.0


class History(NamedTuple):
    """What a kind has a history of: its command, its path and its field, what one is called, how it looks."""

    command: str
    path: str
    one: str
    columns: Sequence[Column]
    row: listing.Row


_HISTORY: Mapping[Kind, History] = {
    "job": History("runs", "executions", "run", listing.RUNS, listing.run),
    "monitor": History("checks", "checks", "check", listing.CHECKS, listing.check),
    "heartbeat": History("pings", "pings", "ping", listing.PINGS, listing.ping),
}
_EXAMPLE: Mapping[Kind, str] = {"job": "nightly", "monitor": "shop", "heartbeat": "backup"}
_DOES: Mapping[Kind, str] = {
    "job": "List, show, pause, resume and run jobs.",
    "monitor": "List, show, pause, resume and check monitors.",
    "heartbeat": "List, show, pause and resume heartbeats.",
}


def _command(group: click.Group, kind: Kind, name: str, does: str, example: str) -> Callable[..., Any]:
    """A command with its help: what it does, and an example."""
    text = f"{does}\n\n\b\nExample:\n  tickd {kind}s {example.format(_EXAMPLE[kind])}"
    return group.command(name, help=text, short_help=does)


def _named(kind: Kind) -> Callable[..., Any]:
    return click.argument("names", nargs=-1, required=True, metavar=f"{kind.upper()}...")


def _list(group: click.Group, kind: Kind) -> None:
    table = Table("/v1/subjects", "subjects", kind, listing.SUBJECTS, listing.subject)
    states = click.Choice(("trouble", *STATES))

    @_command(group, kind, "list", f"List {kind}s, what needs attention first.", "list --state trouble")
    @click.option("--state", type=states, help="Only those in this state; trouble is down, degraded or late.")
    @click.option("--tag", help="Only those with this tag.")
    @click.option("--search", "q", help="Only those whose name, address, slug, tag or group has this in it.")
    @click.option(
        "--sort", type=click.Choice(SORTS), default="attention", show_default=True, help="The order."
    )
    @look_options()
    @remote_options
    def list_them(
        url: str | None,
        key: str | None,
        profile: str | None,
        as_json: bool,
        header: bool,
        limit: int,
        **filters: str | None,
    ) -> None:
        daemon = remote(url, key, profile)
        listing.show(daemon, table, {"kind": kind, **filters}, Look(as_json, header, limit))

    if kind != "job":
        # Jobs have no group.
        group_option = click.Option(["--group"], help="Only those of this group.")
        list_them.params.insert(2, group_option)


def _show(group: click.Group, kind: Kind) -> None:
    @_command(group, kind, "show", f"Show {kind}s with all that is known of them.", "show {}")
    @_named(kind)
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, secrets too.")
    @remote_options
    def show(
        names: tuple[str, ...], as_json: bool, url: str | None, key: str | None, profile: str | None
    ) -> None:
        daemon = remote(url, key, profile)
        ids = [find(daemon, kind, name) for name in names]
        _print([daemon.call("GET", f"/v1/{kind}s/{segment(one)}") for one in ids], as_json=as_json)


def _print(answers: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        click.echo(_json(answers))
        return
    screen = Screen.current()
    for place, answer in enumerate(answers):
        if place:
            click.echo()
        for line in details.lines(answer, screen):
            click.echo(line, color=screen.colour)


def _json(answers: list[dict[str, Any]]) -> str:
    """One answer as it is, several as a list."""
    return as_json(answers[0] if len(answers) == 1 else answers)


def _turn(group: click.Group, kind: Kind, verb: str, does: str) -> None:
    @_command(group, kind, verb, does, f"{verb} {{}}")
    @_named(kind)
    @click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
    @remote_options
    def turn(
        names: tuple[str, ...], as_json: bool, url: str | None, key: str | None, profile: str | None
    ) -> None:
        daemon = remote(url, key, profile)
        # All are found before the first is touched: a typing error changes nothing.
        ids = [find(daemon, kind, name) for name in names]
        answers = [daemon.call("POST", f"/v1/{kind}s/{segment(one)}/{verb}") for one in ids]
        if as_json:
            click.echo(_json(answers))
        else:
            _tell(answers)


def _tell(answers: Sequence[Mapping[str, Any]]) -> None:
    screen = Screen.current()
    for answer in answers:
        state = word(answer["status"])
        shown = screen.styled(state.text, state.tone)
        click.echo(f"{safe(answer['name'])}: {shown}", color=screen.colour)


def _history(group: click.Group, kind: Kind) -> None:
    command, path, one, columns, row = _HISTORY[kind]

    @_command(
        group, kind, command, f"List the {one}s of a {kind}, newest first.", f"{command} {{}} --limit 5"
    )
    @click.argument("name", metavar=kind.upper())
    @look_options(20)
    @remote_options
    def history(
        name: str,
        as_json: bool,
        header: bool,
        limit: int,
        url: str | None,
        key: str | None,
        profile: str | None,
    ) -> None:
        daemon = remote(url, key, profile)
        identifier = find(daemon, kind, name)
        table = Table(f"/v1/{kind}s/{segment(identifier)}/{path}", path, one, columns, row)
        listing.show(daemon, table, {}, Look(as_json, header, limit))


# Running.


def _run_jobs(group: click.Group) -> None:
    @_command(group, "job", "run", "Run jobs now, paused ones too.", "run {} --wait")
    @_named("job")
    @click.option(
        "--wait", is_flag=True, help="Wait for the end, print the output, and end with 5 if it failed."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the runs as JSON.")
    @remote_options
    def run(
        names: tuple[str, ...],
        wait: bool,
        as_json: bool,
        url: str | None,
        key: str | None,
        profile: str | None,
    ) -> None:
        daemon = remote(url, key, profile)
        ids = [find(daemon, "job", name) for name in names]
        runs = [daemon.call("POST", f"/v1/jobs/{segment(one)}/trigger")["execution_id"] for one in ids]
        ended = [_ended(daemon, run) if wait else daemon.call("GET", _run_path(run)) for run in runs]
        if as_json:
            click.echo(_json(ended))
        else:
            for name, one in zip(names, ended, strict=True):
                _tell_run(name, one, wait=wait)
        if wait and any(one["status"] != "success" for one in ended):
            click.get_current_context().exit(ANSWER_IS_NO)


def _run_path(run: str) -> str:
    return f"/v1/executions/{segment(run)}"


def _ended(daemon: Remote, run: str) -> dict[str, Any]:
    """The run when it has ended; a daemon that does not answer meanwhile is asked again for a while."""
    from tickd.clock import SystemClock

    clock = SystemClock()
    pause, answered = POLL_SECS, clock.monotonic()
    while True:
        try:
            found: dict[str, Any] = daemon.call("GET", _run_path(run))
            answered = clock.monotonic()
            if found["status"] not in ("pending", "running"):
                return found
        except (Unreachable, Refused) as error:
            gone = isinstance(error, Refused) and error.status != 503
            if gone or clock.monotonic() - answered > daemon.timeout_secs:
                raise
        pause_for(pause)
        pause = min(POLL_MOST_SECS, pause * 1.2)


def pause_for(seconds: float) -> None:
    """Let so much time pass."""
    from threading import Event

    Event().wait(seconds)


def _tell_run(name: str, run: Mapping[str, Any], *, wait: bool) -> None:
    screen = Screen.current()
    state = word(run["status"])
    head = f"{safe(name)}: {screen.styled(state.text, state.tone)}"
    if not wait:
        click.echo(f"{head}  {safe(run['id'])}", color=screen.colour)
        return
    said = _facts(run)
    # The output alone goes to standard output, so that it can be piped on.
    click.echo(f"{head}  {said}", err=True, color=screen.colour)
    output = run["output"] or run["response_body"]
    for line in safe_lines(output.rstrip("\n")) if output else ():
        click.echo(line)


def _facts(result: Mapping[str, Any]) -> str:
    facts = [safe(str(result["status_code"] or "")), took(result["duration_ms"]), safe(result["error"])]
    return ", ".join(fact for fact in facts if fact and fact != "-")


def _run_monitors(group: click.Group) -> None:
    does = "Check monitors now, and say how it went; ends with 5 unless all are up."
    for verb in ("check", "run"):

        @_command(group, "monitor", verb, does, f"{verb} {{}}")
        @_named("monitor")
        @click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
        @remote_options
        def check(
            names: tuple[str, ...], as_json: bool, url: str | None, key: str | None, profile: str | None
        ) -> None:
            daemon = remote(url, key, profile)
            ids = [find(daemon, "monitor", name) for name in names]
            made = [
                daemon.call("POST", f"/v1/monitors/{segment(one)}/check", timeout_secs=CHECK_SECS)
                for one in ids
            ]
            if as_json:
                click.echo(_json(made))
            else:
                screen = Screen.current()
                for name, one in zip(names, made, strict=True):
                    state = word(one["status"])
                    shown = screen.styled(state.text, state.tone)
                    line = f"{safe(name)}: {shown}  {_facts(one)}".rstrip()
                    click.echo(line, color=screen.colour)
            if any(one["status"] != "up" for one in made):
                click.get_current_context().exit(ANSWER_IS_NO)


def _group(kind: Kind) -> click.Group:
    group = click.Group(f"{kind}s", help=_DOES[kind])
    _list(group, kind)
    _show(group, kind)
    _turn(group, kind, "pause", f"Pause {kind}s; what is paused stays so.")
    _turn(group, kind, "resume", f"Resume {kind}s; what is not paused goes on.")
    if kind == "job":
        _run_jobs(group)
    if kind == "monitor":
        _run_monitors(group)
    _history(group, kind)
    return group


jobs = _group("job")
monitors = _group("monitor")
heartbeats = _group("heartbeat")
