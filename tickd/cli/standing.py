"""What an account has, read over the API and told as a manifest tells it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tickd.cli.remote import Remote
from tickd.domain.manifest import SECTIONS, Section, SectionName
from tickd.domain.manifest_views import Names, of_answer, trimmed
from tickd.domain.plans import Thing

PATHS: dict[SectionName, str] = {
    "account": "/v1/account",
    "channels": "/v1/channels",
    "monitors": "/v1/monitors",
    "heartbeats": "/v1/heartbeats",
    "jobs": "/v1/jobs",
    "maintenance": "/v1/maintenance",
    "status_pages": "/v1/status-pages",
}
"""Where each section is read and written."""


@dataclass(slots=True)
class Standing:
    """All that an account has; `lost` are references to what is not there any more, each a sentence."""

    account: dict[str, Any]
    names: Names = field(default_factory=Names)
    things: list[Thing] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def read(remote: Remote) -> Standing:
    """All that the account of the key has."""
    standing = Standing(remote.call("GET", PATHS["account"]))
    answers = {
        name: list(remote.each(PATHS[name], name))
        for name in SECTIONS
        if name not in ("account", "maintenance")
    }
    for name, found in answers.items():
        for one in found:
            standing.names.add(name, one[SECTIONS[name].key], one["id"])
    _add(standing, SECTIONS["account"], "", standing.account)
    for name, found in answers.items():
        for one in found:
            _add(standing, SECTIONS[name], one[SECTIONS[name].key], one)
    _add_maintenance(standing, list(remote.each(PATHS["maintenance"], "maintenance")))
    return standing


def _add(standing: Standing, section: Section, key: str, answer: dict[str, Any]) -> None:
    fields, lost = of_answer(section, answer, standing.names)
    standing.things.append(Thing(section.name, key, answer["id"], fields))
    about = f"{section.noun} {key}".strip().replace("_", " ")
    standing.lost += [f"{about} names {one}, which is not there any more" for one in lost]


def _add_maintenance(standing: Standing, answers: Iterable[dict[str, Any]]) -> None:
    """Several may have one name: the second is `NAME #2`, in an order that what they say alone decides."""
    section = SECTIONS["maintenance"]
    begun = len(standing.things)
    for one in answers:
        _add(standing, section, one["name"], one)
    made = standing.things[begun:]
    del standing.things[begun:]
    taken = {one.key for one in made}
    last = None
    for thing in sorted(made, key=lambda one: (one.key, json.dumps(one.fields, sort_keys=True))):
        key, number = thing.key, 1
        while key in taken and (number > 1 or last == thing.key):
            number += 1
            key = f"{thing.key} #{number}"
        taken.add(key)
        last = thing.key
        standing.names.add("maintenance", key, thing.id)
        standing.things.append(Thing("maintenance", key, thing.id, thing.fields))


def manifest_fields(thing: Thing) -> dict[str, Any]:
    """What a manifest must say of the thing; secrets are still in it, or masked."""
    return trimmed(SECTIONS[thing.section], thing.key, thing.fields)
