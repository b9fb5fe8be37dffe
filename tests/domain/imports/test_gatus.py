"""Gatus' configuration as a manifest."""

from __future__ import annotations

from typing import Any

import pytest

from tickd.domain.imports import gatus, gatus_conditions
from tickd.domain.imports.draft import Draft, Item
from tickd.errors import Malformed

SITE: dict[str, Any] = {"name": "site", "url": "https://example.com/", "conditions": ["[STATUS] == 200"]}


def converted(**said: Any) -> tuple[Draft, Item, dict[str, Any]]:
    draft = gatus.convert({"endpoints": [SITE | said]}, 0)
    item = draft.items[0]
    return draft, item, draft.manifest.get("monitors", {}).get(item.became.partition(".")[2], {})


def one(source: str, comparison: str, target: str = "", path: str = "") -> dict[str, str]:
    made = {"source": source, "comparison": comparison}
    return made | ({"path": path} if path else {}) | ({"target": target} if target else {})


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("[STATUS] == 200", [one("status_code", "eq", "200")]),
        ("[STATUS] < 300", [one("status_code", "lt", "300")]),
        ("[STATUS]<=299", [one("status_code", "lte", "299")]),
        ("[STATUS] != 500", [one("status_code", "ne", "500")]),
        ("[STATUS] == any(200, 201)", [one("status_code", "gte", "200"), one("status_code", "lte", "201")]),
        ("[STATUS] != any(500, 503)", [one("status_code", "ne", "500"), one("status_code", "ne", "503")]),
        ("[STATUS] == pat(2*)", [one("status_code", "gte", "200"), one("status_code", "lte", "299")]),
        ("[STATUS] == pat(20*)", [one("status_code", "gte", "200"), one("status_code", "lte", "209")]),
        ("[RESPONSE_TIME] < 500", [one("response_time", "lt", "500")]),
        ("[CONNECTED] == true", [one("status_code", "gte", "100")]),
        ("[BODY] == pong", [one("body", "eq", "pong")]),
        ("[BODY] == pat(*<h1>Hi</h1>*)", [one("body", "contains", "<h1>Hi</h1>")]),
        ("[BODY] != pat(*error*)", [one("body", "not_contains", "error")]),
        ("[BODY].user.name == john", [one("json", "eq", "john", "user.name")]),
        ("[BODY].data[0].id > 1", [one("json", "gt", "1", "data[0].id")]),
        ("[BODY][0].id == 1", [one("json", "eq", "1", "[0].id")]),
        ("[BODY].name == pat(*oh*)", [one("json", "contains", "oh", "name")]),
        ("has([BODY].errors) == false", [one("json", "not_exists", path="errors")]),
        ("has([BODY].users) == true", [one("json", "exists", path="users")]),
        ("len([BODY].data) > 0", [one("json", "exists", path="data[0]")]),
        ("len([BODY].data) < 5", [one("json", "not_exists", path="data[4]")]),
        (
            "len([BODY].data) == 2",
            [one("json", "exists", path="data[1]"), one("json", "not_exists", path="data[2]")],
        ),
        ("len([BODY].data) == 0", [one("json", "not_exists", path="data[0]")]),
        ("len([BODY]) >= 3", [one("json", "exists", path="$[2]")]),
    ],
)
def test_conditions_are_assertions(condition: str, expected: list[dict[str, str]]) -> None:
    _, item, made = converted(conditions=[condition])
    assert made["assertions"] == expected
    assert item.lost == []


