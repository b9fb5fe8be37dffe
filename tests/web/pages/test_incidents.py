"""The pages of incidents: the list, one incident with all that is known of it, and what people do with it."""

from __future__ import annotations

import html
from typing import Any

import pytest

from tests.contract.beating import heartbeat, sent
from tests.contract.telling import account, channel, do, failing, incident, incidents, latest, settled
from tests.contract.watching import look, monitor
from tests.support.browsing import Shown, browser
from tests.support.daemon import NOON, Harness
from tests.support.endpoint import Endpoint, serving
from tests.support.receiver import nobody
from tests.web.people import signed_in, stranger
from tickd.domain import times
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.alerts import About
from tickd.domain.incidents import Cause, Good, Incident, Steps
from tickd.store import incidents as stored
from tickd.web.pages.incidents import LIMIT

MASK = "••••••"


async def put(tickd: Harness, number: int = 1, **fields: Any) -> Incident:
    """An incident that is stored as it is."""
    name = fields.pop("name", f"Shop {number}")
    plain: dict[str, Any] = {
        "row": 0,
        "id": f"inc_{number:016}",
        "account_id": DEFAULT_ACCOUNT,
        "about": About(
            fields.pop("kind", "monitor"), f"mon_{number:016}", name, fields.pop("url", ""), "http"
        ),
        "subject": number,
        "severity": "major",
        "started_at": NOON,
        "opened_at": NOON,
        "published_at": NOON,
        "cause": Cause(error=f"error {number}", at=NOON),
    }
    made = Incident(**(plain | fields))
    return await tickd.daemon._database.write(lambda tx: stored.insert(tx, made))


def over(at: int, lasted: int = times.MINUTE) -> dict[str, Any]:
    """The fields of an incident that began then and lasted so long (milliseconds)."""
    return {"started_at": at, "opened_at": at, "status": "resolved", "resolved_at": at + lasted}


def names(shown: Shown) -> list[str]:
    """The subjects of a list, in its order."""
    rows = shown.text.split('<th scope="row">')[1:]
    return [html.unescape(row.split(">", 1)[1].split("<", 1)[0]) for row in rows]


async def test_without_incidents_the_list_says_what_it_is_for(tickd: Harness) -> None:
    async with signed_in(tickd) as me:
        shown = await me.get("/incidents")
    assert shown.status == 200
    assert "No incidents When a job, a monitor or a heartbeat fails" in shown.words


async def test_the_open_ones_come_first_and_each_row_says_what_matters(tickd: Harness) -> None:
    await put(tickd, 1, severity="critical", acknowledged_at=NOON, draft=True, published_at=None)
    await put(tickd, 2, **over(NOON - times.HOUR, 125 * times.SECOND))
    await put(tickd, 3, severity="minor", started_at=NOON - 2 * times.HOUR)
    async with signed_in(tickd) as me:
        shown = await me.get("/incidents")
    assert names(shown) == ["Shop 3", "Shop 1", "Shop 2"]
    assert "2 open of 3 incidents." in shown.words
    assert "Shop 3 monitor Shop 3 error 3 Minor Open" in shown.words
    assert "2 hours so far" in shown.words
    assert "Shop 1 monitor Shop 1 error 1 Critical Open Acknowledged Draft" in shown.words
    assert "Resolved 3 Mar 2026, 11:00 UTC 2 minutes 5 seconds" in shown.words
    assert 'href="/incidents/inc_0000000000000001"' in shown.text
    assert 'href="/monitors/mon_0000000000000001"' in shown.text


async def test_the_filters_narrow_the_list(tickd: Harness) -> None:
    await put(tickd, 1, severity="critical", name="Alpha")
    await put(tickd, 2, kind="job", draft=True, name="Beta", **over(NOON - 3 * times.HOUR))
    await put(tickd, 3, started_at=NOON - 90 * times.DAY, name="Gamma")
    await put(tickd, 4, **over(NOON - 30 * times.HOUR, 10 * times.HOUR), name="Delta")
    await put(tickd, 5, **over(NOON - 40 * times.HOUR), name="100%_delta")
    async with signed_in(tickd) as me:

        async def found(query: str) -> list[str]:
            return names(await me.get(f"/incidents?{query}"))

        assert await found("status=open") == ["Gamma", "Alpha"]
        assert await found("status=resolved") == ["100%_delta", "Delta", "Beta"]
        assert await found("severity=critical") == ["Alpha"]
        assert await found("kind=job") == ["Beta"]
        assert await found("draft=yes") == ["Beta"]
        assert await found("draft=no&status=resolved") == ["100%_delta", "Delta"]
        assert await found("subject=mon_0000000000000003") == ["Gamma"]
        assert await found("name=DELTA") == ["100%_delta", "Delta"]
        assert await found("name=%25_") == ["100%_delta"]
        # What is open is in every range, and so is what ended in it; however early they began.
        assert await found("hours=24") == ["Gamma", "Alpha", "Delta", "Beta"]
        assert await found("hours=0") == ["Gamma", "Alpha"]
        assert await found("status=&severity=&kind=&draft=&hours=&name=") == await found("")
        nothing = await me.get("/incidents?kind=heartbeat")
        assert "Nothing matches" in nothing.words
        assert (await me.get("/incidents?status=closed")).status == 400


