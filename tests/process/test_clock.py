"""The wall clock steps, the daemon is away for days: every occurrence has one row and its reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.process.target import Target
from tests.support.process import Child, Wall, eventually, query, served
from tickd.domain import times

CATCH_UPS = ("last", "none", "all")
DOUBLED = "SELECT job, scheduled_at FROM executions GROUP BY 1, 2 HAVING count(*) > 1"


def at_rest(tickd: Child) -> bool:
    """Whether everything that was due has its row and its end."""
    metrics = tickd.metrics()
    return not any(
        metrics[name]
        for name in (
            "tickd_jobs_overdue",
            'tickd_executions_open{status="pending"}',
            'tickd_executions_open{status="running"}',
        )
    )


def fates(executions: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """How many executions there are of each trigger and status."""
    return Counter((one["trigger"], one["status"]) for one in executions)


def test_an_hour_forward_is_accounted_for(db: Path, wall: Wall, target: Target) -> None:
    wall.to_minute(30_000)
    with served(db, wall=wall) as tickd:
        jobs = {
            word: tickd.job(name=word, schedule="* * * * *", catch_up=word, endpoint=target.url + "/run")
            for word in CATCH_UPS
        }
        wall.step(times.HOUR)
        eventually(lambda: len(target.calls) == 62)
        eventually(lambda: at_rest(tickd))
        for word in ("last", "none"):
            executions = tickd.executions(jobs[word])
            assert fates(executions) == {("schedule", "missed"): 59, ("schedule", "success"): 1}
            assert executions[0]["status"] == "success"
            reason = executions[-1]["error"]
            assert reason.startswith("the clock jumped or the machine was suspended from 20")
        assert fates(tickd.executions(jobs["all"])) == {
            ("catch_up", "success"): 59,
            ("schedule", "success"): 1,
        }
        metrics = tickd.metrics()
        assert metrics["tickd_occurrences_scheduled_total"] == 180
        assert metrics["tickd_occurrences_unaccounted"] == 0
        assert metrics["tickd_clock_steps_total"] == 1
    assert query(db, DOUBLED) == []


def test_an_hour_back_fires_nothing_twice(db: Path, wall: Wall, target: Target) -> None:
    minute = wall.to_minute(30_000)
    with served(db, wall=wall) as tickd:
        job = tickd.job(schedule="* * * * *", endpoint=target.url + "/run")
        wall.step(minute - wall.now())
        (first,) = eventually(lambda: target.called("/run"))
        wall.step(-times.HOUR)
        eventually(lambda: tickd.metrics()["tickd_clock_steps_total"] == 2)
        # Within three hours the plan stands, as for Debian's cron: nothing until the clock has caught up.
        assert tickd.call("GET", f"/v1/jobs/{job['id']}").json["next_run_at"] == times.rfc3339(
            minute + times.MINUTE
        )
        wall.step(minute - 100 - wall.now())
        eventually(lambda: tickd.metrics()["tickd_clock_steps_total"] == 3)
        assert wall.now() > minute
        assert target.called("/run") == [first]
        wall.step(times.MINUTE)
        eventually(lambda: len(tickd.executions(job, "success")) == 2)
        assert tickd.metrics()["tickd_occurrences_unaccounted"] == 0
    assert query(db, DOUBLED) == []
    assert len(target.calls) == 2


def test_a_correction_of_five_hours_begins_plans_anew(db: Path, wall: Wall, target: Target) -> None:
    wall.to_minute(30_000)
    with served(db, wall=wall) as tickd:
        job = tickd.job(schedule="* * * * *", endpoint=target.url + "/run")
        wall.step(-5 * times.HOUR)
        minute = (wall.now() // times.MINUTE + 1) * times.MINUTE

        def planned() -> bool:
            found = tickd.call("GET", f"/v1/jobs/{job['id']}").json
            return bool(found["next_run_at"] == times.rfc3339(minute))

        eventually(planned)
        wall.step(minute - wall.now())
        eventually(lambda: tickd.executions(job, "success"))
        assert [one["scheduled_at"] for one in tickd.executions(job)] == [times.rfc3339(minute)]
        assert tickd.metrics()["tickd_occurrences_unaccounted"] == 0


def test_three_days_away_are_accounted_for(db: Path, wall: Wall, target: Target) -> None:
    wall.to_minute(30_000)
    every, ten = "* * * * *", f"{(wall.now() // times.MINUTE - 4) % 10}-59/10 * * * *"
    with served(db, wall=wall) as tickd:
        jobs = {
            (schedule, word): tickd.job(
                name=f"{word} {schedule}", schedule=schedule, catch_up=word, endpoint=target.url + "/run"
            )
            for schedule in (every, ten)
            for word in CATCH_UPS
        }
        away = times.rfc3339(wall.now())[:16]
        assert tickd.stop()[0] == 0
    wall.step(3 * times.DAY)
    back = times.rfc3339(wall.now())[:16]
    with served(db, wall=wall) as tickd:
        eventually(lambda: at_rest(tickd) and len(target.calls) == 1 + 1 + 100 + 1 + 0 + 100)
        found = {key: tickd.executions(job) for key, job in jobs.items()}
        metrics = tickd.metrics()
    assert metrics["tickd_occurrences_scheduled_total"] == 3 * 4_320 + 3 * 432
    assert metrics["tickd_occurrences_unaccounted"] == 0
    assert query(db, DOUBLED) == []
    on_time, caught_up, missed = ("schedule", "success"), ("catch_up", "success"), ("schedule", "missed")
    # Of the minutes the latest is on time, and so the last; of the tens it was four minutes ago.
    assert fates(found[every, "last"]) == {on_time: 1, missed: 4_319}
    assert fates(found[every, "none"]) == {on_time: 1, missed: 4_319}
    assert fates(found[every, "all"]) == {on_time: 1, caught_up: 99, missed: 4_220}
    assert fates(found[ten, "last"]) == {caught_up: 1, missed: 431}
    assert fates(found[ten, "none"]) == {missed: 432}
    assert fates(found[ten, "all"]) == {caught_up: 100, missed: 332}
    (reason,) = {one["error"] for executions in found.values() for one in executions if one["error"]}
    assert reason.startswith(f"tickd was not running from {away}")
    assert f" to {back}" in reason
