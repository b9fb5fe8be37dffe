"""Assertions: what an answer must be like for a check to be up, and in words why it is not."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

import msgspec

from tickd.domain import json_paths
from tickd.domain.json_paths import MISSING
from tickd.errors import Invalid

Source = Literal["status_code", "response_time", "body", "header", "json"]
Comparison = Literal["eq", "ne", "lt", "lte", "gt", "gte", "contains", "not_contains", "exists", "not_exists"]
Operator = Literal[
    "equals",
    "not_equals",
    "contains",
    "not_contains",
    "greater_than",
    "less_than",
    "exists",
    "not_exists",
]

MOST = 20
"""How many assertions a monitor has at most."""
JSON_MOST = 50
"""How many of rooster's assertions a monitor has at most."""
TARGET_LETTERS = 2_048
"""The most characters of a target or value."""
SHOWN_LETTERS = 80
"""How much of a value a sentence shows."""

_ORDER: dict[str, tuple[Callable[[Decimal, Decimal], bool], str]] = {
    "lt": (operator.lt, "less than"),
    "lte": (operator.le, "at most"),
    "gt": (operator.gt, "greater than"),
    "gte": (operator.ge, "at least"),
}
_NUMERIC = ("eq", "ne", *_ORDER)
_TEXTUAL = ("eq", "ne", "contains", "not_contains")
_PRESENCE = ("exists", "not_exists")
_TAKES: dict[str, tuple[str, ...]] = {
    "status_code": _NUMERIC,
    "response_time": _NUMERIC,
    "body": _TEXTUAL,
    "header": _TEXTUAL + _PRESENCE,
    "json": _NUMERIC + _TEXTUAL[2:] + _PRESENCE,
}
_OPERATORS: dict[str, Comparison] = {
    "equals": "eq",
    "not_equals": "ne",
    "contains": "contains",
    "not_contains": "not_contains",
    "greater_than": "gt",
    "less_than": "lt",
    "exists": "exists",
    "not_exists": "not_exists",
}
_INTEGER = re.compile(r"[0-9]{1,9}")
# Bounded, as a body may hold a number of a million digits.
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,4})?")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """What one part of an answer must be: `path` is for json, `name` for header."""

    source: Source
    comparison: Comparison
    target: str = ""
    path: str = ""
    name: str = ""


class JsonAssertion(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer's JSON must hold at a path, in rooster's words."""

    path: str
    operator: Operator
    value: str = ""


class _NotJson:
    """What stands for the document of a body that is none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a target; header names are lower case, `status_code` is None without HTTP."""

    status_code: int | None
    response_ms: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    truncated: bool = False
    _parsed: list[object] = field(default_factory=list, init=False, repr=False, compare=False)

    def document(self) -> object:
        """The body's JSON, decoded once; raises ValueError when it is none."""
        if not self._parsed:
            self._parsed.append(_decoded(self.body.removeprefix("\ufeff")))
        if self._parsed[0] is _NotJson:
            raise ValueError("not JSON")
        return self._parsed[0]

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON at all."""
        try:
            self.document()
        except ValueError:
            return False
        return True


def _decoded(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        pass
    try:
        # Slower, but it reads what JSON allows and msgspec doesn't: 1e400, half a surrogate pair.
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return _NotJson


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def check_all(assertions: Sequence[Assertion]) -> None:
    """Raise `Invalid` that says which assertion, counted from 1, can't be and why."""
    if len(assertions) > MOST:
        raise Invalid("assertions", f"must be at most {MOST}")
    for number, assertion in enumerate(assertions, 1):
        if wrong := _wrong(assertion):
            raise Invalid("assertions", f"has a mistake in number {number}: {wrong}")