async def test_a_long_list_has_pages_that_keep_the_filters(tickd: Harness) -> None:
    for number in range(LIMIT + 3):
        await put(tickd, number, **over(NOON - (LIMIT + 3 - number) * times.HOUR))
    async with signed_in(tickd) as me:
        first = await me.get("/incidents?status=resolved&severity=major")
        assert len(names(first)) == LIMIT
        assert f"1\N{EN DASH}{LIMIT} of {LIMIT + 3}" in first.words
        following = f"/incidents?status=resolved&severity=major&offset={LIMIT}"
        assert f'rel="next" href="{html.escape(following)}"' in first.text
        assert names(await me.get(following)) == ["Shop 2", "Shop 1", "Shop 0"]
        assert "Nothing matches" in (await me.get("/incidents?offset=999999999999")).words
        assert len(names(await me.get("/incidents?offset=-5"))) == LIMIT


async def test_several_are_acknowledged_at_once(tickd: Harness) -> None:
    mine = [await put(tickd, number) for number in (1, 2, 3)]
    ended = await put(tickd, 4, **over(NOON - times.HOUR))
    async with signed_in(tickd) as me, stranger(tickd) as other:
        chosen = [mine[0].id, mine[1].id, mine[1].id, ended.id, "inc_nothing"]
        foreign = await other.send(
            "/incidents/acknowledge", {"incident": chosen}, page="/incidents", follow=True
        )
        assert "0 incidents acknowledged." in foreign.words
        shown = await me.send("/incidents/acknowledge", {"incident": chosen}, page="/incidents", follow=True)
        assert "2 incidents acknowledged." in shown.words
        assert shown.text.count('name="incident"') == 1
        none = await me.send("/incidents/acknowledge", {}, page="/incidents", follow=True)
        assert "Choose the incidents first." in none.words
    seen = {one["id"]: one["acknowledged_at"] for one in await incidents(tickd)}
    at = times.rfc3339(NOON)
    assert seen == {mine[0].id: at, mine[1].id: at, mine[2].id: None, ended.id: None}


async def test_the_evidence_is_shown_beside_the_last_good_check(tickd: Harness) -> None:
    good = Good(NOON - times.MINUTE, Steps(1.0, 8.0, 14.0, 81.0, 83.0), 200)
    cause = Cause(
        error="status code 502",
        at=NOON,
        status_code=502,
        response_ms=1479.2,
        headers={"Server": "envoy", "Set-Cookie": MASK},
        body="<html><b>502</b> Bad Gateway</html>",
        timings=Steps(1.4, 8.0, None, 1470.0, 1479.0),
        last_good=good,
    )
    made = await put(tickd, 1, cause=cause, url="https://shop.example/health")
    async with signed_in(tickd) as me:
        shown = await me.get(f"/incidents/{made.id}")
    for words in (
        "Error status code 502",
        "Status code 502",
        "Response time 1,479 ms",
        "Connect 8 ms 8 ms 0 ms",
        "TLS handshake not reached 14 ms \N{EN DASH}",
        "First byte 1,470 ms 81 ms +1,389 ms",
        "The last good check was at 3 Mar 2026, 11:59 UTC , answered 200.",
        f"Server envoy Set-Cookie {MASK}",
        "<html><b>502</b> Bad Gateway</html>",
        "Nothing else that tickd saw.",
    ):
        assert words in shown.words, words
    assert "<b>502" not in shown.text
    assert '<a href="https://shop.example/health" rel="noreferrer noopener">' in shown.text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "tcp://db.example:5432", "shop.example", " http://x"])
