"""What is wrong with a manifest: its shape, and each thing in it by the types and rules of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tickd.domain import headers, slugs
from tickd.domain.accounts import Account
from tickd.domain.fields import nullable
from tickd.domain.headers import MASK
from tickd.domain.manifest import (
    SECTIONS,
    SUBJECTS,
    VERSION,
    Section,
    SectionName,
    is_reference,
    is_secret,
    meant,
    reference,
)
from tickd.domain.manifest_untold import NOT_TOLD, other, tells, untold
from tickd.domain.manifest_views import Fields, Names, blank, led_to, of_request
from tickd.domain.plans import Thing, Wanted, check_in_place
from tickd.errors import Invalid

Report = Callable[[str], None]
"""Takes what is wrong with one thing, in a sentence that begins with the field."""

FAULTS_MOST = 20
"""How many faults of one thing are looked for at most."""

_STAND_INS = {"schedule": "* * * * *", "endpoint": "https://example.invalid/", "name": "x", "slug": "x"}


@dataclass(frozen=True, slots=True)
class Secret:
    """What a reference led to: its text, or None; `source` says where it was sought."""

    source: str
    text: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one thing of a manifest, in a sentence that begins with its field."""

    section: str
    key: str
    sentence: str

    @property
    def place(self) -> str:
        """`jobs."nightly"`, before a field."""
        return f'{self.section}."{self.key}"' if self.key else self.section

    def __str__(self) -> str:
        return f"{self.place}.{self.sentence}"


