"""A lane: bounded concurrency in all and per host; and a pace for what begins in it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine

Work = Callable[[], Coroutine[None, None, None]]

PACE = 10
PAUSE_SECS = 0.001

log = logging.getLogger("tickd.lane")


class Lane:
    """Runs what it is given, in order, never more than `limit` at once and `per_host` for one host.

    Its workers stay: a task made for each piece of work costs as much as scheduling it in all.
    """

    def __init__(self, *, limit: int, per_host: int) -> None:
        self._limit = limit
        self._per_host = per_host
        self._ready: deque[tuple[str, Work]] = deque()
        self._parked: dict[str, deque[Work]] = {}
        self._under_way: dict[str, int] = {}
        self._in_flight = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: list[asyncio.Future[tuple[str, Work]]] = []
        self._pumping: asyncio.Handle | None = None
        self._open = True

    @property
    def in_flight(self) -> int:
        """How many run now."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """How many have not begun."""
        return len(self._ready) + sum(map(len, self._parked.values()))

    def submit(self, host: str, work: Work) -> None:
        """Run `work` as soon as there is room; it must not raise."""
        self._ready.append((host, work))
        self._wake()

    def _wake(self) -> None:
        if self._pumping is None and self._open:
            self._pumping = asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = None
        while (following := self._next()) is not None:
            if self._idle:
                # The one that went to sleep last: the others may sleep on, out of the caches.
                self._idle.pop().set_result(following)
            else:
                worker = asyncio.get_running_loop().create_task(self._work(*following))
                self._workers.add(worker)
                worker.add_done_callback(self._left)

    def _left(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        # Cut off by its own work, it has taken nothing in its stead.
        self._wake()

    def _next(self) -> tuple[str, Work] | None:
        """Take a place for the first that may run now."""
        if not self._open or self._in_flight >= self._limit:
            return None
        while self._ready:
            host, work = self._ready.popleft()
            under_way = self._under_way.get(host, 0)
            if under_way < self._per_host:
                self._under_way[host] = under_way + 1
                self._in_flight += 1
                return host, work
            self._parked.setdefault(host, deque()).append(work)
        return None

    async def _work(self, host: str, work: Work) -> None:
        while True:
            try:
                await work()
            except Exception as error:
                log.error("work in a lane raised", exc_info=error)
            finally:
                self._ended(host)
            following = self._next()
            if following is None:
                if not self._open:
                    return
                idle: asyncio.Future[tuple[str, Work]] = asyncio.get_running_loop().create_future()
                self._idle.append(idle)
                following = await idle
            host, work = following

    def _ended(self, host: str) -> None:
        self._in_flight -= 1
        left = self._under_way[host] - 1
        if left:
            self._under_way[host] = left
        else:
            del self._under_way[host]
        parked = self._parked.get(host)
        if parked:
            self._ready.appendleft((host, parked.popleft()))
            if not parked:
                del self._parked[host]

    async def stop(self, grace_secs: float) -> None:
        """Begin nothing more, give what runs `grace_secs`, then cancel it."""
        self._open = False
        if self._pumping is not None:
            self._pumping.cancel()
        self._ready.clear()
        self._parked.clear()
        sleeping, self._idle = self._idle, []
        for idle in sleeping:
            idle.cancel()
        if not self._workers:
            return
        _, late = await asyncio.wait(set(self._workers), timeout=grace_secs)
        for worker in late:
            worker.cancel()
        await asyncio.gather(*late, return_exceptions=True)


class Pace:
    """Lets `PACE` pass at once and the next ones a millisecond later, in the order they came.

    Whatever wakes many at once, a minute or a commit, must not stall the loop with what they then do.
    """

    def __init__(self) -> None:
        self._free = PACE
        self._queue: deque[asyncio.Future[None]] = deque()
        self._counting = False

    async def turn(self) -> None:
        """Return when it is the caller's turn."""
        if self._free and not self._queue:
            self._pass()
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(mine)
        await mine

    def _pass(self) -> None:
        self._free -= 1
        if not self._counting:
            self._counting = True
            asyncio.get_running_loop().call_later(PAUSE_SECS, self._refill)

    def _refill(self) -> None:
        self._counting = False
        self._free = PACE
        while self._free and self._queue:
            following = self._queue.popleft()
            if not following.done():  # or it was cut off while it waited
                self._pass()
                following.set_result(None)
