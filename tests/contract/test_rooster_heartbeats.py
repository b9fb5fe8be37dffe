"""The Heartbeat section of StatusRooster's documentation, request by request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.beating import heartbeat, logged, pings_of, sent, silent
from tests.contract.beating import shown as native
from tests.contract.people import key_with, stranger
from tests.contract.test_rooster_monitors import bad, good, is_monitor
from tests.contract.watching import rooster, rooster_monitor
from tests.support.daemon import KEY, NOON, Harness

LEAST = {"monitor_type": "heartbeat", "name": "Nightly Backup Job"}
SECOND = NOON / 1000
WRONG = "the token is missing or wrong: use the ping_url of this monitor as it is"


async def made_by(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A heartbeat of the rooster face, as it was answered when it was made."""
    return good(await rooster(tickd, "POST", "/monitors", LEAST | fields), 201)  # type: ignore[no-any-return]


async def shown(tickd: Harness, identifier: str) -> dict[str, Any]:
    """The monitor as it stands now."""
    return good(await rooster(tickd, "GET", f"/monitors/{identifier}"))  # type: ignore[no-any-return]


def path_of(tickd: Harness, made: dict[str, Any]) -> str:
    """The path of the monitor's ping URL."""
    url: str = made["ping_url"]
    assert url.startswith(tickd.url)
    return url.removeprefix(tickd.url)


async def test_create_a_heartbeat_monitor(tickd: Harness) -> None:
    made = await made_by(tickd, heartbeat_interval=86_400, heartbeat_grace_period=300)
    is_monitor(made)
    identifier = made["id"]
    assert identifier.startswith("hb_")
    token = (await native(tickd, identifier))["token"]
    url = f"{tickd.url}/api/ping/{identifier}?token={token}"
    documented = {
        "monitor_type": "heartbeat",
        "name": "Nightly Backup Job",
        "status": "pending",
        "ping_url": url,
        "url": url,
        "heartbeat_interval": 86_400,
        "heartbeat_grace_period": 300,
        "uptime_percent": 100.0,
        "checks_total": 0,
        "checks_failed": 0,
        "last_checked": None,
        "public": True,
        "paused": False,
        "group": "",
        "slug": f"nightly-backup-job-{identifier[-6:]}",
        "created_at": "2026-03-03T12:00:00+00:00",
    }
    assert {name: made[name] for name in documented} == documented
    assert await shown(tickd, identifier) == made


async def test_every_default(tickd: Harness) -> None:
    made = await made_by(tickd)
    defaults: dict[str, Any] = {"heartbeat_interval": 300, "heartbeat_grace_period": 60, "check_interval": 60}
    defaults |= {"public": True, "paused": False, "group": "", "maintenance_windows": [], "status": "pending"}
    defaults |= {"alert_email": "", "alert_slack_webhook": "", "webhook_url": "", "ssl_domain": ""}
    defaults |= dict.fromkeys(("last_status_code", "last_response_ms", "expected_status_code", "timeout"))
    defaults |= dict.fromkeys(("last_response_by_region", "ssl_expiry", "ssl_expiry_threshold_days"))
    assert {name: made[name] for name in defaults} == defaults
    found = await native(tickd, made["id"])
    of_native = {"interval_secs": 300, "grace_secs": 60, "failure_threshold": 1, "severity": "minor"}
    of_native |= {"schedule": "", "allowed_ips": [], "max_pings_per_minute": 0, "cooldown_secs": 0}
    assert {name: found[name] for name in of_native} == of_native


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *[("heartbeat_interval", value, "between 60 and 86400") for value in (59, 86_401, 0, -1, 1 << 70)],
        *[("heartbeat_grace_period", value, "between 0 and 3600") for value in (-1, 3601, 1 << 70)],
        *[("check_interval", value, "between 60 and 300") for value in (301, 1 << 70)],
    ],
)
async def test_out_of_range_is_422_with_the_range(
    tickd: Harness, field: str, value: int, sentence: str
) -> None:
    made = await made_by(tickd)
    for method, path in (("POST", ""), ("PUT", f"/{made['id']}"), ("PATCH", f"/{made['id']}")):
        body = (LEAST if method == "POST" else {}) | {field: value}
        reply = await rooster(tickd, method, f"/monitors{path}", body)
        assert bad(reply, 422) == f"{field} must be {sentence} seconds"
    assert good(await rooster(tickd, "GET", "/monitors")) == [made]


