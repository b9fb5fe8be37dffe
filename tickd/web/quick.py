"""The short way of a plain ping: answered without aiohttp, whose routing costs more than the ping itself.

It takes only what is as plain as what curl and the SDKs send: one whole request in one piece, to a ping path
without a query, with no body, and with no header but those that change nothing. Everything else, and every
connection that has brought something else once, is aiohttp's; so is every answer but those of a ping.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from tickd import logs
from tickd.clock import SystemClock
from tickd.domain import pings
from tickd.domain.pings import Said
from tickd.errors import NotFound, TickdError
from tickd.services.doors import Door
from tickd.services.pinging import Pinging, Sender
from tickd.web.answers import Answer, ErrorAnswer, native_refusal
from tickd.web.traffic import Traffic, new_id, our_fault

LONGEST = 2048
"""The longest request that goes the short way, in bytes."""

# Possessive, so that what does not match is known after one look.
_REQUEST = re.compile(
    rb"(GET|POST|HEAD) "
    rb"/(?:(p|ping)/([0-9A-Za-z_-]{16,64}+)|v1/heartbeats/([0-9A-Za-z_-]{16,64}+)/ping) "
    rb"HTTP/1\.1\r\n((?:[A-Za-z-]++:[\t\x20-\x7e]*+\r\n)*+)\r\n"
)
_HARMLESS = frozenset({b"accept", b"accept-encoding", b"accept-language", b"content-type"})
"""Headers that change nothing about a ping; a few more are read below."""
_ROUTES = {b"p": "/p/{token}", b"ping": "/ping/{token}", None: "/v1/heartbeats/{token}/ping"}
_OK, _PAUSED, _TAKEN = b'{"status":"ok"}', b'{"status":"paused"}', b'{"ok":true}'
log = logging.getLogger("tickd.web")

_ANSWER = (
    b"%bContent-Type: application/json; charset=utf-8\r\n%bContent-Length: %d\r\nDate: %b\r\n"
    b"Server: tickd\r\nX-Request-Id: %b\r\n%b\r\n%b"
)


class Plain(NamedTuple):
    """A plain ping as it came."""

    door: Door
    is_native: bool
    method: str
    route: str
    agent: str
    closes: bool


async def _tell() -> Said:
    return pings.PLAIN


class Quick:
    """Reads plain pings, takes them, and writes their answers."""

    def __init__(self, pinging: Pinging, accepting: Callable[[], bool], noted: Traffic) -> None:
        self._pinging = pinging
        self._accepting = accepting
        self._traffic = noted
        self._monotonic = SystemClock().monotonic
        self._date = (0, b"")

    def read(self, data: bytes) -> Plain | None:
        """The ping that `data` is; None for everything that is aiohttp's."""
        found = _REQUEST.fullmatch(data) if len(data) <= LONGEST else None
        if found is None or not self._accepting():
            return None
        method, short_way, short_token, token, head = found.groups()
        hosts, agent, closes = 0, b"", False
        for line in head.splitlines():
            name, _, value = line.partition(b":")
            name, value = name.lower(), value.strip()
            if name == b"user-agent":
                agent = value
            elif name == b"host":
                hosts += 1
            elif name == b"connection" and value.lower() in (b"close", b"keep-alive"):
                closes = value.lower() == b"close"
            elif name not in _HARMLESS and not (name == b"content-length" and value == b"0"):
                return None
        try:
            door = self._pinging.doors.by_token((token or short_token).decode())
        except NotFound:
            return None
        if hosts != 1 or door.allowed:
            return None
        route = _ROUTES[short_way]
        return Plain(door, short_way is None, method.decode(), route, agent.decode(), closes)

    async def answer(self, plain: Plain, source: str) -> bytes:
        """Take the ping; the bytes of its answer, whatever becomes of it."""
        begun, request_id = self._monotonic(), new_id()
        with logs.bound(request=request_id):
            said = await self._take(plain, source, request_id)
            status = said.status if isinstance(said, Answer) else 200
            self._traffic.note(plain.route, plain.method, status, self._monotonic() - begun)
        if isinstance(said, Answer):
            return self._refuse(said, plain, request_id)
        return self._write(b"HTTP/1.1 200 OK\r\n", b"", said, plain, request_id)

    async def _take(self, plain: Plain, source: str, request_id: str) -> bytes | Answer:
        """Take the ping; the body of its answer, or the refusal."""
        pinging = self._pinging
        most = 0 if plain.is_native else pings.PER_MINUTE
        sender = Sender(source, plain.agent[: pings.AGENT_LETTERS], pinging.now())
        try:
            taken = await pinging.ping(plain.door, sender, _tell, per_minute=most)
        except TickdError as error:
            return native_refusal(error)
        except Exception:
            # Whatever it is, the caller is answered, as on the long way.
            log.exception("ping failed", extra=logs.fields(heartbeat=plain.door.id))
            return Answer(ErrorAnswer(our_fault(request_id)), 500)
        return _TAKEN if not plain.is_native else _PAUSED if taken.paused else _OK

    def _refuse(self, refusal: Answer, plain: Plain, request_id: str) -> bytes:
        start = f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\n".encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in refusal.headers.items()).encode()
        return self._write(start, more, msgspec.json.encode(refusal.value), plain, request_id)

    def _write(self, start: bytes, more: bytes, body: bytes, plain: Plain, request_id: str) -> bytes:
        return _ANSWER % (
            start,
            more,
            len(body),
            self._now(),
            request_id.encode(),
            b"Connection: close\r\n" if plain.closes else b"",
            b"" if plain.method == "HEAD" else body,
        )

    def _now(self) -> bytes:
        second = self._pinging.now() // 1000
        if second != self._date[0]:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]
