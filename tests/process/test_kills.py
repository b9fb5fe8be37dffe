"""kill -9 at every point between recorded, called and finished: nothing is lost, nothing is made up."""

from __future__ import annotations

import contextlib
import http.client
import random
import time
from collections import Counter
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from tests.process.target import Target
from tests.support.process import Child, Wall, eventually, query, served
from tickd.domain import times

CATCH_UPS = ("last", "none", "all")
ENDED = {"success", "failed", "timeout", "missed", "skipped"}


def minutes(after: str, until: int) -> list[str]:
    """Every full minute behind `after` and not behind `until`, latest first."""
    begin = datetime.fromisoformat(after).timestamp() * 1000
    latest = until // times.MINUTE * times.MINUTE
    return [times.rfc3339(minute) for minute in range(latest, int(begin), -times.MINUTE)]


def scheduled(executions: list[dict[str, Any]]) -> list[str]:
    """The minutes of the executions that the schedule asked for, as they come."""
    return [one["scheduled_at"] for one in executions if one["trigger"] != "manual"]


def test_runs_by_hand_survive_a_kill(db: Path, target: Target) -> None:
    # Three places: one call of each job is out, and one more of each is recorded and waits.
    out: dict[str, str] = {}
    waiting: dict[str, str] = {}
    with served(db, max_calls=3) as tickd:
        made = {
            word: tickd.job(name=word, catch_up=word, endpoint=target.hold("/" + word)) for word in CATCH_UPS
        }
        for word, job in made.items():
            out[word] = tickd.trigger(job)
            eventually(lambda word=word: target.called("/" + word))  # type: ignore[misc]
        waiting = {word: tickd.trigger(job) for word, job in made.items()}
        assert tickd.metrics()['tickd_executions_open{status="pending"}'] == 3
        assert tickd.metrics()['tickd_executions_open{status="running"}'] == 3
        tickd.kill()
    for word in CATCH_UPS:
        target.release("/" + word)
    with served(db) as tickd:
        eventually(lambda: tickd.metrics()["tickd_calls_in_flight"] == 0 and len(target.calls) == 8)
        eventually(lambda: all(tickd.execution(one)["status"] == "success" for one in waiting.values()))
        again = [ended(tickd, out[word]) for word in ("last", "all")]
        for execution in again:
            assert (execution["status"], execution["attempts"]) == ("success", 2)
        closed = tickd.execution(out["none"])
        assert (closed["status"], closed["error"]) == ("failed", "interrupted by restart")
        # Nobody knows how the interrupted run went, so it is not held against its job.
        assert tickd.call("GET", f"/v1/jobs/{made['none']['id']}").json["status"] == "active"
    often = target.often()
    assert [often[out[word]] for word in CATCH_UPS] == [2, 1, 2]
    assert [often[waiting[word]] for word in CATCH_UPS] == [1, 1, 1]


def ended(tickd: Child, identifier: str) -> dict[str, Any]:
    """The execution, once it has ended."""
    eventually(lambda: tickd.execution(identifier)["status"] in ENDED)
    return tickd.execution(identifier)


def settled(tickd: Child, job: dict[str, Any], wall: Wall) -> bool:
    """Whether every minute since a job was made is recorded, up to now, and everything has ended."""
    wanted = minutes(job["created_at"], wall.now())
    executions = tickd.executions(job)
    return scheduled(executions) == wanted and all(one["finished_at"] for one in executions)


