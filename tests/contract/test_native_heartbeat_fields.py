"""Every field of a heartbeat on the native face: its default, its range, and the sentence that refuses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.beating import edited, heartbeat
from tests.contract.served import Served
from tests.support.daemon import Harness, running
from tickd.domain.heartbeats import HeartbeatChange
from tickd.web.native.heartbeats import HeartbeatAnswer

LEAST = {"name": "least"}
DEFAULTS: dict[str, Any] = {
    "interval_secs": 3600,
    "schedule": "",
    "timezone": "UTC",
    "grace_secs": 300,
    "allowed_ips": [],
    "max_pings_per_minute": 0,
    "failure_threshold": 2,
    "severity": "minor",
    "cooldown_secs": 0,
    "channels": [],
    "depends_on": [],
    "tags": [],
    "group": "",
    "public": True,
    "status": "active",
    "check_interval_secs": 60,
    "maintenance_windows": [],
    "alert_email": "",
    "alert_slack_webhook": "",
    "webhook_url": "",
}
OTHERWISE: dict[str, Any] = {
    "interval_secs": 31_622_400,
    "schedule": "30 2 * * MON-FRI",
    "timezone": "Europe/Berlin",
    "grace_secs": 86_400,
    "allowed_ips": ["10.0.0.0/8", "203.0.113.42", "2001:db8::/32", "2001:db8::1"],
    "max_pings_per_minute": 6000,
    "failure_threshold": 10,
    "severity": "critical",
    "cooldown_secs": 604_800,
    "channels": ["chn_1"],
    "depends_on": ["mon_1"],
    "tags": ["db", "nächtlich"],
    "group": "Sauvegardes \N{FLOPPY DISK}",
    "public": False,
    "status": "paused",
    "check_interval_secs": 86_400,
    "maintenance_windows": [{"day": "daily", "start_utc": "22:00", "end_utc": "02:00"}],
    "alert_email": "ops@example.com",
    "alert_slack_webhook": "https://hooks.slack.com/services/T00/B00/xxxx",
    "webhook_url": "http://127.0.0.1:9/hook",
}

YEAR = 31_622_400
NAME = "must be text of 1 to 200 characters"
PRINTABLE = "must be 1 to 200 printable characters"
SPANS = "must be a cron expression, or minutes, hours or days such as 30m, 6h or 7d"
RANGE = "must be between 1m and 366d"
ZONE = "must be an IANA time zone such as Europe/Berlin"
ZONE_LENGTH = "must be text of 1 to 64 characters"
MULTIPLIER = "must be between 1 and 10"
ADDRESSES = "must be a list of at most 100 items, each text"
ADDRESS = "must be an address or a range such as 10.0.0.0/8"
FIRST = "has a mistake in number 1: "
REFERENCES = "must be a list of at most 50 items, each text of 1 to 100 characters"
TAGS = "must be a list of at most 50 items, each text of 1 to 50 characters"
URL = "must be an http or https address such as https://example.com/path"
SWITCH = "must be true or false"
TOKEN = "must be text of 16 to 64 characters"
LETTERS = "must be 16 to 64 of the letters A-Z a-z, digits, _ and -"
WINDOWS = "must be a list of at most 50 items"


def ranged(field: str, low: int, high: int) -> list[tuple[str, Any, str]]:
    """A whole number's wrong values."""
    edges = f"between {low} and {high}"
    outside = [(field, value, f"must be {edges}") for value in (low - 1, high + 1, -(1 << 70), 1 << 70)]
    others: list[Any] = [str(low), 7.5, True, [], {}]
    return [*outside, *((field, value, f"must be a whole number {edges}") for value in others)]


def texts(field: str, most: int) -> list[tuple[str, Any, str]]:
    """A text's wrong values."""
    sentence = f"must be text of at most {most} characters"
    return [(field, 7, sentence), (field, ["x"], sentence), (field, "ü" * (most + 1), sentence)]


def each(field: str, sentence: str, values: list[Any]) -> list[tuple[str, Any, str]]:
    """Wrong values that one sentence refuses."""
    return [(field, value, sentence) for value in values]


