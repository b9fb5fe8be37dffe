"""Alert back-tests: what is asked and answered, and that it finds what really was."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.people import key_with, stranger
from tests.contract.telling import alerts, channel, incidents, settled
from tests.contract.watching import look, monitor, shown, watched
from tests.services.watching import quiet, stored
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, Reply, eventually, running
from tests.support.endpoint import Endpoint, serving
from tickd.domain import times
from tickd.domain.checks import Check, CheckStatus

ALWAYS = {"day": "daily", "start_utc": "00:00", "end_utc": "24:00"}
STATUSES: dict[str, CheckStatus] = {"u": "up", "d": "down", "t": "timeout", "?": "unknown"}
START = times.rfc3339(NOON)


async def ask(tickd: Harness, identifier: str, body: object = None, **more: Any) -> Reply:
    return await tickd.call("POST", f"/v1/monitors/{identifier}/backtest", body, **more)


async def tried(tickd: Harness, identifier: str, **fields: Any) -> Any:
    """The back-test with these fields."""
    reply = await ask(tickd, identifier, fields)
    assert reply.status == 200, reply.json
    return reply.json


async def lived(tickd: Harness, letters: str, every: int = 60, **fields: Any) -> str:
    """A monitor with a check of each letter, so many seconds apart, up to now; its id."""
    made = await monitor(tickd, status="paused", **fields)
    ((row,),) = await stored(tickd, "SELECT row FROM monitors WHERE id = ?", made["id"])
    history = tickd.daemon._history
    for n, letter in enumerate(letters, 1):
        at = tickd.clock.now() - (len(letters) - n) * every * times.SECOND
        error = "" if letter == "u" else f"{letter}{n}"
        history.add(Check(monitor=row, at=at, status=STATUSES[letter], duration_ms=0, error=error))
    await history.flush()
    identifier: str = made["id"]
    return identifier


def numbers(side: dict[str, Any]) -> tuple[int, int, int]:
    return side["alerts"], side["total"], side["downtime_secs"]


# What is answered.


async def test_everything_that_is_answered(tickd: Harness) -> None:
    identifier = await lived(tickd, "uduudddudd", failure_threshold=1)
    assert await tried(tickd, identifier, failure_threshold=2) == {
        "summary": "With failure_threshold 2 the last 9 minutes would have sent 3 alerts instead of 5.",
        "from": "2026-03-03T11:51:00Z",
        "to": START,
        "checks": 10,
        "longest_delay_secs": 60,
        "current": {
            "alerts": 5,
            "incidents": [
                {
                    "started_at": "2026-03-03T11:52:00Z",
                    "opened_at": "2026-03-03T11:52:00Z",
                    "resolved_at": "2026-03-03T11:53:00Z",
                    "duration_secs": 60,
                    "noticed_after_secs": 0,
                    "error": "d2",
                },
                {
                    "started_at": "2026-03-03T11:55:00Z",
                    "opened_at": "2026-03-03T11:55:00Z",
                    "resolved_at": "2026-03-03T11:58:00Z",
                    "duration_secs": 180,
                    "noticed_after_secs": 0,
                    "error": "d5",
                },
                {
                    "started_at": "2026-03-03T11:59:00Z",
                    "opened_at": "2026-03-03T11:59:00Z",
                    "resolved_at": None,
                    "duration_secs": 60,
                    "noticed_after_secs": 0,
                    "error": "d9",
                },
            ],
            "total": 3,
            "held_back": {"maintenance": 0, "cooldown": 0},
            "downtime_secs": 300,
        },
        "proposed": {
            "alerts": 3,
            "incidents": [
                {
                    "started_at": "2026-03-03T11:55:00Z",
                    "opened_at": "2026-03-03T11:56:00Z",
                    "resolved_at": "2026-03-03T11:58:00Z",
                    "duration_secs": 180,
                    "noticed_after_secs": 60,
                    "error": "d5",
                },
                {
                    "started_at": "2026-03-03T11:59:00Z",
                    "opened_at": START,
                    "resolved_at": None,
                    "duration_secs": 60,
                    "noticed_after_secs": 60,
                    "error": "d9",
                },
            ],
            "total": 2,
            "held_back": {"maintenance": 0, "cooldown": 0},
            "downtime_secs": 240,
        },
    }


@pytest.mark.parametrize(
    ("fields", "numbers_", "held_back"),
    [
        ({}, (6, 3, 180), (0, 0)),
        ({"failure_threshold": 2}, (0, 0, 0), (0, 0)),
        ({"recovery_threshold": 2}, (2, 1, 360), (0, 0)),
        ({"cooldown_secs": 600}, (2, 1, 60), (0, 2)),
        ({"maintenance_windows": [ALWAYS]}, (0, 0, 0), (3, 0)),
    ],
)
async def test_each_setting_can_be_tried(
    fields: dict[str, Any], numbers_: tuple[int, int, int], held_back: tuple[int, int], tickd: Harness
) -> None:
    identifier = await lived(tickd, "dududuuuu", failure_threshold=1)
    before = await shown(tickd, identifier)
    found = await tried(tickd, identifier, **fields)
    assert numbers(found["current"]) == (6, 3, 180)
    assert numbers(found["proposed"]) == numbers_
    assert tuple(found["proposed"]["held_back"].values()) == held_back
    # Tried is not set, and nobody was told.
    assert await shown(tickd, identifier) == before
    assert (await incidents(tickd), await alerts(tickd)) == ([], [])


async def test_the_accounts_maintenance_holds_back_even_where_it_is_over(tickd: Harness) -> None:
    identifier = await lived(tickd, "udu" + "u" * 47 + "udu", every=3600, failure_threshold=1)
    assert (await tried(tickd, identifier))["current"]["alerts"] == 4
    hours = [times.rfc3339(NOON - hour * times.HOUR) for hour in (53, 49)]
    plan = {"name": "move", "subjects": [identifier], "starts_at": hours[0], "ends_at": hours[1]}
    assert (await tickd.call("POST", "/v1/maintenance", plan)).status == 201
    # It was planned more than a day ago, and the calendar has forgotten it.
    found = (await tried(tickd, identifier))["current"]
    assert (found["alerts"], found["held_back"]) == (2, {"maintenance": 1, "cooldown": 0})
    other = await lived(tickd, "udu" + "u" * 47 + "udu", every=3600, failure_threshold=1)
    assert (await tried(tickd, other))["current"]["alerts"] == 4


async def test_how_far_it_looks_back(tickd: Harness) -> None:
    identifier = await lived(tickd, "du" * 36, every=3600, failure_threshold=1)
    for days, checks, since, said in ((1, 25, 24, "day"), (2, 49, 48, "2 days"), (90, 72, 71, "3 days")):
        found = await tried(tickd, identifier, days=days)
        assert (found["checks"], found["from"]) == (checks, times.rfc3339(NOON - since * times.HOUR))
        assert f"the last {said} would have sent" in found["summary"]
        assert found["to"] == START
    assert (await tried(tickd, identifier))["checks"] == 72  # 30 days by default


async def test_checks_past_their_retention_are_left_out(tickd: Harness) -> None:
    identifier = await lived(tickd, "d" * 40, every=86_400)
    found = await tried(tickd, identifier, days=90)
    # What is still on the disk, until upkeep comes by, is in no list either.
    kept = (await tickd.call("GET", f"/v1/monitors/{identifier}/checks")).json["total"]
    assert (found["checks"], kept) == (31, 31)
    assert found["summary"].startswith("With its own settings the last 30 days would have sent")


async def test_all_are_counted_and_500_listed(tickd: Harness) -> None:
    identifier = await lived(tickd, "du" * 600, every=30, failure_threshold=1)
    found = (await tried(tickd, identifier))["current"]
    assert (len(found["incidents"]), found["total"], found["alerts"]) == (500, 600, 1200)
    assert found["downtime_secs"] == 600 * 30
    moments = [one["started_at"] for one in found["incidents"]]
    assert moments == sorted(moments)


async def test_the_same_before_and_after_the_checks_have_moved_to_their_day(tmp_path: Path) -> None:
    letters = "uuudduuu?dddd?duuuut" * 30
    async with running(tmp_path / "tickd.db") as tickd:
        identifier = await lived(tickd, letters, every=600)
        fields = {"failure_threshold": 3, "cooldown_secs": 1800}
        first = await tried(tickd, identifier, **fields)
        history = tickd.daemon._history
        tickd.clock.set(NOON + 2 * times.HOUR)
        for _ in range(2000):
            if await history.tick(tickd.clock.now()) > tickd.clock.now() + times.SECOND:
                break
        assert (await stored(tickd, "SELECT count(*) FROM check_log_0"))[0] == (0,)
        assert (await stored(tickd, "SELECT count(*) FROM check_log_1"))[0] == (0,)
        tickd.clock.set(NOON)
        assert await tried(tickd, identifier, **fields) == first
    assert first["proposed"]["total"] > 10
    async with running(tmp_path / "tickd.db") as tickd:
        assert await tried(tickd, identifier, **fields) == first


@pytest.mark.parametrize(
    "fields", [{}, {"type": "ssl", "url": "127.0.0.1:9"}, {"type": "dns", "url": "127.0.0.1"}]
)
async def test_a_monitor_without_history(fields: dict[str, Any], tickd: Harness) -> None:
    made = await monitor(tickd, status="paused", **fields)
    found = await tried(tickd, made["id"], days=7, failure_threshold=5)
    nothing = {"alerts": 0, "incidents": [], "total": 0, "downtime_secs": 0}
    nothing |= {"held_back": {"maintenance": 0, "cooldown": 0}}
    assert found == {
        "summary": "There are no checks of the last 7 days to replay.",
        "from": START,
        "to": START,
        "checks": 0,
        "longest_delay_secs": 0,
        "current": nothing,
        "proposed": nothing,
    }


@pytest.mark.parametrize(
    ("fields", "alerts_"),
    [
        ({"type": "ssl", "url": "127.0.0.1:9"}, 1),
        ({"type": "tcp", "url": "127.0.0.1:9"}, 1),
        ({"type": "dns", "url": "127.0.0.1"}, 0),
    ],
)
async def test_other_types(fields: dict[str, Any], alerts_: int, tickd: Harness) -> None:
    made = await watched(tickd, **fields)
    for _ in range(2):
        await look(tickd, made["id"])
    found = await tried(tickd, made["id"], failure_threshold=4)
    assert (found["checks"], found["current"]["alerts"], found["proposed"]["alerts"]) == (3, alerts_, 0)


# What is refused.


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"days": 0}, "days must be between 1 and 90"),
        ({"days": 91}, "days must be between 1 and 90"),
        ({"days": "7"}, "days must be a whole number between 1 and 90"),
        ({"failure_threshold": 0}, "failure_threshold must be between 1 and 10"),
        ({"failure_threshold": 11}, "failure_threshold must be between 1 and 10"),
        ({"recovery_threshold": 1.5}, "recovery_threshold must be a whole number between 1 and 10"),
        ({"cooldown_secs": 604_801}, "cooldown_secs must be between 0 and 604800"),
        ({"maintenance_windows": [ALWAYS] * 51}, "maintenance_windows must be a list of at most 50 items"),
        (
            {"maintenance_windows": [ALWAYS | {"start_utc": "7:00"}]},
            "maintenance_windows has a mistake in number 1: start_utc must be HH:MM",
        ),
        ([], "the body must be a JSON object"),
    ],
)
async def test_what_is_refused(body: Any, error: str, tickd: Harness) -> None:
    made = await monitor(tickd, status="paused")
    reply = await ask(tickd, made["id"], body)
    assert (reply.status, reply.json) == (400, {"error": error})
    # The monitor's own fields say the same.
    if isinstance(body, dict) and "days" not in body:
        own = await tickd.call("PATCH", f"/v1/monitors/{made['id']}", body)
        assert own.json == reply.json


async def test_who_may_ask(tickd: Harness) -> None:
    made = await monitor(tickd, status="paused")
    assert (await ask(tickd, made["id"], key=await key_with(tickd, "read"))).status == 200
    assert (await ask(tickd, made["id"], key=None)).status == 401
    assert (await ask(tickd, made["id"], key=await key_with(tickd, "heartbeat:write"))).status == 403
    theirs = await ask(tickd, made["id"], {"days": 1}, key=await stranger(tickd))
    none = await ask(tickd, "mon_0000000000000000")
    assert (theirs.status, theirs.json["error"]) == (404, f"no monitor {made['id']}")
    assert (none.status, none.json["error"]) == (404, "no monitor mon_0000000000000000")


async def test_an_empty_body_and_nulls_are_what_is_left_out(tickd: Harness) -> None:
    identifier = await lived(tickd, "udddu")
    plain = await tried(tickd, identifier)
    assert (await ask(tickd, identifier)).json == plain
    assert await tried(tickd, identifier, failure_threshold=None, days=None) == plain
    assert plain["current"] == plain["proposed"]
    assert plain["summary"] == "With its own settings the last 4 minutes would have sent 2 alerts."


async def test_several_at_once_wait_for_one_another(tickd: Harness) -> None:
    identifier = await lived(tickd, "uduudddudd" * 50)
    alone = await tried(tickd, identifier)
    assert await asyncio.gather(*(tried(tickd, identifier) for _ in range(5))) == [alone] * 5


# What really was.


class World:
    """A daemon, a target and a receiver of alerts; time goes from one thing that is due to the next."""

    def __init__(self, tickd: Harness, target: Endpoint) -> None:
        self.tickd = tickd
        self.target = target
        self.id = ""

    async def begin(self, receiver: Endpoint, fields: dict[str, Any]) -> None:
        await channel(self.tickd, url=receiver.url)
        made = await watched(self.tickd, url=self.target.url, interval_secs=86_400, **fields)
        self.id = made["id"]

    def due_check(self) -> int:
        (watched_,) = self.tickd.daemon._checking._watched.values()
        assert watched_.due is not None
        return watched_.due

    async def due(self) -> list[int]:
        """When what is held back is looked at again."""
        return [row[0] for row in await stored(self.tickd, "SELECT due_at FROM held")]

    async def wait(self, seconds: int) -> None:
        until = self.tickd.clock.now() + seconds * times.SECOND
        while True:
            stop = min([until, self.due_check(), *await self.due()])
            await self.tickd.clock.advance((stop - self.tickd.clock.now()) / 1000)

            async def done(stop: int = stop) -> bool:
                return self.due_check() > stop and all(due > stop for due in await self.due())

            await eventually(done)
            await quiet(self.tickd)
            if stop == until:
                return

    async def check(self, outcome: str) -> None:
        self.target.status = 200 if outcome == "up" else 500
        if outcome == "unknown":
            # A failure so shortly after a jump of the clock is not believed.
            self.tickd.clock.step(3_000)
            self.tickd.daemon.services.incidents.wake()
        found = await look(self.tickd, self.id)
        assert found["status"] == outcome
        await settled(self.tickd)

    async def really(self) -> tuple[list[tuple[Any, ...]], int, Counter[str]]:
        """The incidents, the number of alerts, and what was held back."""
        listed = [
            await incidents_of(self.tickd, one["id"]) for one in await incidents(self.tickd, "?limit=500")
        ]
        told = [
            one for one in await alerts(self.tickd, "?limit=500") if one["event"] in ("down", "recovered")
        ]
        sent = sum(one["state"] != "suppressed" for one in told)
        words = {"in maintenance": "maintenance", "within the cooldown": "cooldown"}
        whys = [one["why"] for one in told if one["state"] == "suppressed"]
        held = Counter(name for why in whys for start, name in words.items() if why.startswith(start))
        assert held.total() == len(whys), whys
        return sorted(listed), sent, held


async def incidents_of(tickd: Harness, identifier: str) -> tuple[Any, ...]:
    found = (await tickd.call("GET", f"/v1/incidents/{identifier}")).json
    return found["started_at"], found["opened_at"], found["resolved_at"] or "", found["cause"]["error"]


async def happened(fields: dict[str, Any], steps: list[tuple[int, str]]) -> int:
    """Let it happen, and compare; how many incidents there were."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            serving() as target,
            serving() as receiver,
            running(Path(folder) / "tickd.db", clock=FakeClock(NOON + 7_003)) as tickd,
        ):
            world = World(tickd, target)
            await world.begin(receiver, fields)
            for seconds, outcome in steps:
                await world.wait(seconds)
                await world.check(outcome)
            found = await tried(tickd, world.id)
            listed, sent, held = await world.really()
    assert found["proposed"] == found["current"]
    side = found["current"]
    names = ("started_at", "opened_at", "resolved_at", "error")
    assert [tuple(one[name] or "" for name in names) for one in side["incidents"]] == listed
    assert (side["alerts"], Counter(side["held_back"])) == (sent, Counter(maintenance=0, cooldown=0) + held)
    return len(listed)


