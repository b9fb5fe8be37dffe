"""What docs/alerts.md says of alerts is what the code does: events, channels, the timelines, the examples."""

from __future__ import annotations

import inspect as sources
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from msgspec import inspect

from tests.docs.kinds import words_of
from tests.docs.pages import ROOT, Page, Row, codes, page, tables_of
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tests.support.endpoint import Endpoint
from tickd import files
from tickd.domain import alerts, channels, chats, incidents, mails, messages, payloads
from tickd.domain.accounts import Account, AccountChange
from tickd.domain.alerts import About, Message, Story, Told
from tickd.domain.channels import Channel, ChannelCreation
from tickd.outbound import email, posting
from tickd.services import delivery, outbox, telling
from tickd.web.native.alerts import AlertAnswer, Wanted
from tickd.web.native.channels import ChannelAnswer

ALERTS = page("docs/alerts.md")
TEXT = " ".join(ALERTS.text.split())
FOLDER = ROOT / "examples" / "alerts"
SECRET = "whsec_c2VjcmV0"

SHOP = About("monitor", "mon_r9r0a4wtnkmmwdb7", "Shop", "https://shop.example.com/", "http")
DOWN = Story(
    event="down",
    at=NOON + 5000,
    about=SHOP,
    incident_id="inc_5w0t8qk2m3x7c9ab",
    error="status 503, expected 200",
    status_code=503,
    response_ms=132.4,
    since=NOON + 5000,
)
"""What the page shows as it arrives."""


def _rows(heading: str, *columns: str) -> list[Row]:
    return tables_of(ALERTS.sections()[heading], *columns)


def _message(story: Story) -> Message:
    link = "https://tickd.example.com"
    return Message(id="alt_byp27dphvs8pm", told=(Told("alt_byp27dphvs8pm", story),), moment=NOON, link=link)


# Words and fields.


def test_every_event_is_described_with_what_a_webhook_calls_it() -> None:
    rows = _rows("Events", "event", "when it is sent", "`event` of a webhook", "of a job's")
    assert [codes(row["event"])[0] for row in rows] == list(alerts.EVENTS)
    job = About("job", "job_0", "a")
    for row in rows:
        (event,) = codes(row["event"])
        for column, about in (("`event` of a webhook", SHOP), ("of a job's", job)):
            for said in codes(row[column]):
                story = Story(event=event, at=0, about=about)  # type: ignore[arg-type]
                assert payloads.alert(Told("", story))["event"] == said
    days = (
        ", ".join(map(str, incidents.CERTIFICATE_DAYS[:-1])) + f" and {incidents.CERTIFICATE_DAYS[-1]} days"
    )
    assert days in TEXT


def _default(name: str) -> str:
    if name in ("kind", "name"):
        return "required"
    known = {"events": "all", "priority": "by severity", "headers": "`{}`", "secret": '`""`'}
    if name == "server":
        return ", ".join(f"`{url}`" for url in channels.SERVERS.values())
    needing = [f"`{kind}`" for kind, (needed, _) in channels.OPTIONS.items() if name in needed]
    if needing:
        return f"required for {', '.join(needing)}"
    if name in known:
        return known[name]
    bare = Channel(row=0, id="", account_id="", name="", kind="slack", created_at=0, updated_at=0)
    return f"`{json.dumps(getattr(bare, name))}`"


def test_every_field_of_a_channel_is_described_with_its_default_and_range() -> None:
    rows = _rows("Channels", "field", "default", "what it may be")
    said = {codes(row["field"])[0]: row for row in rows}
    info = inspect.type_info(ChannelCreation)
    assert isinstance(info, inspect.StructType)
    kinds = {field.encode_name: field.type for field in info.fields}
    assert set(said) == set(kinds)
    for name, kind in kinds.items():
        assert said[name]["default"] == _default(name), name
        for word in words_of(kind):
            assert word in said[name]["what it may be"], (name, word)
        for one, (_, optional) in channels.OPTIONS.items():
            assert name not in optional or f"`{one}`" in said[name]["what it may be"], (name, one)
    answered = {name for row in _rows("Channels", "field", "meaning") for name in codes(row["field"])}
    assert answered | set(said) == set(ChannelAnswer.__struct_fields__)