BAD: list[tuple[str, Any, str]] = [
    *each("name", NAME, [7, "", "x" * 201, ["x"], {}]),
    *each("name", PRINTABLE, ["   ", "two\nlines", "\0", "\u200b"]),
    *ranged("interval_secs", 60, YEAR),
    ("schedule", 3600, "must be text of at most 100 characters"),
    ("schedule", "0 2 * * *" + " " * 92, "must be text of at most 100 characters"),
    *each("schedule", SPANS, ["30s", "0s", "9999999m", "\N{SUPERSCRIPT TWO}h"]),
    *each("schedule", RANGE, ["0m", "0d", "367d", "8785h", "999999d"]),
    *each("schedule", "", ["30", "h", "6H", "-6h", "6 h", "1.5h", "1w", "@never", "daily"]),
    ("schedule", "* * * *", "has 4 fields, but needs five"),
    ("schedule", "0 0 2 * * *", "has 6 fields, but takes five, no seconds and no years"),
    ("schedule", "60 2 * * *", "has 60 as minute, which must be 0-59"),
    ("schedule", "0 0 30 2 *", "never fires"),
    *each("timezone", ZONE_LENGTH, [1, "", "x" * 65]),
    *each("timezone", ZONE, ["Mars/Olympus", "../etc/passwd", "europe/berlin", " UTC", "+01:00"]),
    *ranged("grace_secs", 0, 86_400),
    *each("grace_multiplier", MULTIPLIER, [0, 0.99, 10.01, -1, 1 << 70]),
    *each("grace_multiplier", "must be a number between 1 and 10", ["2", True, [], {}]),
    ("allowed_ips", "10.0.0.0/8", ADDRESSES),
    ("allowed_ips", [167_772_160], ADDRESSES),
    ("allowed_ips", ["10.0.0.1"] * 101, ADDRESSES),
    *[("allowed_ips", [value], FIRST + ADDRESS) for value in ("", "10.0.0", "10.0.0.256", "10.0.0.0/33")],
    *[("allowed_ips", [value], FIRST + ADDRESS) for value in ("example.com", "::g", "::/129", "1.2.3.4:80")],
    *[("allowed_ips", [value], FIRST + ADDRESS) for value in ("167772160", "010.0.0.1", "10.0.0.1-9", "*")],
    ("allowed_ips", ["::1", "all"], "has a mistake in number 2: " + ADDRESS),
    *ranged("max_pings_per_minute", 0, 6000),
    *ranged("failure_threshold", 1, 10),
    *each("severity", "must be one of critical, major, minor", ["mild", "Minor", 1, []]),
    *ranged("cooldown_secs", 0, 604_800),
    ("channels", "chn_1", REFERENCES),
    ("channels", ["x" * 101], REFERENCES),
    ("channels", ["c"] * 51, REFERENCES),
    ("depends_on", "mon_1", REFERENCES),
    ("depends_on", ["x" * 101], REFERENCES),
    ("depends_on", ["c"] * 51, REFERENCES),
    *each("tags", TAGS, [[1], [""], ["x" * 51], ["t"] * 51, "night", {}]),
    *texts("group", 100),
    *each("public", SWITCH, ["true", 1, []]),
    *each("paused", SWITCH, ["yes", 0, {}]),
    *each("status", "must be one of active, paused", ["failing", "Paused", True, ""]),
    *texts("slug", 100),
    ("slug", "!!!", "must hold at least one letter a to z or digit"),
    *ranged("check_interval_secs", 1, 86_400),
    ("maintenance_windows", {}, WINDOWS),
    (
        "maintenance_windows",
        [{"day": "daily", "start_utc": "1:00", "end_utc": "02:00"}],
        FIRST + "start_utc ",
    ),
    ("maintenance_windows", [{"day": "daily", "start_utc": "01:00"}], "has an item without end_utc"),
    *texts("alert_email", 320),
    *texts("alert_slack_webhook", 2048),
    ("alert_slack_webhook", "hooks.slack.com", URL),
    *texts("webhook_url", 2048),
    ("webhook_url", "mailto:me@example.com", URL),
    *each("token", TOKEN, [7, "", "x" * 15, "x" * 65, ["x"], {}]),
    *each("token", LETTERS, ["x" * 15 + mark for mark in ("ü", "/", "\n", " ", "•", "%", "?", ".", "\0")]),
]


def tried(served: Served, said: dict[str, Any]) -> list[str]:
    """The sentences that refuse these fields in a new heartbeat and in an old one, which stays as it was."""
    made = served.call("POST", "/v1/heartbeats", LEAST).json
    path = f"/v1/heartbeats/{made['id']}"
    replies = [served.call("POST", "/v1/heartbeats", LEAST | {"name": "never"} | said)]
    replies += [served.call(method, path, said) for method in ("PUT", "PATCH")]
    assert served.call("GET", "/v1/heartbeats").json["heartbeats"] == [made]
    assert served.call("DELETE", path).status == 204
    for reply in replies:
        assert (reply.status, list(reply.json)) == (400, ["error"]), reply.json
    return [reply.json["error"] for reply in replies]