async def test_an_address_is_a_link_only_where_it_is_a_page(tickd: Harness, url: str) -> None:
    made = await put(tickd, 1, url=url)
    async with signed_in(tickd) as me:
        shown = await me.get(f"/incidents/{made.id}")
    assert url.strip() in shown.words
    assert f'href="{url}' not in shown.text


STEPS: list[tuple[str, dict[str, str], str]] = [
    ("acknowledge", {}, "Acknowledged: no more reminders are sent."),
    ("publish", {}, "Published."),
    ("updates", {"status": "identified", "message": "The disk\nis full."}, "Update posted."),
]


async def test_the_timeline_is_one_list_of_all_that_happened(tickd: Harness, endpoint: Endpoint) -> None:
    await account(tickd, draft_incidents=True)
    async with serving() as receiver:
        with nobody() as closed:
            await channel(tickd, name="Bot", url=receiver.url)
            await channel(tickd, name="Gone", url=closed)
            made, opened = await failing(tickd, endpoint, name="Shop")
            await settled(tickd)
            path = f"/incidents/{opened['id']}"
            async with signed_in(tickd) as me:
                for what, values, said in STEPS:
                    await tickd.clock.advance(60.0)
                    done = await me.send(f"{path}/{what}", values, page=path, follow=True)
                    assert said in done.words
                await tickd.clock.advance(60.0)
                endpoint.status = 200
                await look(tickd, made["id"])
                await latest(tickd, made, "resolved")
                shown = await me.get(path)
    timeline = shown.words.split("Timeline", 1)[1].split("Post an update")[0]
    told = [
        "Resolved",
        "It lasted 4 minutes.",
        "Update: identified",
        "The disk is full.",
        "Published",
        "Acknowledged",
        "Down alert to Gone (webhook) Retrying",
        "next attempt",
        "connection refused",
        "Down alert to Bot (webhook) Sent",
        "Incident opened as a draft",
        "status code 503",
    ]
    for words in told:
        _, found, timeline = timeline.partition(words)
        assert found, words
    assert "Shop was down" in shown.words
    assert "/acknowledge" not in shown.text


async def test_what_else_happened_is_linked_with_its_distance(tickd: Harness, endpoint: Endpoint) -> None:
    beat = await heartbeat(tickd, name="backup")
    await sent(tickd, f"/p/{beat['token']}/fail", data="disk full", method="POST")
    await tickd.clock.advance(90.0)
    other = await monitor(tickd, name="Twin", url=endpoint.url + "/twin", interval_secs=86_400)
    _, opened = await failing(tickd, endpoint, name="Shop")
    async with signed_in(tickd) as me:
        shown = await me.get(f"/incidents/{opened['id']}")
    around = shown.words.split("What else happened", 1)[1]
    assert "1 minute 30 seconds before backup Incident Open disk full" in around
    assert "1 minute 30 seconds before backup Ping Fail disk full" in around
    assert "Other monitors of the same host, as they are now Twin" in around
    assert f'href="/heartbeats/{beat["id"]}"' in shown.text
    assert f'href="/monitors/{other["id"]}"' in shown.text


async def test_what_is_gone_is_not_linked(tickd: Harness, endpoint: Endpoint) -> None:
    made, opened = await failing(tickd, endpoint, name="Shop")
    async with signed_in(tickd) as me:
        before = await me.get(f"/incidents/{opened['id']}")
        await tickd.call("DELETE", f"/v1/monitors/{made['id']}")
        after = await me.get(f"/incidents/{opened['id']}")
    link = f'href="/monitors/{made["id"]}"'
    assert link in before.text and link not in after.text
    assert "Shop deleted since" in after.words and "The monitor was deleted." in after.words


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"status": "fixed"}, "status", "must be one of identified, investigating, monitoring, resolved"),
        ({"status": ""}, "status", "is required"),
        (
            {"status": "monitoring", "message": "x" * 5001},
            "message",
            "must be text of at most 5000 characters",
        ),
    ],
)
async def test_a_wrong_update_is_refused_beside_its_field(
    tickd: Harness, values: dict[str, str], field: str, sentence: str
) -> None:
    made = await put(tickd)
    path = f"/incidents/{made.id}"
    async with signed_in(tickd) as me:
        refused = await me.send(f"{path}/updates", values, page=path)
    assert refused.status == 422
    assert f'id="error-{field}">{field.capitalize()} {sentence}</p>' in refused.text
    assert values.get("message", "")[:100] in refused.text
    assert (await incident(tickd, made.id))["updates"] == []


