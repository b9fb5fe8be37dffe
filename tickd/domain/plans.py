"""Plans: what has to be made, changed and deleted for an account to be as a manifest says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tickd.domain import channels, headers, limits
from tickd.domain.headers import MASK
from tickd.domain.manifest import SECTIONS, SectionName, is_secret
from tickd.domain.manifest_views import Fields, Names, led_to
from tickd.errors import Invalid

Action = Literal["create", "change", "delete"]

ORDER: tuple[SectionName, ...] = (
    *("channels", "account", "monitors", "heartbeats", "jobs", "maintenance", "status_pages"),
)
"""In which order things are made and changed; they are deleted in the reverse one."""
LINKS = ("depends_on", "requires")
"""The fields that may lead to what is made later."""

# What the API reads together: a part of it alone would undo the rest.
_TOGETHER: Mapping[SectionName, tuple[tuple[str, ...], ...]] = {
    "heartbeats": (("schedule", "interval_secs", "grace_secs"),),
    "maintenance": (("starts_at", "ends_at", "day", "start", "end", "timezone"), ("subjects", "tags", "all")),
    "channels": (("url", "server", "token", "secret", "headers"),),
}


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that is there: its id, and all its fields as a manifest has them."""

    section: SectionName
    key: str
    id: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something that a manifest asks for: all its fields, secrets that stay as they are being `MASK`.

    `by_reference` are the fields whose values are not in the manifest; a header is `headers.Cookie`.
    """

    section: SectionName
    key: str
    fields: Fields
    by_reference: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that changes; of a secret, and of what came by reference, neither value is told."""

    name: str
    old: Any
    new: Any
    is_secret: bool = False
    is_by_reference: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to be done; `fields` are those that are sent, `untold` the values that came by reference."""

    action: Action
    section: SectionName
    key: str
    id: str = ""
    differences: tuple[Difference, ...] = ()
    fields: Fields = field(default_factory=dict)
    untold: tuple[str, ...] = field(default=(), repr=False)

    @property
    def about(self) -> str:
        """What it is done to: `monitor shop`."""
        noun = SECTIONS[self.section].noun.replace("_", " ")
        return noun if self.section == "account" else f"{noun} {self.key}"


@dataclass(frozen=True, slots=True)
class Release:
    """Something whose token or domain another is to have: it must give it up first."""

    section: SectionName
    key: str
    id: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, in order; what is left alone is counted, by section.

    `releases` come before the changes of their section. `named` says what goes on naming what is deleted, by
    its id.
    """

    changes: tuple[Change, ...]
    unchanged: int = 0
    unseen: int = 0
    """Secrets that were said and can't be compared, because the API doesn't show them."""
    others: Mapping[SectionName, int] = field(default_factory=dict)
    """How much there is that the manifest does not have, where it is not to be deleted."""
    releases: tuple[Release, ...] = ()
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, action: Action) -> list[Change]:
        """The changes of one kind."""
        return [change for change in self.changes if change.action == action]


def made(
    wanted: Iterable[Wanted],
    there: Iterable[Thing],
    *,
    prune: set[SectionName],
    renew: bool,
    renamed: Mapping[tuple[SectionName, str], Thing] | None = None,
) -> Plan:
    """The plan; `prune` are the sections in which what is not wanted is deleted.

    `renew` sends secrets again that can't be compared. `renamed` is there under another key.
    """
    asked = list(wanted)
    known = {(one.section, one.key): one for one in there}
    pairs = _paired(asked, known) | dict(renamed or {})
    changes: list[Change] = []
    unchanged = unseen = 0
    for one in sorted(asked, key=lambda one: (ORDER.index(one.section), one.key)):
        before = pairs.get((one.section, one.key))
        if before is None:
            changes.append(_creation(one))
            continue
        differences, hidden = compared(
            one.section, before.fields, one.fields, renew=renew, by_reference=one.by_reference
        )
        unseen += hidden
        if differences:
            changes.append(_change(one, before, differences))
        else:
            unchanged += 1
    taken = {one.id for one in pairs.values()}
    left = [one for one in known.values() if one.id not in taken and _can_be_said(one)]
    doomed = [one for one in left if one.section in prune]
    doomed.sort(key=lambda one: (-ORDER.index(one.section), one.key))
    changes += [Change("delete", one.section, one.key, one.id) for one in doomed]
    others = Counter(one.section for one in left if one.section not in prune)
    return Plan(tuple(changes), unchanged, unseen, {name: others[name] for name in ORDER if others[name]})