@pytest.mark.parametrize("field", HeartbeatChange.__struct_fields__)
def test_a_wrong_value_is_refused_with_the_fields_name_and_range(served: Served, field: str) -> None:
    wrong = [(value, sentence) for name, value, sentence in BAD if name == field]
    assert wrong, "no wrong value of this field is known"
    for value, sentence in wrong:
        for error in tried(served, {field: value}):
            assert error.startswith(f"{field} {sentence}"), (value, error)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity"])
def test_a_number_that_is_none(served: Served, number: str) -> None:
    for field in ("grace_multiplier", "interval_secs"):
        data = f'{{"name": "x", "{field}": {number}}}'.encode()
        reply = served.call("POST", "/v1/heartbeats", data=data)
        assert reply.status == 400
        assert field in reply.json["error"] or "not valid JSON" in reply.json["error"]


@pytest.mark.parametrize("data", [b"{", b'{"name": "\xff"}', b'{"name": "\\ud800"}', b"[]", b'"x"', b"null"])
def test_a_body_that_can_not_be(served: Served, data: bytes) -> None:
    made = served.call("POST", "/v1/heartbeats", LEAST).json
    path = f"/v1/heartbeats/{made['id']}"
    for method, where in (("POST", "/v1/heartbeats"), ("PUT", path), ("PATCH", path)):
        reply = served.call(method, where, data=data)
        assert reply.status == 400
        assert reply.json["error"].startswith(
            ("the body is not valid JSON", "the body must be a JSON object")
        )
    served.call("DELETE", path)


@pytest.mark.parametrize("body", [{}, {"name": None}, {"interval_secs": 60}])
def test_the_name_is_required(served: Served, body: dict[str, Any]) -> None:
    reply = served.call("POST", "/v1/heartbeats", body)
    assert (reply.status, reply.json) == (400, {"error": "name is required"})


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"schedule": "6h", "interval_secs": 3600}, "interval_secs must be 21600, as schedule says"),
        ({"grace_multiplier": 2, "grace_secs": 60}, "grace_multiplier can't be used with grace_secs"),
        (
            {"grace_multiplier": 2, "schedule": "0 2 * * *"},
            "grace_multiplier can't be used with a cron schedule; use grace_secs",
        ),
        (
            {"grace_multiplier": 10, "interval_secs": 86_400},
            "grace_multiplier must make a grace of at most 86400 s, not 777600 s",
        ),
    ],
)
def test_fields_that_contradict_each_other(served: Served, said: dict[str, Any], sentence: str) -> None:
    for error in tried(served, said):
        assert error.startswith(sentence)


async def test_every_default(tickd: Harness) -> None:
    made = await heartbeat(tickd, **LEAST)
    identifier, token, short = made["id"], made["token"], made["short_token"]
    assert identifier.startswith("hb_")
    assert (len(token), set(token) <= set("0123456789abcdef"), len(short)) == (64, True, 16)
    assert made == {
        **LEAST,
        **DEFAULTS,
        "id": identifier,
        "token": token,
        "short_token": short,
        "ping_url": f"{tickd.url}/p/{short}",
        "slug": f"least-{identifier[-6:]}",
        "state": "pending",
        "consecutive_misses": 0,
        "last_pinged_at": None,
        "next_expected_at": None,
        "metrics": {},
        "created_at": "2026-03-03T12:00:00Z",
        "updated_at": "2026-03-03T12:00:00Z",
    }
    said = set(HeartbeatChange.__struct_fields__)
    # `paused` is another way to say `status`, `grace_multiplier` one for `grace_secs`: neither is answered.
    assert {*LEAST, *DEFAULTS, "slug", "token", "paused", "grace_multiplier"} == said
    assert said - {"paused", "grace_multiplier"} <= set(HeartbeatAnswer.__struct_fields__)
    assert set(DEFAULTS) == set(OTHERWISE)


