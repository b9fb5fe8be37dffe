"""A daemon with an event loop of its own, for tests that call it from outside one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.support.daemon import KEY, Harness, Reply, running

T = TypeVar("T")

NOWHERE = ("127.0.0.1", 9)
"""A name server that never answers."""


class Served:
    """The daemon's harness, to be called from another thread."""

    def __init__(self, harness: Harness, loop: asyncio.AbstractEventLoop) -> None:
        self.harness = harness
        self._loop = loop

    @property
    def url(self) -> str:
        """Where the daemon listens."""
        return self.harness.url

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The value of `work`, run on the daemon's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10.0)

    def call(
        self, method: str, path: str, body: object = None, *, key: str | None = KEY, **more: Any
    ) -> Reply:
        """`Harness.call`."""
        return self.run(self.harness.call(method, path, body, key=key, **more))


@contextmanager
def serving_beside(path: Path, **settings: Any) -> Iterator[Served]:
    """A daemon on a thread. Its clock stands still, so that it calls only what a test triggers; no name
    can be resolved, and of private addresses only 127.0.0.1 may be called."""
    started: Future[Served] = Future()
    stop = asyncio.Event()

    async def serve() -> None:
        plain: dict[str, Any] = {"dns_server": (NOWHERE,), "block_private_targets": True}
        plain |= {"allow_target": ("127.0.0.1/32",)}
        async with running(path, **(plain | settings)) as harness:
            started.set_result(Served(harness, asyncio.get_running_loop()))
            await stop.wait()

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=work, name="served")
    thread.start()
    made = None
    try:
        made = started.result(10.0)
        yield made
    finally:
        if made is not None:
            made._loop.call_soon_threadsafe(stop.set)
        thread.join(10.0)