def shape(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the sections and the names of the fields, each a sentence."""
    known = ("version", *SECTIONS)
    version = manifest.get("version", VERSION)
    if version != VERSION or isinstance(version, bool):
        yield f"version must be {VERSION}"
    for name, table in manifest.items():
        if name not in known:
            yield f'"{name}" is no section{meant(name, known)}'
        elif name != "version":
            yield from _of_section(SECTIONS[name], table)  # type: ignore[index]


def _of_section(section: Section, table: Any) -> Iterator[str]:
    if table is None:
        return
    if not isinstance(table, Mapping):
        yield f"{section.name} must be a table"
        return
    for key, item in {"": table}.items() if section.name == "account" else table.items():
        place = Fault(section.name, key, "").place
        if not isinstance(item, Mapping):
            yield f"{place} must be a table of fields"
            continue
        for name in item:
            if name not in section.said:
                yield f"{place}.{name} is no field{meant(name, section.said)}"


@dataclass(slots=True)
class Scope:
    """What a manifest's things are looked at with: what there is, what is coming, and what is to go.

    `least_interval` is the shortest interval of the account, in seconds. `lacking` gathers the places where
    secrets were sought in vain.
    """

    names: Names
    coming: set[tuple[SectionName, str]]
    doomed: set[tuple[SectionName, str]]
    account: Account
    least_interval: int = 0
    lacking: list[str] = field(default_factory=list)

    def has(self, section: SectionName, key: str) -> bool:
        """Whether there will be one of that key."""
        if (section, key) in self.coming:
            return True
        return self.names.has(section, key) and (section, key) not in self.doomed


def wanted(
    section: Section, key: str, table: Mapping[str, Any], before: Thing | None, scope: Scope
) -> tuple[Wanted | None, list[Fault]]:
    """What a manifest asks for under that key, or all that is wrong with it.

    `before` is what there is of that key. In `table`, references are `Secret`.
    """
    faults: list[Fault] = []
    came = _came(table)
    tell: Report = lambda sentence: faults.append(Fault(section.name, key, sentence))  # noqa: E731
    fault: Report = lambda sentence: tell(untold(sentence, came.values()))  # noqa: E731
    said = _named(section, key, table, fault)
    links = {name: _linked(said, name, section, scope, fault) for name in section.refers if name in said}
    is_other = before is not None and before.fields.get("kind") != said.get("kind")
    known = _with_secrets(section, key, said, None if is_other else before, scope)
    if section.name == "monitors" and "interval_secs" not in said and scope.least_interval > 60:
        said["interval_secs"] = scope.least_interval
    fields = _by_the_rules(section, said, came, scope, tell)
    if fields is None or faults:
        return None, faults
    for name, value in known.items():
        fields[name] = fields[name] | value if name == "headers" else value
    fields |= {name: _relinked(fields[name], link) for name, link in links.items()}
    if before is not None:
        try:
            check_in_place(section.name, before.fields, fields)
        except Invalid as error:
            fault(error.message)
    return (None if faults else Wanted(section.name, key, fields, frozenset(came))), faults


def _came(table: Mapping[str, Any]) -> dict[str, str]:
    """The texts that came by reference, by field; a header is `headers.Cookie`."""
    flat = {f"headers.{name}": one for name, one in _headers(table).items()} | dict(table)
    return {name: one.text for name, one in flat.items() if isinstance(one, Secret) and one.text is not None}


def _headers(table: Mapping[str, Any]) -> Mapping[str, Any]:
    found = table.get("headers")
    return found if isinstance(found, Mapping) else {}


def _named(section: Section, key: str, table: Mapping[str, Any], fault: Report) -> Fields:
    """The fields with what the key says of them, without those that are null and can't be."""
    may_be_null = nullable(section.creation)
    said = {name: value for name, value in table.items() if value is not None or name in may_be_null}
    if section.name == "account":
        return said
    if section.name != "maintenance" and said.get(section.key, key) != key:
        fault(f'{section.key} must be "{key}", as its key says, or left out')
    said = {section.key: key} | ({"name": key} if "name" in section.fields else {}) | said
    if section.name in ("monitors", "heartbeats"):
        plain = _sane(key)
        if plain != key:
            fault(f"slug must be of a to z, digits and hyphens{f', such as {plain}' if plain else ''}")
    elif section.name in ("channels", "jobs", "maintenance") and key != key.strip():
        fault("name must not begin or end with a space")
    return said


def _sane(key: str) -> str:
    try:
        return slugs.sanitise(key)
    except Invalid:
        return ""


def _linked(said: Fields, name: str, section: Section, scope: Scope, fault: Report) -> dict[str, str]:
    """Puts what may pass for ids into a field of references; which of them stands for which reference."""
    sections = section.refers[name]
    link: dict[str, str] = {}

    def one(text: Any) -> Any:
        if not isinstance(text, str) or not text:
            return text
        found = [place for place in led_to(text, sections) if scope.has(*place)]
        if not found:
            fault(f'{name} has "{text}", {_lost(text, sections)}')
            return text[:100]
        said_so = found[0][1] if sections == ("channels",) else reference(*found[0])
        stand_in = next((known for known, same in link.items() if same == said_so), f"ref-{len(link)}")
        link[stand_in] = said_so
        return stand_in

    value = said[name]
    if isinstance(value, list):
        said[name] = [
            {**item, "subjects": [one(text) for text in item["subjects"]]}
            if isinstance(item, Mapping) and isinstance(item.get("subjects"), list)
            else item
            if isinstance(item, Mapping)
            else one(item)
            for item in value
        ]
    else:
        said[name] = one(value.text if isinstance(value, Secret) and value.text else value)
    return link


def _lost(text: str, sections: tuple[SectionName, ...]) -> str:
    if sections != ("channels",) and not led_to(text, sections):
        nouns = [reference(one, "KEY") for one in SUBJECTS if one in sections]
        return f"which must be like {' or '.join(nouns)}"
    return "which is neither in the file nor there already"


def _relinked(value: Any, link: Mapping[str, str]) -> Any:
    """The field with its references again."""
    if isinstance(value, str):
        return link.get(value, value)
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [
            {**one, "subjects": [link.get(text, text) for text in one["subjects"]]}
            if "subjects" in one
            else one
            for one in value
        ]
    return [link.get(text, text) for text in value] if isinstance(value, list) else value


def _with_secrets(
    section: Section, key: str, said: Fields, before: Thing | None, scope: Scope
) -> dict[str, Any]:
    """Puts texts in the place of `Secret`; what stays as it is, is returned as `MASK` by field.

    Where it has none to stay as it is, the scope is told what is lacking.
    """
    old: Fields = {} if before is None else before.fields
    known: dict[str, Any] = {}
    for name, value in list(said.items()):
        if isinstance(value, Secret):
            if value.text is None and not old.get(name):
                scope.lacking.append(f"{Fault(section.name, key, name)} is {value.source}")
            said[name] = blank_of(name, said) if value.text is None else value.text
            known |= {name: MASK} if value.text is None else {}
        elif name == "headers" and isinstance(value, Mapping):
            kept = _kept_headers(section, key, value, old.get(name, {}), scope)
            known |= {name: kept} if kept else {}
            said[name] = {
                header: (one.text or "x") if isinstance(one, Secret) else one for header, one in value.items()
            }
    for name in section.secrets:
        if name not in said and old.get(name):
            said[name] = blank_of(name, said)
            known[name] = MASK
    return known


def _kept_headers(
    section: Section, key: str, given: Mapping[str, Any], old: Mapping[str, str], scope: Scope
) -> dict[str, str]:
    """The headers whose secrets can't be found, with the value that they have."""
    lost = {header: one for header, one in given.items() if isinstance(one, Secret) and one.text is None}
    for header, one in lost.items():
        if not old.get(header):
            scope.lacking.append(f"{Fault(section.name, key, f'headers.{header}')} is {one.source}")
    return {header: old.get(header, MASK) for header in lost}


def blank_of(name: str, said: Mapping[str, Any]) -> str:
    """What stands for a secret that is not known, in a thing of these fields."""
    return "json://example.invalid" if name == "url" and said.get("kind") == "apprise" else blank(name)


def _by_the_rules(
    section: Section, said: Fields, came: Mapping[str, str], scope: Scope, tell: Report
) -> Fields | None:
    """All fields as the API would have them; each that it would refuse is a fault."""
    table, seen = dict(said), list[str]()
    for _ in range(FAULTS_MOST):
        try:
            return of_request(section, table, scope.account)
        except Invalid as error:
            name = error.field
            again = seen.count(name)
            seen.append(name)
            if not again:
                tell(_reason(error, section, table, came, scope))
            stand_in = _stand_in(name, table)
            if stand_in is not None and not again:
                table[name] = stand_in
            elif name in table and again < 2:
                del table[name]
            else:
                return None
    return None


def _reason(error: Invalid, section: Section, table: Fields, came: Mapping[str, str], scope: Scope) -> str:
    """What a rule says; of what came by reference no more than it would say of any other value."""
    if not came:
        return error.message
    otherwise = _otherwise(table, came)
    try:
        of_request(section, otherwise, scope.account)
    except Invalid as same:
        if same.message == error.message:
            return error.message
    hidden = {name.partition(".")[0] for name in came}
    if error.field in hidden or tells(error.message, came.values()):
        return f"{error.field} {NOT_TOLD}"
    return error.message


def _otherwise(table: Fields, came: Mapping[str, str]) -> Fields:
    """The fields with other texts in the place of those that came by reference."""
    made = {name: other(text) if came.get(name) == text else text for name, text in table.items()}
    if _headers(table):
        made["headers"] = {
            name: other(text) if came.get(f"headers.{name}") == text else text
            for name, text in _headers(table).items()
        }
    return made


def _stand_in(name: str, table: Fields) -> str | None:
    """What takes the place of a required field that is wrong, so that the others are looked at too."""
    if name != "url":
        return _STAND_INS.get(name)
    places = {"tcp": "example.invalid:1", "ssl": "example.invalid", "dns": "example.invalid"}
    return places.get(str(table.get("type")), blank_of("url", table))


def plain_secrets(section: SectionName, table: Mapping[str, Any]) -> Iterator[str]:
    """The fields of a table, and of its headers, that have a secret in plain text."""
    for name, value in table.items():
        if name == "headers" and isinstance(value, Mapping):
            for header, text in value.items():
                if headers.is_secret(header) and isinstance(text, str) and text:
                    yield f"headers.{header}"
        elif is_secret(section, name) and isinstance(value, str) and value:
            yield name


def references(table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Mapping[str, str]]]:
    """The references in a table of fields, and the way to each: `("url",)`, `("headers", "Cookie")`."""
    for name, value in table.items():
        if name == "headers":
            if isinstance(value, Mapping):
                yield from ((("headers", one), text) for one, text in value.items() if is_reference(text))
        elif is_reference(value):
            yield (name,), value
