"""Our own network: whether what fails is the target, or the daemon's way to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from tickd import logs
from tickd.clock import Clock
from tickd.domain import times
from tickd.services.witness import Witness

Reach = Callable[[str], Awaitable[bool]]

BASELINE_SECS = 60.0
"""How often the references are asked while checks of other machines go well."""
FRESH_SECS = 2.0
"""How long an answer counts: a thousand checks that fail together ask once."""

log = logging.getLogger("tickd.network")


class OwnNetwork:
    """Asks reference targets whether a failure may be ours.

    A reference is believed only once it has answered while all was well: a gateway that drops everything
    says nothing by its silence. Where none ever answered, failures are taken at their word. Nobody is
    asked as long as every target is on this machine.
    """

    def __init__(self, references: Sequence[str], reach: Reach, clock: Clock, witness: Witness) -> None:
        self._references = tuple(references)
        self._reach = reach
        self._clock = clock
        self._witness = witness
        self._believed: set[str] = set()
        self._asked_at: float | None = None
        self._asking: asyncio.Task[None] | None = None
        self._up = True
        self._worked_at = clock.now()
        self.blind_since: int | None = None
        self.wake: Callable[[], None] = lambda: None

    def worked(self) -> None:
        """A check of another machine went well: the network is up, and references may prove themselves."""
        self._worked_at = self._clock.now()
        asked = self._asked_at
        if asked is None or self._clock.monotonic() - asked >= BASELINE_SECS:
            self._begin_asking()

    async def is_up(self) -> bool:
        """Whether our own network works, as of the last two seconds."""
        if not self._believed:
            return True
        asked = self._asked_at
        if asked is None or self._clock.monotonic() - asked >= FRESH_SECS:
            self._begin_asking()
        if self._asking is not None:
            await asyncio.wait({self._asking})
        return self._up

    def _begin_asking(self) -> None:
        if self._references and self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask())

    async def _ask(self) -> None:
        try:
            answers = await asyncio.gather(*(self._reach(reference) for reference in self._references))
            reached = {name for name, answer in zip(self._references, answers, strict=True) if answer}
            self._believed |= reached
            self._up = bool(reached) or not self._believed
            self._note(self._clock.now())
        finally:
            self._asked_at = self._clock.monotonic()
            self._asking = None

    def _note(self, now: int) -> None:
        if self._up:
            if self.blind_since is not None:
                self._witness.note_blind(self.blind_since, now, "tickd's own network was lost")
            self.blind_since = None
            self._worked_at = now
        elif self.blind_since is None:
            self.blind_since = self._worked_at
            since = logs.fields(since=times.rfc3339(self._worked_at))
            log.error("own network lost: failures are not believed until it is back", extra=since)
            self.wake()

    async def tick(self, now: int) -> int | None:
        """While blind, ask every second; None otherwise."""
        if self.blind_since is None:
            return None
        await self.is_up()
        return None if self.blind_since is None else now + times.SECOND

    async def stop(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
