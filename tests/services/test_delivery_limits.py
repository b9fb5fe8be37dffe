"""How long an alert is tried, what follows when it is given up, and what comes later or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.sending import ACCOUNT, Answer, Post, Receiver, posting
from tests.support.clock import FakeClock
from tests.support.daemon import NOON

MINUTE, HOUR, DAY = 60, 3600, 86_400


# Given up.


async def test_after_24_hours_an_alert_has_failed_and_the_fallback_is_told(
    post: Post, hook: Receiver, other: Receiver
) -> None:
    post.delivery._jitter = lambda: 0.999  # as seldom as may be: some 300 attempts a day
    dead = await post.channel("dead", url=hook.url)
    spare = await post.channel("spare", url=other.url, default=False)
    await post.account(fallback_channel=spare.id)
    hook.judge = lambda _call: Answer(503)
    shop = await post.monitor()
    await post.fail(shop)
    await post.pass_time(DAY - HOUR)
    (waiting,) = await post.alerts(event="down")
    assert waiting.state == "retrying" and 250 < waiting.attempts < 1500
    assert [call.said["event"] for call in other.taken] == ["tickd.delivery"]
    await post.pass_time(2 * HOUR)
    failed, copy = await post.alerts(event="down")
    assert (failed.state, failed.why) == ("failed", "it could not be delivered in 24 h")
    assert "503" in failed.last_error and failed.lane == dead.id
    assert (copy.state, copy.lane) == ("sent", spare.id)
    told = other.taken[1]
    assert told.what == "down Shop" and "dead (webhook)" in told.said["note"]
    # Who was told of the failure is told of its end.
    await post.recover(shop)
    await post.settle()
    assert other.taken[-1].what == "up Shop"


async def test_all_that_a_dead_channel_kept_for_24_hours_is_given_up_with_it(
    post: Post, hook: Receiver, other: Receiver
) -> None:
    await post.channel("dead", url=hook.url)
    spare = await post.channel("spare", url=other.url, default=False, events=["down", "recovered"])
    await post.account(fallback_channel=spare.id)
    hook.judge = lambda _call: Answer(503, {"Retry-After": "3600"})
    await post.fail(*await post.monitors(f"m{number}" for number in range(100)))
    await post.pass_time(DAY + 400)
    assert {state for _, _, state in await post.states(event="down")} == {"failed", "sent"}
    assert sorted(other.whats) == sorted(f"down m{number}" for number in range(100))


async def test_a_recovery_that_is_given_up_leaves_no_failure_behind(
    post: Post, hook: Receiver, other: Receiver
) -> None:
    await post.channel("dead", url=hook.url)
    spare = await post.channel("spare", url=other.url, default=False, events=["down", "recovered"])
    await post.account(fallback_channel=spare.id)
    hook.judge = lambda _call: Answer(503, {"Retry-After": "3600"})
    shop = await post.monitor()
    await post.fail(shop)
    await post.settle()
    await post.recover(shop)
    await post.pass_time(DAY + 400)
    hook.judge = lambda _call: Answer()
    await post.pass_time(HOUR)
    assert hook.whats == [], "nobody is told of a failure whose end is never told"
    assert other.whats == ["up Shop"] and other.taken[0].said["together"] is True
    assert [one for one in await post.states() if one[2] in ("queued", "retrying")] == []


async def test_the_first_attempt_after_a_long_absence_is_not_the_last(
    tmp_path: Path, clock: FakeClock, hook: Receiver
) -> None:
    async with posting(tmp_path / "t.db", clock) as post:
        await post.channel(url=hook.url)
        await post.fail(await post.monitor())
    await clock.advance(3 * DAY)
    hook.answers = [Answer(503)]
    async with posting(tmp_path / "t.db", clock) as post:
        await post.pass_time(MINUTE)
        assert await post.states() == [("Shop", "down", "sent")]


async def test_an_alert_that_was_delayed_for_a_day_is_tried_for_a_day(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url, delay_secs=DAY)
    hook.answers = [Answer(503)] * 3
    await post.fail(await post.monitor())
    await post.pass_time(DAY + MINUTE)
    assert await post.states() == [("Shop", "down", "sent")]


async def test_a_channel_that_fails_for_ten_minutes_is_told_elsewhere_once_an_episode(
    post: Post, hook: Receiver, other: Receiver
) -> None:
    await post.channel("broken", url=hook.url)
    await post.channel("works", url=other.url, events=["delivery"])
    hook.judge = lambda _call: Answer(503)
    await post.fail(await post.monitor())
    await post.pass_time(595)
    assert other.taken == []
    await post.pass_time(5 * HOUR)
    (told,) = other.taken
    assert told.said["event"] == "tickd.delivery" and told.said["note"] == "The channel is broken (webhook)."
    assert 600_000 <= told.at - NOON <= 900_000 + 300_000
    hook.judge = lambda _call: Answer()
    await post.pass_time(5 * MINUTE)
    hook.judge = lambda _call: Answer(503)
    await post.fail(await post.monitor("B"))
    await post.pass_time(HOUR)
    assert len(other.taken) == 2, "another episode is told again"


async def test_that_the_fallback_channel_fails_is_told_by_the_others(
    post: Post, hook: Receiver, other: Receiver
) -> None:
    spare = await post.channel("spare", url=hook.url)
    await post.channel("works", url=other.url, events=["delivery"])
    await post.account(fallback_channel=spare.id)
    hook.judge = lambda _call: Answer(503)
    await post.fail(await post.monitor())
    await post.pass_time(HOUR)
    assert [call.said["note"] for call in other.taken] == ["The channel is spare (webhook)."]


async def test_that_a_channel_fails_and_nobody_can_be_told_is_on_record(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url)
    hook.judge = lambda _call: Answer(503)
    await post.fail(await post.monitor())
    await post.pass_time(HOUR)
    (noted,) = await post.alerts(event="delivery")
    assert noted.state == "suppressed" and "nowhere to send" in noted.why


# Reminders, delays, and who ends them.


async def test_reminders_come_until_it_is_acknowledged(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url, reminder_minutes=30)
    shop = await post.monitor()
    await post.fail(shop)
    await post.pass_time(95 * MINUTE)
    assert [(call.said["event"], (call.at - NOON) // 60_000) for call in hook.taken] == [
        ("monitor.down", 0),
        ("monitor.reminder", 30),
        ("monitor.reminder", 60),
        ("monitor.reminder", 90),
    ]
    await post.incidents.acknowledge(ACCOUNT, (await post.incident(shop)).incident.id)
    await post.pass_time(5 * HOUR)
    assert len(hook.taken) == 4
    await post.recover(shop)
    await post.settle()
    assert hook.whats[-1] == "up Shop"


async def test_reminders_end_with_the_incident(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url, reminder_minutes=30)
    shop = await post.monitor()
    await post.fail(shop)
    await post.pass_time(20 * MINUTE)
    await post.recover(shop)
    await post.pass_time(5 * HOUR)
    assert hook.whats == ["down Shop", "up Shop"]


async def test_reminders_do_not_pile_up_before_a_dead_channel(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url, reminder_minutes=1)
    await post.fail(await post.monitor())
    await post.settle()
    hook.judge = lambda _call: Answer(503)
    await post.pass_time(3 * HOUR)
    waiting = [one for one in await post.states() if one[2] in ("queued", "retrying")]
    assert len(waiting) == 1
    hook.judge = lambda _call: Answer()
    await post.pass_time(5 * MINUTE)
    assert 2 <= len(hook.taken) <= 8


@pytest.mark.parametrize("how", ["recovery", "acknowledgement", "deletion"])
async def test_a_delayed_alert_is_not_sent_where_that_comes_before(
    post: Post, hook: Receiver, other: Receiver, how: str
) -> None:
    await post.channel("first", url=hook.url)
    await post.channel("escalation", url=other.url, delay_secs=600)
    shop = await post.monitor()
    await post.fail(shop)
    await post.pass_time(599)
    if how == "recovery":
        await post.recover(shop)
    elif how == "deletion":
        await post.delete(shop)
    else:
        await post.incidents.acknowledge(ACCOUNT, (await post.incident(shop)).incident.id)
    await post.pass_time(HOUR)
    assert hook.whats[0] == "down Shop" and other.calls == []
    (delayed,) = [alert for alert in await post.alerts(event="down") if alert.delayed]
    said = {"recovery": "recovered", "acknowledgement": "acknowledged", "deletion": "deleted"}
    assert delayed.state == "suppressed" and said[how] in delayed.why


async def test_a_delayed_alert_is_sent_when_its_delay_has_passed(
    post: Post, hook: Receiver, other: Receiver
) -> None:
    await post.channel("first", url=hook.url)
    await post.channel("escalation", url=other.url, delay_secs=600, reminder_minutes=5)
    shop = await post.monitor()
    await post.fail(shop)
    await post.pass_time(16 * MINUTE)
    assert [((call.at - NOON) // 1000, call.said["event"]) for call in other.taken] == [
        (600, "monitor.down"),
        (900, "monitor.reminder"),
    ]
    await post.recover(shop)
    await post.settle()
    assert other.whats[-1] == "up Shop"


async def test_a_degradation_that_ends_within_a_delay_is_not_told_there(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url, delay_secs=600)
    shop = await post.monitor()
    await post.degrade(shop)
    await post.pass_time(300)
    await post.restore(shop)
    await post.pass_time(HOUR)
    assert hook.whats == []
    assert await post.states() == [("Shop", "degraded", "suppressed")]
