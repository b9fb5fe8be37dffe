"""Pinging: one commit for many, who is let in and how often, and pings that race a person."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.services.hearing import ACCOUNT, Hearing, due, hearing, slow
from tests.support.daemon import NOON, eventually
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.pings import Event, Said
from tickd.domain.times import HOUR, MINUTE, SECOND
from tickd.errors import Forbidden, NotFound, TooMany
from tickd.services.pinging import REFUSALS_LOGGED, RUNS_MOST

HOME, AWAY = "10.0.0.7", "203.0.113.9"


@pytest.fixture
async def ears(tmp_path: Path) -> AsyncIterator[Hearing]:
    async with hearing(tmp_path / "t.db") as made:
        yield made


async def refusals(ears: Hearing, made: Heartbeat, count: int) -> list[Event]:
    """The refused pings in its history, once there are so many."""

    async def found() -> list[Event] | None:
        logged = [event for event in await ears.events(made) if not event.accepted]
        return logged if len(logged) >= count else None

    kept: list[Event] = await eventually(found)
    return kept


# Many at once.


async def test_a_burst_is_one_commit(ears: Hearing) -> None:
    made = [await ears.made(name=f"n{number}") for number in range(10)]
    before = ears.db.stats.commits
    said = [Said(kind="success" if number % 2 else "log") for number in range(100)]
    await asyncio.gather(*(ears.ping(made[number % 10], one) for number, one in enumerate(said)))
    assert ears.db.stats.commits == before + 1
    assert await ears.stored("SELECT count(*) FROM heartbeat_events") == [(100,)]
    assert ears.pinging.taken == {"success": 50, "log": 50}


async def test_one_that_can_not_be_stored_takes_no_other_with_it(ears: Hearing) -> None:
    made, gone = await ears.made(), await ears.made(name="gone")
    door = ears.pinging.doors.by_id(gone.id)
    await ears.heartbeats.delete(ACCOUNT, gone.id)
    ears.pinging.doors._put(door)
    pings = [ears.ping(made, Said(rid=f"r{number}")) for number in range(5)]
    unreadable = ears.ping(made, Said(message="\ud800", metrics={"a": 1.0}))
    answers = await asyncio.gather(*pings, unreadable, ears.ping(gone), return_exceptions=True)
    assert [getattr(answer, "state", type(answer)) for answer in answers] == [
        *["up"] * 5,
        UnicodeEncodeError,
        NotFound,
    ]
    assert await ears.stored("SELECT rid FROM heartbeat_events ORDER BY row") == [
        (f"r{number}",) for number in range(5)
    ]
    assert (await ears.shown(made)).metrics == {}
    assert (await ears.shown(made)).checks_total == 5


async def test_whoever_hangs_up_has_pinged_all_the_same(ears: Hearing) -> None:
    made = await ears.made()
    impatient = asyncio.create_task(ears.ping(made))
    patient = asyncio.create_task(ears.ping(made))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    with contextlib.suppress(asyncio.CancelledError):
        await impatient
    assert len(await ears.events(made)) == 2
    assert ears.pinging.doors.arriving() == {}


async def test_so_many_runs_are_open_and_no_more(ears: Hearing) -> None:
    made = await ears.made(grace_secs=600)
    starts = [ears.ping(made, Said(kind="start", rid=str(number))) for number in range(RUNS_MOST + 1)]
    answers = await asyncio.gather(*starts, return_exceptions=True)
    assert [type(answer).__name__ for answer in answers] == ["Taken"] * RUNS_MOST + ["TooMany"]
    await ears.ping(made, Said(kind="start", rid="0"))
    await ears.ping(made, Said(rid="7"))
    await ears.ping(made, Said(kind="start", rid="new"))
    assert len(await ears.stored("SELECT * FROM open_runs")) == RUNS_MOST


async def test_a_run_lasts_from_its_own_start(ears: Hearing) -> None:
    made = await ears.made(grace_secs=3600)
    for rid in ("a", "b", ""):
        await ears.ping(made, Said(kind="start", rid=rid))
        await ears.clock.advance(10)
    await ears.ping(made, Said(kind="start", rid="a"))
    await ears.clock.advance(1)
    for rid in ("a", "b", "", "none", "a"):
        await ears.ping(made, Said(rid=rid))
    ended = [event.duration_ms for event in await ears.events(made) if event.kind == "success"]
    assert ended == [SECOND, 21 * SECOND, 11 * SECOND, None, None]


@pytest.mark.parametrize("said", [Said(), Said(kind="fail")])
async def test_a_run_ends_though_the_clock_was_set_back_meanwhile(ears: Hearing, said: Said) -> None:
    made = await ears.made(grace_secs=600)
    await ears.ping(made, Said(kind="start"))
    ears.clock.step(-5)
    await ears.ping(made, said)
    assert await ears.stored("SELECT rid FROM open_runs") == []
    assert (await ears.events(made))[-1].duration_ms == 0


# Doors.


async def test_who_is_not_on_the_list_is_refused_and_logged_ten_times_a_minute(ears: Hearing) -> None:
    made = await ears.made(allowed_ips=["10.0.0.0/8"])
    other = await ears.made(name="other", allowed_ips=["10.0.0.0/8"])
    await ears.ping(made, source=HOME)
    for _ in range(REFUSALS_LOGGED + 15):
        with pytest.raises(Forbidden, match="IP not allowed"):
            await ears.ping(made, Said(kind="fail"), source=AWAY)
    logged = await refusals(ears, made, REFUSALS_LOGGED)
    assert len(logged) == REFUSALS_LOGGED
    assert (logged[0].source_ip, logged[0].user_agent, logged[0].message) == (AWAY, "test", "IP not allowed")
    assert (await ears.shown(made)).standing.state == "up"
    assert ears.pinging.refused["address"] == REFUSALS_LOGGED + 15
    with pytest.raises(Forbidden):
        await ears.ping(other, source=AWAY)
    await refusals(ears, other, 1)
    await ears.clock.advance(60)
    with pytest.raises(Forbidden):
        await ears.ping(made, source=AWAY)
    await refusals(ears, made, REFUSALS_LOGGED + 1)


async def test_a_heartbeat_takes_so_many_pings_in_any_60_seconds(ears: Hearing) -> None:
    made, other = await ears.made(), await ears.made(name="other")
    for _ in range(10):
        await ears.ping(made, per_minute=10)
        await ears.clock.advance(2)
    with pytest.raises(TooMany, match="10 in 60 s are let in") as refused:
        await ears.ping(made, per_minute=10)
    assert refused.value.retry_after == 40
    await ears.ping(other, per_minute=10)
    await ears.ping(made)  # a path without a limit
    await ears.clock.advance(39.9)
    with pytest.raises(TooMany) as refused:
        await ears.ping(made, per_minute=10)
    assert refused.value.retry_after == 1
    await ears.clock.advance(0.1)
    await ears.ping(made, per_minute=10)
    with pytest.raises(TooMany):
        await ears.ping(made, per_minute=10)
    assert len(await refusals(ears, made, 3)) == 3
    assert ears.pinging.refused["rate"] == 3


async def test_its_own_limit_comes_before_that_of_the_path(ears: Hearing) -> None:
    few, many = await ears.made(max_pings_per_minute=2), await ears.made(name="b", max_pings_per_minute=12)
    for _ in range(2):
        await ears.ping(few)
    for _ in range(12):
        await ears.ping(many, per_minute=10)
    for made in (few, many):
        with pytest.raises(TooMany):
            await ears.ping(made, per_minute=10)
    await ears.edit(few, max_pings_per_minute=3)
    await ears.ping(few)
    with pytest.raises(TooMany):
        await ears.ping(few)


async def test_replays_are_bound_by_its_own_limit_alone(ears: Hearing) -> None:
    made, bound = await ears.made(), await ears.made(name="bound", max_pings_per_minute=3)
    for number in range(20):
        await ears.ping(made, Said(sent_at=NOON - number * SECOND), per_minute=10)
    for number in range(3):
        await ears.ping(bound, Said(sent_at=NOON - number * SECOND), per_minute=10)
    with pytest.raises(TooMany):
        await ears.ping(bound, Said(sent_at=NOON - HOUR), per_minute=10)


async def test_doors_are_read_at_the_start_however_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickd.services.doors.LOAD", 2)
    async with hearing(tmp_path / "t.db") as ears:
        made = [
            await ears.made(name=f"n{number}", allowed_ips=[HOME], max_pings_per_minute=1)
            for number in range(5)
        ]
    async with hearing(tmp_path / "t.db") as ears:
        for one in made:
            assert ears.pinging.doors.by_token(one.token) is ears.pinging.doors.by_token(one.short_token)
            await ears.ping(one, source=HOME)
            with pytest.raises(Forbidden):
                await ears.ping(one, source=AWAY)
            with pytest.raises(TooMany):
                await ears.ping(one, source=HOME)


@pytest.mark.parametrize("token", ["", "0", "x" * 16, "f" * 64, "é", "\ud800", "../../etc/passwd"])
async def test_an_unknown_token_leads_nowhere(ears: Hearing, token: str) -> None:
    await ears.made()
    try:
        ears.pinging.doors.by_token(token)
    except (NotFound, UnicodeEncodeError):  # a path is decoded with its errors replaced: no surrogates
        return
    raise AssertionError(token)


# Races with a person.


async def test_a_paused_heartbeat_logs_its_pings_and_that_is_all(ears: Hearing) -> None:
    made = await ears.made()
    await ears.ping(made, Said(kind="fail"))
    before = await ears.edit(made, status="paused")
    for said in (Said(), Said(kind="start"), Said(kind="fail", metrics={"a": 1.0}), Said(sent_at=NOON)):
        taken = await ears.ping(made, said)
        assert (taken.paused, taken.state, taken.due_at, taken.flip) == (True, "down", None, None)
    assert await ears.shown(made) == before
    assert [event.accepted for event in await ears.events(made)] == [True] + [False] * 4
    assert await ears.stored("SELECT * FROM open_runs") == []
    assert ears.pinging.taken["paused"] == 4


async def test_a_pause_forgets_what_runs(ears: Hearing) -> None:
    made = await ears.made(grace_secs=60)
    await ears.ping(made, Said(kind="start"))
    await ears.edit(made, status="paused")
    await ears.edit(made, status="active")
    await ears.pass_time(HOUR)
    assert ears.expiry.misses == 0
    assert (await ears.ping(made)).state == "up"
    assert (await ears.events(made))[-1].duration_ms is None


async def test_what_is_deleted_while_a_ping_arrives_is_not_found_and_leaves_nothing(ears: Hearing) -> None:
    made = await ears.made()
    await ears.ping(made)
    ping = await slow(ears, made)
    await ears.heartbeats.delete(ACCOUNT, made.id)
    await ears.upkeep.tick(ears.clock.now())
    with pytest.raises(NotFound, match="deleted"):
        await ping.end()
    assert await ears.stored("SELECT * FROM heartbeat_events") == []
    with pytest.raises(NotFound):
        ears.pinging.doors.by_token(made.token)
    with pytest.raises(NotFound):
        ears.pinging.doors.by_id(made.id)
    assert ears.pinging.doors.arriving() == {}


async def test_a_ping_that_is_refused_after_a_delete_leaves_nothing(ears: Hearing) -> None:
    made = await ears.made(max_pings_per_minute=1)
    await ears.ping(made)
    ping = await slow(ears, made)
    await ears.heartbeats.delete(ACCOUNT, made.id)
    await ears.upkeep.tick(ears.clock.now())
    ears.pinging.doors.wait_secs(ears.pinging.doors._by_id.get(made.id) or ping.door, 1, 1000.0)
    with pytest.raises((NotFound, TooMany)):
        await ping.end()
    await ears.stored("SELECT 1")  # what waited was written with it
    await ears.upkeep.tick(ears.clock.now())
    assert await ears.stored("SELECT * FROM heartbeat_events") == []


async def test_a_ping_that_arrives_while_the_token_is_rotated_counts(ears: Hearing) -> None:
    made = await ears.made()
    ping = await slow(ears, made)
    rotated = await ears.heartbeats.rotate(ACCOUNT, made.id)
    assert (await ping.end()).state == "up"
    for token in (made.token, made.short_token):
        with pytest.raises(NotFound):
            ears.pinging.doors.by_token(token)
    for token in (rotated.token, rotated.short_token):
        assert ears.pinging.doors.by_token(token).id == made.id
    assert due(await ears.shown(made)) == HOUR + 5 * MINUTE
    await ears.ping(made)


async def test_an_edit_keeps_the_ping_that_was_taken_beside_it(ears: Hearing) -> None:
    made = await ears.made()
    await asyncio.gather(ears.ping(made), ears.edit(made, grace_secs=60), ears.ping(made))
    shown = await ears.shown(made)
    assert (due(shown), shown.standing.state) == (61 * MINUTE, "up")


async def test_metrics_are_the_latest_that_a_ping_brought(ears: Hearing) -> None:
    made = await ears.made()
    await ears.ping(made, Said(metrics={"a": 1.0, "b": 2.0}))
    await ears.ping(made, Said(kind="fail", metrics={"a": 3.0}))
    await ears.ping(made)
    assert (await ears.shown(made)).metrics == {"a": 3.0}
    assert [event.metrics for event in await ears.events(made)] == [{"a": 1.0, "b": 2.0}, {"a": 3.0}, None]
