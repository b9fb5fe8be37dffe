"""What is counted by the month: each run once, in its UTC month, whatever the clock and the overlap do."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.services.gating import a_shop, standing
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tests.support.endpoint import Endpoint
from tickd.domain import cron, times
from tickd.domain import limits as rules
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.limits import MONTHS_KEPT, LimitsChange
from tickd.errors import Invalid, LimitReached
from tickd.services import limits

NEVER = "0 0 1 1 *"
JANUARY_ENDS = round(datetime(2026, 1, 31, 23, 58, tzinfo=UTC).timestamp() * 1000)


def used_up(most: int) -> str:
    runs = "runs a month, and this month's are" if most != 1 else "run a month, and this month's is"
    return f"executions_per_month: this account may have {most} {runs} used up"


async def limited(tickd: Harness, **said: Any) -> None:
    """Set limits of the account."""
    await tickd.daemon.services.limits.set(DEFAULT_ACCOUNT, LimitsChange(**said))


async def counted(tickd: Harness) -> int:
    """How many runs the account has used this month."""
    return (await tickd.daemon.services.limits.use(DEFAULT_ACCOUNT)).executions_this_month


async def fates(tickd: Harness, job: dict[str, Any], count: int) -> list[str]:
    """How the job's first `count` runs ended, once that many have, oldest first."""

    async def ended() -> list[str] | None:
        found = (await tickd.executions(job["id"]))[::-1]
        is_done = len(found) == count and all(one["finished_at"] for one in found)
        return [one["status"] for one in found] if is_done else None

    found: list[str] = await eventually(ended)
    return found


async def minutes(tickd: Harness, job: dict[str, Any], first: int, count: int) -> list[str]:
    """What became of the job's runs of so many minutes; it had `first` runs before."""
    for number in range(count):
        await tickd.clock.advance(60)
        await fates(tickd, job, first + number + 1)
    return (await fates(tickd, job, first + count))[first:]


async def unaccounted(tickd: Harness) -> int:
    """The ledger's invariant: always 0."""
    ledger = await tickd.daemon.services.health.ledger()
    return ledger.scheduled - ledger.accounted