@pytest.mark.parametrize(
    "condition",
    [
        "[IP] == 127.0.0.1",
        "[DNS_RCODE] == NOERROR",
        "[DOMAIN_EXPIRATION] > 720h",
        "[CONNECTED] == false",
        "[BODY].a == [BODY].b",
        "[BODY].id == any(1, 2)",
        "[BODY].name == pat(john*)",
        "[BODY].x < abc",
        "[BODY]..x == 1",
        "[STATUS] == pat(*)",
        "[STATUS] == two hundred",
        "len([BODY].name) == many",
        "len([BODY].data) != 3",
        "has([STATUS]) == perhaps",
        "200 == [STATUS]",
        "[STATUS]",
        "",
        "(",
        "[CERTIFICATE_EXPIRATION] < soon",
    ],
)
def test_a_condition_that_cannot_be_one_is_named(condition: str) -> None:
    _, item, made = converted(conditions=["[STATUS] == 200", condition])
    assert made["assertions"] == [one("status_code", "eq", "200")]
    assert any("condition" in words for words in item.lost)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("500ms", 0.5),
        ("0", 0),
        ("", None),
        ("5", None),
        ("1x", None),
        ("-5m", None),
    ],
)
def test_durations(text: str, expected: float | None) -> None:
    assert gatus_conditions.seconds(text) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"url": "tcp://db:5432", "conditions": ["[CONNECTED] == true"]}, {"type": "tcp", "url": "db:5432"}),
        (
            {"url": "tls://mail:465", "conditions": ["[CERTIFICATE_EXPIRATION] > 240h"]},
            {"type": "ssl", "ssl_expiry_threshold_days": 10},
        ),
        (
            {"url": "8.8.8.8", "dns": {"query-name": "example.com", "query-type": "A"}},
            {"type": "dns", "url": "example.com"},
        ),
        ({"interval": "10s"}, {"interval_secs": 30}),
        ({"interval": "5m"}, {"interval_secs": 300}),
        ({"client": {"timeout": "2m"}}, {"timeout_secs": 30}),
        ({"client": {"ignore-redirect": True}}, {"follow_redirects": False}),
        ({"enabled": False}, {"status": "paused"}),
        ({"group": "core"}, {"group": "core"}),
        ({"method": "POST", "body": "on [ENDPOINT_NAME]"}, {"method": "POST", "body": "on site"}),
        (
            {"method": "POST", "body": "{a}", "graphql": True},
            {"body": '{"query": "{a}"}', "request_content_type": "application/json"},
        ),
        ({"headers": {"X-Api-Key": "${KEY}"}}, {"headers": {"X-Api-Key": {"env": "KEY"}}}),
        ({"headers": {"Authorization": "Bearer $KEY"}}, {"bearer_token": {"env": "KEY"}}),
        ({"headers": {"Accept": "costs $$5"}}, {"headers": {"Accept": "costs $5"}}),
        ({"url": "https://me@example.com/"}, {"url": "https://example.com/", "basic_auth_user": "me"}),
    ],
)
def test_fields_of_endpoints(said: dict[str, Any], expected: dict[str, Any]) -> None:
    _, item, made = converted(**said)
    assert expected.items() <= made.items(), item


@pytest.mark.parametrize(
    "url",
    [
        "icmp://host",
        "udp://host:53",
        "sctp://h:1",
        "ssh://h:22",
        "ws://h/",
        "wss://h/",
        "starttls://h:25",
        "",
        "nonsense",
    ],
)
def test_schemes_that_tickd_does_not_speak(url: str) -> None:
    draft, item, _ = converted(url=url)
    assert item.became == ""
    assert item.lost
    assert "monitors" not in draft.manifest


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"client": {"insecure": True}}, "tickd always checks certificates"),
        ({"client": {"proxy-url": "http://p"}}, "tickd connects directly"),
        ({"client": {"oauth2": {"client-id": "x"}}}, "OAuth 2"),
        ({"headers": {"X-Where": "${HOST}"}}, "there is an environment variable in it"),
        ({"method": "POST", "body": "[RANDOM_STRING_9]"}, "another one at each check"),
    ],
)
def test_what_would_raise_a_false_alarm_is_paused(said: dict[str, Any], words: str) -> None:
    _, item, made = converted(**said)
    assert made["status"] == "paused"
    assert any(words in note for note in item.lost)


def test_a_variable_in_an_address_is_to_be_written_out_first() -> None:
    _, item, _ = converted(url="https://${HOST}/")
    assert item.became == ""
    assert any("envsubst" in words for words in item.lost)


@pytest.mark.parametrize("field", ["brand-new", "extra-labels", "ssh"])
def test_fields_without_a_counterpart_are_named(field: str) -> None:
    _, item, _ = converted(**{field: {"a": "b"}}) if field != "ssh" else converted(client={"brand-new": 1})
    assert item.lost


ALERTING = {
    "slack": {"webhook-url": "https://hooks.slack.com/x"},
    "ntfy": {
        "topic": "ops",
        "token": "${NTFY}",
        "default-alert": {"failure-threshold": 5, "send-on-resolved": True},
    },
    "email": {
        "to": "a@b.example,c@d.example",
        "host": "mail",
        "port": 25,
        "from": "x@y.example",
        "overrides": [1],
    },
    "custom": {"url": "https://w.example/", "headers": {"X-Token": "t"}, "body": "x"},
    "teams": {"webhook-url": "https://t.example/"},
}


