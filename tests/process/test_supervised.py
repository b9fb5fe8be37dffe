"""A daemon under a service manager: what it says on the notify socket, and when it says nothing."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.process import Child, environment, eventually, served, spawned
from tickd.store import migrate

PERIOD_SECS = 0.4


class Manager:
    """The other end of the notify socket, as systemd has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def listen(self, seconds: float = 0.0) -> list[str]:
        """All lines so far, those of the next `seconds` included."""
        until = time.monotonic() + seconds
        while True:
            try:
                self.heard += self._socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                if time.monotonic() >= until:
                    return self.heard
                time.sleep(0.005)

    def beats(self, seconds: float) -> int:
        """How many watchdog messages come within `seconds`."""
        self.listen()
        before = self.heard.count("WATCHDOG=1")
        return self.listen(seconds).count("WATCHDOG=1") - before

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    with closing(Manager(tmp_path / "notify")) as made:
        monkeypatch.setenv("NOTIFY_SOCKET", str(made.path))
        monkeypatch.setenv("WATCHDOG_USEC", str(round(PERIOD_SECS * 1e6)))
        yield made


def ready(tickd: Child, manager: Manager) -> bool:
    """Whether READY=1 has come; by then the daemon must be ready."""
    if "READY=1" not in manager.listen():
        return False
    assert tickd.call("GET", "/readyz").status == 200
    return True


def test_a_supervised_life(db: Path, manager: Manager) -> None:
    with spawned(db) as tickd:
        tickd.await_greeting(10)
        assert ready(tickd, manager), "READY=1 comes before the greeting"
        first = manager.heard[0]
        assert first.startswith("EXTEND_TIMEOUT_USEC="), "a start asks for its time"
        assert 3 <= manager.beats(5 * PERIOD_SECS) <= 12
        eventually(lambda: any(line.startswith("STATUS=ready: 0 jobs") for line in manager.listen()))
        assert not any(line.startswith("STATUS=not ready") for line in manager.heard), manager.heard
        assert "the daemon hangs" not in tickd.log, "its loops begin one after the other"
        # No child may speak for the daemon.
        inherited = Path(f"/proc/{tickd.process.pid}/environ").read_bytes()
        assert b"NOTIFY_SOCKET" in inherited, "it was started with it"
        tickd.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        assert manager.beats(3 * PERIOD_SECS) == 0, "a daemon that stands still says nothing"
        tickd.process.send_signal(signal.SIGCONT)
        eventually(lambda: manager.beats(PERIOD_SECS) > 0)
        assert "STOPPING=1" not in manager.listen()
        assert tickd.stop()[0] == 0
        told = manager.listen()
        assert told.index("STOPPING=1") > told.index("READY=1")
        assert told.count("READY=1") == 1


def test_a_manager_that_has_gone_harms_nothing(db: Path, manager: Manager) -> None:
    manager.close()
    manager.path.unlink()
    with served(db) as tickd:
        assert tickd.call("GET", "/readyz").status == 200
        assert tickd.log.count("the supervisor can't be told") == 1
        assert tickd.stop()[0] == 0


def test_a_watchdog_for_somebody_else_is_left_alone(
    db: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert environment()["NOTIFY_SOCKET"]
    with served(db) as tickd:
        assert "READY=1" in manager.listen(0.1)
        # One at the first tick of the loop, which then goes at its own pace.
        assert manager.beats(3 * PERIOD_SECS) == 0
        assert tickd.stop()[0] == 0


def test_an_upgrade_asks_for_time_before_it_begins(db: Path, manager: Manager) -> None:
    assert len(migrate.read_steps(migrate.MIGRATIONS)) > 1
    with spawned(db) as tickd:
        eventually(lambda: manager.listen() != [])
        assert manager.heard[0] == "EXTEND_TIMEOUT_USEC=60000000"
        assert "READY=1" not in manager.heard[:2]
        tickd.await_greeting(10)
        assert tickd.stop()[0] == 0