async def test_no_key_sees_a_secret_of_a_channel(tickd: Harness) -> None:
    (masked,) = re.findall(r"Secrets are write-only: (.*?) are answered", TEXT)
    assert set(codes(masked)) == {"secret", "token", "url", "slack", "discord", "apprise"}
    for path in sorted(FOLDER.glob("*.json")):
        body = json.loads(path.read_text())
        if body["kind"] == "webhook":
            body |= {"secret": SECRET, "headers": {"X-Api-Key": "s3cret"}}
        made = await tickd.call("POST", "/v1/channels", body)
        assert made.status == 201, made.json
        secrets = channels.SECRETS[body["kind"]]
        assert {made.json[name] for name in secrets} <= {"••••••"}
        assert "s3cret" not in json.dumps(made.json)
        assert set(secrets) <= {"secret", "token", "url"}
        masked_back = {name: made.json[name] for name in (*secrets, "headers") if made.json.get(name)}
        same = await tickd.call("PATCH", f"/v1/channels/{made.json['id']}", masked_back)
        assert (same.status, same.json) == (200, made.json)
    key = (await tickd.call("POST", "/v1/keys", {"name": "r", "scopes": ["read"]})).json["key"]
    assert "The `url` of a `webhook` is answered as `••••••` to keys without write scope" in TEXT
    listed = (await tickd.call("GET", "/v1/channels", key=key)).json["channels"]
    assert {one["url"] for one in listed if "url" in one} == {"••••••"}


def test_every_field_and_state_of_an_alert_is_described() -> None:
    listed = {name for row in _rows("The list", "field", "meaning") for name in codes(row["field"])}
    assert listed == set(AlertAnswer.__struct_fields__)
    states = [codes(row["state"])[0] for row in _rows("The list", "state", "meaning")]
    assert states == list(get_args(alerts.State))
    _, _, taken = ALERTS.sections()["The list"].partition("It takes")
    assert set(Wanted.__struct_fields__) <= set(codes(taken))


def test_every_reason_is_what_the_code_says() -> None:
    source = "".join(sources.getsource(one) for one in (delivery, incidents, outbox, telling))
    source += sources.getsource(sys.modules["tickd.services.incidents"])
    for row in _rows("What is not sent", "`why` begins with", "when"):
        for begins in codes(row["`why` begins with"]):
            assert f'"{begins.replace("the job", "the {kind}")}' in source, begins


def test_every_field_of_a_webhook_is_described() -> None:
    rows = _rows("The kinds", "field of the call", "meaning")
    said = {name for row in rows for name in codes(row["field of the call"])}
    stories = (
        DOWN,
        Story(event="recovered", at=2, about=SHOP, since=1, until=2, together=True, note="a"),
        Story(event="blind", at=2, since=1, until=2),
        Story(event="certificate", at=0, about=SHOP, days=7, expires_at=1),
    )
    assert said == {name for story in stories for name in payloads.alert(Told("", story))}


def test_every_setting_of_the_account_is_described_with_its_default_and_range() -> None:
    rows = page("docs/api.md").tables("setting of the account", "default", "what it may be")
    said = {codes(row["setting of the account"])[0]: row for row in rows}
    info = inspect.type_info(AccountChange)
    assert isinstance(info, inspect.StructType)
    kinds = {field.encode_name: field.type for field in info.fields}
    assert list(said) == list(kinds)
    limits = {
        name: None for name in Account.__struct_fields__ if "m" in name and name.startswith(("max", "min"))
    }
    bare = Account(
        id="",
        name="default",
        executions_per_month=None,
        verifications_per_month=None,
        retention_days=90,
        created_at=0,
        **limits,  # type: ignore[arg-type]
    )
    for name, kind in kinds.items():
        plain = f"`{json.dumps(getattr(bare, name))}`" if name != "name" else "`default`"
        assert said[name]["default"] == ("made by tickd" if name == "webhook_secret" else plain)
        for word in words_of(kind):
            assert word in said[name]["what it may be"], (name, word)


async def test_the_account_is_as_described(tickd: Harness) -> None:
    known = (await tickd.call("GET", "/v1/account")).json
    assert (known["name"], known["alert_email"], known["fallback_channel"]) == ("default", "", None)
    assert re.fullmatch(r"whsec_\w{48}", known["webhook_secret"])
    key = (await tickd.call("POST", "/v1/keys", {"name": "r", "scopes": ["read"]})).json["key"]
    assert (await tickd.call("GET", "/v1/account", key=key)).json["webhook_secret"] == "••••••"