WINDOWS = ((), (("12:10", "12:25"),), (("12:05", "12:20"), ("12:20", "12:40")))
FIELDS = st.fixed_dictionaries(
    {
        "failure_threshold": st.integers(1, 3),
        "recovery_threshold": st.integers(1, 3),
        "cooldown_secs": st.sampled_from((0, 100, 700)),
        "maintenance_windows": st.sampled_from(
            [
                [{"day": "daily", "start_utc": start, "end_utc": end} for start, end in pairs]
                for pairs in WINDOWS
            ]
        ),
    }
)
OUTCOME = st.sampled_from(("up", "up", "up", "down", "down", "down", "down", "unknown"))
STEPS = st.lists(st.tuples(st.sampled_from((31, 67, 260)), OUTCOME), min_size=8, max_size=24)


@settings(max_examples=250, derandomize=False)
@given(FIELDS, STEPS)
def test_it_finds_the_incidents_that_really_were_opened(
    fields: dict[str, Any], steps: list[tuple[int, str]]
) -> None:
    asyncio.run(happened(fields, steps))


async def test_a_day_with_everything_in_it() -> None:
    fields = {
        "failure_threshold": 2,
        "recovery_threshold": 2,
        "cooldown_secs": 700,
        "maintenance_windows": [{"day": "daily", "start_utc": "12:10", "end_utc": "12:25"}],
    }
    outcomes = ["down", "unknown", "down", "down", "up", "down", "up", "up"]  # one incident, resolved
    outcomes += ["down", "down", "up", "up"]  # held back by the cooldown, and by the window
    outcomes += ["down"] * 12  # first held back, then opened
    assert await happened(fields, [(67, outcome) for outcome in outcomes]) == 2
