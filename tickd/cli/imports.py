"""`tickd import`: what another service knows as a manifest, and a report of what could not come along."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from tickd import ids
from tickd.cli import documents, outputs
from tickd.clock import SystemClock
from tickd.domain import cron, urls
from tickd.domain.imports import crontab as crontabs
from tickd.domain.imports import gatus as gatuses
from tickd.domain.imports import healthchecks as checks
from tickd.domain.imports import uptime_kuma as kumas
from tickd.domain.imports.draft import Draft, Item
from tickd.errors import Invalid, Malformed, StartupError
from tickd.services import imports

F = TypeVar("F", bound=Callable[..., Any])

MOST_BYTES = 16 * 1024 * 1024
"""The largest file of another service that is read, but for databases."""
_HEADING = "Made by tickd import {source}. Look it through, then: tickd apply."


@dataclass(slots=True)
class Output:
    """Where the results go; `files` are to be written, with their content and their permissions."""

    output: str | None
    kind: documents.Format
    secrets: str | None
    as_json: bool
    force: bool
    files: dict[str, tuple[str, int | None]] = field(default_factory=dict)

    def add(self, name: str, text: str, mode: int | None) -> None:
        """Have a file written, with these permissions or those that it has."""
        if name in self.files:
            raise click.UsageError(f"two files would be {name}")
        self.files[name] = text, mode


def output_options(function: F) -> F:
    """Gives a command `output`, `format`, `secrets`, `as_json` and `force`, as one `Output`."""
    options = (
        click.option(
            "--output", metavar="FILE", help="Where the manifest goes; by default to standard output."
        ),
        click.option(
            "--format",
            "kind",
            type=click.Choice(["toml", "yaml"]),
            help="The manifest's format; by default by the file's name, or toml.",
        ),
        click.option(
            "--secrets", metavar="FILE", help="Where the values of secrets go, for you alone to read."
        ),
        click.option("--json", "as_json", is_flag=True, help="The report as JSON."),
        click.option("--force", is_flag=True, help="Replace files that are there already."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _output(
    output: str | None, kind: Literal["toml", "yaml"] | None, secrets: str | None, as_json: bool, force: bool
) -> Output:
    path = None if output in (None, "-") else output
    format_ = kind or (documents.format_of(path) if path else "toml")
    return Output(path, format_, secrets, as_json, force)


@click.group("import", short_help="Read what another service knows.")
def import_() -> None:
    """Make a manifest of what another service knows, and say what could not be carried over.

    Nothing is changed, here or there: tickd apply does that, after a look at the manifest.
    """


@import_.command("uptime-kuma")
@click.argument("database", metavar="KUMA.DB")
@output_options
def uptime_kuma(database: str, **options: Any) -> None:
    """Read the database of an Uptime Kuma, 1.23 or 2.x; it is not written to."""
    where = _output(**options)
    draft = kumas.convert(imports.uptime_kuma(Path(database)), SystemClock().now())
    _finish("uptime-kuma", draft, where)


@import_.command()
@click.argument("file")
@output_options
def healthchecks(file: str, **options: Any) -> None:
    """Read the checks of a Healthchecks: the answer of GET /api/v3/checks/, from FILE or - for stdin."""
    where = _output(**options)
    try:
        document = json.loads(_text(file))
    except (ValueError, RecursionError) as error:
        raise StartupError(
            f"{_named(file)} is not valid JSON: {error or 'it is nested too deeply'}"
        ) from error
    with _of(file):
        draft = checks.convert(document, SystemClock().now())
    _finish("healthchecks", draft, where)


@import_.command()
@click.argument("config", metavar="CONFIG.YAML")
@output_options
def gatus(config: str, **options: Any) -> None:
    """Read the configuration of a Gatus, from a file or - for standard input."""
    where = _output(**options)
    document = documents.read(config, "yaml")
    with _of(config):
        draft = gatuses.convert(document, SystemClock().now())
    _finish("gatus", draft, where)


@import_.command()
@click.argument("file")
@click.option("--timezone", help="The zone of the machine that it is from; by default this machine's.")
@click.option("--system", "is_system", is_flag=True, help="A user's name stands behind the schedule.")
@click.option(
    "--crontab", "rewritten", metavar="FILE", help="Where the crontab goes as it is to be, with its pings."
)
@click.option("--base-url", help="Where jobs reach tickd, for --crontab: https://tickd.example.com")
@output_options
def crontab(
    file: str,
    timezone: str | None,
    is_system: bool,
    rewritten: str | None,
    base_url: str | None,
    **options: Any,
) -> None:
    """Read a crontab: calls of an address become jobs, other commands heartbeats that they ping.

    Without --system, /etc/crontab and what is in /etc/cron.d are taken for a system's all the same.
    """
    where = _output(**options)
    if rewritten and not base_url:
        raise click.UsageError("--crontab needs --base-url: the address in its pings")
    base = urls.http_url("--base-url", base_url).rstrip("/") if base_url else ""
    read = _text(file)
    with _of(file):
        draft, text = crontabs.convert(
            read,
            SystemClock().now(),
            timezone=_zone(timezone),
            is_system=is_system or file.startswith(("/etc/cron.d/", "/etc/crontab")),
            make_token=ids.token if rewritten else None,
            ping_url=base,
        )
    if rewritten:
        where.add(rewritten, text, 0o600)
    _finish("crontab", draft, where)


def _zone(given: str | None) -> str:
    """The zone that was given, or the machine's."""
    if given is not None:
        return cron.zone(given).key
    _, found, name = os.path.realpath("/etc/localtime").partition("/zoneinfo/")
    with suppress(Invalid):
        return cron.zone(os.environ.get("TZ", "").lstrip(":") or (name if found else "UTC")).key
    return "UTC"


