"""Gatus' conditions as assertions."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from tickd.domain import json_paths
from tickd.domain.imports import draft as drafts
from tickd.domain.imports.draft import Item, shown
from tickd.errors import Invalid

Assertion = dict[str, str]

_CONDITION = re.compile(r"(.+?)\s*(==|!=|<=|>=|<|>)\s*(.*)", re.DOTALL)
_SUBJECT = re.compile(r"(?P<function>len|has)?\(?\[(?P<place>[A-Z_]+)\](?P<path>[.\[][^()]*)?\)?", re.DOTALL)
_CALL = re.compile(r"(any|pat)\((.*)\)", re.DOTALL)
_COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_CODE = re.compile(r"[1-5][0-9]{2}")
_CODES = re.compile(r"([1-5])(?:\*|[0-9]\*|\*\*)")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h|d)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_NO_SUCH = "tickd has no such assertion"


@dataclass(slots=True)
class Wanted:
    """What conditions ask for; `certificate_days` before its end a certificate is to be told of."""

    assertions: list[Assertion] = field(default_factory=list)
    any_status: bool = False
    certificate_days: int | None = None


def seconds(text: object) -> float | None:
    """The seconds of a duration as Go writes it: `1h30m`, `500ms`; None where it is none."""
    given = str(text).strip()
    if given in ("0", "0.0"):
        return 0.0
    found = list(_DURATION.finditer(given))
    if not found or "".join(one[0] for one in found) != given or len(given) > 40:
        return None
    total = sum(float(one[1]) * _UNITS[one[2]] for one in found)
    return total if total < 1e12 else None


def convert(item: Item, conditions: list[object]) -> Wanted:
    """What the conditions of an http endpoint become; those that can't be are reported."""
    wanted = Wanted()
    for one in conditions:
        text = str(one).strip()
        words = _convert(item, text, wanted)
        if words:
            item.lose(f"condition {shown(text)}: {words}")
    if not wanted.assertions and wanted.any_status:
        # Where nothing is said of the status, any answer will do there.
        wanted.assertions = [{"source": "status_code", "comparison": "gte", "target": "100"}]
    if len(wanted.assertions) > 20:
        item.lose(f"{len(wanted.assertions) - 20} of its conditions: tickd has 20 assertions at most")
        wanted.assertions = wanted.assertions[:20]
    return wanted


def _convert(item: Item, text: str, wanted: Wanted) -> str | None:
    """Put what a condition asks for into `wanted`; why it can't be, in words."""
    found = _CONDITION.fullmatch(text)
    subject = None if found is None else _SUBJECT.fullmatch(found[1].strip())
    if found is None or subject is None or bool(subject["function"]) != ("(" in found[1]):
        return "tickd can't read it"
    sign, value = found[2], found[3].strip()
    if re.match(r"\[[A-Z_]+\]", value):
        return "tickd compares with fixed values"
    place = subject["place"]
    if place == "STATUS":
        return _status(item, sign, value, wanted)
    wanted.any_status = wanted.any_status or place in ("CONNECTED", "RESPONSE_TIME", "BODY")
    if place == "CONNECTED":
        return None if (sign, value) == ("==", "true") else "an answer is always needed"
    if place == "RESPONSE_TIME":
        if not re.fullmatch(r"[0-9]{1,9}", value):
            return "tickd can't read it"
        wanted.assertions.append(_simple("response_time", sign, value))
        return None
    if place == "CERTIFICATE_EXPIRATION":
        return _certificate(item, sign, value, wanted)
    if place == "BODY":
        return _body(item, subject["function"] or "", subject["path"] or "", sign, value, wanted)
    return _NO_SUCH


def _simple(source: str, sign: str, value: str) -> Assertion:
    return {"source": source, "comparison": _COMPARISONS[sign], "target": value}