async def test_what_is_due_over_the_limit_is_skipped_and_says_why(tickd: Harness, endpoint: Endpoint) -> None:
    await limited(tickd, executions_per_month=2)
    job = await tickd.job(endpoint=endpoint.url)
    assert await minutes(tickd, job, 0, 4) == ["success", "success", "skipped", "skipped"]
    last = (await tickd.executions(job["id"]))[0]
    assert (last["error"], last["attempts"], last["started_at"]) == (used_up(2), 0, None)
    assert len(endpoint.calls) == 2
    assert await counted(tickd) == 2
    assert await unaccounted(tickd) == 0
    now = (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json
    assert (now["status"], now["consecutive_failures"]) == ("active", 0)
    # It goes on as soon as there is room.
    await limited(tickd, executions_per_month=3)
    assert await minutes(tickd, job, 4, 2) == ["success", "skipped"]
    await limited(tickd, executions_per_month=None)
    assert await minutes(tickd, job, 6, 1) == ["success"]
    assert await counted(tickd) == 4
    assert await unaccounted(tickd) == 0


async def test_many_jobs_of_one_minute_share_what_is_left(tickd: Harness, endpoint: Endpoint) -> None:
    await limited(tickd, executions_per_month=5)
    made = [await tickd.job(name=f"job {number}", endpoint=endpoint.url) for number in range(12)]
    await tickd.clock.advance(60)
    ended = [(await fates(tickd, job, 1))[0] for job in made]
    assert sorted(ended) == ["skipped"] * 7 + ["success"] * 5
    assert (len(endpoint.calls), await counted(tickd), await unaccounted(tickd)) == (5, 5, 0)


async def test_a_month_begins_at_midnight_utc(tmp_path: Path, endpoint: Endpoint) -> None:
    clock = FakeClock(JANUARY_ENDS)
    async with running(tmp_path / "t.db", clock=clock) as tickd:
        await limited(tickd, executions_per_month=1)
        # In New York it is still January.
        job = await tickd.job(endpoint=endpoint.url, timezone="America/New_York")
        assert await minutes(tickd, job, 0, 1) == ["success"]
        assert await counted(tickd) == 1
        assert await minutes(tickd, job, 1, 1) == ["success"]  # 1 February, 00:00:00
        assert await counted(tickd) == 1
        assert await minutes(tickd, job, 2, 1) == ["skipped"]
        assert await unaccounted(tickd) == 0


async def test_a_clock_set_back_over_the_end_of_a_month_goes_on_with_the_old_count(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    clock = FakeClock(JANUARY_ENDS)
    async with running(tmp_path / "t.db", clock=clock) as tickd:
        await limited(tickd, executions_per_month=1)
        job = await tickd.job(endpoint=endpoint.url, schedule=NEVER)
        path = f"/v1/jobs/{job['id']}/run"
        assert (await tickd.call("POST", path)).status == 202
        clock.step(5 * times.MINUTE)
        assert [(await tickd.call("POST", path)).status for _ in range(2)] == [202, 402]
        clock.step(-5 * times.MINUTE)
        assert (await tickd.call("POST", path)).status == 402
        assert await counted(tickd) == 1


async def test_an_occurrence_that_is_due_twice_is_counted_once(tmp_path: Path, endpoint: Endpoint) -> None:
    clock = FakeClock(NOON)
    async with running(tmp_path / "t.db", clock=clock) as tickd:
        job = await tickd.job(endpoint=endpoint.url)
        assert await minutes(tickd, job, 0, 2) == ["success", "success"]

        def again(tx: sqlite3.Connection) -> None:
            # As after a clock that was set back by hours: the plan begins with what has its row.
            tx.execute("UPDATE jobs SET next_run_at = ?", (NOON + 2 * times.MINUTE,))

        await tickd.daemon._database.write(again)
        tickd.daemon.services.firing.wake()

        async def planned_on() -> bool:
            shown = (await tickd.call("GET", f"/v1/jobs/{job['id']}")).json
            return bool(shown["next_run_at"] == "2026-03-03T12:03:00Z")

        await eventually(planned_on)
        assert await counted(tickd) == len(await tickd.executions(job["id"])) == 2
        assert await unaccounted(tickd) == 0


async def test_retries_are_one_run(tickd: Harness, endpoint: Endpoint) -> None:
    await limited(tickd, executions_per_month=1)
    endpoint.statuses = [500, 500]
    job = await tickd.job(endpoint=endpoint.url, schedule=NEVER, retries=3, retry_on=["status"])
    assert (await tickd.call("POST", f"/v1/jobs/{job['id']}/run")).status == 202

    async def done() -> bool:
        await tickd.clock.advance(2)
        return bool((await tickd.executions(job["id"]))[0]["finished_at"])

    await eventually(done)
    (run,) = await tickd.executions(job["id"])
    assert (run["status"], run["attempts"], await counted(tickd)) == ("success", 3, 1)


async def test_a_run_that_waits_for_another_is_counted_once(tickd: Harness, endpoint: Endpoint) -> None:
    await limited(tickd, executions_per_month=2)
    endpoint.gate.clear()
    job = await tickd.job(endpoint=endpoint.url, schedule=NEVER, overlap="queue")
    path = f"/v1/jobs/{job['id']}/run"
    assert [(await tickd.call("POST", path)).status for _ in range(3)] == [202, 202, 402]
    endpoint.gate.set()
    assert await fates(tickd, job, 2) == ["success", "success"]
    assert await counted(tickd) == 2


async def test_what_overlap_skips_is_not_counted(tickd: Harness, endpoint: Endpoint) -> None:
    await limited(tickd, executions_per_month=1)
    endpoint.gate.clear()
    job = await tickd.job(endpoint=endpoint.url, schedule=NEVER, overlap="skip")
    path = f"/v1/jobs/{job['id']}/run"
    # The second would be skipped anyway: that it is one too many is not the reason.
    assert [(await tickd.call("POST", path)).status for _ in range(2)] == [202, 202]
    skipped = next(one for one in await tickd.executions(job["id"]) if one["status"] == "skipped")
    assert skipped["error"] == "the run before it had not ended (overlap: skip)"
    endpoint.gate.set()
    await fates(tickd, job, 2)
    assert await counted(tickd) == 1


async def test_a_deferred_run_is_counted_when_it_begins(tickd: Harness, endpoint: Endpoint) -> None:
    await limited(tickd, executions_per_month=1)
    shop = await a_shop(tickd)
    gated = await tickd.job(name="gated", endpoint=endpoint.url, schedule="1 12 * * *", requires=[shop.id])
    plain = await tickd.job(name="plain", endpoint=endpoint.url, schedule=NEVER)
    await tickd.clock.advance(60)
    await standing(tickd, gated, "pending")
    assert await counted(tickd) == 0
    assert (await tickd.call("POST", f"/v1/jobs/{plain['id']}/run")).status == 202
    assert await counted(tickd) == 1
    # Meanwhile the month was used up: it is skipped, and both reasons are there.
    await shop.up()
    (skipped,) = await standing(tickd, gated, "skipped")
    assert skipped["error"] == used_up(1)
    assert shop.shown in skipped["reason"]
    assert (await counted(tickd), await unaccounted(tickd)) == (1, 0)


async def test_a_run_that_a_restart_takes_up_again_is_counted_once(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    endpoint.gate.clear()
    async with running(tmp_path / "t.db") as tickd:
        await limited(tickd, executions_per_month=1)
        job = await tickd.job(endpoint=endpoint.url, schedule=NEVER, catch_up="all")
        assert (await tickd.call("POST", f"/v1/jobs/{job['id']}/run")).status == 202
        await eventually(lambda: _called(endpoint))
    endpoint.gate.set()
    async with running(tmp_path / "t.db") as tickd:
        await fates(tickd, job, 1)
        assert await counted(tickd) == 1


async def _called(endpoint: Endpoint) -> bool:
    return bool(endpoint.calls)


# What H and B call, in a unit of the writer.


async def verified(tickd: Harness, count: int, now: int = NOON) -> None:
    """Count so many verifications."""
    await tickd.daemon._database.write(lambda tx: limits.verifications(tx, DEFAULT_ACCOUNT, count, now))


async def of_month(tickd: Harness) -> int:
    """How many verifications the account has used this month."""
    return (await tickd.daemon.services.limits.use(DEFAULT_ACCOUNT)).verifications_this_month


async def test_verifications_fit_whole_or_not_at_all(tickd: Harness) -> None:
    service = tickd.daemon.services.limits
    await verified(tickd, 7)
    assert await of_month(tickd) == 7
    await limited(tickd, verifications_per_month=10)
    await service.check_verifications(DEFAULT_ACCOUNT, 3)
    said = "verifications_per_month: this account may verify 10 addresses a month; "
    said += "3 are left, and 4 are wanted"
    for refused in (service.check_verifications(DEFAULT_ACCOUNT, 4), verified(tickd, 4)):
        with pytest.raises(LimitReached) as caught:
            await refused
        assert (caught.value.message, caught.value.limit) == (said, "verifications_per_month")
    assert await of_month(tickd) == 7
    await verified(tickd, 3)
    said = (
        "verifications_per_month: this account may verify 10 addresses a month, and this month's are used up"
    )
    with pytest.raises(LimitReached, match=said):
        await verified(tickd, 1)
    await tickd.daemon._database.write(
        lambda tx: limits.give_back_verifications(tx, DEFAULT_ACCOUNT, 2, NOON)
    )
    assert await of_month(tickd) == 8
    await service.check_verifications(DEFAULT_ACCOUNT, 2)
    # Below its use: nothing more, and nothing of none.
    await limited(tickd, verifications_per_month=0)
    await verified(tickd, 0)
    with pytest.raises(LimitReached, match=r": this account may verify no addresses$"):
        await verified(tickd, 1)
    assert await of_month(tickd) == 8


async def test_a_first_batch_that_is_too_large_counts_nothing(tickd: Harness) -> None:
    await limited(tickd, verifications_per_month=5)
    with pytest.raises(LimitReached, match="5 are left, and 6 are wanted"):
        await verified(tickd, 6)
    assert await of_month(tickd) == 0
    await verified(tickd, 5)
    # The next month has them all again.
    await verified(tickd, 5, NOON + 31 * times.DAY)


async def test_the_latest_thirteen_months_are_kept(tickd: Harness) -> None:
    month = 31 * times.DAY
    for number in range(20):
        await verified(tickd, number + 1, NOON - number * month)
    # A clock that was far ahead for a moment: what is kept is the latest, not the youngest.
    await verified(tickd, 99, NOON + 100 * month)
    keeper = next(loop for loop in tickd.daemon.loops if loop.state.name == "upkeep")

    async def rows() -> list[int]:
        found = await tickd.daemon._database.fetch(
            "SELECT verifications FROM account_use ORDER BY month DESC"
        )
        return [row[0] for row in found]

    async def removed() -> bool:
        keeper.wake()
        await tickd.clock.advance(1)
        return len(await rows()) == MONTHS_KEPT

    await eventually(removed)
    assert await rows() == [99, *range(1, MONTHS_KEPT)]
    assert await of_month(tickd) == 1


# The shortest gap of a schedule, against its own occurrences.

_FIELDS = (("0", "59"), ("0", "23"), ("1", "31"), ("1", "12"), ("0", "6"))


@st.composite
def schedules(draw: st.DrawFn) -> str:
    """Any schedule of lists, steps and stars."""
    texts = []
    for low, high in _FIELDS:
        number = st.integers(int(low), int(high))
        listed = st.lists(number, min_size=1, max_size=4, unique=True).map(lambda ns: ",".join(map(str, ns)))
        step = st.integers(1, int(high)).map(lambda n: f"*/{n}")
        texts.append(draw(st.one_of(st.just("*"), listed, step)))
    return " ".join(texts)


@given(schedules())
def test_no_two_runs_are_closer_than_the_shortest_gap(schedule: str) -> None:
    try:
        gap = rules.shortest_gap(schedule)
    except Invalid:
        assume(False)  # it never fires
    moment, gaps = NOON, []
    for _ in range(60):
        following = cron.next_after(schedule, "UTC", moment)
        gaps.append((following - moment) // times.SECOND)
        moment = following
    assert min(gaps[1:]) >= min(gap, 2 * 86_400)


@pytest.mark.parametrize(
    ("schedule", "gap"),
    [
        ("* * * * *", 60),
        ("*/7 * * * *", 240),  # 56 and 0
        ("0,59 * * * *", 60),
        ("0 */6 * * *", 21_600),
        ("@daily", 86_400),
        ("0 0,23 * * *", 3_600),
        ("0 0,23 1 * *", 82_800),  # never on two days in a row
        ("0 0,23 1,31 * *", 3_600),
        ("0 0,23 31,1 12,1 *", 3_600),
        ("0 0,23 28,1 2,3 *", 3_600),  # in years without 29 February
        ("0 0,23 29,1 2,3 *", 3_600),  # in years with it
        ("0 0,23 28,29 2 *", 3_600),
        ("0 0,23 */2 * 1", 82_800),
    ],
)
def test_the_shortest_gap_of_a_schedule(schedule: str, gap: int) -> None:
    assert rules.shortest_gap(schedule) == gap


def test_a_refusal_is_a_sentence_with_its_numbers() -> None:
    assert rules.full("jobs", 1_200) == "this account may have 1,200 jobs"
    assert rules.full("monitors", 1) == "this account may have 1 monitor"
    assert rules.full("heartbeats", 0) == "this account may have no heartbeats"
    assert rules.too_often(86_400) == "the shortest interval of this account is 86,400 seconds"
    assert rules.schedule_too_often(3_600, 60) == (
        "the runs of a job in this account must be at least 3,600 seconds apart; "
        "this schedule has runs 60 seconds apart"
    )
    assert rules.runs_used_up(100_000) == (
        "this account may have 100,000 runs a month, and this month's are used up"
    )
    assert rules.runs_used_up(1) == "this account may have 1 run a month, and this month's is used up"
    assert rules.runs_used_up(0) == "this account may have no runs"
    assert rules.verifications_used_up(1, 0, 1) == (
        "this account may verify 1 address a month, and this month's is used up"
    )
    assert rules.verifications_used_up(0, 0, 1_000) == "this account may verify no addresses"
    assert rules.verifications_used_up(5_000, 1, 1_000) == (
        "this account may verify 5,000 addresses a month; 1 is left, and 1,000 are wanted"
    )
    assert rules.verifications_used_up(5_000, 2_400, 3_000) == (
        "this account may verify 5,000 addresses a month; 2,400 are left, and 3,000 are wanted"
    )
