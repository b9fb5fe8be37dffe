"""The form of a monitor: made, edited, tried and shown as a call, and its secrets kept to themselves."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.services.watching import checked, watch, watched
from tests.support.browsing import Browser, owner
from tests.support.daemon import Harness, eventually, running
from tests.support.endpoint import Endpoint, serving
from tests.support.servers import free_port
from tests.web.pages.filling import filled
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.headers import MASK
from tickd.domain.limits import LimitsChange

SECRETS = {
    "bearer_token": "tok-s3cret",
    "basic_auth_pass": "pw-s3cret",
    "auth_header": "hdr-s3cret",
    "alert_slack_webhook": "https://hooks.example/s3cret",
    "webhook_url": "https://hooks.example/wh-s3cret",
    "headers": {"X-Api-Key": "key-s3cret", "Accept": "text/html"},
}


async def form(me: Browser, path: str) -> dict[str, Any]:
    """The monitor's form on that page as a browser would send it."""
    shown = await me.get(path)
    assert shown.status == 200, shown.words
    return dict(filled(shown.text, "monitor-form"))


async def monitors(tickd: Harness) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await tickd.call("GET", "/v1/monitors")).json["monitors"]
    return found


# Made.


async def test_a_name_and_an_address_make_a_monitor(tickd: Harness, endpoint: Endpoint) -> None:
    async with owner(tickd) as me:
        said = await form(me, "/monitors/new") | {"name": "Shop", "url": endpoint.url}
        answer = await me.send("/monitors/new", said)
        (made,) = await monitors(tickd)
        assert (answer.status, answer.location) == (303, f"/monitors/{made['id']}")
        assert "Shop was created." in (await me.get(answer.location)).words
    plain = (await tickd.call("POST", "/v1/monitors", {"name": "Plain", "url": endpoint.url})).json
    differs = {name for name in made if made[name] != plain[name]}
    assert differs <= {
        "id",
        "name",
        "slug",
        "next_check_at",
        "last_check",
        "state",
        "created_at",
        "updated_at",
    }


async def test_every_field_reaches_the_monitor(tickd: Harness, endpoint: Endpoint) -> None:
    other = await watch(tickd, endpoint.url, name="Database")
    channel = {"name": "ops", "kind": "webhook", "url": "https://hooks.example/x"}
    reply = await tickd.call("POST", "/v1/channels", channel)
    assert reply.status == 201, reply.json
    said: dict[str, Any] = {
        "type": "json",
        "name": "All",
        "url": f"{endpoint.url}/all",
        "interval_secs": "120",
        "timeout_secs": "20",
        "expected_status_code": "201",
        "response_threshold_ms": "200-3000",
        "keyword": "ok AND NOT error",
        "method": "POST",
        "request_content_type": "text/plain",
        "follow_redirects": "true",
        "headers": "X-Api-Key: k\r\nAccept: text/html",
        "body": "line one\r\nline two",
        "bearer_token": "t",
        "assertion_source": ["status_code", "", "json", "header"],
        "assertion_subject": ["", "", "data.id", "x-up"],
        "assertion_comparison": ["eq", "eq", "gt", "exists"],
        "assertion_target": ["201", "", "3", ""],
        "json_assertions": '[{"path": "s", "operator": "equals", "value": "v"}]',
        "failure_threshold": "3",
        "recovery_threshold": "2",
        "cooldown_secs": "60",
        "severity": "critical",
        "channels": [reply.json["id"]],
        "alert_email": "ops@example.com",
        "alert_slack_webhook": "https://hooks.example/slack",
        "webhook_url": "https://hooks.example/hook",
        "depends_on": [other["id"]],
        "group": "Web",
        "tags": "prod, eu",
        "slug": "all-of-it",
        "paused": "true",
        "window_day": ["daily", ""],
        "window_start": ["02:00", ""],
        "window_end": ["04:00", ""],
    }
    async with owner(tickd) as me:
        answer = await me.send("/monitors/new", said)
        assert answer.status == 303, answer.words
    made = await watched(tickd, answer.location.rpartition("/")[2])
    expected: dict[str, Any] = {
        "interval_secs": 120,
        "timeout_secs": 20,
        "expected_status_code": 201,
        "follow_redirects": True,
        "headers": {"X-Api-Key": "k", "Accept": "text/html"},
        "body": "line one\nline two",
        "json_assertions": [{"path": "s", "operator": "equals", "value": "v"}],
        "failure_threshold": 3,
        "recovery_threshold": 2,
        "cooldown_secs": 60,
        "tags": ["prod", "eu"],
        "public": False,
        "status": "paused",
        "maintenance_windows": [{"day": "daily", "start_utc": "02:00", "end_utc": "04:00"}],
    }
    left = {name for name in said if name.partition("_")[0] not in ("assertion", "window")} - {"paused"}
    expected = {name: said[name] for name in left if name not in expected} | expected
    assert {name: made[name] for name in expected} == expected
    bare = [{name: text for name, text in one.items() if text} for one in made["assertions"]]
    assert bare == [
        {"source": "status_code", "comparison": "eq", "target": "201"},
        {"source": "json", "comparison": "gt", "target": "3", "path": "data.id"},
        {"source": "header", "comparison": "exists", "name": "x-up"},
    ]


