"""What is told together: failures with their recoveries, windows, crowds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.sending import RESET, Answer, Post, Receiver, posting
from tests.support.clock import FakeClock
from tests.support.daemon import NOON
from tests.support.mail import mail_server

MINUTE, HOUR, DAY = 60, 3600, 86_400


# A failure and its recovery that are both unsent.


@pytest.mark.parametrize("broken", [Answer(503), RESET])
async def test_a_failure_and_its_recovery_that_wait_are_one_message(
    post: Post, hook: Receiver, broken: Answer
) -> None:
    await post.channel(url=hook.url, reminder_minutes=1)
    shop, blog = await post.monitors(["Shop", "Blog"])
    await post.fail(blog)
    await post.settle()
    hook.judge = lambda _call: broken
    await post.fail(shop)
    await post.pass_time(750)
    await post.recover(shop)
    hook.judge = lambda _call: Answer()
    await post.pass_time(5 * MINUTE)
    (up,) = [call for call in hook.taken if call.names == ["Shop"]]
    assert up.what == "up Shop" and up.said["together"] is True and up.said["duration_seconds"] == 750
    found = [(event, state) for name, event, state in await post.states() if name == "Shop"]
    assert ("down", "suppressed") in found and ("recovered", "sent") in found
    assert not [state for _, state in found if state in ("queued", "retrying")]
    assert "told together" in (await post.alerts(event="down"))[1].why


async def test_two_outages_that_wait_are_told_as_two(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url)
    shop = await post.monitor()
    hook.answers = [Answer(503, {"Retry-After": "600"})]
    for _ in range(2):
        await post.fail(shop)
        await post.settle()
        await post.clock.advance(60)
        await post.recover(shop)
    await post.fail(shop)
    await post.pass_time(600)
    assert hook.whats == ["up Shop", "up Shop", "down Shop"]


# Batching, and crowds.


async def test_the_first_alert_goes_at_once_then_one_digest_a_window(post: Post, hook: Receiver) -> None:
    await post.account(batch_window_secs=60)
    await post.channel(url=hook.url)
    made = await post.monitors(f"m{number}" for number in range(30))
    for number, monitor in enumerate(made):
        await post.fail(monitor)
        await post.pass_time(0 if number < 10 else 10)
    await post.pass_time(10 * MINUTE)
    counts = [(len(call.names), (call.at - NOON) // 1000) for call in hook.taken]
    assert counts[:2] == [(1, 0), (15, 60)]
    assert [at for _, at in counts] == [0, 60, 120, 180, 240]
    assert sorted(name for call in hook.taken for name in call.names) == sorted(one.name for one in made)
    await post.recover(made[0])
    await post.settle()
    assert hook.whats[-1] == "up m0", "after a quiet window the next one goes at once"


async def test_what_ends_within_the_window_is_told_as_one(post: Post, hook: Receiver) -> None:
    await post.account(batch_window_secs=60)
    await post.channel(url=hook.url)
    shop, blog = await post.monitors(["Shop", "Blog"])
    await post.fail(shop)
    await post.settle()
    await post.fail(blog)
    await post.recover(shop, blog)
    await post.pass_time(MINUTE)
    (digest,) = hook.taken[1:]
    assert [(one["event"], one.get("together")) for one in digest.said["alerts"]] == [
        ("monitor.up", None),
        ("monitor.up", True),
    ]


async def test_a_digest_is_no_repeat_of_the_alert_it_begins_with(post: Post, hook: Receiver) -> None:
    await post.account(batch_window_secs=60)
    await post.channel(url=hook.url)
    hook.answers = [Answer(-1), Answer(503, {"Retry-After": "120"})]
    for monitor in await post.monitors(["A", "B", "C"]):
        await post.fail(monitor)
        await post.settle()
    await post.pass_time(10 * MINUTE)
    seen: dict[str, list[str]] = {}
    for call in hook.taken:
        # As a receiver does that drops what it has seen.
        seen.setdefault(call.id, call.names)
    assert {name for names in seen.values() for name in names} == {"A", "B", "C"}


async def test_batching_that_is_turned_off_lets_all_go_in_their_order(post: Post, hook: Receiver) -> None:
    await post.account(batch_window_secs=3600)
    await post.channel(url=hook.url)
    shop, blog = await post.monitors(["Shop", "Blog"])
    await post.fail(shop)
    await post.fail(blog)
    await post.settle()
    await post.account(batch_window_secs=0)
    await post.recover(blog)
    await post.fail(blog)
    await post.settle()
    assert hook.whats == ["down Shop", "up Blog", "down Blog"]
    await post.pass_time(2 * HOUR)
    assert len(hook.calls) == 3


async def test_a_clock_that_is_set_back_lets_nothing_overtake(post: Post, hook: Receiver) -> None:
    await post.account(batch_window_secs=60)
    await post.channel(url=hook.url)
    shop, blog = await post.monitors(["Shop", "Blog"])
    await post.fail(shop)
    await post.fail(blog)
    await post.settle()
    post.clock.step(-HOUR * 1000)
    await post.recover(blog)
    await post.pass_time(2 * HOUR)
    events = [one for call in hook.taken for one in call.said.get("alerts", [call.said])]
    assert [one["event"] for one in events if one["monitor_name"] == "Blog"] in (
        ["monitor.down", "monitor.up"],
        ["monitor.up"],
    )


async def test_a_digest_that_is_refused_is_taken_apart(post: Post, hook: Receiver) -> None:
    await post.account(batch_window_secs=60)
    await post.channel(url=hook.url)
    hook.judge = lambda call: Answer(413 if "poison" in call.names else 200)
    made = await post.monitors(["first", *(f"m{number}" for number in range(20)), "poison", "last"])
    await post.fail(*made)
    await post.pass_time(30 * MINUTE)
    taken = [name for call in hook.taken for name in call.names]
    assert sorted(taken) == sorted(one.name for one in made if one.name != "poison")
    assert len(hook.calls) < 40


@pytest.mark.parametrize(("count", "messages"), [(4, 4), (5, 1), (40, 1)])
async def test_a_crowd_is_one_message_to_a_chat(
    post: Post, hook: Receiver, count: int, messages: int
) -> None:
    await post.channel(kind="slack", url=hook.url)
    made = await post.monitors(f"m{number:02}" for number in range(count))
    await post.fail(*made)
    await post.settle()
    assert len(hook.taken) == messages
    text = " ".join(str(call.said) for call in hook.taken)
    assert all(monitor.name in text for monitor in made)


async def test_a_thousand_monitors_that_fail_at_once_are_a_handful_of_messages(
    post: Post, hook: Receiver, other: Receiver
) -> None:
    await post.account(batch_window_secs=30)
    await post.channel("program", url=hook.url)
    await post.channel("chat", kind="slack", url=other.url)
    names = [f"m{number:04}" for number in range(1000)]
    made = await post.monitors(names)
    await post.fail(*made)
    await post.pass_time(MINUTE)
    assert len(hook.taken) == 2 and len(other.taken) == 2
    assert sorted(name for call in hook.taken for name in call.names) == names
    await post.recover(*made)
    await post.pass_time(2 * MINUTE)
    assert len(hook.taken) <= 4 and len(other.taken) <= 4
    told = [one for call in hook.taken[2:] for one in call.said.get("alerts", [call.said])]
    ended = [one for one in told if one["event"] == "monitor.up"]
    assert sorted(one["monitor_name"] for one in ended) == names


async def test_a_crowd_is_one_mail_with_all_subjects(tmp_path: Path, clock: FakeClock) -> None:
    with mail_server() as server:
        async with posting(tmp_path / "t.db", clock, smtp_url=server.url()) as post:
            await post.account(alert_email="ops@example.com")
            names = [f"m{number:03}" for number in range(200)]
            await post.fail(*await post.monitors(names))
            await post.settle()
            (mail,) = server.taken
            assert all(name in mail.part("plain") for name in names)
            assert "200 alerts" in str(mail.mail["Subject"])
