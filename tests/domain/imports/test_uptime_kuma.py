"""Uptime Kuma's rows as a manifest: what each column becomes, and that nothing is lost without a word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tickd.domain.imports import uptime_kuma
from tickd.domain.imports.draft import Draft, Item
from tickd.domain.times import DAY

NOW = 20_500 * DAY
"""2026-02-16"""
HTTP = {
    "id": 1,
    "name": "Shop",
    "type": "http",
    "url": "https://shop.example.com/",
    "interval": 60,
    "timeout": 10,
}
PORT = {"id": 1, "name": "db", "type": "port", "hostname": "db", "port": 5432, "interval": 60, "timeout": 10}
PUSH = {"id": 1, "name": "Backup", "type": "push", "interval": 3600, "push_token": "t" * 32}
DNS = {"id": 1, "name": "dns", "type": "dns", "hostname": "example.com", "interval": 60, "timeout": 10}


def converted(row: dict[str, Any], **tables: list[dict[str, Any]]) -> tuple[Draft, Item, dict[str, Any]]:
    """The draft of one monitor, its item, and what it became."""
    draft = uptime_kuma.convert({"monitor": [row], **tables}, NOW)
    (item,) = [one for one in draft.items if one.kind in ("monitor", "group")]
    section, _, key = item.became.partition(".")
    return draft, item, draft.manifest.get(section, {}).get(key, {})


def status(comparison: str, code: int) -> dict[str, str]:
    return {"source": "status_code", "comparison": comparison, "target": str(code)}


def body(comparison: str, text: str) -> dict[str, str]:
    return {"source": "body", "comparison": comparison, "target": text}


@pytest.mark.parametrize(
    ("codes", "expected", "note"),
    [
        (["200-299"], [status("gte", 200), status("lte", 299)], ""),
        (["200-299", "300-399"], [status("gte", 200), status("lte", 399)], ""),
        (["204"], [status("eq", 204)], ""),
        (["200", "203"], [status("gte", 200), status("lte", 203), status("ne", 201), status("ne", 202)], ""),
        (["200-299", "404"], [status("gte", 200), status("lte", 404)], "all from 200 to 404 are up"),
        (["2xx"], [], "tickd can't read"),
    ],
)
def test_accepted_status_codes(codes: list[str], expected: list[dict[str, str]], note: str) -> None:
    _, item, made = converted(HTTP | {"accepted_statuscodes_json": json.dumps(codes)})
    assert made["assertions"] == expected
    notes = " ".join(item.changed + item.lost)
    assert (note in notes) if note else not notes


@pytest.mark.parametrize(
    ("said", "field", "expected"),
    [
        ({"interval": 20}, "interval_secs", 30),
        ({"interval": 200_000}, "interval_secs", 86_400),
        ({"timeout": 48}, "timeout_secs", 30),
        ({"timeout": 0}, "timeout_secs", 30),
        ({"timeout": 1.5}, "timeout_secs", 5),
        ({"maxretries": 3}, "failure_threshold", 4),
        ({"maxretries": 99}, "failure_threshold", 10),
        ({"method": "post", "body": "{}", "http_body_encoding": "xml"}, "body", "{}"),
        ({"method": "POST", "body": "a=b", "http_body_encoding": "form"}, "method", "POST"),
        ({"maxredirects": 0}, "follow_redirects", False),
        ({"maxredirects": 10}, "follow_redirects", True),
        ({"active": 0}, "status", "paused"),
        (
            {"type": "keyword", "keyword": "tea"},
            "assertions",
            [status("gte", 200), status("lte", 299), body("contains", "tea")],
        ),
        ({"basic_auth_user": "me", "basic_auth_pass": ""}, "basic_auth_user", "me"),
        ({"headers": '{"Accept": "a/b"}'}, "headers", {"Accept": "a/b"}),
        ({"name": "  two\nlines  "}, "name", "two lines"),
        ({"name": ""}, "name", "unnamed"),
    ],
)
def test_fields_of_http(said: dict[str, Any], field: str, expected: object) -> None:
    _, _, made = converted(HTTP | said)
    assert made[field] == expected


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"interval": 20}, "interval_secs: 30 s, not 20 s"),
        ({"maxretries": 2, "retry_interval": 20}, "tried again after 60 s, not 20 s"),
        ({"method": "GET", "body": "x"}, "body: tickd sends none with GET"),
        ({"headers": "not json"}, "headers: they are no JSON object"),
        ({"headers": '{"Content-Length": "3"}'}, "header Content-Length"),
        ({"ignore_tls": 1}, "tickd always checks certificates"),
        ({"proxy_id": 4}, "tickd connects directly"),
        ({"auth_method": "ntlm"}, "signs in with NTLM"),
        ({"auth_method": "mtls"}, "a client certificate"),
        ({"resend_interval": 5}, "reminder_minutes"),
        ({"description": "why"}, "description: why"),
        ({"ip_family": "ipv6"}, "ip family ipv6"),
        ({"cache_bust": 1}, "cache busting"),
        ({"expiry_notification": 0}, "30, 14, 7, 3 and 1 days"),
        ({"conditions": '[{"a": 1}]'}, "conditions"),
        ({"brand_new_column": "x"}, "column brand_new_column"),
        ({"type": "json-query", "json_path": "$count(items)"}, "JSON query $count(items)"),
    ],
)
def test_what_is_different_is_said(said: dict[str, Any], words: str) -> None:
    _, item, made = converted(HTTP | said)
    assert made
    assert any(words in note for note in item.changed + item.lost), item


@pytest.mark.parametrize("said", [{"ignore_tls": 1}, {"proxy_id": 4}, {"auth_method": "oauth2-cc"}])
def test_what_would_raise_a_false_alarm_is_paused(said: dict[str, Any]) -> None:
    _, item, made = converted(HTTP | said)
    assert made["status"] == "paused"
    assert any("paused" in words for words in item.changed)


@pytest.mark.parametrize(
    ("operator", "comparison"),
    [("==", "eq"), (None, "eq"), (">", "gt"), ("contains", "contains"), ("!=", "ne")],
)
def test_a_json_query_is_an_assertion(operator: str | None, comparison: str) -> None:
    said = {
        "type": "json-query",
        "json_path": "$.a.b[0]",
        "json_path_operator": operator,
        "expected_value": "7",
    }
    _, _, made = converted(HTTP | said)
    assert made["type"] == "json"
    assert made["assertions"][-1] == {
        "source": "json",
        "path": "$.a.b[0]",
        "comparison": comparison,
        "target": "7",
    }


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (PORT | {"type": "ping"}, "no ICMP echo"),
        (PORT | {"type": "docker"}, "asks no Docker daemon"),
        (PORT | {"type": "mqtt"}, "it speaks http, tcp, tls and dns"),
        (PORT | {"type": None}, "type"),
        (HTTP | {"upside_down": 1}, "upside down"),
        (DNS | {"dns_resolve_type": "TXT"}, "TXT records"),
        (HTTP | {"url": "javascript:alert(1)"}, "tickd refuses it: url must be"),
        (HTTP | {"url": None}, "tickd refuses it: url"),
        (PORT | {"port": None}, "tickd refuses it: url"),
        (HTTP | {"method": "QUERY"}, "tickd refuses it: method"),
        (HTTP | {"body": "x" * 100_001, "method": "POST"}, "tickd refuses it: body"),
    ],
)
def test_what_cannot_be_carried_over_is_named_with_its_reason(row: dict[str, Any], words: str) -> None:
    draft, item, _ = converted(row)
    assert item.became == ""
    assert any(words in note for note in item.lost), item
    assert "monitors" not in draft.manifest


def test_tcp_and_dns() -> None:
    assert converted(PORT)[2]["url"] == "db:5432"
    assert converted(PORT | {"hostname": "2001:db8::1"})[2]["url"] == "[2001:db8::1]:5432"
    assert converted(DNS)[2]["type"] == "dns"


def test_a_push_monitor_is_a_heartbeat_with_its_token() -> None:
    draft, _, made = converted(PUSH | {"maxretries": 2, "retry_interval": 600})
    assert made["token"] == {"env": "TICKD_HEARTBEAT_BACKUP_TOKEN"}
    assert draft.secrets == {"TICKD_HEARTBEAT_BACKUP_TOKEN": "t" * 32}
    assert (made["interval_secs"], made["grace_secs"], made["failure_threshold"]) == (3600, 1200, 1)


@pytest.mark.parametrize("token", [None, "", "short", "x" * 65, "with spaces in the token"])
def test_a_token_that_cannot_be_one_is_reported(token: str | None) -> None:
    _, item, made = converted(PUSH | {"push_token": token})
    assert made["name"] == "Backup"
    assert "token" not in made
    assert any("push token" in words for words in item.lost)
    assert "short" not in str(item)


def test_two_of_one_token_keep_it_once() -> None:
    rows = [PUSH, PUSH | {"id": 2, "name": "Other"}]
    draft = uptime_kuma.convert({"monitor": rows}, NOW)
    made = draft.manifest["heartbeats"]
    assert ["token" in one for one in made.values()] == [True, False]
    assert any("another one has it too" in words for words in draft.items[1].lost)


def test_groups_tags_and_pauses_come_from_above() -> None:
    rows = [
        {"id": 1, "name": "EU", "type": "group", "active": 0},
        {"id": 2, "name": "Web", "type": "group", "parent": 1},
        HTTP | {"id": 3, "parent": 2},
    ]
    draft = uptime_kuma.convert(
        {
            "monitor": rows,
            "tag": [{"id": 1, "name": "team"}],
            "monitor_tag": [{"monitor_id": 3, "tag_id": 1, "value": "a"}, {"monitor_id": 3, "tag_id": 9}],
        },
        NOW,
    )
    made = draft.manifest["monitors"]["shop"]
    assert (made["group"], made["tags"], made["status"]) == ("EU / Web", ["team:a"], "paused")


def test_a_group_in_itself_ends() -> None:
    rows = [
        {"id": 1, "name": "a", "type": "group", "parent": 2},
        {"id": 2, "name": "b", "type": "group", "parent": 1},
    ]
    draft = uptime_kuma.convert({"monitor": [*rows, HTTP | {"id": 3, "parent": 1}]}, NOW)
    assert draft.manifest["monitors"]["shop"]["group"] == "b / a"


def notification(**config: object) -> tuple[Draft, Item]:
    row = {"id": 1, "name": "n", "active": 1, "is_default": 0, "config": json.dumps(config)}
    draft = uptime_kuma.convert({"monitor": [], "notification": [row]}, NOW)
    return draft, draft.items[0]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {"type": "slack", "slackwebhookURL": "https://hooks.slack.com/x"},
            {"kind": "slack", "url": "https://hooks.slack.com/x"},
        ),
        (
            {"type": "discord", "discordWebhookUrl": "https://d.example/x"},
            {"kind": "discord", "url": "https://d.example/x"},
        ),
        (
            {"type": "webhook", "webhookURL": "https://w.example/x"},
            {"kind": "webhook", "url": "https://w.example/x"},
        ),
        (
            {"type": "telegram", "telegramBotToken": "1:a", "telegramChatID": "-7"},
            {"kind": "telegram", "token": "1:a", "chat_id": "-7"},
        ),
        (
            {
                "type": "ntfy",
                "ntfytopic": "ops",
                "ntfyserverurl": "https://n.example",
                "ntfyPriority": 9,
                "ntfyaccesstoken": "tk",
            },
            {"kind": "ntfy", "topic": "ops", "server": "https://n.example", "priority": 5, "token": "tk"},
        ),
        (
            {"type": "smtp", "smtpTo": "A <a@b.example>; c@d.example", "smtpCC": "e@f.example"},
            {"kind": "email", "to": ["a@b.example", "c@d.example", "e@f.example"]},
        ),
        (
            {"type": "apprise", "appriseURL": "matrix://u:p@h/#r"},
            {"kind": "apprise", "url": "matrix://u:p@h/#r"},
        ),
    ],
)
def test_notifications_are_channels(config: dict[str, object], expected: dict[str, object]) -> None:
    draft, item = notification(**config)
    made = dict(draft.manifest["channels"]["n"])
    assert item.became == "channels.n"
    for name in ("url", "token"):
        if name in made and isinstance(made[name], dict):
            made[name] = draft.secrets[made[name]["env"]]
    assert made == expected | {"default": False}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"type": "pushover"}, "tickd has no such channel"),
        ({"type": "slack", "slackwebhookURL": ""}, "tickd refuses it"),
        ({"type": "smtp", "smtpTo": "nobody"}, "tickd refuses it"),
        ({}, "tickd has no such channel"),
    ],
)
def test_notifications_that_are_left_out(config: dict[str, object], words: str) -> None:
    draft, item = notification(**config)
    assert item.became == ""
    assert any(words in note for note in item.lost)
    assert "channels" not in draft.manifest


def test_settings_of_a_channel_that_tickd_lacks_are_named_but_not_shown() -> None:
    _, item = notification(type="discord", discordWebhookUrl="https://d.example/x", discordUsername="hush")
    assert item.lost == ["discordUsername: tickd has no such setting of a channel"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {
                "strategy": "single",
                "start_date": "2026-03-01 10:00:00",
                "end_date": "2026-03-01 11:00:00",
                "timezone": "Europe/Berlin",
            },
            {"starts_at": "2026-03-01T09:00:00Z", "ends_at": "2026-03-01T10:00:00Z"},
        ),
        (
            {
                "strategy": "recurring-weekday",
                "weekdays": "[0]",
                "start_time": "02:00",
                "end_time": "03:00:00",
            },
            {"day": "sunday", "start": "02:00", "end": "03:00", "timezone": "UTC"},
        ),
        (
            {
                "strategy": "recurring-interval",
                "interval_day": 1,
                "start_time": "2:00",
                "end_time": "03:00",
                "timezone": "SAME_AS_SERVER",
            },
            {"day": "daily", "start": "02:00", "end": "03:00", "timezone": "Asia/Tokyo"},
        ),
        (
            {"strategy": "cron", "cron": "30 23 * * 5", "duration": 5400},
            {"day": "friday", "start": "23:30", "end": "01:00", "timezone": "UTC"},
        ),
    ],
)
def test_maintenance(row: dict[str, Any], expected: dict[str, str]) -> None:
    tables: dict[str, list[dict[str, Any]]] = {
        "monitor": [HTTP],
        "maintenance": [{"id": 1, "title": "m", "active": 1} | row],
        "monitor_maintenance": [{"monitor_id": 1, "maintenance_id": 1}],
        "setting": [{"key": "serverTimezone", "value": '"Asia/Tokyo"'}],
    }
    draft = uptime_kuma.convert(tables, NOW)
    assert draft.manifest["maintenance"] == {"m": {"subjects": ["monitor:shop"]} | expected}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            {"strategy": "single", "start_date": "2020-01-01 10:00", "end_date": "2020-01-01 11:00"},
            "it is over",
        ),
        ({"strategy": "single", "start_date": "soon", "end_date": None}, "is no time"),
        ({"strategy": "manual"}, "begins and ends by hand"),
        ({"strategy": "recurring-day-of-month"}, "once, daily or weekly"),
        ({"strategy": "cron", "cron": "*/5 * * * *", "duration": 60}, "cron"),
        (
            {"strategy": "recurring-weekday", "weekdays": "x", "start_time": "1", "end_time": "2"},
            "can't be read",
        ),
        ({"strategy": "single", "timezone": "Mars/Olympus"}, "time zone"),
        ({"strategy": "manual", "active": 0}, "switched off"),
    ],
)
def test_maintenance_that_is_left_out(row: dict[str, Any], words: str) -> None:
    draft = uptime_kuma.convert(
        {"monitor": [], "maintenance": [{"id": 1, "title": "m", "active": 1} | row]}, NOW
    )
    assert any(words in note for note in draft.items[0].lost), draft.items
    assert "maintenance" not in draft.manifest


def test_what_is_on_no_page_is_not_public() -> None:
    tables: dict[str, list[dict[str, Any]]] = {
        "monitor": [HTTP, HTTP | {"id": 2, "name": "Inside"}],
        "status_page": [{"id": 1, "slug": "Shop Page", "title": "Shop", "published": 1, "footer_text": "x"}],
        "status_page_cname": [{"status_page_id": 1, "domain": "status.example.com"}],
        "group": [{"id": 1, "name": "All", "status_page_id": 1, "weight": 1}],
        "monitor_group": [{"monitor_id": 1, "group_id": 1, "weight": 1}],
    }
    draft = uptime_kuma.convert(tables, NOW)
    assert "public" not in draft.manifest["monitors"]["shop"]
    assert draft.manifest["monitors"]["inside"]["public"] is False
    assert draft.manifest["status_pages"] == {
        "shop-page": {
            "title": "Shop",
            "visibility": "public",
            "custom_domain": "status.example.com",
            "groups": [{"name": "All", "subjects": ["monitor:shop"]}],
        }
    }
    assert draft.items[-1].lost == ["the text at its foot"]


def test_ten_thousand_monitors_of_one_name_all_come_along() -> None:
    rows = [HTTP | {"id": number} for number in range(10_000)]
    draft = uptime_kuma.convert({"monitor": rows}, NOW)
    assert len(draft.manifest["monitors"]) == 10_000
    assert all(len(key) <= 60 for key in draft.manifest["monitors"])


def test_a_page_with_a_password_is_private() -> None:
    page = {"id": 1, "slug": "p", "title": "P", "published": 1, "password": "x"}
    draft, _, made = converted(
        HTTP,
        status_page=[page],
        group=[{"id": 1, "name": "All", "status_page_id": 1}],
        monitor_group=[{"id": 1, "monitor_id": 1, "group_id": 1}],
    )
    assert draft.manifest["status_pages"]["p"].get("visibility", "private") == "private"
    assert made["public"] is False
    (item,) = [one for one in draft.items if one.kind == "status page"]
    assert "its password: the page is private, for people who are signed in" in item.lost