async def test_every_mistake_stands_beside_its_field_and_nothing_typed_is_lost(tickd: Harness) -> None:
    said = {
        "type": "http",
        "url": "ftp://x",
        "interval_secs": "5",
        "timeout_secs": "99",
        "keyword": "a AND",
        "assertion_source": ["body"],
        "assertion_subject": [""],
        "assertion_comparison": ["gt"],
        "assertion_target": ["3"],
        "bearer_token": "typed",
    }
    async with owner(tickd) as me:
        shown = await me.send("/monitors/new", said)
    assert shown.status == 422
    for words in (
        "Name is required",
        "Check every must be a whole number between 30 and 86400",
        "Give up after must be a whole number between 5 and 30",
    ):
        assert words in shown.words, words
    assert 'value="ftp://x"' in shown.text and 'value="a AND"' in shown.text
    assert '<option value="body" selected>' in shown.text
    assert await monitors(tickd) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"url": "ftp://x"}, "must be an http or https address"),
        ({"keyword": "a AND"}, "Words in the body"),
        ({"headers": "no colon"}, "line 1 has no colon"),
        ({"json_assertions": "{"}, "must be JSON"),
        (
            {"assertion_source": ["body"], "assertion_comparison": ["gt"]},
            "comparison for body must be one of",
        ),
        ({"window_day": ["daily"], "window_start": ["2"], "window_end": ["3"]}, "start_utc must be HH:MM"),
        ({"response_threshold_ms": "fast"}, "must be like"),
        ({"type": "tcp", "url": "db:5432", "keyword": "x"}, "be used with type tcp"),
    ],
)
async def test_the_rules_are_the_api_s(tickd: Harness, said: dict[str, Any], words: str) -> None:
    plain: dict[str, Any] = {"name": "x", "url": "http://127.0.0.1:9/", "type": "http"}
    rows = {"assertion_subject": ["x"], "assertion_target": ["3"]} if "assertion_source" in said else {}
    async with owner(tickd) as me:
        shown = await me.send("/monitors/new", plain | said | rows)
    assert shown.status == 422
    assert words in shown.words
    assert await monitors(tickd) == []


# Edited.


async def test_a_form_saved_as_it_is_changes_nothing_and_keeps_the_secrets(
    tickd: Harness, endpoint: Endpoint
) -> None:
    monitor = await watch(
        tickd,
        endpoint.url,
        basic_auth_user="me",
        timeout_secs=7,
        assertions=[{"source": "status_code", "comparison": "lt", "target": "400"}],
        json_assertions=[{"path": "s", "operator": "exists", "value": ""}],
        maintenance_windows=[{"day": "monday", "start_utc": "02:00", "end_utc": "24:00"}],
        depends_on=["by-name"],
        channels=["ops"],
        tags=["a", "b"],
        body="x\ny",
        **SECRETS,
    )
    async with owner(tickd) as me:
        path = f"/monitors/{monitor['id']}/edit"
        shown = await me.get(path)
        assert "s3cret" not in shown.text
        assert f"X-Api-Key: {MASK}" in shown.text and "Accept: text/html" in shown.text
        answer = await me.send(path, filled(shown.text, "monitor-form"))
        assert answer.status == 303, answer.words
    after = await watched(tickd, monitor["id"])
    moving = ("state", "last_check", "next_check_at", "consecutive_failures")
    assert {name: after[name] for name in after if name not in moving} == {
        name: monitor[name] for name in monitor if name not in moving
    }


