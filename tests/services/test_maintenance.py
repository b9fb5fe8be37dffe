"""The calendar: what is in maintenance now, as it is asked for by checks and by incidents."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from tests.support.clock import FakeClock
from tests.support.daemon import NOON, opened
from tickd.domain import times, windows
from tickd.domain.alerts import About
from tickd.domain.incidents import Subject
from tickd.domain.maintenance import Window
from tickd.domain.windows import MaintenanceChange, MaintenanceCreation
from tickd.errors import Invalid, NotFound
from tickd.services.maintenance import OVER, Calendar, Maintenance
from tickd.store import maintenance
from tickd.store.database import Database

ACCOUNT = "acc_default"
MONITOR = (
    "INSERT INTO monitors (id, account_id, name, type, group_name, slug, public, paused, tags, options, "
    "state, failing, consecutive_failures, consecutive_successes, created_at, updated_at) "
    "VALUES (?, ?, 'm', 'http', '', ?, 1, 0, '[]', '{}', 'pending', 0, 0, 0, 0, 0)"
)


def with_monitors(tx: sqlite3.Connection) -> None:
    tx.execute("INSERT INTO accounts (id, name, created_at) VALUES ('acc_other', 'other', 0)")
    for identifier, account in (("mon_1", ACCOUNT), ("ssl_2", ACCOUNT), ("mon_9", "acc_other")):
        tx.execute(MONITOR, (identifier, account, identifier))


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await opened(tmp_path / "tickd.db")
    await database.write(with_monitors)
    yield database
    await database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


def subject(identifier: str = "mon_1", account: str = ACCOUNT, **more: Any) -> Subject:
    about = About("monitor", identifier, "m")
    plain: dict[str, Any] = {"row": 1, "severity": "major", "is_failing": True, "is_paused": False}
    return Subject(account_id=account, about=about, **(plain | more))


def creation(**said: Any) -> MaintenanceCreation:
    plain = {"name": "work", "starts_at": times.rfc3339(NOON), "ends_at": times.rfc3339(NOON + times.HOUR)}
    return MaintenanceCreation(**(plain | said))


def holds(calendar: Calendar, now: int, identifier: str = "mon_1", tags: Sequence[str] = ()) -> bool:
    return calendar.covers(ACCOUNT, identifier, tags, (), now)


async def test_what_is_planned_holds_once_it_is_committed(db: Database, clock: FakeClock) -> None:
    kept, told = Maintenance(db, clock, Calendar()), []
    kept.changed = lambda: told.append(holds(kept.calendar, NOON))
    made = await kept.create(ACCOUNT, creation(subjects=["mon_1"]))
    assert (made.active, made.next_starts_at, made.next_ends_at) == (True, None, NOON + times.HOUR)
    assert kept.calendar.current(subject(), NOON) == ("work", NOON + times.HOUR)
    assert kept.calendar.current(subject("ssl_2"), NOON) is None
    assert kept.calendar.current(subject(account="acc_other"), NOON) is None
    await kept.change(ACCOUNT, made.maintenance.id, MaintenanceChange(tags=["web"]))
    assert kept.calendar.current(subject(), NOON) is None
    assert kept.calendar.current(subject(tags=("db", "web")), NOON) == ("work", NOON + times.HOUR)
    await kept.delete(ACCOUNT, made.maintenance.id)
    assert kept.calendar.current(subject(tags=("db", "web")), NOON) is None
    assert told == [True, False, False]


async def test_what_is_refused_changes_nothing(db: Database, clock: FakeClock) -> None:
    kept, told = Maintenance(db, clock, Calendar()), []
    kept.changed = lambda: told.append("changed")
    with pytest.raises(Invalid, match="there is no mon_9"):
        await kept.create(ACCOUNT, creation(subjects=["mon_1", "ssl_2", "mon_9"]))
    with pytest.raises(NotFound):
        await kept.delete(ACCOUNT, "mnt_1")
    assert told == []
    made = await kept.create(ACCOUNT, creation(subjects=["mon_1", "ssl_2"]))
    with pytest.raises(Invalid, match="there is no job_7"):
        await kept.change(ACCOUNT, made.maintenance.id, MaintenanceChange(subjects=["job_7", "mon_1"]))
    with pytest.raises(NotFound):
        await kept.change("acc_other", made.maintenance.id, MaintenanceChange(all=True))
    assert told == ["changed"]
    assert await kept.get(ACCOUNT, made.maintenance.id) == made


async def test_a_subject_that_is_gone_does_not_hinder_a_change(db: Database, clock: FakeClock) -> None:
    kept = Maintenance(db, clock, Calendar())
    made = await kept.create(ACCOUNT, creation(subjects=["mon_1", "ssl_2"]))
    await db.write(lambda tx: tx.execute("DELETE FROM monitors WHERE id = 'ssl_2'").rowcount)
    again = MaintenanceChange(name="other", subjects=["mon_1", "ssl_2"])
    assert (await kept.change(ACCOUNT, made.maintenance.id, again)).maintenance.name == "other"


async def test_a_start_knows_what_is_planned(db: Database, clock: FakeClock) -> None:
    kept = Maintenance(db, clock, Calendar())
    await kept.create(ACCOUNT, creation(subjects=["mon_1"]))
    await kept.create("acc_other", creation(all=True, name="all"))
    weekly: dict[str, Any] = {"starts_at": UNSET, "ends_at": UNSET}
    weekly |= {"day": "daily", "start": "22:00", "end": "02:00", "timezone": "Asia/Kathmandu"}
    await kept.create(ACCOUNT, creation(tags=["web"], name="nightly", **weekly))
    again = Maintenance(db, clock, Calendar())
    await again.begin()
    night = NOON + 5 * times.HOUR
    for calendar in (kept.calendar, again.calendar):
        assert calendar.current(subject(), NOON) == ("work", NOON + times.HOUR)
        assert calendar.current(subject("mon_9", "acc_other"), NOON) == ("all", NOON + times.HOUR)
        assert calendar.current(subject(tags=("web",)), night) == ("nightly", NOON + 8.25 * times.HOUR)
        assert calendar.current(subject(), night) is None


def test_a_calendar_of_nothing_knows_own_windows() -> None:
    calendar, own = Calendar(), (Window("tuesday", "11:00", "13:00"),)
    assert calendar.covers(ACCOUNT, "mon_1", (), own, NOON)
    assert not calendar.covers(ACCOUNT, "mon_1", (), own, NOON + times.HOUR)
    assert not calendar.covers(ACCOUNT, "mon_1", (), (), NOON)
    assert calendar.current(subject(windows=own), NOON) == ("its own window", NOON + times.HOUR)
    assert calendar.current(subject(), NOON) is None


def planned(number: int = 0, **said: Any) -> windows.Maintenance:
    made = windows.create(
        creation(**said), identifier=f"mnt_{number}", account_id=ACCOUNT, now=NOON - times.DAY
    )
    return made


def test_what_is_long_over_is_left_out() -> None:
    calendar = Calendar()
    calendar.put(ACCOUNT, [planned(all=True)], NOON + times.HOUR + OVER - 1)
    assert holds(calendar, NOON)  # the clock was put back
    calendar.put(ACCOUNT, [planned(all=True)], NOON + times.HOUR + OVER)
    assert not holds(calendar, NOON)


ids_of = st.sampled_from(("mon_1", "ssl_2", "hb_3"))
tags_of = st.sampled_from(("web", "db", "eu"))
quarters = st.integers(-16, 16).map(lambda quarter: NOON + quarter * 15 * times.MINUTE)


@st.composite
def plans(draw: st.DrawFn) -> windows.Maintenance:
    covered: dict[str, Any] = draw(
        st.one_of(
            st.just({"all": True}),
            st.lists(ids_of, min_size=1).map(lambda found: {"subjects": found}),
            st.lists(tags_of, min_size=1).map(lambda found: {"tags": found}),
        )
    )
    number = draw(st.integers(0, 99))
    if draw(st.booleans()):
        start = draw(quarters)
        end = start + draw(st.integers(1, 16)) * 15 * times.MINUTE
        said: dict[str, Any] = {"starts_at": times.rfc3339(start), "ends_at": times.rfc3339(end)}
        return planned(number, name=f"n{number}", **covered, **said)
    start = draw(st.integers(0, 23))
    said = {"starts_at": UNSET, "ends_at": UNSET, "start": f"{start:02d}:00"}
    said |= {"end": f"{(start + draw(st.integers(1, 23))) % 24:02d}:00"}
    said |= {"day": draw(st.sampled_from(("daily", "monday", "tuesday", "wednesday")))}
    said |= {"timezone": draw(st.sampled_from(("UTC", "America/New_York", "Asia/Kathmandu")))}
    return planned(number, name=f"n{number}", **covered, **said)


@settings(max_examples=60)
@given(
    st.lists(plans(), max_size=6),
    st.lists(st.tuples(quarters, ids_of, st.lists(tags_of, max_size=2)), max_size=20),
    st.booleans(),
)
def test_the_calendar_says_what_a_look_at_every_plan_says(
    plans: list[windows.Maintenance], asked: list[tuple[int, str, list[str]]], own: bool
) -> None:
    """In whatever order it is asked, and whatever it remembers of the answer before."""
    calendar, mine = Calendar(), (Window("tuesday", "11:00", "12:15"),) if own else ()
    calendar.put(ACCOUNT, plans, NOON - times.DAY)

    def holding(now: int, identifier: str, tags: list[str]) -> list[str]:
        found = [
            one.name
            for one in plans
            if windows.ends_at(one, now) is not None
            and (one.all or identifier in one.subjects or set(one.tags) & set(tags))
        ]
        in_own = own and NOON - times.HOUR <= now < NOON + 15 * times.MINUTE
        return found + ["its own window"] * in_own

    for now, identifier, tags in asked:
        found = holding(now, identifier, tags)
        current = calendar.current(subject(identifier, tags=tuple(tags), windows=mine), now)
        assert calendar.covers(ACCOUNT, identifier, tags, mine, now) == bool(found) == (current is not None)
        if current is not None:
            name, end = current
            assert name in found
            # No pause before its end, and one at its end, where that is not too far to look.
            steps = range(now, min(end, now + times.DAY), 15 * times.MINUTE)
            assert all(holding(step, identifier, tags) for step in steps)
            if end < now + 8 * times.DAY:
                assert not holding(end, identifier, tags)


async def test_two_threads_ask_while_it_changes() -> None:
    calendar, wrong, stop = Calendar(), [], threading.Event()
    always = planned(all=True, starts_at=times.rfc3339(NOON), ends_at=times.rfc3339(NOON + times.DAY))

    def ask() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            now = NOON + number % 3 * times.DAY
            if holds(calendar, now) != (now < NOON + times.DAY):
                wrong.append(now)

    calendar.put(ACCOUNT, [always], NOON)
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(2_000):
        more = [planned(n, tags=[f"t{n}"]) for n in range(number % 5)]
        calendar.put(ACCOUNT, [always, *more], NOON)
        calendar.put(f"acc_{number % 7}", [always], NOON)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


async def test_pages_and_what_they_hold(db: Database, clock: FakeClock) -> None:
    kept = Maintenance(db, clock, Calendar())
    hours = {"over": -2, "active": 0, "planned": 2}
    for name in ("c", "a", "b"):
        for status, hour in hours.items():
            start = NOON + hour * times.HOUR
            said = {"starts_at": times.rfc3339(start), "ends_at": times.rfc3339(start + times.HOUR)}
            await kept.create(ACCOUNT, creation(name=f"{name} {status}", all=True, **said))

    async def names(status: Any, limit: int = 100, offset: int = 0) -> tuple[list[str], int]:
        found, total = await kept.page(ACCOUNT, status=status, limit=limit, offset=offset)
        return [one.maintenance.name for one in found], total

    assert await names("active") == (["a active", "b active", "c active"], 3)
    assert await names("over", 1, 1) == (["b over"], 3)
    assert await names("planned", 5, 5) == ([], 3)
    assert await names(None, 4, 2) == (["a planned", "b active", "b over", "b planned"], 9)
    clock.set(NOON + times.HOUR)
    assert await names("active") == ([], 0)
    assert (await kept.page("acc_other", status=None, limit=9, offset=0)) == ([], 0)
    plan = await db.fetch("EXPLAIN QUERY PLAN " + maintenance.PAGE, (ACCOUNT, 1, 0))
    assert [step[3] for step in plan] == [
        "SEARCH maintenance USING INDEX maintenance_by_account (account_id=?)"
    ]
