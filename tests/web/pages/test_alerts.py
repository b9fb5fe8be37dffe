"""The pages of alerts: every delivery with its state, why, how often it was tried, and when again."""

from __future__ import annotations

import html
from typing import Any

import pytest

from tests.contract.telling import account, alerts, channel, failing, settled
from tests.support.browsing import Shown, browser
from tests.support.daemon import NOON, Harness, eventually
from tests.support.endpoint import Endpoint, serving
from tests.support.receiver import nobody
from tests.web.people import signed_in, stranger
from tickd.domain import times
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.alerts import About, Alert, Story
from tickd.store import alerts as stored
from tickd.web.pages.alerts import LIMIT

LATER = NOON + times.DAY
SLACK = '{"kind": "slack", "options": {"url": "https://hooks.slack.example/T0/SECRET"}}'
MAIL = '{"kind": "email", "options": {"to": ["ops@example.com"]}}'


async def put(tickd: Harness, number: int = 1, **fields: Any) -> str:
    """An alert that is stored as it is; its id."""
    about = About("monitor", f"mon_{number:016}", fields.pop("name", f"Shop {number}"), "", "http")
    event = fields.pop("event", "down")
    plain: dict[str, Any] = {
        "row": 0,
        "account_id": DEFAULT_ACCOUNT,
        "key": f"key {number} {fields.get('lane', '')}",
        "event": event,
        "incident": None,
        "kind": "monitor",
        "subject": number,
        "lane": "chn_gone",
        "target": None,
        "story": Story(
            event=event, at=NOON, about=about, error="status code 503", incident_id=f"inc_{number}"
        ),
        "state": "sent",
        "attempts": 1,
        "created_at": NOON,
        "due_at": NOON,
        "ended_at": NOON,
    }
    made = Alert(**(plain | fields))

    def unit(tx: Any) -> str:
        stored.insert(tx, made)
        row = stored.row_of_key(tx, made.key)
        if made.message is not None:
            stored.claim(tx, [row], made.message)
        return Alert(**(plain | fields | {"row": row})).id

    return await tickd.daemon._database.write(unit)


def titles(shown: Shown) -> list[str]:
    """What the rows of a list tell, in their order."""
    rows = shown.text.split('<th scope="row">')[1:]
    return [html.unescape(row.split(">", 1)[1].split("<", 1)[0]) for row in rows]


async def test_without_alerts_the_list_says_what_it_is_for(tickd: Harness) -> None:
    async with signed_in(tickd) as me:
        shown = await me.get("/alerts")
    assert shown.status == 200
    assert "No alerts yet When something fails, what is sent to whom is listed here" in shown.words


async def test_each_row_says_what_became_of_it(tickd: Harness) -> None:
    to = await channel(tickd, name="Operations", url="http://127.0.0.1:9/")
    lane = to["id"]
    error = "the server answered 500"
    await put(tickd, 1, lane=lane)
    await put(
        tickd, 2, lane=lane, state="retrying", attempts=5, last_error=error, due_at=LATER, ended_at=None
    )
    await put(tickd, 3, lane=lane, state="failed", attempts=48, last_error=error, why="it was tried for 24 h")
    await put(tickd, 4, lane="", state="suppressed", attempts=0, why="in maintenance: Patches")
    await put(tickd, 5, lane=lane, state="queued", attempts=0, due_at=LATER, ended_at=None, delayed=True)
    await put(tickd, 6, lane="slack:1", target=SLACK)
    await put(tickd, 7, event="recovered", lane="email:1", target=MAIL)
    async with signed_in(tickd) as me:
        shown = await me.get("/alerts")
    assert titles(shown) == [
        "Shop 7 is up again",
        "Shop 6 is down",
        "Shop 5 is down",
        "Shop 4 is down",
        "Shop 3 is down",
        "Shop 2 is down",
        "Shop 1 is down",
    ]
    for words in (
        "1 alert could not be delivered. Show it",
        "Queued 1 Retrying 1 Sent 3 Failed 1 Suppressed 1",
        "Sent ops@example.com 3 Mar 2026, 12:00 UTC 1 attempts",
        "Sent the slack address of Shop 6",
        "Queued Operations (webhook) 3 Mar 2026, 12:00 UTC 0 attempts Due 4 Mar 2026, 12:00 UTC",
        "Suppressed \N{EN DASH} 3 Mar 2026, 12:00 UTC 0 attempts in maintenance: Patches",
        f"Failed Operations (webhook) 3 Mar 2026, 12:00 UTC 48 attempts it was tried for 24 h {error}",
        f"5 attempts Next attempt 4 Mar 2026, 12:00 UTC {error}",
    ):
        assert words in shown.words, words
    assert "SECRET" not in shown.text
    assert shown.text.count('class="failed"') == 1
    for link in (f"/channels/{lane}", "/monitors/mon_0000000000000003", "/incidents/inc_3"):
        assert f'href="{link}"' in shown.text


