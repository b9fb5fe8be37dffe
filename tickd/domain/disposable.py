"""Domains of throw-away mailboxes: a kept list, what the operator adds to it, and what he allows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import idna
from disposable_email_domains import blocklist


class Disposable:
    """Tells which domains are disposable. The most specific name that is listed or allowed decides.

    `added` and `allowed` are ASCII domains in lower case; what is allowed wins over the same name listed.
    """

    def __init__(
        self, added: Iterable[str] = (), allowed: Iterable[str] = (), kept: Iterable[str] | None = None
    ) -> None:
        self._allowed = frozenset(allowed)
        self._added = frozenset(added)
        self._kept = _listed() if kept is None else frozenset(_ascii(name) for name in kept)

    def has(self, domain: str) -> bool:
        """Tell whether `domain` (ASCII, lower case) or a domain that it is part of is disposable."""
        name = domain
        while name:
            if name in self._allowed:
                return False
            if name in self._added or name in self._kept:
                return True
            name = name.partition(".")[2]
        return False


@cache
def _listed() -> frozenset[str]:
    """The kept list, made once: it takes more than a megabyte."""
    return frozenset(_ascii(name) for name in blocklist)


def _ascii(name: str) -> str:
    """A name that is no domain is kept as it is: it will never be asked for."""
    if name.isascii():
        return name.lower()
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name
