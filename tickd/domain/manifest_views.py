"""What a manifest says of a thing: out of the API's answer, and out of what the domain makes of a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct, structs

from tickd.domain import accounts, channels, heartbeats, jobs, monitors, status_pages, times, windows
from tickd.domain.fields import convert
from tickd.domain.headers import MASK
from tickd.domain.manifest import NOUNS, SECTIONS, SUBJECTS, Section, SectionName, reference

Fields = dict[str, Any]

_BLANK = "________________"
_BLANKS = {
    "url": "https://example.invalid/",
    "alert_slack_webhook": "https://example.invalid/",
    "webhook_url": "https://example.invalid/",
    "logo": "",
    "webhook_secret": "",
}
_TIMES = ("starts_at", "ends_at", "day", "start", "end", "timezone")
_NOTHING: Fields = {"subjects": [], "tags": [], "all": False, "timezone": "UTC"} | dict.fromkeys(_TIMES[:5])
"""What a maintenance has that says nothing."""
_LEFT_OUT: dict[SectionName, Fields] = {
    "monitors": {"type": "http"},
    "heartbeats": {"schedule": "", "token": ""},
}
"""Defaults of fields on which other defaults depend, and of what tickd makes itself."""


def blank(field: str) -> str:
    """What stands for a secret that is not known where the rules want to see one."""
    return _BLANKS.get(field, _BLANK)


class Names:
    """Which id is whose: the keys of what there is, by id, and the other way round."""

    def __init__(self) -> None:
        self._ids: dict[tuple[SectionName, str], str] = {}
        self._keys: dict[str, tuple[SectionName, str]] = {}

    def add(self, section: SectionName, key: str, identifier: str) -> None:
        """There is one of that key, with that id."""
        self._ids[section, key] = identifier
        self._keys[identifier] = (section, key)

    def id_of(self, section: SectionName, key: str) -> str | None:
        """The id of what has that key."""
        return self._ids.get((section, key))

    def has(self, section: SectionName, key: str) -> bool:
        """Whether there is one of that key."""
        return (section, key) in self._ids

    def said(self, text: str, sections: Iterable[SectionName]) -> str | None:
        """The reference for an id (of a channel: for its name as well); None where nothing has it."""
        section, key = self._keys.get(text, (None, ""))
        if tuple(sections) == ("channels",):
            found = key if section == "channels" else text
            return found if self.has("channels", found) else None
        return reference(section, key) if section in SUBJECTS else None


def led_to(text: str, sections: tuple[SectionName, ...]) -> list[tuple[SectionName, str]]:
    """What a reference such as `shop` or `monitor:shop` may mean, by section and key; it may be nothing."""
    if sections == ("channels",):
        return [("channels", text)]
    noun, _, key = text.partition(":")
    section = NOUNS.get(noun)
    if key and section is not None:
        return [(section, key)] if section in sections else []
    # Monitors and heartbeats share their slugs, so that one alone says which it is.
    return [(one, text) for one in sections] if "jobs" not in sections else []


def of_answer(section: Section, answer: Mapping[str, Any], names: Names) -> tuple[Fields, list[str]]:
    """What a manifest says of what the API answered, all fields of it; and the ids that lead nowhere.

    A secret that the API doesn't show is `MASK`.
    """
    fields = {name: answer[name] for name in section.fields if name in answer}
    if "status" in section.fields:
        fields["status"] = "paused" if answer["status"] == "paused" else "active"
    if section.name == "jobs":
        fields["signing_secret"] = MASK if answer["has_signing_secret"] else ""
    if section.name == "status_pages":
        fields["logo"] = MASK if answer["has_logo"] else ""
    lost: list[str] = []
    for name, sections in section.refers.items():
        if fields.get(name):
            fields[name] = _said(fields[name], sections, names, lost)
    return {name: _tidy(value) for name, value in fields.items()}, lost


def _said(value: Any, sections: tuple[SectionName, ...], names: Names, lost: list[str]) -> Any:
    """A field's ids as references."""
    if isinstance(value, str):
        found = names.said(value, sections)
        lost += [] if found is not None else [value]
        return found
    if value and isinstance(value[0], Mapping):
        return [{**one, "subjects": _said(one["subjects"], sections, names, lost)} for one in value]
    said = {one: names.said(one, sections) for one in value}
    lost += [one for one, found in said.items() if found is None]
    return list(dict.fromkeys(found for found in said.values() if found is not None))