async def test_what_is_over_takes_only_words_afterwards(tickd: Harness) -> None:
    made = await put(tickd, **over(NOON - times.HOUR))
    path = f"/incidents/{made.id}"
    async with signed_in(tickd) as me:
        refused = await me.send(f"{path}/updates", {"status": "monitoring"}, page=path)
        assert (refused.status, "this incident is resolved" in refused.words) == (422, True)
        late = await me.send(f"{path}/acknowledge", page=path, follow=True)
        assert "Nothing to acknowledge: this incident is resolved." in late.words
        after = await me.send(f"{path}/updates", {"status": "resolved", "message": "It was DNS."}, page=path)
        assert after.status == 303
    assert [one["message"] for one in (await incident(tickd, made.id))["updates"]] == ["It was DNS."]


async def test_resolving_by_hand_ends_it(tickd: Harness, endpoint: Endpoint) -> None:
    made, opened = await failing(tickd, endpoint)
    path = f"/incidents/{opened['id']}"
    async with signed_in(tickd) as me:
        shown = await me.send(
            f"{path}/updates", {"status": "resolved", "message": ""}, page=path, follow=True
        )
    assert "site was down Resolved" in shown.words
    assert (await latest(tickd, made, "resolved"))["id"] == opened["id"]


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
async def test_the_form_is_shown_as_a_call_and_nothing_is_posted(
    tickd: Harness, headers: dict[str, str]
) -> None:
    made = await put(tickd)
    path = f"/incidents/{made.id}"
    values = {"status": "identified", "message": 'It\'s the "disk".', "do": "request"}
    async with signed_in(tickd) as me:
        shown = await me.send(f"{path}/updates", values, page=path, headers=headers)
    assert shown.status == 200
    assert f"/v1{path}/updates" in shown.words and "identified" in shown.words
    assert ("<html" in shown.text) is not bool(headers)
    assert (await incident(tickd, made.id))["updates"] == []


async def test_what_changes_is_fetched_in_parts(tickd: Harness) -> None:
    made = await put(tickd)
    async with signed_in(tickd) as me:
        rows = await me.fragment("/incidents?status=open")
        head = await me.fragment(f"/incidents/{made.id}?part=head")
        timeline = await me.fragment(f"/incidents/{made.id}?part=timeline")
        whole = await me.get(f"/incidents/{made.id}")
    assert names(rows) == ["Shop 1"]
    assert "Shop 1 is down" in head.words and "Incident opened" in timeline.words
    for part in (rows, head, timeline):
        assert part.status == 200 and "<html" not in part.text and "<main" not in part.text
    assert f'data-live="/incidents/{made.id}?part=head"' in whole.text


async def test_a_reader_sees_all_of_it_and_no_button(tickd: Harness) -> None:
    made = await put(tickd, draft=True)
    path = f"/incidents/{made.id}"
    async with signed_in(tickd, "reader") as me:
        pages = [await me.get("/incidents"), await me.get(path)]
        for shown in pages:
            assert shown.status == 200 and "Shop 1" in shown.words
            main = shown.text.split("<main", 1)[1]
            assert 'method="post"' not in main and "checkbox" not in main
        for what in ("acknowledge", "publish", "updates"):
            assert (await me.send(f"{path}/{what}", {"status": "resolved"}, page=path)).status == 403
    found = await incident(tickd, made.id)
    assert (found["draft"], found["acknowledged_at"], found["updates"]) == (True, None, [])


async def test_a_link_in_an_alert_leads_back_after_the_sign_in(tickd: Harness) -> None:
    made = await put(tickd)
    async with browser(tickd) as nobody_yet:
        sent_on = await nobody_yet.get(f"/incidents/{made.id}")
    assert (sent_on.status, sent_on.location) == (303, f"/sign-in?next=/incidents/{made.id}")


async def test_the_incident_of_another_account_is_not_there(tickd: Harness) -> None:
    made = await put(tickd)
    async with stranger(tickd) as other:
        assert names(await other.get("/incidents")) == []
        assert (await other.get(f"/incidents/{made.id}")).status == 404


async def test_acknowledging_one_stops_its_reminders(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url, reminder_minutes=5)
        _, opened = await failing(tickd, endpoint)
        await settled(tickd)
        async with signed_in(tickd) as me:
            await me.send("/incidents/acknowledge", {"incident": opened["id"]}, page="/incidents")
        await tickd.clock.advance(3600.0)
        assert [one["event"] for one in await settled(tickd)] == ["down"]
        assert (await do(tickd, opened["id"], "acknowledge")).status == 200
