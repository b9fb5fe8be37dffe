"""What a service manager is told, over a real datagram socket."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tickd.outbound.supervisor import Supervisor

PID = os.getpid()


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@tickd-{PID}-{tmp_path.name}"


@pytest.fixture
def manager(address: str) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as end:
        end.bind("\0" + address[1:] if address.startswith("@") else address)
        end.settimeout(2)
        yield end


def heard(manager: socket.socket) -> list[str]:
    """The lines of the next datagram."""
    return manager.recv(4096).decode().split("\n")


async def test_each_word_is_one_datagram(manager: socket.socket, address: str) -> None:
    supervisor = Supervisor(address, 30.0)
    supervisor.extend(60, "opening")
    assert heard(manager) == ["EXTEND_TIMEOUT_USEC=60000000", "STATUS=opening"]
    await supervisor.ready()
    assert heard(manager) == ["READY=1"]
    supervisor.alive()
    assert heard(manager) == ["WATCHDOG=1"]
    supervisor.status("two\nlines\nREADY=1")
    assert heard(manager) == ["STATUS=two lines READY=1"]
    supervisor.stopping()
    assert heard(manager) == ["STOPPING=1", "STATUS=stopping"]


@pytest.mark.parametrize(
    ("given", "watchdog"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(PID)}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(PID + 1)}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "1"}, None),
        ({"WATCHDOG_USEC": "99999"}, None),
        ({"WATCHDOG_USEC": "9" * 400}, None),
        ({"WATCHDOG_USEC": "9" * 5000}, None),
        ({"WATCHDOG_USEC": str(2**64 - 2)}, (2**64 - 2) / 1e6),
    ],
)
def test_the_variables_are_read_and_taken_out(
    given: dict[str, str], watchdog: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    environment = {"NOTIFY_SOCKET": "/run/notify", "PATH": "/bin"} | given
    supervisor = Supervisor.of(environment, PID)
    assert (supervisor.is_there, supervisor.watchdog_secs) == (True, watchdog)
    assert environment == {"PATH": "/bin"}
    is_odd = watchdog is None and "WATCHDOG_USEC" in given and "WATCHDOG_PID" not in given
    assert ("no period that tickd can keep" in caplog.text) == is_odd


@pytest.mark.parametrize("given", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
async def test_without_a_socket_that_is_known_nobody_is_told(given: dict[str, str]) -> None:
    supervisor = Supervisor.of(given | {"WATCHDOG_USEC": "500000"}, PID)
    assert (supervisor.is_there, supervisor.watchdog_secs) == (False, None)
    await supervisor.ready()


def test_a_manager_that_is_gone_is_logged_once_and_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor(str(tmp_path / "gone"))
    for _ in range(3):
        supervisor.alive()
    assert [record.getMessage() for record in caplog.records] == ["the supervisor can't be told"]


def test_a_manager_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    path = str(tmp_path / "full")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as end:
        end.bind(path)
        for _ in range(10_000):
            Supervisor(path).alive()


@pytest.mark.parametrize("later", [False, True])
async def test_the_word_that_it_serves_is_not_lost_in_a_full_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: bool
) -> None:
    path = str(tmp_path / "full")
    monkeypatch.setattr("tickd.outbound.supervisor._TRIES", 1 if later else 100)
    monkeypatch.setattr("tickd.outbound.supervisor._AGAIN_SECS", 0.005)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as end:
        end.bind(path)
        end.setblocking(False)
        supervisor = Supervisor(path)
        for _ in range(10_000):
            supervisor.alive()
        telling = asyncio.create_task(supervisor.ready())
        await (telling if later else asyncio.sleep(0.02))
        told = emptied(end)
        assert set(told) == {"WATCHDOG=1"}
        await telling
        said_by_itself = emptied(end)
        assert said_by_itself == ([] if later else ["READY=1"])
        supervisor.alive()
        supervisor.alive()
        assert said_by_itself + emptied(end) == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]


def emptied(manager: socket.socket) -> list[str]:
    """The lines of all datagrams that wait."""
    lines: list[str] = []
    while True:
        try:
            lines += heard(manager)
        except BlockingIOError:
            return lines
