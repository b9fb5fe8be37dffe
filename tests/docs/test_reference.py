"""The documentation says what the code does: each list is taken from the code and compared with its page."""

from __future__ import annotations

import json
import re
import shlex
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import aiohttp
import click
import pytest
from msgspec import UnsetType, inspect

from tests.docs.kinds import words_of
from tests.docs.pages import ROOT, Page, codes, command_lines, page, pages, tables_of
from tests.support.daemon import NOON, Harness, eventually
from tests.support.endpoint import Endpoint
from tickd.cli import tickd as cli
from tickd.config import SETTINGS
from tickd.domain import accounts, cron, cron_fields, executions, heartbeats, jobs, monitors, outputs
from tickd.domain.heartbeats import HeartbeatCreation
from tickd.domain.jobs import Job, JobChange, JobRegistration
from tickd.domain.monitors import MonitorCreation
from tickd.web import answers, fields
from tickd.web.metrics import subjects
from tickd.web.native.executions import ExecutionAnswer
from tickd.web.native.jobs import JobAnswer
from tickd.web.pages import status
from tickd.web.routes import Route
from tickd.web.server import all_routes

RUN_COMMAND = "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/tickd serve"
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest"
ROUTES = [route for route in all_routes() if route.path != "/static/"]

each_page = pytest.mark.parametrize("one", pages(), ids=lambda one: str(one.path.relative_to(ROOT)))


# Settings and the command line.


def test_every_setting_is_described() -> None:
    rows = page("docs/configuration.md").tables("setting", "flag", "environment", "default")
    said = {row["setting"]: (row["flag"], row["environment"], row["default"]) for row in rows}
    meant = {
        f"`{one.name}`": (
            f"`{one.option}`" if one.flag else "no flag",
            f"`{one.env}`",
            f"`{one.default}`" if one.default else "none",
        )
        for one in SETTINGS
    }
    assert said == meant


def _commands(group: click.Group, prefix: str) -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        below = isinstance(command, click.Group)
        found |= _commands(command, f"{prefix} {name}") if below else {f"{prefix} {name}": command}  # type: ignore[arg-type]
    return found


def test_every_command_and_option_is_described() -> None:
    sections = page("docs/cli.md").sections()
    said = {
        heading: [codes(row["option"])[0] for row in tables_of(text, "option", "meaning")]
        for heading, text in sections.items()
    }
    meant = {
        name: [option.opts[0] for option in command.params if isinstance(option, click.Option)]
        for name, command in _commands(cli, "tickd").items()
    }
    assert said == meant


def test_a_command_says_what_an_option_that_it_reads_from_the_environment_is_called() -> None:
    by_option = {one.option: one for one in SETTINGS}
    for option in _commands(cli, "tickd")["tickd serve"].params:
        if option.opts[0] in by_option:
            assert f"env: {by_option[option.opts[0]].env};" in (option.to_info_dict()["help"] or "")
    for option in _commands(cli, "tickd")["tickd dev"].params:
        assert "env:" not in (option.to_info_dict()["help"] or "")


# The API.


def _calls(text: str) -> set[tuple[str, str]]:
    return set(re.findall(r"`([A-Z]+) (/[^`\s]*)`", text))


def _documented(route: Route) -> tuple[str, str]:
    return route.method, "/static/{file}" if route.path.startswith("/static/") else route.path


def test_every_route_is_described_with_its_scope_and_answers() -> None:
    said: dict[tuple[str, str], tuple[str, set[int]]] = {}
    for row in page("docs/api.md").tables("call", "scope", "answers"):
        for call in _calls(row["call"]):
            statuses = {int(text) for text in re.findall(r"(?:^|; )(\d{3})\b", row["answers"])}
            said[call] = (row["scope"], statuses)
    meant = {_documented(route): (route.scope or "none", set(route.answers)) for route in ROUTES}
    assert said == meant