def test_what_the_page_says_of_numbers_is_so() -> None:
    assert f"At most {files.DELIVERIES} channels and addresses are sent to at once" in TEXT
    assert f"at most {delivery.PER_HOST} of the subjects' own addresses on one host" in TEXT
    assert f"Where {delivery.BURST} calls or more wait for one webhook, eight are made at once" in TEXT
    assert delivery.AT_ONCE == 8
    steps = [alerts.backoff_secs(tries, 1.0) for tries in range(1, 12)]
    assert [f"{one:g}" for one in (*steps[:4], steps[-1])] == ["2", "4", "8", "16", "300"]
    assert "a random time of up to 2, 4, 8, 16 … 300 seconds" in TEXT
    assert alerts.GIVE_UP == 24 * 3_600_000
    refusals = ", ".join(map(str, posting._REFUSALS[:-1]))
    assert f"After {refusals} or {posting._REFUSALS[-1]}, and what" in TEXT
    assert (alerts.PATIENCE, alerts.CROWD) == (600_000, 5)
    assert "Where five alerts or more wait" in TEXT
    assert f"A digest holds up to {alerts.DIGEST_MOST:,} alerts" in TEXT
    assert (posting.TIMEOUT_SECS, email.TIMEOUT_SECS) == (10, 30)
    assert "ten seconds to answer, a mail server thirty" in TEXT
    assert f"({telling.ANCESTORS_MOST} in all are looked at)" in TEXT
    assert (telling.SETTLE_MOST, telling.SETTLE_MARGIN, telling.DOUBT_MOST) == (60, 5_000, 120_000)
    priorities = [
        chats._priority(Story(event="down", at=0, severity=one)) for one in ("minor", "major", "critical")
    ]
    assert priorities == [3, 4, 5]
    assert "`minor` 3, `major` 4, `critical` 5. `delivery` has 4" in TEXT
    assert chats._priority(Story(event="delivery", at=0)) == 4


# What arrives.


def test_what_arrives_is_what_the_page_shows() -> None:
    message = _message(DOWN)
    assert f"under `{messages.heading(message)}`" in TEXT
    (words,) = ALERTS.blocks("text")
    assert chats.body(message, chats.PLAIN) + "\n" == words
    assert f"`{messages.subject(message)}`" in TEXT
    assert all(line in mails.text(message) for line in words.splitlines())
    shown = list(ALERTS.blocks("json"))
    assert payloads.body(message).decode() + "\n" == shown[1]


async def test_the_test_button_answers_as_described(tickd: Harness, endpoint: Endpoint) -> None:
    body = {"kind": "webhook", "name": "a", "url": endpoint.url}
    channel = (await tickd.call("POST", "/v1/channels", body)).json
    endpoint.statuses, endpoint.text = [200, 404], ""
    for line in next(ALERTS.blocks("json")).splitlines():
        reply = await tickd.call("POST", f"/v1/channels/{channel['id']}/test")
        assert (reply.status, reply.json) == (200, json.loads(line))


def test_the_page_makes_a_channel_of_every_kind_and_each_is_a_file() -> None:
    shown = [json.loads(one) for one in re.findall(r"-d '(\{\"kind\".*?\})'", ALERTS.text)]
    by_kind = {one["kind"]: one for one in shown if one["name"] != "ops"}
    assert list(by_kind) == list(channels.OPTIONS)
    sections = re.findall(r"^### (\w+)$", ALERTS.text, re.MULTILINE)
    assert sections == list(by_kind)
    for kind, body in by_kind.items():
        assert json.loads((FOLDER / f"{kind}.json").read_text("utf-8")) == body


def test_the_list_of_examples_is_complete() -> None:
    rows = page("examples/README.md").tables("alerts", "for")
    listed = [name for row in rows for name in re.findall(r"\(alerts/([^)]+)\)", row["alerts"])]
    assert sorted(listed) == sorted(path.name for path in FOLDER.iterdir() if path.is_file())


# Timelines.


def _moment(text: str) -> int:
    return int(datetime.fromisoformat(f"2026-03-03 {text}").replace(tzinfo=UTC).timestamp()) * 1000


async def pinged(tickd: Harness, tokens: dict[str, str], name: str, end: str) -> None:
    """Ping the heartbeat of that name, and make it first where it is not there."""
    if name not in tokens:
        made = await tickd.call("POST", "/v1/heartbeats", {"name": name, "interval_secs": 86_400})
        tokens[name] = made.json["token"]
    assert (await tickd.call("POST", f"/p/{tokens[name]}{end}", key=None)).status == 200


