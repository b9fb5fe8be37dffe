"""The pages of channels, used without a script: each kind made, tested, edited, deleted."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest

from tests.contract.beating import heartbeat
from tests.support.browsing import Browser
from tests.support.daemon import Harness
from tests.support.endpoint import serving
from tests.web.pages.people import NASTY, made, signed_in
from tickd.domain.alerts import EVENTS
from tickd.domain.channels import MASK, OPTIONS
from tickd.web.pages import event_words
from tickd.web.pages.channels import KINDS

SECRET = "https://hooks.slack.example/services/T0/B0/very-secret"
GOOD: dict[str, dict[str, str]] = {
    "email": {"to": "ops@example.com\nkim@example.com"},
    "webhook": {"url": "http://127.0.0.1:9/hook", "secret": "quiet", "headers": "X-Team: ops"},
    "slack": {"url": SECRET},
    "discord": {"url": "https://discord.example/api/webhooks/1/very-secret"},
    "telegram": {"token": "123:very-secret", "chat_id": "-1001", "server": ""},
    "ntfy": {"topic": "alerts", "server": "https://ntfy.example", "token": "tk_very-secret", "priority": "4"},
    "apprise": {"url": "matrix://user:very-secret@host/#room"},
}


def filled(kind: str, **said: Any) -> dict[str, Any]:
    """The form of a kind as a browser sends it."""
    plain = {"kind": kind, "name": f"my {kind}", "enabled": "true", "default": "true"}
    plain |= {"events": list(EVENTS), "delay_secs": "0", "reminder_minutes": "0"}  # type: ignore[dict-item]
    return plain | GOOD[kind] | said


async def channel(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A channel as it was answered when it was made."""
    plain = {"kind": "webhook", "name": "ops", "url": "http://127.0.0.1:9/hook"}
    reply = await tickd.call("POST", "/v1/channels", plain | fields)
    assert reply.status == 201, reply.json
    found: dict[str, Any] = reply.json
    return found


async def shown(tickd: Harness, identifier: str) -> dict[str, Any]:
    """The channel as the API shows it."""
    found: dict[str, Any] = (await tickd.call("GET", f"/v1/channels/{identifier}")).json
    return found


async def test_a_newcomer_is_led_to_the_first_channel(me: Browser) -> None:
    page = await me.get("/channels")
    assert "No channel yet" in page.words
    kinds = await me.get("/channels/new")
    for kind, (name, needs) in KINDS.items():
        assert f'href="/channels/new?kind={kind}"' in kinds.text
        assert name in kinds.words
        assert needs in kinds.words
    assert "New channel" in (await me.get("/channels/new?kind=pigeon")).words


@pytest.mark.parametrize("kind", list(KINDS))
async def test_each_kind_can_be_made_and_its_secrets_are_not_seen_again(
    tickd: Harness, me: Browser, kind: str
) -> None:
    form = await me.get(f"/channels/new?kind={kind}")
    for name in (*OPTIONS[kind][0], *OPTIONS[kind][1]):  # type: ignore[index]
        assert f'name="{name}"' in form.text, name
    page = await me.send(f"/channels/new?kind={kind}", filled(kind), follow=True)
    assert f"my {kind} was created." in page.words
    (known,) = (await tickd.call("GET", "/v1/channels")).json["channels"]
    assert (known["kind"], known["name"], known["events"]) == (kind, f"my {kind}", list(EVENTS))
    for path in ("/channels", f"/channels/{known['id']}", f"/channels/{known['id']}/edit"):
        assert "very-secret" not in (await me.get(path)).text, path

    # What nobody types again is kept.
    again = {name: "" if "very-secret" in value else value for name, value in GOOD[kind].items()}
    path = f"/channels/{known['id']}/edit"
    assert (await me.send(path, filled(kind, **again, name="renamed"))).status == 303
    changed = await shown(tickd, known["id"])
    same = set(known) - {"name", "updated_at"}
    assert {name: changed[name] for name in same} == {name: known[name] for name in same}
    assert changed["name"] == "renamed"


