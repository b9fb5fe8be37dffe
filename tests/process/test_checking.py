"""Checks under kill -9, a full disk, a locked file, a clock that steps: nothing lost, nothing made up."""

from __future__ import annotations

import random
import sqlite3
import time
from collections import Counter
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.process.target import Target
from tests.process.test_faults import full_disk
from tests.support.process import Child, Wall, eventually, query, served
from tickd.domain import times

FAST: dict[str, Any] = {"min_interval_secs": 1, "reference": "none"}


def watch(tickd: Child, url: str, **fields: Any) -> str:
    """Make a monitor of every second; its id."""
    plain = {"name": "m", "url": url, "interval_secs": 1, "timeout_secs": 1, "failure_threshold": 1}
    reply = tickd.call("POST", "/v1/monitors", plain | fields)
    assert reply.status == 201, reply.json
    return str(reply.json["id"])


def shown(tickd: Child, identifier: str) -> dict[str, Any]:
    """The monitor as the API shows it."""
    found: dict[str, Any] = tickd.call("GET", f"/v1/monitors/{identifier}").json
    return found


def checks(tickd: Child, identifier: str) -> list[dict[str, Any]]:
    """The monitor's newest checks, oldest of them first."""
    found: list[dict[str, Any]] = tickd.call("GET", f"/v1/monitors/{identifier}/checks?limit=100").json[
        "checks"
    ]
    return found[::-1]


def flips(tickd: Child) -> Counter[tuple[str, str]]:
    """How often the log says of which monitor that it flipped."""
    lines = [line for line in tickd.log.splitlines() if '"event": "monitor ' in line]
    return Counter(
        (line.split('"monitor": "')[1].split('"')[0], line.split('"event": "')[1].split('"')[0])
        for line in lines
    )


def test_kills_lose_no_state_and_no_history(db: Path, target: Target) -> None:
    chance = random.Random(20_260_303)
    good, bad = [f"/good/{number}" for number in range(6)], [f"/bad/{number}" for number in range(6)]
    target.statuses = dict.fromkeys(bad, 500)
    known: dict[str, dict[str, dict[str, Any]]] = {}
    said: Counter[tuple[str, str]] = Counter()
    made: dict[str, str] = {}
    for _ in range(2):
        with served(db, **FAST) as tickd:
            for path in good + bad if not made else []:
                made[path] = watch(tickd, target.url + path, name=path, failure_threshold=3)
            time.sleep(chance.uniform(0.5, 0.9))
            for path, identifier in made.items():
                found = {one["id"]: one for one in checks(tickd, identifier)}
                missing = known.get(path, {}).keys() - found.keys()
                assert not missing, "what was on the disk is gone"
                # The newest are on their way to the disk still.
                until = time.time() - 1.5
                known[path] = {
                    key: one
                    for key, one in found.items()
                    if datetime.fromisoformat(one["checked_at"]).timestamp() < until
                }
            tickd.kill()
            said += flips(tickd)
    with served(db, **FAST) as tickd:
        eventually(lambda: all(shown(tickd, made[path])["status"] == "failing" for path in bad))
        for path in good:
            assert shown(tickd, made[path])["state"] == "up"
            assert {one["status"] for one in checks(tickd, made[path])} == {"up"}
        for path in bad:
            assert {one["status"] for one in checks(tickd, made[path])} == {"down"}
        time.sleep(0.3)
        said += flips(tickd)
        assert tickd.stop()[0] == 0
    assert said == {(made[path], "monitor is failing"): 1 for path in bad}
    assert query(db, "PRAGMA integrity_check") == [("ok",)]


def test_failures_below_the_threshold_survive_a_kill(db: Path, target: Target) -> None:
    target.statuses = {"/run": 500}
    with served(db, **FAST) as tickd:
        monitor = watch(tickd, target.url + "/run", failure_threshold=3)
        eventually(lambda: shown(tickd, monitor)["consecutive_failures"] >= 1)
        tickd.kill()
    known = query(db, "SELECT consecutive_failures FROM monitors")[0][0]
    assert known >= 1
    with served(db, **FAST) as tickd:
        eventually(lambda: shown(tickd, monitor)["status"] == "failing")
        assert len(checks(tickd, monitor)) <= 3 + (known == 3)
        assert sum(flips(tickd).values()) <= 1


def test_a_full_disk_puts_flips_off(db: Path, target: Target) -> None:
    with served(db, **FAST) as tickd:
        monitor = watch(tickd, target.url + "/run")
        eventually(lambda: shown(tickd, monitor)["state"] == "up")
        for number in range(20):
            tickd.job(name=f"filler {number}")
        with full_disk(tickd):
            target.statuses = {"/run": 500}
            eventually(lambda: len([one for one in checks(tickd, monitor) if one["status"] == "down"]) >= 2)
            assert (shown(tickd, monitor)["status"], flips(tickd)) == ("active", Counter())
            assert tickd.metrics()["tickd_history_waiting"] >= 2
            assert query(db, "SELECT failing FROM monitors") == [(0,)]
        eventually(lambda: shown(tickd, monitor)["status"] == "failing")
        eventually(lambda: tickd.metrics()["tickd_history_waiting"] == 0)
        assert tickd.metrics()["tickd_history_dropped_total"] == 0
        assert flips(tickd) == {(monitor, "monitor is failing"): 1}
        kept = [one["id"] for one in checks(tickd, monitor)]
        assert tickd.stop()[0] == 0
    with served(db, **FAST) as tickd:
        assert shown(tickd, monitor)["status"] == "failing"
        assert [one["id"] for one in checks(tickd, monitor)][: len(kept)] == kept


def test_a_locked_file_puts_flips_off(db: Path, target: Target) -> None:
    with served(db, **FAST) as tickd:
        monitor = watch(tickd, target.url + "/run")
        eventually(lambda: shown(tickd, monitor)["state"] == "up")
        with closing(sqlite3.connect(db, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            target.statuses = {"/run": 500}
            eventually(lambda: checks(tickd, monitor)[-1]["status"] == "down")
            assert shown(tickd, monitor)["status"] == "active"
            other.execute("ROLLBACK")
        eventually(lambda: shown(tickd, monitor)["status"] == "failing")
        assert flips(tickd) == {(monitor, "monitor is failing"): 1}


def test_a_clock_that_steps_stops_nobody_and_blames_nobody(db: Path, wall: Wall, target: Target) -> None:
    with served(db, wall=wall, **FAST) as tickd:
        monitors = [watch(tickd, f"{target.url}/{number}") for number in range(20)]
        eventually(lambda: len(target.calls) >= 40)
        for step in (-times.HOUR, times.DAY):
            before, begun = len(target.calls), time.monotonic()
            wall.step(step)
            eventually(lambda before=before: len(target.calls) >= before + 25, 4)  # type: ignore[misc]
            took = time.monotonic() - begun
            assert len(target.calls) - before <= 20 * (took + 1.5), "a storm"
        assert {shown(tickd, one)["state"] for one in monitors} == {"up"}
        assert tickd.metrics()["tickd_clock_steps_total"] == 2
        seen = tickd.metrics()  # one look: between two of them there are more checks
        lateness = "tickd_check_lateness_seconds_bucket"
        assert seen[f'{lateness}{{le="60.0"}}'] == seen[f'{lateness}{{le="+Inf"}}']
    causes = query(db, "SELECT cause FROM blind_intervals")
    assert causes == [("the clock jumped or the machine was suspended",)]
