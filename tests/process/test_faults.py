"""A disk that is full, a file that is locked, a loop that dies."""

from __future__ import annotations

import resource
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.process.target import Target
from tests.support.process import Child, Wall, eventually, query, served, spawned
from tickd.domain import times


@contextmanager
def full_disk(tickd: Child) -> Iterator[None]:
    """Let the database's log grow no further, as a full disk would, until the block ends."""
    pid, size = tickd.process.pid, tickd.db.with_name("tickd.db-wal").stat().st_size
    assert size > len(tickd.log) + 65_536, "the daemon's own log must still fit"
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_survived(db: Path, wall: Wall, target: Target) -> None:
    minute = wall.to_minute(30_000)
    with served(db, wall=wall) as tickd:
        job = tickd.job(schedule="* * * * *", endpoint=target.url + "/run")
        slow = tickd.job(name="slow", endpoint=target.hold("/slow"))
        under_way = tickd.trigger(slow)
        eventually(lambda: target.called("/slow"))
        with full_disk(tickd):
            refused = tickd.call(
                "POST", "/v1/jobs", {"name": "new", "schedule": "@daily", "endpoint": job["endpoint"]}
            )
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) > 0
            assert refused.json == {"error": "the disk under the database reports an error"}
            assert tickd.call("POST", f"/v1/jobs/{job['id']}/trigger").status == 503
            assert tickd.call("GET", f"/v1/jobs/{job['id']}").json["name"] == "nightly"
            assert tickd.call("GET", "/healthz").status == 200
            # The minute comes, and a call ends: neither can be recorded now.
            wall.step(minute - wall.now())
            target.release("/slow")
            ready = eventually(lambda: failing(tickd))
            assert any("the disk under the database reports an error" in one for one in ready)
            assert tickd.execution(under_way)["status"] == "running"
            assert target.called("/run") == []
        eventually(lambda: tickd.executions(job, "success"))
        eventually(lambda: tickd.execution(under_way)["status"] == "success")
        eventually(lambda: tickd.call("GET", "/readyz").status == 200)
        (run,) = tickd.executions(job)
        assert (run["id"], run["scheduled_at"]) == (target.called("/run")[0], times.rfc3339(minute))
        assert tickd.call("GET", "/v1/jobs").json["total"] == 2
        assert tickd.metrics()["tickd_occurrences_unaccounted"] == 0
        assert tickd.stop()[0] == 0
    assert target.called("/slow") == [under_way]
    assert query(db, "PRAGMA integrity_check") == [("ok",)]


def failing(tickd: Child) -> list[str]:
    """Why the daemon is not ready, once its cron loop fails."""
    ready = tickd.call("GET", "/readyz")
    faults: list[str] = ready.json["faults"]
    if not any("cron loop fails" in one for one in faults):
        return []
    assert (ready.status, ready.json["status"]) == (503, "not ready")
    assert int(ready.headers["Retry-After"]) > 0
    return faults


def test_a_locked_file_is_survived(db: Path, target: Target) -> None:
    with served(db) as tickd:
        job = tickd.job(endpoint=target.url + "/run")
        with closing(sqlite3.connect(db, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            refusing = threading.Thread(target=refused_for_the_lock, args=(tickd, job))
            refusing.start()
            while refusing.is_alive():
                asked = time.monotonic()
                assert tickd.call("GET", f"/v1/jobs/{job['id']}").status == 200
                assert time.monotonic() - asked < 1
                refusing.join(0.2)
            assert 5 <= time.monotonic() - began < 9
            ready = tickd.call("GET", "/readyz")
            first, *others = ready.json["faults"]
            assert first == "the database can't be written: the database is locked"
            # Whichever loop had something to write just then says so too.
            assert all(fault.endswith("loop fails: the database is locked") for fault in others)
            other.execute("ROLLBACK")
        execution = tickd.trigger(job)
        eventually(lambda: tickd.execution(execution)["status"] == "success")
        # A loop that failed on the lock waits before it tries again, and says until then that it fails.
        eventually(lambda: tickd.call("GET", "/readyz").status == 200)
        assert [one["id"] for one in tickd.executions(job)] == [execution]


def refused_for_the_lock(tickd: Child, job: dict[str, str]) -> None:
    """Ask for a run that can't be recorded; an assertion that fails here shows as a warning, an error."""
    refused = tickd.call("POST", f"/v1/jobs/{job['id']}/trigger", timeout=15)
    assert (refused.status, refused.json) == (503, {"error": "the database is locked"})
    assert int(refused.headers["Retry-After"]) > 0


def test_a_loop_that_dies_ends_the_process(db: Path, wall: Wall) -> None:
    with spawned(db, wall=wall, doomed="cron") as tickd:
        assert tickd.process.wait(10) == 1
        assert tickd.log.splitlines()[-1] == "tickd: the cron loop died"
        assert '"event": "stopped"' in tickd.log
    assert query(db, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize(
    ("suffix", "said"),
    [("", "the database file"), ("-wal", "the database's write-ahead log")],
)
def test_a_file_that_is_moved_away_takes_no_writes(db: Path, suffix: str, said: str) -> None:
    sentence = f"{said} has been deleted, moved or replaced"
    moved, here = db.with_name("moved"), db.with_name(db.name + suffix)
    with served(db) as tickd:
        job = tickd.job()
        here.rename(moved)
        wanted = {"name": "new", "schedule": "@daily", "endpoint": job["endpoint"]}
        # What is acknowledged is kept: nothing of this would be.
        refused = tickd.call("POST", "/v1/jobs", wanted)
        assert (refused.status, refused.json) == (503, {"error": sentence})
        here.write_bytes(b"")
        assert tickd.call("POST", "/v1/jobs", wanted).status == 503, "another file in its place is no better"
        here.unlink()
        ready = tickd.call("GET", "/readyz", key=None)
        assert (ready.status, ready.json["faults"][0]) == (503, f"the database can't be written: {sentence}")
        assert str(db.parent) not in str(ready.json), "a path is nobody's business"
        overview = tickd.call("GET", "/v1/overview").json
        assert (overview["ready"], overview["faults"][0]) == (False, ready.json["faults"][0])
        metrics = tickd.metrics()
        assert metrics["tickd_ready"] == 0
        assert ("tickd_database_bytes" in metrics) == bool(suffix)
        moved.rename(here)
        assert tickd.call("POST", "/v1/jobs", wanted).status == 201
        eventually(lambda: tickd.call("GET", "/readyz").status == 200)
        assert tickd.stop()[0] == 0
    assert query(db, "SELECT name FROM jobs ORDER BY name") == [("new",), ("nightly",)]
