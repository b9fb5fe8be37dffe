"""Every field of a monitor on the native face: its default, its range, and the sentence that refuses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.served import Served
from tests.contract.watching import monitor
from tests.support.daemon import Harness, running
from tickd.domain.monitors import MonitorChange
from tickd.web.native.monitors import MonitorAnswer

LEAST = {"name": "least", "url": "http://127.0.0.1:9/", "status": "paused"}
DEFAULTS: dict[str, Any] = {
    "type": "http",
    "interval_secs": 60,
    "timeout_secs": 10,
    "assertions": [],
    "method": "GET",
    "headers": {},
    "body": "",
    "follow_redirects": False,
    "failure_threshold": 2,
    "recovery_threshold": 1,
    "cooldown_secs": 0,
    "severity": "major",
    "channels": [],
    "depends_on": [],
    "tags": [],
    "group": "",
    "public": True,
    "expected_status_code": None,
    "basic_auth_user": "",
    "basic_auth_pass": "",
    "bearer_token": "",
    "auth_header": "",
    "request_content_type": "",
    "keyword": "",
    "response_threshold_ms": "",
    "json_assertions": [],
    "ssl_expiry_threshold_days": 30,
    "maintenance_windows": [],
    "alert_email": "",
    "alert_slack_webhook": "",
    "webhook_url": "",
}
OTHERWISE: dict[str, Any] = {
    "type": "json",
    "interval_secs": 86_400,
    "timeout_secs": 30,
    "assertions": [
        {"source": "status_code", "comparison": "eq", "target": "200", "path": "", "name": ""},
        {"source": "json", "comparison": "exists", "target": "", "path": "a[0].b", "name": ""},
        {"source": "header", "comparison": "ne", "target": "x", "path": "", "name": "X-One"},
    ],
    "method": "POST",
    "headers": {"X-One": "1", "Accept": "text/html"},
    "body": '{"a": 1}',
    "follow_redirects": True,
    "failure_threshold": 10,
    "recovery_threshold": 10,
    "cooldown_secs": 604_800,
    "severity": "critical",
    "channels": ["chn_1"],
    "depends_on": ["mon_1"],
    "tags": ["db", "night"],
    "group": "Production",
    "public": False,
    "expected_status_code": 204,
    "basic_auth_user": "user",
    "basic_auth_pass": "p:ss",
    "bearer_token": "tok_1",
    "auth_header": "Token 1",
    "request_content_type": "text/plain",
    "keyword": "OK AND !error",
    "response_threshold_ms": "200-3000",
    "json_assertions": [{"path": "data.users[0].name", "operator": "equals", "value": "x"}],
    "ssl_expiry_threshold_days": 90,
    "maintenance_windows": [{"day": "daily", "start_utc": "22:00", "end_utc": "02:00"}],
    "alert_email": "ops@example.com",
    "alert_slack_webhook": "https://hooks.slack.com/services/T00/B00/xxxx",
    "webhook_url": "http://127.0.0.1:9/hook",
}
LEAST_VALUES: dict[str, Any] = {
    "interval_secs": 30,
    "timeout_secs": 5,
    "failure_threshold": 1,
    "recovery_threshold": 1,
    "cooldown_secs": 0,
    "expected_status_code": 100,
    "ssl_expiry_threshold_days": 1,
    "keyword": "",
    "assertions": [],
    "json_assertions": [],
    "maintenance_windows": [],
    "headers": {},
    "tags": [],
    "group": "",
    "webhook_url": "",
}

NAME = "must be text of 1 to 200 characters"
PRINTABLE = "must be 1 to 200 printable characters"
LONG_URL = "must be text of 1 to 2048 characters"
URL = "must be an http or https address such as https://example.com/path"
TYPES = "must be one of dns, http, json, ssl, tcp"
METHODS = "must be one of DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
REFERENCES = "must be a list of at most 50 items, each text of 1 to 100 characters"
TAGS = "must be a list of at most 50 items, each text of 1 to 50 characters"
MAP = "must be a map of names to texts"
BULK = "must be at most 50 headers of 16384 characters together"
SWITCH = "must be true or false"
THRESHOLD = "must be like '> 2000', '< 50' or '200-3000'"
ASSERTIONS = "must be a list of at most 20 items"
JSON_ASSERTIONS = "must be a list of at most 50 items"
WINDOWS = "must be a list of at most 50 items"
FIRST = "has a mistake in number 1: "


def asserts(source: str, comparison: str, target: str = "", **more: str) -> list[dict[str, str]]:
    return [{"source": source, "comparison": comparison, "target": target} | more]


def holds(path: str, operator: str, value: str = "") -> list[dict[str, str]]:
    return [{"path": path, "operator": operator, "value": value}]


def window(day: str, start: str, end: str) -> list[dict[str, str]]:
    return [{"day": day, "start_utc": start, "end_utc": end}]


def ranged(field: str, low: int, high: int) -> list[tuple[str, Any, str]]:
    """A whole number's wrong values."""
    edges = f"between {low} and {high}"
    outside = [(field, value, f"must be {edges}") for value in (low - 1, high + 1, 1 << 70)]
    others: list[Any] = ["30", 7.5, True, []]
    return [*outside, *((field, value, f"must be a whole number {edges}") for value in others)]


