"""What docs/monitors.md says of monitors is what the code does: fields, words, sentences, badges."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any, get_args

import msgspec
import pytest
from msgspec import inspect

from tests.docs.kinds import words_of
from tests.docs.pages import ROOT, Page, Row, codes, page, tables_of
from tests.support.daemon import Harness
from tests.support.endpoint import Endpoint
from tickd.domain import assertions, badges, keywords, maintenance, monitors, thresholds
from tickd.domain.assertions import Answer, Assertion
from tickd.domain.checks import STATUSES
from tickd.domain.monitors import Monitor, MonitorChange, Options
from tickd.outbound.guard import Guard, Refused
from tickd.outbound.redirects import MAX_REDIRECTS
from tickd.services.history_upkeep import Retention
from tickd.services.monitors import SHORTEST_SECS
from tickd.web.native import checks
from tickd.web.native import monitors as face
from tickd.web.native.checks import CheckAnswer, Day, Timings, Uptime
from tickd.web.native.monitors import MonitorAnswer
from tickd.web.server import all_routes

MONITORS = page("docs/monitors.md")
TEXT = " ".join(MONITORS.text.split())
REQUIRED = ("name", "url")
# What the API says of them itself, whatever the type could hold.
RANGES = {
    "interval_secs": f"{SHORTEST_SECS} to 86400",
    "timeout_secs": f"{face.TIMEOUT_LOW} to {face.TIMEOUT_HIGH}",
}


def _rows(heading: str, *columns: str) -> list[Row]:
    return tables_of(MONITORS.sections()[heading], *columns)


def _default(name: str) -> str:
    if name in REQUIRED:
        return "required"
    if name in ("status", "slug"):
        return {"status": "`active`", "slug": "made of the name"}[name]
    made = Monitor(
        row=0, id="", account_id="", name="", type="http", options=Options(url=""), created_at=0, updated_at=0
    )
    value: Any = getattr(made, name, None)
    if value is None:
        value = getattr(made.options, name)
    if value is None:
        return "none"
    if value == ():
        return "`{}`" if name == "headers" else "`[]`"
    return f"`{json.dumps(value)}`" if not isinstance(value, str) or not value else f"`{value}`"


def test_every_field_is_described_with_its_default_and_range() -> None:
    said = {codes(row["field"])[0]: row for row in _rows("Fields", "field", "default", "what it may be")}
    info = inspect.type_info(MonitorChange)
    assert isinstance(info, inspect.StructType)
    kinds = {field.encode_name: field.type for field in info.fields}
    assert set(said) == set(kinds)
    for name, kind in kinds.items():
        made = "`http`" if name == "type" else _default(name)
        assert said[name]["default"] == made, name
        for word in [RANGES[name]] if name in RANGES else words_of(kind):
            assert word in said[name]["what it may be"], (name, word)


def test_every_field_of_an_answer_is_described() -> None:
    asked = [codes(row["field"])[0] for row in _rows("Fields", "field", "default", "what it may be")]
    answered = [name for row in _rows("Fields", "field", "meaning") for name in codes(row["field"])]
    assert {*asked, *answered} - {"paused"} == set(MonitorAnswer.__struct_fields__)
    checks = _rows("Checks", "field", "meaning")
    assert {name for row in checks for name in codes(row["field"])} == set(CheckAnswer.__struct_fields__)
    steps = next(row["meaning"] for row in checks if row["field"] == "`timings`")
    assert set(codes(steps)) == set(Timings.__struct_fields__)
    uptime = {name for row in _rows("Uptime", "field", "meaning") for name in codes(row["field"])}
    assert uptime == {*Uptime.__struct_fields__, *Day.__struct_fields__}
    (block,) = MONITORS.blocks("json")
    assert msgspec.to_builtins(msgspec.json.decode(block, type=Uptime, strict=True)) == json.loads(block)


def test_every_word_is_described() -> None:
    def column(heading: str, *columns: str) -> list[str]:
        return [codes(row[columns[0]])[0] for row in _rows(heading, *columns)]

    assert column("Types", "type", "what it looks at", "`url`") == list(get_args(monitors.Type))
    states = "Statuses and states"
    assert column(states, "status", "meaning") == list(STATUSES)
    assert column(states, "state", "meaning") == list(get_args(monitors.State))
    assert column(states, "status of the monitor", "meaning") == list(get_args(monitors.Status))
    rows = MONITORS.tables("source", "comparisons", "target")
    assert {codes(row["source"])[0]: tuple(codes(row["comparisons"])) for row in rows} == assertions._TAKES
    operators = {
        codes(row["operator"])[0]: codes(row["comparison"])[0]
        for row in MONITORS.tables("operator", "comparison")
    }
    assert operators == assertions._OPERATORS


def test_the_addresses_that_are_shown_are_taken() -> None:
    for row in _rows("Types", "type", "what it looks at", "`url`"):
        for url in codes(row["`url`"]):
            assert monitors.target(codes(row["type"])[0], url)  # type: ignore[arg-type]
    assert monitors.target("tcp", "[2001:db8::1]:5432") == "[2001:db8::1]:5432"


def test_what_the_page_says_of_numbers_is_so() -> None:
    assert f"Checks are kept for {Retention().raw_days} days" in TEXT
    assert f"follows at most {MAX_REDIRECTS}," in TEXT
    assert f"At most {maintenance.MOST} of `{{" in TEXT
    assert "`days` is 1 to 365, 30 by default" in TEXT
    assert checks.DaysWanted().days == 30
    assert "`hours` is 1 to 720, 24 by default" in TEXT
    assert checks.HoursWanted().hours == 24


# Sentences.


def _error(cell: str) -> str | None:
    return None if cell == "none" else codes(cell)[0]


def test_the_sentences_of_assertions_are_computed() -> None:
    rows = MONITORS.tables("assertion", "answer", "error")
    assert {json.loads(codes(row["assertion"])[0])["source"] for row in rows} == set(assertions._TAKES)
    for row in rows:
        assertion = msgspec.json.decode(codes(row["assertion"])[0], type=Assertion)
        assertions.check_all([assertion])
        plain = {"status_code": 200, "response_ms": 1.0}
        answer = Answer(**(plain | json.loads(codes(row["answer"])[0])))
        assert assertions.failing([assertion], answer) == _error(row["error"]), row


def test_the_sentences_of_keywords_and_thresholds_are_computed() -> None:
    for row in MONITORS.tables("keyword", "body", "error"):
        unmet = keywords.parse(codes(row["keyword"])[0]).unmet(codes(row["body"])[0])
        assert unmet == _error(row["error"]), row
    for row in MONITORS.tables("response_threshold_ms", "took", "error"):
        threshold = thresholds.parse(codes(row["response_threshold_ms"])[0])
        assert threshold.violated(float(codes(row["took"])[0])) == _error(row["error"]), row


def test_the_sentences_that_are_listed_are_in_the_code() -> None:
    files = [*(ROOT / "tickd/outbound").glob("*.py"), ROOT / "tickd/services/checking.py"]
    files.append(ROOT / "tickd/domain/verdicts.py")
    source = "\n".join(file.read_text("utf-8") for file in files)
    rows = MONITORS.tables("error", "what happened")
    assert len(rows) >= 20
    for row in rows:
        pieces = [piece for piece in codes(row["error"])[0].split("…") if piece.strip(" :")]
        pattern = r"[^\n]*?".join(re.escape(piece) for piece in pieces)
        assert re.search(pattern, source), row["error"]


@pytest.mark.parametrize(
    ("type_", "url", "error"),
    [
        ("tcp", "127.0.0.1:1", "connection refused by 127.0.0.1:1"),
        ("ssl", "{host}", "the server does not speak TLS on this port"),
        ("http", "http://{host}/", "status code 404"),
    ],
)
async def test_a_check_says_so(type_: str, url: str, error: str, tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.status = 404
    place = url.format(host=endpoint.url.removeprefix("http://"))
    made = await tickd.call("POST", "/v1/monitors", {"name": "a", "type": type_, "url": place})
    checked = await tickd.call("POST", f"/v1/monitors/{made.json['id']}/check")
    assert (checked.json["status"], checked.json["error"]) == ("down", error)
    listed = {codes(row["error"])[0] for row in MONITORS.tables("error", "what happened")}
    assert any(re.fullmatch(re.escape(one).replace("…", ".+"), error) for one in listed)


# Badges, and addresses that may be called.


def test_the_badges_that_are_shown_are_served() -> None:
    paths = {route.path for route in all_routes() if route.path.startswith("/badge/")}
    rows = MONITORS.tables("badge", "shows", "colours")
    assert {codes(row["badge"])[0] for row in rows} == paths
    (block,) = MONITORS.blocks("markdown")
    shown = re.findall(r"^!\[[\w ]+\]\(https://tickd\.example\.com(/badge/\S+)\)$", block, re.MULTILINE)
    assert {path.replace("MONITOR_ID", "{id}") for path in shown} == paths
    assert len(block.splitlines()) == len(paths)


def test_the_colours_of_badges_are_as_described() -> None:
    uptime, status, response = (row["colours"] for row in MONITORS.tables("badge", "shows", "colours"))
    assert uptime == "Green from 99.5, yellow-green from 99, yellow from 95, red below."
    edges = {99.5: badges.GREEN, 99.4: badges.YELLOW_GREEN, 99: badges.YELLOW_GREEN, 98.9: badges.YELLOW}
    for percent, colour in (edges | {95: badges.YELLOW, 94.9: badges.RED}).items():
        assert f'fill="{colour}"' in badges.uptime(percent)
    assert status == "Green, red, amber; grey for the last two."
    words = {"up": badges.GREEN, "down": badges.RED, "warn": badges.AMBER}
    for word, colour in (words | dict.fromkeys(("pending", "paused"), badges.GREY)).items():
        assert f'fill="{colour}"' in badges.status(word)
    assert response.startswith("Green below 500, yellow-green below 1500, yellow below 3000, red from there;")
    slow = {499: badges.GREEN, 500: badges.YELLOW_GREEN, 1500: badges.YELLOW, 3000: badges.RED}
    for ms, colour in slow.items():
        assert f'fill="{colour}"' in badges.response(ms)


def _ends(text: str) -> list[str]:
    """An address, or the first and the last one of a range."""
    if "/" not in text:
        return [text]
    network = ipaddress.ip_network(text)
    return [str(network[0]), str(network[-1])]


def _verdict(guard: Guard, address: str) -> str:
    try:
        guard.check(address)
    except Refused:
        return "refused"
    return "called"


def test_the_table_of_addresses_is_what_the_guard_says() -> None:
    columns = ("by default", "with `--block-private-targets`")
    rows = page("docs/security.md").tables("address", "what it is", *columns)
    assert len(rows) > 8
    for row in rows:
        for address in (end for text in codes(row["address"]) for end in _ends(text)):
            said = tuple(row[column] for column in columns)
            guards = (Guard(), Guard(block_private=True))
            assert tuple(_verdict(guard, address) for guard in guards) == said, address


async def test_what_a_key_that_may_only_read_does_not_see(tickd: Harness) -> None:
    first = page("docs/security.md").sections()["Secrets of monitors"].split("\n- ")[1]
    secret = {
        name: "https://a.example/s3cret" for name in codes(first) if name in MonitorAnswer.__struct_fields__
    }
    assert set(secret) == set(face._SECRETS)
    body = {"name": "a", "url": "http://127.0.0.1:9/?q=1", "headers": {"X-Api-Key": "s3cret"}, **secret}
    made = await tickd.call("POST", "/v1/monitors", body)
    key = (await tickd.call("POST", "/v1/keys", {"name": "r", "scopes": ["read"]})).json["key"]
    for path in ("/v1", "/api/v1"):
        reply = await tickd.call("GET", f"{path}/monitors/{made.json['id']}", key=key)
        seen = reply.json.get("data", reply.json)
        assert {seen[name] for name in secret} == {"••••••"}
        assert "s3cret" not in json.dumps(reply.json)
        assert seen["url"] == body["url"]


def test_the_page_has_a_list_of_its_sections() -> None:
    listed = re.findall(r"^- \[(.+)\]\(#", MONITORS.text, re.MULTILINE)
    assert listed == list(Page(MONITORS.path).sections())