@pytest.mark.parametrize("field", ["heartbeat_interval", "heartbeat_grace_period"])
@pytest.mark.parametrize("value", ["300", 1.5, True, [], {}], ids=str)
async def test_a_wrong_type_is_422_as_fastapi_says_it(tickd: Harness, field: str, value: object) -> None:
    reply = await rooster(tickd, "POST", "/monitors", LEAST | {field: value})
    assert (reply.status, reply.json["error"]) == (422, f"{field} must be a whole number")
    (detail,) = reply.json["detail"]
    assert (detail["loc"], detail["type"]) == (["body", field], "int_type")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("heartbeat_interval", (60, 300, 900, 3600, 86_400)),
        ("heartbeat_grace_period", (0, 60, 300, 3600)),
        ("check_interval", (60, 120, 300)),
    ],
)
async def test_the_documented_values(tickd: Harness, field: str, values: tuple[int, ...]) -> None:
    made = await made_by(tickd)
    for value in values:
        assert (await made_by(tickd, **{field: value}))[field] == value
        changed = good(await rooster(tickd, "PATCH", f"/monitors/{made['id']}", {field: value}))
        assert changed[field] == value


async def test_a_check_interval_under_the_minimum_is_403(tickd: Harness) -> None:
    reply = await rooster(tickd, "POST", "/monitors", LEAST | {"check_interval": 30})
    assert bad(reply, 403) == "check_interval must be at least 60 seconds for this account"


async def test_the_name_alone_is_required(tickd: Harness) -> None:
    reply = await rooster(tickd, "POST", "/monitors", {"monitor_type": "heartbeat"})
    assert (reply.status, reply.json["error"]) == (422, "name is required")
    assert reply.json["detail"] == [{"loc": ["body", "name"], "msg": "Field required", "type": "missing"}]
    # A url is not needed, and not looked at where it is sent.
    made = await made_by(tickd, url="ftp://nowhere", timeout=60, keyword="OK", ssl_domain="https://x")
    assert made["url"] == made["ping_url"]
    assert (made["timeout"], made["keyword"], made["ssl_domain"]) == (None, "", "")


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_record_a_heartbeat_ping(tickd: Harness, method: str) -> None:
    made = await made_by(tickd, heartbeat_interval=3600)
    reply = await sent(tickd, path_of(tickd, made), method=method)
    answer = {
        "ok": True,
        "status": "up",
        "monitor": "Nightly Backup Job",
        "next_expected_before": SECOND + 3600,
    }
    assert reply.json == (None if method == "HEAD" else answer)
    if reply.json:
        assert type(reply.json["next_expected_before"]) is float
    found = await shown(tickd, made["id"])
    up = {"status": "up", "checks_total": 1, "last_checked": "2026-03-03T12:00:00+00:00"}
    assert found == made | up
    (ping,) = await pings_of(tickd, made["id"])
    assert (ping["kind"], ping["accepted"]) == ("success", True)


async def test_the_short_token_is_one_too(tickd: Harness) -> None:
    made = await made_by(tickd)
    short = (await native(tickd, made["id"]))["short_token"]
    assert (await sent(tickd, f"/api/ping/{made['id']}?token={short}")).json["status"] == "up"


