"""An HTTP server on threads for jobs to call, which holds answers back as long as a test likes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HELD_SECS = 30.0


@dataclass(slots=True)
class Target:
    """Remembers which execution called where, and answers 200 unless `statuses` has the path."""

    url: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    _gates: dict[str, threading.Event] = field(default_factory=dict)

    def hold(self, path: str) -> str:
        """Answer no call to `path` until it is released; the address to call."""
        self._gates[path] = threading.Event()
        return self.url + path

    def release(self, path: str) -> None:
        """Answer what was held back, and everything from now on."""
        self._gates[path].set()

    def called(self, path: str) -> list[str]:
        """The executions that called `path`, in order, each as often as it did."""
        return [execution for where, execution in list(self.calls) if where == path]

    def often(self) -> Counter[str]:
        """How often each execution has called."""
        return Counter(execution for _, execution in list(self.calls))

    def answer(self, path: str, headers: dict[str, str]) -> int:
        """Note a call, hold it back where asked, and say with which status it is answered."""
        self.headers.append(headers)
        self.calls.append((path, headers.get("x-tickd-execution-id", "")))
        gate = self._gates.get(path)
        if gate is not None:
            gate.wait(_HELD_SECS)
        return self.statuses.get(path, 200)

    def close(self) -> None:
        """Release everything."""
        for gate in self._gates.values():
            gate.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 512

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a caller that was killed can't be answered."""


@contextmanager
def listening() -> Iterator[Target]:
    """A target on a free port of this machine."""
    target = Target()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(target.answer(self.path, headers))
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"done")

        do_GET = do_POST = do_PUT = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Keep stderr clean."""

    server = _Server(("127.0.0.1", 0), Handler)
    target.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield target
    finally:
        target.close()
        server.shutdown()
        thread.join()
        server.server_close()
