"""The pages of API keys: shown once, revoked for good."""

from __future__ import annotations

import re

import pytest

from tests.support.browsing import owner
from tests.support.daemon import KEY, Harness
from tests.web.pages.people import NASTY, stranger


async def test_a_key_is_shown_once_and_works(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        page = await visitor.get("/settings/keys/new")
        assert 'value="read" checked' in page.text
        made = await visitor.send("/settings/keys/new", {"name": "laptop", "scopes": ["read", "write"]})
        assert (made.status, made.headers["Cache-Control"]) == (200, "no-store")
        found = re.search(r"tk_[0-9a-z]{40}", made.text)
        assert found
        assert "it is not shown again. It may read and write." in made.words
        assert (await tickd.call("GET", "/v1/jobs", key=found[0])).status == 200
        listed = await visitor.get("/settings/keys")
        assert found[0] not in listed.text
        assert f"laptop {found[0][:8]}… read, write" in listed.words
        assert KEY not in listed.text


async def test_a_key_is_revoked_after_a_question(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        made = await visitor.send("/settings/keys/new", {"name": NASTY, "scopes": ["read"]})
        key = re.search(r"tk_[0-9a-z]{40}", made.text)
        assert key
        for page in (made, await visitor.get("/settings/keys")):
            assert "<script>alert" not in page.text
        (identifier,) = [
            one["id"] for one in (await tickd.call("GET", "/v1/keys")).json["keys"] if one["name"] == NASTY
        ]
        asked = await visitor.get(f"/settings/keys/{identifier}/revoke")
        assert "<script>alert" not in asked.text
        assert (await tickd.call("GET", "/v1/jobs", key=key[0])).status == 200
        answer = await visitor.send(f"/settings/keys/{identifier}/revoke", follow=True)
        assert "The key was revoked." in answer.words
        assert (await tickd.call("GET", "/v1/jobs", key=key[0])).status == 401
        assert (await visitor.send(f"/settings/keys/{identifier}/revoke")).status == 404


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": "", "scopes": ["read"]}, "Name must be text of 1 to 100 characters"),
        ({"name": "a\x00b", "scopes": ["read"]}, "Name must be 1 to 100 printable characters"),
        ({"name": "a", "scopes": []}, "May must be a list of 1 to 4 items out of"),
        ({"name": "a", "scopes": ["root"]}, "May must be a list of 1 to 4 items out of"),
    ],
)
async def test_what_is_wrong_is_said_and_makes_no_key(
    tickd: Harness, sent: dict[str, str | list[str]], said: str
) -> None:
    async with owner(tickd) as visitor:
        page = await visitor.send("/settings/keys/new", sent)
        assert (page.status, said in page.words) == (422, True), page.words
    assert (await tickd.call("GET", "/v1/keys")).json["total"] == 1


async def test_the_form_is_shown_as_a_call_of_the_api(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        sent = {"name": "it's", "scopes": ["admin"], "do": "request"}
        page = await visitor.send("/settings/keys/new", sent)
        assert page.status == 200
        assert f"curl -X POST {tickd.url}/v1/keys" in page.words
        assert '"scopes": ["admin"]' in page.words
    assert (await tickd.call("GET", "/v1/keys")).json["total"] == 1


async def test_many_keys_have_pages(tickd: Harness) -> None:
    for number in range(5):
        await tickd.call("POST", "/v1/keys", {"name": f"k{number}"})
    async with owner(tickd) as visitor:
        page = await visitor.get("/settings/keys?limit=2&offset=2")
        assert re.findall(r'<th scope="row" class="full">(\w+)<', page.text) == ["k1", "k2"]
        assert "3\N{EN DASH}4 of 6" in page.words
        assert (await visitor.get("/settings/keys?limit=x")).status == 400


async def test_the_owner_of_another_account_finds_no_key_here(tickd: Harness) -> None:
    (own,) = (await tickd.call("GET", "/v1/keys")).json["keys"]
    async with stranger(tickd) as visitor:
        assert "No API keys yet" in (await visitor.get("/settings/keys")).words
        assert (await visitor.get(f"/settings/keys/{own['id']}/revoke")).status == 404
        assert (await visitor.send(f"/settings/keys/{own['id']}/revoke")).status == 404
    assert (await tickd.call("GET", "/v1/jobs")).status == 200
