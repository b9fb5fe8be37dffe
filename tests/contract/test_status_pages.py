"""Status pages on the native face: made, changed, listed, deleted; what can't be is refused."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.beating import heartbeat
from tests.contract.people import key_with, stranger
from tests.contract.watching import monitor
from tests.support.daemon import Harness, running
from tickd.store import status_pages

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
LOGO = "data:image/png;base64," + base64.b64encode(PNG).decode()


@pytest.fixture
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    async with running(tmp_path / "tickd.db", base_url="https://tickd.example.com") as harness:
        # The tests themselves come by the port.
        harness.url = f"http://127.0.0.1:{harness.daemon.address[1]}"
        yield harness


async def made(tickd: Harness, **said: Any) -> dict[str, Any]:
    reply = await tickd.call("POST", "/v1/status-pages", {"slug": "acme"} | said)
    assert reply.status == 201, reply.json
    page: dict[str, Any] = reply.json
    return page


async def test_a_page_is_private_and_enabled_unless_it_is_said_otherwise(tickd: Harness) -> None:
    page = await made(tickd)
    assert page.pop("id").startswith("stp_")
    assert page == {
        "slug": "acme",
        "title": "",
        "description": "",
        "enabled": True,
        "visibility": "private",
        "custom_domain": "",
        "accent_color": "",
        "has_logo": False,
        "groups": [],
        "jobs": False,
        "url": "https://tickd.example.com/status/acme",
        "created_at": "2026-03-03T12:00:00Z",
        "updated_at": "2026-03-03T12:00:00Z",
    }


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_change_keeps_what_is_left_out(tickd: Harness, method: str) -> None:
    one, beat, job = await monitor(tickd), await heartbeat(tickd), await tickd.job()
    groups = [
        {"name": "Shop", "subjects": [one["id"], job["id"]], "tags": []},
        {"name": "Nights", "subjects": [beat["id"]], "tags": ["night"]},
    ]
    page = await made(tickd, title=" Acme ", accent_color="#FF8800", groups=groups, logo=LOGO, jobs=True)
    assert (page["title"], page["accent_color"], page["has_logo"]) == ("Acme", "#ff8800", True)
    assert page["groups"] == groups
    path = f"/v1/status-pages/{page['id']}"
    await tickd.clock.advance(1.0)
    # What was answered can be sent back, with what changes.
    reply = await tickd.call(
        method, path, page | {"visibility": "public", "custom_domain": "Status.Büro.de."}
    )
    changed = page | {
        "visibility": "public",
        "custom_domain": "status.xn--bro-hoa.de",
        "url": "https://status.xn--bro-hoa.de",
        "updated_at": "2026-03-03T12:00:01Z",
    }
    assert (reply.status, reply.json) == (200, changed)
    assert (await tickd.call(method, path, {})).json == changed
    assert (await tickd.call("GET", path)).json == changed
    bare = (await tickd.call(method, path, {"logo": "", "custom_domain": "", "groups": []})).json
    assert (bare["has_logo"], bare["url"], bare["groups"]) == (False, page["url"], [])


async def test_a_logo_is_stored_apart_and_goes_with_its_page(tickd: Harness) -> None:
    page = await made(tickd, logo=LOGO)
    database = tickd.daemon._database
    assert await status_pages.logo(database, 1) == ("image/png", PNG)
    svg = base64.b64encode(b"<?xml version='1.0'?><!-- a --><svg xmlns='x'/>").decode()
    path = f"/v1/status-pages/{page['id']}"
    await tickd.call("PATCH", path, {"logo": f"data:image/svg+xml;base64,{svg}"})
    found = await status_pages.logo(database, 1)
    assert found is not None
    assert found[0] == "image/svg+xml"
    assert (await tickd.call("DELETE", path)).status == 204
    assert await status_pages.logo(database, 1) is None
    assert (await tickd.call("GET", path)).status == 404


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"slug": None}, "slug is required"),
        ({"slug": ""}, "slug must be text of 1 to 63 characters"),
        ({"slug": "a" * 64}, "slug must be text of 1 to 63 characters"),
        *(
            ({"slug": slug}, "slug must be 1 to 63 lowercase letters, digits and hyphens")
            for slug in ("Acme", "a_b", "-a", "a-", "a b", "ä", "a/b", "a.json", "a\n", "٣")
        ),
        ({"visibility": "secret"}, "visibility must be one of private, public"),
        ({"enabled": "yes"}, "enabled must be true or false"),
        ({"title": "a\nb"}, "title must be one line of printable characters"),
        ({"description": "a\0b"}, "description must be printable characters and line ends"),
        ({"accent_color": "red"}, "accent_color must be a colour as #rrggbb"),
        *(
            ({"custom_domain": name}, "custom_domain must be a host name such as status.example.com")
            for name in (
                "https://a.de",
                "a.de/b",
                "a.de:80",
                "127.0.0.1",
                "::1",
                "localhost",
                "a..de",
                "a_b.de",
            )
        ),
        ({"custom_domain": "TICKD.example.com"}, "custom_domain must be another name than the one"),
        ({"logo": "https://example.com/logo.png"}, "logo must be a picture as data:image/png;base64,"),
        ({"logo": "data:image/png;base64,%%%"}, "logo must be a picture as data:image/png;base64,"),
        ({"logo": "data:image/png;base64,AAA"}, "logo must be base64 after the comma"),
        ({"logo": "data:image/png;base64,PGh0bWw+"}, "logo must be a PNG, JPEG, WebP or SVG picture"),
        ({"logo": LOGO[:-4] + "A" * 134_000}, "logo must be at most 100 kB"),
        ({"logo": LOGO + "A" * 140_000}, "logo must be text of at most 140000 characters"),
        ({"groups": [{}]}, "groups has an item without name"),
        ({"groups": [{"name": " "}]}, "groups has a mistake in number 1: name must be printable"),
        (
            {"groups": [{"name": "a"}, {"name": "a "}]},
            "groups has a mistake in number 2: its name is there twice",
        ),
        ({"groups": [{"name": "a", "tags": "b"}]}, "groups has a mistake in number 1: tags must be a list"),
        (
            {"groups": [{"name": "a", "subjects": ["mon_0000000000000000"]}]},
            "groups must name ids of jobs, monitors or heartbeats: there is no mon_0000000000000000",
        ),
        (
            {"groups": [{"name": str(n), "subjects": ["x"] * 600} for n in range(2)]},
            "groups must name at most 1000 subjects together",
        ),
        ({"groups": [{"name": str(n)} for n in range(51)]}, "groups must be a list of at most 50 items"),
    ],
)
async def test_what_can_not_be_is_refused(tickd: Harness, said: dict[str, Any], sentence: str) -> None:
    reply = await tickd.call("POST", "/v1/status-pages", {"slug": "acme"} | said)
    assert (reply.status, reply.json["error"][: len(sentence)]) == (400, sentence)
    assert (await tickd.call("GET", "/v1/status-pages")).json["total"] == 0


async def test_a_slug_and_a_domain_are_one_in_the_whole_daemon(tickd: Harness) -> None:
    other = await stranger(tickd)
    theirs = {"slug": "acme", "custom_domain": "status.acme.example"}
    assert (await tickd.call("POST", "/v1/status-pages", theirs, key=other)).status == 201
    reply = await tickd.call("POST", "/v1/status-pages", {"slug": "acme"})
    assert (reply.status, reply.json) == (409, {"error": "slug is taken: another page is at /status/acme"})
    mine = await made(tickd, slug="mine")
    path = f"/v1/status-pages/{mine['id']}"
    reply = await tickd.call("PATCH", path, {"custom_domain": "Status.Acme.example"})
    taken = {"error": "custom_domain is taken: another page is at status.acme.example"}
    assert (reply.status, reply.json) == (409, taken)
    assert (await tickd.call("PATCH", path, {"slug": "acme"})).status == 409
    # Its own are no conflict, and several have no domain.
    assert (await tickd.call("PATCH", path, {"slug": "mine", "custom_domain": ""})).status == 200
    await made(tickd, slug="more")


async def test_a_subject_that_is_deleted_does_not_stop_a_change(tickd: Harness) -> None:
    one = await monitor(tickd)
    page = await made(tickd, groups=[{"name": "a", "subjects": [one["id"]]}])
    await tickd.call("DELETE", f"/v1/monitors/{one['id']}")
    said = {"groups": [{"name": "b", "subjects": [one["id"]]}]}
    reply = await tickd.call("PATCH", f"/v1/status-pages/{page['id']}", said)
    assert reply.status == 200
    said["groups"][0]["subjects"] = ["mon_0000000000000000"]
    assert (await tickd.call("PATCH", f"/v1/status-pages/{page['id']}", said)).status == 400


async def test_lists_come_by_slug_in_pages(tickd: Harness) -> None:
    for slug in ("c", "a", "b"):
        await made(tickd, slug=slug)
    found = (await tickd.call("GET", "/v1/status-pages?limit=2&offset=1")).json
    assert [one["slug"] for one in found.pop("status_pages")] == ["b", "c"]
    assert found == {"limit": 2, "offset": 1, "total": 3}


async def test_who_may_do_what(tickd: Harness) -> None:
    page, reader, other = await made(tickd), await key_with(tickd, "read"), await stranger(tickd)
    path = f"/v1/status-pages/{page['id']}"
    assert (await tickd.call("GET", path, key=reader)).json == page
    for method, where in (("POST", "/v1/status-pages"), ("PATCH", path), ("PUT", path), ("DELETE", path)):
        assert (await tickd.call(method, where, {}, key=reader)).status == 403
        assert (await tickd.call(method, where, {}, key=None)).status == 401
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        reply = await tickd.call(method, path, {}, key=other)
        assert (reply.status, reply.json) == (404, {"error": f"no status page {page['id']}"})
    assert (await tickd.call("GET", "/v1/status-pages", key=other)).json["status_pages"] == []
    mine = await monitor(tickd)
    said = {"slug": "theirs", "groups": [{"name": "a", "subjects": [mine["id"]]}]}
    assert (await tickd.call("POST", "/v1/status-pages", said, key=other)).status == 400


async def test_pages_are_there_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path / "tickd.db") as tickd:
        page = await made(tickd, slug="kept", logo=LOGO, groups=[{"name": "a", "tags": ["b"]}])
    async with running(tmp_path / "tickd.db") as tickd:
        found = (await tickd.call("GET", f"/v1/status-pages/{page['id']}")).json
        assert found | {"url": ""} == page | {"url": ""}
