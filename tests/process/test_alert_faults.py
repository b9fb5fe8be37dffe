"""Alerts on a full disk and under a clock that steps: nothing half-written, nothing lost, no storm."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.alert_kills import (
    FAST,
    Kind,
    Taker,
    all_told,
    assert_atomic,
    assert_told,
    make,
    taking,
)
from tests.process.test_faults import full_disk
from tests.support.process import Child, Wall, eventually, query, served
from tickd.domain import times

COUNTS = "SELECT (SELECT count(*) FROM incidents), (SELECT count(*) FROM alerts), (SELECT count(*) FROM held)"
STEPS = {"back": -times.HOUR, "forward": times.HOUR, "a day on": times.DAY}
ALERTS = 4
DOWN = "SELECT count(*), min(state), max(state) FROM alerts WHERE event = 'down'"


@pytest.fixture
def taker() -> Iterator[Taker]:
    """What is checked and run, and what takes the alerts."""
    with taking() as made:
        yield made


def grown(tickd: Child) -> None:
    """Let the database's log be longer than the daemon's own, which must still fit."""
    for number in range(20):
        tickd.job(name=f"filler {number}", payload="x" * 4_000)


def test_a_full_disk_puts_incidents_off_and_loses_no_alert(db: Path, taker: Taker) -> None:
    kinds: tuple[Kind, ...] = ("monitor", "job")
    with served(db, **FAST) as tickd:
        first, second = (make(tickd, taker, kind) for kind in kinds)
        # The run is under way when the disk is full; nobody could begin one then.
        gate = taker.gates[second.watched] = threading.Event()
        second.fail(tickd)
        grown(tickd)
        with full_disk(tickd):
            first.fail(tickd)
            gate.set()
            eventually(lambda: "will try again" in tickd.log)
            eventually(lambda: tickd.metrics()["tickd_history_waiting"] >= 2)
            assert {one.status(tickd) for one in (first, second)} == {"active"}
            assert query(db, COUNTS) == [(0, 0, 0)]
            assert taker.deliveries == []
        eventually(lambda: {one.status(tickd) for one in (first, second)} == {"failing"})
        eventually(lambda: len(taker.deliveries) == 2 and all_told(db))
        for one in (first, second):
            one.mend(tickd)
        eventually(lambda: query(db, COUNTS) == [(2, 4, 0)] and all_told(db))
        assert tickd.stop()[0] == 0
    assert_told(db, taker.deliveries)
    assert len(taker.deliveries) == 4
    assert query(db, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("is_killed", [False, True])
def test_what_was_delivered_and_could_not_be_noted_is_not_lost(
    db: Path, taker: Taker, is_killed: bool
) -> None:
    with served(db, **FAST) as tickd:
        subject = make(tickd, taker, "fail")
        grown(tickd)
        gate = taker.gates[subject.told] = threading.Event()
        subject.fail(tickd)
        eventually(lambda: taker.deliveries)
        with contextlib.suppress(ProcessLookupError), full_disk(tickd):
            gate.set()
            eventually(lambda: "will try again" in tickd.log)
            assert query(db, "SELECT state FROM alerts") == [("queued",)]
            if is_killed:
                tickd.kill()
        if not is_killed:
            # Whoever has taken it is not asked again.
            eventually(lambda: all_told(db))
            time.sleep(0.3)
    with served(db, **FAST) as tickd:
        eventually(lambda: all_told(db))
        assert tickd.stop()[0] == 0
    assert_told(db, taker.deliveries)
    assert len(taker.deliveries) == 1 + is_killed


@pytest.mark.parametrize("name", STEPS)
def test_a_clock_that_steps_while_alerts_are_retried_loses_none(
    db: Path, wall: Wall, taker: Taker, name: str
) -> None:
    with served(db, wall=wall, **FAST) as tickd:
        subjects = [make(tickd, taker, "fail", number) for number in range(ALERTS)]
        for one in subjects:
            taker.statuses[one.told] = 503
            one.fail(tickd)
        eventually(lambda: query(db, "SELECT count(*) FROM alerts WHERE attempts >= 1") == [(ALERTS,)])
        before = len(taker.deliveries)
        wall.step(STEPS[name])
        eventually(lambda: tickd.metrics()["tickd_clock_steps_total"] == 1)
        time.sleep(1)
        assert len(taker.deliveries) - before <= ALERTS * 4, "a storm"
        assert_atomic(db)
        assert query(db, DOWN) == [(ALERTS, "retrying", "retrying")]
        taker.statuses.clear()
        eventually(lambda: all_told(db), 35)
        assert tickd.stop()[0] == 0
    assert_told(db, taker.deliveries)
    assert query(db, DOWN) == [(ALERTS, "sent", "sent")]


def test_a_clock_that_steps_back_holds_up_no_alert(db: Path, wall: Wall, taker: Taker) -> None:
    with served(db, wall=wall, **FAST) as tickd:
        subject = make(tickd, taker, "fail")
        gate = taker.gates[subject.told] = threading.Event()
        subject.fail(tickd)
        eventually(lambda: taker.deliveries)
        wall.step(-times.HOUR)
        subject.mend(tickd)
        gate.set()
        eventually(lambda: query(db, "SELECT count(*) FROM alerts") == [(2,)] and all_told(db))
        assert_told(db, taker.deliveries)
        assert tickd.stop()[0] == 0
