"""Images: small pictures that people give, as `data:` addresses, and what they really are."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from msgspec import Struct

from tickd.errors import Invalid

MOST_BYTES = 100_000
"""The largest picture."""
MOST_LETTERS = 140_000
"""The longest `data:` address that may hold one."""

_ADDRESS = re.compile(r"data:(image/[a-z+]+);base64,([A-Za-z0-9+/=\s]*)")
# What may stand before an XML text's first element, and where it ends.
_PROLOG = ((b"<?xml", b"?>"), (b"<!--", b"-->"), (b"<!DOCTYPE svg", b">"))
_SVG = re.compile(rb"<svg[\s>]")


class Image(Struct, frozen=True):
    """A picture: its type, its bytes, and a digest of both that changes with it."""

    content_type: str
    content: bytes
    digest: str


def from_bytes(field: str, content: bytes) -> Image:
    """The picture that these bytes are; Invalid names `field`."""
    if len(content) > MOST_BYTES:
        raise Invalid(field, f"must be at most {MOST_BYTES // 1000} kB")
    kind = _kind(content)
    if kind is None:
        raise Invalid(field, "must be a PNG, JPEG, WebP or SVG picture")
    digest = hashlib.blake2b(kind.encode() + b"\0" + content, digest_size=8).hexdigest()
    return Image(kind, content, digest)


def from_address(field: str, address: str) -> Image:
    """The picture in a `data:` address, by its bytes and not by what it says it is; Invalid names `field`."""
    found = _ADDRESS.fullmatch(address.strip())
    if found is None:
        raise Invalid(field, "must be a picture as data:image/png;base64,…")
    try:
        content = base64.b64decode("".join(found[2].split()), validate=True)
    except binascii.Error as error:
        raise Invalid(field, "must be base64 after the comma") from error
    return from_bytes(field, content)


def _kind(content: bytes) -> str | None:
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return "image/svg+xml" if _SVG.match(_after_prolog(content)) else None


def _after_prolog(content: bytes) -> bytes:
    """An XML text from its first element on: without its declaration, comments and plain document type."""
    rest = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    while True:
        end = next((last for first, last in _PROLOG if rest.startswith(first)), None)
        if end is None:
            return rest
        _, found, rest = rest.partition(end)
        rest = rest.lstrip() if found else b""
