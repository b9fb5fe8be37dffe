"""Drafts: a manifest that is made of another service's items, and the report of what became of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tickd.domain import (
    channels,
    fields,
    heartbeats,
    jobs,
    manifest,
    monitors,
    slugs,
    status_pages,
    texts,
    windows,
)
from tickd.domain import headers as header_rules
from tickd.domain.channels import ChannelCreation
from tickd.domain.heartbeats import HeartbeatCreation
from tickd.domain.jobs import JobRegistration
from tickd.domain.manifest import Manifest, SectionName, Variables
from tickd.domain.monitors import MonitorCreation
from tickd.domain.status_pages import StatusPageCreation
from tickd.domain.windows import MaintenanceCreation
from tickd.errors import Invalid

INTERVAL_LOW, INTERVAL_HIGH = 30, 86_400
"""The range of a monitor's interval as it is by default, in seconds."""
TIMEOUT_LOW, TIMEOUT_HIGH = 5, 30
"""The range of a monitor's timeout, in seconds."""
THRESHOLD_HIGH = 10
"""How many failures in a row a threshold may be at most."""
ITEMS_MOST = 20_000
"""How many items of a source are read."""
LONGEST_SHOWN = 120
"""How many characters of a source's text are shown."""

_UNPRINTABLE = re.compile(r"[^\S ]+|[\x00-\x1f\x7f]+")
_BARE: Mapping[SectionName, dict[str, object]] = {
    "heartbeats": {"token": "0" * 64, "short_token": "0" * 16},
    "status_pages": {"own_host": ""},
}
_RULES: Mapping[SectionName, tuple[type, Callable[..., object]]] = {
    "channels": (ChannelCreation, channels.create),
    "monitors": (MonitorCreation, monitors.create),
    "heartbeats": (HeartbeatCreation, heartbeats.create),
    "jobs": (JobRegistration, jobs.register),
    "maintenance": (MaintenanceCreation, windows.create),
    "status_pages": (StatusPageCreation, status_pages.create),
}


def shown(value: object) -> str:
    """A source's text as it may be printed: one line of printable characters, cut where it is long."""
    text = " ".join(str(value).split())
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


@dataclass(slots=True)
class Item:
    """One thing of the source: `became` is where it is in the manifest, empty where it was left out."""

    kind: str
    name: str
    became: str = ""
    changed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    is_held: bool = False

    def change(self, words: str) -> None:
        """Note that something is carried over, but not as it was."""
        if words not in self.changed:
            self.changed.append(words)

    def lose(self, words: str) -> None:
        """Note that something could not be carried over, and why."""
        if words not in self.lost:
            self.lost.append(words)

    def hold(self, words: str) -> None:
        """Note what tickd would need for it to work; it is carried over paused."""
        self.lose(words)
        self.is_held = True


@dataclass(slots=True)
class Draft:
    """A manifest in the making: names are made unique, secrets become references, all is checked."""

    now: int
    manifest: Manifest = field(default_factory=manifest.empty)
    items: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    _variables: Variables = field(default_factory=Variables)
    _slugs: set[str] = field(default_factory=set)
    _tokens: set[str] = field(default_factory=set)
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def item(self, kind: str, name: object) -> Item:
        """A thing of the source, to be told of in the report."""
        made = Item(kind, shown(name) or "without a name")
        self.items.append(made)
        return made

    def note(self, words: str) -> None:
        """Note something that concerns the source as a whole."""
        if words not in self.notes:
            self.notes.append(words)

    def put(self, item: Item, section: SectionName, said: Mapping[str, Any]) -> str:
        """Put an item into the manifest under a key of its own, which is returned; empty where it can't be.

        A text in a secret's place is a value to be kept apart; a reference is kept as it is.
        """
        given = {name: _sound(value) for name, value in said.items() if value is not None}
        if item.is_held:
            given["status"] = "paused"
            item.change("it is paused until that is settled")
        key = self._key(item, section, given)
        for name in [name for name in given if _is_misplaced(section, name, given[name])]:
            item.lose(f"{name}: an environment variable can stand for a secret alone")
            del given[name]
        try:
            _check(section, given, self.now)
        except Invalid as error:
            item.lose(f"tickd refuses it: {shown(error.message)}")
            return ""
        if section == "heartbeats" and isinstance(given.get("token"), str):
            if given["token"] in self._tokens:
                item.lose("token: another one has it too; it gets a fresh one")
                del given["token"]
            else:
                self._tokens.add(given["token"])
        if section in ("monitors", "heartbeats"):
            self._slugs.add(key)
        for variable in _variables(given):
            self.note(f"the environment variable {shown(variable)} must be set for tickd apply")
        table = self.manifest.setdefault(section, {})
        table[key] = self._apart(section, key, given)
        item.became = f"{section}.{key}"
        return key

    def _key(self, item: Item, section: SectionName, given: dict[str, Any]) -> str:
        """The key of a new item; its own field goes, since the key says it."""
        named = manifest.SECTIONS[section].key
        if section in ("monitors", "heartbeats"):
            wanted = str(given.pop("slug", "") or given.get("name", ""))
            return self._free(_slug(wanted, section), self._slugs, slugs.LONGEST, "-")
        taken = self.manifest.get(section, {})
        if section == "status_pages":
            return self._free(_slug(str(given.pop(named)), section), taken, slugs.LONGEST, "-")
        wanted = str(given.pop(named))
        key = self._free(wanted, taken, 100 if section == "channels" else 200, " ")
        if key != wanted:
            item.change(f"its name is {shown(key)!r}: another one has its own")
        return key

    def _free(self, wanted: str, taken: Collection[str], longest: int, between: str) -> str:
        """The name, or with a number behind it where it is taken."""
        name = wanted = wanted[:longest]
        # Where thousands have one name, the search goes on where it ended.
        number = self._numbers.get((between, wanted), 1)
        while name in taken:
            number += 1
            tail = f"{between}{number}"
            name = wanted[: longest - len(tail)] + tail
        self._numbers[between, wanted] = number
        return name

    def _apart(self, section: SectionName, key: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The fields with a reference where a secret is."""
        made: dict[str, Any] = {}
        for name, value in given.items():
            if name == "headers":
                made[name] = {
                    header: self._secret(section, key, name, text, header)
                    if manifest.is_secret(section, name, header)
                    else text
                    for header, text in value.items()
                }
            else:
                made[name] = (
                    self._secret(section, key, name, value) if manifest.is_secret(section, name) else value
                )
        return made

    def _secret(self, section: SectionName, key: str, name: str, value: Any, header: str = "") -> Any:
        if not isinstance(value, str) or not value:
            return value
        variable = self._variables.name(section, key, name, header)
        self.secrets[variable] = value
        return {"env": variable}


def _slug(text: str, section: SectionName) -> str:
    try:
        return slugs.sanitise(text)
    except Invalid:
        return manifest.SECTIONS[section].noun.replace("_", "-")


def _variables(value: Any) -> list[str]:
    """The environment variables that the source itself names."""
    if manifest.is_reference(value):
        return [str(value["env"])] if "env" in value else []
    return [name for one in value.values() for name in _variables(one)] if isinstance(value, dict) else []


def _sound(value: Any) -> Any:
    """A value whose texts can be written as UTF-8: JSON may hold half a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_sound(name): _sound(one) for name, one in value.items()}
    return [_sound(one) for one in value] if isinstance(value, list) else value