async def test_what_needs_no_key_answers_head(tickd: Harness) -> None:
    monitor = await tickd.call("POST", "/v1/monitors", {"name": "a", "url": "http://127.0.0.1:9/"})
    assert "answer HEAD as well" in page("docs/api.md").text
    beat = (await tickd.call("POST", "/v1/heartbeats", {"name": "a"})).json
    paths = [route.path for route in ROUTES if route.method == "GET" and route.scope is None]
    assert len(paths) >= 15
    async with aiohttp.ClientSession() as session:
        for path in paths:
            pings = re.match("/(v1/heartbeats|p|ping|api)/", path)
            identifier = beat["id"] if pings else monitor.json["id"]
            url = tickd.url + path.replace("{id}", identifier).replace("{kind}", "0")
            url = url.replace("{token}", beat["token"] if pings else identifier) + f"?token={beat['token']}"
            async with session.head(url) as answer:
                assert answer.status == (405 if path.startswith("/x/") else 200), path
                assert await answer.read() == b""


def test_every_error_status_is_described() -> None:
    said = [int(row["status"]) for row in page("docs/api.md").tables("status", "when")]
    assert said == sorted(set(answers.NATIVE.values()))


async def test_the_errors_that_are_shown_are_real(tickd: Harness) -> None:
    (block,) = page("docs/api.md").blocks("json")
    plain: dict[str, object] = {"name": "a", "schedule": "* * * * *", "endpoint": "http://127.0.0.1:9/"}
    wrong: tuple[tuple[str, dict[str, object]], ...] = (
        ("/v1/jobs", plain | {"name": None}),
        ("/v1/jobs", plain | {"retries": 11}),
        ("/v1/monitors", plain | {"url": "http://127.0.0.1:9/", "interval_secs": 10}),
        ("/v1/jobs", plain | {"schedule": "0 * * * * *"}),
    )
    for line, (path, body) in zip(block.splitlines(), wrong, strict=True):
        reply = await tickd.call("POST", path, body)
        assert (reply.status, reply.json) == (400, json.loads(line))


def test_every_scope_is_described() -> None:
    said = [codes(row["scope"])[0] for row in page("docs/security.md").tables("scope", "may")]
    assert said == list(get_args(accounts.Scope))


def _default(name: str) -> str:
    if name in ("name", "schedule", "endpoint"):
        return "required"
    if name == "status":
        return "`active`"
    made: Any = getattr(
        Job(row=0, id="", account_id="", name="", schedule="", endpoint="", created_at=0, updated_at=0), name
    )
    if made == "":
        return '`""`'
    return f"`{str(made).replace(chr(39), chr(34))}`"


def test_every_field_of_a_job_is_described_with_its_default_and_range() -> None:
    rows = page("docs/jobs.md").tables("field", "default", "what it may be")
    said = {codes(row["field"])[0]: row for row in rows}
    info = inspect.type_info(JobChange)
    assert isinstance(info, inspect.StructType)
    kinds = {field.encode_name: field.type for field in info.fields}
    assert set(said) == set(kinds)
    for name, kind in kinds.items():
        assert said[name]["default"] == _default(name), name
        # An address and a zone have their own rules; their length is told where it can matter.
        for word in words_of(kind) if name != "timezone" else []:
            assert word in said[name]["what it may be"], (name, word)


def test_every_field_of_an_answer_is_described() -> None:
    jobs_page = page("docs/jobs.md")
    said = [codes(row["field"]) for row in jobs_page.tables("field", "default")]
    sections = jobs_page.sections()
    answer = [codes(row["field"]) for row in tables_of(sections["Fields"], "field", "meaning")]
    of_job = {name for names in said + answer for name in names} - {"signing_secret"}
    assert of_job == set(JobAnswer.__struct_fields__)
    ledger = [codes(row["field"]) for row in tables_of(sections["The ledger"], "field", "meaning")]
    assert {name for names in ledger for name in names} == set(ExecutionAnswer.__struct_fields__)


def _column(heading: str, column: str, other: str) -> list[str]:
    rows = tables_of(page("docs/jobs.md").sections()[heading], column, other)
    return [code for row in rows for code in codes(row[column])]


