"""Fields: an object as a type, and what is wrong with which of its fields in the house's words."""

from __future__ import annotations

import re
from functools import cache
from typing import TypeVar

import msgspec
from msgspec import inspect

from tickd.errors import Invalid

T = TypeVar("T")

_ITEM = re.compile(r"\[(?P<number>\d+)\]\.(?P<key>\w+)")


def convert(value: dict[str, object], kind: type[T], *, strict: bool = True) -> T:
    """An object as a `kind`; Invalid where a field is missing, mistyped or out of range.

    Without `strict`, texts may stand for numbers and for yes and no.
    """
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise _explain(str(error), kind) from error


def _explain(message: str, kind: type) -> Invalid:
    """The house's sentence for one of msgspec's, out of the field's own type."""
    _, _, path = message.rpartition("`$.")
    name = path.rstrip("`").split("[")[0].split(".")[0]
    types = _types(kind)
    if message.startswith("Object missing required field"):
        missing = message.split("`")[1]
        return (
            Invalid(name, f"has an item without {missing}")
            if name in types
            else Invalid(missing, "is required")
        )
    if name not in types:
        return Invalid("the request", f"can't be read: {message}")
    of_type = ", got" not in message
    item = _ITEM.search(path)
    inner = _item_types(types[name])
    if item and item["key"] in inner:
        sentence = _sentence(inner[item["key"]], of_type=of_type)
        return Invalid(name, f"has a mistake in number {int(item['number']) + 1}: {item['key']} {sentence}")
    return Invalid(name, _sentence(types[name], of_type=of_type))


def _item_types(kind: inspect.Type) -> dict[str, inspect.Type]:
    """The fields of a list's items, where they are objects."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    for one in kinds:
        if isinstance(one, inspect.ListType) and isinstance(one.item_type, inspect.StructType):
            return _types(one.item_type.cls)
    return {}


@cache
def nullable(kind: type) -> frozenset[str]:
    """The fields of a Struct that can be null."""
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType):
        return frozenset()
    unions = {one.encode_name: one.type for one in info.fields if isinstance(one.type, inspect.UnionType)}
    return frozenset(name for name, union in unions.items() if union.includes_none)


@cache
def _types(kind: type) -> dict[str, inspect.Type]:
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"{kind} is not a Struct")
    return {field.encode_name: field.type for field in info.fields}


def _sentence(kind: inspect.Type, *, of_type: bool) -> str:
    """What a value of this type must be; `of_type` says that only its range was wrong."""
    if isinstance(kind, inspect.UnionType):
        real = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
        return _sentence(real[0], of_type=of_type)
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        noun = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
        if kind.ge is None or kind.le is None:
            return f"must be {noun}"
        low, high = (kind.ge, kind.le) if noun == "a whole number" else (f"{kind.ge:g}", f"{kind.le:g}")
        return f"must be {'' if of_type else noun + ' '}between {low} and {high}"
    if isinstance(kind, inspect.StrType):
        return "must be text" + _length(kind.min_length, kind.max_length, "characters")
    if isinstance(kind, inspect.LiteralType):
        return "must be one of " + ", ".join(map(str, kind.values))
    if isinstance(kind, inspect.ListType):
        length = _length(kind.min_length, kind.max_length, "items")
        return "must be a list" + length + _items(kind.item_type)
    if isinstance(kind, inspect.DictType):
        numbers = isinstance(kind.value_type, inspect.FloatType)
        return f"must be a map of names to {'numbers' if numbers else 'texts'}"
    if isinstance(kind, inspect.BoolType):
        return "must be true or false"
    raise TypeError(f"no sentence for {kind}")


def _length(low: int | None, high: int | None, noun: str) -> str:
    if high is None:
        return ""
    return f" of {low} to {high} {noun}" if low else f" of at most {high} {noun}"


def _items(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.LiteralType):
        return " out of " + ", ".join(map(str, kind.values))
    if isinstance(kind, inspect.StrType):
        return ", each text" + _length(kind.min_length, kind.max_length, "characters")
    return ""
