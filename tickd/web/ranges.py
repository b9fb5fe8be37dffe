"""Ranges: fields whose ends a face, or the operator, has moved within the domain's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from tickd.errors import Invalid
from tickd.web.routes import Call

T = TypeVar("T")


async def said(call: Call, kind: type[T], ranges: Mapping[str, tuple[int, int]]) -> T:
    """The body as a `kind`, with the fields of `ranges` between their ends; Invalid names them."""
    try:
        spec = await call.body(kind)
    except Invalid as error:
        if error.field not in ranges:
            raise
        noun = "a whole number between" if "whole number" in error.sentence else "between"
        raise Invalid(error.field, "must be {} {} and {}".format(noun, *ranges[error.field])) from error
    for name, (low, high) in ranges.items():
        value = getattr(spec, name)
        if isinstance(value, int) and not low <= value <= high:
            raise Invalid(name, f"must be between {low} and {high}")
    return spec
