"""Forms: what a person filled in, as the very type that the API reads, with a message beside each field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import msgspec
from multidict import MultiMapping

from tickd.errors import Conflict, Invalid, LimitReached, Malformed, TickdError
from tickd.web import fields
from tickd.web.pages import words
from tickd.web.pages.receiving import Upload

T = TypeVar("T")

Plain = Literal["text", "secret", "email", "url", "number", "select", "checkbox", "area", "code", "datetime"]
"""The kinds of field with one value."""
Listed = Literal["lines", "tags", "pairs", "json", "many"]
"""The kinds of field with several values."""
Kind = Plain | Listed
"""How a field is drawn and read.

`lines` is a list with one item a line, `tags` one with commas, `pairs` an object of `Name: value` lines,
`json` any JSON, `many` a list of checked boxes, `secret` a text that is never shown again and kept when it
is left empty, `datetime` a time in UTC as the browser's own field writes it.
"""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form: its name is the API's."""

    name: str
    label: str
    kind: Kind = "text"
    hint: str = ""
    options: Sequence[tuple[str, str]] = ()
    """The choices of a `select` or of `many`, as (value, label)."""
    placeholder: str = ""
    low: int | None = None
    high: int | None = None
    unit: str = ""
    is_required: bool = False
    nullable: bool = False
    """Whether an empty field means null, rather than leaving the value as it is."""
    autocomplete: str = "off"
    has_focus: bool = False
    """Whether the page begins with the cursor in it."""
    digits: bool = False
    """Whether a phone shows its digits for it."""
    rows: int = 4
    suggestions: str = ""
    """The id of a `<datalist>` on the page."""
    is_zone: bool = False
    """Whether it begins with the browser's own time zone, where a script (pick.js) can say it."""


@dataclass(frozen=True, slots=True)
class Section:
    """Fields that belong together; one that is `folded` is opened when something in it is said or wrong."""

    title: str
    fields: Sequence[Field]
    hint: str = ""
    folded: bool = False


@dataclass(slots=True)
class Form:
    """A form with its values as they are shown, and what is wrong with them."""

    sections: Sequence[Section]
    values: dict[str, Any] = field(default_factory=dict)
    """By field: text, bool for a checkbox, a list of values for `many`."""
    errors: dict[str, str] = field(default_factory=dict)
    """By field; what concerns no field that is shown is under ""."""
    notice: str = ""
    """What is to be known before one types."""
    is_limited: bool = False
    """Whether it was refused because of the account's limits."""

    def fields(self) -> Iterator[Field]:
        """All fields, in order."""
        for section in self.sections:
            yield from section.fields

    def is_open(self, section: Section) -> bool:
        """Whether a folded section is to be shown open."""
        return any(one.name in self.errors or self.values.get(one.name) for one in section.fields)

    def blame(self, error: TickdError) -> None:
        """Put an error beside its field."""
        if isinstance(error, LimitReached):
            self.is_limited = True
            self.errors.setdefault("", words.sentence(error.sentence))
        elif not isinstance(error, Invalid):
            self.errors.setdefault("", error.message)
        elif any(one.name == error.field for one in self.fields()):
            self.errors.setdefault(error.field, error.sentence)
        else:
            self.errors.setdefault("", f"{error.field} {error.sentence}")


REFUSED = (Invalid, Conflict, LimitReached, Malformed)
"""The errors of a service that a form shows."""


def filled(sections: Sequence[Section], known: Mapping[str, Any]) -> Form:
    """A form that shows `known`, values as the API has them; what is not there is empty."""
    form = Form(sections)
    for one in form.fields():
        form.values[one.name] = _shown(one, known.get(one.name))
    return form


def sent(sections: Sequence[Section], data: MultiMapping[str | Upload]) -> Form:
    """A form as a person sent it."""
    form = Form(sections)
    for one in form.fields():
        texts = [text.replace("\r\n", "\n") for text in data.getall(one.name, []) if isinstance(text, str)]
        if one.kind == "many":
            form.values[one.name] = texts
        elif one.kind == "checkbox":
            form.values[one.name] = bool(texts)
        else:
            form.values[one.name] = texts[0] if texts else ""
    return form


