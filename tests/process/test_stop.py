"""SIGTERM and SIGINT: in order, within the grace, with exit status 0."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.process.target import Target
from tests.support.process import eventually, query, served

ROW = "SELECT status, reason, attempts, interruptions FROM executions"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_daemon_stops_at_once(db: Path, number: signal.Signals) -> None:
    with served(db) as tickd:
        status, seconds = tickd.stop(number)
    assert status == 0, tickd.log
    assert seconds < 2
    assert [path.name for path in db.parent.glob("tickd.db-*al")] == []
    assert query(db, "PRAGMA integrity_check") == [("ok",)]


def test_a_call_that_ends_within_the_grace_is_recorded(db: Path, target: Target) -> None:
    endpoint = target.hold("/slow")
    with served(db, stop_grace_secs=7) as tickd:
        tickd.trigger(tickd.job(endpoint=endpoint))
        eventually(lambda: target.called("/slow"))
        tickd.process.send_signal(signal.SIGTERM)
        eventually(lambda: '"stopping"' in tickd.log)
        # A second signal is as good as one, of whichever kind.
        tickd.process.send_signal(signal.SIGINT)
        with pytest.raises(OSError):
            tickd.call("GET", "/healthz")
        target.release("/slow")
        assert tickd.process.wait(2) == 0
    assert query(db, ROW) == [("success", "", 1, 0)]


def test_a_call_that_outlasts_the_grace_is_taken_up_at_the_next_start(db: Path, target: Target) -> None:
    endpoint = target.hold("/slow")
    with served(db, stop_grace_secs=1) as tickd:
        job = tickd.job(endpoint=endpoint)
        execution = tickd.trigger(job)
        eventually(lambda: target.called("/slow"))
        status, seconds = tickd.stop()
    assert status == 0
    assert 1 <= seconds < 3  # so that the longest, 7 s, keeps a stop under 10
    assert query(db, ROW) == [("running", "cut off at shutdown, after a grace of 1 s", 1, 0)]
    target.release("/slow")
    with served(db) as tickd:
        ended = eventually(lambda: tickd.executions(job, "success"))
    assert [one["id"] for one in ended] == [execution]
    assert target.called("/slow") == [execution, execution]
    assert query(db, ROW) == [("success", "interrupted by restart; begun again", 2, 1)]
