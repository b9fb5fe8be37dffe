"""Identifiers: random ones for resources, reversible ones for rows of history, and secrets."""

from __future__ import annotations

import base64
import hashlib
import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, lower case: no i, l, o or u to misread."""

_VALUE = {letter: number for number, letter in enumerate(ALPHABET)}
_MASK = (1 << 64) - 1
# Odd, so multiplication modulo 2**64 can be undone; the constants are those of SplitMix64.
_MULTIPLIER = 0xBF58476D1CE4E5B9
_INVERSE = pow(_MULTIPLIER, -1, 1 << 64)
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET.encode())
_ROW_LETTERS = 13

SHORT_LETTERS = 16
"""How long the short form of a ping token is."""


def new(prefix: str) -> str:
    """A new resource id: `job_` and 16 random letters (80 bits)."""
    # A thousand failures at once want a thousand: letter by letter that was a quarter of what they cost.
    return f"{prefix}_" + base64.b32encode(secrets.token_bytes(10)).translate(_CROCKFORD).decode()


def secret(letters: int = 40) -> str:
    """A random secret of `letters` base-32 letters, five bits each."""
    return "".join(secrets.choice(ALPHABET) for _ in range(letters))


def row_id(prefix: str, row: int) -> str:
    """The opaque, stable id of a row of history; it encodes the row, so nothing is stored for it."""
    number = (row * _MULTIPLIER) & _MASK
    number ^= number >> 32
    letters = []
    for _ in range(_ROW_LETTERS):
        letters.append(ALPHABET[number & 31])
        number >>= 5
    return f"{prefix}_" + "".join(reversed(letters))


def row_of(prefix: str, identifier: str) -> int | None:
    """The row that `row_id` encoded, or None when the text is no such id."""
    head, _, tail = identifier.partition("_")
    if head != prefix or len(tail) != _ROW_LETTERS:
        return None
    number = 0
    for letter in tail:
        value = _VALUE.get(letter)
        if value is None:
            return None
        number = number << 5 | value
    if number > _MASK:
        return None
    number ^= number >> 32
    row = (number * _INVERSE) & _MASK
    return row if row < 1 << 63 else None


def token() -> str:
    """A new ping token: 64 hexadecimal digits (256 bits)."""
    return secrets.token_hex(32)


def short_token(token: str) -> str:
    """The short form of a ping token, 16 letters (80 bits), which leads back to nothing."""
    # The library's base 32 has other letters than ours, and takes a tenth of the time.
    letters = base64.b32encode(hashlib.sha256(token.encode()).digest()[:10])
    return letters.translate(_CROCKFORD).decode()
