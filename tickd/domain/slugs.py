"""Slugs: the last part of a status page's address."""

from __future__ import annotations

import re
import unicodedata

from tickd.errors import Invalid

LONGEST = 60
"""The most characters of a slug."""

# Letters of their own to Unicode, which it takes apart into nothing.
_LETTERS = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ł": "l",
        "ħ": "h",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    }
)
_OTHER = re.compile(r"[^a-z0-9]+")


def sanitise(text: str) -> str:
    """What a caller wants as a slug, made one; raises `Invalid` when nothing of it is left."""
    slug = _plain(text, LONGEST)
    if not slug:
        raise Invalid("slug", "must hold at least one letter a to z or digit")
    return slug


def fresh(name: str, suffix: str) -> str:
    """A slug out of a name and a suffix that makes it unique: `my-website-a3f8c1`."""
    return f"{_plain(name, LONGEST - len(suffix) - 1) or 'monitor'}-{suffix}"


def _plain(text: str, longest: int) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    # Marks go before the rest becomes hyphens, or `café` would end in one.
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()
    return _OTHER.sub("-", bare).strip("-")[:longest].rstrip("-")
