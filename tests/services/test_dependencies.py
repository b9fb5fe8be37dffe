"""What a subject depends on: its alerts wait while that is down, and come when the fault is its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.services.sending import Post, Receiver, posting
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually
from tests.support.endpoint import Endpoint
from tickd.domain.incidents import Cause
from tickd.domain.maintenance import Window
from tickd.domain.monitors import Monitor

MINUTE, HOUR = 60, 3600
SETTLED = 65
"""So many seconds after its failure a dependant is told at the latest, if nothing else is down."""


@pytest.fixture
async def post(tmp_path: Path, clock: FakeClock, hook: Receiver) -> AsyncIterator[Post]:
    async with posting(tmp_path / "t.db", clock) as made:
        await made.channel(url=hook.url)
        yield made


async def tree(post: Post, *names: str, **fields: Any) -> list[Monitor]:
    """Monitors, each of which depends on the one before it."""
    made: list[Monitor] = []
    for name in names:
        wants = {"depends_on": [made[-1].id]} if made else {}
        made.append(await post.monitor(name, **(wants | fields)))
    return made


async def whys(post: Post, name: str) -> list[str]:
    """Why the subject's alerts were not told."""
    found = await post.alerts(state="suppressed")
    return [alert.why for alert in found if alert.story.about and alert.story.about.name == name]


async def test_what_depends_on_what_is_down_is_not_told_and_says_why(post: Post, hook: Receiver) -> None:
    router, shop = await tree(post, "router", "shop")
    await post.fail(router)
    await post.settle()
    await post.fail(shop)
    await post.pass_time(HOUR)
    assert hook.whats == ["down router"]
    assert len(await post.opened()) == 2, "the incident is there; only its alerts are held"
    assert await whys(post, "shop") == [f"it depends on router ({router.id}), which is down"]


async def test_what_fails_first_waits_for_a_look_at_what_it_depends_on(post: Post, hook: Receiver) -> None:
    router, shop = await tree(post, "router", "shop", interval_secs=60)
    await post.fail(shop)
    await post.pass_time(60)
    assert hook.calls == []
    await post.fail(router)
    await post.pass_time(HOUR)
    assert hook.whats == ["down router"]


async def test_what_fails_alone_is_told_once_what_it_depends_on_has_been_looked_at(
    post: Post, hook: Receiver
) -> None:
    _, shop = await tree(post, "router", "shop", interval_secs=30)
    await post.fail(shop)
    await post.pass_time(HOUR)
    assert [(call.what, (call.at - NOON) / 1000) for call in hook.taken] == [("down shop", 35)]
    assert hook.taken[0].said["since"] == "2026-03-03T12:00:00+00:00"


async def test_nobody_waits_long_for_what_is_rarely_looked_at(post: Post, hook: Receiver) -> None:
    _, shop = await tree(post, "router", "shop", interval_secs=86_400)
    await post.fail(shop)
    await post.pass_time(HOUR)
    assert [(call.at - NOON) / 1000 for call in hook.taken] == [SETTLED]


async def test_a_doubtful_dependency_is_waited_for(post: Post, hook: Receiver) -> None:
    router, shop = await tree(post, "router", "shop", interval_secs=60)
    await post.fail(shop)
    await post.pass_time(60)
    await post.doubt(router)
    await post.pass_time(60)
    assert hook.calls == []
    await post.fail(router)
    await post.pass_time(HOUR)
    assert hook.whats == ["down router"]


async def test_a_dependency_that_stays_doubtful_holds_nothing_for_ever(post: Post, hook: Receiver) -> None:
    router, shop = await tree(post, "router", "shop", interval_secs=60)
    await post.doubt(router)
    await post.fail(shop)
    await post.pass_time(HOUR)
    assert hook.whats == ["down shop"]
    assert hook.taken[0].at - NOON <= 4 * 60_000


async def test_both_that_fail_in_one_moment_are_one_message(post: Post, hook: Receiver) -> None:
    router, shop = await tree(post, "router", "shop")
    await post.fail(shop, router)
    await post.pass_time(HOUR)
    assert hook.whats == ["down router"]