def test_every_word_of_a_job_is_described() -> None:
    assert _column("The ledger", "status", "meaning") == list(get_args(executions.Fate))
    assert _column("Retries", "word", "what it covers") == list(get_args(jobs.RetryOn))
    assert _column("When a run meets the one before it", "value", "what happens") == list(
        get_args(jobs.Overlap)
    )
    assert _column("When tickd was down", "value", "what happens") == list(get_args(jobs.CatchUp))
    aliases = {
        alias: codes(row["stands for"])[0]
        for row in page("docs/jobs.md").tables("alias", "stands for")
        for alias in codes(row["alias"])
    }
    assert aliases == cron_fields.ALIASES


def test_what_the_page_says_of_numbers_is_so() -> None:
    text = " ".join(page("docs/jobs.md").text.split())
    assert f"At most {executions.QUEUE_MOST} wait" in text
    assert f"The latest {jobs.CATCH_UP_MOST} run" in text
    assert f"first {executions.BODY_LETTERS:,} characters" in text
    assert f"first {outputs.HEAD:,} and last {outputs.TAIL:,} characters" in text
    assert executions.REDELIVERIES_MOST == 3
    assert "up to three times" in text


# What fires when.


def _day(zone: str, day: str) -> tuple[int, int]:
    begin = datetime.fromisoformat(day).replace(tzinfo=cron.zone(zone))
    return int(begin.timestamp()) * 1000 - 1, int((begin + timedelta(days=1)).timestamp()) * 1000 - 1


def test_the_table_of_clock_changes_is_computed() -> None:
    rows = page("docs/jobs.md").tables("time zone", "schedule", "day")
    assert len(rows) >= 8
    for row in rows:
        zone = row["time zone"]
        found = cron.occurrences(codes(row["schedule"])[0], zone, *_day(zone, row["day"]))
        shown = [f"{datetime.fromtimestamp(one / 1000, cron.zone(zone)):%H:%M %z}" for one in found]
        assert row["fires at"] == (", ".join(shown) or "not on this day"), row


@pytest.mark.parametrize("name", ["README.md", "docs/cli.md"])
def test_what_next_prints_is_computed(name: str) -> None:
    (block,) = page(name).blocks("text")
    words, *lines = block.splitlines()
    expression, zone = "30 2 * * 1-5", "Europe/Berlin"
    assert words == f"{cron.describe(expression)} ({zone})"
    moment = int(datetime(2026, 2, 28, tzinfo=cron.zone("UTC")).timestamp()) * 1000
    for line in lines:
        moment = cron.next_after(expression, zone, moment)
        here = datetime.fromtimestamp(moment / 1000, cron.zone(zone))
        there = here.astimezone(cron.zone("UTC"))
        assert line == f"{here:%a %Y-%m-%d %H:%M:%S %z}  {there:%Y-%m-%dT%H:%M:%SZ}"


# Metrics, and what an endpoint receives.


async def test_every_metric_is_described(tickd: Harness) -> None:
    await tickd.call("GET", "/healthz")
    async with aiohttp.ClientSession() as session, session.get(f"{tickd.url}/metrics") as answer:
        text = await answer.text()
    meant = dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE))
    metrics = page("docs/metrics.md")
    rows = metrics.tables("metric", "kind", "meaning")
    said = {codes(row["metric"])[0]: row["kind"].split(",")[0] for row in rows}
    assert said == meant
    for row in rows:
        samples = re.findall(rf"^{codes(row['metric'])[0]}(?:_bucket)?\{{(.*)\}} ", text, re.MULTILINE)
        labels = {label for sample in samples for label in re.findall(r'(\w+)="', sample)} - {"le"}
        assert labels == set(codes(row["kind"])), row
    (cell,) = (row["meaning"] for row in rows if "tickd_loop_ticks_total" in row["metric"])
    assert set(codes(cell)) == set(re.findall(r'^tickd_loop_ticks_total\{loop="(\w+)"\}', text, re.MULTILINE))
    for one in pages():
        named = set(re.findall(r"\btickd_[a-z_]+\b", one.prose))
        assert named <= set(meant) | {family.name for family in subjects.FAMILIES}, one.path


