"""Keeping: an answer that many want at once is made once, and kept for a few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class _Kept(NamedTuple):
    of: object
    at: int
    task: asyncio.Future[Any]


class Keeping(Generic[T]):
    """Answers by key; `most` are kept at once, each for `keep_ms`."""

    def __init__(self, keep_ms: int, most: int) -> None:
        self._keep_ms = keep_ms
        self._most = most
        self._kept: dict[Hashable, _Kept] = {}

    async def of(self, key: Hashable, of: object, now: int, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` gave for `key` a moment ago, gives now, or is about to give to somebody else.

        `of` is what it is made of: an answer that was made of another object is not given.
        """
        kept = self._kept.get(key)
        # A clock that was set back must not keep an answer for ever.
        if kept is None or kept.of is not of or not kept.at <= now < kept.at + self._keep_ms:
            # A task of its own: who asked first may go away, and the others still wait.
            kept = _Kept(of, now, asyncio.ensure_future(_run(make)))
            self._put(key, kept)
            kept.task.add_done_callback(partial(self._settle, key, kept))
        found: T = await asyncio.shield(kept.task)
        return found

    def forget(self, key: Hashable) -> None:
        """Keep no answer for `key`; who waits for it still gets it."""
        self._kept.pop(key, None)

    async def stop(self) -> None:
        """Make nothing any more."""
        tasks = [kept.task for kept in self._kept.values() if not kept.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _put(self, key: Hashable, kept: _Kept) -> None:
        self._kept.pop(key, None)
        self._kept[key] = kept
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]

    def _settle(self, key: Hashable, kept: _Kept, _task: asyncio.Future[Any]) -> None:
        # A failure is told to those who waited, and not to those who come later.
        failed = kept.task.cancelled() or kept.task.exception() is not None
        if failed and self._kept.get(key) is kept:
            del self._kept[key]


async def _run(make: Callable[[], Awaitable[T]]) -> T:
    return await make()
