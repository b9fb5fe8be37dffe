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
    """Runs what it is given, in order, never more than `limit` at once and `per_host` for one host."""

    def __init__(self, *, limit: int, per_host: int) -> None:
        self._limit = limit
        self._per_host = per_host
        self._ready: deque[tuple[str, Work]] = deque()
        self._parked: dict[str, deque[Work]] = {}
        self._under_way: dict[str, int] = {}
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._pumping: asyncio.Handle | None = None
        self._open = True

    @property
    def in_flight(self) -> int:
        """How many run now."""
        return len(self._tasks)

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
        while self._ready and len(self._tasks) < self._limit:
            host, work = self._ready.popleft()
            if self._under_way.get(host, 0) >= self._per_host:
                self._parked.setdefault(host, deque()).append(work)
            else:
                self._begin(host, work)

    def _begin(self, host: str, work: Work) -> None:
        task = asyncio.get_running_loop().create_task(work())
        self._tasks[task] = host
        self._under_way[host] = self._under_way.get(host, 0) + 1
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        host = self._tasks.pop(task)
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
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work in a lane raised", exc_info=error)
        self._wake()

    async def stop(self, grace_secs: float) -> None:
        """Begin nothing more, give what runs `grace_secs`, then cancel it."""
        self._open = False
        if self._pumping is not None:
            self._pumping.cancel()
        self._ready.clear()
        self._parked.clear()
        if not self._tasks:
            return
        _, late = await asyncio.wait(set(self._tasks), timeout=grace_secs)
        for task in late:
            task.cancel()
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
