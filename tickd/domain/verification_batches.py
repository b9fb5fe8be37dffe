"""Batches of addresses: what may be one, and which of its places are still to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tickd.domain.verification import BATCH_MOST, Unknown, shown
from tickd.errors import Invalid

_RANGE = f"must be a list of 1 to {BATCH_MOST} addresses, each text"


def addresses(said: object) -> list[str]:
    """What was given as the addresses of a batch, as given; Invalid says which of them can't be one."""
    if not isinstance(said, list):
        raise Invalid("emails", _RANGE)
    if not 1 <= len(said) <= BATCH_MOST:
        raise Invalid("emails", f"{_RANGE}; {len(said)} were given")
    found: list[str] = []
    for number, item in enumerate(said, 1):
        if not isinstance(item, str):
            raise Invalid("emails", f"{_RANGE}; number {number} is not")
        found.append(item)
    return found


def left(emails: Sequence[str | None], done: Iterable[int]) -> list[tuple[int, str]]:
    """The places, and their addresses, that nothing is known of yet; None is one that was deleted since."""
    known = frozenset(done)
    return [
        (position, email)
        for position, email in enumerate(emails)
        if email is not None and position not in known
    ]


def unknown(position: int, email: str, error: str) -> Unknown:
    """An address that nothing could be found out about; a long one is cut as in the history."""
    return Unknown(position, shown(email), error)