async def test_what_is_missing_is_said_beside_its_field(tickd: Harness, me: Browser) -> None:
    page = await me.send("/channels/new?kind=telegram", filled("telegram", token="", chat_id=""))
    assert page.status == 422
    assert 'id="error-chat_id"' in page.text
    late = await me.send("/channels/new?kind=telegram", filled("telegram", token=""))
    assert "Token of the bot is required for a channel of kind telegram" in late.words
    assert 'value="-1001"' in late.text
    wrong = await me.send("/channels/new?kind=webhook", filled("webhook", headers="no colon"))
    assert "line 1 has no colon" in wrong.words
    await channel(tickd, name="my slack")
    taken = await me.send("/channels/new?kind=slack", filled("slack"))
    assert taken.status == 422
    assert "name is taken" in taken.words


async def test_the_test_button_shows_what_the_receiver_said(tickd: Harness, me: Browser) -> None:
    async with serving() as endpoint:
        known = await channel(tickd, url=f"{endpoint.url}/hook")
        page = await me.send(f"/channels/{known['id']}/test", follow=True)
        assert "The test was delivered." in page.words
        assert "Delivers" in page.words
        lost = await channel(tickd, name="lost", url="http://127.0.0.1:9/hook")
        page = await me.send(f"/channels/{lost['id']}/test", follow=True)
        assert "The test could not be delivered:" in page.words
        await tickd.clock.advance(120)
        for path in ("/channels", f"/channels/{lost['id']}"):
            page = await me.get(path)
            assert "Test failed" in page.words, path
            assert "connection" in page.words, path
        assert "Last test failed 3 Mar 2026, 12:00 UTC" in page.words
        page = await me.get(f"/channels/{known['id']}")
        assert "Last test delivered 3 Mar 2026, 12:00 UTC" in page.words
        saved = await me.send(
            "/channels/new?kind=webhook", filled("webhook", url=f"{endpoint.url}/b", do="test"), follow=True
        )
        assert "my webhook was created. The test was delivered." in saved.words
        assert [call.path for call in endpoint.calls] == ["/hook", "/b"]


async def test_an_event_is_called_the_same_wherever_it_is_named(tickd: Harness, me: Browser) -> None:
    known = await channel(tickd)
    pages = [(await me.get(path)).words for path in ("/channels/new?kind=slack", "/alerts")]
    pages.append((await me.get(f"/channels/{known['id']}")).words)
    for name in event_words.EVENTS.values():
        assert all(name in words for words in pages), name
    assert set(event_words.EVENTS) == set(event_words.MEANINGS) == set(EVENTS)


async def test_the_list_says_how_each_is_doing(tickd: Harness, me: Browser) -> None:
    await channel(tickd, name="quiet one", enabled=False, events=["down"], default=False, delay_secs=120)
    page = await me.get("/channels")
    for words in ("quiet one", "Webhook", "Off", "1 event", "after 2 minutes", "http://127.0.0.1:9/hook"):
        assert words in page.words, words
    part = await me.get("/channels", {"HX-Request": "true"})
    assert "<html" not in part.text
    assert "quiet one" in part.words


async def test_a_channel_is_changed_and_a_secret_forgotten(tickd: Harness, me: Browser) -> None:
    known = await channel(tickd, secret="quiet", headers={"Authorization": "Bearer very-secret", "X-A": "b"})
    path = f"/channels/{known['id']}/edit"
    form = await me.get(path)
    assert "very-secret" not in form.text
    assert f"Authorization: {MASK}" in form.text
    said = filled("webhook", name="ops", secret="", headers=f"Authorization: {MASK}\nX-A: c", default="true")
    said |= {"events": ["down", "recovered"], "delay_secs": "60", "reminder_minutes": "30"}
    assert (await me.send(path, said)).status == 303
    changed = await shown(tickd, known["id"])
    assert changed["events"] == ["down", "recovered"]
    assert (changed["delay_secs"], changed["reminder_minutes"]) == (60, 30)
    assert changed["headers"] == {"Authorization": MASK, "X-A": "c"}
    assert changed["secret"] == MASK
    del said["enabled"]
    assert (await me.send(path, said | {"secret_forgotten": "true"})).status == 303
    changed = await shown(tickd, known["id"])
    assert (changed["secret"], changed["enabled"]) == ("", False)


