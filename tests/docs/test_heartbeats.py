"""What docs/heartbeats.md says of heartbeats is what the code does: fields, the rule, paths, numbers."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec import inspect

from tests.docs.kinds import words_of
from tests.docs.pages import Page, Row, codes, page, tables_of
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, Reply, eventually, running
from tickd.domain import cron, expiry, heartbeats, outputs, pings, times
from tickd.domain.heartbeats import Heartbeat, HeartbeatChange
from tickd.services import doors, pinging
from tickd.web import pings as face
from tickd.web.native.heartbeats import EventAnswer, Fifty, HeartbeatAnswer, OnePingAnswer
from tickd.web.server import all_routes

HEARTBEATS = page("docs/heartbeats.md")
TEXT = " ".join(HEARTBEATS.text.split())


def _rows(heading: str, *columns: str) -> list[Row]:
    return tables_of(HEARTBEATS.sections()[heading], *columns)


def _names(heading: str) -> set[str]:
    return {name for row in _rows(heading, "field", "meaning") for name in codes(row["field"])}


async def _made(tickd: Harness, path: str = "/v1/heartbeats", **fields: Any) -> dict[str, Any]:
    reply = await tickd.call("POST", path, {"name": "backup"} | fields)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json
    return made


async def _sent(tickd: Harness, path: str, method: str = "GET", **more: Any) -> Reply:
    return await tickd.call(method, path, key=None, **more)


# Fields.


def _default(name: str) -> str:
    if name in ("name", "grace_multiplier", "slug", "status", "token"):
        words = {"name": "required", "grace_multiplier": "none", "slug": "made of the name"}
        words["token"] = "a fresh one"
        return words.get(name, "`active`")
    bare = Heartbeat(
        row=0, id="", account_id="", name="", token="", short_token="", created_at=0, updated_at=0
    )
    value: Any = getattr(bare, name, None)
    value = getattr(bare.options, name) if value is None else value
    if value == ():
        return "`[]`"
    return f"`{json.dumps(value)}`" if not isinstance(value, str) or not value else f"`{value}`"


def test_every_field_is_described_with_its_default_and_range() -> None:
    said = {codes(row["field"])[0]: row for row in _rows("Fields", "field", "default", "what it may be")}
    info = inspect.type_info(HeartbeatChange)
    assert isinstance(info, inspect.StructType)
    kinds = {field.encode_name: field.type for field in info.fields}
    assert set(said) == set(kinds)
    for name, kind in kinds.items():
        assert said[name]["default"] == _default(name), name
        words = words_of(kind)
        if name == "interval_secs":
            words = [f"{heartbeats.INTERVAL_LOW} to {heartbeats.INTERVAL_HIGH}"]
        for word in words:
            assert word in said[name]["what it may be"], (name, word)


def test_every_field_of_an_answer_is_described() -> None:
    asked = {codes(row["field"])[0] for row in _rows("Fields", "field", "default", "what it may be")}
    assert (asked - {"grace_multiplier", "paused"}) | _names("Fields") == set(
        HeartbeatAnswer.__struct_fields__
    )
    ping, event = set(OnePingAnswer.__struct_fields__), set(EventAnswer.__struct_fields__)
    in_pings, in_events = HEARTBEATS.sections()["History"].split("What tickd made of")
    for text, fields in ((in_pings, ping), (in_events, event)):
        rows = tables_of(text, "field", "meaning")
        assert {name for row in rows for name in codes(row["field"])} == fields


async def test_the_defaults_follow_from_how_it_was_made(tickd: Harness) -> None:
    native, scheduled, rooster = _rows(
        "Fields", "made", "`interval_secs`", "`grace_secs`", "`failure_threshold`"
    )
    there = {"name": "c", "monitor_type": "heartbeat"}
    reply = await tickd.call("POST", "/api/v1/monitors", there)
    made = [
        (native, await _made(tickd)),
        (scheduled, await _made(tickd, schedule="0 2 * * *")),
        (rooster, (await tickd.call("GET", f"/v1/heartbeats/{reply.json['data']['id']}")).json),
    ]
    for row, one in made:
        for column, said in row.items():
            if column != "made" and said != "by the schedule":
                assert codes(said) == [str(one[codes(column)[0]])], (row, column)


def test_every_word_is_described() -> None:
    states = "Statuses and states"
    for column, words in (("status", heartbeats.Status), ("state", expiry.State)):
        said = [codes(row[column])[0] for row in _rows(states, column, "meaning")]
        assert said == list(get_args(words))
    history = {row["field"]: codes(row["meaning"]) for row in HEARTBEATS.tables("field", "meaning")}
    assert history["`flip`"] == list(get_args(expiry.Flip))
    kinds = [word for row in HEARTBEATS.tables("field", "meaning") if row["field"] == "`kind`"
             for word in codes(row["meaning"])]  # fmt: skip
    assert kinds == list(get_args(pings.EventKind))


# The rule, as the page plays it.

COLUMNS = ("`status`", "`state`", "`consecutive_misses`", "`next_expected_at`")


def _moment(text: str) -> int:
    day = text if " " in text else f"2026-03-03 {text}"
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1000


def _timelines() -> list[tuple[dict[str, Any], list[Row]]]:
    """What each heartbeat is made with, and its table."""
    section = HEARTBEATS.sections()["When silence is a miss"]
    rows = tables_of(section, "at", "what happens", *COLUMNS)
    made = [json.loads(one) for one in codes(section) if one.startswith("{")]
    cut = next(number for number, row in enumerate(rows) if " " in row["at"])
    return list(zip(made, (rows[:cut], rows[cut:]), strict=True))


@pytest.mark.parametrize("which", [0, 1])
async def test_the_timelines_are_played(which: int, tmp_path: Path) -> None:
    made, rows = _timelines()[which]
    clock = FakeClock(_moment(rows[0]["at"]))
    async with running(tmp_path / "tickd.db", clock=clock) as tickd:
        beat = await _made(tickd, **made)

        async def stands() -> list[str]:
            now = (await tickd.call("GET", f"/v1/heartbeats/{beat['id']}")).json
            return [str(now[codes(column)[0]]) for column in COLUMNS]

        for row in rows:
            await clock.advance((_moment(row["at"]) - clock.now()) / 1000)
            end = {"success": "", "fail": "/fail"}.get(re.split(r"[,: ]", row["what happens"])[0])
            if end is not None:
                assert (await _sent(tickd, f"/p/{beat['token']}{end}")).status == 200
            *said, expected = (
                codes(row[column])[0] if "`" in row[column] else row[column] for column in COLUMNS
            )
            wanted = [*said, times.rfc3339(_moment(expected))]

            async def so(wanted: list[str] = wanted) -> bool:
                return await stands() == wanted

            await eventually(so)
    assert len(rows) >= 5


def test_an_hour_that_comes_twice_is_expected_once() -> None:
    rhythm = expiry.Rhythm(3600, "30 2 * * *", "Europe/Berlin", 1800, 1)
    before = _moment("2026-10-24 12:00")
    first = expiry.expected_after(rhythm, before)
    assert first == _moment("2026-10-25 00:30")
    second = expiry.expected_after(rhythm, first)
    assert (second - first) / times.HOUR == 25
    assert cron.zone("Europe/Berlin").key == rhythm.timezone


async def test_a_run_that_does_not_end_is_a_miss_and_one_silence_counts_once(tmp_path: Path) -> None:
    clock = FakeClock(NOON)
    async with running(tmp_path / "tickd.db", clock=clock) as tickd:
        beat = await _made(tickd, interval_secs=600, grace_secs=300, failure_threshold=5)
        await _sent(tickd, f"/p/{beat['token']}")
        await clock.advance(600)
        await _sent(tickd, f"/p/{beat['token']}/start")
        await clock.advance(300)

        async def misses() -> Any:
            return (await tickd.call("GET", f"/v1/heartbeats/{beat['id']}")).json["consecutive_misses"]

        await eventually(misses)
        await clock.advance(299)
        assert await misses() == 1


# Pings.


async def test_every_kind_does_what_the_table_says(tickd: Harness) -> None:
    rows = _rows("Start, end, log", "ping", "kind", "what it does")
    assert [codes(row["kind"])[0] for row in rows] == ["success", "start", "fail", "log", "success", "fail"]
    for row in rows:
        for path in codes(row["ping"]):
            beat = await _made(tickd)
            await _sent(tickd, f"/p/{beat['short_token']}")
            assert (await _sent(tickd, path.replace("{token}", beat["token"]))).json == {"ok": True}
            now = (await tickd.call("GET", f"/v1/heartbeats/{beat['id']}")).json
            last = (await tickd.call("GET", f"/v1/heartbeats/{beat['id']}/pings")).json["pings"][0]
            kind = codes(row["kind"])[0]
            assert (last["kind"], now["state"]) == (kind, "down" if kind == "fail" else "up"), path
            assert str(last["exit_status"] or 0) in path.rpartition("/")[2] or last["exit_status"] is None


def _forms() -> list[tuple[str, Row]]:
    rows = _rows("Every way to ping", "path", "needs", "answer", "while paused", "for clients of")
    return [(path, row) for row in rows for path in codes(row["path"])]


def test_every_path_is_in_the_table() -> None:
    assert {path for path, _ in _forms()} == {route.path for route in face.ROUTES}
    for route in all_routes():
        if route.path in {path for path, _ in _forms()}:
            row = next(row for path, row in _forms() if path == route.path)
            assert ("heartbeat:write" in row["needs"]) == (route.scope == "heartbeat:write")


@pytest.mark.parametrize("paused", [False, True])
async def test_every_path_answers_as_the_table_says(paused: bool, tickd: Harness) -> None:
    key = (await tickd.call("POST", "/v1/keys", {"name": "k", "scopes": ["heartbeat:write"]})).json["key"]
    for template, row in _forms():
        kodo = "heartbeat:write" in row["needs"]
        beat = await _made(tickd, status="paused" if paused else "active")
        path = template.replace("{token}", beat["short_token"]).replace("{id}", beat["id"])
        path = path.replace("{kind}", "0") + (
            f"?token={beat['token']}" if row["needs"] == "`?token=`" else ""
        )
        (said,) = codes(row["while paused" if paused else "answer"])
        for method in ("GET", "POST"):
            reply = await tickd.call(method, path, key=key if kodo else None)
            assert (reply.status, reply.json) == (200, json.loads(said)), template
        if not kodo:
            assert (await _sent(tickd, path, "HEAD")).status == 200
        total = (await tickd.call("GET", f"/v1/heartbeats/{beat['id']}/pings")).json["total"]
        assert total == (2 if kodo else 3)


async def test_what_is_no_ping_is_answered_as_described(tickd: Harness) -> None:
    beat, shut = await _made(tickd), await _made(tickd, allowed_ips=["192.0.2.1"])
    key = (await tickd.call("POST", "/v1/keys", {"name": "r", "scopes": ["read"]})).json["key"]
    place, there = f"/p/{beat['token']}", f"/api/ping/{beat['id']}"
    answered = {
        (await _sent(tickd, f"{place}/256")).status: 400,
        (await _sent(tickd, f"/api/heartbeat/{beat['id']}")).status: 401,
        (await _sent(tickd, f"/p/{shut['token']}")).status: 403,
        (await _sent(tickd, f"/p/{'0' * 16}")).status: 404,
        (await _sent(tickd, place, "POST", data=io.BytesIO(b"x" * ((1 << 20) + 1)))).status: 413,
        (await _sent(tickd, f"{there}?token={beat['token']}&at=2020-01-01T00:00:00Z")).status: 422,
    }
    assert all(status == said for status, said in answered.items()), answered
    assert (await _sent(tickd, f"{there}?token=wrong")).status == 403
    assert (await tickd.call("POST", f"/api/heartbeat/{beat['id']}", key=key)).status == 403
    assert (await _sent(tickd, f"{place}?rid={'x' * 101}")).status == 400
    assert (await tickd.call("GET", f"/v1/heartbeats/{beat['id']}/pings")).json["total"] == 0
    most = [await _sent(tickd, place) for _ in range(pings.PER_MINUTE + 1)]
    assert [reply.status for reply in most] == [200] * pings.PER_MINUTE + [429]
    assert int(most[-1].headers["Retry-After"]) > 0
    assert (await _sent(tickd, f"/v1/heartbeats/{beat['token']}/ping")).status == 200
    said = [int(row["answered"]) for row in _rows("Every way to ping", "answered", "when")]
    assert said == sorted({*answered, 429, 503})


async def test_kodos_numbers_are_kept_as_described(tickd: Harness) -> None:
    beat = await _made(tickd)
    (report,) = re.findall(r"-d '(\{\"status\": \"degraded\".*\})'", HEARTBEATS.text)
    await tickd.call("POST", f"/api/heartbeat/{beat['id']}", json.loads(report))
    await _sent(tickd, f"/p/{beat['token']}")
    now = (await tickd.call("GET", f"/v1/heartbeats/{beat['id']}")).json
    assert (now["state"], now["metrics"]) == ("up", {"depth": 1250, "workers": 3})
    await _sent(tickd, f"/api/push/{beat['token']}?status=up&msg=OK&ping=12")
    now = (await tickd.call("GET", f"/v1/heartbeats/{beat['id']}")).json
    assert now["metrics"] == {"ping": 12}
    kept = (await tickd.call("GET", f"/v1/heartbeats/{beat['id']}/pings")).json["pings"]
    assert [one["metrics"] for one in kept] == [{"ping": 12}, {}, {"depth": 1250, "workers": 3}]


async def test_what_a_key_that_may_only_read_does_not_see(tickd: Harness) -> None:
    beat = await _made(tickd)
    key = (await tickd.call("POST", "/v1/keys", {"name": "r", "scopes": ["read"]})).json["key"]
    for path in ("/v1/heartbeats", "/api/v1/monitors"):
        reply = await tickd.call("GET", f"{path}/{beat['id']}", key=key)
        assert reply.status == 200
        assert beat["token"] not in json.dumps(reply.json)
        assert beat["short_token"] not in json.dumps(reply.json)
    masked = re.search(r"((?:`\w+`(?:, | and ))*`\w+`) are answered as `••••••`", HEARTBEATS.text)
    assert masked
    shown = (await tickd.call("GET", f"/v1/heartbeats/{beat['id']}", key=key)).json
    assert {name for name, value in shown.items() if value == "••••••"} == set(codes(masked[1]))


# Numbers, badges, contents.


def test_what_the_page_says_of_numbers_is_so() -> None:
    assert f"a heartbeat takes {pings.PER_MINUTE} pings in {doors.WINDOW_SECS:.0f} s" in TEXT
    assert f"At most {pinging.RUNS_MOST} runs of a heartbeat may be open" in TEXT
    assert f"`rid`, at most {pings.RUN_LETTERS} printable characters" in TEXT
    assert f"ping's `message`, {pings.MESSAGE_LETTERS} characters at most" in TEXT
    assert f"the first {outputs.HEAD:,} and last {outputs.TAIL:,} characters" in TEXT
    assert f"a map of at most {pings.METRICS_MOST} names to numbers" in TEXT
    assert f"take `limit` ({Fifty().limit} by default)" in TEXT
    assert ("at most 24 hours ago", pings.REPLAY_WITHIN) == ("at most 24 hours ago", times.DAY)
    assert "at most 24 hours ago" in TEXT
    assert pinging.REFUSALS_LOGGED == 10
    assert "at most ten of them a minute" in TEXT
    assert expiry.LEAST_PATIENCE == times.MINUTE
    assert "or to a minute after the start" in TEXT


def test_the_badges_that_are_shown_are_served() -> None:
    paths = {route.path for route in all_routes() if route.path.startswith("/badge/")}
    (block,) = HEARTBEATS.blocks("markdown")
    shown = re.findall(r"^!\[\w+\]\(https://tickd\.example\.com(/badge/\S+)\)$", block, re.MULTILINE)
    assert {path.replace("HEARTBEAT_ID", "{id}") for path in shown} < paths
    assert len(shown) == len(block.splitlines())


def test_the_page_has_a_list_of_its_sections() -> None:
    listed = re.findall(r"^- \[(.+)\]\(#", HEARTBEATS.text, re.MULTILINE)
    assert listed == list(Page(HEARTBEATS.path).sections())
