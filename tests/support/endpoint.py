"""An endpoint for jobs to call: it remembers every call and answers as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from multidict import CIMultiDictProxy


@dataclass(slots=True)
class Received:
    """A call that came in."""

    method: str
    path: str
    headers: CIMultiDictProxy[str]
    body: bytes


@dataclass(slots=True)
class Endpoint:
    """Answers `status` and `text`, one of `statuses` after another first; `gate` holds answers back."""

    url: str = ""
    status: int = 200
    text: str = "done"
    headers: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    calls: list[Received] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        """Remember the call, wait for the gate, answer."""
        body = await request.read()
        self.calls.append(Received(request.method, request.path_qs, request.headers, body))
        await self.gate.wait()
        status = self.statuses.pop(0) if self.statuses else self.status
        return web.Response(status=status, text=self.text, headers=self.headers)


@asynccontextmanager
async def serving() -> AsyncIterator[Endpoint]:
    """An endpoint on a free port of this machine, its gate open."""
    endpoint = Endpoint()
    endpoint.gate.set()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", endpoint.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield endpoint
    finally:
        endpoint.gate.set()
        await runner.cleanup()
