"""From manifests to a plan: the files are read, their secrets found, and everything is checked."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
from msgspec import structs

from tickd.cli import documents
from tickd.cli.references import resolved
from tickd.cli.remote import Refused, Remote
from tickd.cli.standing import PATHS, Standing
from tickd.cli.terminal import safe
from tickd.domain import accounts, plans
from tickd.domain import manifest_checks as checks
from tickd.domain import manifest_claims as claims
from tickd.domain.manifest import SECTIONS, SectionName
from tickd.domain.manifest_checks import Scope
from tickd.domain.plans import Plan, Wanted
from tickd.errors import StartupError

Place = tuple[SectionName, str]

RANGED = ("interval_secs", "timeout_secs")
"""The fields whose ranges an operator may move."""
SMALL_BYTES = 256 * 1024
"""Files up to this size are read before anybody wonders."""
TOLD_OF = 2000
"""After how many things it is said how far the checks are."""


class Faulty(StartupError):
    """The files can't be applied: everything that is wrong with them, a line each."""


@dataclass(slots=True)
class Asked:
    """What the files ask for: the tables by section and key, with `Secret` in the place of references.

    `files` says which file has it, `sections` which sections there are in any of them.
    """

    tables: dict[Place, dict[str, Any]] = field(default_factory=dict)
    files: dict[Place, str] = field(default_factory=dict)
    sections: set[SectionName] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)


def gathered(paths: Sequence[str], kind: documents.Format | None, only: set[SectionName]) -> Asked:
    """All that the files ask for; Faulty where the shape of one is wrong, or two say the same thing."""
    asked, faults = Asked(), list[str]()
    for path in paths:
        name = "standard input" if path == "-" else path
        _tell_of(path, name)
        manifest = documents.read(path, kind)
        wrong = [f"{name}: {sentence}" for sentence in checks.shape(manifest)]
        faults += wrong
        if not wrong:
            folder = Path() if path == "-" else Path(path).parent
            faults += _add(asked, manifest, name, folder, only)
    if faults:
        raise Faulty(_told(faults))
    return asked


def _tell_of(path: str, name: str) -> None:
    """A large file takes its time: whoever waits is told."""
    if path == "-" or (os.path.isfile(path) and os.path.getsize(path) > SMALL_BYTES):
        _tell(f"reading {name}")


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"{safe(text)} …", err=True)


def _add(
    asked: Asked, manifest: Mapping[str, Any], name: str, folder: Path, only: set[SectionName]
) -> list[str]:
    """Adds what one file asks for; what an earlier one asks for too is returned."""
    faults: list[str] = []
    for section in SECTIONS.values():
        if section.name not in manifest or section.name not in only:
            continue
        asked.sections.add(section.name)
        table = manifest[section.name] or {}
        for key, item in {"": table}.items() if section.name == "account" else table.items():
            place = (section.name, key)
            about = checks.Fault(section.name, key, "").place
            if place in asked.tables:
                faults.append(f"{name}: {about} is in {asked.files[place]} already")
                continue
            asked.files[place] = name
            for plain in checks.plain_secrets(section.name, item):
                asked.warnings.append(
                    f'{name}: {about}.{plain} has a secret in plain text; say {{env = "NAME"}}'
                )
            asked.tables[place] = resolved(section.name, item, folder)
    return faults


