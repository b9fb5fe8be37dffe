"""The watchdog is told while the daemon moves, and no longer when a restart alone could free it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.daemon import Harness
from tickd.outbound.supervisor import Supervisor
from tickd.services.supervision import STATUS_SECS, Supervision


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        yield end


def heard(manager: socket.socket) -> list[str]:
    """Every line that has come."""
    lines: list[str] = []
    while True:
        try:
            lines += manager.recv(4096).decode().split("\n")
        except BlockingIOError:
            return lines


@pytest.fixture
def supervision(tickd: Harness, tmp_path: Path, manager: socket.socket) -> Supervision:
    return Supervision(Supervisor(str(tmp_path / "notify"), 30.0), tickd.daemon.services.health, tickd.clock)


async def test_it_is_told_twice_a_period_and_how_much_there_is(
    tickd: Harness, supervision: Supervision, manager: socket.socket
) -> None:
    await tickd.job()
    assert await supervision.tick(0) == tickd.clock.now() + 15_000
    assert heard(manager) == ["WATCHDOG=1", "STATUS=ready: 1 job, 0 monitors, 0 heartbeats"]
    await tickd.job(name="another")
    await supervision.tick(0)
    assert heard(manager) == ["WATCHDOG=1"], "the line is written once a minute"
    await tickd.clock.advance(STATUS_SECS)
    heard(manager)
    await supervision.tick(0)
    assert heard(manager) == ["WATCHDOG=1", "STATUS=ready: 2 jobs, 0 monitors, 0 heartbeats"]


async def test_a_loop_that_hangs_silences_it(
    tickd: Harness,
    supervision: Supervision,
    manager: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cron = tickd.daemon.loops[0].state
    monkeypatch.setattr(cron, "ticking_since", tickd.clock.monotonic() - 121)
    for _ in range(2):
        await supervision.tick(0)
    told = heard(manager)
    assert "WATCHDOG=1" not in told
    assert told[0].startswith("STATUS=not ready: the cron loop hangs")
    assert caplog.text.count("the daemon hangs") == 1
    monkeypatch.setattr(cron, "ticking_since", None)
    await supervision.tick(0)
    assert "WATCHDOG=1" in heard(manager)


async def test_a_writer_that_hangs_silences_it_and_a_full_disk_does_not(
    tickd: Harness, supervision: Supervision, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = tickd.daemon._database._writer
    monkeypatch.setattr(writer, "_last_error", "the disk is full")
    await supervision.tick(0)
    full = heard(manager)
    assert full[0] == "WATCHDOG=1", "a restart would find the disk as full"
    assert full[1].startswith("STATUS=not ready: the database can't be written: the disk is full")
    monkeypatch.setattr(
        type(writer),
        "_busy_since",
        property(lambda one: one._monotonic() - 121, lambda *_: None),
        raising=False,
    )
    await supervision.tick(0)
    assert "WATCHDOG=1" not in heard(manager)


async def test_nothing_is_said_while_the_daemon_starts_or_stops(
    tickd: Harness, supervision: Supervision, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = tickd.daemon.services.health
    monkeypatch.setattr(health, "accepting", False)
    monkeypatch.setattr(health.loops[-1], "alive", False)
    assert await supervision.tick(0) == tickd.clock.now() + 50
    assert heard(manager) == []
    assert health.hangs() == []


async def test_a_sentence_is_said_once(
    tickd: Harness, supervision: Supervision, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickd.daemon.services.health.loops[-1], "alive", False)
    await supervision.tick(0)
    assert heard(manager) == ["STATUS=not ready: the witness loop does not run"]


async def test_a_database_that_is_slow_to_answer_delays_no_word_to_the_watchdog(
    tickd: Harness, tmp_path: Path, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    health, clock = tickd.daemon.services.health, tickd.clock

    async def slow() -> None:
        clock.step(4_000)
        raise TimeoutError

    monkeypatch.setattr(health, "ledger", slow)
    begun = clock.now()
    due = await Supervision(Supervisor(str(tmp_path / "notify"), 10.0), health, clock).tick(0)
    assert due == begun + 5_000, "half the period after the last word"
    assert heard(manager) == ["WATCHDOG=1", "STATUS=ready"]