def check_json(assertions: Sequence[JsonAssertion]) -> None:
    """Raise `Invalid` that says which of rooster's assertions, counted from 1, can't be and why."""
    if len(assertions) > JSON_MOST:
        raise Invalid("json_assertions", f"must be at most {JSON_MOST}")
    for number, assertion in enumerate(assertions, 1):
        if wrong := _wrong_json(assertion):
            raise Invalid("json_assertions", f"has a mistake in number {number}: {wrong}")


def failing(assertions: Sequence[Assertion], answer: Answer) -> str | None:
    """The first assertion that does not hold, as a sentence; None when all of them do."""
    return next((said for each in assertions if (said := _failed(each, answer))), None)


def failing_json(assertions: Sequence[JsonAssertion], answer: Answer) -> str | None:
    """The first of rooster's assertions that does not hold, as a sentence; None when all of them do."""
    plain = ((each.path, _OPERATORS[each.operator], each.value) for each in assertions)
    return next((said for each in plain if (said := _json_failed(*each, answer))), None)


def quoted(text: str) -> str:
    """A text as a sentence shows it: in quotes, cut, and on one line."""
    return f"'{_cut(text)}'"


def _cut(text: str) -> str:
    plain = " ".join(text[: 4 * SHOWN_LETTERS].split())
    plain = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in plain)
    if len(plain) > SHOWN_LETTERS or len(text) > 4 * SHOWN_LETTERS:
        return plain[: SHOWN_LETTERS - 1] + "…"
    return plain


def _wrong(assertion: Assertion) -> str | None:
    takes = _TAKES.get(assertion.source)
    if takes is None:
        return f"source must be one of {', '.join(_TAKES)}"
    if assertion.comparison not in takes:
        return f"comparison for {assertion.source} must be one of {', '.join(takes)}"
    if len(assertion.target) > TARGET_LETTERS:
        return f"target must be at most {TARGET_LETTERS} characters"
    if assertion.source in ("status_code", "response_time") and not _INTEGER.fullmatch(assertion.target):
        return f"target for {assertion.source} must be a whole number such as '200'"
    if assertion.source == "header" and not _HEADER_NAME.fullmatch(assertion.name):
        return "name must be the name of a header"
    if assertion.source == "json":
        return _wrong_path(assertion.path) or _wrong_value("target", assertion.comparison, assertion.target)
    if not assertion.target and assertion.comparison in ("contains", "not_contains"):
        return "target must not be empty"
    return None


def _wrong_json(assertion: JsonAssertion) -> str | None:
    comparison = _OPERATORS.get(assertion.operator)
    if comparison is None:
        return f"operator must be one of {', '.join(_OPERATORS)}"
    return _wrong_path(assertion.path) or _wrong_value("value", comparison, assertion.value)


def _wrong_path(path: str) -> str | None:
    try:
        json_paths.parse(path)
    except Invalid as error:
        return error.message
    return None


def _wrong_value(word: str, comparison: str, text: str) -> str | None:
    if len(text) > TARGET_LETTERS:
        return f"{word} must be at most {TARGET_LETTERS} characters"
    if comparison in _ORDER and _number(text) is None:
        return f"{word} must be a number"
    if not text and comparison in ("contains", "not_contains"):
        return f"{word} must not be empty"
    return None


def _failed(assertion: Assertion, answer: Answer) -> str | None:
    comparison, target = assertion.comparison, assertion.target
    match assertion.source:
        case "status_code":
            return _status_failed(comparison, target, answer.status_code)
        case "response_time":
            return _time_failed(comparison, target, round(answer.response_ms))
        case "body":
            # Trimmed: `ok` and a line feed is what `echo ok` answers.
            return _text_failed("body", comparison, target.strip(), answer.body.strip())
        case "header":
            return _header_failed(assertion, answer.headers.get(assertion.name.lower()))
        case "json":
            return _json_failed(assertion.path, comparison, target, answer)


def _status_failed(comparison: str, target: str, code: int | None) -> str | None:
    if code is None:
        return "there is no status code"
    if _compares(comparison, Decimal(code), Decimal(target)):
        return None
    if comparison == "ne":
        return f"status code is {code}"
    return f"status code {code} is not {_bound(comparison)}{target}"


