"""Routes: a table row for each call, which serves it, guards it and documents it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web

from tickd.domain.accounts import Principal
from tickd.errors import Malformed, TooLarge, Unauthorized
from tickd.services.bundle import Services
from tickd.web import fields
from tickd.web.answers import Answer, render

T = TypeVar("T")

SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
BASE_URL: web.AppKey[Callable[[], str]] = web.AppKey("base_url")
"""The application's key of what knows its public address."""
BODY_BYTES = 1 << 20
"""The largest request body."""
BODY_SECS = 30.0
"""How long a request body may take to arrive."""
SOURCE: web.RequestKey[str] = web.RequestKey("source", str)
"""The request's key of the address that it came from, behind trusted proxies."""
SECURE: web.RequestKey[bool] = web.RequestKey("secure", bool)
"""The request's key of whether it came by https, as far as trusted proxies say."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request on its way to one service."""

    request: web.Request
    services: Services
    caller: Principal | None

    @property
    def who(self) -> Principal:
        """The authenticated caller."""
        if self.caller is None:
            raise Unauthorized("an API key is missing")
        return self.caller

    @property
    def account_id(self) -> str:
        """The caller's account."""
        return self.who.account_id

    def path(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def query(self, kind: type[T]) -> T:
        """The query string, read and checked."""
        return fields.read_query(self.request.query, kind)

    async def body(self, kind: type[T]) -> T:
        """The JSON body, read and checked."""
        return fields.read_body(await self.raw(), kind)

    async def raw(self, most: int = BODY_BYTES) -> bytes:
        """The body as it came; TooLarge over `most` bytes, Malformed when it does not arrive."""
        body = bytearray()
        await self.read(body.extend, most)
        return bytes(body)

    async def read(self, take: Callable[[bytes], None], most: int = BODY_BYTES) -> None:
        """Hand the body to `take` piece by piece; refused as by `raw`."""
        request = self.request
        if (request.content_length or 0) > most:
            raise TooLarge(f"the body is larger than {_size(most)}")
        size = 0
        try:
            async with asyncio.timeout(BODY_SECS):
                async for piece in request.content.iter_any():
                    size += len(piece)
                    if size > most:
                        raise TooLarge(f"the body is larger than {_size(most)}")
                    take(piece)
        except TimeoutError as error:
            raise Malformed(f"the body did not arrive within {BODY_SECS:g} s") from error


Handler = Callable[[Call], Awaitable[Answer | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One call: `scope` None needs no key; `answers` are the types of its good answers by status.

    `also` are the media types that a good answer can have instead of JSON.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answers: Mapping[int, type | None]
    scope: str | None = "read"
    request: type | None = None
    query: type | None = None
    errors: tuple[int, ...] = ()
    documented: bool = True
    tags: tuple[str, ...] = field(default=())
    also: tuple[str, ...] = ()


def bind(router: web.UrlDispatcher, route: Route) -> None:
    """Serve `route`: find out who calls, ask for the scope, call the handler, render."""

    async def serve(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        caller = None
        if route.scope is not None:
            caller = await services.accounts.authenticate(_key(request), request[SOURCE])
            caller.require(route.scope)
        said = await route.handler(Call(request, services, caller))
        return render(said) if isinstance(said, Answer) else said

    router.add_route(route.method, route.path, serve)
    if route.method == "GET" and route.scope is None and not route.path.startswith("/x/"):
        # What watches tickd itself often asks with HEAD; but a look must not end a run.
        router.add_route("HEAD", route.path, serve)


def _size(count: int) -> str:
    return "1 MiB" if count == BODY_BYTES else f"{count} bytes"


def _key(request: web.Request) -> str:
    """The API key out of `Authorization: Bearer KEY` or `X-API-Key: KEY`."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and rest.strip():
        return rest.strip()
    return request.headers.get("X-API-Key", "").strip()
