"""Fields: reads a request's body and query into a type, and says what is wrong with which field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from tickd.domain.fields import convert, nullable
from tickd.errors import Malformed

__all__ = ["MOST", "Page", "convert", "read_body", "read_query"]

T = TypeVar("T")

MOST = 500
"""The largest page of a list."""


class Page(msgspec.Struct, kw_only=True):
    """Which part of a list is wanted; out of range is clamped."""

    limit: int = 100
    offset: int = 0

    def clamped(self) -> tuple[int, int]:
        """`limit` within 1 and 500, `offset` from 0 on."""
        return max(1, min(MOST, self.limit)), max(0, min(1 << 53, self.offset))


def read_body(raw: bytes, kind: type[T]) -> T:
    """The JSON object `raw` as a `kind`; an empty body is an empty object, null means left out.

    Malformed where it is no JSON object, Invalid where a field is missing, mistyped or out of range.
    """
    try:
        value = msgspec.json.decode(raw) if raw.strip() else {}
    except UnicodeDecodeError as error:
        raise Malformed("the body is not valid JSON: it is not UTF-8") from error
    except RecursionError as error:
        raise Malformed("the body is not valid JSON: it is nested too deeply") from error
    except msgspec.MsgspecError as error:
        raise Malformed(f"the body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise Malformed("the body must be a JSON object")
    may_be_null = nullable(kind)  # type: ignore[arg-type]
    # A field that can be null is set to null; any other one is left out.
    said = {name: item for name, item in value.items() if item is not None or name in may_be_null}
    return convert(said, kind)


def read_query(query: Mapping[str, str], kind: type[T]) -> T:
    """The query string as a `kind`; an empty value means left out."""
    return convert({name: text for name, text in query.items() if text}, kind, strict=False)