def _status(item: Item, sign: str, value: str, wanted: Wanted) -> str | None:
    call = _CALL.fullmatch(value)
    if call is None:
        if not _CODE.fullmatch(value):
            return "tickd can't read it"
        wanted.assertions.append(_simple("status_code", sign, value))
        return None
    parts = [call[2].strip()] if call[1] == "pat" else [one.strip() for one in call[2].split(",")]
    spans = []
    for part in parts:
        pattern = _CODES.fullmatch(part) if call[1] == "pat" else None
        if pattern:
            low = int((part[:-1] if part[1:2] != "*" else part[0]).ljust(3, "0"))
            spans.append((low, low + (9 if len(part) == 3 and part[1] != "*" else 99)))
        elif _CODE.fullmatch(part):
            spans.append((int(part), int(part)))
        else:
            return _NO_SUCH
    if sign == "==":
        wanted.assertions += drafts.codes(item, spans, 18)
    elif sign == "!=" and all(low == high for low, high in spans):
        wanted.assertions += [_simple("status_code", "!=", str(low)) for low, _ in spans]
    else:
        return _NO_SUCH
    return None


def _certificate(item: Item, sign: str, value: str, wanted: Wanted) -> str | None:
    length = seconds(value)
    if length is None or sign not in (">", ">="):
        return "tickd can't read it"
    wanted.certificate_days = max(1, min(90, math.ceil(length / 86_400)))
    return None


def _body(item: Item, function: str, path: str, sign: str, value: str, wanted: Wanted) -> str | None:
    path = path.removeprefix(".")
    if path:
        try:
            json_paths.parse(path)
        except Invalid:
            return "tickd has paths such as data.users[0].name"
    if function == "has":
        return _has(path, sign, value, wanted)
    if function == "len":
        return _length(item, path, sign, value, wanted)
    call = _CALL.fullmatch(value)
    source = {"source": "json", "path": path} if path else {"source": "body"}
    if call is not None:
        inner = call[2].strip()
        bare = inner.strip("*")
        if call[1] == "any" or "*" in bare or sign not in ("==", "!=") or not bare:
            return _NO_SUCH
        if inner == bare:
            wanted.assertions.append(source | {"comparison": _COMPARISONS[sign], "target": bare})
        elif inner.startswith("*") and inner.endswith("*"):
            comparison = "contains" if sign == "==" else "not_contains"
            wanted.assertions.append(source | {"comparison": comparison, "target": bare})
        else:
            return "tickd looks for a text anywhere, not at the beginning or the end"
        return None
    if sign not in ("==", "!=") and not (path and _NUMBER.fullmatch(value)):
        return _NO_SUCH
    wanted.assertions.append(source | {"comparison": _COMPARISONS[sign], "target": value})
    return None


def _has(path: str, sign: str, value: str, wanted: Wanted) -> str | None:
    if not path or sign not in ("==", "!=") or value not in ("true", "false"):
        return _NO_SUCH
    is_there = (value == "true") == (sign == "==")
    wanted.assertions.append(_presence(path, is_there))
    return None


def _presence(path: str, is_there: bool) -> Assertion:
    return {"source": "json", "path": path, "comparison": "exists" if is_there else "not_exists"}


def _length(item: Item, path: str, sign: str, value: str, wanted: Wanted) -> str | None:
    """How many items a list has, by whether the last of them is there."""
    if not re.fullmatch(r"[0-9]{1,6}", value):
        return "tickd can't read it"
    count, root = int(value), path or "$"
    least = {"==": count, ">=": count, ">": count + 1}.get(sign, 0)
    most = {"==": count, "<=": count, "<": count - 1}.get(sign)
    if sign == "!=" or (most is not None and most < 0):
        if sign != "!=" or count != 0:
            return _NO_SUCH
        least, most = 1, None
    if least:
        wanted.assertions.append(_presence(f"{root}[{least - 1}]", True))
    if most is not None:
        wanted.assertions.append(_presence(f"{root}[{most}]", False))
    item.change(f"len({'[BODY].' + path if path else '[BODY]'}): counted where it is a list, not of a text")
    return None
