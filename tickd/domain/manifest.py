"""Manifests: what a person sets of an account, as one document with names in the place of ids.

A manifest is a dict: `version`, and the sections, of which `account` is one table and each other one a table
of tables by key. Fields have the API's names and values; one that is left out has its default.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import Struct

from tickd.domain import headers
from tickd.domain.accounts import AccountChange
from tickd.domain.channels import ChannelCreation
from tickd.domain.heartbeats import HeartbeatCreation
from tickd.domain.jobs import JobRegistration
from tickd.domain.monitors import MonitorCreation
from tickd.domain.status_pages import StatusPageCreation
from tickd.domain.windows import MaintenanceCreation

SectionName = Literal["account", "channels", "monitors", "heartbeats", "jobs", "maintenance", "status_pages"]
Manifest = dict[str, Any]
"""`{"version": 1, "account": {…}, "channels": {key: {…}}, …}`"""

VERSION = 1
SUBJECTS: tuple[SectionName, ...] = ("monitors", "heartbeats", "jobs")
"""What can be depended on, be in maintenance and be shown on a status page."""
REFERENCE_KEYS = ("env", "file")
"""What a secret's reference can be: the name of an environment variable, or the path of a file."""

_NOT_SHOUTED = re.compile(r"[^A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of thing: `noun` is what a reference says before the colon, `key` the field that names it.

    `aliases` can be said in a manifest, and are written as what they mean. `refers` has the fields that hold
    references, with the sections they may lead to.
    """

    name: SectionName
    noun: str
    key: str
    creation: type[Struct]
    secrets: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    refers: Mapping[str, tuple[SectionName, ...]] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that a person sets, in the order in which they are written."""
        known = [name for name in self.creation.__struct_fields__ if name not in self.aliases]
        first = [name for name in _FIRST if name in known]
        return tuple(first + [name for name in known if name not in first])

    @property
    def said(self) -> tuple[str, ...]:
        """Every field that a manifest may have."""
        return (*self.fields, *self.aliases)


_FIRST = ("name", "title", "kind", "type", "slug", "status", "schedule", "timezone", "endpoint", "url")
_CHANNELS: dict[str, tuple[SectionName, ...]] = {"channels": ("channels",)}
_ALERTED = {**_CHANNELS, "depends_on": SUBJECTS}
_HOOKS = ("alert_slack_webhook", "webhook_url")

SECTIONS: Mapping[SectionName, Section] = {
    section.name: section
    for section in (
        Section(
            "account",
            "account",
            "name",
            AccountChange,
            secrets=("webhook_secret",),
            refers={"fallback_channel": ("channels",)},
        ),
        # `headers` is no secret as a whole: of each header its name says whether it is one.
        Section("channels", "channel", "name", ChannelCreation, secrets=("url", "secret", "token")),
        Section(
            "monitors",
            "monitor",
            "slug",
            MonitorCreation,
            secrets=("basic_auth_pass", "bearer_token", "auth_header", *_HOOKS),
            aliases=("paused",),
            refers=_ALERTED,
        ),
        Section(
            "heartbeats",
            "heartbeat",
            "slug",
            HeartbeatCreation,
            secrets=("token", *_HOOKS),
            aliases=("paused", "grace_multiplier"),
            refers=_ALERTED,
        ),
        Section(
            "jobs",
            "job",
            "name",
            JobRegistration,
            secrets=("signing_secret",),
            refers={**_ALERTED, "requires": ("monitors", "heartbeats")},
        ),
        Section("maintenance", "maintenance", "name", MaintenanceCreation, refers={"subjects": SUBJECTS}),
        Section(
            "status_pages",
            "status_page",
            "slug",
            StatusPageCreation,
            secrets=("logo",),
            refers={"groups": SUBJECTS},
        ),
    )
}
"""The sections by name, in the order in which they are written and applied."""
NOUNS: Mapping[str, SectionName] = {SECTIONS[name].noun: name for name in SUBJECTS}
"""What may stand before the colon of a reference."""


def empty() -> Manifest:
    """A manifest without anything in it."""
    return {"version": VERSION}


def reference(section: SectionName, key: str) -> str:
    """The reference to a subject: `monitor:shop`."""
    return f"{SECTIONS[section].noun}:{key}"


def is_secret(section: SectionName, field: str, header: str = "") -> bool:
    """Whether a field, or one of its headers, is written as a reference."""
    if field == "headers":
        return headers.is_secret(header)
    return field in SECTIONS[section].secrets


def is_reference(value: object) -> bool:
    """Whether a value says where a text is, in the place of the text: `{"env": "NAME"}`."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    ((kind, where),) = value.items()
    return kind in REFERENCE_KEYS and isinstance(where, str) and bool(where)


class Variables:
    """Names environment variables for secrets; the same manifest has the same names every time."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, section: SectionName, key: str, field: str, header: str = "") -> str:
        """`TICKD_CHANNEL_OPS_MAIL_URL`; one that another secret has already gets a number."""
        told = (SECTIONS[section].noun, "" if section == "account" else key)
        said = [*told, "header" if header else field, header]
        words = [_shouted(text) for text in said if text]
        plain = "_".join(["TICKD", *words])
        chosen, number = plain, 1
        while chosen in self._taken:
            number += 1
            chosen = f"{plain}_{number}"
        self._taken.add(chosen)
        return chosen


def _shouted(text: str) -> str:
    """A text as a part of a variable's name; where nothing of it is left, a digest."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    word = _NOT_SHOUTED.sub("_", plain.upper()).strip("_")
    return word or hashlib.blake2b(text.encode(), digest_size=3).hexdigest().upper()


def ordered(manifest: Mapping[str, Any]) -> Manifest:
    """The manifest with its sections, keys and fields in the order in which they are written."""
    made: Manifest = {"version": manifest.get("version", VERSION)}
    for name, section in SECTIONS.items():
        table = manifest.get(name)
        if not table:
            continue
        if name == "account":
            made[name] = _in_order(table, section.said)
        else:
            made[name] = {key: _in_order(table[key], section.said) for key in sorted(table)}
    return made


def _in_order(table: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {field: table[field] for field in fields if table.get(field) is not None}


def meant(word: str, known: Collection[str]) -> str:
    """`: did you mean "jobs"?`, or which there are, after a word that is not known."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else f"; there are {', '.join(known)}"
