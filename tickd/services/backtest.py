"""Back-tests: read a monitor's stored checks in slices, and replay them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tickd.clock import Clock
from tickd.domain import backtest as rules
from tickd.domain import times
from tickd.domain.backtest import Backtest, BacktestRequest, Look
from tickd.domain.monitors import Monitor
from tickd.domain.windows import Maintenance
from tickd.errors import NotFound, Unavailable
from tickd.services.history import History
from tickd.store import maintenance, monitors
from tickd.store.database import Database

READ = 3_000
"""About so many checks are read at once."""
SPAN_MOST = 48 * times.HOUR
"""As much is read at once at most: where checks were made less often than those behind them."""
REPLAYED = 100
"""Checks that are replayed before others get their turn, a fraction of a millisecond."""
AHEAD = times.MINUTE
"""Checks carry times behind one another, and so may be ahead of the clock by a little."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What a back-test found; `since` and `to` in milliseconds, from the first check that was replayed."""

    since: int
    to: int
    backtest: Backtest
    summary: str


class Backtests:
    """Replays one monitor's checks after another's: each takes up to a second of the processor."""

    def __init__(self, db: Database, clock: Clock, history: History) -> None:
        self._db = db
        self._clock = clock
        self._history = history
        self._turn = asyncio.Lock()

    async def run(self, account_id: str, identifier: str, request: BacktestRequest) -> Tested:
        """What these settings would have told of the monitor's stored checks, beside its own."""
        monitor = await monitors.get(self._db, account_id, identifier)
        if monitor is None:
            raise NotFound(f"no monitor {identifier}")
        options = rules.proposed(monitor, request)
        if self._history.is_rebuilding:
            raise Unavailable("the history is still being read after the start")
        test = Backtest(monitor, options, await self._planned(monitor))
        async with self._turn:
            to = self._clock.now()
            since = max(to - request.days * times.DAY, await self._history.kept_since(monitor.row))
            async for looks in self._slices(monitor.row, since, to + AHEAD):
                to = max(to, looks[-1][0])
                for place in range(0, len(looks), REPLAYED):
                    test.feed(looks[place : place + REPLAYED])
                    await asyncio.sleep(0)
        test.finish(to)
        return Tested(to if test.since is None else test.since, to, test, test.summary(to, request.days))

    async def _planned(self, monitor: Monitor) -> list[Maintenance]:
        """The account's maintenance of this monitor, what is over included."""
        found = await maintenance.of_account(self._db, monitor.account_id)
        return [one for one in found if one.covers(monitor.id, monitor.tags)]

    async def _slices(self, monitor: int, since: int, until: int) -> AsyncIterator[list[Look]]:
        """The monitor's checks in pieces, oldest first; none is empty."""
        span = times.HOUR
        while since < until:
            end = min((since // times.HOUR) * times.HOUR + span, until)
            looks = await self._history.looks(monitor, since, end)
            if looks:
                yield looks
            since = end
            # As many hours as hold some thousands of checks: at 30 s a day.
            wanted = span * READ // max(1, len(looks)) // times.HOUR * times.HOUR
            span = max(times.HOUR, min(wanted, 2 * span, SPAN_MOST))