async def test_a_paused_monitor_records_and_does_not_track(tickd: Harness) -> None:
    made = await made_by(tickd, paused=True)
    assert made["paused"] is True
    reply = await sent(tickd, path_of(tickd, made))
    assert reply.json == {
        "ok": True,
        "status": "paused",
        "message": "Monitor is paused — ping recorded but not tracked",
    }
    (ping,) = await pings_of(tickd, made["id"])
    assert ping["accepted"] is False
    assert await shown(tickd, made["id"]) == made


TOKENS = ["", "?token=", "?token=x", "?token={short}x", "?token=%FF", "?token=" + "%ED%A0%80" * 16]
TOKENS += [
    "?token=" + "0" * 16,
    "?token=" + "0" * 64,
    "?token=" + "%C3%A9" * 16,
    "?Token={token}",
    "?token={key}",
]


@pytest.mark.parametrize("query", TOKENS, ids=range(len(TOKENS)))
async def test_a_missing_or_wrong_token_is_403(tickd: Harness, query: str) -> None:
    made, other = await made_by(tickd), await made_by(tickd)
    found = await native(tickd, made["id"])
    query = query.format(short=found["short_token"], token=found["token"], key=KEY)
    for method in ("GET", "POST"):
        reply = await tickd.call(method, f"/api/ping/{made['id']}{query}", key=None)
        assert bad(reply, 403) == WRONG
    head = await tickd.call("HEAD", f"/api/ping/{made['id']}{query}", key=None)
    assert head.status == 403
    # Another monitor's token is no better, and a key does not help.
    crossed = await tickd.call("GET", f"/api/ping/{other['id']}?token={found['token']}")
    assert bad(crossed, 403) == WRONG
    assert await pings_of(tickd, made["id"]) == []


async def test_an_unknown_monitor_is_404(tickd: Harness) -> None:
    site = await rooster_monitor(tickd, paused=True)
    for identifier in ("hb_0000000000000000", site["id"], "%FF", "x" * 3000):
        reply = await tickd.call("GET", f"/api/ping/{identifier}?token={'0' * 64}", key=None)
        assert bad(reply, 404).startswith("no heartbeat ")
    assert (await tickd.call("PUT", f"/api/ping/{site['id']}", key=None)).status == 405


async def test_pings_as_often_as_the_job_runs(tickd: Harness) -> None:
    made = await made_by(tickd)
    for _ in range(15):
        await sent(tickd, path_of(tickd, made))
    assert (await shown(tickd, made["id"]))["checks_total"] == 15


async def test_silence_beyond_interval_and_grace_is_down(tickd: Harness) -> None:
    made = await made_by(tickd, heartbeat_interval=300, heartbeat_grace_period=60)
    await sent(tickd, path_of(tickd, made))
    await tickd.clock.advance(330)
    assert (await shown(tickd, made["id"]))["status"] == "up"
    await silent(tickd, made["id"], 30, 1)
    down = await shown(tickd, made["id"])
    assert (down["status"], down["checks_total"], down["checks_failed"]) == ("down", 2, 1)
    assert (down["uptime_percent"], down["last_checked"]) == (50.0, "2026-03-03T12:06:00+00:00")
    assert (await sent(tickd, path_of(tickd, made))).json["status"] == "up"
    assert (await shown(tickd, made["id"]))["status"] == "up"


