"""The account's settings of alerts and incidents: each field, its range, and what it changes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.contract.beating import heartbeat
from tests.contract.people import key_with, stranger
from tests.contract.served import Served
from tests.contract.telling import MASK, account, channel, failing, settled, signature
from tests.contract.watching import monitor, rooster_monitor
from tests.support.daemon import Harness, running
from tests.support.endpoint import Endpoint, serving
from tests.support.mail import mail_server
from tickd.domain.accounts import AccountChange
from tickd.store.database import Database

SET: dict[str, Any] = {
    "name": "Ops \N{FIRE}",
    "alert_email": "alerts@example.com",
    "owner_email": "owner@bücher.example",
    "batch_window_secs": 3600,
    "draft_incidents": True,
    "publish_after_secs": 604_800,
    "default_severity": "critical",
    "webhook_secret": "whsec_c2VjcmV0",
}
"""Each setting otherwise than by default; `fallback_channel` needs a channel."""
UNSET: dict[str, Any] = {
    "alert_email": "",
    "owner_email": "",
    "batch_window_secs": 0,
    "draft_incidents": False,
    "publish_after_secs": None,
    "default_severity": None,
    "fallback_channel": None,
    "webhook_secret": "",
}
SHORT = "must be text of 1 to 200 characters"
PRINTABLE = "must be 1 to 200 printable characters"
ADDRESS = "must be text of at most 320 characters"
SWITCH = "must be true or false"
SEVERITIES = "must be one of critical, major, minor"
SECRET = "must be text of at most 200 characters"
BASE64 = "must be base64 after whsec_"


def ranged(field: str, high: int) -> list[tuple[str, Any, str]]:
    """A whole number's wrong values; its range begins at 0."""
    found: list[tuple[str, Any, str]] = [
        (field, value, f"must be between 0 and {high}") for value in (-1, high + 1, 1 << 70)
    ]
    return [
        *found,
        *((field, value, f"must be a whole number between 0 and {high}") for value in ("1", 1.5, True)),
    ]


def each(field: str, sentence: str, *values: Any) -> list[tuple[str, Any, str]]:
    """Wrong values that one sentence refuses."""
    return [(field, value, sentence) for value in values]


BAD: list[tuple[str, Any, str]] = [
    *each("name", SHORT, "", 1, "x" * 201, ["x"]),
    *each("name", PRINTABLE, " ", "a\nb", "\0", "\u200b"),
    *(
        wrong
        for field in ("alert_email", "owner_email")
        for wrong in (
            *each(field, ADDRESS, 1, "x" * 321, ["a@b.example"]),
            *each(field, "has ", "x", "a@b@c", "a@b.example, c@d.example", "Ops <a@b.example>", "a b@c.d"),
            *each(field, "has ", "a@b.example\r\nBcc: c@d.example", "a\0@b.example", "\u202ea@b.example"),
        )
    ),
    *ranged("batch_window_secs", 3600),
    *ranged("publish_after_secs", 604_800),
    *each("draft_incidents", SWITCH, "yes", 1, 0, []),
    *each("default_severity", SEVERITIES, "mild", "", 1, ["major"]),
    *each("fallback_channel", "must be text of at most 100 characters", 1, "x" * 101),
    *each("fallback_channel", "must be the id of a channel; chn_nothing is none", "chn_nothing"),
    *each("webhook_secret", SECRET, 1, "x" * 201, []),
    *each("webhook_secret", BASE64, "whsec_", "whsec_!", "whsec_abc"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "sentence"), BAD, ids=[f"{field}-{number}" for number, (field, _, _) in enumerate(BAD)]
)
def test_a_wrong_value_is_refused_with_the_fields_name_and_range(
    served: Served, field: str, value: object, sentence: str
) -> None:
    before = served.call("GET", "/v1/account").json
    for method in ("PUT", "PATCH"):
        reply = served.call(method, "/v1/account", {field: value})
        assert (reply.status, list(reply.json)) == (400, ["error"])
        assert reply.json["error"].startswith(f"{field} {sentence}")
    assert served.call("GET", "/v1/account").json == before


def test_every_field_has_a_wrong_value() -> None:
    assert {field for field, _, _ in BAD} == set(AccountChange.__struct_fields__)
    assert {*SET, "fallback_channel"} == set(AccountChange.__struct_fields__)


@pytest.mark.parametrize("field", SET)
async def test_each_setting_alone(tickd: Harness, field: str) -> None:
    before = (await tickd.call("GET", "/v1/account")).json
    changed = await account(tickd, **{field: SET[field]})
    assert changed == before | {field: SET[field]}
    assert (await tickd.call("GET", "/v1/account")).json == changed
    assert (await tickd.call("PUT", "/v1/account", {})).json == changed
    if field in UNSET:
        assert await account(tickd, **{field: UNSET[field]}) == changed | {field: UNSET[field]}


