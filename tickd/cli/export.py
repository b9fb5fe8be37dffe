"""`tickd export`: all that a person sets of an account, as TOML or YAML, without its secrets."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from tickd.cli import documents, outputs, standing
from tickd.cli.remote import remote, remote_options
from tickd.cli.standing import Standing
from tickd.cli.terminal import safe
from tickd.domain import manifest as shape
from tickd.domain.headers import MASK
from tickd.domain.manifest import SECTIONS, Manifest, SectionName, Variables
from tickd.domain.plans import covers_nothing
from tickd.errors import StartupError

HEADING = """What this tickd account has, written by `tickd export`; `tickd apply` makes it so again.
What is left out has its default. Secrets are not here: each is named by an environment variable."""
"""What stands at the top of an export."""


class Sections(click.ParamType[set[SectionName]]):
    """Names of sections with commas between them."""

    name = "SECTIONS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> set[SectionName]:
        """The sections by name; an unknown one is a wrong command line."""
        if isinstance(value, set):
            return value
        said = [word.strip().replace("-", "_") for word in str(value).split(",") if word.strip()]
        for word in said:
            if word not in SECTIONS:
                self.fail(f'"{word}" is no section{shape.meant(word, SECTIONS)}', param, ctx)
        return set(said)  # type: ignore[arg-type]


@click.command(short_help="Write all that is set as TOML or YAML.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["toml", "yaml"]),
    help="How it is written; by default as FILE is named.",
)
@click.option("--output", metavar="FILE", help="Where it goes, in place of standard output.")
@click.option("--only", type=Sections(), help="Leave out the other sections: channels,monitors,…")
@click.option(
    "--with-secrets",
    "secrets_file",
    metavar="FILE",
    help="Write the secrets that can be read to a new file, which only you can read.",
)
@remote_options
def export(
    kind: documents.Format | None,
    output: str | None,
    only: set[SectionName] | None,
    secrets_file: str | None,
    url: str | None,
    key: str | None,
    profile: str | None,
) -> None:
    """Write all that is set of an account as TOML or YAML: settings, channels, monitors, heartbeats, jobs,
    maintenance and status pages. History is not in it, and neither are secrets: they are named by environment
    variables.
    """
    if kind is None:
        named = Path(output).suffix if output and output != "-" else ""
        kind = documents.format_of(output or "") if named else "toml"
    found = standing.read(remote(url, key, profile))
    made, secrets = manifest_of(found, set(SECTIONS) if only is None else only)
    text = documents.write(made, kind, HEADING)
    for sentence in found.lost:
        click.echo(f"warning: {safe(sentence)}; it is left out", err=True)
    if secrets_file is not None:
        _write_secrets(secrets_file, secrets)
    if output is None or output == "-":
        click.echo(text, nl=False)
    else:
        outputs.write(output, text)
    _tell(secrets, secrets_file)


def manifest_of(found: Standing, only: set[SectionName]) -> tuple[Manifest, dict[str, str | None]]:
    """The manifest of an account, and its secrets by the variable that names each; None for a hidden one."""
    made = shape.empty()
    secrets: dict[str, str | None] = {}
    variables = Variables()
    for thing in sorted(found.things, key=lambda one: (list(SECTIONS).index(one.section), one.key)):
        if thing.section not in only or covers_nothing(thing.section, thing.fields):
            continue
        fields = standing.manifest_fields(thing)
        item = {
            name: _hidden(thing.section, thing.key, name, value, variables, secrets)
            for name, value in fields.items()
        }
        if thing.section == "account":
            made["account"] = item
        else:
            made.setdefault(thing.section, {})[thing.key] = item
    return made, secrets


def _hidden(
    section: SectionName,
    key: str,
    field: str,
    value: Any,
    variables: Variables,
    secrets: dict[str, str | None],
) -> Any:
    """The value of a field, with references in the place of secrets."""

    def one(header: str, text: str) -> Any:
        if not text or not shape.is_secret(section, field, header):
            return text
        name = variables.name(section, key, field, header)
        secrets[name] = None if text == MASK else text
        return {"env": name}

    if field == "headers":
        return {header: one(header, text) for header, text in sorted(value.items())}
    if field == "logo":
        return {"file": f"logos/{key}"}
    return one("", value) if isinstance(value, str) else value


def _write_secrets(path: str, secrets: Mapping[str, str | None]) -> None:
    lines = ["# Secrets of a tickd account, for `set -a; . FILE; set +a` before `tickd apply`."]
    lines += [
        f"{name}={shlex.quote(text)}" if text is not None else f"# {name} is not shown: fill it in.\n{name}="
        for name, text in sorted(secrets.items())
    ]
    try:
        # Never over another file, and never for a moment readable to others.
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except FileExistsError as error:
        raise StartupError(f"{path} is there already; secrets are written to a new file only") from error
    except OSError as error:
        raise StartupError(f"can't write {path}: {error.strerror}") from error


def _tell(secrets: Mapping[str, str | None], path: str | None) -> None:
    if not secrets:
        return
    hidden = sorted(name for name, text in secrets.items() if text is None)
    many = f"{len(secrets)} secret{'s' if len(secrets) != 1 else ''}"
    if path is None:
        click.echo(f"{many} left out, each named by an environment variable.", err=True)
        return
    click.echo(f"{len(secrets) - len(hidden)} of {many} written to {path}.", err=True)
    for name in hidden:
        click.echo(f"  {name} is not shown: fill it in.", err=True)