async def test_what_kodo_calls_degraded_is_warn_here(tickd: Harness) -> None:
    made = await made_by(tickd)
    await tickd.call("POST", f"/api/heartbeat/{made['id']}", {"status": "degraded"})
    assert (await shown(tickd, made["id"]))["status"] == "warn"
    await tickd.call("POST", f"/api/heartbeat/{made['id']}", {"status": "down"})
    assert (await shown(tickd, made["id"]))["status"] == "down"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_update_a_heartbeat_monitor(tickd: Harness, method: str) -> None:
    made = await made_by(tickd)
    path = f"/monitors/{made['id']}"
    both = {"heartbeat_interval": 3600, "heartbeat_grace_period": 120}
    assert good(await rooster(tickd, method, path, both)) == made | both
    made |= both
    edits: dict[str, Any] = {
        "name": "Nightly Backup",
        "check_interval": 300,
        "alert_email": "ops@example.com",
        "alert_slack_webhook": "https://hooks.slack.com/services/T00/B00/xxxx",
        "webhook_url": "https://example.com/hook",
        "public": False,
        "paused": True,
        "group": "Cron Jobs",
        "slug": "nightly-backup",
        "maintenance_windows": [{"day": "daily", "start_utc": "03:00", "end_utc": "04:00"}],
    }
    for field, value in edits.items():
        changed = good(await rooster(tickd, method, path, {field: value}))
        is_monitor(changed)
        made |= {field: value}
        assert changed == made, field
    cleared: dict[str, Any] = dict.fromkeys(
        ("alert_email", "alert_slack_webhook", "webhook_url", "group"), ""
    )
    cleared |= {"maintenance_windows": [], "paused": False, "public": True}
    for field, value in cleared.items():
        made |= {field: value}
        assert good(await rooster(tickd, method, path, {field: value})) == made
    assert good(await rooster(tickd, method, path, {})) == made
    sanitised = good(await rooster(tickd, method, path, {"slug": " Nächtliche Sicherung! "}))
    assert sanitised["slug"] == "nachtliche-sicherung"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_what_was_answered_can_be_sent_back(tickd: Harness, method: str) -> None:
    for made in (
        await made_by(tickd),
        await shown(tickd, (await heartbeat(tickd, schedule="0 2 * * *"))["id"]),
        await shown(tickd, (await heartbeat(tickd, schedule="6h"))["id"]),
    ):
        before = await native(tickd, made["id"])
        assert good(await rooster(tickd, method, f"/monitors/{made['id']}", made)) == made
        assert await native(tickd, made["id"]) == before


@pytest.mark.parametrize("fields", [{"interval_secs": 604_800}, {"grace_secs": 86_400}], ids=str)
async def test_what_is_beyond_this_faces_range_can_be_sent_back(
    tickd: Harness, fields: dict[str, int]
) -> None:
    made = await shown(tickd, (await heartbeat(tickd, **fields))["id"])
    same = {name: made[name] for name in ("heartbeat_interval", "heartbeat_grace_period")}
    renamed = await rooster(tickd, "PUT", f"/monitors/{made['id']}", same | {"name": "weekly"})
    assert good(renamed) == made | {"name": "weekly"}


async def test_a_type_is_for_life(tickd: Harness) -> None:
    made, site = await made_by(tickd), await rooster_monitor(tickd, paused=True)
    for identifier, kind in ((made["id"], "http"), (made["id"], "ssl"), (site["id"], "heartbeat")):
        reply = await rooster(tickd, "PATCH", f"/monitors/{identifier}", {"monitor_type": kind})
        assert bad(reply, 422).startswith("monitor_type can't ")
    same = await rooster(tickd, "PATCH", f"/monitors/{made['id']}", {"monitor_type": "heartbeat"})
    assert good(same) == made


async def test_the_list_holds_both_kinds_by_name(tickd: Harness) -> None:
    site = await rooster_monitor(tickd, name="c", paused=True)
    made = await made_by(tickd, name="b")
    other = await heartbeat(tickd, name="a", schedule="0 2 * * *")
    reply = await rooster(tickd, "GET", "/monitors")
    found = good(reply)
    assert [one["id"] for one in found] == [other["id"], made["id"], site["id"]]
    assert (found[1], found[2], reply.json["meta"]) == (made, site, {"total": 3})
    assert [one["monitor_type"] for one in found] == ["heartbeat", "heartbeat", "http"]
    for one in found:
        is_monitor(one)
    # What expects by cron has no interval.
    assert (found[0]["heartbeat_interval"], found[0]["heartbeat_grace_period"]) == (None, 1800)


