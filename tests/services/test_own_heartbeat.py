"""tickd's own heartbeat: heard by a second daemon while all is well, with the reason when it is not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tests.support.endpoint import Endpoint
from tickd.config import load
from tickd.errors import StartupError
from tickd.services.own_heartbeat import request_for

EVERY = 10
CONFIRM_SECS = 6


@asynccontextmanager
async def pair(tmp_path: Path) -> AsyncIterator[tuple[Harness, Harness, dict[str, Any]]]:
    """A daemon that hears, one that it watches, and the heartbeat between them."""
    async with running(tmp_path / "hears.db") as hears:
        made = await hears.call(
            "POST", "/v1/heartbeats", {"name": "tickd", "interval_secs": 60, "failure_threshold": 1}
        )
        async with running(
            tmp_path / "tells.db", own_heartbeat_url=made.json["ping_url"], own_heartbeat_secs=EVERY
        ) as tells:
            yield hears, tells, made.json


async def kinds(hears: Harness, made: dict[str, Any]) -> list[tuple[str, str]]:
    """What was pinged, oldest first, with the words."""
    pings = (await hears.call("GET", f"/v1/heartbeats/{made['id']}/pings")).json["pings"]
    return [(one["kind"], one["message"]) for one in reversed(pings)]


async def passing(tickd: Harness, seconds: int) -> int:
    """Let time pass second by second, because a jump would be a stall; how many pings have been sent."""
    own = tickd.daemon.services.own_heartbeat
    loop = next(one.state for one in tickd.daemon.loops if one.state.name == "own_heartbeat")

    async def rests() -> bool:
        return loop.ticking_since is None

    for _ in range(seconds):
        await tickd.clock.advance(1.0)
        for _ in range(20):
            await asyncio.sleep(0)
        await eventually(rests)
    return sum(own.sent.values())


async def lose(tickd: Harness, count: int) -> None:
    """Break the ledger by so many occurrences, as a bug of tickd's would."""
    await tickd.job(schedule="0 0 29 2 *")
    lost = "UPDATE jobs SET scheduled_count = scheduled_count + ?"
    await tickd.daemon._database.write(lambda tx: tx.execute(lost, (count,)).rowcount)


async def test_it_pings_while_all_is_well_and_its_silence_is_noticed(tmp_path: Path) -> None:
    async with pair(tmp_path) as (hears, tells, made):
        assert await passing(tells, EVERY + 2) == 2
        assert await kinds(hears, made) == [("success", ""), ("success", "")]
        await tells.daemon.stop()
        await hears.clock.advance(3600.0)

        async def down() -> bool:
            shown = (await hears.call("GET", f"/v1/heartbeats/{made['id']}")).json
            return bool(shown["state"] == "down")

        await eventually(down)


async def test_a_broken_invariant_is_told_with_its_reason_after_a_second_look(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tickd.own_heartbeat")
    async with pair(tmp_path) as (hears, tells, made):
        assert await passing(tells, 2) == 1
        await lose(tells, 1)
        assert await passing(tells, EVERY + 1) == 1, "it looks again first"
        assert await passing(tells, CONFIRM_SECS) == 2
        await lose(tells, -1)
        *_, last = await kinds(hears, made)
        assert last == ("fail", "occurrences without a row: 1")
        assert await passing(tells, EVERY + 1) == 3
        assert (await kinds(hears, made))[-1] == ("success", "")
    said = [one.getMessage() for one in caplog.records if one.name == "tickd.own_heartbeat"]
    assert said == ["tickd's own invariants are broken", "tickd's own invariants hold again"]


async def test_a_database_file_that_has_gone_is_told(tmp_path: Path) -> None:
    async with pair(tmp_path) as (hears, tells, made):
        assert await passing(tells, 2) == 1
        (tmp_path / "tells.db").unlink()
        # The sign of life is what is written anyway, every ten seconds.
        await passing(tells, 3 * EVERY)
        kind, words = (await kinds(hears, made))[-1]
        assert kind == "fail"
        assert words.startswith("the database can't be written: the database file has been deleted")
        assert str(tmp_path) not in words


async def test_a_fault_that_has_passed_by_the_second_look_is_not_told(
    tmp_path: Path,
) -> None:
    async with pair(tmp_path) as (hears, tells, made):
        assert await passing(tells, 2) == 1
        await lose(tells, 1)
        assert await passing(tells, EVERY + 1) == 1
        await lose(tells, -1)
        assert await passing(tells, CONFIRM_SECS) == 2
        assert await kinds(hears, made) == [("success", ""), ("success", "")]


async def test_a_target_that_fails_is_logged_once_and_harms_nothing(
    tmp_path: Path, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.status = 500
    url = endpoint.url + "/p/the-secret-token"
    async with running(
        tmp_path / "tickd.db", clock=FakeClock(NOON), own_heartbeat_url=url, own_heartbeat_secs=EVERY
    ) as tickd:
        own = tickd.daemon.services.own_heartbeat
        assert await passing(tickd, EVERY + 2) == 2
        assert own.sent["undelivered"] == 2
        assert own.overdue_secs == 2, "counted from the start as long as none was delivered"
        assert caplog.text.count("own heartbeat not delivered") == 1
        assert (await tickd.call("GET", "/readyz", key=None)).status == 200
        endpoint.status = 200
        assert await passing(tickd, EVERY) == 3
        assert own.sent["success"] == 1
        assert own.delivered_at is not None
        assert own.overdue_secs == 0
        async with tickd._session.get(tickd.url + "/metrics") as answer:
            assert "tickd_own_heartbeat_overdue_seconds 0.0\n" in await answer.text()
    assert "the-secret-token" not in caplog.text


def test_each_kind_of_receiver_is_spoken_to_in_its_way() -> None:
    plain, kuma = (
        "https://hc.example.com/ping/abc?rid=1",
        "https://kuma.example.com/api/push/abc?status=up&msg=OK",
    )
    well, ill = request_for(plain, ""), request_for(plain, "the disk is full")
    assert (well.method, well.url) == ("GET", plain)
    assert (ill.method, ill.url, ill.body) == (
        "POST",
        "https://hc.example.com/ping/abc/fail?rid=1",
        b"the disk is full",
    )
    well, ill = request_for(kuma, ""), request_for(kuma, "the disk is full")
    assert well.url == "https://kuma.example.com/api/push/abc?status=up&msg=OK"
    assert ill.url == "https://kuma.example.com/api/push/abc?status=down&msg=the+disk+is+full"
    assert {well.method, ill.method} == {"GET"}


@pytest.mark.parametrize(
    "text", ["ftp://a/p/x", "https://a/", "https://:1/p/t", "https://a/p/secret#x", "http://a:99999/p"]
)
def test_a_wrong_url_is_refused_without_being_said(text: str) -> None:
    with pytest.raises(StartupError) as refused:
        load({"own_heartbeat_url": text}, {})
    assert text not in refused.value.message


def test_the_url_is_in_no_repr() -> None:
    settings = load({"own_heartbeat_url": "https://a.example.com/p/secret"}, {})
    assert settings.own_heartbeat_url.endswith("/p/secret")
    assert "secret" not in repr(settings)
