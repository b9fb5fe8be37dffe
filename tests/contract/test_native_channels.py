"""Channels on the native face: made, changed, tested, deleted, and what is told of how each is doing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.people import key_with, stranger
from tests.contract.telling import MASK, alerts, channel, failing, settled, signature
from tests.support.daemon import Harness, eventually, running
from tests.support.endpoint import Endpoint, serving
from tests.support.mail import mail_server
from tests.support.receiver import CUT, nobody, receiving
from tests.support.receiver import Reply as Answer
from tests.support.servers import Talk
from tests.support.servers import serving as talking

SECRET = "whsec_" + "c2VjcmV0c2VjcmV0"


async def shown(tickd: Harness, made: dict[str, Any]) -> dict[str, Any]:
    reply = await tickd.call("GET", f"/v1/channels/{made['id']}")
    assert reply.status == 200, reply.json
    found: dict[str, Any] = reply.json
    return found


async def patched(
    tickd: Harness, made: dict[str, Any], method: str = "PATCH", **fields: Any
) -> dict[str, Any]:
    reply = await tickd.call(method, f"/v1/channels/{made['id']}", fields)
    assert reply.status == 200, reply.json
    found: dict[str, Any] = reply.json
    return found


async def tried(tickd: Harness, made: dict[str, Any]) -> dict[str, str]:
    reply = await tickd.call("POST", f"/v1/channels/{made['id']}/test")
    assert reply.status == 200, reply.json
    found: dict[str, str] = reply.json
    return found


async def test_a_channel_from_making_to_deleting(tickd: Harness) -> None:
    made = await channel(tickd, url="https://example.com/hook")
    assert await shown(tickd, made) == made
    await tickd.clock.advance(1.0)
    assert await patched(tickd, made) == made
    changed = await patched(tickd, made, name="night", events=["down"], delay_secs=60, reminder_minutes=5)
    now = {"name": "night", "events": ["down"], "delay_secs": 60, "reminder_minutes": 5}
    assert changed == made | now | {"updated_at": "2026-03-03T12:00:01Z"}
    assert await patched(tickd, made, "PUT", enabled=False) == changed | {"enabled": False}
    listed = (await tickd.call("GET", "/v1/channels")).json
    assert listed == {"channels": [changed | {"enabled": False}], "limit": 100, "offset": 0, "total": 1}
    gone = await tickd.call("DELETE", f"/v1/channels/{made['id']}")
    assert (gone.status, gone.json) == (204, None)
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        reply = await tickd.call(method, f"/v1/channels/{made['id']}", {} if method[0] == "P" else None)
        assert (reply.status, reply.json) == (404, {"error": f"no channel {made['id']}"})
    tested = await tickd.call("POST", f"/v1/channels/{made['id']}/test")
    assert (tested.status, tested.json) == (404, {"error": f"no channel {made['id']}"})
    assert (await channel(tickd, name="night", url="https://example.com/"))["id"] != made["id"]


async def test_lists_are_by_name_in_pages(tickd: Harness) -> None:
    for name in ("c", "a", "b"):
        await channel(tickd, name=name, url="https://example.com/")

    async def page(query: str) -> tuple[list[str], int, int, int]:
        found = (await tickd.call("GET", "/v1/channels" + query)).json
        return [one["name"] for one in found["channels"]], found["limit"], found["offset"], found["total"]

    assert await page("") == (["a", "b", "c"], 100, 0, 3)
    assert await page("?limit=2&offset=1") == (["b", "c"], 2, 1, 3)
    assert await page("?limit=0&offset=-1") == (["a"], 1, 0, 3)
    assert await page("?limit=501") == (["a", "b", "c"], 500, 0, 3)
    assert (await tickd.call("GET", "/v1/channels?limit=x")).json == {"error": "limit must be a whole number"}


async def test_a_name_is_anothers_once(tickd: Harness) -> None:
    made = await channel(tickd, url="https://example.com/")
    taken = {"error": "name is taken: another channel is called ops"}
    body = {"name": " ops ", "kind": "ntfy", "topic": "x"}
    again = await tickd.call("POST", "/v1/channels", body)
    assert (again.status, again.json) == (409, taken)
    other = await channel(tickd, name="other", url="https://example.com/")
    for method in ("PUT", "PATCH"):
        reply = await tickd.call(method, f"/v1/channels/{other['id']}", {"name": "ops"})
        assert (reply.status, reply.json) == (409, taken)
    assert (await patched(tickd, made, name="ops")) == made
    # A stranger's names are his own.
    his = await tickd.call("POST", "/v1/channels", body, key=await stranger(tickd))
    assert his.status == 201


async def test_the_mask_keeps_what_is_stored(tickd: Harness) -> None:
    async with serving() as receiver:
        headers = {"X-Api-Key": "k1", "X-Plain": "p1"}
        made = await channel(tickd, url=receiver.url, secret=SECRET, headers=headers)
        assert (made["secret"], made["headers"]) == (MASK, {"X-Api-Key": MASK, "X-Plain": "p1"})
        assert (
            await patched(tickd, made, **{name: made[name] for name in ("secret", "headers", "url")}) == made
        )
        await patched(tickd, made, headers={"X-Api-Key": MASK, "X-Plain": "p2", "X-More": "m"})
        await tried(tickd, made)
        (call,) = receiver.calls
        assert [call.headers[name] for name in ("X-Api-Key", "X-Plain", "X-More")] == ["k1", "p2", "m"]
        assert call.headers["webhook-signature"] == signature(call, SECRET)
        await patched(tickd, made, secret="other", headers={"X-Api-Key": "k2"})
        await tried(tickd, made)
        call = receiver.calls[1]
        assert (call.headers["X-Api-Key"], "X-Plain" in call.headers) == ("k2", False)
        assert call.headers["webhook-signature"] == signature(call, "other")
        # Without a secret of its own, the account's signs.
        assert (await patched(tickd, made, secret=""))["secret"] == ""
        await tried(tickd, made)
        whole = (await tickd.call("GET", "/v1/account")).json["webhook_secret"]
        call = receiver.calls[2]
        assert call.headers["webhook-signature"] == signature(call, whole)


@pytest.mark.parametrize(
    ("kind", "fields", "secret"),
    [
        ("slack", {"url": "{}/services/T0/B0/one"}, {"url": "{}/services/T0/B0/two"}),
        ("discord", {"url": "{}/api/webhooks/1/one"}, {"url": "{}/api/webhooks/1/two"}),
        ("telegram", {"token": "1:one", "chat_id": "5", "server": "{}"}, {"token": "1:two"}),
        ("ntfy", {"topic": "t", "token": "tk_one", "server": "{}"}, {"token": "tk_two"}),
    ],
)
async def test_secrets_of_chats_are_kept_and_changed(
    tickd: Harness, kind: str, fields: dict[str, str], secret: dict[str, str]
) -> None:
    async with serving() as receiver:
        receiver.text = '{"ok": true}'
        filled = {name: text.format(receiver.url) for name, text in fields.items()}
        made = await channel(tickd, kind=kind, **filled)
        ((name, text),) = secret.items()
        assert made[name] == MASK
        assert await patched(tickd, made, **{name: MASK}) == made
        assert await tried(tickd, made) == {"status": "sent", "error": ""}
        sent_at = {"last_sent_at": "2026-03-03T12:00:00Z"}
        assert await patched(tickd, made, **{name: text.format(receiver.url)}) == made | sent_at
        assert await tried(tickd, made) == {"status": "sent", "error": ""}
        said = [f"{call.path} {call.headers.get('Authorization')}" for call in receiver.calls]
        assert ["one" in said[0], "two" in said[1]] == [True, True]
        assert "two" not in json.dumps((await tickd.call("GET", "/v1/channels")).json)


async def test_a_mask_is_no_secret_to_begin_with(tickd: Harness) -> None:
    body = {"name": "x", "kind": "slack", "url": MASK}
    reply = await tickd.call("POST", "/v1/channels", body)
    assert (reply.status, reply.json) == (400, {"error": "url is required for a channel of kind slack"})


async def test_the_test_button_with_a_receiver_that_works(tickd: Harness) -> None:
    async with serving() as receiver:
        made = await channel(tickd, url=receiver.url + "/hook?a=b", name="night shift")
        receiver.status = 204
        await tickd.clock.advance(3.0)
        assert await tried(tickd, made) == {"status": "sent", "error": ""}
        (call,) = receiver.calls
        assert (call.method, call.path) == ("POST", "/hook?a=b")
        assert json.loads(call.body)["event"] == "test"
        assert (await shown(tickd, made))["last_sent_at"] == "2026-03-03T12:00:03Z"
        (logged,) = await alerts(tickd)
        assert (logged["event"], logged["state"], logged["attempts"]) == ("test", "sent", 1)
        assert (logged["channel"], logged["subject"]) == (made["id"], None)


REFUSALS = [
    (Answer(500, b"out of order"), "answered 500 Internal Server Error: out of order"),
    (Answer(404, b""), "answered 404 Not Found"),
    (Answer(401, b"<html>\r\n\tno\x00\x1b[31m</html>"), "answered 401 Unauthorized: <html> no [31m</html>"),
    (Answer(429, b"slow down", {"Retry-After": "60"}), "answered 429 Too Many Requests: slow down"),
    (
        Answer(302, b"", {"Location": "http://127.0.0.1:9/"}),
        "answered 302 Found, a redirect, and alerts don't follow redirects",
    ),
]


@pytest.mark.parametrize(("answer", "sentence"), REFUSALS, ids=[str(answer.status) for answer, _ in REFUSALS])
async def test_the_test_button_with_a_receiver_that_refuses(
    tickd: Harness, answer: Answer, sentence: str
) -> None:
    with receiving() as receiver:
        receiver.otherwise = answer
        made = await channel(tickd, url=receiver.url + "/hook")
        assert await tried(tickd, made) == {"status": "failed", "error": sentence}
        # It is asked once: a test is not tried again, and is no fault of the channel's.
        await tickd.clock.advance(600.0)
        assert len(receiver.pings) == 1
    (logged,) = await alerts(tickd)
    assert (logged["state"], logged["last_error"], logged["attempts"]) == ("failed", sentence, 1)
    now = await shown(tickd, made)
    assert (now["last_sent_at"], now["failing_since"]) == (None, None)


async def test_the_test_button_with_nobody_there(tickd: Harness) -> None:
    with nobody() as url:
        made = await channel(tickd, url=url)
        found = await tried(tickd, made)
    assert found["status"] == "failed"
    assert found["error"].startswith("connection refused")


async def test_the_test_button_with_a_receiver_that_hangs_up(tickd: Harness) -> None:
    with receiving() as receiver:
        receiver.otherwise = CUT
        made = await channel(tickd, url=receiver.url)
        assert (await tried(tickd, made))["status"] == "failed"


async def test_the_test_button_with_a_receiver_that_hangs(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickd.outbound.posting.TIMEOUT_SECS", 0.05)

    async def hang(talk: Talk) -> None:
        await talk.until_closed()

    async with talking(hang) as server:
        made = await channel(tickd, url=server.url)
        found = await tried(tickd, made)
        assert found == {"status": "failed", "error": "no response within 0.05 s"}
        assert await server.deserted()


async def test_a_receiver_that_shows_the_secret_does_not_tell_it(tickd: Harness) -> None:
    with receiving() as receiver:
        receiver.answer = lambda got: Answer(500, f"bad {got.headers} s3cret-token-1".encode())
        made = await channel(
            tickd,
            url=receiver.url + "/hook/s3cret-token-1",
            secret="s3cret-key",
            headers={"X-Api-Key": "s3cret-h"},
        )
        found = await tried(tickd, made)
    assert "s3cret" not in str(found) + str(await alerts(tickd)) + (await shown(tickd, made))["last_error"]


async def test_an_address_that_may_not_be_called(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db", block_private_targets=True) as tickd:
        with receiving() as receiver:
            made = await channel(tickd, url=receiver.url)
            found = await tried(tickd, made)
            assert (found["status"], receiver.pings) == ("failed", [])
            # Apprise would open sockets that no guard sees.
            other = await channel(tickd, kind="apprise", name="any", url=f"json://{receiver.url[7:]}")
            assert (await tried(tickd, other))["status"] == "failed"
            assert receiver.pings == []


async def test_without_the_extra_apprise_says_so(tickd: Harness) -> None:
    made = await channel(tickd, kind="apprise", url="matrix://user:s3cret@127.0.0.1:9/#room")
    found = await tried(tickd, made)
    assert found["status"] == "failed"
    assert "s3cret" not in found["error"]


async def test_a_mail_channel_writes_to_everybody(tmp_path: Path) -> None:
    with mail_server() as server:
        smtp = server.url()
        async with running(tmp_path / "tickd.db", smtp_url=smtp, mail_from="tickd@example.com") as tickd:
            made = await channel(tickd, kind="email", to=["a@example.com", "b@example.com", "a@example.com"])
            assert made["to"] == ["a@example.com", "b@example.com"]
            assert await tried(tickd, made) == {"status": "sent", "error": ""}
        recipients = sorted(one for mail in server.taken for one in mail.recipients)
        assert recipients == ["a@example.com", "b@example.com"]
        assert "[TEST]" in server.taken[0].mail["Subject"]


async def test_without_a_mail_server_a_mail_channel_says_so(tickd: Harness) -> None:
    made = await channel(tickd, kind="email", to=["a@example.com"])
    found = await tried(tickd, made)
    assert (found["status"], "smtp" in found["error"].lower()) == ("failed", True)


async def test_a_disabled_channel_is_told_nothing(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        made = await channel(tickd, url=receiver.url, enabled=False)
        await failing(tickd, endpoint)
        (alert,) = await settled(tickd)
        assert (alert["state"], alert["channel"], receiver.calls) == ("suppressed", None, [])
        # Its test button works all the same.
        assert (await tried(tickd, made))["status"] == "sent"


async def test_what_waits_for_a_channel_goes_with_it(tickd: Harness, endpoint: Endpoint) -> None:
    with nobody() as url:
        made = await channel(tickd, url=url)
        await failing(tickd, endpoint)

        async def retrying() -> bool:
            states = [one["state"] for one in await alerts(tickd)]
            return states == ["retrying"] and not tickd.daemon._delivery.in_flight

        await eventually(retrying)
        now = await shown(tickd, made)
        assert (now["failing_since"], now["last_error"][:18]) == (
            "2026-03-03T12:00:00Z",
            "connection refused",
        )
        assert (await tickd.call("DELETE", f"/v1/channels/{made['id']}")).status == 204
        await tickd.clock.advance(600.0)

        async def over() -> dict[str, Any]:
            (alert,) = await alerts(tickd)
            return alert if alert["state"] == "suppressed" else {}

        assert (await eventually(over))["why"] == "its channel was deleted"


async def test_a_repaired_channel_is_tried_at_once(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        with nobody() as url:
            made = await channel(tickd, url=url)
            await failing(tickd, endpoint)

            async def broken() -> bool:
                return bool((await shown(tickd, made))["failing_since"])

            await eventually(broken)
        await patched(tickd, made, url=receiver.url)

        async def sent() -> bool:
            return len(receiver.calls) == 1

        await eventually(sent)
        (alert,) = await settled(tickd)
        assert (alert["state"], alert["last_error"]) == ("sent", "")
        now = await shown(tickd, made)
        assert (now["failing_since"], now["last_error"]) == (None, "")
        assert now["last_sent_at"] == "2026-03-03T12:00:00Z"


async def test_who_may_do_what(tickd: Harness) -> None:
    async with serving() as receiver:
        made = await channel(tickd, url=receiver.url)
        reader, pinger = await key_with(tickd, "read"), await key_with(tickd, "heartbeat:write")
        other = await stranger(tickd)
        path = f"/v1/channels/{made['id']}"
        for method, where, body in (
            ("GET", path, None),
            ("PUT", path, {"name": "his"}),
            ("PATCH", path, {"name": "his"}),
            ("POST", f"{path}/test", None),
            ("DELETE", path, None),
        ):
            refused = await tickd.call(method, where, body, key=other)
            assert (refused.status, refused.json) == (404, {"error": f"no channel {made['id']}"})
            assert (await tickd.call(method, where, body, key=pinger)).status == 403
            assert (await tickd.call(method, where, body, key=None)).status == 401
            assert (await tickd.call(method, where, body, key=reader)).status == (
                200 if method == "GET" else 403
            )
        assert (await tickd.call("POST", "/v1/channels", {}, key=reader)).status == 403
        assert (await tickd.call("GET", "/v1/channels", key=pinger)).status == 403
        assert (await tickd.call("GET", "/v1/channels", key=other)).json["channels"] == []
        assert (receiver.calls, await shown(tickd, made)) == ([], made)


async def test_a_stranger_can_not_use_anothers_channel(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        made = await channel(tickd, url=receiver.url)
        other = await stranger(tickd)
        refused = await tickd.call("PATCH", "/v1/account", {"fallback_channel": made["id"]}, key=other)
        assert refused.status == 400
        body = {"name": "his", "url": endpoint.url, "failure_threshold": 1, "channels": [made["id"], "ops"]}
        endpoint.status = 500
        his = await tickd.call("POST", "/v1/monitors", body, key=other)

        async def opened() -> bool:
            reply = await tickd.call("GET", f"/v1/incidents?subject={his.json['id']}", key=other)
            return bool(reply.json["total"])

        await eventually(opened)
        await settled(tickd)
        assert receiver.calls == []


async def test_many_at_once_have_one_name(tickd: Harness) -> None:
    body = {"name": "race", "kind": "ntfy", "topic": "x"}
    replies = await asyncio.gather(*(tickd.call("POST", "/v1/channels", body) for _ in range(10)))
    assert sorted(reply.status for reply in replies) == [201] + [409] * 9