async def test_the_filters_narrow_the_list(tickd: Harness) -> None:
    to = await channel(tickd, name="Operations", url="http://127.0.0.1:9/")
    await put(tickd, 1, lane=to["id"])
    await put(tickd, 2, state="failed")
    await put(tickd, 3, lane="slack:1", target=SLACK, event="recovered")
    async with signed_in(tickd) as me:

        async def found(query: str) -> list[str]:
            return [title.split(" is ")[0] for title in titles(await me.get(f"/alerts?{query}"))]

        assert await found("") == ["Shop 3", "Shop 2", "Shop 1"]
        assert await found("status=failed") == ["Shop 2"]
        assert await found(f"channel={to['id']}") == ["Shop 1"]
        assert await found("channel=direct") == ["Shop 3"]
        assert await found("event=recovered&status=&channel=") == ["Shop 3"]
        assert await found("incident=inc_nothing") == []
        one = await me.get("/alerts?incident=inc_nothing&status=sent")
        assert "Nothing matches" in one.words
        assert 'href="/alerts?status=sent&amp;"' in one.text
        assert (await me.get("/alerts?status=lost")).status == 400


async def test_a_long_list_has_pages_that_keep_the_filters(tickd: Harness) -> None:
    for number in range(LIMIT + 2):
        await put(tickd, number)
    async with signed_in(tickd) as me:
        first = await me.get("/alerts?status=sent")
        assert len(titles(first)) == LIMIT
        following = f"/alerts?status=sent&offset={LIMIT}"
        assert f'href="{html.escape(following)}"' in first.text
        assert titles(await me.get(following)) == ["Shop 1 is down", "Shop 0 is down"]


async def test_an_alert_tells_its_whole_story(tickd: Harness) -> None:
    error = "the server answered 500"
    one = await put(
        tickd,
        1,
        state="failed",
        attempts=48,
        first_tried_at=NOON + 1000,
        last_error=error,
        why="it was tried for 24 h",
        ended_at=LATER,
        delayed=True,
    )
    async with signed_in(tickd) as me:
        shown = await me.get(f"/alerts/{one}")
    for words in (
        "Shop 1 is down Failed it was tried for 24 h",
        "Event Down Monitor Shop 1 Incident inc_1 To a channel that is gone Attempts 48",
        f"Given up 4 Mar 2026, 12:00 UTC it was tried for 24 h: {error} First attempt failed",
        "Held back by the delay of the channel",
        "Queued 3 Mar 2026, 12:00 UTC",
        "It has been down since 2026-03-03 12:00:00 UTC.",
        "Why status code 503 Severity major",
        '"event": "monitor.down"',
        f'"alert_id": "{one}"',
    ):
        assert words in shown.words, words


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Sent 3 Mar 2026, 12:00 UTC Queued"),
        (
            {"state": "suppressed", "why": "acknowledged", "lane": ""},
            "Not sent 3 Mar 2026, 12:00 UTC acknowledged",
        ),
        (
            {"state": "queued", "attempts": 0, "due_at": LATER, "ended_at": None},
            "To be sent 4 Mar 2026, 12:00",
        ),
        (
            {"state": "retrying", "due_at": LATER, "ended_at": None, "last_error": "refused"},
            "Next attempt 4 Mar 2026, 12:00 UTC refused",
        ),
    ],
    ids=["sent", "suppressed", "queued", "retrying"],
)
async def test_the_way_of_an_alert_ends_in_its_state(
    tickd: Harness, fields: dict[str, Any], words: str
) -> None:
    one = await put(tickd, 1, **fields)
    async with signed_in(tickd) as me:
        shown = await me.get(f"/alerts/{one}")
        part = await me.fragment(f"/alerts/{one}")
    assert words in shown.words and words in part.words
    assert "<html" not in part.text


async def test_what_went_out_together_is_said(tickd: Harness) -> None:
    first = await put(tickd, 1, message=1)
    second = await put(tickd, 2, message=1)
    alone = await put(tickd, 3)
    async with signed_in(tickd) as me:
        assert "Told in the same message Shop 2 is down Sent" in (await me.get(f"/alerts/{first}")).words
        assert f'href="/alerts/{first}"' in (await me.get(f"/alerts/{second}")).text
        assert "same message" not in (await me.get(f"/alerts/{alone}")).words


async def test_a_channel_that_rests_says_when_it_is_tried_next(tickd: Harness, endpoint: Endpoint) -> None:
    with nobody() as closed:
        await channel(tickd, name="Gone", url=closed)
        await failing(tickd, endpoint, name="Shop")

        async def tried() -> list[dict[str, Any]]:
            return [one for one in await alerts(tickd, "?status=retrying") if one["attempts"] == 1]

        (one,) = await eventually(tried)
        async with signed_in(tickd) as me:
            shown = await me.get(f"/alerts/{one['id']}")
    assert "Retrying" in shown.words and "Attempts 1 Next attempt 3 Mar 2026, 12:00 UTC" in shown.words
    assert "Last error connection refused" in shown.words


async def test_what_is_sent_is_seen_by_every_role(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await account(tickd, alert_email="")
        await channel(tickd, url=receiver.url)
        await failing(tickd, endpoint, name="Shop")
        (one,) = await settled(tickd)
    async with signed_in(tickd, "reader") as reader, stranger(tickd) as other, browser(tickd) as nobody_yet:
        assert titles(await reader.get("/alerts")) == ["Shop is down"]
        assert (await reader.get(f"/alerts/{one['id']}")).status == 200
        assert titles(await other.get("/alerts")) == []
        assert (await other.get(f"/alerts/{one['id']}")).status == 404
        assert (await other.get("/alerts/alt_nothing")).status == 404
        assert (
            await nobody_yet.get("/alerts?status=failed")
        ).location == "/sign-in?next=/alerts%3Fstatus%3Dfailed"