def _is_misplaced(section: SectionName, name: str, value: Any) -> bool:
    """Whether a reference stands where the manifest has none."""
    if name == "headers":
        return any(
            manifest.is_reference(text) and not manifest.is_secret(section, name, header)
            for header, text in value.items()
        )
    return manifest.is_reference(value) and not manifest.is_secret(section, name)


def _check(section: SectionName, given: Mapping[str, Any], now: int) -> None:
    """Raise Invalid where the API would refuse it."""
    spec = manifest.SECTIONS[section]
    plain: dict[str, object] = {name: _plain(name, value) for name, value in given.items()}
    plain.setdefault(spec.key, "x")
    if "headers" in plain:
        table: Mapping[str, Any] = plain["headers"]  # type: ignore[assignment]
        plain["headers"] = {name: _plain(name, text) for name, text in table.items()}
    kind, create = _RULES[section]
    create(
        fields.convert(plain, kind), identifier="x" * 20, account_id="x", now=now, **_BARE.get(section, {})
    )


def _plain(name: str, value: Any) -> Any:
    """What stands for a reference while the rest is checked."""
    if not manifest.is_reference(value):
        return value
    return "https://example.com/" if "url" in name or "webhook" in name else "x" * 32


# What the sources have in common.


def name_of(item: Item, text: object, *, longest: int = 200, fallback: str = "unnamed") -> str:
    """A name as tickd takes it: one line, printable, not too long."""
    wanted = str(text or "")
    name = _UNPRINTABLE.sub(" ", wanted).strip()
    name = "".join(letter for letter in name if texts.is_printable(letter)).strip()[:longest].strip()
    name = fallback if texts.is_empty(name) else name
    if name != wanted.strip():
        item.change(f"its name is {shown(name)!r}: one line of at most {longest} printable characters")
    return name


def tags_of(item: Item, given: Iterable[object]) -> list[str]:
    """Tags as tickd takes them."""
    found = list(dict.fromkeys(text for one in given if (text := " ".join(str(one).split()))))
    cut = [text[:50] for text in found]
    if cut != found or len(cut) > 50:
        item.change("tags: at most 50, each of at most 50 characters")
    return list(dict.fromkeys(cut))[:50]


def group_of(item: Item, text: object) -> str | None:
    """A group as tickd takes it; None for none."""
    group = " ".join(str(text or "").split())
    if len(group) > 100:
        item.change("group: cut to 100 characters")
    return group[:100] or None


def clamped(item: Item, field_name: str, value: int, low: int, high: int, unit: str = " s") -> int:
    """The number within a range, and a note where it was outside."""
    kept = max(low, min(high, value))
    if kept != value:
        item.change(f"{field_name}: {kept}{unit}, not {value}{unit}, as tickd takes {low} to {high}{unit}")
    return kept


def codes(item: Item, spans: Iterable[tuple[int, int]], room: int) -> list[dict[str, str]]:
    """Assertions that hold for these spans of status codes; `room` is how many there may be."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    if not merged:
        return []
    low, high = merged[0][0], merged[-1][1]
    if low == high:
        return [_status("eq", low)]
    gaps = [one for (_, end), (start, _) in pairwise(merged) for one in range(end + 1, start)]
    if len(gaps) > room - 2:
        item.change(f"status codes: all from {low} to {high} are up, as tickd has one range of them")
        gaps = []
    return [_status("gte", low), _status("lte", high), *(_status("ne", one) for one in gaps)]


def _status(comparison: str, code: int) -> dict[str, str]:
    return {"source": "status_code", "comparison": comparison, "target": str(code)}


def headers_of(item: Item, given: Iterable[tuple[object, object]]) -> dict[str, Any]:
    """Headers as tickd sends them; those that it can't are reported."""
    kept: dict[str, Any] = {}
    for name, text in given:
        value = text if manifest.is_reference(text) else str(text)
        try:
            header_rules.check("headers", [(str(name), value if isinstance(value, str) else "x")])
        except Invalid as error:
            item.lose(f"header {shown(name)}: {shown(error.sentence)}")
        else:
            kept[str(name)] = value
    return kept