@contextmanager
def _of(file: str) -> Iterator[None]:
    """What is wrong with a file is said with its name."""
    try:
        yield
    except Malformed as error:
        raise StartupError(f"can't read {_named(file)}: {error.message}") from error


def _named(file: str) -> str:
    return "standard input" if file == "-" else file


def _text(file: str) -> str:
    try:
        if file == "-":
            raw = sys.stdin.read(MOST_BYTES + 1).encode()
        else:
            with Path(file).open("rb") as opened:
                raw = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise StartupError(f"can't read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise StartupError("standard input is not UTF-8") from error
    if len(raw) > MOST_BYTES:
        raise StartupError(f"{_named(file)} is over {MOST_BYTES >> 20} MiB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StartupError(f"{_named(file)} is not UTF-8") from error


# What comes out.


def _finish(source: str, draft: Draft, where: Output) -> None:
    """Write the files, and the report to standard error."""
    body = documents.write(draft.manifest, where.kind, _HEADING.format(source=source))
    if where.output is not None:
        where.add(where.output, body, None)
    if where.secrets is not None:
        where.add(where.secrets, _environment(draft.secrets), 0o600)
    _write(where.files, where.force)
    if where.output is None:
        click.echo(body, nl=False)
    report = _as_json(source, draft, where) if where.as_json else _in_words(draft, where)
    click.echo(report, err=True)


def _environment(secrets: Mapping[str, str]) -> str:
    """Variables as a shell and systemd's EnvironmentFile read them."""
    quoted = ((name, value.replace("'", "'\\''")) for name, value in secrets.items())
    return "".join(f"{name}='{value}'\n" for name, value in quoted)


def _write(files: Mapping[str, tuple[str, int | None]], force: bool) -> None:
    """Write all of the files, whole, or none where one of them is there already."""
    for name in files:
        if not force and os.path.lexists(name) and not outputs.is_special(name):
            raise StartupError(f"{name} is there already; give --force to replace it")
    for name, (text, mode) in files.items():
        outputs.write(name, text, mode)


def _as_json(source: str, draft: Draft, where: Output) -> str:
    items = [
        {
            "kind": item.kind,
            "name": item.name,
            "became": item.became or None,
            "changed": item.changed,
            "lost": item.lost,
        }
        for item in draft.items
    ]
    report = {
        "source": source,
        "manifest": where.output,
        "items": items,
        "notes": draft.notes,
        "secrets": list(draft.secrets),
    }
    return json.dumps(report, indent=2, ensure_ascii=False)


def _in_words(draft: Draft, where: Output) -> str:
    lines = [line for item in draft.items if not item.became for line in _told(item)]
    if lines:
        lines.insert(0, "NOT CARRIED OVER")
    other = [line for item in draft.items if item.became for line in _told(item)]
    if other:
        lines += [*([""] if lines else []), "CARRIED OVER WITH CHANGES", *other]
    if draft.notes:
        lines += [*([""] if lines else []), "IN GENERAL", *(f"  {note}" for note in draft.notes)]
    return "\n".join([*lines, *([""] if lines else []), _summary(draft), *_next(draft, where)])


def _told(item: Item) -> list[str]:
    if item.became and not item.changed and not item.lost:
        return []
    arrow = f" -> {item.became}" if item.became else ""
    notes = [f"    changed: {words}" for words in item.changed]
    notes += [f"    {'lost' if item.became else 'why'}: {words}" for words in item.lost]
    return [f"  {item.kind} {item.name}{arrow}", *notes]


def _summary(draft: Draft) -> str:
    made = Counter(
        {
            section.replace("_", " "): len(table)
            for section, table in draft.manifest.items()
            if isinstance(table, dict)
        }
    )
    counted = ", ".join(f"{number} {noun if number > 1 else _one(noun)}" for noun, number in made.items())
    left = sum(not item.became for item in draft.items)
    changed = sum(bool(item.became and (item.changed or item.lost)) for item in draft.items)
    return f"Made: {counted or 'nothing'}. Carried over with changes: {changed}. Not carried over: {left}."


def _one(noun: str) -> str:
    return noun if noun == "maintenance" else noun.removesuffix("s")


def _next(draft: Draft, where: Output) -> list[str]:
    """What the person does now."""
    lines = []
    if draft.secrets and where.secrets is None:
        count = len(draft.secrets)
        lines.append(
            f"Secrets: {count} {'is' if count == 1 else 'are'} named, and not written; --secrets FILE does."
        )
    apply = f"tickd apply {where.output or 'FILE'}"
    if draft.secrets:
        env = where.secrets or "SECRETS.env"
        path = env if "/" in env else f"./{env}"
        apply = f"set -a; . {path}; set +a; {apply}"
    return [*lines, f"Next: {apply}"]
