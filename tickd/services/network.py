"""Our own network: whether what fails is the target, or the daemon's way to it."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Sequence

from tickd import logs
from tickd.clock import Clock
from tickd.domain import times
from tickd.services.witness import Witness

Reach = Callable[[str], Awaitable[bool]]

BASELINE_SECS = 60.0
"""How often the references are asked while checks of other machines go well."""
PAUSE_SECS = 0.5
"""The least time between two askings: a thousand checks that fail together ask once."""
NETWORK_LOST = "tickd's own network was lost"
"""The cause of a blind interval in which nothing could be reached."""
LONGEST_DOUBT = 60 * times.SECOND
"""How long before the first failing check a loss may be said to have begun."""

log = logging.getLogger("tickd.network")


def is_loopback(address: str) -> bool:
    """Whether the address is on this machine, whatever its network does."""
    if ":" not in address:
        return address.startswith("127.") or address == "0.0.0.0"  # noqa: S104 - compared, not bound
    found = ipaddress.ip_address(address)
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_loopback or found.is_unspecified


def is_public(address: str) -> bool:
    """Whether an answer from the address proves the way to the world, and not to the next room alone."""
    return ipaddress.ip_address(address).is_global


class OwnNetwork:
    """Asks reference targets whether a failure may be ours.

    A reference is believed only once it has answered while all was well: a gateway that drops everything
    says nothing by its silence. Where none ever answered, failures are taken at their word. Nobody is
    asked as long as every target is on this machine, which is what `is_local` says of an address.
    """

    def __init__(
        self,
        references: Callable[[], Sequence[str]],
        reach: Reach,
        clock: Clock,
        witness: Witness,
        *,
        is_local: Callable[[str], bool] = is_loopback,
        is_proof: Callable[[str], bool] = is_public,
    ) -> None:
        """`references` is read again at each asking: a laptop meets many gateways."""
        self._references = references
        self._reach = reach
        self._clock = clock
        self._witness = witness
        self.is_local = is_local
        self.is_proof = is_proof
        self._believed: set[str] = set()
        self._asked_from: float | None = None
        self._asking: asyncio.Task[None] | None = None
        self._worked_at = clock.now()
        self._proven = clock.monotonic()
        self._back: float | None = None
        self.blind_since: int | None = None
        self.wake: Callable[[], None] = lambda: None

    def is_blind(self) -> bool:
        """Whether our own network is lost now."""
        return self.blind_since is not None

    def worked(self, address: str) -> None:
        """Another machine has answered: the network is up, and references may prove themselves."""
        self._worked_at = self._clock.now()
        now = self._clock.monotonic()
        if self.blind_since is None:
            self._proven = now
        elif self.is_proof(address):
            # The references are silent and the world is there: this is another network than theirs.
            self._proven = now
            self._believed.clear()
            self._asked_from = None
            self._end()
        if self._asked_from is None or now - self._asked_from >= BASELINE_SECS:
            self._begin_asking()

    async def is_up(self, since: float) -> bool:
        """Whether our own network has worked from `since`, monotonic seconds, until now."""
        if self.is_blind() or (self._back is not None and since <= self._back):
            return False
        moment = self._clock.monotonic()
        while self._believed and (self._asked_from is None or self._asked_from < moment):
            # An answer of before says nothing: the network may have gone since.
            await asyncio.wait({self._begin_asking()})
            if self.is_blind():
                return False
        return True

    def _begin_asking(self) -> asyncio.Task[None]:
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask())
        return self._asking

    async def _ask(self) -> None:
        try:
            if self._asked_from is not None:
                await self._clock.sleep(self._asked_from + PAUSE_SECS - self._clock.monotonic())
            begun = self._clock.monotonic()
            asked = sorted(self._believed.union(self._references()))
            answers = await asyncio.gather(*map(self._reach, asked), return_exceptions=True)
            reached = {name for name, answer in zip(asked, answers, strict=True) if answer is True}
            self._asked_from = begun
            if reached:
                # Who is silent while another answers is silent for reasons of its own.
                self._believed = reached
                self._worked_at = self._clock.now()
                self._end()
            elif self._believed and self.blind_since is None and self._proven < begun:
                self._lose()
        finally:
            self._asking = None

    def _lose(self) -> None:
        now = self._clock.now()
        self.blind_since = max(min(self._worked_at, now), now - LONGEST_DOUBT)
        since = logs.fields(since=times.rfc3339(self.blind_since))
        log.error("own network lost: failures are not believed until it is back", extra=since)
        self.wake()

    def _end(self) -> None:
        if self.blind_since is not None:
            now = self._clock.now()
            self._witness.note_blind(min(self.blind_since, now), now, NETWORK_LOST)
            self.blind_since = None
            self._back = self._clock.monotonic()

    async def tick(self, now: int) -> int | None:
        """While blind, ask every second; None otherwise."""
        if self.blind_since is None:
            return None
        await asyncio.wait({self._begin_asking()})
        return None if self.blind_since is None else max(now, self._clock.now()) + times.SECOND

    async def stop(self) -> None:
        """Stop asking; what was not seen until now is noted."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        self._end()
