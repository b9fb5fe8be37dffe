"""Firing with the real SDK, the real file and the minute of the wall clock."""

from __future__ import annotations

from pathlib import Path

from tickstem.cron import CronClient, RegisterParams

from tests.process.target import Target
from tests.support.daemon import KEY
from tests.support.process import Wall, eventually, served
from tickd.domain import times


def test_a_job_of_the_sdk_is_called_on_its_minute(db: Path, wall: Wall, target: Target) -> None:
    minute = wall.to_minute(30_000)
    with (
        served(db, wall=wall) as tickd,
        CronClient(KEY, base_url=tickd.url + "/v1") as client,
    ):
        job = client.register(RegisterParams("nightly", "* * * * *", target.url + "/run", method="PUT"))
        assert job.next_run_at == times.rfc3339(minute)
        assert client.executions(job.id) == []
        wall.step(minute - 1_500 - wall.now())
        (called,) = eventually(lambda: target.called("/run"))
        late = wall.now() - minute
        eventually(lambda: [one for one in client.executions(job.id) if one.status == "success"])
        (execution,) = client.executions(job.id)
        assert (execution.id, execution.status_code) == (called, 200)
        again = client.get(job.id)
        assert again.next_run_at == times.rfc3339(minute + times.MINUTE)
    assert 0 <= late < 2_000
    (headers,) = target.headers
    assert headers["x-tickd-scheduled-at"] == times.rfc3339(minute)
    assert headers["x-tickstem-job-id"] == job.id