async def test_every_field_is_kept_and_answered(tickd: Harness) -> None:
    made = await heartbeat(tickd, **LEAST | OTHERWISE)
    assert {name: made[name] for name in OTHERWISE} == OTHERWISE
    path = f"/v1/heartbeats/{made['id']}"
    assert (await tickd.call("GET", path)).json == made
    assert (await tickd.call("GET", "/v1/heartbeats")).json["heartbeats"] == [made]
    for method in ("PUT", "PATCH"):
        assert (await tickd.call(method, path, made)).json == made


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_each_field_changes_alone(tickd: Harness, method: str) -> None:
    made = await heartbeat(tickd, **LEAST)
    path = f"/v1/heartbeats/{made['id']}"
    for field, value in {**OTHERWISE, "name": "Ünïcode 備份", "slug": "front"}.items():
        changed = await tickd.call(method, path, {field: value})
        assert changed.status == 200, changed.json
        assert changed.json == made | {field: value}, field
        made = changed.json
    await tickd.clock.advance(1.0)
    assert (await tickd.call(method, path, {"group": OTHERWISE["group"]})).json == made
    later = await tickd.call(method, path, {"name": "third"})
    assert later.json == made | {"name": "third", "updated_at": "2026-03-03T12:00:01Z"}


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("interval_secs", (60, 86_400, YEAR)),
        ("grace_secs", (0, 86_400)),
        ("max_pings_per_minute", (0, 1, 6000)),
        ("failure_threshold", (1, 10)),
        ("cooldown_secs", (0, 604_800)),
        ("check_interval_secs", (1, 86_400)),
        ("name", ("x", "x" * 200)),
        ("tags", ([], ["x" * 50] * 1)),
    ],
)
async def test_both_ends_of_a_range_are_within(tickd: Harness, field: str, values: tuple[Any, ...]) -> None:
    made = await heartbeat(tickd, **LEAST)
    for value in values:
        assert (await edited(tickd, made["id"], **{field: value}))[field] == value
        assert (await heartbeat(tickd, **LEAST | {field: value}))[field] == value


async def test_null_is_left_out_and_unknown_fields_are_ignored(tickd: Harness) -> None:
    noise = dict.fromkeys(DEFAULTS) | {
        "slug": None,
        "grace_multiplier": None,
        "colour": "red",
        "id": "hb_mine",
    }
    made = await heartbeat(tickd, **LEAST | noise)
    assert {name: made[name] for name in DEFAULTS} == DEFAULTS
    assert made["id"] != "hb_mine"
    assert "colour" not in made
    path = f"/v1/heartbeats/{made['id']}"
    more = {
        "short_token": "x",
        "state": "down",
        "consecutive_misses": 9,
        "metrics": {"a": 1},
    }
    for body in (noise, more, {}, made):
        assert (await tickd.call("PUT", path, body)).json == made


@pytest.mark.parametrize(
    ("schedule", "secs"),
    [
        ("1m", 60),
        ("30m", 1800),
        ("6h", 21_600),
        ("24h", 86_400),
        ("7d", 604_800),
        ("366d", YEAR),
        (" 6h ", 21_600),
    ],
)
async def test_a_schedule_that_is_a_span(tickd: Harness, schedule: str, secs: int) -> None:
    made = await heartbeat(tickd, schedule=schedule)
    assert (made["schedule"], made["interval_secs"]) == (schedule.strip(), secs)
    # With a schedule Tymo's defaults hold.
    assert (made["grace_secs"], made["failure_threshold"]) == (1800, 1)


@pytest.mark.parametrize(
    "schedule",
    ["0 2 * * *", "0 9 * * 1", "0 0 1 * *", "*/15 8-18 * JAN,jul MON-FRI", "@hourly", "@daily", "@weekly"],
)
async def test_a_schedule_in_cron(tickd: Harness, schedule: str) -> None:
    made = await heartbeat(
        tickd, schedule=schedule, timezone="Asia/Tokyo", grace_secs=60, failure_threshold=3
    )
    assert (made["schedule"], made["timezone"]) == (schedule, "Asia/Tokyo")
    assert (made["grace_secs"], made["failure_threshold"]) == (60, 3)
    assert made["next_expected_at"] is None


async def test_an_empty_schedule_is_none(tickd: Harness) -> None:
    made = await heartbeat(tickd, schedule="  ", interval_secs=120)
    assert (made["schedule"], made["interval_secs"], made["grace_secs"]) == ("", 120, 300)


async def test_from_an_interval_to_a_schedule_and_back(tickd: Harness) -> None:
    made = await heartbeat(tickd, interval_secs=120)
    cron = await edited(tickd, made["id"], schedule="  0   2 * * * ")
    assert cron == made | {"schedule": "0 2 * * *"}
    span = await edited(tickd, made["id"], schedule="6h")
    assert (span["schedule"], span["interval_secs"]) == ("6h", 21_600)
    assert (await edited(tickd, made["id"], interval_secs=21_600)) == span
    assert (await edited(tickd, made["id"], interval_secs=60)) == made | {"interval_secs": 60}
    await edited(tickd, made["id"], schedule="@daily")
    assert (await edited(tickd, made["id"], interval_secs=60)) == made | {"interval_secs": 60}
    await edited(tickd, made["id"], schedule="@daily")
    assert (await edited(tickd, made["id"], schedule="")) == made | {"interval_secs": 60}


