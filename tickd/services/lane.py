"""A lane: bounded concurrency in all and per host, with paced starts."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine

Work = Callable[[], Coroutine[None, None, None]]

PACE = 20
"""How many begin at once; the next ones follow a millisecond later, so that the loop never stalls."""
PAUSE_SECS = 0.001

log = logging.getLogger("tickd.lane")


class Lane:
    """Runs what it is given, in order, never more than `limit` at once and `per_host` for one host."""

    def __init__(self, *, limit: int, per_host: int, pace: int = PACE) -> None:
        self._limit = limit
        self._per_host = per_host
        self._pace = pace
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
        begun = 0
        while self._ready and len(self._tasks) < self._limit and begun < self._pace:
            host, work = self._ready.popleft()
            if self._under_way.get(host, 0) >= self._per_host:
                self._parked.setdefault(host, deque()).append(work)
            else:
                self._begin(host, work)
                begun += 1
        if self._ready and len(self._tasks) < self._limit:
            self._pumping = asyncio.get_running_loop().call_later(PAUSE_SECS, self._pump)

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
