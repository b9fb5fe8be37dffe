"""Watches over every test: no blocking call on the event loop, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.daemon import Harness, running
from tests.support.endpoint import Endpoint, serving

# The same examples in every run, and no deadline: a busy machine must not fail a test.
settings.register_profile("tickd", deadline=None, derandomize=True)
settings.load_profile("tickd")

_MEMORY, _ROOM_BYTES = Path("/dev/shm"), 2 << 30  # noqa: S108 - pytest makes folders of its own in it
_BLOCKING = {"time.sleep", "sqlite3.connect", "socket.getaddrinfo", "subprocess.Popen"}
_blocked: list[str] = []


def _audit(event: str, _args: tuple[object, ...]) -> None:
    if event in _BLOCKING and asyncio._get_running_loop() is not None:
        _blocked.append(event)


sys.addaudithook(_audit)


@pytest.fixture(autouse=True)
def no_blocking_call() -> Iterator[None]:
    """Fail a test that blocks the event loop: sleep, look-up, database or subprocess on its thread."""
    _blocked.clear()
    yield
    assert not _blocked, f"blocking calls on the event loop: {_blocked}"


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread or an open file behind."""
    threads, files = set(threading.enumerate()), _open_files()
    yield
    # The event loop's own workers end with it, which is later.
    left = [
        thread
        for thread in threading.enumerate()
        if thread not in threads and not thread.name.startswith("asyncio_")
    ]
    for thread in left:
        thread.join(1.0)
    left = [thread for thread in left if thread.is_alive()]
    assert not left, f"threads left behind: {left}"
    leaked = _open_files() - files
    assert not leaked, f"files left open: {sorted(leaked)}"


def _open_files() -> set[str]:
    """What the process has open, but for pipes, sockets and the event loop's own."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if target.startswith("/") and not target.startswith(("/dev/", "/proc/")):
            found.add(target)
    return found


@pytest.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Fail an asynchronous test that leaves a task behind."""
    before = asyncio.all_tasks()
    yield
    mine = {asyncio.current_task()}
    left = [task for task in asyncio.all_tasks() - before - mine if not task.done()]
    assert not left, f"tasks left behind: {left}"


def pytest_configure() -> None:
    """Keep what tests write in memory where there is room: thousands of daemons would wait for the disk.

    PYTEST_DEBUG_TEMPROOT and --basetemp say otherwise.
    """
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every asynchronous test be watched for tasks, and spread the slow files over the run.

    Tests with a daemon in a process of its own mostly wait for real clocks. Where workers share the files,
    these disturb each other when they all come at once, and at the end everything waits for them.
    """
    place: dict[Path, float] = {}
    for is_slow in (True, False):
        files = dict.fromkeys(item.path for item in items if ("process" in item.path.parts) is is_slow)
        place |= {file: number / len(files) for number, file in enumerate(files)}
    items.sort(key=lambda item: (place[item.path], item.path))
    for item in items:
        if isinstance(item, pytest.Function) and asyncio.iscoroutinefunction(item.obj):
            item.fixturenames.insert(0, "no_task_left")


@pytest.fixture
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    """A running daemon on a fake clock at noon."""
    async with running(tmp_path / "tickd.db") as harness:
        yield harness


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """An endpoint that jobs can call."""
    async with serving() as made:
        yield made
