"""Batches of addresses: every address once, in order, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, aclosing
from pathlib import Path

import pytest

from tests.services.batching import ACCOUNT, AGAIN_SECS, Desk, batching
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, eventually
from tickd.domain import times
from tickd.domain.verification import BATCH_MOST, Batch, Unknown, Verification
from tickd.errors import Invalid, LimitReached, NotFound, TooMany, Unavailable
from tickd.services.lane import PACE
from tickd.services.upkeep import KEEPS, Upkeep
from tickd.services.verification_batches import (
    AT_ONCE,
    LISTENERS_MOST,
    NEWS_SECS,
    OF_ACCOUNT,
    OPEN_MOST,
    TICK_SECS,
)
from tickd.services.verification_runs import GROUP, LOOKUPS, STORE_SECS, WAIT_MOST_SECS

OTHER, THIRD = "acc_other", "acc_third"


@pytest.fixture
async def desk(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Desk]:
    async with batching(tmp_path / "t.db", clock) as made:
        yield made


def some(count: int, word: str = "a") -> list[str]:
    return [f"{word}{number}@example.com" for number in range(count)]


async def all_of(desk: Desk, batch: Batch) -> list[Verification | Unknown]:
    return await desk.batches.results(batch, limit=BATCH_MOST, offset=0)


# What comes out.


async def test_a_thousand_addresses_are_answered_in_the_order_given(desk: Desk) -> None:
    emails = [f"{'bad' if number % 3 == 0 else 'a'}{number}@example.com" for number in range(BATCH_MOST)]
    batch = await desk.submit(*emails)
    assert (batch.total, batch.done, batch.finished_at) == (1000, 0, None)
    done = await desk.ended(batch)
    assert (done.valid, done.invalid, done.unknown, done.done) == (666, 334, 0, 1000)
    assert done.finished_at is not None
    found = await all_of(desk, done)
    assert [one.email for one in found] == emails
    assert [one.position for one in found] == list(range(1000))
    assert [one.valid for one in found if isinstance(one, Verification)] == [n % 3 != 0 for n in range(1000)]
    assert set(desk.oracle.asked.values()) == {1}
    assert len({one.id for one in found if isinstance(one, Verification)}) == 1000
    assert await desk.used() == 1000
    # Of what was sent nothing is kept but the results.
    assert await desk.stored("SELECT emails FROM verification_batches") == [(None,)]


async def test_an_address_is_taken_as_given_and_twice_where_it_is_there_twice(desk: Desk) -> None:
    emails = [" a@example.com", "a@example.com", "a@example.com", "", "x" * 5000]
    done = await desk.ended(await desk.submit(*emails))
    found = await all_of(desk, done)
    assert [one.email for one in found] == [*emails[:4], "x" * 319 + "…"]
    assert desk.oracle.asked["x" * 5000] == 1


async def test_a_page_of_results_goes_by_the_places(desk: Desk) -> None:
    desk.oracle.unknown = {"a4@example.com"}
    done = await desk.ended(await desk.submit(*some(10)))
    found = await desk.batches.results(done, limit=3, offset=3)
    assert [(one.position, type(one)) for one in found] == [
        (3, Verification),
        (4, Unknown),
        (5, Verification),
    ]
    assert await desk.batches.results(done, limit=3, offset=10) == []


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ([], "; 0 were given"),
        (["a"] * 1001, "; 1001 were given"),
        (["a", "b", 7], "; number 3 is not"),
        ([None], "; number 1 is not"),
        ([["a"]], "; number 1 is not"),
    ],
)
async def test_what_is_no_list_of_addresses_is_refused(desk: Desk, said: list[object], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        await desk.batches.submit(ACCOUNT, said)
    assert refused.value.message == f"emails must be a list of 1 to 1000 addresses, each text{sentence}"
    assert await desk.stored("SELECT count(*) FROM verification_batches") == [(0,)]


# What proves nothing.


async def test_what_proves_nothing_is_tried_once_more_in_the_end_and_is_not_counted(desk: Desk) -> None:
    desk.oracle.unknown = {"a1@example.com", "a3@example.com"}
    batch = await desk.submit(*some(5))

    async def first_pass() -> bool:
        return (await desk.batches.get(ACCOUNT, batch.id)).done == 3

    await eventually(first_pass)
    assert await desk.used() == 5
    assert desk.oracle.asked["a1@example.com"] == 1
    await desk.clock.advance(AGAIN_SECS - 1)
    assert desk.oracle.asked["a1@example.com"] == 1
    desk.oracle.unknown = {"a3@example.com"}
    done = await desk.ended(batch)
    assert desk.oracle.asked == times_asked(some(5), twice={"a1@example.com", "a3@example.com"})
    assert (done.valid, done.invalid, done.unknown) == (4, 0, 1)
    assert (await all_of(desk, done))[3] == Unknown(3, "a3@example.com", "no name server answers")
    assert await desk.used() == 4
    assert await desk.stored("SELECT count(*) FROM verifications") == [(4,)]


def times_asked(emails: list[str], *, twice: set[str]) -> dict[str, int]:
    return {email: 2 if email in twice else 1 for email in emails}


async def test_it_is_given_back_to_the_month_that_it_was_counted_in(desk: Desk) -> None:
    desk.oracle.unknown = {"a0@example.com"}
    batch = await desk.submit(*some(2))
    desk.clock.step(40 * times.DAY)
    await desk.ended(batch)
    assert await desk.stored("SELECT month, verifications FROM account_use") == [(times.month_start(NOON), 1)]


async def test_an_address_that_tickd_fails_at_does_not_stop_the_others(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.oracle.broken = {"a2@example.com"}
    done = await desk.ended(await desk.submit(*some(5)))
    assert (done.valid, done.unknown) == (4, 1)
    assert (await all_of(desk, done))[2] == Unknown(2, "a2@example.com", "tickd has failed; its log says why")
    (record,) = (one for one in caplog.records if one.message == "an address was not verified")
    assert record.exc_info is not None


# Limits.


async def test_a_batch_that_does_not_fit_into_the_month_is_refused_as_a_whole(desk: Desk) -> None:
    await desk.do("UPDATE accounts SET verifications_per_month = 7 WHERE id = ?", ACCOUNT)
    await desk.ended(await desk.submit(*some(5)))
    with pytest.raises(LimitReached) as refused:
        await desk.submit(*some(3))
    assert refused.value.message.startswith("verifications_per_month: ")
    assert "2 are left" in refused.value.message
    assert (await desk.batches.page(ACCOUNT, limit=20, offset=0))[1] == 1
    assert await desk.used() == 5
    await desk.ended(await desk.submit(*some(2)))
    assert await desk.used() == 7


async def test_an_account_has_so_many_batches_under_way_at_most(desk: Desk) -> None:
    desk.oracle.held = {"a0@example.com"}
    for _ in range(OPEN_MOST):
        await desk.submit("a0@example.com")
    with pytest.raises(TooMany):
        await desk.submit("a0@example.com")
    assert await desk.used() == OPEN_MOST
    await other_account(desk)
    await desk.submit("a0@example.com", account_id=OTHER)


async def other_account(desk: Desk, account_id: str = OTHER) -> None:
    await desk.do("INSERT INTO accounts (id, name, created_at) VALUES (?, 'other', ?)", account_id, NOON)


def test_batches_leave_room_for_others_among_the_look_ups() -> None:
    # Exchanges has 64 places, and what finds none within three seconds is unknown.
    assert AT_ONCE * LOOKUPS <= 64 - 16


async def test_so_many_are_under_way_at_once_and_two_of_an_account(desk: Desk) -> None:
    for account_id in (OTHER, THIRD):
        await other_account(desk, account_id)
    desk.oracle.held = {email for word in "abcdefghi" for email in some(20, word)}
    first, second, *_ = [await desk.submit(*some(20, word)) for word in "abcd"]
    await desk.asked(OF_ACCOUNT * LOOKUPS)
    assert begun(desk) == set("ab")
    # Another account finds a place at once, however long those take.
    for word in "efg":
        await desk.submit(*some(20, word), account_id=OTHER)
    await desk.asked(AT_ONCE * LOOKUPS)
    assert begun(desk) == set("abef")
    # The first to leave makes room for the account that has none under way, then for who has fewest.
    await desk.submit(*some(20, "h"), account_id=THIRD)
    await desk.batches.delete(ACCOUNT, first.id)
    await desk.asked(AT_ONCE * LOOKUPS)
    assert begun(desk) == set("abefh")
    await desk.submit(*some(20, "i"), account_id=THIRD)
    await desk.batches.delete(ACCOUNT, second.id)
    await desk.asked(AT_ONCE * LOOKUPS)
    assert begun(desk) == set("abefhc")


def begun(desk: Desk) -> set[str]:
    """The words of the batches that have begun."""
    return {email[0] for email in desk.oracle.asked}


def test_no_account_has_all_the_places() -> None:
    assert OF_ACCOUNT < AT_ONCE


async def test_answers_from_memory_do_not_hold_up_the_rest_of_the_daemon(desk: Desk) -> None:
    batches = [await desk.submit(*some(300, word)) for word in "abcd"]
    most, before = 0, desk.oracle.asked.total()
    while desk.oracle.asked.total() < 1200:
        await asyncio.sleep(0)
        most, before = max(most, desk.oracle.asked.total() - before), desk.oracle.asked.total()
    # Those of one turn of the loop, and those of the next: this is not always last in its turn.
    assert 0 < most <= 2 * PACE
    for batch in batches:
        assert (await desk.ended(batch)).valid == 300


# Progress.


async def test_progress_is_told_as_it_is_stored(desk: Desk) -> None:
    emails = some(2 * GROUP)
    desk.oracle.held = set(emails[GROUP:])
    batch = await desk.submit(*emails)
    async with aclosing(desk.batches.watch(ACCOUNT, batch.id)) as news:
        told = [await anext(news)]

        async def go_on() -> None:
            async for one in news:
                told.append(one)

        listening = asyncio.create_task(go_on())
        await desk.asked(LOOKUPS)
        await eventually(told_as_much(desk, told, GROUP))
        desk.oracle.released.set()
        await eventually(told_as_much(desk, told, 2 * GROUP))
        await listening
    assert [one.finished_at is None for one in told] == [True] * (len(told) - 1) + [False]
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert told[-1] == await desk.batches.get(ACCOUNT, batch.id)


def told_as_much(desk: Desk, told: list[Batch], count: int) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        await desk.clock.advance(max(NEWS_SECS, STORE_SECS))
        return told[-1].done == count

    return asked


async def test_a_few_results_are_stored_soon(desk: Desk) -> None:
    desk.oracle.held = {"a4@example.com"}
    batch = await desk.submit(*some(5))
    await desk.asked(1)
    assert (await desk.batches.get(ACCOUNT, batch.id)).done == 0

    async def stored() -> bool:
        await desk.clock.advance(STORE_SECS)
        return (await desk.batches.get(ACCOUNT, batch.id)).done == 4

    await eventually(stored)
    assert len(await all_of(desk, batch)) == 4


async def test_what_is_tried_is_told_while_nothing_is_done(desk: Desk) -> None:
    emails = some(2 * LOOKUPS)
    desk.oracle.unknown = desk.oracle.held = set(emails)
    batch = await desk.submit(*emails)
    await desk.asked(LOOKUPS)
    async with aclosing(desk.batches.watch(ACCOUNT, batch.id)) as news:
        assert (await anext(news)).tried == 0
        following = asyncio.create_task(anext(news))
        # The first ones go on, and the next ones are held again.
        desk.oracle.released.set()
        desk.oracle.released = asyncio.Event()

        async def is_told() -> bool:
            await desk.clock.advance(STORE_SECS)
            return following.done()

        begun_at = desk.clock.monotonic()
        await eventually(is_told)
        assert desk.clock.monotonic() - begun_at < TICK_SECS
        told = await following
    assert (told.done, told.tried) == (0, LOOKUPS)
    assert (await desk.batches.page(ACCOUNT, limit=1, offset=0))[0] == [told]
    desk.oracle.released.set()
    done = await desk.ended(batch)
    assert (done.done, done.tried, done.unknown) == (len(emails), len(emails), len(emails))
    assert set(desk.oracle.asked.values()) == {2}


async def test_whoever_watches_hears_of_nothing_too(desk: Desk) -> None:
    desk.oracle.held = {"a0@example.com"}
    batch = await desk.submit("a0@example.com")
    async with aclosing(desk.batches.watch(ACCOUNT, batch.id)) as news:
        told = await anext(news)
        following = asyncio.create_task(anext(news))
        until = desk.clock.monotonic() + NEWS_SECS + TICK_SECS

        async def is_told() -> bool:
            await desk.clock.advance(1.0)
            return following.done()

        await eventually(is_told)
        assert desk.clock.monotonic() >= until - 1
        assert await following == told


async def test_a_batch_that_is_done_is_told_at_once(desk: Desk) -> None:
    done = await desk.ended(await desk.submit("a@example.com"))
    assert [one async for one in desk.batches.watch(ACCOUNT, done.id)] == [done]
    assert await desk.batches.ended(ACCOUNT, done.id) == done


async def test_so_many_can_listen_in_an_account(desk: Desk) -> None:
    with ExitStack() as stack:
        for _ in range(LISTENERS_MOST):
            stack.enter_context(desk.batches.seat(ACCOUNT, lambda: False))
        with pytest.raises(TooMany):
            stack.enter_context(desk.batches.seat(ACCOUNT, lambda: False))
        stack.enter_context(desk.batches.seat(OTHER, lambda: False))
    with desk.batches.seat(ACCOUNT, lambda: False):
        pass


# Whose it is, and the end of it.


async def test_a_batch_is_its_accounts(desk: Desk) -> None:
    batch = await desk.ended(await desk.submit("a@example.com"))
    assert await desk.batches.page(OTHER, limit=20, offset=0) == ([], 0)
    for refused in (desk.batches.get, desk.batches.delete, desk.batches.ended):
        with pytest.raises(NotFound):
            await refused(OTHER, batch.id)
    with pytest.raises(NotFound):
        await anext(desk.batches.watch(OTHER, batch.id))
    assert await desk.batches.get(ACCOUNT, batch.id) == batch


async def test_a_batch_that_is_deleted_stops_and_leaves_nothing(desk: Desk) -> None:
    emails = some(30)
    desk.oracle.held = set(emails[10:])
    batch = await desk.submit(*emails)
    await desk.asked(LOOKUPS)
    waiting = asyncio.create_task(desk.batches.ended(ACCOUNT, batch.id))
    async with aclosing(desk.batches.watch(ACCOUNT, batch.id)) as news:

        async def ten() -> bool:
            await desk.clock.advance(STORE_SECS)
            return (await desk.batches.get(ACCOUNT, batch.id)).done == 10

        await anext(news)
        await eventually(ten)
        await desk.batches.delete(ACCOUNT, batch.id)
        assert desk.oracle.waiting == 0
        with pytest.raises(NotFound):
            while True:
                await desk.clock.advance(1)
                await anext(news)
    with pytest.raises(NotFound):
        await waiting
    # What was looked at stays counted.
    assert await desk.used() == 10
    assert await desk.stored("SELECT count(*) FROM verifications") == [(0,)]
    with pytest.raises(NotFound):
        await desk.batches.delete(ACCOUNT, batch.id)


async def test_a_batch_that_waits_can_be_deleted(desk: Desk) -> None:
    desk.oracle.held = {"a0@example.com"}
    batches = [await desk.submit("a0@example.com") for _ in range(OF_ACCOUNT + 1)]
    await desk.batches.delete(ACCOUNT, batches[-1].id)
    assert await desk.used() == OF_ACCOUNT
    desk.oracle.released.set()
    for batch in batches[:-1]:
        await desk.ended(batch)
    assert desk.oracle.asked["a0@example.com"] == OF_ACCOUNT


async def test_what_was_looked_at_of_a_done_batch_is_not_given_back(desk: Desk) -> None:
    desk.oracle.unknown = {"a0@example.com"}
    batch = await desk.ended(await desk.submit(*some(3)))
    await desk.batches.delete(ACCOUNT, batch.id)
    assert await desk.used() == 2


async def test_results_that_were_deleted_are_left_out_and_counted_all_the_same(desk: Desk) -> None:
    batch = await desk.ended(await desk.submit(*some(4)))
    await desk.do("DELETE FROM verifications WHERE position IN (1, 2)")
    known = await desk.batches.get(ACCOUNT, batch.id)
    assert (known.valid, known.done) == (4, 4)
    assert [one.position for one in await all_of(desk, known)] == [0, 3]


async def test_batches_go_after_their_results_when_they_are_old(desk: Desk) -> None:
    await desk.ended(await desk.submit(*some(2)))
    desk.oracle.held = {"b0@example.com"}
    under_way = await desk.submit("b0@example.com")
    (keep,) = (one for one in KEEPS if one.history == "verification batches")
    later = NOON + 91 * times.DAY

    async def forgotten(now: int) -> int:
        return await desk.db.write(lambda tx: keep.forget_old(tx, [(1, now)], 50))

    assert await forgotten(later) == 0  # their results are there still
    await desk.do("DELETE FROM verifications")
    assert await forgotten(NOON + 89 * times.DAY) == 0
    assert await forgotten(later) == 1
    assert (await desk.batches.page(ACCOUNT, limit=20, offset=0))[0] == [under_way]


async def test_upkeep_removes_old_batches_with_their_results(desk: Desk) -> None:
    await desk.ended(await desk.submit(*some(200)))
    upkeep, now = Upkeep(desk.db), NOON + 91 * times.DAY
    for _ in range(2 * len(KEEPS) + 10):
        now = await upkeep.tick(now)
    assert await desk.stored("SELECT count(*) FROM verifications") == [(0,)]
    assert await desk.batches.page(ACCOUNT, limit=20, offset=0) == ([], 0)


# Stopped, killed, out of order.


async def test_a_batch_goes_on_at_the_next_start_with_what_has_no_result(desk: Desk) -> None:
    emails = some(3 * GROUP)
    desk.oracle.held = set(emails[2 * GROUP :])
    batch = await desk.submit(*emails)
    await desk.asked(LOOKUPS)

    async def stored() -> bool:
        await desk.clock.advance(STORE_SECS)
        return (await desk.batches.get(ACCOUNT, batch.id)).done == 2 * GROUP

    await eventually(stored)
    before = {one.position: one for one in await all_of(desk, batch)}
    waiting = asyncio.create_task(desk.batches.ended(ACCOUNT, batch.id))
    await asyncio.sleep(0)
    await desk.batches.stop()
    with pytest.raises(Unavailable, match="rests"):
        await waiting
    with pytest.raises(Unavailable, match="rests"):
        [one async for one in desk.batches.watch(ACCOUNT, batch.id)]
    desk.oracle.held = set()
    await desk.restart()
    done = await desk.ended(batch)
    assert (done.valid, done.done) == (3 * GROUP, 3 * GROUP)
    found = await all_of(desk, done)
    assert [one.email for one in found] == emails
    assert {one.position: one for one in found[: 2 * GROUP]} == before
    assert {desk.oracle.asked[email] for email in emails[: 2 * GROUP]} == {1}
    assert await desk.used() == 3 * GROUP


async def test_what_is_known_to_be_unknown_is_not_tried_a_third_time(desk: Desk) -> None:
    emails = some(3)
    desk.oracle.unknown = set(emails[:2])
    batch = await desk.submit(*emails)

    async def all_but_one() -> bool:
        desk.oracle.held = set(emails[1:2]) if desk.oracle.asked[emails[1]] else set()
        await desk.clock.advance(STORE_SECS)
        return (await desk.batches.get(ACCOUNT, batch.id)).unknown == 1

    await eventually(all_but_one)
    desk.oracle.held = set()
    await desk.restart()
    done = await desk.ended(batch)
    assert (done.valid, done.unknown) == (1, 2)
    assert (desk.oracle.asked[emails[0]], desk.oracle.asked[emails[2]]) == (2, 1)
    assert await desk.used() == 1


async def test_what_is_deleted_under_way_is_not_looked_at_again_and_stays_counted(desk: Desk) -> None:
    emails = [f"{'bad' if number % 5 == 0 else 'a'}{number}@example.com" for number in range(3 * GROUP)]
    desk.oracle.held = set(emails[2 * GROUP :])
    batch = await desk.submit(*emails)

    async def done() -> int:
        await desk.clock.advance(STORE_SECS)
        return (await desk.batches.get(ACCOUNT, batch.id)).done

    async def stored() -> bool:
        return await done() == 2 * GROUP

    await eventually(stored)
    # As the history does it: the row goes, and the address in the list.
    await desk.do("UPDATE verification_batches SET emails = json_set(emails, '$[0]', NULL, '$[7]', NULL)")
    await desk.do("DELETE FROM verifications WHERE position IN (0, 7)")
    await desk.restart()
    assert await done() == 2 * GROUP
    desk.oracle.released.set()
    ended = await desk.ended(batch)
    assert (ended.valid, ended.invalid, ended.unknown) == (3 * GROUP * 4 // 5, 3 * GROUP // 5, 0)
    assert desk.oracle.asked[emails[0]] == desk.oracle.asked[emails[7]] == 1
    kept = [one.position for one in await all_of(desk, ended)]
    assert kept == [number for number in range(3 * GROUP) if number not in (0, 7)]
    assert await desk.used() == 3 * GROUP


async def test_what_is_deleted_under_way_is_given_back_with_nothing_that_was_looked_at(desk: Desk) -> None:
    emails = some(4)
    desk.oracle.held = set(emails[2:])
    batch = await desk.submit(*emails)

    async def done(count: int) -> None:
        async def stored() -> bool:
            await desk.clock.advance(STORE_SECS)
            return (await desk.batches.get(ACCOUNT, batch.id)).done == count

        await eventually(stored)

    await done(2)
    await desk.do("UPDATE verification_batches SET emails = json_set(emails, '$[0]', NULL, '$[1]', NULL)")
    await desk.do("DELETE FROM verifications")
    desk.oracle.held = {emails[3]}
    await desk.restart()
    await done(3)
    await desk.batches.delete(ACCOUNT, batch.id)
    assert await desk.used() == 3


async def test_an_unknown_one_that_is_deleted_under_way_stays_deleted(desk: Desk) -> None:
    emails = some(3)
    desk.oracle.unknown = set(emails[:2])
    batch = await desk.submit(*emails)

    async def one() -> bool:
        desk.oracle.held = set(emails[1:2]) if desk.oracle.asked[emails[1]] else set()
        await desk.clock.advance(STORE_SECS)
        return (await desk.batches.get(ACCOUNT, batch.id)).unknown == 1

    await eventually(one)
    await desk.do("UPDATE verification_batches SET unknown = json_set(unknown, '$[0].email', '')")
    desk.oracle.released.set()
    done = await desk.ended(batch)
    assert (done.unknown, done.valid) == (2, 1)
    assert [one.email for one in await all_of(desk, done)] == emails[1:]


async def test_nothing_begins_behind_the_stop(desk: Desk) -> None:
    await desk.batches.stop()
    batch = await desk.submit("a@example.com")
    await asyncio.sleep(0)
    assert not desk.oracle.asked
    await desk.restart()
    await desk.ended(batch)


@pytest.mark.parametrize("damage", ["'{'", "NULL", "'[1]'", "CAST(x'ff5b' AS TEXT)"])
async def test_a_batch_that_can_not_be_read_ends_and_keeps_none_from_going_on(
    desk: Desk, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.batches.stop()
    damaged, sound = await desk.submit(*some(3)), await desk.submit(*some(3, "b"))
    where = (damaged.id,)
    await desk.do(f"UPDATE verification_batches SET unknown = '[', emails = {damage} WHERE id = ?", *where)  # noqa: S608
    await desk.restart()
    assert (await desk.ended(sound)).valid == 3
    done = await desk.ended(damaged)
    assert (done.valid, done.invalid, done.unknown, done.done) == (0, 0, 3, 3)
    assert await all_of(desk, done) == []
    assert await desk.used() == 3
    assert "a batch can't be read; it has ended" in caplog.messages


async def test_a_database_that_is_not_to_be_had_is_waited_for(desk: Desk) -> None:
    desk.oracle.held = {"a0@example.com"}
    batch = await desk.submit(*some(3))
    await desk.asked(1)
    desk.faulty.faults = 8
    desk.oracle.released.set()

    async def waits() -> bool:
        await desk.clock.advance(STORE_SECS)
        return desk.faulty.faults < 8

    await eventually(waits)
    # 1, 2, 4, 8, 16, then 30 seconds between two attempts: no busy loop.
    begun = desk.clock.monotonic()
    for _ in range(600):
        if not desk.faulty.faults:
            break
        await desk.clock.advance(0.5)
        await asyncio.sleep(0.001)
    assert 60 <= desk.clock.monotonic() - begun <= 31 + 4 * WAIT_MOST_SECS
    done = await desk.ended(batch)
    assert (done.valid, await desk.used()) == (3, 3)
    assert set(desk.oracle.asked.values()) == {1}
