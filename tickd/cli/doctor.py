"""`tickd doctor`: looks at everything that a daemon needs, and says what to do."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import msgspec

from tickd.cli.serve import config_option, load, options
from tickd.clock import SystemClock
from tickd.config import Settings
from tickd.domain.diagnosis import Finding
from tickd.services import diagnosis
from tickd.services.backups import Plan
from tickd.services.diagnosis import Asked
from tickd.services.reachability import Addresses

EXIT_RED = 5
SECRETS = ("smtp_url", "api_key", "own_heartbeat_url")
_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command(short_help="Look at all that the daemon needs.")
@click.option("--full", is_flag=True, help="Read every index and reference of the database too; slower.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
@options()
def doctor(full: bool, as_json: bool, config: Path | None, **flags: Any) -> None:
    """Look at the database and at all that the daemon needs, whether it runs or not; change nothing.

    Takes the settings of `tickd serve`. Exit status 5 when a line says error.
    """
    asked = _asked(load(config, flags), config, full)
    findings = asyncio.run(_examine(asked, shown=not as_json))
    red = sum(one.level == "error" for one in findings)
    if as_json:
        told = {"ok": not red, "findings": [msgspec.to_builtins(one) for one in findings]}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        warned = sum(one.level == "warning" for one in findings)
        click.echo(f"{len(findings)} checks: {_counted(red, 'error')}, {_counted(warned, 'warning')}")
    if red:
        sys.exit(EXIT_RED)


async def _examine(asked: Asked, *, shown: bool) -> list[Finding]:
    findings = []
    async for finding in diagnosis.examine(asked, SystemClock()):
        findings.append(finding)
        if shown:
            _show(finding)
    return findings


def _show(finding: Finding) -> None:
    level = click.style(f"{finding.level:8}", fg=_COLOURS[finding.level])
    click.echo(f"{level} {finding.check}: {finding.message}")
    if finding.advice:
        click.echo(f"{'':8} → {finding.advice}")


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _with_secrets(config: Path | None) -> Path | None:
    """The configuration file, where it holds what nobody else may read."""
    named = os.environ.get("TICKD_CONFIG")
    file = config or (Path(named) if named else None)
    table = tomllib.loads(file.read_text("utf-8")) if file else {}
    return file if any(table.get(name) for name in SECRETS) else None


def _asked(settings: Settings, config: Path | None, full: bool) -> Asked:
    host, port = settings.listen
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - a bind address is no target
    plan = Plan(
        settings.backup_dir,
        settings.backup_schedule,
        settings.backup_timezone,
        settings.backup_keep,
        settings.backup_keep_weeks,
    )
    return Asked(
        db=settings.db,
        full=full,
        config=_with_secrets(config),
        addresses=Addresses(
            f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
            settings.base_url,
            settings.dns_server,
            settings.smtp_url,
            settings.mail_from,
        ),
        plan=plan if settings.backup_dir else None,
        max_calls=settings.max_calls,
        max_checks=settings.max_checks,
    )