async def test_heartbeats_that_expire_together_need_no_order(post: Post, hook: Receiver) -> None:
    """The silence of one is recorded after the other's was told, and neither has an interval of checks."""
    router, shop = await tree(post, "router", "shop", interval_secs=1)
    now = post.clock.now()
    await post.stored("UPDATE monitors SET failing = 1 WHERE row = ?", shop.row)
    await post.db.write(
        lambda tx: post.telling.failing(tx, "monitor", shop.row, Cause(error="silent", at=now), now)
    )
    await post.settle()
    await post.fail(router)
    await post.pass_time(HOUR)
    assert hook.whats == ["down router"]


@pytest.mark.parametrize("after", [10, 3600])
async def test_what_is_still_down_when_its_dependency_is_up_again_is_told_then(
    post: Post, hook: Receiver, after: int
) -> None:
    router, shop = await tree(post, "router", "shop", interval_secs=60)
    await post.fail(router)
    await post.fail(shop)
    await post.pass_time(after)
    await post.recover(router)
    await post.settle()
    recovered = post.clock.now()
    assert hook.whats == ["down router", "up router"]
    await post.pass_time(10 * MINUTE)
    assert hook.whats == ["down router", "up router", "down shop"]
    assert hook.taken[2].at - recovered <= (60 + SETTLED) * 1000, "its own check has its time to recover"
    await post.recover(shop)
    await post.settle()
    assert hook.whats[3:] == ["up shop"]


async def test_what_comes_back_with_its_dependency_is_never_told(post: Post, hook: Receiver) -> None:
    router, shop = await tree(post, "router", "shop", interval_secs=60)
    await post.fail(router, shop)
    await post.pass_time(HOUR)
    await post.recover(router)
    await post.pass_time(90)
    await post.recover(shop)
    await post.pass_time(HOUR)
    assert hook.whats == ["down router", "up router"]
    assert await post.opened() == []


async def test_what_was_told_before_its_dependency_failed_is_told_to_be_well(
    post: Post, hook: Receiver
) -> None:
    router, shop = await tree(post, "router", "shop")
    await post.fail(shop)
    await post.pass_time(5 * MINUTE)
    await post.fail(router)
    await post.settle()
    await post.recover(shop)
    await post.settle()
    assert hook.whats == ["down shop", "down router", "up shop"]


@pytest.mark.parametrize("between", ["is well", "is paused", "is down"])
async def test_grandparents_count_whatever_is_between(post: Post, hook: Receiver, between: str) -> None:
    gateway, router, shop = await tree(post, "gateway", "router", "shop")
    await post.fail(gateway)
    if between == "is paused":
        await post.edit(router, status="paused")
    if between == "is down":
        await post.fail(router)
    await post.fail(shop)
    await post.pass_time(HOUR)
    assert hook.whats == ["down gateway"]
    assert (await whys(post, "shop"))[0].startswith("it depends on ")


async def test_a_dependency_that_is_paused_explains_nothing(post: Post, hook: Receiver) -> None:
    router, shop = await tree(post, "router", "shop")
    await post.fail(router)
    await post.edit(router, status="paused")
    await post.fail(shop)
    await post.pass_time(HOUR)
    assert hook.whats == ["down router", "down shop"]


async def test_a_dependency_in_maintenance_explains_what_depends_on_it(post: Post, hook: Receiver) -> None:
    router = await post.monitor("router", maintenance_windows=[Window("daily", "11:00", "14:00")])
    shop = await post.monitor("shop", depends_on=[router.id])
    await post.fail(router, shop)
    await post.pass_time(HOUR)
    assert hook.whats == []


@pytest.mark.parametrize("count", [2, 3])
async def test_of_a_circle_the_first_to_fail_is_told(post: Post, hook: Receiver, count: int) -> None:
    made = await tree(post, *"abc"[:count])
    await post.edit(made[0], depends_on=[made[-1].id])
    await post.fail(*made)
    await post.pass_time(HOUR)
    assert hook.whats == ["down a"]
    await post.recover(made[0])
    await post.pass_time(HOUR)
    # Of those that are left, again the first.
    assert hook.whats == ["down a", "up a", "down b"]


async def test_who_depends_on_itself_is_told(post: Post, hook: Receiver) -> None:
    shop = await post.monitor("shop")
    await post.edit(shop, depends_on=[shop.id])
    await post.fail(shop)
    await post.settle()
    assert hook.whats == ["down shop"]


