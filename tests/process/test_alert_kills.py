"""kill -9 at every point between the failing check and the delivered alert: none is lost, none is doubled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process.alert_kills import (
    FAST,
    KINDS,
    Kind,
    Stage,
    Subject,
    Taker,
    all_told,
    assert_atomic,
    assert_told,
    at_random,
    locked,
    make,
    taking,
)
from tests.support.process import Child, eventually, query, served

Act = Callable[[Subject, Child], None]
KILLS = 15
ACTS: tuple[Act, ...] = (Subject.fail, Subject.mend)
EARLY_SECS = 0.03


@pytest.fixture
def taker() -> Iterator[Taker]:
    """What is checked and run, and what takes the alerts."""
    with taking() as made:
        yield made


def gone(tickd: Child, taker: Taker, stage: Stage, path: str, act: Callable[[], None]) -> None:
    """Act, and have the other side of a request kill the daemon at that stage."""
    done = taker.at(stage, path, tickd.process.kill)
    act()
    assert done.wait(10), f"nothing came to {path}"
    tickd.process.wait(5)


# Until there is an alert.


def interrupted(tickd: Child, taker: Taker, subject: Subject, act: Act) -> None:
    """Kill it while the check, the run or the ping that it would flip at is under way."""
    if subject.kind in ("monitor", "job"):
        gone(tickd, taker, "head", subject.watched, lambda: act(subject, tickd))
        return
    if subject.kind == "expiry" and act is Subject.fail:
        act(subject, tickd)
        ((due_at,),) = query(tickd.db, "SELECT due_at FROM heartbeats")
        time.sleep(due_at / 1000 - EARLY_SECS - time.time())
    else:
        subject.half_ping(tickd, "/fail" if act is Subject.fail else "")
    tickd.kill()


def committed(db: Path, act: Act) -> bool:
    """Whether the flip is on the disk, and with it its alert, which nobody has taken yet."""
    status, event = ("open", "%") if act is Subject.fail else ("resolved", "recovered")
    sql = (
        "SELECT 1 FROM incidents JOIN alerts ON alerts.incident = incidents.row "
        "WHERE status = ? AND event LIKE ? AND alerts.state = 'queued' AND attempts = 0"
    )
    return query(db, sql, status, event) == [(1,)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_until_the_alert_is_queued_loses_and_doubles_nothing(
    db: Path, taker: Taker, kind: Kind
) -> None:
    with served(db, **FAST) as tickd:
        subject = make(tickd, taker, kind)
        interrupted(tickd, taker, subject, Subject.fail)
    for act in ACTS:
        assert_atomic(db)
        gate = taker.gates[subject.told] = threading.Event()
        with served(db, **FAST) as tickd:
            if kind in ("expiry", "fail"):
                # Who was not answered pings again; the deadline that passed meanwhile was put off.
                act(subject, tickd)
            eventually(lambda act=act: committed(db, act))  # type: ignore[misc]
            tickd.kill()
        gate.set()
        assert_atomic(db)
        with served(db, **FAST) as tickd:
            eventually(lambda: all_told(db))
            assert_told(db, taker.deliveries)
            if act is Subject.fail:
                assert subject.status(tickd) == "failing"
                interrupted(tickd, taker, subject, Subject.mend)
            else:
                assert subject.status(tickd) == "active"
                assert tickd.stop()[0] == 0
    assert query(db, "SELECT status FROM incidents") == [("resolved",)]
    assert len({one.alert for one in taker.deliveries}) == 2
    assert query(db, "PRAGMA integrity_check") == [("ok",)]


# Until it is delivered.


def tried(db: Path, state: str, count: int) -> bool:
    """Whether so many alerts have been tried, of which the last is in that state."""
    found = query(db, "SELECT state, attempts FROM alerts ORDER BY row")
    return len(found) == count and found[-1][0] == state and found[-1][1] >= 1


def delivering(tickd: Child, taker: Taker, subject: Subject, point: str, act: Act) -> None:
    """Kill it at that point of the delivery of what `act` tells."""
    count = 1 if act is Subject.fail else 2
    if point == "answered":
        with ExitStack() as stack:
            # Taken, but the daemon can't note it.
            lock = taker.at("body", subject.told, lambda: stack.enter_context(locked(tickd.db)))
            gone(tickd, taker, "answered", subject.told, lambda: act(subject, tickd))
            assert lock.is_set()
        assert not tried(tickd.db, "sent", count)
    elif point in ("refused", "sent"):
        if point == "refused":
            taker.statuses[subject.told] = 503
        act(subject, tickd)
        state = "retrying" if point == "refused" else "sent"
        eventually(lambda: tried(tickd.db, state, count))
        tickd.kill()
        taker.statuses.pop(subject.told, None)
    else:
        stage: dict[str, Stage] = {"connected": "connect", "head": "head", "body": "body"}
        gone(tickd, taker, stage[point], "/told", lambda: act(subject, tickd))


@pytest.mark.parametrize(
    ("point", "kind", "repeats"),
    [
        ("connected", "monitor", None),
        ("head", "fail", None),
        ("body", "job", 1),
        ("answered", "monitor", 1),
        ("refused", "expiry", 1),
        ("sent", "fail", 0),
    ],
)
def test_a_kill_while_the_alert_is_delivered_loses_and_doubles_nothing(
    db: Path, taker: Taker, point: str, kind: Kind, repeats: int | None
) -> None:
    with served(db, **FAST) as tickd:
        subject = make(tickd, taker, kind)
        delivering(tickd, taker, subject, point, Subject.fail)
    assert_atomic(db)
    with served(db, **FAST) as tickd:
        eventually(lambda: all_told(db))
        assert_told(db, taker.deliveries)
        delivering(tickd, taker, subject, point, Subject.mend)
    assert_atomic(db)
    with served(db, **FAST) as tickd:
        eventually(lambda: all_told(db))
        assert subject.status(tickd) == "active"
        assert tickd.stop()[0] == 0
    assert_told(db, taker.deliveries)
    assert query(db, "SELECT status FROM incidents") == [("resolved",)]
    begun, ended = dict.fromkeys(one.alert for one in taker.deliveries)
    if repeats is not None:
        often = [sum(one.alert == alert for one in taker.deliveries) for alert in (begun, ended)]
        assert often == [1 + repeats] * 2


# Anywhere.


def test_kills_at_random_lose_and_double_no_alert(db: Path, taker: Taker) -> None:
    figures = at_random(db, taker, KILLS)
    assert figures.incidents >= 16
    assert figures.traps > 0
    assert figures.repeats > 0
    assert query(db, "PRAGMA integrity_check") == [("ok",)]
