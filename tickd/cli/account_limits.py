"""`tickd account limits`: what an account may have and do, on the database file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec
from msgspec import UNSET, UnsetType

from tickd.cli.beside import db_option, run
from tickd.domain import limits as rules
from tickd.domain.accounts import DEFAULT_ACCOUNT, Account
from tickd.domain.limits import LimitsChange, Use
from tickd.services.limits import Limits

F = TypeVar("F", bound=Callable[..., Any])

NONE = "none"

USED = {
    "max_jobs": "jobs",
    "max_monitors": "monitors",
    "max_heartbeats": "heartbeats",
    "executions_per_month": "executions_this_month",
    "verifications_per_month": "verifications_this_month",
}
"""The limits that something is counted against, and what."""


class Most(click.IntRange):
    """A whole number in a range, or `none` for no limit where there may be none."""

    name = "number or none"

    def __init__(self, low: int, high: int, *, noun: str = "", unlimited: bool = True) -> None:
        super().__init__(low, high)
        self._low, self._high, self._noun, self._unlimited = low, high, noun, unlimited

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or `none`: None is what click says of an option that was not given."""
        text = str(value).strip().lower()
        if self._unlimited and text == NONE:
            return NONE
        if text.isascii() and text.isdigit() and len(text) < 10 and self._low <= int(text) <= self._high:
            return int(text)
        end = ", or none for no limit" if self._unlimited else "; history is not kept without a limit"
        self.fail(f"must be a whole number{self._noun} between {self._low} and {self._high}{end}", param, ctx)


def _limit_options(function: F) -> F:
    count = Most(0, rules.COUNT_MOST)
    for name, kind, words in reversed(
        (
            ("max-jobs", count, "How many jobs it may have."),
            ("max-monitors", count, "How many monitors it may have."),
            ("max-heartbeats", count, "How many heartbeats it may have."),
            (
                "min-interval-secs",
                Most(1, rules.INTERVAL_MOST, noun=" of seconds"),
                "The shortest interval of its monitors, and between two runs of a job's schedule.",
            ),
            ("executions-per-month", count, "How many runs of jobs a UTC month has."),
            ("verifications-per-month", count, "How many e-mail addresses it may verify in a UTC month."),
            (
                "retention-days",
                Most(1, rules.DAYS_MOST, noun=" of days", unlimited=False),
                "How long its history is kept; when it is lowered, older history is removed for ever.",
            ),
        )
    ):
        metavar = "DAYS" if name == "retention-days" else "N|none"
        function = click.option(f"--{name}", type=kind, metavar=metavar, help=words)(function)
    return function


@click.command("limits")
@db_option
@click.argument("account_id", default=DEFAULT_ACCOUNT)
@_limit_options
@click.option("--yes", is_flag=True, help="Don't ask before history is removed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def limits(db: str, account_id: str, yes: bool, as_json: bool, **said: Any) -> None:
    """Show the limits of ACCOUNT_ID (acc_default when left out) and what it uses, or set some of them.

    What is there already stays when a limit is lowered below it; but a lower --retention-days removes
    history for ever, and asks before it does.
    """
    given: dict[str, Any] = {
        name: None if value == NONE else value for name, value in said.items() if value is not None
    }
    spec = LimitsChange(**given)

    async def act(service: Limits) -> None:
        account = await service.account(account_id)
        if given:
            _confirm(account, spec.retention_days, yes)
            account = await service.set(account_id, spec)
        _print(account, await service.use(account_id), as_json)

    run(db, Limits, act)


def _confirm(account: Account, days: int | UnsetType, yes: bool) -> None:
    """Ask before history goes that can't come back."""
    if days is UNSET or days >= account.retention_days or yes:
        return
    words = f"History of {account.id} older than {days} {'days' if days != 1 else 'day'} is removed for ever."
    click.confirm(f"{words} Go on?", abort=True, err=True)


def _print(account: Account, use: Use, as_json: bool) -> None:
    known, used = rules.of(account), msgspec.structs.asdict(use)
    if as_json:
        shown = {"account_id": account.id, "limits": known, "use": used}
        click.echo(msgspec.json.format(msgspec.json.encode(shown)).decode())
        return
    rows = [("LIMIT", "MOST", "USED")]
    for name, value in known.items():
        most = "no limit" if value is None else f"{value}"
        rows.append((name, most, f"{used.get(USED.get(name, ''), '')}"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = (row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].rjust(widths[2]))
        click.echo("  ".join(cells).rstrip())
