"""Delivery to real receivers that behave, refuse, hang and go away: in order, and at least once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.sending import ACCOUNT, HANG, RESET, Answer, Post, Receiver, posting
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, eventually
from tests.support.servers import free_port

MINUTE, HOUR, DAY = 60, 3600, 86_400


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
    hook.judge = lambda call: Answer(pause=0.02 if call.said["event"] == "monitor.down" else 0)
    made = await post.monitors(f"m{number}" for number in range(25))
    for monitor in made * 2:
        await post.fail(monitor)
        await post.recover(monitor)
    # Told apart, as if each failure had gone out before it ended.
    await post.stored("UPDATE alerts SET incident = NULL")
    await post.settle()
    assert 2 <= hook.most <= 8
    for number in range(25):
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
    await post.stored("UPDATE monitors SET account_id = 'acc_b' WHERE row = ?", theirs.row)
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