async def test_checks_are_runs_and_silences(tickd: Harness) -> None:
    made = await made_by(tickd)
    token = (await native(tickd, made["id"]))["token"]
    await sent(tickd, f"/p/{token}/start")
    await tickd.clock.advance(1)
    await sent(tickd, f"/p/{token}/0")
    await sent(tickd, f"/p/{token}/log")
    await silent(tickd, made["id"], 360, 1)
    await sent(tickd, f"/p/{token}/1")
    reply = await rooster(tickd, "GET", f"/monitors/{made['id']}/checks?limit=10")
    failed, missed, well = good(reply)
    assert reply.json["meta"] == {"monitor_id": made["id"], "total": 3, "limit": 10}
    assert missed == {
        "id": missed["id"],
        "timestamp": "2026-03-03T12:06:01+00:00",
        "status_code": None,
        "response_ms": None,
        "is_up": False,
        "regions_checked": None,
        "regions_up": None,
        "response_ms_by_region": None,
    }
    assert [one["is_up"] for one in (well, failed)] == [True, False]
    assert len({one["id"] for one in (failed, missed, well)}) == 3
    assert well["id"].startswith("chk_")
    for query, limit, count in (
        ("?limit=1", 1, 1),
        ("?limit=0", 1, 1),
        ("?limit=999", 500, 3),
        ("?limit=x", 100, 3),
    ):
        part = await rooster(tickd, "GET", f"/monitors/{made['id']}/checks{query}")
        assert (len(good(part)), part.json["meta"]["limit"]) == (count, limit)


async def test_a_refused_ping_is_no_check(tickd: Harness) -> None:
    made = await made_by(tickd)
    await tickd.call("PATCH", f"/v1/heartbeats/{made['id']}", {"allowed_ips": ["192.0.2.1"]})
    reply = await tickd.call("GET", path_of(tickd, made), key=None)
    assert bad(reply, 403) == "IP not allowed"
    await logged(tickd, made["id"], 1)
    assert good(await rooster(tickd, "GET", f"/monitors/{made['id']}/checks")) == []
    assert await shown(tickd, made["id"]) == made


async def test_delete_a_heartbeat_monitor(tickd: Harness) -> None:
    made = await made_by(tickd)
    await sent(tickd, path_of(tickd, made))
    gone = await rooster(tickd, "DELETE", f"/monitors/{made['id']}")
    assert good(gone) == {"deleted": True, "monitor_id": made["id"]}
    for method, tail in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/checks")):
        reply = await rooster(tickd, method, f"/monitors/{made['id']}{tail}")
        assert bad(reply, 404) == f"no heartbeat {made['id']}"
    assert bad(await tickd.call("GET", path_of(tickd, made), key=None), 404)
    assert (await tickd.call("GET", f"/v1/heartbeats/{made['id']}")).status == 404


async def test_whose_heartbeat_it_is_not(tickd: Harness) -> None:
    made, other = await made_by(tickd), await stranger(tickd)
    for method, tail in (("GET", ""), ("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/checks")):
        reply = await rooster(tickd, method, f"/monitors/{made['id']}{tail}", headers={"X-API-Key": other})
        assert bad(reply, 404) == f"no heartbeat {made['id']}"
    listed = await rooster(tickd, "GET", "/monitors", headers={"X-API-Key": other})
    assert (good(listed), listed.json["meta"]) == ([], {"total": 0})


async def test_a_key_that_reads_sees_no_ping_url(tickd: Harness) -> None:
    made, reading = await made_by(tickd), await key_with(tickd, "read")
    masked = f"{tickd.url}/api/ping/{made['id']}?token=••••••"
    found = good(await rooster(tickd, "GET", f"/monitors/{made['id']}", headers={"X-API-Key": reading}))
    assert found == made | {"url": masked, "ping_url": masked}
    refused = await rooster(tickd, "POST", "/monitors", LEAST, headers={"X-API-Key": reading})
    assert bad(refused, 403) == "this key lacks the scope write"
