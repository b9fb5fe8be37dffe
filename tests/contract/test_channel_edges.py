"""Settings of channels and of the account that follow from each other."""

from __future__ import annotations

import pytest

from tests.contract.telling import account, channel
from tests.support.daemon import Harness


@pytest.mark.parametrize(
    ("kind", "least", "change"),
    [
        ("telegram", {"token": "1:a", "chat_id": "5"}, {"token": ""}),
        ("telegram", {"token": "1:a", "chat_id": "5"}, {"token": "  "}),
        ("telegram", {"token": "1:a", "chat_id": "5"}, {"chat_id": " "}),
    ],
)
async def test_what_a_kind_needs_can_not_be_taken_away(
    tickd: Harness, kind: str, least: dict[str, str], change: dict[str, str]
) -> None:
    made = await channel(tickd, kind=kind, **least)
    reply = await tickd.call("PATCH", f"/v1/channels/{made['id']}", change)
    (field,) = change
    assert (reply.status, reply.json) == (400, {"error": f"{field} is required for a channel of kind {kind}"})


async def test_a_fallback_channel_that_is_deleted_is_none_any_more(tickd: Harness) -> None:
    made = await channel(tickd, url="http://127.0.0.1:9/")
    await account(tickd, fallback_channel=made["id"])
    assert (await tickd.call("DELETE", f"/v1/channels/{made['id']}")).status == 204
    assert (await account(tickd, name="renamed"))["fallback_channel"] is None


async def test_the_mask_said_back_keeps_the_accounts_secret(tickd: Harness) -> None:
    before = (await tickd.call("GET", "/v1/account")).json
    assert (await account(tickd, webhook_secret="••••••")) == before


@pytest.mark.parametrize("noun", ["monitors", "heartbeats"])
async def test_an_alert_email_of_a_subject_is_an_address(tickd: Harness, noun: str) -> None:
    for text in ("nonsense", "a@b.example\r\nBcc: c@d.example", "a@b.example,c@d.example"):
        body = {"name": "x", "url": "http://127.0.0.1:9/", "status": "paused", "alert_email": text}
        reply = await tickd.call("POST", f"/v1/{noun}", body)
        assert reply.status == 400, text


async def test_a_blank_alert_address_is_none(tickd: Harness) -> None:
    assert (await account(tickd, owner_email="owner@example.com", alert_email=" "))["alert_email"] == ""
