"""Local servers that behave, misbehave and go away, on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import uvloop

Handler = Callable[["Talk"], Awaitable[None]]


AsyncTest = Callable[..., Coroutine[Any, Any, None]]


def both_loops(test: AsyncTest) -> Callable[..., None]:
    """Run an async test on asyncio's own loop and on uvloop, and fail it when it leaks tasks or sockets."""
    return _run_by(test, {"asyncio": asyncio.run, "uvloop": uvloop.run})


def our_loop(test: AsyncTest) -> Callable[..., None]:
    """Run an async test that is about a rule, not about sockets, on the daemon's loop alone."""
    return _run_by(test, {"uvloop": uvloop.run})


def _run_by(test: AsyncTest, runners: dict[str, Callable[..., None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run_on(loop_runner: Callable[[Coroutine[Any, Any, None]], None], **given: Any) -> None:
        async def checked() -> None:
            before = _descriptors()
            await test(**given)
            left: set[asyncio.Task[Any]] = set()
            more: set[str] = set()
            for _ in range(50):
                left = asyncio.all_tasks() - {cast(asyncio.Task[Any], asyncio.current_task())}
                more = _descriptors() - before
                if not left and not more:
                    return
                await asyncio.sleep(0.01)
            raise AssertionError(f"left behind: {left} {more}")

        loop_runner(checked())

    signature = inspect.signature(test)
    extra = inspect.Parameter("loop_runner", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    marked = cast(Any, run_on)
    marked.__signature__ = signature.replace(parameters=[extra, *signature.parameters.values()])
    del marked.__wrapped__
    return cast(
        Callable[..., None],
        pytest.mark.parametrize("loop_runner", runners.values(), ids=runners.keys())(run_on),
    )


def _descriptors() -> set[str]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            target = os.readlink(f"/proc/self/fd/{name}")
            if target.startswith("socket:"):
                found.add(target)
    return found


class Talk:
    """One accepted connection, as a handler sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        """Read a request's head, and its body when it has a Content-Length."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                return head + await self.reader.readexactly(int(value))
        return head

    async def send(self, *pieces: bytes, pause: float = 0.0) -> None:
        """Send the pieces, each on its own when `pause` seconds lie between them."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(pause)

    async def until_closed(self) -> None:
        """Swallow what comes until the other side is gone."""
        while await self.reader.read(65_536):
            pass

    def reset(self) -> None:
        """Drop the connection with a TCP reset."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Served:
    """A server that runs: where it listens, what it was asked, how many connections it has now."""

    host: str
    port: int
    scheme: str
    accepted: int = 0
    open: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address as a URL without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    async def deserted(self) -> bool:
        """Wait, half a second at most, until every client is gone, and say whether they are."""
        for _ in range(100):
            if self.open == 0:
                return True
            await asyncio.sleep(0.005)
        return False


@contextlib.asynccontextmanager
async def serving(
    handler: Handler, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Served]:
    """Give every connection to `handler` and close it afterwards."""
    served = Served(host, port, "https" if tls else "http")
    talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.accepted += 1
        served.open += 1
        try:
            await handler(Talk(reader, writer))
        except (OSError, EOFError):
            pass  # the client went away: some tests are about just that
        finally:
            served.open -= 1
            writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(accept(reader, writer))
        talks[task] = writer
        task.add_done_callback(talks.pop)

    server = await asyncio.start_server(accepted, host, port, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        for _ in range(5):
            # asyncio leaks what it has accepted, but not yet handed over, when the server closes.
            await asyncio.sleep(0)
        server.close()
        left = dict(talks)
        for task, writer in left.items():
            task.cancel()
            # A task that is cancelled before its first step never comes to its `finally`.
            writer.transport.abort()
        await asyncio.gather(*left, return_exceptions=True)


@contextlib.asynccontextmanager
async def answering(
    *pieces: bytes,
    pause: float = 0.0,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    linger: bool = False,
) -> AsyncIterator[Served]:
    """Read a request, send the pieces, and close (with `linger`: once the client has closed)."""

    async def handler(talk: Talk) -> None:
        served.requests.append(await talk.request())
        await talk.send(*pieces, pause=pause)
        if linger:
            await talk.until_closed()

    async with serving(handler, host=host, tls=tls) as served:
        yield served


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """Give a port of 127.0.0.1 that neither accepts nor refuses: its backlog is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def free_port() -> int:
    """Give a port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
