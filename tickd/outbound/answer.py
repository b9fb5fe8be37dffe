"""One response, read off its connection as it comes."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, cast

import httptools

from tickd.outbound.content import BadContent, Decoder, decoder_for
from tickd.outbound.progress import Failure, Progress, Timings
from tickd.outbound.tls import explain_tls

MAX_HEAD: Final = 65_536
PIECE: Final = 32_768
RawHeaders = Sequence[tuple[bytes, bytes]]


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


@dataclass(slots=True, frozen=True)
class Reading:
    """How much of an answer is read: at most `max_body` bytes of its body, decoded if `decode`.

    The answer is complete with its headers when `without_body` says so for them and the status.
    """

    max_body: int
    decode: bool = False
    without_body: Callable[[int, RawHeaders], bool] | None = None


class Answer(asyncio.Protocol):
    """Reads one response; also the parser's callbacks, which httptools looks up by name."""

    __slots__ = (
        "_body",
        "_decoder",
        "_done",
        "_framing",
        "_full",
        "_head_bytes",
        "_headers",
        "_in_body",
        "_now",
        "_parser",
        "_progress",
        "_reading",
        "_reason",
        "_sent_at",
        "_status",
        "_transport",
        "_truncated",
        "_without_body",
    )

    def __init__(self, method: str, reading: Reading, progress: Progress, now: Callable[[], float]) -> None:
        self._progress = progress
        self._now = now
        self._reading = reading
        self._without_body = method == "HEAD"
        self._decoder: Decoder | None = None
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
        if progress.step == "tls" or progress.step == "connect":
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
            self._progress.step = "headers"
        if not self._in_body:
            # Headers come in any number of pieces and after any number of interim responses.
            room = MAX_HEAD - self._head_bytes
            part, data = (data, b"") if len(data) <= room else (data[:room], data[room:])
            self._head_bytes += len(part)
            self._feed(part)
            # The parser may be at what follows the answer by now.
            status = self._status or self._parser.get_status_code()
            self._progress.status = status if status >= 200 or self._in_body else None
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
            self._complete()  # HTTP/1.0 style: the close is the end of the body

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
        self._progress.step = "body"
        enough = self._reading.without_body
        if self._without_body or status == 101 or (enough is not None and enough(status, self._headers)):
            self._finish(None)
        elif self._reading.decode:
            self._decoder = decoder_for(self._headers)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, up to the limit."""
        if self._done.done():
            return
        room = self._reading.max_body - len(self._body)
        if self._decoder is not None:
            try:
                body = self._decoder.feed(body, room + 1)
            except BadContent as bad:
                self._finish(Failure("protocol", str(bad)))
                return
        if len(body) > room:
            self._body += body[:room]
            self._truncated = True
            self._finish(None)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """End the response, unless it was an interim one."""
        if self._in_body:
            self._complete()

    def _complete(self) -> None:
        """End the response where its body ends, and its coding with it."""
        if self._decoder is not None and not self._done.done():
            try:
                self._decoder.finish()
            except BadContent as bad:
                self._finish(Failure("protocol", str(bad)))
        self._finish(None)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
