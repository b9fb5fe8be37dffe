"""Many addresses at once, in the order of a table: judged, counted, and told of on the way."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, TextIO, TypeVar

import click

from tickd.domain.addresses import Mistake, read
from tickd.errors import Unavailable

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from tickd.clock import Clock
    from tickd.domain.verification import Verdict
    from tickd.services.verifying import Verifier

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 32
"""How many items a place may be ahead of the oldest that is not finished."""
TURN = 64
"""After how many items in a row, which took no waiting, others get their turn."""
DEAD_AFTER = 200
"""How many domains have to fail, before a single one is answered, for the name servers to count as dead."""
REMEMBERED = 100_000
"""How many domains are remembered that nothing was proven about."""
BAR_SECS, LINE_SECS = 0.1, 10.0
"""How often progress is told, on a terminal and elsewhere."""


async def in_order(
    items: Iterator[T], work: Callable[[T], Awaitable[R]], done: Callable[[T, R], None], *, at_once: int
) -> None:
    """Do `work` on each item, `at_once` of them at a time, and hand the results to `done` in their order."""
    waiting: deque[tuple[T, list[R]]] = deque()
    room = asyncio.Event()

    async def worker() -> None:
        for number, item in enumerate(items, 1):
            result: list[R] = []
            waiting.append((item, result))
            result.append(await work(item))
            while waiting and waiting[0][1]:
                first, (found,) = waiting.popleft()
                done(first, found)
            room.set()
            while len(waiting) >= at_once * AHEAD:
                room.clear()
                await room.wait()
            if number % TURN == 0:
                await asyncio.sleep(0)

    workers = [asyncio.create_task(worker()) for _ in range(at_once)]
    try:
        await asyncio.gather(*workers)
    finally:
        for one in workers:
            one.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


class Judge:
    """Judges addresses; a domain that nothing could be proven about is not asked about a second time."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._failed: dict[str, str] = {}
        self._proven = False

    async def verdict(self, email: str) -> Verdict | str:
        """What an address is worth, or why nobody knows; Unavailable when no name server answers at all."""
        try:
            email.encode()
        except UnicodeEncodeError:
            return "the address is not UTF-8: say with --encoding how the file is written"
        if self._failed:
            address = read(email)
            if not isinstance(address, Mistake) and address.domain in self._failed:
                return self._failed[address.domain]
        try:
            verdict = await self._verifier.verdict(email)
        except Unavailable as failure:
            self._remember(email, failure.message)
            return failure.message
        self._proven = self._proven or not isinstance(read(email), Mistake)
        return verdict

    def _remember(self, email: str, reason: str) -> None:
        address = read(email)
        if not isinstance(address, Mistake) and len(self._failed) < REMEMBERED:
            self._failed[address.domain] = reason
        if not self._proven and len(self._failed) >= DEAD_AFTER:
            raise Unavailable(f"nothing could be found out about the first {DEAD_AFTER} domains; {reason}")


class Tally:
    """How many addresses came out how."""

    def __init__(self) -> None:
        self.rows = self.valid = self.disposable = self.role_based = self.unknown = 0
        self.invalid_by: Counter[str] = Counter()

    @property
    def invalid(self) -> int:
        """How many are not valid."""
        return self.invalid_by.total()

    def add(self, email: str, verdict: Verdict | str) -> None:
        """Count one more."""
        self.rows += 1
        if isinstance(verdict, str):
            self.unknown += 1
            return
        self.disposable += verdict.disposable
        self.role_based += verdict.role_based
        if verdict.valid:
            self.valid += 1
        elif verdict.mx_found:
            self.invalid_by["disposable"] += 1
        else:
            self.invalid_by["syntax" if isinstance(read(email), Mistake) else "domain"] += 1

    def lines(self) -> list[str]:
        """The counts in words, with the numbers below each other; what there is none of is left out."""
        kinds = {
            "syntax": "wrong syntax",
            "domain": "a domain that takes no mail",
            "disposable": "a disposable domain",
        }
        rows = [(self.valid, "valid"), (self.invalid, "not valid")]
        rows += [(self.invalid_by[kind], f"  because of {words}") for kind, words in kinds.items()]
        rows += [
            (self.unknown, "unknown: the name servers proved nothing"),
            (self.role_based, "role-based, valid or not"),
            (self.disposable, "disposable, with mail or without"),
        ]
        width = max(len(f"{count:,}") for count, _ in rows)
        return [f"{count:>{width},} {words}" for count, words in rows if count]

    def settle(self, email: str, verdict: Verdict | str) -> None:
        """Count one again that was unknown."""
        self.rows -= 1
        self.unknown -= 1
        self.add(email, verdict)


class Progress:
    """How far it has come: a bar on a terminal, a line every 10 seconds elsewhere, nothing when quiet."""

    def __init__(
        self, label: str, total: int, tally: Tally, clock: Clock, *, to: TextIO, quiet: bool
    ) -> None:
        self._label, self._total, self._tally, self._clock = label, total, tally, clock
        self._to, self._quiet = to, quiet
        self._bar = self._drawn() if not quiet and to.isatty() else None
        self._begun = self._told = clock.monotonic()
        self._done = self._shown = 0

    def _drawn(self) -> ProgressBar[int]:
        return click.progressbar(
            length=self._total,
            label=self._label,
            file=self._to,
            show_pos=True,
            item_show_func=lambda _: self._counts(),
            width=24,
        )

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.update(self._done - self._shown)
            self._bar.__exit__(None, None, None)

    def advance(self) -> None:
        """One more is done; it is told when it is time to."""
        self._done += 1
        if self._quiet:
            return
        now = self._clock.monotonic()
        if now - self._told < (LINE_SECS if self._bar is None else BAR_SECS):
            return
        self._told = now
        if self._bar is not None:
            self._bar.update(self._done - self._shown)
            self._shown = self._done
            return
        left = round((self._total - self._done) * (now - self._begun) / self._done)
        line = f"{self._label}: {self._done:,} of {self._total:,}, {self._counts()}, {left:,} s left"
        click.echo(line, file=self._to)

    def _counts(self) -> str:
        tally, secs = self._tally, max(self._clock.monotonic() - self._begun, 0.001)
        unknown = f", {tally.unknown:,} unknown" if tally.unknown else ""
        return f"{tally.valid:,} valid, {tally.invalid:,} not{unknown}, {self._done / secs:,.0f}/s"