def test_every_metric_of_a_subject_is_described() -> None:
    rows = page("docs/metrics.md").tables("metric of a subject", "meaning")
    assert [codes(row["metric of a subject"])[0] for row in rows] == [one.name for one in subjects.FAMILIES]


async def test_what_a_job_sends_is_described_and_the_snippet_verifies_it(
    tickd: Harness, endpoint: Endpoint
) -> None:
    jobs_page = page("docs/jobs.md")
    said = {name for row in jobs_page.tables("header", "value") for name in codes(row["header"])}
    job = await tickd.job(
        endpoint=endpoint.url, body='{"a": 1}', signing_secret="whsec_c2VjcmV0", completion="callback"
    )
    await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")

    async def called() -> bool:
        return len(endpoint.calls) == 1

    await eventually(called)
    (call,) = endpoint.calls
    plain = {"Host", "Accept", "Content-Type", "Content-Length", "Connection"}
    assert set(call.headers) - plain == said

    (snippet,) = jobs_page.blocks("python")
    names: dict[str, Any] = {}
    exec(compile(snippet, "docs/jobs.md", "exec"), names)  # noqa: S102 - it is ours
    names["time"] = SimpleNamespace(time=lambda: NOON / 1000)
    verified = names["verified"]
    assert verified("whsec_c2VjcmV0", call.headers, call.body)
    assert not verified("whsec_c2VjcmV1", call.headers, call.body)
    assert not verified("whsec_c2VjcmV0", call.headers, call.body + b" ")
    names["time"] = SimpleNamespace(time=lambda: NOON / 1000 + 301)
    assert not verified("whsec_c2VjcmV0", call.headers, call.body)


# Links and command lines.


@each_page
def test_links_lead_somewhere(one: Page) -> None:
    for link in one.links():
        if link.startswith(("http://", "https://")):
            continue
        target, _, anchor = link.partition("#")
        path = (one.path.parent / target).resolve() if target else one.path
        assert path.is_file(), f"{one.path.name} links to {link}"
        assert path.is_relative_to(ROOT)
        if anchor:
            assert anchor in Page(path).anchors(), f"{one.path.name} links to {link}"


def _linked(one: Page) -> set[Path]:
    links = (link.partition("#")[0] for link in one.links() if "://" not in link)
    return {(one.path.parent / link).resolve() for link in links if link}


def test_every_page_is_linked_from_the_index() -> None:
    first = page("docs/index.md")
    # Each decision is on the list of decisions, each service on the list of those to come from.
    lists = [first, page("docs/decisions/index.md"), page("docs/migrating/index.md")]
    linked = {path for one in lists for path in _linked(one)}
    every = set((ROOT / "docs").rglob("*.md")) - {first.path}
    assert sorted(str(path.relative_to(ROOT)) for path in every - linked) == []
    assert {one.path for one in lists[1:]} <= _linked(first)


def test_the_readme_links_to_pages_that_are_there() -> None:
    assert page("docs/index.md").path in _linked(page("README.md"))


