"""kill -9 while an occurrence is deferred, and around its release: it is neither lost nor fired blindly."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from tests.process.target import Target
from tests.support.process import Child, Wall, eventually, served
from tickd.domain import times

ROUNDS = 5


def made_monitor(tickd: Child, url: str) -> str:
    """A monitor that has failed; its id."""
    body = {"name": "Shop", "url": url, "failure_threshold": 1, "interval_secs": 86_400}
    reply = tickd.call("POST", "/v1/monitors", body)
    assert reply.status == 201, reply.json
    identifier = str(reply.json["id"])
    eventually(lambda: tickd.call("GET", f"/v1/monitors/{identifier}").json["status"] == "failing")
    return identifier


def deferred(tickd: Child) -> float:
    """How many executions are deferred."""
    return tickd.metrics()["tickd_executions_deferred"]


def test_a_deferred_occurrence_survives_a_kill(db: Path, wall: Wall, target: Target) -> None:
    minute = wall.to_minute(30_000)
    target.statuses["/shop"] = 500
    with served(db, wall=wall) as tickd:
        monitor = made_monitor(tickd, target.url + "/shop")
        job = tickd.job(
            schedule=f"{minute // times.MINUTE % 60} * * * *",
            endpoint=target.url + "/job",
            catch_up="none",
            requires=[monitor],
        )
        wall.step(minute - wall.now())
        eventually(lambda: deferred(tickd) == 1)
        (before,) = tickd.executions(job)
        assert (before["status"], before["scheduled_at"]) == ("pending", times.rfc3339(minute))
        tickd.kill()
    # Late by far more than a minute, and of a job that catches nothing up: it is deferred all the same.
    wall.step(12 * times.MINUTE)
    with served(db, wall=wall) as tickd:
        assert tickd.executions(job) == [before]
        assert before["reason"] == f"deferred: Shop ({monitor}) is down"
        tickd.kill()
    assert target.called("/job") == []
    target.statuses.clear()
    with served(db, wall=wall) as tickd:
        assert tickd.call("POST", f"/v1/monitors/{monitor}/check").json["status"] == "up"
        eventually(lambda: tickd.execution(before["id"])["status"] == "success")
        (after,) = tickd.executions(job)
        assert after["reason"] == f"deferred 12 min: Shop ({monitor}) was down"
        assert (deferred(tickd), tickd.metrics()["tickd_occurrences_unaccounted"]) == (0, 0)
    assert target.called("/job") == [before["id"]]


def test_a_deferral_that_ends_while_nobody_runs_ends_at_the_next_start(
    db: Path, wall: Wall, target: Target
) -> None:
    minute = wall.to_minute(30_000)
    target.statuses["/shop"] = 500
    with served(db, wall=wall) as tickd:
        monitor = made_monitor(tickd, target.url + "/shop")
        job = tickd.job(
            schedule=f"{minute // times.MINUTE % 60} {minute // times.HOUR % 24} * * *",
            endpoint=target.url + "/job",
            requires=[monitor],
            defer_max_secs=600,
        )
        wall.step(minute - wall.now())
        eventually(lambda: deferred(tickd) == 1)
        tickd.kill()
    wall.step(20 * times.MINUTE)
    with served(db, wall=wall) as tickd:
        eventually(lambda: tickd.executions(job, "skipped"))
        (skipped,) = tickd.executions(job)
        assert skipped["error"] == f"deferred for 10 min: Shop ({monitor}) was still down"
        assert tickd.metrics()["tickd_occurrences_unaccounted"] == 0
    assert target.called("/job") == []


def test_kills_around_the_release_lose_nothing(db: Path, wall: Wall, target: Target) -> None:
    chance = random.Random(20_260_303)
    job: dict[str, Any] = {}
    path = ""
    for _ in range(ROUNDS):
        minute = wall.to_minute(20_000)
        with served(db, wall=wall) as tickd:
            if not path:
                beat = tickd.call("POST", "/v1/heartbeats", {"name": "Shop", "interval_secs": 31_622_400})
                path = f"/p/{beat.json['token']}"
                job = tickd.job(
                    schedule="* * * * *", endpoint=target.url + "/job", requires=[beat.json["id"]]
                )
            assert tickd.call("POST", path + "/fail", key=None).status == 200
            wall.step(minute - wall.now())
            eventually(lambda: deferred(tickd) == 1)
            assert tickd.call("POST", path, key=None).status == 200
            time.sleep(chance.uniform(0, 0.03))
            tickd.kill()
    with served(db, wall=wall) as tickd:
        eventually(lambda: tickd.metrics()["tickd_executions_deferred"] == 0)
        eventually(lambda: all(one["finished_at"] for one in tickd.executions(job)))
        found = tickd.executions(job)
        assert tickd.metrics()["tickd_occurrences_unaccounted"] == 0
    assert len({one["scheduled_at"] for one in found}) == len(found) >= ROUNDS
    assert {one["status"] for one in found} <= {"success", "skipped", "missed"}
    gated = [one for one in found if one["reason"].startswith("deferred ")]
    assert {one["status"] for one in gated} <= {"success"}
    # Called at least once, and never unrecorded.
    assert {one["id"] for one in found if one["status"] == "success"} == set(target.called("/job"))
