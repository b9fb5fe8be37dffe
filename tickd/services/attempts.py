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
        who = network(guesser)
        # Not the wall clock: an hour that is put back would lock somebody out for an hour.
        now = self._clock.monotonic()
        began, count = self._counts.pop(who, (now, 0))
        if now - began >= self._within / 1000:
            began, count = now, 0
        self._counts[who] = (began, count + 1)
        if len(self._counts) > GUESSERS_MOST:
            self._counts.popitem(last=False)
        if count == self._most:
            log.warning(self._sentence, extra=logs.fields(source=who))
        if count >= self._most:
            wait = (began - now) * 1000 + self._within
            raise TooMany(self._sentence, max(1, int((wait + 999) // 1000)))

    def forgive(self, guesser: str) -> None:
        """Take one counted attempt back: it was no guess."""
        who = network(guesser)
        began, count = self._counts.get(who, (0.0, 0))
        if count > 1:
            self._counts[who] = (began, count - 1)
        else:
            self._counts.pop(who, None)


def network(source: str) -> str:
    """Who counts as one: a guesser has a whole /64 of IPv6 addresses."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if address.version == 6 and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)