@each_page
def test_a_page_has_one_title_and_headings_in_order(one: Page) -> None:
    levels = [len(mark) for mark in re.findall(r"^(#+) ", one.prose, re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels


@pytest.mark.parametrize("one", sorted((ROOT / "docs" / "how-to").glob("*.md")), ids=lambda path: path.stem)
def test_the_title_of_a_how_to_is_the_question(one: Path) -> None:
    assert one.read_text("utf-8").splitlines()[0].endswith("?")


@each_page
def test_command_lines_parse(one: Page) -> None:
    for line in command_lines(one):
        for arguments in re.findall(r"(?:^|[\s/(])tickd ((?:\w+|--version)\b[^&();>|]*)", line):
            _parse(cli, shlex.split(arguments), line)


@each_page
def test_command_lines_in_crontabs_units_and_workflows_parse(one: Page) -> None:
    for line in "".join(one.blocks("text", "ini", "yaml", "bash")).splitlines():
        for arguments in re.findall(r"(?:/|run: |\bexec |=)tickd ([a-z].*)", line):
            _parse(cli, shlex.split(re.split(r"\s\d?[>|;&]|;|\)", arguments)[0]), line)


MESSAGE = "was not running from"
"""What tickd says, and is no command."""


@each_page
def test_commands_and_options_in_sentences_are_there(one: Page) -> None:
    for text in re.findall(r"`tickd\s([^`]+)`", one.prose):
        if text.startswith(("COMMAND", MESSAGE)):
            continue
        words = text.partition(" -- ")[0].split()
        command: click.Command = cli
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            assert words[0] in command.commands, text
            command = command.commands[words.pop(0)]
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        meant = {word.partition("=")[0] for word in words if re.match("--?[a-z]", word)}
        assert meant <= known | {"--help", "-h"}, text


def _parse(
    command: click.Command, arguments: list[str], line: str, above: click.Context | None = None
) -> None:
    if arguments in (["--version"], ["--help"]):
        return
    try:
        # Parses and checks every option, and runs nothing.
        context = command.make_context(command.name, list(arguments), parent=above)
    except click.ClickException as error:
        raise AssertionError(f"{line}: {error.format_message()}") from error
    with context:
        if isinstance(command, click.Group):
            rest = [*context._protected_args, *context.args]
            _, below, left = command.resolve_command(context, rest)
            assert below is not None
            _parse(below, left, line, context)


@each_page
def test_curl_calls_real_routes(one: Page) -> None:
    for line in command_lines(one):
        call = re.sub(r"^\w+=\$\((curl .*)\)$", r"\1", line)
        if re.match(r"(\S+=\S+ )*curl ", call):
            _check_curl(shlex.split(call))


HERE = ("http://127.0.0.1:8090/", "https://tickd.example.com/")


def _check_curl(words: list[str]) -> None:
    found = [word.partition("/")[2] for word in words if word.startswith("$TICKD_URL/")]
    found += [word.removeprefix(here) for word in words for here in HERE if word.startswith(here)]
    if not found or any(word.startswith("Host: ") for word in words):
        # Another service's, or a status page's own domain; it is run all the same, see test_commands.
        return
    path = "/" + found[0].partition("?")[0]
    method = words[words.index("-X") + 1] if "-X" in words else "GET" if "-d" not in words else "POST"
    if "-G" in words:
        method = "GET"
    if any(re.fullmatch(re.sub(r"\{\w+\}", r"[$\\w]+", one.path), path) for one in status.PAGES):
        return
    routes = [
        route
        for route in ROUTES
        if route.method == method and re.fullmatch(re.sub(r"\{\w+\}", r"[$\\w]+", route.path), path)
    ]
    assert routes, f"{method} {path}"
    kind = routes[0].request
    if kind is not None and "-d" in words:
        body = words[words.index("-d") + 1]
        if body.startswith("@"):
            return  # A file; it is sent all the same, see test_commands.
        spec: Any = fields.read_body(body.encode(), kind)
        said = {name for name in spec.__struct_fields__ if not isinstance(getattr(spec, name), UnsetType)}
        assert set(json.loads(body)) <= said, "the body has a field that there is not"
        _check_rules(spec)


def _check_rules(spec: object) -> None:
    """What the domain says of a body, beyond its types."""
    if isinstance(spec, JobRegistration):
        jobs.register(spec, identifier="job_0", account_id="acc_0", now=NOON)
    elif isinstance(spec, MonitorCreation):
        monitors.create(spec, identifier="mon_000000", account_id="acc_0", now=NOON)
    elif isinstance(spec, HeartbeatCreation):
        known = {"account_id": "acc_0", "token": "", "short_token": ""}
        heartbeats.create(spec, identifier="hb_000000", now=NOON, **known)


# The README.


def test_the_readme_has_its_two_commands_each_alone_in_a_block() -> None:
    blocks = [block.rstrip("\n") for block in page("README.md").blocks("sh")]
    assert blocks.count(RUN_COMMAND) == 1
    assert blocks.count(TEST_COMMAND) == 1
    for command in ("tickd serve", "pytest"):
        assert sum(block.endswith(f"&& .venv/bin/{command}") for block in blocks) == 1


def test_no_page_tells_where_it_was_written() -> None:
    for one in pages():
        assert not re.search(r"/(work|root|home)/", one.text), one.path