@pytest.mark.parametrize("unknown", [["mon_gone"], ["job_gone", "hb_gone"], ["what is this", ""]])
async def test_ids_that_lead_nowhere_hold_nothing(post: Post, hook: Receiver, unknown: Sequence[str]) -> None:
    shop = await post.monitor("shop")
    await post.stored(
        "UPDATE monitors SET options = json_set(options, '$.depends_on', json(?)) WHERE row = ?",
        "[" + ",".join(f'"{one}"' for one in unknown) + "]",
        shop.row,
    )
    await post.fail(shop)
    await post.settle()
    assert hook.whats == ["down shop"]


async def test_a_dependency_that_is_deleted_holds_nothing_any_more(post: Post, hook: Receiver) -> None:
    router, shop = await tree(post, "router", "shop")
    await post.fail(router, shop)
    await post.settle()
    await post.delete(router)
    await post.pass_time(2 * MINUTE)
    assert hook.whats == ["down router", "down shop"]


async def test_a_dependency_that_is_taken_away_holds_nothing_any_more(post: Post, hook: Receiver) -> None:
    router, shop = await tree(post, "router", "shop")
    await post.fail(router, shop)
    await post.settle()
    await post.edit(shop, depends_on=[])
    await post.settle()
    assert hook.whats == ["down router", "down shop"]


async def test_another_accounts_subject_is_no_dependency(post: Post, hook: Receiver) -> None:
    router, shop = await tree(post, "router", "shop")
    await post.stored("INSERT INTO accounts (id, name, retention_days, created_at) VALUES ('b', 'B', 30, 0)")
    await post.stored("UPDATE monitors SET account_id = 'b' WHERE row = ?", router.row)
    await post.fail(router, shop)
    await post.settle()
    assert hook.whats == ["down shop"]


async def test_who_has_seen_what_waits_is_not_escalated_to(post: Post, hook: Receiver) -> None:
    (channel,) = (await post.channels.page("acc_default", limit=10, offset=0))[0]
    await post.rechannel(channel.channel, delay_secs=300, reminder_minutes=1)
    _, shop = await tree(post, "router", "shop")
    await post.fail(shop)
    await post.settle()
    seen = await post.incident(shop)
    await post.incidents.acknowledge("acc_default", seen.incident.id)
    await post.pass_time(HOUR)
    assert hook.calls == []
    assert await whys(post, "shop") == ["it was acknowledged before its delay had passed"]


async def test_a_thousand_behind_one_router_are_one_message(post: Post, hook: Receiver) -> None:
    router = await post.monitor("router")
    behind = await post.monitors((f"m{number}" for number in range(1000)), depends_on=[router.id])
    await post.fail(*behind, router)
    await post.pass_time(10 * MINUTE)
    assert hook.whats == ["down router"]
    await post.recover(router, *behind)
    await post.pass_time(10 * MINUTE)
    assert hook.whats == ["down router", "up router"]


async def test_an_edited_job_is_looked_at_again_at_once(tickd: Harness, endpoint: Endpoint) -> None:
    await tickd.call("POST", "/v1/channels", {"kind": "webhook", "name": "a", "url": endpoint.url + "/told"})
    window = {"starts_at": "2026-03-03T11:00:00Z", "ends_at": "2026-03-03T23:00:00Z", "tags": ["planned"]}
    reply = await tickd.call("POST", "/v1/maintenance", {"name": "move"} | window)
    assert reply.status == 201, reply.json
    url = endpoint.url + "/run"
    job = await tickd.job(schedule="@yearly", endpoint=url, retries=0, tags=["planned"])
    endpoint.status = 500
    await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")

    async def states() -> list[str]:
        found = (await tickd.call("GET", "/v1/alerts")).json["alerts"]
        return [alert["state"] for alert in found]

    await eventually(states)
    assert await states() == ["suppressed"]
    endpoint.status = 200
    await tickd.call("PATCH", f"/v1/jobs/{job['id']}", {"tags": []})

    async def told() -> list[str]:
        return [call.path for call in endpoint.calls if call.path == "/told"]

    await eventually(told)
