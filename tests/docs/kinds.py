"""What a page has to say of a type."""

from __future__ import annotations

from msgspec import inspect


def words_of(kind: inspect.Type) -> list[str]:
    """What a page has to say of a field's type: its choices, its range, its length."""
    if isinstance(kind, inspect.UnionType):
        return [word for one in kind.types for word in words_of(one)]
    if isinstance(kind, inspect.LiteralType):
        return [f"`{value}`" for value in kind.values]
    if isinstance(kind, inspect.IntType):
        return [f"{kind.ge} to {kind.le}"]
    if isinstance(kind, inspect.StrType):
        low, high = kind.min_length, kind.max_length
        return [str(high)] if high is not None and (low or 0) <= 1 else []
    if isinstance(kind, inspect.ListType):
        most = [] if isinstance(kind.item_type, inspect.LiteralType) else [f"At most {kind.max_length}"]
        return most + words_of(kind.item_type)
    return []
