"""A real `tickd serve` in a process of its own: started, called, killed, stopped, never left behind."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.support.daemon import KEY, Reply
from tests.support.launch import OffsetClock
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.jobs import Job
from tickd.store import jobs
from tickd.store.database import Database

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
MINUTE = 60_000
SELDOM = "0 0 29 2 *"
"""A schedule that no test meets."""
_GREETING = "tickd serves on "


def eventually(condition: Callable[[], T], seconds: float = 10.0) -> T:
    """The first truthy value of `condition`, asked for again and again; AssertionError after `seconds`."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.01)
    return value


@dataclass(slots=True)
class Wall:
    """The wall clock of daemons that are started with it, in milliseconds."""

    file: Path
    offset: int = 0

    def __post_init__(self) -> None:
        OffsetClock.step(self.file, self.offset)

    def now(self) -> int:
        """What these daemons take the time for."""
        return time.time_ns() // 1_000_000 + self.offset

    def step(self, milliseconds: int) -> None:
        """Step the clock under the daemons that run."""
        self.offset += milliseconds
        OffsetClock.step(self.file, self.offset)

    def to_minute(self, early_ms: int) -> int:
        """Step on to `early_ms` before a full minute, and return that minute."""
        minute = (self.now() + early_ms) // MINUTE * MINUTE + MINUTE
        self.step(minute - early_ms - self.now())
        return minute


