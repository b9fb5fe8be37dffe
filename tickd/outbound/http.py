"""The one HTTP/1.1 client: a new connection each request, every step timed, everything capped."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final, cast
from urllib.parse import quote, unquote, urlsplit

import httptools

from tickd.clock import Clock, SystemClock
from tickd.outbound.dns import LookupFailed, Resolver, ascii_host, is_literal
from tickd.outbound.guard import Guard
from tickd.outbound.sockets import Failure, Kind, Progress, Timings, connect, explain_tls

__all__ = ["Failure", "HttpClient", "Kind", "Request", "Response", "Timings"]

MAX_HEAD: Final = 65_536
PIECE: Final = 32_768
_MANY_URLS: Final = 4096
_PORTS: Final = {"http": 80, "https": 443}
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BREAKS: Final = re.compile(r"[\r\n\0]")
# Ours to say, since they describe how we send the message and not what the caller means by it.
_FRAMING: Final = frozenset(("connection", "content-length", "transfer-encoding"))


@dataclass(slots=True, frozen=True)
class Request:
    """One request; `timeout_secs` covers everything from the look-up to the last byte of the body.

    At most `max_body` bytes of the answer's body are read; then the connection is closed.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_secs: float = 30.0
    max_body: int = 65_536


@dataclass(slots=True)
class Response:
    """What came back from `address`; a redirect is an answer like any other."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool
    timings: Timings
    address: str

    def header(self, name: str) -> str | None:
        """Give the first header of this name, whatever its case, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class HttpClient:
    """Sends requests, each over a connection of its own, to targets that the guard allows.

    `tls` is shared by all requests: making a context takes some 40 ms.
    """

    def __init__(
        self,
        resolver: Resolver,
        guard: Guard,
        *,
        user_agent: str,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._resolver = resolver
        self._guard = guard
        self._user_agent = user_agent
        self._clock: Clock = clock or SystemClock()
        self._targets: dict[str, _Target] = {}
        if tls is None:
            tls = ssl.create_default_context()
            tls.set_alpn_protocols(["http/1.1"])
        self._tls = tls

    async def send(self, request: Request) -> Response:
        """Send it and give the answer, whatever its status; redirects are not followed.

        Raises `Failure` when there is no usable answer, and ValueError, before any socket, for a method
        or a header that can't be sent.
        """
        begun = self._clock.monotonic()
        progress = Progress(Timings())
        try:
            target = self._target(request.url)
            message = _head(request, target, self._user_agent)
            async with asyncio.timeout(request.timeout_secs):
                return await self._exchange(request, target, message, progress, begun)
        except TimeoutError as timeout:
            raise self._told(_timed_out(progress, request), progress, begun) from timeout
        except Failure as failure:
            self._told(failure, progress, begun)
            raise

    def _told(self, failure: Failure, progress: Progress, begun: float) -> Failure:
        progress.timings.total_ms = (self._clock.monotonic() - begun) * 1000
        failure.timings = progress.timings
        failure.address = progress.address
        failure.responded = progress.responded
        return failure

    async def _exchange(
        self, request: Request, target: _Target, message: bytes, progress: Progress, begun: float
    ) -> Response:
        addresses: tuple[str, ...] = (target.host,)
        if not target.literal:
            addresses = await self._addresses(target.host, progress, begun)
        transport, answer = await connect(
            lambda: _Answer(request, progress, self._clock.monotonic),
            addresses,
            target.port,
            guard=self._guard,
            clock=self._clock,
            progress=progress,
            tls=self._tls if target.tls else None,
            server_name=target.server_name,
        )
        try:
            response = await answer.to(message, transport)
        finally:
            if target.tls:
                # Says close_notify, then drops the connection at once instead of waiting for theirs.
                transport.close()
            transport.abort()
        progress.timings.total_ms = (self._clock.monotonic() - begun) * 1000
        return response

    async def _addresses(self, host: str, progress: Progress, begun: float) -> tuple[str, ...]:
        try:
            addresses = await self._resolver.resolve(host)
        except LookupFailed as failed:
            raise Failure("dns", failed.sentence) from failed
        progress.timings.dns_ms = (self._clock.monotonic() - begun) * 1000
        return addresses

    def _target(self, url: str) -> _Target:
        target = self._targets.get(url)
        if target is None:
            try:
                target = _parse_url(url)
            except ValueError as failed:
                raise Failure("url", f"the URL can't be called: {failed}") from failed
            if len(self._targets) >= _MANY_URLS:
                self._targets.clear()
            self._targets[url] = target
        return target


def _timed_out(progress: Progress, request: Request) -> Failure:
    limit = f"{request.timeout_secs:g} s"
    match progress.step:
        case "dns":
            sentence = f"the host name was not resolved within {limit}"
        case "connect":
            sentence = f"no connection to {progress.address} within {limit}"
        case "tls":
            sentence = f"the TLS handshake was not finished within {limit}"
        case "request":
            sentence = f"no response within {limit}"
        case "answer":
            sentence = f"the response was not complete within {limit}"
    return Failure("timeout", sentence)


class _Answer(asyncio.Protocol):
    """Reads one response; also the parser's callbacks, which httptools looks up by name."""

    __slots__ = (
        "_body",
        "_done",
        "_framing",
        "_full",
        "_head_bytes",
        "_headers",
        "_in_body",
        "_limit",
        "_now",
        "_parser",
        "_plain",
        "_progress",
        "_reason",
        "_sent_at",
        "_status",
        "_transport",
        "_truncated",
        "_without_body",
    )

    def __init__(self, request: Request, progress: Progress, now: Callable[[], float]) -> None:
        self._progress = progress
        self._now = now
        self._limit = request.max_body
        self._without_body = request.method == "HEAD"
        self._done: asyncio.Future[Failure | None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._full: asyncio.Future[None] | None = None
        self._sent_at = 0.0
        self._head_bytes = 0
        self._framing = 0
        self._status = 0
        self._reason = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._in_body = False
        self._body = bytearray()
        self._truncated = False
        self._parser = httptools.HttpResponseParser(self)
        # A connection carries a single response, so there is no second one to smuggle: read what
        # every browser reads (bare line feeds, both kinds of length, data after the end).
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True,
            lenient_keep_alive=True,
            lenient_data_after_close=True,
            lenient_optional_lf_after_cr=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )

    async def to(self, message: bytes, transport: asyncio.Transport) -> Response:
        """Send the request and wait for the end of its response."""
        progress = self._progress
        if progress.step != "answer":
            progress.step = "request"
        self._sent_at = self._now()
        await self._write(message, transport)
        failure = await self._done
        if failure is not None:
            raise failure
        return Response(
            status=self._status,
            reason=_text(self._reason),
            headers=tuple([(_text(name), _text(value)) for name, value in self._headers]),
            body=bytes(self._body),
            truncated=self._truncated,
            timings=progress.timings,
            address=progress.address or "",
        )

    async def _write(self, message: bytes, transport: asyncio.Transport) -> None:
        """Write it piece by piece, reading in between, until it is out or the answer is there.

        A server may answer early and close, which resets the connection under the rest of the body. The
        loops read before they write, but two writes in a row lose what came between them.
        """
        for at in range(0, len(message), PIECE):
            if self._done.done() or transport.is_closing():
                return
            transport.write(message[at : at + PIECE] if len(message) > PIECE else message)
            if at + PIECE < len(message):
                # What the loop finds readable runs after what was queued before: hence two turns.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            if self._full is not None:
                await self._full

    def pause_writing(self) -> None:
        if self._full is None:
            self._full = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._full is not None:
            if not self._full.done():
                self._full.set_result(None)
            self._full = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._done.done():
            return
        timings = self._progress.timings
        if timings.first_byte_ms is None:
            timings.first_byte_ms = (self._now() - self._sent_at) * 1000 if self._sent_at else 0.0
            self._progress.step = "answer"
        if not self._in_body:
            # Headers come in any number of pieces and after any number of interim responses.
            room = MAX_HEAD - self._head_bytes
            part, data = (data, b"") if len(data) <= room else (data[:room], data[room:])
            self._head_bytes += len(part)
            self._feed(part)
            self._progress.responded = self._parser.get_status_code() >= 200
            if self._head_bytes == MAX_HEAD and not self._in_body:
                self._finish(Failure("protocol", f"the response headers are over {MAX_HEAD // 1024} KiB"))
        if data and not self._done.done():
            self._framing += len(data)
            self._feed(data)
            # Chunk extensions and trailers are not body, so `max_body` doesn't stop them.
            if self._framing > 2 * MAX_HEAD + 16 * len(self._body):
                self._finish(Failure("protocol", "the response body has more framing than content"))

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._finish(None)
        except httptools.HttpParserError as error:
            self._finish(Failure("protocol", self._malformed(error, data)))

    def _malformed(self, error: httptools.HttpParserError, data: bytes) -> str:
        if self._in_body:
            return f"the response body is malformed: {error}"
        if self._parser.get_status_code():
            return f"the response headers are malformed: {error}"
        begin = "".join(one if one.isprintable() else "." for one in data[:30].decode("latin-1"))
        return f"the answer is not HTTP; it begins with: {begin}"

    def eof_received(self) -> None:
        self._ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and not self._done.done():
            self._read_on()
        self._ended(exc)
        # The parser holds our callbacks: without this every request would be left to the collector.
        del self._parser

    def _read_on(self) -> None:
        """Read what came before a write failed: the loop drops it, but it may be the whole answer.

        A server that answers early and closes resets the connection under the rest of our body.
        """
        transport = self._transport
        if transport is None or transport.get_extra_info("sslcontext") is not None:
            return
        descriptor = transport.get_extra_info("socket").fileno()
        while not self._done.done():
            try:
                data = os.read(descriptor, 65_536)
            except OSError:
                return
            if not data:
                return  # not a clean end: the failed write has consumed the reset, which reads as this now
            self.data_received(data)

    def _ended(self, exc: Exception | None) -> None:
        """Decide what the end of the stream means, after an error or without one."""
        if self._done.done():
            return
        verb = "closed" if exc is None else "reset"
        if isinstance(exc, ssl.SSLError):
            self._finish(Failure("tls", explain_tls(exc, "")))
        elif self._head_bytes == 0:
            self._finish(Failure("reset", f"the server {verb} the connection without answering"))
        elif not self._in_body:
            self._finish(Failure("reset", f"the server {verb} the connection in the middle of the headers"))
        elif (length := self._declared()) is not None:
            have = f"after {len(self._body)} bytes of the body" + (f" of {length}" if length else "")
            self._finish(Failure("reset", f"the server {verb} the connection {have}"))
        elif exc is not None:
            self._finish(Failure("reset", "the server reset the connection in the middle of the body"))
        else:
            self._finish(None)  # HTTP/1.0 style: the close is the end of the body

    def _declared(self) -> str | None:
        """Give the announced length, "" when it is chunked, None when only the close ends the body."""
        length = None
        for name, value in self._headers:
            lower = name.lower()
            if lower == b"transfer-encoding":
                return "" if value.lower().rstrip().endswith(b"chunked") else None
            if lower == b"content-length":
                length = value.decode("latin-1").strip()
        return length

    def _finish(self, failure: Failure | None) -> None:
        if not self._done.done():
            self._done.set_result(failure)
            self.resume_writing()

    # What follows is called by httptools. It ignores what a callback returns, so none can stop it.

    def on_message_begin(self) -> None:
        """Begin a response, perhaps after an interim one (100, 103), whose headers don't count."""
        if not self._in_body:
            self._headers = []
            self._reason = b""

    def on_status(self, status: bytes) -> None:
        """Take a piece of the reason phrase."""
        if not self._in_body:
            self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header; trailers are dropped."""
        if not self._in_body:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Decide whether this is the response at all, and whether a body follows."""
        status = self._parser.get_status_code()
        if self._in_body or (100 <= status < 200 and status != 101):
            return
        self._status = status
        self._in_body = True
        if self._without_body or status == 101:
            self._finish(None)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, up to the limit."""
        if self._done.done():
            return
        room = self._limit - len(self._body)
        if len(body) > room:
            self._body += body[:room]
            self._truncated = True
            self._finish(None)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """End the response, unless it was an interim one."""
        if self._in_body:
            self._finish(None)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@dataclass(slots=True, frozen=True)
class _Target:
    """Where a URL leads: what to resolve, what to verify, and what to say."""

    tls: bool
    literal: bool
    host: str
    port: int
    server_name: str
    host_header: str
    path: str
    authorization: str | None


def _parse_url(url: str) -> _Target:
    """Take a URL apart; ValueError with half a sentence when it can't be called."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("it must begin with http:// or https://")
    written = parts.hostname
    if not written:
        raise ValueError("it has no host")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    if port == 0:
        raise ValueError("its port must be between 1 and 65535")
    bracketed = "[" in parts.netloc
    # RFC 6874 writes a zone as %25; it means something on this machine only and is never sent.
    host = written.replace("%25", "%", 1) if bracketed else ascii_host(written)
    bare = str(IPv6Address(host)).partition("%")[0] if bracketed else host
    shown = f"[{bare}]" if bracketed else bare
    path = parts.path or "/"
    if not path.startswith("/"):
        path = "/" + path
    if parts.query:
        path = f"{path}?{parts.query}"
    if _UNPRINTABLE.search(path):
        path = quote(path, safe=_PRINTABLE)
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    return _Target(
        tls=parts.scheme == "https",
        literal=is_literal(host),
        host=host,
        port=port,
        server_name=bare.removesuffix("."),
        host_header=shown if port == _PORTS[parts.scheme] else f"{shown}:{port}",
        path=path,
        authorization=authorization,
    )


def _head(request: Request, target: _Target, user_agent: str) -> bytes:
    """Give the whole message, body included; ValueError for what would break out of its line."""
    if not _TOKEN.fullmatch(request.method):
        raise ValueError(f"not an HTTP method: {request.method!r}")
    lines = [f"{request.method} {target.path} HTTP/1.1"]
    given = set()
    for name, value in request.headers:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"not a header name: {name!r}")
        if _BREAKS.search(value):
            raise ValueError(f"the value of the header {name} must not contain line breaks or NUL")
        lower = name.lower()
        if lower not in _FRAMING:
            given.add(lower)
            lines.append(f"{name}: {value}")
    if "host" not in given:
        lines.insert(1, f"Host: {target.host_header}")
    if "user-agent" not in given:
        lines.append(f"User-Agent: {user_agent}")
    if "accept" not in given:
        lines.append("Accept: */*")
    if target.authorization is not None and "authorization" not in given:
        lines.append(f"Authorization: {target.authorization}")
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(request.body)}")
    lines.append("Connection: close\r\n\r\n")
    return "\r\n".join(lines).encode() + request.body
