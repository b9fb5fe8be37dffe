"""Healthchecks' checks as heartbeats."""

from __future__ import annotations

from typing import Any

import pytest

from tickd.domain.imports import healthchecks
from tickd.domain.imports.draft import Draft, Item
from tickd.errors import Malformed

UUID = "6f2a1c8e-3b7d-4c55-9a0e-2d4f7b8c1e93"
CHECK: dict[str, Any] = {
    "name": "Backup",
    "slug": "backup",
    "grace": 600,
    "timeout": 3600,
    "status": "up",
    "ping_url": f"https://hc-ping.com/{UUID}",
}


def converted(**said: Any) -> tuple[Draft, Item, dict[str, Any]]:
    draft = healthchecks.convert({"checks": [CHECK | said]}, 0)
    (item,) = draft.items
    return draft, item, draft.manifest.get("heartbeats", {}).get(item.became.partition(".")[2], {})


@pytest.mark.parametrize(
    ("said", "field", "expected"),
    [
        ({}, "interval_secs", 3600),
        ({"timeout": 30}, "interval_secs", 60),
        ({"timeout": 31_536_000}, "interval_secs", 31_536_000),
        ({"timeout": None}, "interval_secs", 86_400),
        ({"timeout": "x"}, "interval_secs", 86_400),
        ({"grace": 604_800}, "grace_secs", 86_400),
        ({"tags": "a b  a"}, "tags", ["a", "b"]),
        ({"status": "paused"}, "status", "paused"),
        ({"schedule": "0 2 * * *", "tz": "Europe/Berlin"}, "timezone", "Europe/Berlin"),
        ({"schedule": "*/5 * * * *"}, "schedule", "*/5 * * * *"),
        ({}, "failure_threshold", 1),
        ({}, "public", False),
    ],
)
def test_fields(said: dict[str, Any], field: str, expected: object) -> None:
    assert converted(**said)[2][field] == expected


@pytest.mark.parametrize(
    "said",
    [{}, {"ping_url": f"https://hc.example.com/ping/{UUID}"}, {"ping_url": "", "uuid": UUID}],
)
def test_the_uuid_is_the_token(said: dict[str, Any]) -> None:
    draft, item, made = converted(**said)
    assert made["token"] == {"env": "TICKD_HEARTBEAT_BACKUP_TOKEN"}
    assert list(draft.secrets.values()) == [UUID]
    assert item.lost == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"ping_url": None, "unique_key": "a6c7"}, "made with a read-only key"),
        ({"ping_url": "https://hc-ping.com/PINGKEY/backup"}, "there is no ping_url"),
        ({"desc": "why"}, "description: why"),
        ({"methods": "POST"}, "methods POST"),
        ({"status": "paused"}, "a ping does not do that"),
        ({"success_kw": "done"}, "success_kw done"),
        ({"filter_body": True}, "filter_body"),
        ({"channels": "a,b"}, "the 2 channels"),
        ({"schedule": "Mon..Fri 09:00"}, "OnCalendar"),
        ({"schedule": "0 2 * * *", "tz": "Mars"}, "time zone Mars"),
        ({"brand_new": 1}, "brand_new"),
        ({"grace": 604_800}, "grace_secs: 86400 s, not 604800 s"),
    ],
)
def test_what_is_different_is_said(said: dict[str, Any], words: str) -> None:
    _, item, made = converted(**said)
    assert made
    assert any(words in note for note in item.changed + item.lost), item


def test_a_schedule_that_tickd_cannot_read_pauses_it() -> None:
    assert converted(schedule="Mon..Fri 09:00")[2]["status"] == "paused"


@pytest.mark.parametrize("document", [None, 7, "checks", {}, {"checks": {}}, {"checks": "x"}])
def test_what_is_no_answer_of_the_api(document: object) -> None:
    with pytest.raises(Malformed, match="no list of checks"):
        healthchecks.convert(document, 0)


@pytest.mark.parametrize("check", [None, 7, [], "x"])
def test_an_item_that_is_none_is_reported(check: object) -> None:
    draft = healthchecks.convert([check, CHECK], 0)
    assert [bool(item.became) for item in draft.items] == [False, True]


@pytest.mark.parametrize("wrong", [[], {}, True, "\x00", "\ud800", 10**400, float("nan")])
def test_wrong_types_lose_no_check_without_a_word(wrong: object) -> None:
    for name in CHECK | {"tags": "", "schedule": "", "tz": "", "uuid": "", "desc": ""}:
        draft = healthchecks.convert([CHECK | {name: wrong}], 0)
        assert draft.items[0].became or draft.items[0].lost