def test_alerting_becomes_channels_and_thresholds() -> None:
    alerts = [
        {"type": "slack", "failure-threshold": 4},
        {"type": "ntfy"},
        {"type": "teams"},
        {"type": "email", "enabled": False},
    ]
    draft = gatus.convert({"alerting": ALERTING, "endpoints": [SITE | {"alerts": alerts}]}, 0)
    made = draft.manifest["monitors"]["site"]
    assert (made["channels"], made["failure_threshold"], made["recovery_threshold"]) == (
        ["slack", "ntfy"],
        3,
        2,
    )
    channels = draft.manifest["channels"]
    assert set(channels) == {"slack", "ntfy", "email", "custom"}
    assert channels["ntfy"]["token"] == {"env": "NTFY"}
    assert "recovered" not in channels["slack"]["events"]
    assert "events" not in channels["ntfy"]
    assert channels["email"]["to"] == ["a@b.example", "c@d.example"]
    told = {item.name: item.lost for item in draft.items}
    assert told["email"] == ["overrides: tickd has no such setting of a channel"]
    assert any("provider is left out" in words for words in told["site"])
    assert any("NTFY must be set" in note for note in draft.notes)


def test_external_endpoints_are_heartbeats() -> None:
    external = [
        {"name": "a", "token": "t" * 20, "heartbeat": {"interval": "30m"}},
        {"name": "b", "token": "potato"},
        {"name": "c", "token": "${PUSH}"},
    ]
    draft = gatus.convert({"external-endpoints": external}, 0)
    made = draft.manifest["heartbeats"]
    assert (made["a"]["interval_secs"], made["a"]["token"]) == (1800, {"env": "TICKD_HEARTBEAT_A_TOKEN"})
    assert made["b"]["interval_secs"] == 31_622_400
    assert "token" not in made["b"]
    assert made["c"]["token"] == {"env": "PUSH"}
    assert all(any("/p/TOKEN" in words for words in item.changed) for item in draft.items)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (
            {"start": "23:00", "duration": "1h"},
            {"day": "daily", "start": "23:00", "end": "00:00", "timezone": "UTC"},
        ),
        (
            {"start": "23:30", "duration": "90m", "timezone": "Asia/Tokyo", "every": ["Monday"]},
            {"day": "monday", "start": "23:30", "end": "01:00", "timezone": "Asia/Tokyo"},
        ),
    ],
)
def test_maintenance(window: dict[str, Any], expected: dict[str, str]) -> None:
    draft = gatus.convert({"endpoints": [SITE | {"maintenance-windows": [window]}], "maintenance": window}, 0)
    assert draft.manifest["maintenance"] == {
        "maintenance": {"all": True} | expected,
        "site": {"subjects": ["monitor:site"]} | expected,
    }


@pytest.mark.parametrize(
    "window",
    [
        {"start": "23", "duration": "1h"},
        {"start": "23:00", "duration": "24h"},
        {"enabled": False},
        {"start": "1:00", "duration": "1h", "every": ["Someday"]},
    ],
)
def test_maintenance_that_is_left_out(window: dict[str, Any]) -> None:
    draft = gatus.convert({"endpoints": [SITE], "maintenance": window}, 0)
    assert "maintenance" not in draft.manifest
    assert draft.items[-1].lost


def test_suites_and_strange_sections_are_named() -> None:
    draft = gatus.convert(
        {"endpoints": [SITE], "suites": [{"name": "s"}], "security": {"basic": {}}, "novelty": 1, "web": {}},
        0,
    )
    assert [item.kind for item in draft.items if not item.became] == ["suite"]
    assert any(note.startswith("novelty") for note in draft.notes)
    assert draft.manifest["monitors"]["site"]["public"] is False


@pytest.mark.parametrize(
    "document", [{}, {"endpoints": []}, {"endpoints": "x"}, {"endpoints": [1, 2]}, {"jobs": {}}]
)
def test_what_is_no_configuration_of_gatus(document: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="no configuration of Gatus"):
        gatus.convert(document, 0)


@pytest.mark.parametrize("wrong", [[], {}, True, None, "\x00", 10**400, [[1]], {"a": {"b": []}}])
def test_wrong_types_lose_no_endpoint_without_a_word(wrong: object) -> None:
    fields = [
        "name",
        "url",
        "method",
        "conditions",
        "interval",
        "body",
        "headers",
        "dns",
        "alerts",
        "client",
        "maintenance-windows",
        "group",
    ]
    for name in fields:
        draft = gatus.convert({"endpoints": [SITE | {name: wrong}]}, 0)
        assert draft.items[0].became or draft.items[0].lost, name
