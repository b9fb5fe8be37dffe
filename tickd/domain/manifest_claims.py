"""What only one thing may have: tokens of heartbeats and domains of status pages, and who takes whose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tickd.domain.headers import MASK
from tickd.domain.manifest import SECTIONS, SectionName
from tickd.domain.plans import Release, Thing, Wanted

Place = tuple[SectionName, str]

CLAIMS: Mapping[SectionName, str] = {"heartbeats": "token", "status_pages": "custom_domain"}
"""The field of each section that no two may share."""


def renamed(tokens: Mapping[str, str], there: Iterable[Thing], prune: set[SectionName]) -> dict[Place, Thing]:
    """The heartbeats that go on under another key, as their token says.

    `tokens` has those of the manifest by key, or nothing. Only where the old key would be deleted; a token
    that two ask for says nothing.
    """
    if "heartbeats" not in prune:
        return {}
    beats = {one.key: one for one in there if one.section == "heartbeats"}
    leaving = {_value(one.section, one.fields): one for key, one in beats.items() if key not in tokens}
    said = list(tokens.values())
    return {
        ("heartbeats", key): leaving[token]
        for key, token in tokens.items()
        if token and key not in beats and token in leaving and said.count(token) == 1
    }


def clashes(
    wanted: Iterable[Wanted], pairs: Mapping[Place, Thing], there: Iterable[Thing], doomed: set[Place]
) -> Iterator[tuple[Place, str]]:
    """Tokens and domains that two would have, each a sentence that begins with the field.

    `pairs` says what there is for what is wanted; `doomed` is what will be deleted.
    """
    paired = {one.id for one in pairs.values()}
    staying = [one for one in there if one.id not in paired and (one.section, one.key) not in doomed]
    left = {(one.section, value): one.key for one in staying if (value := _value(one.section, one.fields))}
    claims = [(one, value) for one in wanted if (value := _claimed(one, pairs))]
    holders = {(one.section, value): one.key for one, value in claims if _had(one, pairs) == value} | left
    for one, value in claims:
        place = (one.section, value)
        holder = holders.setdefault(place, one.key)
        if holder == one.key:
            continue
        noun = SECTIONS[one.section].noun.replace("_", " ")
        is_name = one.section == "heartbeats" and place in left and (one.section, one.key) not in pairs
        hint = "; --prune would rename it" if is_name else ""
        yield (one.section, one.key), f"{CLAIMS[one.section]} is that of {noun} {holder} already{hint}"


def releases(
    wanted: Iterable[Wanted], pairs: Mapping[Place, Thing], there: Iterable[Thing]
) -> tuple[Release, ...]:
    """What has to give up its token or its domain, so that another can have it."""
    holders = {(one.section, value): one for one in there if (value := _value(one.section, one.fields))}
    found: dict[str, Release] = {}
    for one in wanted:
        value = _claimed(one, pairs)
        holder = holders.get((one.section, value))
        if value and holder is not None and _had(one, pairs) != value:
            found[holder.id] = Release(one.section, holder.key, holder.id)
    return tuple(found.values())


def _value(section: SectionName, fields: Mapping[str, Any]) -> str:
    """What it has of what only one may have; empty where it has nothing, or that is not shown."""
    value = fields.get(CLAIMS.get(section, ""))
    return value if isinstance(value, str) and value != MASK else ""


def _had(one: Wanted, pairs: Mapping[Place, Thing]) -> str:
    before = pairs.get((one.section, one.key))
    return "" if before is None else _value(one.section, before.fields)


def _claimed(one: Wanted, pairs: Mapping[Place, Thing]) -> str:
    """What it will have."""
    stays = one.fields.get(CLAIMS.get(one.section, "")) == MASK
    return _had(one, pairs) if stays else _value(one.section, one.fields)