def planned(asked: Asked, standing: Standing, *, prune: bool, renew: bool, only: set[SectionName]) -> Plan:
    """The plan; Faulty has all that is wrong with any of it, before anything is written.

    Only sections that the files have are pruned, so that a file of monitors alone deletes no job.
    """
    doomed: set[SectionName] = {name for name in asked.sections if prune and name != "account"}
    renamed = claims.renamed(_tokens(asked), standing.things, doomed)
    known = {(one.section, one.key): one for one in standing.things}
    pairs = {place: known[place] for place in asked.tables if place in known} | renamed
    coming = set(asked.tables)
    scope = Scope(
        names=standing.names,
        coming=coming,
        doomed={place for place in known if place[0] in doomed} - coming,
        account=_bare_account(standing),
        least_interval=standing.account["limits"]["min_interval_secs"] or 0,
    )
    wanted: list[Wanted] = []
    faults: list[str] = []
    for number, ((section, key), table) in enumerate(asked.tables.items()):
        if number % TOLD_OF == 0 and len(asked.tables) > TOLD_OF:
            _tell(f"checking {number:,} of {len(asked.tables):,}")
        found, wrong = checks.wanted(SECTIONS[section], key, table, pairs.get((section, key)), scope)
        faults += [f"{asked.files[section, key]}: {fault}" for fault in wrong]
        wanted += [] if found is None else [found]
    faults += [f"{asked.files[place]}: {sentence}" for place, sentence in _clashes(asked, standing)]
    for place, sentence in claims.clashes(wanted, pairs, standing.things, scope.doomed):
        faults.append(f"{asked.files[place]}: {checks.Fault(*place, sentence)}")
    faults += [f"no secret: {sentence}" for sentence in scope.lacking]
    if faults:
        raise Faulty(_told(faults))
    shown = [one for one in standing.things if one.section in only]
    plan = plans.made(wanted, shown, prune=doomed, renew=renew, renamed=renamed)
    over = plans.over(plan, standing.account, standing.things)
    if over:
        raise Faulty(_told(over))
    freed = claims.releases(wanted, pairs, standing.things)
    return replace(plan, releases=freed, named=plans.namers(plan, standing.things))


def _tokens(asked: Asked) -> dict[str, str]:
    """What the files say of the tokens of all their heartbeats, by key; empty where that is nothing."""
    beats = {key: table for (section, key), table in asked.tables.items() if section == "heartbeats"}
    said = {key: table.get("token") for key, table in beats.items()}
    texts = {key: one.text if isinstance(one, checks.Secret) else one for key, one in said.items()}
    return {key: text if isinstance(text, str) else "" for key, text in texts.items()}


def ask(daemon: Remote, asked: Asked, plan: Plan) -> None:
    """Faulty where the daemon would refuse how often or how long something is looked at.

    How far the operator has moved these ranges only the daemon knows. It is asked to change what does not
    exist: it looks at the fields first, and then finds nothing to change.
    """
    faults: list[str] = []
    answers: dict[tuple[str, str], str] = {}
    for change in (*plan.of("create"), *plan.of("change")):
        said = {name: change.fields[name] for name in RANGED if name in change.fields}
        if change.section not in ("monitors", "heartbeats") or not said:
            continue
        question = (change.section, repr(said))
        if question not in answers:
            answers[question] = _refusal(daemon, PATHS[change.section], said)
        if answers[question]:
            place = checks.Fault(change.section, change.key, answers[question])
            faults.append(f"{asked.files[change.section, change.key]}: {place}")
    if faults:
        raise Faulty(_told(faults))


def _refusal(daemon: Remote, path: str, said: dict[str, Any]) -> str:
    try:
        daemon.call("PATCH", f"{path}/none", said)
    except Refused as error:
        # A key that may only read is refused whatever is said: then it is for `--check`.
        return error.message if error.status == 400 else ""
    return ""


def _bare_account(standing: Standing) -> accounts.Account:
    """The account as it is where nothing is said of it: its name and its secret stay."""
    fields = next(one.fields for one in standing.things if one.section == "account")
    bare = accounts.create("default", now=0)
    return structs.replace(bare, name=fields["name"], webhook_secret="")


def _clashes(asked: Asked, standing: Standing) -> list[tuple[Place, str]]:
    """Slugs that a monitor and a heartbeat would share: their pages are at one place."""
    found: list[tuple[Place, str]] = []
    for section, other in (("monitors", "heartbeats"), ("heartbeats", "monitors")):
        for place in asked.tables:
            if place[0] != section:
                continue
            key = place[1]
            is_new = not standing.names.has(place[0], key)
            both = (other, key) in asked.tables and section == "heartbeats"
            if both or (is_new and standing.names.has(other, key)):  # type: ignore[arg-type]
                noun = SECTIONS[other].noun  # type: ignore[index]
                found.append((place, f'{section}."{key}": the slug is that of a {noun} already'))
    return found


def _told(faults: Sequence[str]) -> str:
    if len(faults) == 1:
        return f"nothing was changed: {safe(faults[0])}"
    lines = "".join(f"\n  {safe(fault)}" for fault in faults)
    return f"nothing was changed, for there are {len(faults)} mistakes:{lines}"
