"""`tickd exec`: runs a command and reports it. What can go wrong with the report never touches the run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tickd.cli.child import ENDING, Child
from tickd.cli.pings import say, target
from tickd.errors import TickdError

if TYPE_CHECKING:
    from tickd.cli.delivery import Courier
    from tickd.clock import Clock

URL = "http://127.0.0.1:8090"
TOLD_SECS, HURRY_SECS, GRACE_SECS = 5.0, 1.0, 0.5
"""How long delivery may take when the command was told to end, when we are, and what it may take beyond."""


class Separated(click.Command):
    """A command that ends in another one, behind `--`: else the options of that would be taken for ours."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        alone = {"--help", "-h", "--replay"} & set(args[:1] if len(args) > 1 else args)
        if "--" not in args and not alone and "--replay" not in args:
            raise click.UsageError("Put -- before the command: tickd exec TOKEN -- COMMAND", ctx)
        return super().parse_args(ctx, args)


@click.command("exec", cls=Separated, short_help="Run a command and report its run.")
@click.argument("token", required=False)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option(
    "--url",
    default=lambda: os.environ.get("TICKD_URL") or URL,
    help=f"The address of tickd.  [env: TICKD_URL; default: {URL}]",
)
@click.option(
    "--no-output", is_flag=True, help="Hand our output to COMMAND untouched, and report none of it."
)
@click.option(
    "--max-wait-secs",
    type=click.IntRange(0, 300),
    default=15,
    show_default=True,
    help="The longest that delivery may take after the end of COMMAND.",
)
@click.option("--replay", is_flag=True, help="Run nothing; send the pings that could not be delivered.")
@click.pass_context
def execute(
    context: click.Context,
    token: str | None,
    command: tuple[str, ...],
    url: str,
    no_output: bool,
    max_wait_secs: int,
    replay: bool,
) -> None:
    """Run COMMAND and report its start, its end and the end of its output to a heartbeat.

    TOKEN is the heartbeat's token or its whole ping URL, or - where TICKD_EXEC_TOKEN has it. The exit status
    is that of COMMAND, whatever becomes of the report.
    """
    if replay:
        if token:
            raise click.UsageError("--replay stands alone: it runs no command")
        context.exit(_replay(max_wait_secs))
    if not token or not command:
        raise click.UsageError("Give a token and a command: tickd exec TOKEN -- COMMAND")
    if token == "-":  # noqa: S105
        token = os.environ.get("TICKD_EXEC_TOKEN", "")
    context.exit(_run(token, url, command, capture=not no_output, max_wait_secs=max_wait_secs))


def _replay(max_wait_secs: int) -> int:
    from tickd.cli.delivery import replay
    from tickd.clock import SystemClock

    clock = SystemClock()
    return 1 if replay(clock, clock.monotonic() + max_wait_secs).left else 0


def _run(token: str, url: str, command: tuple[str, ...], *, capture: bool, max_wait_secs: int) -> int:
    child = Child(command, capture=capture)
    if child.failure:
        say(child.failure)
        child.tail.add(child.failure.encode(errors="replace"))
    # What takes time to import comes when the command runs.
    from tickd.clock import SystemClock

    clock = SystemClock()
    courier = _courier(token, url, child, clock)
    status = child.wait()
    child.drain(clock)
    if courier is not None:
        courier.end(child.report, min(max_wait_secs, TOLD_SECS) if child.told_to_end else max_wait_secs)
    _linger(child, courier, clock)
    if child.lost is not None:
        say(f"output was lost: {child.lost.strerror}")
    return status


def _courier(token: str, url: str, child: Child, clock: Clock) -> Courier | None:
    """Who delivers the report, begun; None where there is nowhere to report to, which is told."""
    begun = clock.now()
    try:
        to = target(token, url)
        from tickd.cli.delivery import Courier

        courier = Courier(to, clock, begun, child.wake)
        courier.start()
    except TickdError as error:
        say(f"{error.message}; the run is not reported")
    # No thread to be had, a package that is being replaced: the command runs, and has to be waited for.
    except Exception as error:
        say(f"the run is not reported: {error}")
    else:
        return courier
    return None


def _linger(child: Child, courier: Courier | None, clock: Clock) -> None:
    """Wait for the last of the output, as long as it takes, and for delivery, as long as it may."""
    hurried = False
    while True:
        left = None
        if courier is not None and not courier.finished.is_set():
            left = courier.deadline + GRACE_SECS - clock.monotonic()
        delivering = left is not None and left > 0
        if not delivering and (hurried or child.drained):
            break
        if child.heard(left if delivering else None) in ENDING:
            hurried = True
            if courier is not None:
                courier.hurry(HURRY_SECS)
    if courier is not None:
        courier.close()