def texts(field: str, most: int) -> list[tuple[str, Any, str]]:
    """A text's wrong values."""
    sentence = f"must be text of at most {most} characters"
    return [(field, 7, sentence), (field, "x" * (most + 1), sentence)]


BAD: list[tuple[str, Any, str]] = [
    ("name", 7, NAME),
    ("name", "", NAME),
    ("name", "x" * 201, NAME),
    ("name", "   ", PRINTABLE),
    ("name", "two\nlines", PRINTABLE),
    ("type", "heartbeat", TYPES),
    ("type", "HTTP", TYPES),
    ("type", 1, TYPES),
    ("url", 1, LONG_URL),
    ("url", "", LONG_URL),
    ("url", "http://127.0.0.1/" + "x" * 2032, LONG_URL),
    ("url", "127.0.0.1:9", URL),
    ("url", "ftp://127.0.0.1/", URL),
    ("url", "http://", URL),
    ("url", "http://127.0.0.1:0/", URL),
    ("url", "http://127.0.0.1/a b", URL),
    ("url", "http://me:secret@127.0.0.1/", "must not hold a user name or password; send them in headers"),
    ("url", "http://169.254.169.254/", "must not lead to a private or reserved address: "),
    *ranged("interval_secs", 30, 86_400),
    *ranged("timeout_secs", 5, 30),
    *ranged("failure_threshold", 1, 10),
    *ranged("recovery_threshold", 1, 10),
    *ranged("cooldown_secs", 0, 604_800),
    *ranged("expected_status_code", 100, 599),
    *ranged("ssl_expiry_threshold_days", 1, 90),
    ("assertions", {}, ASSERTIONS),
    ("assertions", asserts("status_code", "eq", "200") * 21, ASSERTIONS),
    ("assertions", ["status_code"], ASSERTIONS),
    ("assertions", asserts("luck", "eq", "1"), FIRST + "source must be one of "),
    ("assertions", asserts("status_code", "is", "1"), FIRST + "comparison must be one of "),
    ("assertions", [asserts("body", "eq")[0] | {"target": 200}], FIRST + "target must be text"),
    ("paused", "yes", "must be true or false"),
    ("assertions", asserts("body", "lt", "1"), FIRST + "comparison for body must be one of "),
    ("assertions", asserts("status_code", "contains", "2"), FIRST + "comparison for status_code must be "),
    ("assertions", asserts("status_code", "eq", "ok"), FIRST + "target for status_code must be a whole"),
    ("assertions", asserts("response_time", "lt", "1.5"), FIRST + "target for response_time must be a whole"),
    ("assertions", asserts("body", "contains", ""), FIRST + "target must not be empty"),
    ("assertions", asserts("header", "eq", "1"), FIRST + "name must be the name of a header"),
    ("assertions", asserts("json", "eq", "1"), FIRST + "path must be 1 to 200 characters"),
    ("assertions", asserts("json", "gt", "x", path="a"), FIRST + "target must be a number"),
    (
        "assertions",
        asserts("body", "eq", "a") + asserts("body", "eq", "x" * 2049),
        "has a mistake in number 2: target must be at most 2048 characters",
    ),
    ("json_assertions", "a", JSON_ASSERTIONS),
    ("json_assertions", holds("a", "exists") * 51, JSON_ASSERTIONS),
    ("json_assertions", holds("a", "eq", "1"), FIRST + "operator must be one of "),
    ("json_assertions", holds("a..b", "exists"), FIRST + "path must be like data.users[0].name"),
    ("json_assertions", holds("a", "less_than", "b"), FIRST + "value must be a number"),
    ("method", 1, METHODS),
    ("method", "get", METHODS),
    ("method", "TRACE", METHODS),
    ("headers", [], MAP),
    ("headers", {"X-One": 1}, MAP),
    ("headers", {"a b": "1"}, "has 'a b', which is not a header name"),
    ("headers", {"X-One": "a\r\nb"}, "has a line break or control character in X-One"),
    ("headers", {"Content-Length": "1"}, "has Content-Length, which tickd sets itself"),
    ("headers", {f"X-{number}": "" for number in range(51)}, BULK),
    *texts("body", 100_000),
    ("follow_redirects", "yes", SWITCH),
    ("follow_redirects", 1, SWITCH),
    ("public", "true", SWITCH),
    ("severity", "mild", "must be one of critical, major, minor"),
    ("channels", "chn_1", REFERENCES),
    ("channels", ["x" * 101], REFERENCES),
    ("channels", ["c"] * 51, REFERENCES),
    ("depends_on", "mon_1", REFERENCES),
    ("depends_on", ["x" * 101], REFERENCES),
    ("depends_on", ["c"] * 51, REFERENCES),
    ("tags", [1], TAGS),
    ("tags", [""], TAGS),
    ("tags", ["x" * 51], TAGS),
    *texts("group", 100),
    ("status", "failing", "must be one of active, paused"),
    ("status", True, "must be one of active, paused"),
    *texts("slug", 100),
    ("slug", "!!!", "must hold at least one letter a to z or digit"),
    *texts("basic_auth_user", 200),
    *texts("basic_auth_pass", 500),
    *texts("bearer_token", 4000),
    ("bearer_token", "a\r\nX-Smuggled: 1", "has a line break or control character in Authorization"),
    *texts("auth_header", 4000),
    ("auth_header", "a\nb", "has a line break or control character in Authorization"),
    *texts("request_content_type", 200),
    ("request_content_type", "a\nb", "has a line break or control character in "),
    *texts("keyword", 500),
    ("keyword", "OK AND", "has AND without a term beside it"),
    ("keyword", "OR ready", "has OR without a term beside it"),
    ("keyword", "OK AND !", "has an empty term"),
    *texts("response_threshold_ms", 50),
    ("response_threshold_ms", "2000", THRESHOLD),
    ("response_threshold_ms", "3000-200", THRESHOLD),
    ("maintenance_windows", {}, WINDOWS),
    ("maintenance_windows", window("daily", "01:00", "02:00") * 51, WINDOWS),
    ("maintenance_windows", window("someday", "01:00", "02:00"), FIRST + "day must be one of "),
    ("maintenance_windows", window("monday", "1:00", "02:00"), FIRST + "start_utc must be HH:MM"),
    ("maintenance_windows", window("monday", "01:00", "24:01"), FIRST + "end_utc must be HH:MM"),
    ("maintenance_windows", window("monday", "01:00", "01:00"), FIRST + "start_utc and end_utc must differ"),
    *texts("alert_email", 320),
    *texts("alert_slack_webhook", 2048),
    ("alert_slack_webhook", "hooks.slack.com", URL),
    *texts("webhook_url", 2048),
    ("webhook_url", "mailto:me@example.com", URL),
]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "sentence"), BAD, ids=[f"{field}-{number}" for number, (field, _, _) in enumerate(BAD)]
)
def test_a_wrong_value_is_refused_with_the_fields_name_and_range(
    served: Served, field: str, value: object, sentence: str
) -> None:
    made = served.call("POST", "/v1/monitors", LEAST).json
    calls = [("POST", ""), ("PUT", f"/{made['id']}"), ("PATCH", f"/{made['id']}")]
    for method, tail in calls:
        body = {field: value} if tail else LEAST | {"name": "never"} | {field: value}
        reply = served.call(method, f"/v1/monitors{tail}", body)
        assert reply.status == 400, reply.json
        assert list(reply.json) == ["error"]
        assert reply.json["error"].startswith(f"{field} {sentence}")
    assert served.call("GET", "/v1/monitors").json["monitors"] == [made]
    assert served.call("DELETE", f"/v1/monitors/{made['id']}").status == 204