async def test_what_the_api_alone_allows_survives_an_edit(tickd: Harness, endpoint: Endpoint) -> None:
    """The rooster face takes a timeout of 60 s, the native one and the form do not."""
    body = {"name": "slow", "url": endpoint.url, "timeout": 60}
    made = (await tickd.call("POST", "/api/v1/monitors", body)).json["data"]
    async with owner(tickd) as me:
        path = f"/monitors/{made['id']}/edit"
        said = await form(me, path) | {"name": "slower"}
        assert (await me.send(path, said)).status == 303
    after = await watched(tickd, made["id"])
    assert (after["name"], after["timeout_secs"]) == ("slower", 60)


async def test_a_secret_is_replaced_by_what_is_typed_and_taken_away_by_its_box(
    tickd: Harness, endpoint: Endpoint
) -> None:
    monitor = await watch(tickd, endpoint.url, **SECRETS)
    async with owner(tickd) as me:
        path = f"/monitors/{monitor['id']}/edit"
        said = await form(me, path)
        said |= {"bearer_token": "new", "forget_sent": ["auth_header"], "forget_hooks": ["webhook_url"]}
        said |= {"headers": f"X-Api-Key: {MASK}\r\nX-New: 1"}
        assert (await me.send(path, said)).status == 303
    after = await watched(tickd, monitor["id"])
    assert after["bearer_token"] == "new" and after["auth_header"] == after["webhook_url"] == ""
    assert after["basic_auth_pass"] == "pw-s3cret"
    assert after["alert_slack_webhook"] == SECRETS["alert_slack_webhook"]
    assert after["headers"] == {"X-Api-Key": "key-s3cret", "X-New": "1"}


async def test_a_duplicate_has_everything_but_the_secrets(tickd: Harness, endpoint: Endpoint) -> None:
    monitor = await watch(tickd, endpoint.url, keyword="done", group="Web", **SECRETS)
    async with owner(tickd) as me:
        shown = await me.get(f"/monitors/new?from={monitor['id']}")
        assert "s3cret" not in shown.text and MASK not in shown.text
        assert "are not copied" in shown.words
        answer = await me.send("/monitors/new", filled(shown.text, "monitor-form"))
        assert answer.status == 303, answer.words
    copy = await watched(tickd, answer.location.rpartition("/")[2])
    assert (copy["name"], copy["keyword"], copy["group"]) == ("m (copy)", "done", "Web")
    assert copy["headers"] == {"Accept": "text/html"} and copy["slug"] != monitor["slug"]
    assert all(copy[name] == "" for name in SECRETS if name != "headers")


# Tried.


