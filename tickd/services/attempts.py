"""Attempts: counts guesses by whoever makes them, and says when there were too many."""

from __future__ import annotations

import ipaddress
import logging
from collections import OrderedDict

from tickd import logs
from tickd.clock import Clock
from tickd.errors import TooMany

GUESSERS_MOST = 10_000
"""Whose guesses are remembered; one more forgets the one that was heard longest ago."""

WIDER = 5
"""How many times as many attempts a whole /48 of IPv6 addresses has as each /64 in it."""

log = logging.getLogger("tickd.attempts")


class Attempts:
    """At most `most` attempts of one guesser `within` so many milliseconds of the first."""

    def __init__(self, clock: Clock, *, most: int, within: int, sentence: str) -> None:
        self._clock = clock
        self._most = most
        self._within = within
        self._sentence = sentence
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, guesser: str) -> None:
        """Count an attempt of an address or of anything else with a name; TooMany when it is one too many."""
        # The narrow one first: once it waits, it takes nothing away from its neighbours.
        self._count(network(guesser), self._most)
        wide = _site(guesser)
        if wide is not None:
            self._count(wide, WIDER * self._most)

    def _count(self, who: str, most: int) -> None:
        # Not the wall clock: an hour that is put back would lock somebody out for an hour.
        now = self._clock.monotonic()
        began, count = self._counts.pop(who, (now, 0))
        if now - began >= self._within / 1000:
            began, count = now, 0
        self._counts[who] = (began, count + 1)
        if len(self._counts) > GUESSERS_MOST:
            self._counts.popitem(last=False)
        if count == most:
            log.warning(self._sentence, extra=logs.fields(source=who))
        if count >= most:
            wait = (began - now) * 1000 + self._within
            raise TooMany(self._sentence, max(1, int((wait + 999) // 1000)))

    def forgive(self, guesser: str) -> None:
        """Take one counted attempt back: it was no guess."""
        for who in (network(guesser), _site(guesser)):
            began, count = self._counts.get(who or "", (0.0, 0))
            if who is not None and count > 1:
                self._counts[who] = (began, count - 1)
            elif who is not None:
                self._counts.pop(who, None)


def network(source: str) -> str:
    """Who counts as one: a guesser has a whole /64 of IPv6 addresses."""
    address = _address(source)
    return source if address is None else _part(address, 32, 64)


def neighbours(source: str) -> str:
    """The network that one party may have: a /48 of IPv6 or a /24 of IPv4; what is no address is its own."""
    address = _address(source)
    return source if address is None else _part(address, 24, 48)


def _site(source: str) -> str | None:
    """The /48 of an IPv6 address, None of all else."""
    address = _address(source)
    return neighbours(source) if isinstance(address, ipaddress.IPv6Address) else None


def _address(source: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _part(address: ipaddress.IPv4Address | ipaddress.IPv6Address, four: int, six: int) -> str:
    length = four if address.version == 4 else six
    found = ipaddress.ip_network((address, length), strict=False)
    return str(found.network_address) if length == 32 else str(found)