async def test_the_timeline_of_delay_and_reminders_is_played(tmp_path: Path, endpoint: Endpoint) -> None:
    section = ALERTS.sections()["Delay and reminders"]
    rows = _rows("Delay and reminders", "at", "what happens", "`team` gets", "`boss` gets")
    team, boss = (json.loads(one) for one in codes(section) if one.startswith("{"))
    clock, tokens = FakeClock(_moment(rows[0]["at"])), dict[str, str]()
    told: dict[str, list[str]] = {"/team": [], "/boss": []}
    async with running(tmp_path / "tickd.db", clock=clock) as tickd:
        for name, fields in (("team", team), ("boss", boss)):
            body = {"kind": "webhook", "name": name, "url": f"{endpoint.url}/{name}"} | fields
            assert (await tickd.call("POST", "/v1/channels", body)).status == 201
        for row in rows:
            await clock.advance((_moment(row["at"]) - clock.now()) / 1000)
            if row["what happens"] in ("it fails", "it recovers"):
                end = "/fail" if row["what happens"] == "it fails" else ""
                await pinged(tickd, tokens, "backup", end)
            elif "acknowledges" in row["what happens"]:
                (one,) = (await tickd.call("GET", "/v1/incidents?status=open")).json["incidents"]
                await tickd.call("POST", f"/v1/incidents/{one['id']}/acknowledge")
            for path in told:
                told[path] += codes(row[f"`{path[1:]}` gets"])
            await _came(endpoint, told)
        (held,) = (await tickd.call("GET", "/v1/alerts?status=suppressed")).json["alerts"]
        assert held["why"] == "it recovered before its delay had passed"
    assert len(rows) >= 8


async def _came(endpoint: Endpoint, told: dict[str, list[str]]) -> None:
    """Wait until every channel has what it was told, and no more."""
    words = {"monitor.down": "down", "monitor.up": "recovered", "monitor.reminder": "reminder"}

    async def so() -> bool:
        found: dict[str, list[str]] = {path: [] for path in told}
        for call in list(endpoint.calls):
            found[call.path].append(words[json.loads(call.body)["event"]])
        return found == told

    await eventually(so)


async def test_the_timeline_of_batching_is_played(tmp_path: Path, endpoint: Endpoint) -> None:
    rows = _rows("One message for many", "at", "what happens", "the channel gets")
    clock, tokens = FakeClock(_moment(rows[0]["at"])), dict[str, str]()
    told: list[list[tuple[str, str]]] = []
    async with running(tmp_path / "tickd.db", clock=clock) as tickd:
        await tickd.call("PATCH", "/v1/account", {"batch_window_secs": 300})
        await tickd.call("POST", "/v1/channels", {"kind": "webhook", "name": "a", "url": endpoint.url})
        for row in rows:
            await clock.advance((_moment(row["at"]) - clock.now()) / 1000)
            for name in codes(row["what happens"]):
                await pinged(tickd, tokens, name, "/fail" if "fails" in row["what happens"] else "")
            if row["the channel gets"]:
                told.append(re.findall(r"`(\w+)` (\w+)", row["the channel gets"]))

            async def so() -> bool:
                found = []
                for call in list(endpoint.calls):
                    message = json.loads(call.body)
                    some = message["alerts"] if message["event"] == "digest" else [message]
                    found.append([(one["monitor_name"], one["status"]) for one in some])
                return found == told

            await eventually(so)
    assert [len(one) for one in told] == [1, 2, 1, 1]


async def test_a_dependant_waits_for_what_it_depends_on(tmp_path: Path, endpoint: Endpoint) -> None:
    clock, tokens = FakeClock(NOON), dict[str, str]()
    async with running(tmp_path / "tickd.db", clock=clock) as tickd:
        await tickd.call("POST", "/v1/channels", {"kind": "webhook", "name": "a", "url": endpoint.url})
        router = (
            await tickd.call("POST", "/v1/heartbeats", {"name": "router", "interval_secs": 86_400})
        ).json
        body = {"name": "till", "interval_secs": 86_400, "depends_on": [router["id"]]}
        tokens["till"] = (await tickd.call("POST", "/v1/heartbeats", body)).json["token"]
        tokens["router"] = router["token"]
        for name in ("router", "till"):
            await pinged(tickd, tokens, name, "/fail")

        async def held() -> Any:
            return (await tickd.call("GET", "/v1/alerts?status=suppressed")).json["alerts"]

        (one,) = await eventually(held)
        assert one["why"] == f"it depends on router ({router['id']}), which is down"
        assert (await tickd.call("GET", "/v1/incidents?status=open")).json["total"] == 2
        await pinged(tickd, tokens, "router", "")
        await clock.advance(61)

        async def told() -> bool:
            await clock.advance(1)
            names = [json.loads(call.body)["monitor_name"] for call in endpoint.calls]
            return names == ["router", "router", "till"]

        await eventually(told)


def test_the_page_has_a_list_of_its_sections() -> None:
    listed = re.findall(r"^- \[(.+)\]\(#", ALERTS.text, re.MULTILINE)
    assert listed == list(Page(ALERTS.path).sections())
