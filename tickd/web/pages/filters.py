"""Filters of a list: its address with what is wanted of it, so that a link keeps them."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec


def address(path: str, wanted: msgspec.Struct, *, but: str = "") -> str:
    """The list's address with its filters, to be continued: it ends in `?` or `&`.

    The offset is left out, and the filter named `but`.
    """
    said = msgspec.structs.asdict(wanted)
    kept = {name: value for name, value in said.items() if value not in (None, "") and name != but}
    kept.pop("offset", None)
    return f"{path}?{urlencode(kept)}&" if kept else f"{path}?"


def is_filtered(wanted: msgspec.Struct) -> bool:
    """Whether anything is left out of the list but by its pages."""
    said = msgspec.structs.asdict(wanted)
    return any(value not in (None, "") for name, value in said.items() if name != "offset")
