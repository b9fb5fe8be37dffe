"""Every field of a job on the native face: its default, its range, and the sentence that refuses it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.served import Served
from tests.support.daemon import Harness
from tickd.domain.jobs import JobChange
from tickd.web.native.jobs import JobAnswer

LEAST = {"name": "least", "schedule": "0 2 * * *", "endpoint": "http://127.0.0.1:9/"}
DEFAULTS = {
    "timezone": "UTC",
    "method": "POST",
    "headers": {},
    "body": "",
    "description": "",
    "timeout_secs": 30,
    "retries": 2,
    "retry_on": ["network"],
    "overlap": "allow",
    "catch_up": "last",
    "failure_threshold": 1,
    "severity": "major",
    "channels": [],
    "depends_on": [],
    "tags": [],
    "completion": "response",
    "max_runtime_secs": 3600,
    "requires": [],
    "when_down": "defer",
    "defer_max_secs": 7200,
}
OTHERWISE = {
    "timezone": "Europe/Berlin",
    "method": "GET",
    "headers": {"X-One": "1"},
    "body": '{"a": 1}',
    "description": "Every night",
    "timeout_secs": 300,
    "retries": 10,
    "retry_on": ["status", "timeout"],
    "overlap": "skip",
    "catch_up": "all",
    "failure_threshold": 10,
    "severity": "critical",
    "channels": ["chn_1"],
    "depends_on": ["mon_1", "job_1"],
    "tags": ["db", "night"],
    "completion": "callback",
    "max_runtime_secs": 86_400,
    "requires": ["mon_1"],
    "when_down": "fire",
    "defer_max_secs": 86_400,
}
LEAST_VALUES = {
    "timeout_secs": 1,
    "retries": 0,
    "retry_on": [],
    "failure_threshold": 1,
    "max_runtime_secs": 1,
    "defer_max_secs": 0,
}

FIVE = "minute hour day-of-month month day-of-week"
NAME = "must be text of 1 to 200 characters"
PRINTABLE = "must be 1 to 200 printable characters"
URL = "must be an http or https address such as https://example.com/path"
ZONE = "must be an IANA time zone such as Europe/Berlin"
METHODS = "must be one of DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
RETRY_ON = "must be a list of at most 3 items out of network, status, timeout"
REFERENCES = "must be a list of at most 50 items, each text of 1 to 100 characters"
TAGS = "must be a list of at most 50 items, each text of 1 to 50 characters"
MAP = "must be a map of names to texts"
BULK = "must be at most 50 headers of 16384 characters together"

BAD: list[tuple[str, Any, str]] = [
    ("name", 7, NAME),
    ("name", "", NAME),
    ("name", "x" * 201, NAME),
    ("name", "   ", PRINTABLE),
    ("name", "two\nlines", PRINTABLE),
    ("name", "nul\0", PRINTABLE),
    ("schedule", 5, "must be text of 1 to 100 characters"),
    ("schedule", "", "must be text of 1 to 100 characters"),
    ("schedule", "1," * 60 + "1 * * * *", "must be text of 1 to 100 characters"),
    ("schedule", " ", f"has no fields, but needs five: {FIVE}"),
    ("schedule", "* * * *", f"has 4 fields, but needs five: {FIVE}"),
    ("schedule", "0 0 2 * * *", f"has 6 fields, but takes five, no seconds and no years: {FIVE}"),
    ("schedule", "0 0 2 * * * 2027", f"has 7 fields, but takes five, no seconds and no years: {FIVE}"),
    ("schedule", "60 * * * *", "has 60 as minute, which must be 0-59"),
    ("schedule", "* 24 * * *", "has 24 as hour, which must be 0-23"),
    ("schedule", "*/0 * * * *", "has */0 as minute, whose step must be a whole number from 1"),
    ("schedule", "0 0 30 2 *", "never fires: has 30 as day-of-month, and no such day in month 2"),
    ("timezone", 1, "must be text of 1 to 64 characters"),
    ("timezone", "", "must be text of 1 to 64 characters"),
    ("timezone", "x" * 65, "must be text of 1 to 64 characters"),
    ("timezone", "Mars/Olympus", ZONE),
    ("timezone", "../../etc/passwd", ZONE),
    ("timezone", "+01:00", ZONE),
    ("endpoint", 1, "must be text of 1 to 2048 characters"),
    ("endpoint", "", "must be text of 1 to 2048 characters"),
    ("endpoint", "http://127.0.0.1/" + "x" * 2032, "must be text of 1 to 2048 characters"),
    ("endpoint", "127.0.0.1:9", URL),
    ("endpoint", "ftp://127.0.0.1/", URL),
    ("endpoint", "file:///etc/passwd", URL),
    ("endpoint", "http://", URL),
    ("endpoint", "http:///path", URL),
    ("endpoint", "http://127.0.0.1:0/", URL),
    ("endpoint", "http://127.0.0.1:65536/", URL),
    ("endpoint", "http://127.0.0.1/a b", URL),
    ("endpoint", "http://127.0.0.1/\r\nX-Smuggled: 1", URL),
    ("endpoint", "http://[::1/", URL),
    (
        "endpoint",
        "http://me:secret@127.0.0.1/",
        "must not hold a user name or password; send them in headers",
    ),
    ("method", 1, METHODS),
    ("method", "post", METHODS),
    ("method", "CONNECT", METHODS),
    ("headers", [], MAP),
    ("headers", {"X-One": 1}, MAP),
    ("headers", {"X-One": None}, MAP),
    ("headers", {"a b": "1"}, "has 'a b', which is not a header name"),
    ("headers", {"": "1"}, "has '', which is not a header name"),
    ("headers", {"X-One": "a\r\nb"}, "has a line break or control character in X-One"),
    ("headers", {"Content-Length": "1"}, "has Content-Length, which tickd sets itself"),
    ("headers", {"transfer-encoding": "chunked"}, "has transfer-encoding, which tickd sets itself"),
    ("headers", {"X-Tickd-Attempt": "1"}, "has X-Tickd-Attempt, which tickd sets itself"),
    ("headers", {"X-Tickstem-Job-ID": "1"}, "has X-Tickstem-Job-ID, which tickd sets itself"),
    ("headers", {"webhook-signature": "v1,"}, "has webhook-signature, which tickd sets itself"),
    ("headers", {"x-one": "1", "X-One": "2"}, "has a name twice"),
    ("headers", {f"X-{number}": "" for number in range(51)}, BULK),
    ("headers", {"X-One": "x" * 16_384}, BULK),
    ("body", {"a": 1}, "must be text"),
    ("description", 1, "must be text of at most 2000 characters"),
    ("description", "x" * 2001, "must be text of at most 2000 characters"),
    ("timeout_secs", 0, "must be between 1 and 300"),
    ("timeout_secs", 301, "must be between 1 and 300"),
    ("timeout_secs", 1 << 70, "must be between 1 and 300"),
    ("timeout_secs", "30", "must be a whole number between 1 and 300"),
    ("timeout_secs", 1.5, "must be a whole number between 1 and 300"),
    ("timeout_secs", True, "must be a whole number between 1 and 300"),
    ("retries", -1, "must be between 0 and 10"),
    ("retries", 11, "must be between 0 and 10"),
    ("retries", [], "must be a whole number between 0 and 10"),
    ("retry_on", "network", RETRY_ON),
    ("retry_on", ["network", "luck"], RETRY_ON),
    ("retry_on", ["network", "timeout", "status", "network"], RETRY_ON),
    ("overlap", "maybe", "must be one of allow, queue, skip"),
    ("catch_up", "first", "must be one of all, last, none"),
    ("catch_up", False, "must be one of all, last, none"),
    ("failure_threshold", 0, "must be between 1 and 10"),
    ("failure_threshold", 11, "must be between 1 and 10"),
    ("severity", "mild", "must be one of critical, major, minor"),
    ("channels", "chn_1", REFERENCES),
    ("channels", ["x" * 101], REFERENCES),
    ("channels", ["c"] * 51, REFERENCES),
    ("depends_on", "mon_1", REFERENCES),
    ("depends_on", ["m"] * 51, REFERENCES),
    ("tags", "db", TAGS),
    ("tags", [1], TAGS),
    ("tags", [""], TAGS),
    ("tags", ["x" * 51], TAGS),
    ("tags", [str(number) for number in range(51)], TAGS),
    ("signing_secret", 1, "must be text of at most 200 characters"),
    ("signing_secret", "x" * 201, "must be text of at most 200 characters"),
    ("signing_secret", "whsec_", "must be base64 after whsec_"),
    ("signing_secret", "whsec_not base64!", "must be base64 after whsec_"),
    ("completion", "soon", "must be one of callback, response"),
    ("max_runtime_secs", 0, "must be between 1 and 86400"),
    ("max_runtime_secs", 86_401, "must be between 1 and 86400"),
    ("requires", ["m"] * 51, REFERENCES),
    ("requires", [""], REFERENCES),
    ("when_down", "wait", "must be one of defer, fire, skip"),
    ("defer_max_secs", -1, "must be between 0 and 86400"),
    ("defer_max_secs", 86_401, "must be between 0 and 86400"),
    ("status", "failing", "must be one of active, paused"),
    ("status", 1, "must be one of active, paused"),
]


@pytest.mark.parametrize(
    ("field", "value", "sentence"), BAD, ids=[f"{field}-{number}" for number, (field, _, _) in enumerate(BAD)]
)
def test_a_wrong_value_is_refused_with_the_fields_name_and_range(
    served: Served, field: str, value: object, sentence: str
) -> None:
    created = served.call("POST", "/v1/jobs", LEAST | {"name": "never"} | {field: value})
    assert (created.status, created.json) == (400, {"error": f"{field} {sentence}"})
    job = served.call("POST", "/v1/jobs", LEAST).json
    for method in ("PUT", "PATCH"):
        changed = served.call(method, f"/v1/jobs/{job['id']}", {field: value})
        assert (changed.status, changed.json) == (400, {"error": f"{field} {sentence}"})
    assert served.call("GET", f"/v1/jobs/{job['id']}").json == job
    assert served.call("GET", "/v1/jobs").json["jobs"] == [job]


def test_every_field_has_a_wrong_value() -> None:
    assert {field for field, _, _ in BAD} == set(JobChange.__struct_fields__)


@pytest.mark.parametrize("field", LEAST)
def test_three_fields_are_required(served: Served, field: str) -> None:
    for body in ({key: value for key, value in LEAST.items() if key != field}, LEAST | {field: None}):
        reply = served.call("POST", "/v1/jobs", body)
        assert (reply.status, reply.json) == (400, {"error": f"{field} is required"})


async def test_every_default(tickd: Harness) -> None:
    reply = await tickd.call("POST", "/v1/jobs", LEAST)
    assert reply.status == 201
    assert reply.json.pop("id").startswith("job_")
    assert reply.json == {
        **LEAST,
        **DEFAULTS,
        "has_signing_secret": False,
        "status": "active",
        "next_run_at": "2026-03-04T02:00:00Z",
        "last_run": None,
        "consecutive_failures": 0,
        "created_at": "2026-03-03T12:00:00Z",
        "updated_at": "2026-03-03T12:00:00Z",
    }
    said = set(JobChange.__struct_fields__) - {"signing_secret"}
    assert {*LEAST, *DEFAULTS, "status"} == said
    assert set(DEFAULTS) == set(OTHERWISE)
    assert said <= set(JobAnswer.__struct_fields__)


async def test_every_field_is_kept_and_answered(tickd: Harness) -> None:
    created = await tickd.call("POST", "/v1/jobs", LEAST | OTHERWISE)
    assert created.status == 201
    path = f"/v1/jobs/{created.json['id']}"
    assert {name: created.json[name] for name in OTHERWISE} == OTHERWISE
    assert created.json["next_run_at"] == "2026-03-04T01:00:00Z"
    for field, value in LEAST_VALUES.items():
        changed = await tickd.call("PATCH", path, {field: value})
        assert changed.status == 200, changed.json
        assert changed.json == created.json | {field: value}
        await tickd.call("PATCH", path, {field: OTHERWISE[field]})
    assert (await tickd.call("GET", path)).json == created.json
    assert (await tickd.call("GET", "/v1/jobs")).json["jobs"] == [created.json]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_each_field_changes_alone(tickd: Harness, method: str) -> None:
    job = await tickd.job(**LEAST)
    path = f"/v1/jobs/{job['id']}"
    for field, value in {**OTHERWISE, "name": "other", "schedule": "5 2 * * *"}.items():
        changed = await tickd.call(method, path, {field: value})
        assert changed.status == 200, changed.json
        planned = {"next_run_at": changed.json["next_run_at"]} if field in ("timezone", "schedule") else {}
        assert changed.json == job | {field: value} | planned, field
        job = changed.json


async def test_null_is_left_out_and_unknown_fields_are_ignored(tickd: Harness) -> None:
    noise = dict.fromkeys(DEFAULTS) | {
        "status": None,
        "signing_secret": None,
        "colour": "red",
        "id": "job_mine",
    }
    created = await tickd.call("POST", "/v1/jobs", LEAST | noise)
    assert created.status == 201
    assert {name: created.json[name] for name in DEFAULTS} == DEFAULTS
    assert created.json["id"] != "job_mine"
    assert "colour" not in created.json
    path = f"/v1/jobs/{created.json['id']}"
    for body in (noise, {"next_run_at": "2030-01-01T00:00:00Z", "consecutive_failures": 9}, {}):
        assert (await tickd.call("PATCH", path, body)).json == created.json


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"name": "  spaced out "}, {"name": "spaced out"}),
        ({"name": "nächtlich 🌙"}, {"name": "nächtlich 🌙"}),
        ({"schedule": "  0   2 * *  MON-fri "}, {"schedule": "0 2 * * MON-fri"}),
        ({"schedule": "@hourly"}, {"schedule": "0 * * * *", "next_run_at": "2026-03-03T13:00:00Z"}),
        ({"schedule": "@daily"}, {"next_run_at": "2026-03-04T00:00:00Z"}),
        ({"schedule": "@midnight"}, {"next_run_at": "2026-03-04T00:00:00Z"}),
        ({"schedule": "@weekly"}, {"next_run_at": "2026-03-08T00:00:00Z"}),
        ({"schedule": "@monthly"}, {"next_run_at": "2026-04-01T00:00:00Z"}),
        ({"schedule": "@yearly"}, {"next_run_at": "2027-01-01T00:00:00Z"}),
        ({"schedule": "@annually"}, {"next_run_at": "2027-01-01T00:00:00Z"}),
        ({"retry_on": ["status", "status"]}, {"retry_on": ["status"]}),
        ({"tags": ["b", "a", "b"]}, {"tags": ["b", "a"]}),
        ({"endpoint": " https://example.com/a?b=c#d "}, {"endpoint": "https://example.com/a?b=c#d"}),
        ({"endpoint": "http://[::1]:9/"}, {"endpoint": "http://[::1]:9/"}),
    ],
    ids=str,
)
def test_what_is_accepted_in_more_than_one_form(
    served: Served, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    reply = served.call("POST", "/v1/jobs", LEAST | {"name": "forms"} | given)
    assert reply.status in (200, 201), reply.json
    assert {name: reply.json[name] for name in kept} == kept
    assert served.call("DELETE", f"/v1/jobs/{reply.json['id']}").status == 204