async def test_settings_outlive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "tickd.db"
    async with running(path) as tickd:
        made = await channel(tickd, url="http://127.0.0.1:9/")
        changed = await account(tickd, **SET, fallback_channel=made["id"])
        assert changed["fallback_channel"] == made["id"]
    async with running(path) as tickd:
        assert (await tickd.call("GET", "/v1/account")).json == changed
        assert (await account(tickd, **UNSET))["fallback_channel"] is None


async def test_what_is_left_out_and_unknown_changes_nothing(tickd: Harness) -> None:
    before = await account(tickd, **SET)
    for body in ({}, {"colour": "red"}, {"name": None}, {"limits": {"max_jobs": 1}}, {"id": "acc_x"}):
        reply = await tickd.call("PATCH", "/v1/account", body)
        assert (reply.status, reply.json) == (200, before)


async def test_who_may_change_it(tickd: Harness) -> None:
    reader, pinger = await key_with(tickd, "read"), await key_with(tickd, "heartbeat:write")
    writer, other = await key_with(tickd, "write"), await stranger(tickd)
    for method in ("PUT", "PATCH"):
        for key in (reader, pinger):
            assert (await tickd.call(method, "/v1/account", {"name": "x"}, key=key)).status == 403
        assert (await tickd.call(method, "/v1/account", {"name": "x"}, key=None)).status == 401
    assert (await tickd.call("GET", "/v1/account", key=pinger)).status == 403
    assert (await tickd.call("PATCH", "/v1/account", {"name": "his"}, key=other)).json["name"] == "his"
    mine = await tickd.call("GET", "/v1/account", key=writer)
    assert mine.json["name"] == "default"
    assert mine.json["webhook_secret"].startswith("whsec_")
    assert (await tickd.call("GET", "/v1/account", key=reader)).json == mine.json | {"webhook_secret": MASK}


async def test_every_account_begins_with_a_secret_of_its_own(tmp_path: Path) -> None:
    found = set()
    for number in range(2):
        # The schema's steps make it; other tests begin with a copy of what they made.
        await (await Database.open(str(tmp_path / f"{number}.db"))).close()
        async with running(tmp_path / f"{number}.db") as tickd:
            secret = (await tickd.call("GET", "/v1/account")).json["webhook_secret"]
            assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) >= 24
            found.add(secret)
    assert len(found) == 2


async def test_the_accounts_secret_signs_what_has_none_of_its_own(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url)
        await account(tickd, webhook_secret="plain words, as UTF-8: ü")
        await failing(tickd, endpoint)
        await settled(tickd)
        (call,) = receiver.calls
        assert call.headers["webhook-signature"] == signature(call, "plain words, as UTF-8: ü")
        await account(tickd, webhook_secret="")
        await failing(tickd, endpoint, name="other")
        await settled(tickd)
        assert "webhook-signature" not in receiver.calls[1].headers


async def test_the_default_severity_is_of_what_says_none(tickd: Harness) -> None:
    made = await monitor(tickd, status="paused")
    assert made["severity"] == "major"
    await account(tickd, default_severity="critical")
    assert (await monitor(tickd, status="paused"))["severity"] == "critical"
    assert (await monitor(tickd, status="paused", severity="minor"))["severity"] == "minor"
    assert (await heartbeat(tickd))["severity"] == "critical"
    assert (await tickd.job(name="new"))["severity"] == "critical"
    other = await rooster_monitor(tickd, paused=True)
    assert (await tickd.call("GET", f"/v1/monitors/{other['id']}")).json["severity"] == "critical"
    # What was there before keeps its own.
    assert (await tickd.call("GET", f"/v1/monitors/{made['id']}")).json["severity"] == "major"
    await account(tickd, default_severity=None)
    assert (await heartbeat(tickd, name="later"))["severity"] == "minor"


async def test_alerts_go_to_the_alert_address_or_else_to_the_owner(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    with mail_server() as server:
        settings: dict[str, Any] = {"smtp_url": server.url(), "mail_from": "tickd@example.com"}
        async with running(tmp_path / "tickd.db", **settings) as tickd:
            for name, fields, to in (
                ("nobody", {}, None),
                ("owner", {"owner_email": "owner@example.com"}, "owner@example.com"),
                ("alerts", {"alert_email": "alerts@example.com"}, "alerts@example.com"),
                ("owner again", {"alert_email": ""}, "owner@example.com"),
            ):
                if fields:
                    await account(tickd, **fields)
                endpoint.status = 200
                made, _ = await failing(tickd, endpoint, name=name)
                (alert,) = [one for one in await settled(tickd) if one["subject"]["id"] == made["id"]]
                assert (alert["kind"], alert["to"]) == (to and "email", to)
                assert alert["state"] == ("sent" if to else "suppressed")
                expected = "there is nowhere to send it: make a channel, or set the account's alert_email"
                assert alert["why"] == ("" if to else expected)
        assert [mail.recipients for mail in server.taken] == [
            ["owner@example.com"],
            ["alerts@example.com"],
            ["owner@example.com"],
        ]
        assert "alerts" in server.taken[1].mail["Subject"]
