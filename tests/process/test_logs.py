"""What the daemon says of itself: lines that a machine reads, and no secret in any of them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.process.target import Target
from tests.support.daemon import KEY
from tests.support.process import eventually, served

SECRET = "whsec_c2lnbmluZyBzZWNyZXQgb2YgdGhlIGpvYg=="
PASSWORD = "open-sesame-please"


def test_the_log_tells_the_story_and_no_secret(db: Path, target: Target) -> None:
    target.statuses["/run"] = 500
    with served(db, log_level="debug") as tickd:
        job = tickd.job(
            endpoint=target.url + "/run",
            signing_secret=SECRET,
            headers={"Authorization": f"Bearer {PASSWORD}"},
            body=f'{{"password": "{PASSWORD}"}}',
            completion="callback",
        )
        tickd.trigger(job)
        eventually(lambda: tickd.executions(job, "failed"))
        target.statuses["/run"] = 202
        execution = tickd.trigger(job)
        eventually(lambda: tickd.execution(execution)["status_code"] == 202)
        done = target.headers[-1]["x-tickd-done-url"].removeprefix(tickd.url)
        assert tickd.call("POST", done, key=None).status == 200
        assert tickd.execution(execution)["status"] == "success"
        assert tickd.call("GET", "/v1/jobs", key="tk_guessed_key_of_a_stranger").status == 401
        metrics = tickd.metrics()
        assert tickd.stop()[0] == 0
    lines = [json.loads(line) for line in tickd.log.splitlines()]
    assert all({"time", "level", "event", "logger"} <= set(line) for line in lines)
    events = [line["event"] for line in lines if line["logger"].startswith("tickd")]
    told = ["started", "job fired", "job is failing", "job fired", "job recovered", "stopping", "stopped"]
    assert [one for one in events if one in told] == told
    (failing,) = (line for line in lines if line["event"] == "job is failing")
    assert failing["error"] == "the endpoint answered 500 Internal Server Error"
    assert failing["level"] == "error"
    assert metrics['tickd_executions_finished_total{status="success"}'] == 1
    assert metrics['tickd_executions_finished_total{status="failed"}'] == 1
    token = done.rpartition("/")[2]
    sent = {headers["authorization"] for headers in target.headers}
    assert sent == {f"Bearer {PASSWORD}"}
    for secret in (KEY, SECRET, PASSWORD, token, "tk_guessed_key_of_a_stranger"):
        assert secret not in tickd.log + tickd.out
