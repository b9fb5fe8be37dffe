"""TLS between a connection and a protocol, with the handshake's arithmetic off the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any, Final

from tickd.outbound.handshakes import Handshakes

_PIECE: Final = 65_536


class SecureLayer(asyncio.Transport, asyncio.Protocol):
    """The protocol of the raw connection, and the transport of the protocol above it.

    asyncio's own layer computes on the loop: 0.3 to 1 ms a handshake in which nothing else moves.
    """

    def __init__(
        self,
        raw: asyncio.Transport,
        protocol: asyncio.Protocol,
        context: ssl.SSLContext,
        server_name: str,
        handshakes: Handshakes,
    ) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._raw = raw
        self._protocol: asyncio.Protocol | None = protocol
        self._context = context
        self._handshakes = handshakes
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._shaken: asyncio.Future[None] = self._loop.create_future()
        self._busy = False
        self._finished = False
        self._failure: Exception | None = None
        self._waiting = b""
        self._ended = False
        self._lost = False
        self._unsent = b""

    async def shake(self) -> Exception | None:
        """Shake hands and connect the protocol; give None, or SSLError, OSError or EOFError for a failure."""
        self._raw.set_protocol(self)
        self._step()
        self._stepped()
        if not self._raw.is_closing():
            self._raw.resume_reading()
        await self._shaken
        # Kept here, it would keep us, by its traceback.
        failure, self._failure = self._failure, None
        return failure

    # The handshake. While a thread computes, the TLS object and its buffers belong to the thread.

    def _advance(self) -> None:
        self._incoming.write(self._waiting)
        self._waiting = b""
        if self._handshakes.is_quiet(self._loop.time()):
            self._step()
            self._stepped()
        else:
            self._busy = True
            self._handshakes.submit(self._step_on_thread)

    def _step_on_thread(self) -> None:
        self._step()
        # The loop may have been closed meanwhile: then nobody waits any more.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stepped)

    def _step(self) -> None:
        try:
            self._tls.do_handshake()
            self._finished = True
        except ssl.SSLWantReadError:
            pass
        except Exception as failure:
            # On a thread of its own: raised again on the loop, by whoever waits for the handshake.
            self._failure = failure

    def _stepped(self) -> None:
        self._busy = False
        if self._shaken.done():
            self._protocol = None  # given up meanwhile: it is not to hear of us
            return
        self._flush()
        if self._failure is not None:
            self._shaken.set_result(None)
        elif self._finished:
            self._shaken.set_result(None)
            if self._protocol is not None:
                self._protocol.connection_made(self)
            self._incoming.write(self._waiting)
            self._read()
            if self._ended:
                self._end()
            if self._lost:
                self.connection_lost(None)
        elif self._waiting:
            self._advance()
        elif self._ended:
            self._leave_unshaken()

    def _leave_unshaken(self) -> None:
        self._failure = EOFError()
        self._shaken.set_result(None)

    # What the raw connection calls.

    def data_received(self, data: bytes) -> None:
        if self._finished and not self._busy:
            self._incoming.write(data)
            self._read()
            return
        self._waiting += data
        if not self._busy and not self._shaken.done():
            self._advance()

    def eof_received(self) -> None:
        self._ended = True
        if self._busy:
            return
        if self._finished:
            self._end()
        elif not self._shaken.done():
            self._leave_unshaken()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._busy or not self._finished:
            self._lost = True
            self.eof_received()
            return
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.connection_lost(self._failure or exc)

    def pause_writing(self) -> None:
        if self._finished and self._protocol is not None:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        if self._finished and self._protocol is not None:
            self._protocol.resume_writing()

    def _read(self) -> None:
        """Hand on what can be read by now."""
        try:
            while self._protocol is not None and not self._raw.is_closing():
                data = self._tls.read(_PIECE)
                if not data:
                    self._end()
                    return
                self._protocol.data_received(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._end()
            return
        except ssl.SSLError as failure:
            self._failure = failure
            self._flush()
            self._raw.abort()
            return
        if self._unsent:
            self.write(b"")
        self._flush()

    def _end(self) -> None:
        if self._protocol is not None:
            self._protocol.eof_received()

    # What the protocol above calls.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._unsent += data
        try:
            while self._unsent:
                self._unsent = self._unsent[self._tls.write(self._unsent) :]
        except ssl.SSLWantReadError:
            pass  # the server renegotiates; it goes on with what comes next
        except ssl.SSLError as failure:
            self._failure = failure
            self._raw.abort()
        self._flush()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and not self._raw.is_closing():
            self._raw.write(data)

    def is_closing(self) -> bool:
        return self._raw.is_closing()

    def close(self) -> None:
        """Say close_notify, and close when it is out, without waiting for theirs."""
        if not self._busy and not self._raw.is_closing():
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()
            self._raw.close()

    def abort(self) -> None:
        self._raw.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._tls
        if name == "sslcontext":
            return self._context
        return self._raw.get_extra_info(name, default)
