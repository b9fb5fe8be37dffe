"""Compression of what pages send: Brotli where the browser takes it, else gzip."""

from __future__ import annotations

import gzip

import brotli

SMALLEST, QUICKEST = 9, 4
"""How hard to try, for what is packed once and for what is packed at every request."""
WORTH_BYTES = 1024
"""What is smaller is sent as it is."""


def chosen(accepted: str) -> str:
    """The best encoding that an `Accept-Encoding` takes: `br`, `gzip`, or "" for none."""
    weights: dict[str, float] = {}
    for item in accepted.lower().split(","):
        name, _, parameters = item.partition(";")
        weights[name.strip()] = _weight(parameters)
    return next((name for name in ("br", "gzip") if weights.get(name, 0.0) > 0), "")


def pack(content: bytes, encoding: str, *, level: int = QUICKEST) -> bytes:
    """`content` in an encoding that `chosen` gave."""
    if encoding == "br":
        packed: bytes = brotli.compress(content, quality=level)
        return packed
    return gzip.compress(content, compresslevel=level, mtime=0)


def _weight(parameters: str) -> float:
    """The q of an item of the header; what can't be read counts as refused."""
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