async def test_an_edit_as_a_call_has_only_what_it_changes_and_no_stored_secret(
    tickd: Harness, me: Browser
) -> None:
    known = await channel(tickd, kind="slack", url=SECRET)
    said = filled("slack", name="ops", url="", delay_secs="5", do="request")
    page = await me.send(f"/channels/{known['id']}/edit", said)
    assert "curl -X PATCH" in unescape(page.text)
    assert '{"delay_secs": 5}' in unescape(page.text)
    assert "very-secret" not in page.text
    new = await me.send("/channels/new?kind=slack", filled("slack", do="request"))
    assert f'{{"kind": "slack", "name": "my slack", "url": "{SECRET}"}}' in unescape(new.text)
    assert (await tickd.call("GET", "/v1/channels")).json["total"] == 1


async def test_a_deletion_names_what_it_takes_the_channel_from(tickd: Harness, me: Browser) -> None:
    known = await channel(tickd)
    await heartbeat(tickd, name="by its id", channels=[known["id"]])
    await tickd.job(name="by its name", channels=["ops"])
    await heartbeat(tickd, name="somebody else", channels=["other"])
    await tickd.call("PATCH", "/v1/account", {"fallback_channel": known["id"]})
    question = await me.get(f"/channels/{known['id']}/delete")
    assert "the heartbeat by its id, the job by its name:" in question.words
    assert "somebody else" not in question.words
    assert "fallback channel" in question.words
    assert "by its id" in (await me.get(f"/channels/{known['id']}")).words
    assert (await me.send(f"/channels/{known['id']}/delete")).location == "/channels"
    assert (await me.get(f"/channels/{known['id']}")).status == 404


async def test_whoever_may_only_read_sees_no_address_and_no_buttons(tickd: Harness, me: Browser) -> None:
    known = await channel(tickd, name=NASTY, url="http://127.0.0.1:9/private-path")
    await made(tickd, "reader@example.com", "reader")
    path = f"/channels/{known['id']}"
    async with signed_in(tickd, "reader@example.com") as reader:
        for page in (await reader.get("/channels"), await reader.get(path)):
            assert page.status == 200
            assert "private-path" not in page.text
            assert "<script>alert" not in page.text
            assert "Edit" not in page.words
        assert (await reader.get(f"{path}/edit")).status == 403
        assert (await reader.get("/channels/new?kind=slack")).status == 403
        assert (await reader.send(f"{path}/test")).status == 403
        assert (await reader.send(f"{path}/delete")).status == 403
    assert "private-path" in (await me.get(path)).text


async def test_a_token_does_not_follow_its_channel_to_another_server(tickd: Harness, me: Browser) -> None:
    async with serving() as thief:
        await me.send("/channels/new?kind=ntfy", filled("ntfy"))
        (known,) = (await tickd.call("GET", "/v1/channels")).json["channels"]
        said = {"token": "", "server": thief.url, "do": "test"}
        page = await me.send(f"/channels/{known['id']}/edit", filled("ntfy", **said))
        assert page.status == 422
        assert "must be given again for another server" in page.words
        reply = await tickd.call("PATCH", f"/v1/channels/{known['id']}", {"server": thief.url})
        assert (reply.status, reply.json["error"]) == (400, "token must be given again for another server")
        assert not thief.calls
        forgotten = filled("ntfy", token="", token_forgotten="true", server=thief.url)
        assert (await me.send(f"/channels/{known['id']}/edit", forgotten)).status == 303
        assert (await shown(tickd, known["id"]))["token"] == ""
