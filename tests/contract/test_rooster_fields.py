"""Every field of a monitor on the rooster face: what is refused, with which status, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.served import Served
from tests.contract.watching import NOWHERE, monitor, rooster, rooster_monitor
from tests.support.daemon import KEY, Harness, Reply, running
from tickd.web.rooster.shapes import RoosterMonitorChange

LEAST = {"name": "least", "url": NOWHERE, "paused": True}
URL = "must be an http or https address such as https://example.com/path"
BARE = "must be a bare host name such as example.com, without https:// or a path"
METHODS = "must be one of DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
FIRST = "has a mistake in number 1: "


def call(served: Served, method: str, path: str, body: object = None) -> Reply:
    return served.call(method, f"/api/v1{path}", body, key=None, headers={"X-API-Key": KEY})


def texts(field: str, most: int) -> list[tuple[str, Any, str]]:
    return [(field, "x" * (most + 1), f"must be text of at most {most} characters")]


def ranged(field: str, low: int, high: int, unit: str = "") -> list[tuple[str, Any, str]]:
    return [(field, value, f"must be between {low} and {high}{unit}") for value in (low - 1, high + 1)]


BAD: list[tuple[str, Any, str]] = [
    ("name", "", "must be text of 1 to 200 characters"),
    ("name", " ", "must be 1 to 200 printable characters"),
    ("url", "", URL),
    ("url", "example.com", URL),
    ("url", "ftp://example.com", URL),
    ("url", "http://169.254.169.254/latest", "must not lead to a private or reserved address: "),
    ("monitor_type", "json", "must be one of heartbeat, http, json_api, ssl"),
    ("monitor_type", "", "must be one of heartbeat, http, json_api, ssl"),
    *ranged("expected_status_code", 100, 599),
    *ranged("timeout", 1, 60, " seconds"),
    ("timeout", 120, "must be between 1 and 60 seconds"),
    ("check_interval", 301, "must be between 60 and 300 seconds"),
    ("check_interval", 1 << 70, "must be between 60 and 300 seconds"),
    *ranged("ssl_expiry_threshold_days", 1, 90),
    ("http_method", "get", METHODS),
    ("http_method", "TRACE", METHODS),
    *texts("basic_auth_user", 200),
    *texts("basic_auth_pass", 500),
    *texts("bearer_token", 4000),
    ("bearer_token", "a\nb", "has a line break or control character in Authorization"),
    *texts("auth_header", 4000),
    *texts("request_body", 100_000),
    *texts("request_content_type", 200),
    ("custom_headers", [{"key": "a b", "value": "1"}], "has 'a b', which is not a header name"),
    ("custom_headers", [{"key": "A", "value": "a\nb"}], "has a line break or control character in A"),
    ("custom_headers", [{"key": "TE", "value": "1"}], "has TE, which tickd sets itself"),
    ("keyword", "OK AND", "has AND without a term beside it"),
    *texts("keyword", 500),
    ("response_threshold_ms", "slow", "must be like '> 2000', '< 50' or '200-3000'"),
    ("json_assertions", [{"path": "a..b", "operator": "exists"}], FIRST + "path must be like "),
    ("json_assertions", [{"path": "a", "operator": "less_than"}], FIRST + "value must be a number"),
    ("maintenance_windows", [{"day": "daily", "start_utc": "2:00", "end_utc": "04:00"}],
        FIRST + "start_utc must be HH:MM"),
    ("maintenance_windows", [{"day": "sunday", "start_utc": "02:00", "end_utc": "02:00"}],
        FIRST + "start_utc and end_utc must differ"),
    *texts("alert_email", 320),
    ("alert_slack_webhook", "hooks.slack.com/x", URL),
    ("webhook_url", "mailto:me@example.com", URL),
    *texts("group", 100),
    ("slug", "!!!", "must hold at least one letter a to z or digit"),
    *texts("slug", 100),
]  # fmt: skip

MISTYPED: list[tuple[str, Any, str]] = [
    *[(name, 7, "string_type") for name in ("name", "url", "keyword", "group", "slug", "alert_email")],
    *[(name, [], "string_type") for name in ("basic_auth_user", "basic_auth_pass", "bearer_token")],
    *[(name, True, "string_type") for name in ("request_body", "request_content_type", "auth_header")],
    *[(name, {}, "string_type") for name in ("alert_slack_webhook", "webhook_url", "ssl_domain")],
    ("response_threshold_ms", 2000, "string_type"),
    *[(name, "10", "int_type") for name in ("timeout", "check_interval", "expected_status_code")],
    *[(name, 1.5, "int_type") for name in ("timeout", "ssl_expiry_threshold_days")],
    ("check_interval", True, "int_type"),
    *[(name, "300", "int_type") for name in ("heartbeat_interval", "heartbeat_grace_period")],
    *[(name, "true", "bool_type") for name in ("public", "paused", "follow_redirects")],
    ("paused", 1, "bool_type"),
    *[(name, {}, "list_type") for name in ("custom_headers", "json_assertions", "maintenance_windows")],
]


def tried(served: Served, field: str, value: object) -> list[Reply]:
    """The answers to that value in a new monitor and in an old one, which is untouched afterwards."""
    made = call(served, "POST", "/monitors", LEAST).json["data"]
    path = f"/monitors/{made['id']}"
    replies = [call(served, "POST", "/monitors", LEAST | {"name": "never"} | {field: value})]
    replies += [call(served, method, path, {field: value}) for method in ("PUT", "PATCH")]
    assert call(served, "GET", "/monitors").json["data"] == [made]
    call(served, "DELETE", path)
    return replies


@pytest.mark.parametrize(
    ("field", "value", "sentence"), BAD, ids=[f"{field}-{number}" for number, (field, _, _) in enumerate(BAD)]
)
def test_a_wrong_value_is_422_with_the_fields_name_and_range(
    served: Served, field: str, value: object, sentence: str
) -> None:
    for reply in tried(served, field, value):
        assert reply.status == 422, reply.json
        assert set(reply.json) == {"data", "error", "detail"}
        assert reply.json["error"].startswith(f"{field} {sentence}"), reply.json
        assert reply.json["error"].endswith(" seconds") == sentence.endswith(" seconds")
        assert reply.json["data"] is None


@pytest.mark.parametrize(
    ("field", "value", "kind"), MISTYPED, ids=[f"{one[0]}-{number}" for number, one in enumerate(MISTYPED)]
)
def test_a_wrong_type_is_422_as_fastapi_says_it(served: Served, field: str, value: object, kind: str) -> None:
    for reply in tried(served, field, value):
        assert reply.status == 422, reply.json
        assert reply.json["error"].startswith(f"{field} must be ")
        (detail,) = reply.json["detail"]
        assert (detail["loc"], detail["type"]) == (["body", field], kind)
        assert detail["msg"].startswith("Input should be ")


def test_every_field_has_a_wrong_value() -> None:
    assert {field for field, _, _ in [*BAD, *MISTYPED]} == set(RoosterMonitorChange.__struct_fields__)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": NOWHERE}, "name"),
        ({"name": None, "url": NOWHERE}, "name"),
        ({"name": "x"}, "url"),
        ({"name": "x", "monitor_type": "json_api"}, "url"),
        ({"name": "x", "monitor_type": "ssl"}, "ssl_domain"),
        ({"name": "x", "monitor_type": "ssl", "url": "https://example.com"}, "ssl_domain"),
        ({}, "name"),
    ],
)
def test_a_missing_field_is_422_as_fastapi_says_it(served: Served, body: dict[str, Any], field: str) -> None:
    reply = call(served, "POST", "/monitors", body)
    assert reply.status == 422
    assert reply.json == {
        "data": None,
        "error": f"{field} is required",
        "detail": [{"loc": ["body", field], "msg": "Field required", "type": "missing"}],
    }


@pytest.mark.parametrize("place", ["https://example.com", "example.com/path", "", "a b", "10.0.0.1"])
def test_a_wrong_ssl_domain_is_named_as_such(served: Served, place: str) -> None:
    made = call(served, "POST", "/monitors", LEAST | {"monitor_type": "ssl", "ssl_domain": "example.com"})
    identifier = made.json["data"]["id"]
    body = LEAST | {"monitor_type": "ssl", "ssl_domain": place}
    for reply in (
        call(served, "POST", "/monitors", body),
        call(served, "PATCH", f"/monitors/{identifier}", {"ssl_domain": place}),
    ):
        assert reply.status == 422
        private = place == "10.0.0.1"
        sentence = "ssl_domain must not lead to a private" if private else f"ssl_domain {BARE}"
        assert reply.json["error"].startswith(sentence)
        assert reply.json["detail"] == {"data": None, "error": reply.json["error"]}
    call(served, "DELETE", f"/monitors/{identifier}")


def test_what_is_not_of_the_type_is_ignored(served: Served) -> None:
    body = LEAST | {"ssl_domain": "https://wrong", "heartbeat_interval": 1, "colour": "red", "status": "up"}
    made = call(served, "POST", "/monitors", body)
    assert (made.status, made.json["data"]["ssl_domain"], made.json["data"]["status"]) == (201, "", "pending")
    call(served, "DELETE", f"/monitors/{made.json['data']['id']}")


async def test_an_interval_under_the_minimum_is_403(tickd: Harness) -> None:
    made = await rooster_monitor(tickd, paused=True)
    for value in (59, 30, 1, 0, -1):
        for method, path in (("POST", "/monitors"), ("PATCH", f"/monitors/{made['id']}")):
            reply = await rooster(tickd, method, path, LEAST | {"check_interval": value})
            sentence = "check_interval must be at least 60 seconds for this account"
            assert reply.status == 403
            assert reply.json == {
                "data": None,
                "error": sentence,
                "detail": {"data": None, "error": sentence},
            }
    for value in (60, 120, 300):
        reply = await rooster(tickd, "PATCH", f"/monitors/{made['id']}", {"check_interval": value})
        assert reply.json["data"]["check_interval"] == value


async def test_an_operator_may_lower_the_minimum(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db", min_interval_secs=5) as tickd:
        assert (await rooster_monitor(tickd, check_interval=5, paused=True))["check_interval"] == 5
        reply = await rooster(tickd, "POST", "/monitors", LEAST | {"check_interval": 4})
        assert (reply.status, reply.json["error"]) == (
            403,
            "check_interval must be at least 5 seconds for this account",
        )


async def test_an_operator_may_raise_the_minimum(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db", min_interval_secs=600) as tickd:
        assert (await rooster_monitor(tickd, paused=True))["check_interval"] == 600
        assert (await monitor(tickd, status="paused"))["interval_secs"] == 600
        for value, status, sentence in (
            (300, 403, "check_interval must be at least 600 seconds for this account"),
            (601, 422, "check_interval must be 600 seconds"),
        ):
            reply = await rooster(tickd, "POST", "/monitors", LEAST | {"check_interval": value})
            assert (reply.status, reply.json["error"]) == (status, sentence)


async def test_private_targets_are_refused_where_they_are_blocked(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db", block_private_targets=True) as tickd:
        for body, field in (
            ({"url": "http://127.0.0.1/"}, "url"),
            ({"url": "http://192.168.1.1/", "monitor_type": "json_api"}, "url"),
            ({"ssl_domain": "localhost", "monitor_type": "ssl"}, "ssl_domain"),
        ):
            reply = await rooster(tickd, "POST", "/monitors", {"name": "x"} | body)
            assert reply.status == 422
            assert reply.json["error"].startswith(f"{field} must not lead to a private or reserved address")


OTHERWISE: dict[str, Any] = {
    "name": "other",
    "url": "http://127.0.0.1:8/",
    "expected_status_code": 204,
    "timeout": 60,
    "http_method": "POST",
    "follow_redirects": False,
    "basic_auth_user": "u",
    "basic_auth_pass": "p",
    "bearer_token": "tok_live_abc123",
    "request_body": '{"ping": true}',
    "request_content_type": "application/json",
    "custom_headers": [{"key": "X-Custom-Header", "value": "my-value"}, {"key": "Accept", "value": "a/b"}],
    "keyword": "healthy OR ready",
    "response_threshold_ms": "200-3000",
    "check_interval": 300,
    "alert_email": "ops@example.com",
    "alert_slack_webhook": "https://hooks.slack.com/services/T00/B00/xxxx",
    "webhook_url": "https://example.com/hook",
    "public": False,
    "paused": False,
    "group": "Payment Services",
    "slug": "my-api",
    "maintenance_windows": [
        {"day": "daily", "start_utc": "22:00", "end_utc": "02:00"},
        {"day": "sunday", "start_utc": "03:00", "end_utc": "05:00"},
    ],
    "auth_header": "Token my-key",
    "json_assertions": [{"path": "data.users[0].name", "operator": "not_equals", "value": ""}],
    "monitor_type": "json_api",
}  # fmt: skip
CLEARED: dict[str, Any] = dict.fromkeys(("basic_auth_user", "basic_auth_pass", "bearer_token"), "")
CLEARED |= dict.fromkeys(("request_body", "request_content_type", "keyword", "group", "auth_header"), "")
CLEARED |= dict.fromkeys(("response_threshold_ms", "alert_email", "alert_slack_webhook", "webhook_url"), "")
CLEARED |= {"custom_headers": [], "maintenance_windows": [], "json_assertions": []}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_each_field_changes_alone_and_is_cleared(tickd: Harness, method: str) -> None:
    made = await rooster_monitor(tickd, **LEAST)
    path = f"/monitors/{made['id']}"
    for field, value in OTHERWISE.items():
        if field == "paused":
            continue
        changed = await rooster(tickd, method, path, {field: value})
        assert changed.status == 200, changed.json
        assert changed.json["data"] == made | {field: value}, field
        made = changed.json["data"]
    for field, value in CLEARED.items():
        changed = await rooster(tickd, method, path, {field: value})
        shown = None if field == "response_threshold_ms" else value
        assert changed.json["data"] == made | {field: shown}, field
        made = changed.json["data"]
    resumed = await rooster(tickd, method, path, {"paused": False})
    assert resumed.json["data"]["paused"] is False


async def test_every_field_is_kept_at_creation(tickd: Harness) -> None:
    made = await rooster_monitor(tickd, **OTHERWISE | {"paused": True})
    assert {name: made[name] for name in OTHERWISE} == OTHERWISE | {"paused": True}
    left_out = {"ssl_domain", "ssl_expiry_threshold_days", "heartbeat_interval", "heartbeat_grace_period"}
    assert set(OTHERWISE) == set(RoosterMonitorChange.__struct_fields__) - left_out


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_slug_is_sanitised_and_unique(tickd: Harness, method: str) -> None:
    first = await rooster_monitor(tickd, slug="  My API! ", paused=True)
    assert first["slug"] == "my-api"
    second = await rooster_monitor(tickd, paused=True)
    path = f"/monitors/{second['id']}"
    taken = await rooster(tickd, method, path, {"slug": "MY_api"})
    assert taken.status == 409
    assert (
        taken.json["error"]
        == taken.json["detail"]["error"]
        == "slug is taken: another monitor is at /s/my-api"
    )
    changed = await rooster(tickd, method, path, {"slug": "Ünsere API"})
    assert changed.json["data"]["slug"] == "unsere-api"
