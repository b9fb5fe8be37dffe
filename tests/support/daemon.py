"""A whole daemon for a test: real file, real sockets, and a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.clock import FakeClock
from tickd.app import Daemon
from tickd.config import Settings
from tickd.services.passwords import Passwords
from tickd.store.database import Database

KEY = "tk_0123456789abcdefghjkmnpqrstvwxyz"
"""The admin key that every test daemon is started with."""
NOON = 1_772_539_200_000
"""2026-03-03T12:00:00Z, a Tuesday; the fake clock's usual start."""
CHEAP_KIB = 64
"""Memory of a password's hash here: tests sign in a thousand times."""


@dataclass(slots=True)
class Reply:
    """An answer of the API: its status, headers and decoded JSON (None where the body is empty), or text."""

    status: int
    headers: Any
    json: Any


class Harness:
    """A running daemon and a client for it."""

    def __init__(self, daemon: Daemon, clock: FakeClock, session: aiohttp.ClientSession) -> None:
        self.daemon = daemon
        self.clock = clock
        self.url = daemon.public_url
        self.key = KEY
        self._session = session

    async def call(
        self, method: str, path: str, body: object = None, *, key: str | None = KEY, **more: Any
    ) -> Reply:
        """Call the API with `key` (None: without one); `body` is sent as JSON."""
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers.setdefault("Authorization", f"Bearer {key}")
        if body is not None:
            more["json"] = body
        async with self._session.request(method, self.url + path, headers=headers, **more) as answer:
            raw = await answer.read()
            is_text = answer.content_type == "text/plain"
            decoded = raw.decode() if is_text else await answer.json() if raw else None
            return Reply(answer.status, answer.headers, decoded)

    async def job(self, **fields: Any) -> dict[str, Any]:
        """Register a job; what is not said is a plain default."""
        plain = {"name": "nightly", "schedule": "* * * * *", "endpoint": "http://127.0.0.1:9/"}
        reply = await self.call("POST", "/v1/jobs", plain | fields)
        assert reply.status in (200, 201), reply.json
        found: dict[str, Any] = reply.json
        return found

    async def executions(self, job_id: str) -> list[dict[str, Any]]:
        """The job's executions, newest first."""
        reply = await self.call("GET", f"/v1/jobs/{job_id}/executions?limit=500")
        found: list[dict[str, Any]] = reply.json["executions"]
        return found


async def eventually(condition: Callable[[], Awaitable[Any]], seconds: float = 5.0) -> Any:
    """The first truthy value of `condition`, asked for again and again; AssertionError after `seconds`."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not (value := await condition()):
        assert loop.time() < until, "it never came true"
        await asyncio.sleep(0.005)
    return value


_EMPTY: list[bytes] = []
"""An empty database with its schema, once there has been one."""


def _is_begun(path: Path) -> bool:
    """Begin a new file as a copy of an empty database: 20 ms of schema steps less, thousands of times."""
    if _EMPTY and not path.exists():
        path.write_bytes(_EMPTY[0])
    return path.exists()


async def _begin(path: Path) -> None:
    if not _is_begun(path):
        database = await Database.open(str(path))
        await database.close()
        _EMPTY.append(await asyncio.to_thread(path.read_bytes))


async def opened(path: Path, **more: Any) -> Database:
    """The database `path`, new where there is none; `more` goes to `Database.open`."""
    await _begin(path)
    return await Database.open(str(path), **more)


@asynccontextmanager
async def running(path: Path, *, clock: FakeClock | None = None, **settings: Any) -> AsyncIterator[Harness]:
    """A daemon on the database `path`, on a free port, at noon unless `clock` says otherwise."""
    clock = clock or FakeClock(NOON)
    plain: dict[str, Any] = {"listen": ("127.0.0.1", 0), "db": str(path), "api_key": KEY}
    plain |= {"stop_grace_secs": 0, "reference": ("none",)}
    daemon = Daemon(Settings(**(plain | settings)), clock, Passwords(memory_kib=CHEAP_KIB))
    if not daemon.settings.dev:
        await _begin(path)
    await daemon.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Harness(daemon, clock, session)
    finally:
        await daemon.stop()