class Child:
    """The process of a daemon, and its API."""

    def __init__(self, process: subprocess.Popen[bytes], db: Path, out: Path, err: Path) -> None:
        self.process = process
        self.db = db
        self.url = ""
        self._out = out
        self._err = err

    @property
    def out(self) -> str:
        """What it has written to stdout."""
        return self._out.read_text("utf-8")

    @property
    def log(self) -> str:
        """What it has written to stderr."""
        return self._err.read_text("utf-8")

    def tracebacks(self) -> list[str]:
        """The log's lines that hold one, but for the database's faults, which are told with theirs."""
        lines = [line for line in self.log.splitlines() if "Traceback" in line]
        return [line for line in lines if "the database was not written" not in line]

    def await_greeting(self, seconds: float) -> None:
        """Wait until it says that it serves, and where."""

        def greeted() -> bool:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.log}"
            return "\n" in self.out

        eventually(greeted, seconds)
        first = self.out.splitlines()[0]
        assert first.startswith(_GREETING), first
        self.url = first.removeprefix(_GREETING)

    def call(
        self, method: str, path: str, body: object = None, *, key: str | None = KEY, timeout: float = 10.0
    ) -> Reply:
        """Call the API on a new connection; OSError or HTTPException when the daemon has gone."""
        at = urlsplit(self.url)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with closing(http.client.HTTPConnection(at.hostname or "", at.port, timeout=timeout)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            raw = answer.read()
            decoded = json.loads(raw) if answer.headers.get_content_type() == "application/json" else raw
            return Reply(answer.status, answer.headers, decoded)

    def job(self, **fields: Any) -> dict[str, Any]:
        """Register a job, which is not due unless a schedule is given."""
        plain = {"name": "nightly", "schedule": SELDOM, "endpoint": "http://127.0.0.1:9/"}
        reply = self.call("POST", "/v1/jobs", plain | fields)
        assert reply.status in (200, 201), reply.json
        found: dict[str, Any] = reply.json
        return found

    def trigger(self, job: Mapping[str, Any]) -> str:
        """Run a job now; the execution's id."""
        reply = self.call("POST", f"/v1/jobs/{job['id']}/trigger")
        assert reply.status == 202, reply.json
        return str(reply.json["execution_id"])

    def executions(self, job: Mapping[str, Any], status: str = "") -> list[dict[str, Any]]:
        """All the job's executions, newest first; with `status`, those of that status."""
        found: list[dict[str, Any]] = []
        wanted = f"&status={status}" if status else ""
        while True:
            path = f"/v1/jobs/{job['id']}/executions?limit=500&offset={len(found)}{wanted}"
            page = self.call("GET", path).json
            found += page["executions"]
            if len(found) >= page["total"]:
                return found

    def execution(self, identifier: str) -> dict[str, Any]:
        """One execution."""
        reply = self.call("GET", f"/v1/executions/{identifier}")
        assert reply.status == 200, reply.json
        found: dict[str, Any] = reply.json
        return found

    def metrics(self) -> dict[str, float]:
        """Every sample of `/metrics`, by its name with labels."""
        lines = self.call("GET", "/metrics").json.decode().splitlines()
        samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    def kill(self) -> None:
        """End it with SIGKILL, as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait(5)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Ask it to stop; its exit status, and how many seconds that took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(15)
        return status, time.monotonic() - begun


def query(db: Path, sql: str, *params: object) -> list[tuple[Any, ...]]:
    """Read the database file, beside the daemon or after its end."""
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, params).fetchall()


def environment(**settings: object) -> dict[str, str]:
    """The environment of a daemon: none of this one's TICKD_ variables, and these settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TICKD_")}
    given = {"TICKD_" + name.upper(): str(value) for name, value in settings.items()}
    return inherited | {"PYTHONPATH": str(ROOT)} | given


def refused(folder: Path, *arguments: str, **settings: object) -> str:
    """What `tickd serve` says that can't start: its one line on stderr; it must end with status 1."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tickd", "serve", *arguments],
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=10,
    )
    assert (ended.returncode, ended.stdout) == (1, ""), (ended.returncode, ended.stdout, ended.stderr)
    (line,) = ended.stderr.splitlines()
    return line


@contextmanager
def spawned(
    db: Path, /, *arguments: str, wall: Wall | None = None, doomed: str = "", **settings: object
) -> Iterator[Child]:
    """`tickd serve` on the file `db`, a free port, its process alone: nothing is waited for.

    With `wall` (and `doomed`, a loop to be killed) it is the launcher that tells its own time.
    """
    plain: dict[str, object] = {
        "listen": "127.0.0.1:0",
        "db": db,
        "api_key": KEY,
        "log_format": "json",
        "stop_grace_secs": 0,
    }
    command = ["-m", "tickd", "serve", *arguments]
    if wall is not None:
        command = ["-m", "tests.support.launch", str(wall.file), *([doomed] if doomed else [])]
    names = (db.with_name(f"{db.stem}-{time.monotonic_ns()}.{kind}") for kind in ("out", "err"))
    out, err = names
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", *command],
            cwd=db.parent,
            env=environment(**(plain | settings)),
            stdin=subprocess.DEVNULL,
            stdout=to_out,
            stderr=to_err,
        )
    child = Child(process, db, out, err)
    try:
        yield child
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(5)


@contextmanager
def served(db: Path, /, *arguments: str, wall: Wall | None = None, **settings: object) -> Iterator[Child]:
    """The same, ready to be called; at the end its log must hold no traceback."""
    with spawned(db, *arguments, wall=wall, doomed="", **settings) as child:
        child.await_greeting(10)
        yield child
    assert child.tracebacks() == []


async def fill(
    db: Path, count: int, *, due_at: int, endpoint: Callable[[int], str] = "http://127.0.0.1:9/{}".format
) -> None:
    """Put `count` jobs of every minute into a file, all next due at `due_at` (milliseconds)."""
    database = await Database.open(str(db), readers=0)

    def insert(tx: sqlite3.Connection) -> None:
        for number in range(count):
            job = Job(
                row=0,
                id=f"job_{number:016d}",
                account_id=DEFAULT_ACCOUNT,
                name=f"job {number}",
                schedule="* * * * *",
                endpoint=endpoint(number),
                next_run_at=due_at,
                created_at=due_at,
                updated_at=due_at,
            )
            jobs.insert(tx, job)

    try:
        await database.write(insert)
    finally:
        await database.close()
