"""Tokens that came along from another service: they lead to their heartbeat, and to nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.beating import heartbeat, pings_of, sent, shown
from tests.contract.people import key_with, stranger
from tests.support.daemon import KEY, Harness, running

UUID = "6f2a1c8e-3b7d-4c55-9a0e-2d4f7b8c1e93"
PUSH = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY"
SIXTEEN = "kuma_token-00001"
LONGEST = "Z" * 64
TAKEN = {"error": "token is taken: it must be another one"}


@pytest.mark.parametrize("token", [UUID, UUID.upper(), PUSH, SIXTEEN, LONGEST])
async def test_pings_by_it_arrive_on_every_path_and_by_the_short_form_too(tickd: Harness, token: str) -> None:
    made = await heartbeat(tickd, token=token)
    assert made["token"] == token
    assert made["ping_url"] == f"{tickd.url}/p/{made['short_token']}"
    assert made["short_token"] != token
    for one in (token, made["short_token"]):
        for path in (f"/ping/{one}", f"/ping/{one}/start", f"/p/{one}", f"/p/{one}/0"):
            await sent(tickd, path)
        await sent(tickd, f"/api/push/{one}?status=up&msg=OK&ping=")
        await sent(tickd, f"/v1/heartbeats/{one}/ping")
        await sent(tickd, f"/api/ping/{made['id']}?token={one}")
    assert len(await pings_of(tickd, made["id"])) == 14
    assert (await tickd.call("GET", f"/p/{token.swapcase()}", key=None)).status == 404


async def test_it_belongs_to_one_heartbeat_of_the_whole_daemon(tickd: Harness) -> None:
    other = await stranger(tickd)
    made = await heartbeat(tickd, name="mine", token=UUID)
    mine, theirs = await heartbeat(tickd, name="second"), {"name": "theirs"}
    for key in (KEY, other):
        reply = await tickd.call("POST", "/v1/heartbeats", theirs | {"token": UUID}, key=key)
        assert (reply.status, reply.json) == (409, TAKEN)
    for method in ("PUT", "PATCH"):
        reply = await tickd.call(method, f"/v1/heartbeats/{mine['id']}", {"token": UUID, "name": "x"})
        assert (reply.status, reply.json) == (409, TAKEN)
    assert await shown(tickd, mine["id"]) == mine
    again = await tickd.call("PATCH", f"/v1/heartbeats/{made['id']}", {"token": UUID})
    assert (again.status, again.json) == (200, made)


async def test_the_short_form_of_anothers_token_cannot_be_taken(tickd: Harness) -> None:
    made = await heartbeat(tickd, name="mine")
    reply = await tickd.call("POST", "/v1/heartbeats", {"name": "x", "token": made["short_token"]})
    assert (reply.status, reply.json) == (409, TAKEN)
    await sent(tickd, f"/p/{made['short_token']}")
    assert len(await pings_of(tickd, made["id"])) == 1


async def test_it_is_changed_rotated_and_free_after_that(tickd: Harness) -> None:
    made = await heartbeat(tickd, name="moves", token=UUID)
    changed = await tickd.call("PATCH", f"/v1/heartbeats/{made['id']}", {"token": SIXTEEN})
    assert (changed.status, changed.json["token"]) == (200, SIXTEEN)
    assert (await tickd.call("GET", f"/ping/{UUID}", key=None)).status == 404
    second = await heartbeat(tickd, name="second", token=UUID)
    await sent(tickd, f"/ping/{UUID}")
    assert len(await pings_of(tickd, second["id"])) == 1

    rotated = await tickd.call("POST", f"/v1/heartbeats/{made['id']}/rotate-token")
    assert len(rotated.json["token"]) == 64
    assert (await tickd.call("GET", f"/p/{SIXTEEN}", key=None)).status == 404
    wrong = await tickd.call("GET", f"/api/ping/{made['id']}?token={SIXTEEN}", key=None)
    assert wrong.status == 403
    assert (await tickd.call("DELETE", f"/v1/heartbeats/{second['id']}")).status == 204
    await heartbeat(tickd, name="third", token=UUID)


async def test_it_is_hidden_from_keys_that_only_read(tickd: Harness) -> None:
    made = await heartbeat(tickd, token=UUID)
    reader = await key_with(tickd, "read")
    seen = (await tickd.call("GET", f"/v1/heartbeats/{made['id']}", key=reader)).json
    assert (seen["token"], seen["short_token"], seen["ping_url"]) == ("••••••",) * 3


async def test_it_still_leads_there_after_a_restart(tmp_path: Path) -> None:
    for round_ in range(2):
        async with running(tmp_path / "tickd.db") as tickd:
            if not round_:
                made = await heartbeat(tickd, token=SIXTEEN)
            await sent(tickd, f"/api/push/{SIXTEEN}")
            assert len(await pings_of(tickd, made["id"])) == round_ + 1