async def test_a_try_looks_once_and_stores_nothing(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.text, endpoint.headers = "hello <b>there</b>", {"X-Up": "yes", "Set-Cookie": "session=s3cret"}
    async with owner(tickd) as me:
        said = await form(me, "/monitors/new") | {"url": endpoint.url, "do": "try"}
        shown = await me.send("/monitors/new", said)
        part = await me.send("/monitors/new", said, headers={"HX-Request": "true"})
    assert shown.status == part.status == 200
    assert "<h1>" in shown.text and "<h1>" not in part.text
    for words in (
        "One check just now: Up",
        "Nothing was stored",
        "200",
        "hello &lt;b&gt;there",
        "First byte",
    ):
        assert words in part.words or words in part.text, words
    assert "s3cret" not in part.text and "yes" in part.words
    assert len(endpoint.calls) == 2
    assert await monitors(tickd) == []


async def test_a_try_judges_as_a_check_does(tickd: Harness, endpoint: Endpoint) -> None:
    plain: dict[str, Any] = {"type": "http", "url": endpoint.url, "do": "try"}
    gone = f"http://127.0.0.1:{free_port()}/"
    async with owner(tickd) as me:
        words = (await me.send("/monitors/new", plain | {"keyword": "absent"})).words
        assert "One check just now: Down" in words and "absent" in words
        words = (await me.send("/monitors/new", plain | {"url": gone})).words
        assert "One check just now: Down" in words and "connection refused" in words
        port = gone.rpartition(":")[2].strip("/")
        words = (await me.send("/monitors/new", plain | {"type": "tcp", "url": f"127.0.0.1:{port}"})).words
        assert "connection refused" in words
        shown = await me.send("/monitors/new", plain | {"url": "nonsense"})
        assert shown.status == 422 and "Not tried" in shown.words
        assert "URL must be an http or https address" in shown.words
        assert 'aria-describedby="error-url" aria-invalid="true"' in shown.text
        part = await me.send("/monitors/new", plain | {"url": "nonsense"}, headers={"HX-Request": "true"})
        assert '<li data-error="url">URL must be' in part.text


async def test_all_that_is_wrong_is_told_at_once(tickd: Harness, endpoint: Endpoint) -> None:
    wrong = {"url": "ftp://x", "keyword": "a AND", "response_threshold_ms": "soon", "alert_email": "nobody"}
    async with owner(tickd) as me:
        said = await form(me, "/monitors/new") | {"name": ""} | wrong
        shown = await me.send("/monitors/new", said)
        assert {name for name in (*wrong, "name") if f'id="error-{name}"' not in shown.text} == set()
        assert await monitors(tickd) == []
        monitor = await watch(tickd, endpoint.url, name="Shop")
        path = f"/monitors/{monitor['id']}/edit"
        shown = await me.send(path, await form(me, path) | wrong | {"type": "tcp", "keyword": "a"})
        assert {name for name in wrong if f'id="error-{name}"' not in shown.text} == set()
        assert (await monitors(tickd))[0]["url"] == endpoint.url


async def test_one_try_at_a_time(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    said = {"type": "http", "url": endpoint.url, "do": "try"}

    async def called() -> bool:
        return bool(endpoint.calls)

    async with owner(tickd) as me:
        first = asyncio.create_task(me.send("/monitors/new", said))
        await eventually(called)
        second = await me.send("/monitors/new", said)
        endpoint.gate.set()
        assert "another try is under way" in second.words.lower()
        assert "One check just now: Up" in (await first).words
    assert len(endpoint.calls) == 1


async def test_a_try_of_an_edit_sends_the_stored_secrets_to_their_own_host(
    tickd: Harness, endpoint: Endpoint
) -> None:
    monitor = await watch(tickd, endpoint.url, bearer_token="tok-s3cret", headers=SECRETS["headers"])
    await checked(tickd, monitor["id"], 1)
    async with owner(tickd) as me:
        path = f"/monitors/{monitor['id']}/edit"
        said = await form(me, path) | {"url": f"{endpoint.url}/other/path", "do": "try"}
        assert "One check just now: Up" in (await me.send(path, said)).words
    call = endpoint.calls[-1]
    assert call.path == "/other/path"
    assert call.headers["Authorization"] == "Bearer tok-s3cret" and call.headers["X-Api-Key"] == "key-s3cret"


@pytest.mark.parametrize("do", ["try", "save"])
@pytest.mark.parametrize("name", ["bearer_token", "basic_auth_pass", "auth_header", "headers"])
async def test_stored_secrets_never_go_to_another_host(
    tickd: Harness, endpoint: Endpoint, do: str, name: str
) -> None:
    monitor = await watch(tickd, endpoint.url, basic_auth_user="me", **{name: SECRETS[name]})
    await checked(tickd, monitor["id"], 1)
    async with owner(tickd) as me, serving() as other:
        path = f"/monitors/{monitor['id']}/edit"
        plain = await form(me, path) | {"do": do}
        port = endpoint.url.rpartition(":")[2]
        for place in (other.url, f"http://localhost:{port}", endpoint.url.replace("http:", "https:")):
            shown = await me.send(path, plain | {"url": place})
            assert shown.status == 422, place
            assert "type it again for another place" in shown.words
            assert "s3cret" not in shown.text
        # By way of a type that sends nothing.
        through = plain | {"type": "tcp", "url": other.url.removeprefix("http://"), "do": "save"}
        assert (await me.send(path, through)).status == 303
        await checked(tickd, monitor["id"], 2)
        back = await form(me, path) | {"type": "http", "url": other.url, "do": do}
        assert (await me.send(path, back)).status == 422
        # Typed again, it may.
        back |= {name: "X-Api-Key: typed" if name == "headers" else "typed"}
        assert (await me.send(path, back)).status in (200, 303)

        async def arrived() -> bool:
            return bool(other.calls)

        await eventually(arrived)
    sent = [dict(call.headers) for call in other.calls]
    assert "s3cret" not in str(sent)
    assert all("X-Api-Key" in one or "Authorization" in one for one in sent)


async def test_a_private_target_is_refused_to_a_try_as_to_a_monitor(tmp_path: Any) -> None:
    async with running(tmp_path / "t.db", block_private_targets=True) as tickd, owner(tickd) as me:
        said = {"type": "http", "url": "http://127.0.0.1/", "alert_email": "nobody"}
        shown = await me.send("/monitors/new", said | {"do": "try", "alert_email": ""})
        saved = await me.send("/monitors/new", said)
    assert shown.status == 422
    assert "must not lead to a private or reserved address" in shown.words
    assert {name for name in (*said, "name") if f'id="error-{name}"' in saved.text} == {*said, "name"} - {
        "type"
    }


# Shown as a call.


async def test_the_call_says_what_differs_from_the_defaults(tickd: Harness) -> None:
    async with owner(tickd) as me:
        said = await form(me, "/monitors/new")
        said |= {"name": "Shop", "url": "https://shop.example/", "bearer_token": "typed", "do": "request"}
        shown = await me.send("/monitors/new", said)
        part = await me.send("/monitors/new", said, headers={"HX-Request": "true"})
    assert shown.status == 200 and "<h1>" in shown.text and "<h1>" not in part.text
    body = {"url": "https://shop.example/", "name": "Shop", "bearer_token": "typed"}
    assert f"curl -X POST {tickd.url}/v1/monitors" in part.words
    assert json.dumps(body) in part.words
    assert "requests.request(" in part.words and "await fetch(" in part.words


async def test_the_call_can_be_made_as_it_stands(tickd: Harness, endpoint: Endpoint) -> None:
    async with owner(tickd) as me:
        for face, path in (("native", "/v1/monitors"), ("rooster", "/api/v1/monitors")):
            said = await form(me, "/monitors/new") | {"name": face, "url": endpoint.url, "face": face}
            said |= {"headers": "Accept: text/html", "keyword": "done", "interval_secs": "90"}
            shown = (await me.send("/monitors/new", said, headers={"HX-Request": "true"})).words
            begin = shown.index("-d '") + 4
            body = json.loads(shown[begin : shown.index("}'", begin) + 1])
            reply = await tickd.call("POST", path, body)
            assert reply.status == 201, reply.json
    one, two = sorted(await monitors(tickd), key=lambda found: str(found["name"]))
    same = (
        "url",
        "headers",
        "keyword",
        "interval_secs",
        "follow_redirects",
        "expected_status_code",
        "method",
    )
    assert {name: one[name] for name in same} == {name: two[name] for name in same}


async def test_the_call_of_an_edit_says_what_was_changed_and_no_stored_secret(
    tickd: Harness, endpoint: Endpoint
) -> None:
    monitor = await watch(tickd, endpoint.url, **SECRETS)
    async with owner(tickd) as me:
        path = f"/monitors/{monitor['id']}/edit"
        said = await form(me, path) | {"do": "request", "interval_secs": "300"}
        said |= {"headers": f"X-Api-Key: {MASK}\nX-New: 1"}
        shown = await me.send(path, said)
        rooster = await me.send(path, said | {"face": "rooster", "tags": "x", "depends_on": []})
        none = await me.send("/monitors/new", {"type": "dns", "url": "x.example", "face": "rooster"})
    assert f"curl -X PATCH {tickd.url}/v1/monitors/{monitor['id']}" in shown.words
    assert '"interval_secs": 300' in shown.words and '"X-Api-Key": "THE-STORED-VALUE"' in shown.words
    assert "s3cret" not in shown.text + rooster.text
    assert "/api/v1/monitors/" in rooster.words and '"check_interval": 300' in rooster.words
    assert "The rooster API has no tags." in rooster.words
    assert "no monitors of type dns" in none.words


async def test_an_interval_that_the_rooster_face_refuses_is_said_with_the_call(tickd: Harness) -> None:
    said = {"type": "http", "name": "x", "url": "http://127.0.0.1:9/", "face": "rooster"}
    note = "There check_interval must be"
    async with owner(tickd) as me:
        for least, interval, sentence in (
            (None, "301", f"{note} between 60 and 300."),
            (120, "90", f"{note} between 120 and 300."),
            (600, "300", f"{note} 600 seconds."),
            (600, "600", ""),
        ):
            await tickd.daemon.services.limits.set(DEFAULT_ACCOUNT, LimitsChange(min_interval_secs=least))
            shown = await me.send("/monitors/new", said | {"interval_secs": interval})
            assert (sentence in shown.words, note in shown.words) == (True, bool(sentence))


async def test_assertions_are_said_in_rooster_s_words_where_it_has_them(tickd: Harness) -> None:
    said: dict[str, Any] = {"type": "json", "name": "x", "url": "http://127.0.0.1:9/", "face": "rooster"}
    said |= {"assertion_source": ["json", "header"], "assertion_subject": ["a.b", "x-up"]}
    said |= {"assertion_comparison": ["gt", "exists"], "assertion_target": ["3", ""]}
    async with owner(tickd) as me:
        shown = await me.send("/monitors/new", said)
    assert '"json_assertions": [{"path": "a.b", "operator": "greater_than", "value": "3"}]' in shown.words
    assert "The rooster API has no assertions." in shown.words
