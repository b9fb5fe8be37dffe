"""Delivery to real receivers that behave, refuse, hang and go away: in order, and at least once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.services.sending import ACCOUNT, HANG, RESET, Answer, Post, Receiver, posting, receiving
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, eventually
from tests.support.mail import mail_server
from tests.support.servers import free_port

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
async def post(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Post]:
    async with posting(tmp_path / "t.db", clock) as made:
        yield made


@pytest.fixture
async def hook(clock: FakeClock) -> AsyncIterator[Receiver]:
    async with receiving(clock) as made:
        yield made


@pytest.fixture
async def other(clock: FakeClock) -> AsyncIterator[Receiver]:
    async with receiving(clock) as made:
        yield made


# What is sent, and how often.


async def test_a_failure_and_its_recovery_are_told_in_their_order(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url)
    shop = await post.monitor()
    await post.fail(shop)
    await post.settle()
    await post.clock.advance(720)
    await post.recover(shop)
    await post.settle()
    assert hook.whats == ["down Shop", "up Shop"]
    down, up = hook.taken
    assert down.said["error"] == "connection refused" and up.said["duration_seconds"] == 720
    assert "together" not in up.said
    assert await post.states() == [("Shop", "down", "sent"), ("Shop", "recovered", "sent")]
    assert [call.id for call in hook.taken] == [alert.id for alert in await post.alerts()]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(500), "answered 500"),
        (Answer(429), "answered 429"),
        (Answer(404), "answered 404"),
        (Answer(301, {"Location": "/other"}), "redirect"),
        (RESET, "closed the connection"),
    ],
)
async def test_what_is_not_taken_is_sent_again(
    post: Post, hook: Receiver, answer: Answer, error: str
) -> None:
    await post.channel(url=hook.url)
    hook.answers = [answer, answer]
    await post.fail(await post.monitor())
    await post.settle()
    (waiting,) = await post.alerts()
    assert (waiting.state, waiting.attempts) == ("retrying", 1) and error in waiting.last_error
    await post.pass_time(MINUTE)
    (sent,) = await post.alerts()
    assert (sent.state, sent.attempts, sent.last_error) == ("sent", 3, "")
    assert len({call.id for call in hook.calls}) == 1, "a repeat bears the same id"
    pauses = [(call.at - NOON) / 1000 for call in hook.calls]
    assert pauses == [0, 1, 3], "the pause doubles"


async def test_what_was_taken_without_an_answer_is_sent_again_under_its_id(
    post: Post, hook: Receiver
) -> None:
    await post.channel(url=hook.url)
    hook.answers = [Answer(-1)]
    await post.fail(await post.monitor())
    await post.pass_time(MINUTE)
    assert hook.whats == ["down Shop"] * 2
    assert len({call.id for call in hook.taken}) == 1


async def test_an_unreachable_channel_is_tried_again(post: Post) -> None:
    await post.channel(url=f"http://127.0.0.1:{free_port()}/")
    await post.fail(await post.monitor())
    await post.pass_time(MINUTE)
    (waiting,) = await post.alerts()
    assert waiting.state == "retrying" and 3 <= waiting.attempts <= 7 and "refused" in waiting.last_error


async def test_retry_after_is_honoured(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url)
    hook.answers = [Answer(429, {"Retry-After": "90"})]
    await post.fail(await post.monitor("A"))
    await post.settle()
    await post.pass_time(10)
    await post.fail(await post.monitor("B"))
    await post.pass_time(79)
    assert len(hook.calls) == 1, "nothing goes to a channel that asks for rest"
    await post.pass_time(1)
    assert hook.whats == ["down A", "down B"]


async def test_a_receiver_that_asks_to_be_asked_at_once_is_not_hammered(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url)
    hook.judge = lambda _call: Answer(429, {"Retry-After": "0"})
    await post.fail(await post.monitor())
    await post.pass_time(MINUTE)
    assert len(hook.calls) < 10


# Order.


async def test_a_recovery_never_overtakes_its_failure(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url)
    shop, blog = await post.monitors(["Shop", "Blog"])
    hook.answers = [Answer(503)]
    await post.fail(shop)
    await post.settle()
    await post.fail(blog)
    await post.recover(blog)
    await post.fail(blog)
    await post.settle()
    assert hook.tried == ["down Shop"], "the channel rests, and all wait in their order"
    await post.pass_time(MINUTE)
    assert hook.whats == ["down Shop", "up Blog", "down Blog"]


async def test_a_slow_receiver_gets_one_after_another(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url)
    hook.judge = lambda _call: Answer(pause=0.01)
    for monitor in await post.monitors(f"m{number}" for number in range(10)):
        await post.fail(monitor)
    await post.settle()
    assert hook.whats == [f"down m{number}" for number in range(10)]
    assert hook.most == 1


async def test_a_burst_of_webhooks_goes_out_by_eight_each_subject_in_its_order(
    post: Post, hook: Receiver
) -> None:
    await post.channel(url=hook.url)
    hook.judge = lambda _call: Answer(pause=0.002)
    made = await post.monitors(f"m{number}" for number in range(60))
    for _ in range(2):
        await post.fail(*made)
        await post.recover(*made)
        # Told apart: each failure went out before it ended.
        await post.stored("UPDATE alerts SET incident = NULL")
    await post.settle()
    assert 2 <= hook.most <= 8
    for number in range(60):
        mine = [what for what in hook.whats if what.endswith(f" m{number}")]
        assert mine == [f"down m{number}", f"up m{number}"] * 2


async def test_a_burst_that_fails_counts_as_one_failure_of_its_channel(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url)
    hook.judge = lambda _call: Answer(500)
    await post.fail(*await post.monitors(f"m{number}" for number in range(60)))
    await post.settle()
    assert len(hook.calls) == 8
    ((attempts, retry_at),) = await post.stored("SELECT attempts, retry_at FROM lanes")
    assert (attempts, retry_at) == (1, NOON + 1000)
    hook.judge = lambda _call: Answer()
    await post.pass_time(1)
    assert sorted(hook.whats) == sorted(f"down m{number}" for number in range(60))


async def test_what_a_burst_delivers_does_not_end_the_rest_its_receiver_asked_for(
    post: Post, hook: Receiver
) -> None:
    await post.channel(url=hook.url)
    limited = Answer(429, {"Retry-After": "30"})
    hook.answers = [limited, *[Answer(pause=0.03)] * 7]
    await post.fail(*await post.monitors(f"m{number}" for number in range(60)))
    await post.settle()
    assert len(hook.calls) == 8 and len(hook.taken) == 7
    await post.pass_time(29)
    assert len(hook.calls) == 8
    await post.pass_time(1)
    assert len(hook.taken) == 60


async def test_a_hanging_channel_delays_no_other(post: Post, hook: Receiver, other: Receiver) -> None:
    await post.channel("hangs", url=hook.url)
    await post.channel("works", url=other.url)
    hook.judge = lambda _call: HANG
    made = await post.monitors(f"m{number}" for number in range(30))
    for monitor in made:
        await post.fail(monitor)
        await post.settle(hanging=1)
    await post.recover(*made)
    await post.settle(hanging=1)
    assert len(other.taken) == 60 and hook.most == 1
    hook.released.set()
    await post.settle()
    # What was still unsent when it came back is told in one message each.
    assert hook.whats[:1] == ["down m0"] and len(hook.taken) == 31


async def test_a_refused_alert_lets_others_pass_and_keeps_its_own_order(post: Post, hook: Receiver) -> None:
    await post.channel(url=hook.url)
    shop, blog = await post.monitors(["Shop", "Blog"])
    hook.judge = lambda call: Answer(400 if call.said["event"] == "monitor.warn" else 200)
    await post.degrade(shop)
    await post.fail(shop)
    await post.fail(blog)
    following = await post.settle()
    assert hook.tried == ["warn Shop", "down Blog"]
    assert following is not None and following > post.clock.now(), "it waits, and does not spin"
    hook.judge = lambda _call: Answer()
    await post.pass_time(MINUTE)
    assert hook.whats == ["down Blog", "warn Shop", "down Shop"]
    assert (await post.channels.get(ACCOUNT, (await post.alerts())[0].lane)).health.failing_since is None  # type: ignore[union-attr]


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


# Given up.


async def test_after_24_hours_an_alert_has_failed_and_the_fallback_is_told(
    post: Post, hook: Receiver, other: Receiver
) -> None:
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


# Channels that change.


async def test_an_edited_channel_is_tried_at_once(post: Post, hook: Receiver, other: Receiver) -> None:
    made = await post.channel(url=hook.url)
    hook.judge = lambda _call: Answer(503, {"Retry-After": "3600"})
    await post.fail(await post.monitor())
    await post.settle()
    await post.rechannel(made, url=other.url)
    await post.settle()
    assert other.whats == ["down Shop"] and len(hook.calls) == 1


async def test_a_channel_that_is_edited_while_it_hangs_is_tried_at_once(
    post: Post, hook: Receiver, other: Receiver
) -> None:
    made = await post.channel(url=hook.url)
    hook.judge = lambda _call: Answer(503, {"Retry-After": "3600"}, held=True)
    await post.fail(await post.monitor())
    await post.settle(hanging=1)
    await eventually(lambda: _is_asked(hook))
    await post.rechannel(made, url=other.url)
    hook.released.set()
    await post.settle()
    assert other.whats == ["down Shop"]


async def _is_asked(hook: Receiver) -> bool:
    return hook.under_way > 0


@pytest.mark.parametrize(
    ("gone", "why"), [(True, "its channel was deleted"), (False, "its channel is disabled")]
)
@pytest.mark.parametrize("hangs", [True, False])
async def test_what_waits_for_a_channel_that_is_no_more_is_not_sent_and_says_why(
    post: Post, hook: Receiver, gone: bool, why: str, hangs: bool
) -> None:
    made = await post.channel(url=hook.url)
    hook.judge = lambda _call: Answer(503, held=hangs)
    await post.fail(*await post.monitors(["Shop", "Blog"]))
    await post.settle(hanging=1 if hangs else 0)
    await eventually(lambda: _is_asked(hook)) if hangs else None
    if gone:
        await post.channels.delete(ACCOUNT, made.id)
    else:
        await post.rechannel(made, enabled=False)
    hook.released.set()
    await post.settle()
    assert {(alert.state, alert.why) for alert in await post.alerts()} == {("suppressed", why)}
    if gone:
        assert await post.stored("SELECT * FROM lanes") == []


async def test_a_test_that_is_taken_lets_the_rest_go_at_once(post: Post, hook: Receiver) -> None:
    made = await post.channel(url=hook.url)
    hook.answers = [Answer(503, {"Retry-After": "3600"})]
    await post.fail(await post.monitor())
    await post.settle()
    assert await post.channels.test(ACCOUNT, made.id) == ""
    await post.settle()
    assert hook.whats == ["test", "down Shop"]


async def test_an_alert_without_a_place_to_go_is_on_record(post: Post) -> None:
    shop = await post.monitor()
    await post.fail(shop)
    assert await post.settle() is None
    (noted,) = await post.alerts()
    assert noted.state == "suppressed" and noted.why.startswith("there is nowhere to send it")


async def test_two_accounts_with_one_address_share_no_lane(post: Post, hook: Receiver) -> None:
    await post.stored(
        "INSERT INTO accounts (id, name, retention_days, created_at) VALUES ('acc_b', 'B', 30, 0)"
    )
    mine, theirs = await post.monitors(["mine", "theirs"], webhook_url=hook.url)
    await post.stored("UPDATE monitors SET account_id = 'b' WHERE row = ?", theirs.row)
    hook.answers = [Answer(503)]
    await post.fail(mine, theirs)
    await post.settle()
    assert len(hook.calls) == 2, "what one of them is refused keeps nothing of the other back"
    await post.pass_time(MINUTE)
    lanes = dict(await post.stored("SELECT account_id, lane FROM alerts"))
    assert len(set(lanes.values())) == 2


# Restarts.


async def test_another_delivery_on_the_same_file_goes_on(
    tmp_path: Path, clock: FakeClock, hook: Receiver
) -> None:
    async with posting(tmp_path / "t.db", clock) as post:
        await post.channel(url=hook.url)
        hook.judge = lambda call: HANG if call.names == ["m3"] else Answer()
        for monitor in await post.monitors(f"m{number}" for number in range(6)):
            await post.fail(monitor)
        await post.settle(hanging=1)
        await eventually(lambda: _is_asked(hook))
    assert hook.tried == [f"down m{number}" for number in range(4)]
    hook.judge = lambda _call: Answer()
    async with posting(tmp_path / "t.db", clock) as post:
        await post.settle()
        assert {state for _, _, state in await post.states()} == {"sent"}
    assert hook.whats[:6] == [f"down m{number}" for number in range(6)]
    repeated = [call.id for call in hook.calls if call.names == ["m3"]]
    assert len(repeated) == 2 and len(set(repeated)) == 1


async def test_a_claimed_digest_keeps_its_id_and_its_members_over_a_restart(
    tmp_path: Path, clock: FakeClock, hook: Receiver
) -> None:
    async with posting(tmp_path / "t.db", clock) as post:
        await post.account(batch_window_secs=60)
        await post.channel(url=hook.url)
        made = await post.monitors(f"m{number}" for number in range(5))
        for monitor in made[:4]:
            await post.fail(monitor)
        await post.settle()
        hook.judge = lambda _call: HANG
        await post.pass_time(MINUTE, hanging=1)
        await eventually(lambda: _is_asked(hook))
        # It ends, and another one fails, while the digest is on its way.
        await post.recover(made[1])
        await post.fail(made[4])
    hook.judge = lambda _call: Answer()
    await clock.advance(300)
    async with posting(tmp_path / "t.db", clock) as post:
        await post.settle()
    first, digest, again, rest = hook.calls
    assert first.names == ["m0"] and digest.names == ["m1", "m2", "m3"]
    assert (again.id, again.names) == (digest.id, digest.names)
    assert rest.names == ["m1", "m4"] and rest.id != digest.id


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
