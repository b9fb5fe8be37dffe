"""Prints: pages that are the same for everybody, drawn and compressed once for all who read them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from aiohttp import web

from tickd.services.keeping import Keeping
from tickd.web import compression

MOST = 64
"""How many prints are kept: those that were made last."""


@dataclass(frozen=True, slots=True)
class Print:
    """A page as it is sent: its type, its bytes by encoding ("" is as it is), and a digest of them."""

    kind: str
    content: Mapping[str, bytes]
    etag: str


class Prints:
    """The prints that were made last, each kept until it is made of something newer."""

    def __init__(self) -> None:
        self._kept: Keeping[Print] = Keeping(1, MOST)

    async def of(self, key: tuple[object, ...], of: object, kind: str, draw: Callable[[], str]) -> Print:
        """What `draw` makes of `of`, made once for as long as it is that very object."""

        async def make() -> Print:
            # On a thread: a thousand subjects take a tenth of a second, and pings don't wait for it.
            return await asyncio.to_thread(lambda: printed(draw(), kind))

        return await self._kept.of(key, of, 0, make)


def printed(text: str, kind: str) -> Print:
    """A text as a print."""
    plain = text.encode("utf-8", "replace")
    content = {"": plain}
    if len(plain) >= compression.WORTH_BYTES:
        content |= {encoding: compression.pack(plain, encoding) for encoding in ("br", "gzip")}
    return Print(kind, content, f'W/"{blake2b(plain, digest_size=12).hexdigest()}"')


def send(request: web.Request, one: Print, headers: Mapping[str, str], status: int = 200) -> web.Response:
    """A print as a response; 304 where the reader has it already."""
    said = {**headers, "ETag": one.etag}
    if status == 200 and one.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=said)
    encoding = compression.chosen(request.headers.get("Accept-Encoding", ""))
    if encoding not in one.content:
        encoding = ""
    if encoding:
        said["Content-Encoding"] = encoding
    return web.Response(
        status=status, body=one.content[encoding], content_type=one.kind, charset="utf-8", headers=said
    )