def _can_be_said(one: Thing) -> bool:
    """Whether a manifest could ask for it, and be missed in one that doesn't."""
    return one.section != "account" and not covers_nothing(one.section, one.fields)


def covers_nothing(section: SectionName, fields: Mapping[str, Any]) -> bool:
    """Whether it is a maintenance of what was deleted since, which nobody could make."""
    return section == "maintenance" and not any(
        fields.get(name, True) for name in ("subjects", "tags", "all")
    )


def namers(plan: Plan, there: Iterable[Thing]) -> dict[str, tuple[str, ...]]:
    """What names that which is deleted, and is neither changed nor deleted itself; by the id of that."""
    done = {change.id for change in plan.changes}
    doomed = {(change.section, change.key): change.id for change in plan.of("delete")}
    found: dict[str, list[str]] = {}
    for one in there if doomed else ():
        if one.id in done:
            continue
        about = Change("change", one.section, one.key).about
        for name, sections in SECTIONS[one.section].refers.items():
            for text in _references(one.fields.get(name)):
                for place in led_to(text, sections):
                    if place in doomed:
                        found.setdefault(doomed[place], []).append(f"{about} ({name})")
    return {identifier: tuple(dict.fromkeys(names)) for identifier, names in found.items()}


def _references(value: Any) -> Iterator[str]:
    """The references in a field: one, a list of them, or lists in groups."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _references(value.get("subjects"))
    else:
        for one in value or ():
            yield from _references(one)


def _paired(
    asked: Iterable[Wanted], known: Mapping[tuple[SectionName, str], Thing]
) -> dict[tuple[SectionName, str], Thing]:
    """What there is for what is asked. Maintenance may share a name: the same comes first, then the rest."""
    pairs: dict[tuple[SectionName, str], Thing] = {
        (one.section, one.key): known[one.section, one.key]
        for one in asked
        if one.section != "maintenance" and (one.section, one.key) in known
    }
    left = [one for (section, _), one in sorted(known.items()) if section == "maintenance"]
    windows = sorted((one for one in asked if one.section == "maintenance"), key=lambda one: one.key)
    for alike in (_is_same, _is_namesake):
        for one in windows:
            if (one.section, one.key) in pairs:
                continue
            found = next((thing for thing in left if alike(thing, one)), None)
            if found is not None:
                left.remove(found)
                pairs[one.section, one.key] = found
    return pairs


def _is_same(thing: Thing, one: Wanted) -> bool:
    return thing.fields == one.fields


def _is_namesake(thing: Thing, one: Wanted) -> bool:
    return bool(thing.fields["name"] == one.fields["name"])


def _creation(one: Wanted) -> Change:
    said = {name: value for name, value in one.fields.items() if value is not None}
    return Change("create", one.section, one.key, fields=said, untold=_untold(one))


def _untold(one: Wanted) -> tuple[str, ...]:
    flat = _flat(one.fields)
    return tuple(flat[name] for name in sorted(one.by_reference) if isinstance(flat.get(name), str))


def _change(one: Wanted, before: Thing, differences: list[Difference]) -> Change:
    names = {difference.name.partition(".")[0] for difference in differences}
    for group in _TOGETHER.get(one.section, ()):
        if names & set(group):
            names |= {name for name in group if one.fields.get(name) not in (None, MASK)}
    if one.section == "maintenance":
        # What is said to be empty would be read as taken away.
        empty = [name for name in ("subjects", "tags", "all") if not one.fields[name]]
        names -= {*empty, *(name for name in names if one.fields[name] is None)}
    sent = {name: one.fields[name] for name in sorted(names)}
    return Change("change", one.section, one.key, before.id, tuple(differences), sent, _untold(one))


def compared(
    section: SectionName,
    old: Fields,
    new: Fields,
    *,
    renew: bool,
    by_reference: Collection[str] = (),
) -> tuple[list[Difference], int]:
    """The fields that differ, headers one by one, and how many secrets could not be compared."""
    before, after = _flat(old), _flat(new)
    found: list[Difference] = []
    hidden = 0
    for name in [*after, *(name for name in before if name not in after)]:
        was, wants = before.get(name), after.get(name)
        field_name, _, header = name.partition(".")
        if wants == MASK or was == wants:
            continue
        if was == MASK and wants and not renew:
            hidden += 1
            continue
        if is_secret(section, field_name, header):
            found.append(Difference(name, None, None, is_secret=True))
        elif name in by_reference:
            found.append(Difference(name, None, None, is_by_reference=True))
        else:
            found.append(Difference(name, was, wants))
    return found, hidden


def _flat(fields: Fields) -> Fields:
    flat: Fields = {}
    for name, value in fields.items():
        if name == "headers":
            flat |= {f"headers.{header}": text for header, text in value.items()}
        else:
            flat[name] = value
    return flat


# Carrying it out.


def body(fields: Fields, section: SectionName, names: Names) -> Fields:
    """What the API is sent: ids in the place of references, without secrets that stay as they are.

    What is not there yet is left out of `LINKS`.
    """
    refers = SECTIONS[section].refers
    return {
        name: _ids(value, refers[name], names) if name in refers else value
        for name, value in fields.items()
        if value != MASK
    }


def waits(fields: Fields, section: SectionName, names: Names) -> bool:
    """Whether a field leads to something that is not there yet."""
    refers = SECTIONS[section].refers
    return any(
        name in fields and _waits(fields[name], refers[name], names) for name in LINKS if name in refers
    )


def _waits(value: list[str], sections: tuple[SectionName, ...], names: Names) -> bool:
    return any(_id(text, sections, names) is None for text in value)


def _id(text: str, sections: tuple[SectionName, ...], names: Names) -> str | None:
    return next((found for one in led_to(text, sections) if (found := names.id_of(*one))), None)


def _ids(value: Any, sections: tuple[SectionName, ...], names: Names) -> Any:
    if value is None or isinstance(value, str):
        return None if value is None else _id(value, sections, names)
    if value and isinstance(value[0], Mapping):
        return [{**one, "subjects": _ids(one.get("subjects", []), sections, names)} for one in value]
    return [found for text in value if (found := _id(text, sections, names)) is not None]


# What the account may have.


def over(plan: Plan, account: Mapping[str, Any], there: Iterable[Thing]) -> list[str]:
    """What of the plan is over the account's limits, each a sentence; deletions are too late to make room."""
    allowed, had, found = account["limits"], list(there), []
    for noun, limit in limits.LIMIT_OF.items():
        most = allowed[limit]
        count = sum(change.section == noun for change in plan.of("create"))
        many = sum(one.section == noun for one in had) + count
        if most is not None and count and many > most:
            found.append(f"{noun}: {limits.full(noun, most)}; there would be {many:,}")
    least = allowed["min_interval_secs"] or 0
    for change in (*plan.of("create"), *plan.of("change")):
        if change.section == "monitors" and change.fields.get("interval_secs", least) < least:
            found.append(f'monitors."{change.key}".interval_secs: {limits.too_often(least)}')
        if change.section == "jobs" and least and "schedule" in change.fields:
            gap = limits.shortest_gap(change.fields["schedule"])
            if gap < least:
                said = limits.schedule_too_often(least, gap)
                found.append(f'jobs."{change.key}".schedule: {said}')
    return found


def check_in_place(section: SectionName, before: Fields, after: Fields) -> None:
    """Invalid where one thing can't become the other."""
    if section != "channels":
        return
    if before["kind"] != after["kind"]:
        sentence = f"can't become {after['kind']}: it is {before['kind']}; delete the channel first, or give"
        raise Invalid("kind", f"{sentence} the new one another name")
    said = channels.SENT.get(after["kind"])
    places = [name for name in ("url", "server") if name in after]
    if said is None or all(after[name] in (MASK, before[name]) for name in places):
        return
    kept = after[said] == MASK and before[said]
    if said == "headers":
        kept = [name for name, text in after[said].items() if text == MASK and headers.is_secret(name)]
    if kept:
        raise Invalid(said, "must be given again for another server")
