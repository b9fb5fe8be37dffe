"""What docs/clients/statusrooster.md says of clients of StatusRooster is what tickd answers them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect

from tests.docs.kinds import words_of
from tests.docs.pages import codes, page, tables_of
from tests.support.daemon import KEY, Harness, running
from tests.support.endpoint import Endpoint
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.heartbeats import HeartbeatChange
from tickd.domain.limits import LimitsChange
from tickd.domain.monitors import MonitorChange
from tickd.web.rooster import checks, envelope, heartbeats, polled, shapes
from tickd.web.server import all_routes

ROOSTER = page("docs/clients/statusrooster.md")
TARGET = "http://127.0.0.1:9/"
RANGES = {
    "check_interval": f"{polled.INTERVAL_LOW} to {polled.INTERVAL_HIGH}",
    "heartbeat_interval": f"{heartbeats.INTERVAL_LOW} to {heartbeats.INTERVAL_HIGH}",
    "heartbeat_grace_period": f"0 to {heartbeats.GRACE_HIGH}",
}
ROWS = {codes(row["field"])[0]: row for row in ROOSTER.tables("field", "default", "there")}


def test_every_field_is_described_with_its_other_name_and_range() -> None:
    info = inspect.type_info(shapes.RoosterMonitorChange)
    assert isinstance(info, inspect.StructType)
    kinds = {field.encode_name: field.type for field in info.fields}
    assert set(ROWS) == set(kinds)
    others = {"monitor_type": "type", "ssl_domain": "url", "custom_headers": "headers", "paused": "status"}
    beats = {name: new for name, new in heartbeats._RENAMED.items() if name.startswith(heartbeats.TYPE)}
    others |= polled._RENAMED | beats
    for name, kind in kinds.items():
        row = ROWS[name]
        assert codes(row["there"]) == ([others[name]] if name in others else []), name
        there = HeartbeatChange if name in beats else MonitorChange
        assert others.get(name, name) in there.__struct_fields__
        if name in RANGES:
            words = [RANGES[name]]
        else:
            addresses = ("url", "ssl_domain", "alert_email", "alert_slack_webhook", "webhook_url")
            words = [] if name in addresses else words_of(kind)
        for word in words:
            assert word in row["what it may be"], (name, word)


async def test_every_default_is_so(tickd: Harness) -> None:
    plain = await tickd.call("POST", "/api/v1/monitors", {"name": "a", "url": TARGET})
    cert = {"monitor_type": "ssl", "name": "b", "ssl_domain": "127.0.0.1:9"}
    ssl = await tickd.call("POST", "/api/v1/monitors", cert)
    beat = await tickd.call("POST", "/api/v1/monitors", {"name": "c", "monitor_type": "heartbeat"})
    assert (plain.status, ssl.status, beat.status) == (201, 201, 201)
    for name, row in ROWS.items():
        if row["default"] == "required" or name == "slug":
            continue
        made = ssl if name.startswith("ssl_") else beat if name.startswith("heartbeat_") else plain
        value = made.json["data"][name]
        said = "none" if value is None else json.dumps(value) if not isinstance(value, str) else value or '""'
        assert row["default"].strip("`") == said, name


def test_every_field_of_an_answer_is_named() -> None:
    fields = ROOSTER.sections()["Fields"]
    paragraph = fields[fields.index("The answer has these as well") :]
    monitor, _, check = paragraph.partition("A check has")
    named = {*ROWS, *re.findall(r"`(\w+)`", monitor)} - {"pending", "up", "warn", "down"}
    assert named == set(shapes.RoosterMonitor.__struct_fields__)
    assert re.findall(r"`(\w+)`", check) == list(checks.RoosterCheck.__struct_fields__)


def test_every_call_is_named() -> None:
    said = set()
    for row in ROOSTER.tables("call", "what it does"):
        said |= {tuple(call.split(" ")) for call in codes(row["call"])}
    prefixes = (*envelope.PREFIXES, "/badge")
    routes = all_routes()
    assert said == {(route.method, route.path) for route in routes if route.path.startswith(prefixes)}


def test_every_error_status_is_described() -> None:
    rows = tables_of(ROOSTER.sections()["Errors"], "rooster status", "when")
    assert [int(row["rooster status"]) for row in rows] == sorted(set(envelope.STATUS.values()))


async def test_the_errors_that_are_shown_are_real(tickd: Harness) -> None:
    block = list(ROOSTER.blocks("json"))[-1]
    plain: dict[str, object] = {"name": "a", "url": TARGET}
    wrong: tuple[tuple[int, dict[str, object]], ...] = (
        (422, {"name": None}),
        (422, {"timeout": 120}),
        (403, {"check_interval": 30}),
    )
    for line, (status, change) in zip(block.splitlines(), wrong, strict=True):
        reply = await tickd.call("POST", "/api/v1/monitors", plain | change)
        assert (reply.status, reply.json) == (status, json.loads(line))


async def test_incidents_are_asked_for_as_described(tickd: Harness) -> None:
    for query in ("hours=0", "hours=99999", "limit=0", "limit=501", "hours=x"):
        assert (await tickd.call("GET", f"/api/v1/incidents?{query}")).status == 200
    for query in ("status=ended", "monitor_type=job"):
        assert (await tickd.call("GET", f"/api/v1/incidents?{query}")).status == 422


async def test_a_heartbeat_is_made_and_pinged_as_described(tickd: Harness) -> None:
    (asked,) = re.findall(r"-d '(\{\"monitor_type\": \"heartbeat\".*?\})'", ROOSTER.text, re.DOTALL)
    made = (await tickd.call("POST", "/api/v1/monitors", json.loads(asked))).json["data"]
    assert made["url"] == made["ping_url"]
    assert f"/api/ping/{made['id']}?token=" in made["ping_url"]
    answer = next(ROOSTER.blocks("json"))
    path = made["ping_url"].removeprefix(tickd.url)
    pinged = await tickd.call("GET", path, key=None)
    assert (pinged.status, pinged.json) == (200, json.loads(answer))
    (check,) = (await tickd.call("GET", f"/api/v1/monitors/{made['id']}/checks")).json["data"]
    assert (check["is_up"], check["status_code"], check["response_ms"]) == (True, None, None)
    changed = await tickd.call("PUT", f"/api/v1/monitors/{made['id']}", {"monitor_type": "http"})
    assert (changed.status, changed.json["data"]) == (422, None)
    await tickd.call("PATCH", f"/v1/heartbeats/{made['id']}", {"schedule": "0 2 * * *"})
    seen = (await tickd.call("GET", f"/api/v1/monitors/{made['id']}")).json["data"]
    assert (seen["heartbeat_interval"], seen["status"]) == (None, "up")


@pytest.mark.parametrize("type_", ["tcp", "dns"])
async def test_other_types_show_in_lists(type_: str, tickd: Harness) -> None:
    url = {"tcp": "127.0.0.1:9", "dns": "localhost"}[type_]
    await tickd.call("POST", "/v1/monitors", {"name": "a", "type": type_, "url": url})
    (one,) = (await tickd.call("GET", "/api/v1/monitors")).json["data"]
    assert one["monitor_type"] == type_


async def test_the_python_runs(tmp_path: Path, endpoint: Endpoint) -> None:
    (block,) = ROOSTER.blocks("python")
    script = block.replace("https://example.com", endpoint.url)
    assert script != block

    def run(url: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "TICKD_URL": url, "TICKD_API_KEY": KEY}
        command = [sys.executable, "-c", script]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)

    settings: dict[str, Any] = {"reference": ("none",)}
    async with running(tmp_path / "tickd.db", **settings) as tickd:
        done = await asyncio.to_thread(run, tickd.url)
    assert done.returncode == 0, done.stderr
    said = r"Created mon_\w{16}: pending\nMy Website \(http\): (pending|up), 100\.0 %\n"
    assert re.fullmatch(said, done.stdout)


async def test_the_shortest_interval_is_told_as_described(tickd: Harness) -> None:
    plain, limited = re.findall(r"`((?:min_interval_secs: )?check_interval must [^`]*)`", ROOSTER.text)
    body: dict[str, object] = {"name": "a", "url": TARGET, "check_interval": 30}
    assert (await tickd.call("POST", "/api/v1/monitors", body)).json["error"] == plain
    for least, ends in ((120, [120, 300]), (600, [600, 600])):
        assert f"with {least} the" in ROOSTER.text or f"with {least} it is {least}" in ROOSTER.text
        await tickd.daemon.services.limits.set(DEFAULT_ACCOUNT, LimitsChange(min_interval_secs=least))
        refused = (await tickd.call("POST", "/api/v1/monitors", body)).json["error"]
        assert refused == limited.replace("120", str(least))
        for value in ends:
            made = await tickd.call("POST", "/api/v1/monitors", body | {"check_interval": value})
            assert made.status == 201