def _time_failed(comparison: str, target: str, took: int) -> str | None:
    if _compares(comparison, Decimal(took), Decimal(target)):
        return None
    if comparison == "ne":
        return f"response took {took} ms"
    return f"response took {took} ms, not {_bound(comparison)}{target} ms"


def _header_failed(assertion: Assertion, value: str | None) -> str | None:
    subject = f"header {assertion.name.lower()}"
    if value is None:
        held = assertion.comparison in ("ne", "not_contains", "not_exists")
        return None if held else f"{subject} is missing"
    if assertion.comparison in _PRESENCE:
        return f"{subject} is present" if assertion.comparison == "not_exists" else None
    return _text_failed(subject, assertion.comparison, assertion.target, value)


def _text_failed(subject: str, comparison: str, target: str, value: str) -> str | None:
    match comparison:
        case "eq":
            return None if value == target else f"{subject} is {quoted(value)}, not {quoted(target)}"
        case "ne":
            return None if value != target else f"{subject} is {quoted(value)}"
        case "contains":
            return None if target in value else f"{subject} does not contain {quoted(target)}"
        case _:
            return None if target not in value else f"{subject} contains {quoted(target)}"


def _json_failed(path: str, comparison: str, target: str, answer: Answer) -> str | None:
    try:
        value = json_paths.get(answer.document(), path)
    except ValueError:
        return "the body is not JSON"
    subject = _cut(path)
    if value is MISSING:
        held = comparison in ("ne", "not_contains", "not_exists")
        return None if held else f"{subject} is missing"
    if comparison in _PRESENCE:
        return f"{subject} is present" if comparison == "not_exists" else None
    if comparison in _ORDER:
        return _order_failed(subject, comparison, target, value)
    if comparison in ("eq", "ne"):
        if _equal(value, target) == (comparison == "eq"):
            return None
        shown = quoted(target) if isinstance(value, str) else _cut(target)
        return f"{subject} is {_shown(value)}" + (f", not {shown}" if comparison == "eq" else "")
    if _contains(value, target) == (comparison == "contains"):
        return None
    return f"{subject} {'does not contain' if comparison == 'contains' else 'contains'} {quoted(target)}"


def _order_failed(subject: str, comparison: str, target: str, value: object) -> str | None:
    number, edge = _number(_text(value)), _number(target)
    if number is None or edge is None:
        return f"{subject} is {_shown(value)}, which is not a number"
    if _compares(comparison, number, edge):
        return None
    return f"{subject} is {_shown(value)}, not {_bound(comparison)}{_cut(target)}"


def _compares(comparison: str, value: Decimal, target: Decimal) -> bool:
    if comparison in _ORDER:
        return _ORDER[comparison][0](value, target)
    return (value == target) == (comparison == "eq")


def _bound(comparison: str) -> str:
    return "" if comparison == "eq" else f"{_ORDER[comparison][1]} "


def _equal(value: object, target: str) -> bool:
    """Numbers by their value, texts letter for letter (a version 1.10 is not 1.1), the rest as JSON."""
    text = _text(value)
    if text == target:
        return True
    if isinstance(value, (dict, list)):
        try:
            return text == _text(msgspec.json.decode(target))
        except (ValueError, RecursionError):
            return False
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = _number(text)
        return number is not None and number == _number(target)
    return False


def _contains(value: object, target: str) -> bool:
    if isinstance(value, list):
        return any(_equal(item, target) for item in value)
    return target in _text(value)


def _text(value: object) -> str:
    """A decoded value as text: strings as they are, anything else as compact JSON."""
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value, order="sorted").decode()
    except RecursionError:  # it could just be read, but from here the stack is deeper
        return "…"


def _shown(value: object) -> str:
    return quoted(value) if isinstance(value, str) else _cut(_text(value))


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text.strip()) else None