def test_occurrences_survive_a_kill(db: Path, wall: Wall, target: Target) -> None:
    # Two jobs a catch-up and two places, taken by hand: the minute's six occurrences stay recorded only.
    first = wall.to_minute(30_000)
    with served(db, wall=wall, max_calls=2) as tickd:
        blocker = tickd.job(name="blocker", endpoint=target.hold("/blocker"))
        tickd.trigger(blocker)
        tickd.trigger(blocker)
        made = {
            word: tickd.job(name=word, schedule="* * * * *", catch_up=word, endpoint=target.url + "/" + word)
            for word in CATCH_UPS
        }
        made |= {
            "hourly " + word: tickd.job(
                name="hourly " + word,
                schedule=f"{first // times.MINUTE % 60} * * * *",
                catch_up=word,
                endpoint=target.url + "/" + word,
            )
            for word in CATCH_UPS
        }
        wall.step(first - wall.now())
        eventually(lambda: tickd.metrics()['tickd_executions_open{status="pending"}'] == 6)
        tickd.kill()
    assert target.called("/last") == []
    target.release("/blocker")
    # Four minutes and a half later: the hourly jobs have nothing new, so what was recorded is their latest.
    wall.step(270 * times.SECOND)
    with served(db, wall=wall) as tickd:
        eventually(lambda: tickd.metrics()['tickd_executions_open{status="pending"}'] == 0)
        eventually(lambda: tickd.metrics()['tickd_executions_open{status="running"}'] == 0)
        for word in CATCH_UPS:
            # Nothing pending may also mean that the newest minute is not recorded yet.
            eventually(partial(settled, tickd, made[word], wall))
            executions = tickd.executions(made[word])
            fates = [one["status"] for one in executions][::-1]
            assert (
                fates
                == {
                    "last": ["success", "missed", "missed", "missed", "success"],
                    "none": ["missed", "missed", "missed", "missed", "success"],
                    "all": ["success"] * 5,
                }[word]
            )
            (hourly,) = tickd.executions(made["hourly " + word])
            assert hourly["status"] == ("missed" if word == "none" else "success")
            if word == "none":
                assert hourly["error"].startswith("tickd was not running from ")
        assert tickd.metrics()["tickd_occurrences_unaccounted"] == 0
    assert set(target.often().values()) == {1, 2}
    assert Counter(target.often()[one] for one in target.called("/none")) == {1: 1}


def test_kills_at_random_lose_nothing(db: Path, wall: Wall, target: Target) -> None:
    chance = random.Random(20_260_303)
    made: dict[str, dict[str, Any]] = {}
    answered: list[str] = []
    for _ in range(10):
        wall.to_minute(900)  # so that the minute comes while it starts, or soon after
        with served(db, wall=wall, max_calls=4) as tickd:
            for word in CATCH_UPS:
                made[word] = tickd.job(
                    name=word, schedule="* * * * *", catch_up=word, endpoint=target.url + "/" + word
                )
            until = time.monotonic() + chance.uniform(0, 0.3)
            while time.monotonic() < until:
                answered.append(tickd.trigger(made[chance.choice(CATCH_UPS)]))
            tickd.kill()
    with served(db, wall=wall) as tickd:
        # Nothing open may also mean that the newest minute is not recorded yet.
        for job in made.values():
            eventually(partial(settled, tickd, job, wall))
        metrics = tickd.metrics()
        assert metrics["tickd_occurrences_unaccounted"] == metrics["tickd_jobs_overdue"] == 0
        found = {word: tickd.executions(job) for word, job in made.items()}
    everything = {one["id"]: one for executions in found.values() for one in executions}
    assert len(answered) > 20
    assert set(answered) <= set(everything)
    assert {one["status"] for one in everything.values()} <= ENDED
    # Recorded before called; and a job that catches nothing up is called at most once a run.
    assert all(everything[called]["started_at"] for called in target.often())
    assert {target.often()[called] for called in target.called("/none")} == {1}
    assert query(db, "PRAGMA integrity_check") == [("ok",)]


def test_a_daemon_that_is_killed_has_answered_for_nothing_it_lost(db: Path, target: Target) -> None:
    """The kill comes while a caller waits for its 202: answered means recorded, unanswered may be either."""
    with served(db) as tickd:
        job = tickd.job(endpoint=target.url + "/run")
        answered = [tickd.trigger(job) for _ in range(5)]
        tickd.process.kill()
        with contextlib.suppress(OSError, http.client.HTTPException):
            answered.append(tickd.trigger(job))
    with served(db) as tickd:
        eventually(lambda: {one["status"] for one in tickd.executions(job)} == {"success"})
        assert set(answered) <= {one["id"] for one in tickd.executions(job)}