def said(form: Form) -> dict[str, Any]:
    """What the form says as the JSON object that the API takes; a field it can't read gets its error."""
    values: dict[str, Any] = {}
    for one in form.fields():
        try:
            value = _READERS[one.kind](form.values.get(one.name, ""), one)
        except ValueError as error:
            form.errors[one.name] = str(error)
            continue
        if value is not None:
            values[one.name] = value
        elif one.nullable:
            values[one.name] = None
    return values


def spec(
    form: Form,
    kind: type[T],
    values: dict[str, Any] | None = None,
    *,
    rules: Callable[[T], object] | None = None,
    stand_ins: Mapping[str, Any] = MappingProxyType({}),
) -> T | None:
    """What the form says as a `kind`, or None: then every field that is wrong has its error.

    `rules` are the domain's: they raise Invalid for one field at a time, and store nothing. A field that is
    blamed is left out, or has its value of `stand_ins`, when they are asked again.
    """
    values = said(form) if values is None else dict(values)
    required = {one.name for one in msgspec.structs.fields(kind) if one.required}  # type: ignore[arg-type]
    for name in sorted(required - values.keys()):
        if name not in form.errors:
            form.blame(Invalid(name, "is required"))
        if name in stand_ins:
            values[name] = stand_ins[name]
    blamed: set[str] = set()
    while True:
        try:
            made = fields.convert(dict(values), kind)
            if rules is not None:
                rules(made)
        except Invalid as error:
            form.blame(error)
            if error.field in blamed or error.field not in values:
                return None
            blamed.add(error.field)
            del values[error.field]
            if error.field in stand_ins:
                values[error.field] = stand_ins[error.field]
        else:
            return None if form.errors else made


def changed(values: dict[str, Any], plain: Mapping[str, Any]) -> dict[str, Any]:
    """What `values` say other than the defaults `plain`: what a caller of the API would have to write."""
    return {name: value for name, value in values.items() if name not in plain or plain[name] != value}


def _shown(one: Field, value: Any) -> Any:
    if one.kind == "checkbox":
        return bool(value)
    if one.kind == "many":
        return list(value or ())
    if value is None or one.kind == "secret":
        return ""
    if one.kind == "lines":
        return "\n".join(value)
    if one.kind == "tags":
        return ", ".join(value)
    if one.kind == "pairs":
        pairs = value.items() if isinstance(value, Mapping) else value
        return "\n".join(f"{name}: {item}" for name, item in pairs)
    if one.kind == "json":
        return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
    return str(value)


def _text(text: str, _one: Field) -> str:
    return text.strip()


def _raw(text: str, _one: Field) -> str:
    return text


def _number(text: str, one: Field) -> int | None:
    text = text.strip()
    if not text:
        if one.is_required:
            raise ValueError("is required")
        return None
    try:
        return int(text) if len(text) <= 18 else _no_number()
    except ValueError:
        raise ValueError("must be a whole number") from None


def _no_number() -> int:
    raise ValueError


def _choice(text: str, _one: Field) -> str | None:
    return text or None


def _secret(text: str, _one: Field) -> str | None:
    return text or None


def _same(value: Any, _one: Field) -> Any:
    return value


def _lines(text: str, _one: Field) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _tags(text: str, _one: Field) -> list[str]:
    return list(dict.fromkeys(item.strip() for item in text.replace("\n", ",").split(",") if item.strip()))


def _pairs(text: str, _one: Field) -> dict[str, str]:
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ValueError(f"must have one Name: value a line; line {number} has no colon")
        found[name.strip()] = value.strip()
    return found


def _json(text: str, _one: Field) -> Any:
    if not text.strip():
        return None
    try:
        return msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"must be JSON: {error}") from None


def _moment(text: str, _one: Field) -> str | None:
    """What `<input type=datetime-local>` writes (`2026-03-12T14:03`), as a time of the API in UTC."""
    text = text.strip()
    if not text:
        return None
    return text + (":00Z" if len(text) == 16 else "" if text.endswith("Z") else "Z")


_READERS: dict[str, Callable[[Any, Field], Any]] = {
    "text": _text,
    "email": _text,
    "url": _text,
    "area": _raw,
    "code": _raw,
    "secret": _secret,
    "number": _number,
    "select": _choice,
    "checkbox": _same,
    "many": _same,
    "lines": _lines,
    "tags": _tags,
    "pairs": _pairs,
    "json": _json,
    "datetime": _moment,
}