def test_every_field_has_a_wrong_value() -> None:
    assert {field for field, _, _ in BAD} == set(MonitorChange.__struct_fields__)


@pytest.mark.parametrize("field", ["name", "url"])
def test_two_fields_are_required(served: Served, field: str) -> None:
    for body in ({key: value for key, value in LEAST.items() if key != field}, LEAST | {field: None}):
        reply = served.call("POST", "/v1/monitors", body)
        assert (reply.status, reply.json) == (400, {"error": f"{field} is required"})


async def test_every_default(tickd: Harness) -> None:
    made = await monitor(tickd, **LEAST)
    identifier = made.pop("id")
    assert identifier.startswith("mon_")
    assert made == {
        **LEAST,
        **DEFAULTS,
        "slug": f"least-{identifier[-6:]}",
        "state": "pending",
        "ssl_expires_at": None,
        "ssl_issuer": None,
        "next_check_at": None,
        "last_check": None,
        "consecutive_failures": 0,
        "created_at": "2026-03-03T12:00:00Z",
        "updated_at": "2026-03-03T12:00:00Z",
    }
    said = set(MonitorChange.__struct_fields__)
    # `paused` is another way to say `status`, and is not answered.
    assert {*LEAST, *DEFAULTS, "slug", "paused"} == said
    assert said - {"paused"} <= set(MonitorAnswer.__struct_fields__)
    assert set(DEFAULTS) == set(OTHERWISE)