def _tidy(value: Any) -> Any:
    """A value without what is empty in a list's tables."""
    if not isinstance(value, list | tuple):
        return value
    return [
        {name: one for name, one in item.items() if one not in ("", [])} if isinstance(item, dict) else item
        for item in value
    ]


# Out of the domain.


def of_request(section: Section, table: Fields, before: accounts.Account | None = None) -> Fields:
    """What the API would answer to such a request, by the same types and rules; Invalid where it can't be.

    `before` is the account, which is never made, only changed.
    """
    spec: Any = convert(table, section.creation)
    same: dict[str, Any] = {"identifier": "x_000000", "account_id": "", "now": 0}
    made: Any
    if section.name == "account":
        made = accounts.change(before or accounts.create("default", now=0), spec)
    elif section.name == "channels":
        made = channels.create(spec, **same)
    elif section.name == "monitors":
        made = monitors.create(spec, **same)
    elif section.name == "heartbeats":
        made = heartbeats.create(spec, token=MASK, short_token="", **same)
    elif section.name == "jobs":
        made = jobs.register(spec, **same)
    elif section.name == "maintenance":
        return _of_maintenance(windows.create(spec, **same))
    else:
        made, image = status_pages.create(spec, own_host="", **same)
        made = structs.replace(made, logo=table.get("logo", "") if image else "")
    return {name: _tidy(value) for name, value in _values(section, made).items()}


def _values(section: Section, made: Struct) -> Fields:
    wanted = list(section.fields)
    if isinstance(made, channels.Channel):
        options = channels.Options.__struct_fields__
        its_own = [name for names in channels.OPTIONS[made.kind] for name in names]
        wanted = [name for name in wanted if name not in options or name in its_own]
    fields: Fields = {}
    for name in wanted:
        if name == "status":
            fields[name] = "paused" if getattr(made, "paused", False) else "active"
            continue
        holder = made if hasattr(made, name) else getattr(made, "options", made)
        value = getattr(holder, name)
        fields[name] = dict(value) if name == "headers" else msgspec.to_builtins(value)
    return fields


def _of_maintenance(made: windows.Maintenance) -> Fields:
    weekly: Fields = {} if made.weekly is None else structs.asdict(made.weekly)
    fields: Fields = {name: weekly.get(name) for name in _TIMES[2:]}
    fields |= {"starts_at": times.optional(made.starts_at), "ends_at": times.optional(made.ends_at)}
    covered = {"subjects": list(made.subjects), "tags": list(made.tags), "all": made.all}
    return {"name": made.name, **covered, **fields}


# Defaults.


def defaults(section: Section, fields: Fields) -> Fields:
    """What each field is where it is left out and the others are as they are; required ones have none."""
    if section.name == "maintenance":
        return dict(_NOTHING)
    if section.name == "account":
        made = _values(section, accounts.create("default", now=0))
        return {name: value for name, value in made.items() if name not in ("name", "webhook_secret")}
    needed = {name: fields[name] for name in _needed(section, fields) if name in fields}
    for name in section.secrets:
        if name in needed:
            needed[name] = blank(name) if fields.get("kind") != "apprise" else "json://example.invalid"
    made = of_request(section, needed)
    known = {name: value for name, value in made.items() if name not in needed}
    return known | _LEFT_OUT.get(section.name, {})


def _needed(section: Section, fields: Fields) -> tuple[str, ...]:
    """The fields without which there are no defaults."""
    if section.name == "channels":
        return ("name", "kind", *channels.OPTIONS[fields["kind"]][0])
    return {
        "monitors": ("name", "slug", "url", "type"),
        "heartbeats": ("name", "slug", "schedule"),
        "jobs": ("name", "schedule", "endpoint"),
        "status_pages": ("slug",),
    }[section.name]


def trimmed(section: Section, key: str, fields: Fields) -> Fields:
    """The fields that a manifest must say under that key: those that are not as they would be without."""
    known = defaults(section, fields)
    if section.name != "account":
        known[section.key] = key
    if section.name in ("monitors", "heartbeats"):
        known["name"] = key
    return {
        name: value
        for name, value in fields.items()
        if value is not None and not (name in known and known[name] == value)
    }


def sections(names: Iterable[str]) -> list[Section]:
    """The sections of these names, in the order in which they are applied."""
    wanted = set(names)
    return [section for name, section in SECTIONS.items() if name in wanted]
