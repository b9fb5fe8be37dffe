"""What docs/rooster.md says of clients of StatusRooster is what tickd answers them."""

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
from tickd.domain.monitors import MonitorChange
from tickd.web.rooster import checks, envelope, monitors
from tickd.web.server import all_routes

ROOSTER = page("docs/rooster.md")
TARGET = "http://127.0.0.1:9/"
ROWS = {codes(row["field"])[0]: row for row in ROOSTER.tables("field", "default", "there")}


def test_every_field_is_described_with_its_other_name_and_range() -> None:
    info = inspect.type_info(monitors.RoosterMonitorChange)
    assert isinstance(info, inspect.StructType)
    kinds = {field.encode_name: field.type for field in info.fields}
    assert set(ROWS) == set(kinds)
    others = {"monitor_type": "type", "ssl_domain": "url", "custom_headers": "headers", "paused": "status"}
    others |= monitors._RENAMED
    for name, kind in kinds.items():
        row = ROWS[name]
        assert codes(row["there"]) == ([others[name]] if name in others else []), name
        assert others.get(name, name) in MonitorChange.__struct_fields__
        if name == "check_interval":
            words = [f"{monitors.INTERVAL_LOW} to {monitors.INTERVAL_HIGH}"]
        else:
            addresses = ("url", "ssl_domain", "alert_email", "alert_slack_webhook", "webhook_url")
            words = [] if name in addresses else words_of(kind)
        for word in words:
            assert word in row["what it may be"], (name, word)


async def test_every_default_is_so(tickd: Harness) -> None:
    plain = await tickd.call("POST", "/api/v1/monitors", {"name": "a", "url": TARGET})
    cert = {"monitor_type": "ssl", "name": "b", "ssl_domain": "127.0.0.1:9"}
    ssl = await tickd.call("POST", "/api/v1/monitors", cert)
    assert (plain.status, ssl.status) == (201, 201)
    for name, row in ROWS.items():
        if row["default"] == "required" or name == "slug":
            continue
        value = (ssl if name.startswith("ssl_") else plain).json["data"][name]
        said = "none" if value is None else json.dumps(value) if not isinstance(value, str) else value or '""'
        assert row["default"].strip("`") == said, name


def test_every_field_of_an_answer_is_named() -> None:
    fields = ROOSTER.sections()["Fields"]
    paragraph = fields[fields.index("The answer has these as well") :]
    monitor, _, check = paragraph.partition("A check has")
    named = {*ROWS, *re.findall(r"`(\w+)`", monitor)} - {"pending", "up", "warn", "down"}
    assert named == set(monitors.RoosterMonitor.__struct_fields__)
    assert re.findall(r"`(\w+)`", check) == list(checks.RoosterCheck.__struct_fields__)


def test_every_call_is_named() -> None:
    said = set()
    for row in ROOSTER.tables("call", "what it does"):
        said |= {tuple(call.split(" ")) for call in codes(row["call"])}
    prefixes = (envelope.PREFIX, "/badge")
    routes = all_routes(lambda: "")
    assert said == {(route.method, route.path) for route in routes if route.path.startswith(prefixes)}


def test_every_error_status_is_described() -> None:
    rows = tables_of(ROOSTER.sections()["Errors"], "rooster status", "when")
    assert [int(row["rooster status"]) for row in rows] == sorted(set(envelope.STATUS.values()))


async def test_the_errors_that_are_shown_are_real(tickd: Harness) -> None:
    (block,) = ROOSTER.blocks("json")
    plain: dict[str, object] = {"name": "a", "url": TARGET}
    wrong: tuple[tuple[int, dict[str, object]], ...] = (
        (422, {"name": None}),
        (422, {"timeout": 120}),
        (403, {"check_interval": 30}),
    )
    for line, (status, change) in zip(block.splitlines(), wrong, strict=True):
        reply = await tickd.call("POST", "/api/v1/monitors", plain | change)
        assert (reply.status, reply.json) == (status, json.loads(line))


async def test_what_is_not_there_yet_is_answered_as_described(tickd: Harness) -> None:
    beat = await tickd.call("POST", "/api/v1/monitors", {"name": "a", "monitor_type": "heartbeat"})
    assert (beat.status, beat.json["data"]) == (422, None)
    for path in ("/api/ping/hb_1", "/api/v1/incidents"):
        assert (await tickd.call("GET", path)).status == 404


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
