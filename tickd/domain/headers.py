"""Request headers that people give: what may be sent, and what is a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from tickd.errors import Invalid

_FRAMING = {"content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
_SECRET = re.compile(r"authorization|secret|token|key|cookie", re.IGNORECASE)

MASK = "••••••"
"""What stands for a secret header's value where the key has no write scope."""


def check(
    field: str, pairs: Iterable[tuple[str, str]], *, own: Callable[[str], bool] = lambda _: False
) -> None:
    """Raise Invalid unless every pair can be sent; `own` says which lower-case names tickd sets itself."""
    pairs = list(pairs)
    if len(pairs) > 50 or sum(len(name) + len(text) for name, text in pairs) > 16_384:
        raise Invalid(field, "must be at most 50 headers of 16384 characters together")
    for name, text in pairs:
        if not _NAME.fullmatch(name):
            raise Invalid(field, f"has {name[:50]!r}, which is not a header name")
        if name.lower() in _FRAMING or own(name.lower()):
            raise Invalid(field, f"has {name}, which tickd sets itself")
        if text == MASK:
            raise Invalid(field, f"has the mask {MASK} where the value of {name} should be")
        if not _VALUE.fullmatch(text):
            raise Invalid(field, f"has a line break or control character in {name}")


def is_secret(name: str) -> bool:
    """Whether a header's value is hidden from keys without write scope."""
    return _SECRET.search(name) is not None


def masked(given: Mapping[str, str]) -> dict[str, str]:
    """The headers with the mask in place of what is secret."""
    return {name: MASK if is_secret(name) else text for name, text in given.items()}


def unmasked(given: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """The headers that were sent back with the value that is known where the mask still stands."""
    values = {name.lower(): text for name, text in known.items()}
    return {name: values.get(name.lower(), text) if text == MASK else text for name, text in given.items()}