async def test_every_field_is_kept_and_answered(tickd: Harness) -> None:
    made = await monitor(tickd, **LEAST | OTHERWISE)
    path = f"/v1/monitors/{made['id']}"
    assert {name: made[name] for name in OTHERWISE} == OTHERWISE
    for field, value in LEAST_VALUES.items():
        changed = await tickd.call("PATCH", path, {field: value})
        assert changed.status == 200, changed.json
        assert changed.json == made | {field: value}
        await tickd.call("PATCH", path, {field: OTHERWISE[field]})
    assert (await tickd.call("GET", path)).json == made
    assert (await tickd.call("GET", "/v1/monitors")).json["monitors"] == [made]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_each_field_changes_alone(tickd: Harness, method: str) -> None:
    made = await monitor(tickd, **LEAST)
    path = f"/v1/monitors/{made['id']}"
    for field, value in {**OTHERWISE, "name": "other", "slug": "front", "url": "http://127.0.0.1:8/"}.items():
        changed = await tickd.call(method, path, {field: value})
        assert changed.status == 200, changed.json
        assert changed.json == made | {field: value}, field
        made = changed.json
    await tickd.clock.advance(1.0)
    assert (await tickd.call(method, path, {"name": "other"})).json == made
    later = await tickd.call(method, path, {"name": "third"})
    assert later.json == made | {"name": "third", "updated_at": "2026-03-03T12:00:01Z"}


async def test_null_is_left_out_and_unknown_fields_are_ignored(tickd: Harness) -> None:
    noise = dict.fromkeys(DEFAULTS) | {"slug": None, "colour": "red", "id": "mon_mine", "timeout": 99}
    made = await monitor(tickd, **LEAST | noise)
    assert {name: made[name] for name in DEFAULTS} == DEFAULTS
    assert made["id"] != "mon_mine"
    assert "colour" not in made
    path = f"/v1/monitors/{made['id']}"
    for body in (noise, {"state": "down", "consecutive_failures": 9, "last_check": {}}, {}, made):
        assert (await tickd.call("PUT", path, body)).json == made


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"name": "  spaced out "}, {"name": "spaced out"}),
        ({"name": "nächtlich 🌙"}, {"name": "nächtlich 🌙"}),
        ({"slug": "  Ünsere Seite! "}, {"slug": "unsere-seite"}),
        ({"keyword": " OK "}, {"keyword": "OK"}),
        ({"response_threshold_ms": " > 2000 "}, {"response_threshold_ms": "> 2000"}),
        ({"tags": ["b", "a", "b"]}, {"tags": ["b", "a"]}),
        ({"url": " https://example.com/a?b=c#d "}, {"url": "https://example.com/a?b=c#d"}),
        ({"type": "ssl", "url": "Example.com"}, {"url": "example.com"}),
        ({"type": "tcp", "url": "Example.com:5432"}, {"url": "example.com:5432"}),
        ({"webhook_url": " "}, {"webhook_url": ""}),
    ],
    ids=str,
)
def test_what_is_accepted_in_more_than_one_form(
    served: Served, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    reply = served.call("POST", "/v1/monitors", LEAST | {"name": "forms"} | given)
    assert reply.status == 201, reply.json
    assert {name: reply.json[name] for name in kept} == kept
    assert served.call("DELETE", f"/v1/monitors/{reply.json['id']}").status == 204


async def test_an_operator_may_lower_the_floors(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db", min_interval_secs=1) as tickd:
        made = await monitor(tickd, interval_secs=1, status="paused")
        assert (made["interval_secs"], made["timeout_secs"]) == (1, 10)
        assert (await monitor(tickd, interval_secs=1, timeout_secs=1, status="paused"))["timeout_secs"] == 1
        for field, sentence in (
            ("interval_secs", "interval_secs must be between 1 and 86400"),
            ("timeout_secs", "timeout_secs must be between 1 and 30"),
        ):
            reply = await tickd.call("POST", "/v1/monitors", LEAST | {field: 0})
            assert (reply.status, reply.json) == (400, {"error": sentence})


async def test_an_operator_may_raise_the_floor(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db", min_interval_secs=300) as tickd:
        reply = await tickd.call("POST", "/v1/monitors", LEAST | {"interval_secs": 60})
        assert reply.json == {"error": "interval_secs must be between 300 and 86400"}
        assert (reply.status, (await monitor(tickd, interval_secs=300))["interval_secs"]) == (400, 300)
