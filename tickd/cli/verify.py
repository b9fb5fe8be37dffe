"""`tickd verify`: a file of addresses, and what each of them is worth, in a file beside it."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

import click
import msgspec
import uvloop

from tickd import app
from tickd.cli import results, tables
from tickd.cli.judging import Judge, Progress, Tally, in_order
from tickd.cli.serve import config_option, load, options
from tickd.cli.tables import Row, Table, opened
from tickd.clock import SystemClock
from tickd.config import Settings
from tickd.domain import address_lists
from tickd.domain.verification import Verdict
from tickd.errors import Malformed

SOME_UNKNOWN = 3
"""The exit status when nothing could be found out about some addresses."""
PAUSE_SECS = 1.0
"""How long name servers get before they are asked the second time."""
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "\\t": "\t"}
# Before a result that is kept, and not written yet: the address is to be tried again.
_UNKNOWN = "?"


def _delimiter(_context: click.Context, _option: click.Parameter, text: str | None) -> str:
    found = _DELIMITERS.get(text or "", text or "")
    if len(found) > 1 or found in ('"', "\r", "\n", "\0", "@"):
        raise click.BadParameter("must be one character, or one of comma, semicolon, tab, pipe")
    return found


def _encoding(_context: click.Context, _option: click.Parameter, text: str | None) -> str:
    if not text:
        return ""
    found = tables.encoding_of(text)
    if found is None:
        raise click.BadParameter(
            f"must be the name of an encoding of text, such as windows-1252; {text} is none"
        )
    return found


@click.command(short_help="Verify the e-mail addresses of a file.")
@click.argument("file", metavar="FILE")
@click.option("--out", metavar="FILE", help="Where the results go; - for standard output.")
@click.option("--force", is_flag=True, help="Replace the file of results when there is one.")
@click.option(
    "--column", metavar="NAME", help="The column of the addresses: its name, or its number from 1 on."
)
@click.option(
    "--delimiter",
    metavar="TEXT",
    callback=_delimiter,
    help="What is between two columns: a character, or comma, semicolon, tab or pipe.",
)
@click.option("--header/--no-header", "headed", default=None, help="Whether the first row names the columns.")
@click.option("--encoding", metavar="NAME", callback=_encoding, help="How the file is written, if not UTF-8.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 256),
    default=32,
    show_default=True,
    help="How many addresses are looked into at once.",
)
@click.option("--quiet", is_flag=True, help="Tell neither progress nor summary.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, on standard output.")
@config_option
@options({"dns_server", "disposable_domain", "allowed_domain"})
@click.pass_context
def verify(
    context: click.Context,
    /,
    file: str,
    out: str | None,
    force: bool,
    column: str | None,
    delimiter: str,
    headed: bool | None,
    encoding: str,
    concurrency: int,
    quiet: bool,
    as_json: bool,
    config: Path | None,
    **flags: Any,
) -> None:
    """Verify the addresses of FILE: a CSV file with a column of them, or a list with one on each line.

    The results are written beside it: people.verified.csv for people.csv, with all of its columns and six
    more. FILE may be - for standard input. Nobody but the name servers is asked, and only about domains.
    """
    if as_json and (out or file) == "-":
        raise click.UsageError("--json and the results can't both go to standard output; give --out")
    settings = load(config, flags)
    with _interruptible() as told:
        try:
            with opened(file, encoding) as table:
                table.look_through(delimiter=delimiter, column=column or "", headed=headed)
                to = out or results.beside(file, is_list=not table.delimiter)
                run = _Run(table, to, settings, concurrency, quiet=quiet)
                run.all(force=force)
        except KeyboardInterrupt:
            click.echo("\ntickd: interrupted; the results are not complete", err=True)
            context.exit(128 + (told[0] if told else signal.SIGINT))
    run.tell(as_json=as_json)
    context.exit(SOME_UNKNOWN if run.tally.unknown else 0)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP end it as SIGINT does, with everything cleared away; which one it was."""
    told: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        told.append(number)
        # The event loop knows how to end by this one alone.
        signal.raise_signal(signal.SIGINT)

    before = {
        number: signal.signal(number, interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) == signal.SIG_DFL
    }
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Run:
    """One file from its first address to its last."""

    def __init__(self, table: Table, to: str, settings: Settings, at_once: int, *, quiet: bool) -> None:
        self.table, self.to, self.tally = table, to, Tally()
        self._settings, self._at_once, self._quiet = settings, at_once, quiet
        self._clock = SystemClock()
        self._begun = self._clock.monotonic()
        self._end = "\n"
        if not results.is_stream(to) and os.path.exists(to) and table.is_file(to):
            raise Malformed(f"{to} is the input itself; name another file with --out")

    def all(self, *, force: bool) -> None:
        """Judge every row, then write them all."""
        self._announce()
        folder = None if results.is_stream(self.to) else os.path.dirname(self.to) or "."
        with (
            results.written(self.to, access=self.table.access, force=force) as out,
            tempfile.TemporaryFile(dir=folder, prefix=".tickd-") as kept,
        ):
            uvloop.run(self._judge(kept))
            kept.seek(0)
            uvloop.run(self._write(kept, out))
            self.table.check_unchanged()

    async def _judge(self, kept: BinaryIO) -> None:
        """Judge every row, and keep the results in the order of the rows."""
        async with app.verifying(self._settings, most=self._at_once) as verifier:
            judge = Judge(verifier)
            emails = (self.table.address(row) for row in self.table.rows() if not row.is_blank)
            with self._progress(Path(self.table.name).name, self.table.count) as progress:

                def done(email: str, verdict: Verdict | str) -> None:
                    self.tally.add(email, verdict)
                    kept.write(self._line(verdict).encode() + b"\n")
                    progress.advance()

                await in_order(emails, judge.verdict, done, at_once=self._at_once)

    async def _write(self, kept: BinaryIO, out: BinaryIO) -> None:
        """Write every row with its result; what is unknown is tried again first."""
        self._head(out)
        # Another verifier: what this one found to fail it would not ask about again so soon.
        async with app.verifying(self._settings, most=self._at_once) as verifier:
            judge = Judge(verifier)
            again = self.tally.unknown
            if again:
                await self._clock.sleep(PAUSE_SECS)
            with self._progress("a second try", again) as progress:

                async def work(row: Row) -> str:
                    if row.is_blank:
                        return ""
                    line = kept.readline().decode().removesuffix("\n")
                    if not line.startswith(_UNKNOWN):
                        return line
                    email = self.table.address(row)
                    verdict = await judge.verdict(email)
                    self.tally.settle(email, verdict)
                    progress.advance()
                    return self._line(verdict)

                await in_order(self.table.rows(), work, lambda row, line: self._row(out, row, line),
                               at_once=self._at_once)  # fmt: skip

    def _progress(self, label: str, total: int) -> Progress:
        quiet = self._quiet or not total
        return Progress(label, total, self.tally, self._clock, to=sys.stderr, quiet=quiet)

    def _line(self, verdict: Verdict | str) -> str:
        """A result as it is kept, and written too unless it is unknown: cells with delimiters between."""
        unknown = isinstance(verdict, str)
        cells = address_lists.result_cells(verdict)
        delimiter = self.table.delimiter or ","
        line = delimiter.join(address_lists.quoted(" ".join(cell.split()), delimiter) for cell in cells)
        return _UNKNOWN + line if unknown else line

    def _head(self, out: BinaryIO) -> None:
        table = self.table
        out.write(table.mark)
        for row in table.top():
            names = [] if row.is_blank else address_lists.result_names(table.header)
            self._row(out, row, (table.delimiter or ",").join(names))
        if not table.header and not table.delimiter:
            # A list becomes a table, and a table says what its columns are.
            self._row(out, Row(0, "", "\n", ["email"]), ",".join(address_lists.RESULT_COLUMNS))

    def _row(self, out: BinaryIO, row: Row, line: str) -> None:
        table, delimiter = self.table, self.table.delimiter or ","
        self._end = row.end or self._end
        text = row.text if table.delimiter else address_lists.quoted(row.cells[0], delimiter)
        if not row.is_blank:
            missing = delimiter * (table.width - len(row.cells))
            if table.encoding not in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le"):
                line = line.encode(table.encoding, "replace").decode(table.encoding)
            text = f"{text}{missing}{delimiter}{line.removeprefix(_UNKNOWN)}"
        out.write((text + self._end).encode(table.encoding, table.errors))

    def _announce(self) -> None:
        table = self.table
        if self._quiet:
            return
        column = f"column {table.column + 1}" if table.delimiter else "each line"
        named = f" ({table.header[table.column].strip()})" if table.header else ", and no header"
        click.echo(f"{table.name}: {_rows(table.count)}, with the address in {column}{named}", err=True)

    def tell(self, *, as_json: bool) -> None:
        """Say how they came out."""
        secs = self._clock.monotonic() - self._begun
        if as_json:
            click.echo(msgspec.json.encode(self._summary(secs)).decode())
        elif not self._quiet:
            to = "standard output" if self.to == "-" else self.to
            rate = self.tally.rows / max(secs, 0.001)
            click.echo(f"{to}: {_rows(self.tally.rows)} in {secs:,.1f} s, {rate:,.0f}/s", err=True)
            for line in self.tally.lines():
                click.echo(f"  {line}", err=True)

    def _summary(self, secs: float) -> dict[str, object]:
        tally = self.tally
        return {
            "input": self.table.name,
            "output": self.to,
            "rows": tally.rows,
            "valid": tally.valid,
            "invalid": tally.invalid,
            "invalid_by": {kind: tally.invalid_by[kind] for kind in ("syntax", "domain", "disposable")},
            "unknown": tally.unknown,
            "disposable": tally.disposable,
            "role_based": tally.role_based,
            "seconds": round(secs, 1),
        }