@pytest.mark.parametrize(
    ("multiplier", "interval", "grace"),
    [(1, 300, 0), (2, 300, 300), (2.5, 60, 90), (10, 60, 540), (1.001, 60, 0), (10, 9600, 86_400)],
)
async def test_a_multiplier_is_kept_as_a_grace(
    tickd: Harness, multiplier: float, interval: int, grace: int
) -> None:
    made = await heartbeat(tickd, interval_secs=interval, grace_multiplier=multiplier)
    assert (made["interval_secs"], made["grace_secs"]) == (interval, grace)
    other = await heartbeat(tickd, interval_secs=interval, grace_secs=7)
    assert (await edited(tickd, other["id"], grace_multiplier=multiplier))["grace_secs"] == grace
    span = await heartbeat(tickd, schedule=f"{interval // 60}m", grace_multiplier=multiplier)
    assert (span["grace_secs"], span["failure_threshold"]) == (grace, 1)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["10.1.2.3/8"], ["10.0.0.0/8"]),
        ([" 192.168.1.100 ", "192.168.1.100/32"], ["192.168.1.100"]),
        (["10.0.1.0/255.255.255.0"], ["10.0.1.0/24"]),
        (["2001:DB8:0:0::1", "2001:db8::1/128"], ["2001:db8::1"]),
        (["2001:db8::1/32", "::/0", "0.0.0.0/0"], ["2001:db8::/32", "::/0", "0.0.0.0/0"]),
        ([f"10.0.0.{number}" for number in range(100)], [f"10.0.0.{number}" for number in range(100)]),
    ],
)
async def test_addresses_are_kept_in_their_plain_form(
    tickd: Harness, given: list[str], kept: list[str]
) -> None:
    assert (await heartbeat(tickd, allowed_ips=given))["allowed_ips"] == kept


async def test_a_name_loses_the_space_around_it(tickd: Harness) -> None:
    made = await heartbeat(tickd, name="  Nightly \N{OCTOPUS}  ")
    assert made["name"] == "Nightly \N{OCTOPUS}"
    assert made["slug"] == f"nightly-{made['id'][-6:]}"


async def test_channels_and_tags_each_once(tickd: Harness) -> None:
    made = await heartbeat(tickd, channels=["b", "a", "b"], tags=["y", "x", "y"])
    assert (made["channels"], made["tags"]) == (["b", "a"], ["y", "x"])


async def test_one_slug_leads_to_one_thing(tickd: Harness) -> None:
    body = {"name": "site", "url": "http://127.0.0.1:9/", "status": "paused"}
    monitor = (await tickd.call("POST", "/v1/monitors", body | {"slug": "site"})).json
    made = await heartbeat(tickd, slug="  My Backup! ")
    assert made["slug"] == "my-backup"
    for slug in ("my_backup", "SITE"):
        reply = await tickd.call("POST", "/v1/heartbeats", LEAST | {"slug": slug})
        assert reply.status == 409
        assert reply.json["error"].startswith("slug is taken: ")
    other = await heartbeat(tickd)
    for method, taken in (("PUT", "site"), ("PATCH", "my-backup")):
        reply = await tickd.call(method, f"/v1/heartbeats/{other['id']}", {"slug": taken})
        assert reply.status == 409
    assert (await edited(tickd, made["id"], slug="my-backup")) == made
    taken_by = await tickd.call("PATCH", f"/v1/monitors/{monitor['id']}", {"slug": "my-backup"})
    assert taken_by.status == 409
    await tickd.call("DELETE", f"/v1/heartbeats/{made['id']}")
    assert (await edited(tickd, other["id"], slug="my-backup"))["slug"] == "my-backup"


@pytest.mark.parametrize(("floor", "low"), [(1, 1), (5, 5), (30, 60), (300, 60)])
async def test_an_operator_may_lower_the_shortest_interval(tmp_path: Path, floor: int, low: int) -> None:
    async with running(tmp_path / "tickd.db", min_interval_secs=floor) as tickd:
        assert (await heartbeat(tickd, interval_secs=low))["interval_secs"] == low
        reply = await tickd.call("POST", "/v1/heartbeats", LEAST | {"interval_secs": low - 1})
        assert reply.json == {"error": f"interval_secs must be between {low} and {YEAR}"}
