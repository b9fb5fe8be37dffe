"""`tickd top` in a terminal of its own."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.cli.speaking import ANSI, Speaking, speaking
from tests.cli.test_status import _failing, _overview
from tests.support.commands import Run
from tests.support.daemon import KEY, NOON
from tests.support.servers import free_port
from tickd.cli import terminal, top
from tickd.cli.terminal import Screen

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speaking]:
    with speaking(tmp_path_factory.mktemp("there") / "tickd.db") as made:
        made.job("nightly")
        yield made


class Terminal:
    """A terminal, and the command in it."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        self.descriptor, self.process = descriptor, process
        self.written = b""

    def until(self, condition: Callable[[bytes], bool], seconds: float = 10.0) -> bytes:
        """What was written until it is so; AssertionError after `seconds`."""
        until = time.monotonic() + seconds
        while not condition(self.written):
            assert time.monotonic() < until, self.written[-2000:]
            self.read(0.05)
        return self.written

    def read(self, seconds: float) -> bool:
        """Read what is there; False at the end."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self.descriptor, 65536)
        except OSError as error:
            assert error.errno == errno.EIO
            return False
        self.written += piece
        return bool(piece)

    def ended(self) -> int:
        """How it ended, with all read that it wrote."""
        until = time.monotonic() + 10.0
        while self.process.poll() is None:
            assert time.monotonic() < until, self.written[-2000:]
            self.read(0.05)
        # What it wrote last may still be on its way through the terminal.
        while select.select([self.descriptor], [], [], 0.05)[0] and self.read(0):
            pass
        return self.process.returncode

    def size(self, columns: int, lines: int) -> None:
        """Make the window another size."""
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.descriptor, keys)


@contextmanager
def terminal_with(
    url: str, *arguments: str, key: str = KEY, kind: str = "xterm-256color"
) -> Iterator[tuple[Terminal, list[object]]]:
    """`tickd top` in a terminal of 100 columns; and how the terminal was set before."""
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    environment = {"PATH": os.environ["PATH"], "TERM": kind, "HOME": "/nonexistent"}
    environment |= {"TICKD_URL": url, "TICKD_API_KEY": key}
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "tickd", "top", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
    )  # fmt: skip
    made = Terminal(ours, process)
    try:
        yield made, before
        if process.poll() is not None:
            assert termios.tcgetattr(theirs) == before
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)
        os.close(theirs)


def test_it_shows_pauses_grows_and_ends_by_a_key(there: Speaking) -> None:
    with terminal_with(there.served.url, "--interval", "0.5") as (window, _):
        window.until(lambda said: ENTER in said and b"nightly" in said and b"q ends" in said)
        made = there.heartbeat("backup")
        there.served.call("POST", f"/p/{made['token']}/fail", key=None)
        window.until(lambda said: b"Needs attention" in said and b"backup" in said)
        window.type(b"p")
        window.until(lambda said: b"Paused" in said)
        seen = len(window.written)
        window.size(60, 20)
        os.kill(window.process.pid, signal.SIGWINCH)
        window.until(lambda said: len(said) > seen)
        window.type(b"q")
        assert window.ended() == 0
        assert window.written.rstrip().endswith(LEAVE) or LEAVE in window.written[seen:]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)]
)
def test_a_signal_ends_it_with_the_terminal_as_it_was(there: Speaking, number: int, status: int) -> None:
    with terminal_with(there.served.url) as (window, _):
        window.until(lambda said: b"q ends" in said)
        window.process.send_signal(number)
        assert window.ended() == status
        assert LEAVE in window.written
        assert b"Traceback" not in window.written


def test_a_daemon_that_goes_away_leaves_what_was_seen(there: Speaking) -> None:
    from tests.cli.test_remote import answer, scripted

    overview = terminal.as_json(_overview(failing=_failing(2), failing_total=2)).encode()
    with scripted(answer("200 OK", overview), answer("503 No", b'{"error": "stopping"}')) as server:
        url = f"http://127.0.0.1:{server.port}"
        with terminal_with(url, "--interval", "0.5") as (window, _):
            window.until(lambda said: b"No answer for" in said and b"stopping" in said)
            window.type(b"q")
            assert window.ended() == 0


def test_a_wrong_key_and_no_daemon_are_said_before_the_screen_is_taken(there: Speaking) -> None:
    for url, key, status in ((there.served.url, "tk_wrong", 1), (f"http://127.0.0.1:{free_port()}", KEY, 3)):
        with terminal_with(url, key=key) as (window, _):
            assert window.ended() == status
            assert ENTER not in window.written


def test_without_a_terminal_it_says_so(run: Run) -> None:
    ended = run("top", "--url", "http://127.0.0.1:9")
    assert (ended.status, ended.out) == (2, "")
    assert "this needs a terminal; tickd status prints the same once" in ended.err


@pytest.mark.parametrize("kind", ["dumb", "unknown"])
def test_a_terminal_without_a_screen_is_refused(kind: str) -> None:
    with terminal_with("http://127.0.0.1:9", kind=kind) as (window, _):
        assert window.ended() == 2
        said = b" ".join(window.written.split())
        assert f"TERM={kind} has no screen to draw on; tickd status prints the same".encode() in said


def test_an_answer_that_is_none_leaves_what_was_seen() -> None:
    from tests.cli.test_remote import answer, scripted

    first = terminal.as_json(_overview(failing=_failing(2), failing_total=2)).encode()
    script = (answer("200 OK", first), answer("200 OK", b'{"failing_total": 1}'), answer("200 OK", b"[]"))
    with scripted(*script) as server:
        url = f"http://127.0.0.1:{server.port}"
        with terminal_with(url, "--interval", "0.5") as (window, _):
            window.until(lambda said: b"but not as tickd does (KeyError" in said and b"shop 1" in said)
            window.until(lambda said: b"can't be reached" in said or len(server.heard) == 3)
            window.type(b"q")
            assert window.ended() == 0
            assert b"Traceback" not in window.written


@pytest.mark.parametrize(("width", "height"), [(40, 8), (80, 24), (120, 60), (200, 12)])
def test_the_page_fills_the_screen_and_no_more(width: int, height: int) -> None:
    last = {
        "result": "200",
        "outcome": "good",
        "duration_ms": 12,
        "message": "",
        "at": "2026-03-03T11:59:00Z",
    }
    due = [{"next_at": "2026-03-03T12:30:00Z", "name": f"job {n}", "target": "http://a"} for n in range(10)]
    runs = [{"name": "slow", "status": "running", "since": "2026-03-03T11:00:00Z", "execution_id": "exec_1"}]
    recent = [last | {"kind": "monitor", "name": f"shop {n}"} for n in range(20)]
    overview = _overview(
        failing=_failing(50), failing_total=60, running=runs, running_total=1, next=due, recent=recent
    )
    lines = top.page(overview, Screen(True, True, width, NOON), height, "the note")
    assert len(lines) == height
    assert lines[-1] == "the note"
    if width >= 40:
        assert max(terminal.width_of(ANSI.sub("", line)) for line in lines) <= width
    text = ANSI.sub("", "\n".join(lines))
    if height >= 24:
        assert all(word in text for word in ("Needs attention: 60", "Running: 1", "slow", "Next", "Latest"))
