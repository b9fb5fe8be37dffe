"""An HTTP server on threads that takes pings, notes them, and answers as a test says."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_HELD_SECS = 30.0


@dataclass(frozen=True, slots=True)
class Received:
    """One ping as it came."""

    token: str
    kind: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def what(self) -> str:
        """`start`, or `start@` where it is a replay that says its time."""
        return self.kind + ("@" if "at" in self.query else "")


@dataclass(frozen=True, slots=True)
class Reply:
    """How a ping is answered; status 0: not at all, the connection is closed."""

    status: int = 200
    body: bytes = b'{"ok": true}'
    headers: dict[str, str] = field(default_factory=dict)
    held: bool = False


TAKEN = Reply()
HELD = Reply(held=True)
CUT = Reply(0)
BUSY = Reply(503, b'{"error": "the database is locked"}', {"Retry-After": "60"})
UNKNOWN = Reply(404, b'{"error": "no such heartbeat"}')


@dataclass(slots=True)
class Receiver:
    """Remembers every ping; `replies` are given in their order, then `otherwise`."""

    url: str = ""
    pings: list[Received] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    otherwise: Reply = TAKEN
    answer: Callable[[Received], Reply] | None = None
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def whats(self) -> list[str]:
        """What came, in its order."""
        return [one.what for one in list(self.pings)]

    def take(self, ping: Received) -> Reply:
        """Note a ping, and say how it is answered; a held answer waits for `released`."""
        reply = self.answer(ping) if self.answer else self.replies.pop(0) if self.replies else self.otherwise
        self.pings.append(ping)
        if reply.held:
            self.released.wait(_HELD_SECS)
        return reply


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a caller may have gone, or not trust us."""


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            token, _, kind = parts.path.rpartition("/p/")[2].partition("/")
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            reply = receiver.take(Received(token, kind, query, dict(self.headers.items()), body))
            if not reply.status:
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep stderr clean."""

    server = _Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    port = server.server_address[1]
    receiver.url = f"https://localhost:{port}" if context else f"http://127.0.0.1:{port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def nobody() -> Iterator[str]:
    """An address where every connection is refused."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
