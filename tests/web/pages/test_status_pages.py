"""The dashboard's pages of status pages, used without a script: made, shown, edited, deleted."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import aiohttp
import pytest

from tests.contract.beating import heartbeat
from tests.contract.people import stranger
from tests.contract.watching import monitor
from tests.support.browsing import Browser, Shown
from tests.support.daemon import Harness
from tickd.web.pages import status_page_form

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def filled(**said: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    plain = {"slug": "acme", "title": "", "description": "", "visibility": "private", "custom_domain": ""}
    plain |= {"accent_color": "", "enabled": "true", "group_0_name": "", "group_0_place": "1"}
    return plain | {"group_0_subjects": "", "group_0_tags": ""} | said


async def only(tickd: Harness) -> dict[str, Any]:
    """The one page that there is."""
    (page,) = (await tickd.call("GET", "/v1/status-pages")).json["status_pages"]
    found: dict[str, Any] = page
    return found


async def upload(me: Browser, path: str, values: dict[str, Any], content: bytes) -> Shown:
    """Send the form with a picture."""
    form = aiohttp.FormData()
    for name, value in ({"csrf": await me.token(path)} | values).items():
        form.add_field(name, value)
    form.add_field("logo", content, filename="logo.png", content_type="image/png")
    return await me._ask("POST", path, data=form)


async def test_the_list_leads_a_newcomer_to_the_first_page(me: Browser) -> None:
    shown = await me.get("/status-pages")
    assert shown.status == 200
    assert "No status page yet" in shown.words
    assert 'href="/status-pages/new"' in shown.text


async def test_a_page_is_made_shown_and_deleted(tickd: Harness, me: Browser) -> None:
    one, beat = await monitor(tickd, name="Shop"), await heartbeat(tickd, name="Backup")
    said = filled(
        title="Acme",
        description="All that we run.\r\nSince 2020.",
        visibility="public",
        accent_color="#FF8800",
        jobs="true",
        group_0_name="Customers",
        group_0_subjects="shop\r\n" + beat["id"],
        group_0_tags="web, shop",
    )
    made = await me.send("/status-pages/new", said, page="/status-pages/new")
    page = await only(tickd)
    assert (made.status, made.location) == (303, f"/status-pages/{page['id']}")
    assert page["groups"] == [
        {"name": "Customers", "subjects": [one["id"], beat["id"]], "tags": ["web", "shop"]}
    ]
    assert page["description"] == "All that we run.\nSince 2020."
    assert (page["jobs"], page["enabled"], page["accent_color"]) == (True, True, "#ff8800")
    shown = await me.get(made.location)
    for text in (page["url"], f"{page['url']}/rss", f"{page['url']}.json", f"{page['url']}/badge.svg"):
        assert text in unescape(shown.text)
    assert "Customers" in shown.words
    listed = await me.get("/status-pages")
    assert "Acme" in listed.words
    assert "Everybody" in listed.words
    asked = await me.get(f"{made.location}/delete")
    assert "Delete the status page “Acme”?" in asked.words
    gone = await me.send(f"{made.location}/delete", {}, page=f"{made.location}/delete")
    assert (gone.status, gone.location) == (303, "/status-pages")
    assert (await tickd.call("GET", "/v1/status-pages")).json["total"] == 0


async def test_an_edit_begins_with_what_there_is(tickd: Harness, me: Browser) -> None:
    shop = await monitor(tickd, name="Shop")
    first = await monitor(tickd, name="Twin")
    await monitor(tickd, name="twin")
    await me.send(
        "/status-pages/new", filled(group_0_name="A", group_0_subjects="Shop"), page="/status-pages/new"
    )
    page = await only(tickd)
    path = f"/status-pages/{page['id']}/edit"
    shown = await me.get(path)
    assert re.search(rf'value="{shop["id"]}" checked', shown.text)
    assert not re.search(rf'value="{first["id"]}" checked', shown.text)
    assert 'name="group_1_name"' in shown.text
    # The second group comes first, by its place.
    said = filled(group_0_name="A", group_0_subjects="Shop", group_0_place="2", title="New")
    said |= {"group_1_name": "B", "group_1_place": "1", "group_1_subjects": first["id"], "group_1_tags": ""}
    saved = await me.send(path, said, page=path, follow=True)
    assert "Saved." in saved.words
    page = await only(tickd)
    assert (page["title"], [one["name"] for one in page["groups"]]) == ("New", ["B", "A"])
    # What has no name of its own is shown by its id.
    assert first["id"] in (await me.get(path)).text


async def test_what_a_group_shows_is_chosen_by_boxes_that_keep_its_order(tickd: Harness, me: Browser) -> None:
    made = {name: (await monitor(tickd, name=name))["id"] for name in ("A", "B", "C")}
    said = filled(group_0_name="G", group_0_chosen=[made["A"], made["C"]], group_0_subjects="C")
    assert (await me.send("/status-pages/new", said, page="/status-pages/new")).status == 303
    page = await only(tickd)
    assert page["groups"][0]["subjects"] == [made["C"], made["A"]]
    shown = await me.get(f"/status-pages/{page['id']}/edit")
    boxes = re.findall(r'name="group_0_chosen" value="(\w+)"( checked)?', shown.text)
    assert boxes == [(made["C"], " checked"), (made["A"], " checked"), (made["B"], "")]
    assert "C</textarea>" not in shown.text


async def test_of_too_many_to_choose_from_the_names_are_written(
    tickd: Harness, me: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await monitor(tickd, name="Shop")
    said = filled(group_0_name="A", group_0_subjects="Shop")
    await me.send("/status-pages/new", said, page="/status-pages/new")
    monkeypatch.setattr(status_page_form, "BOXES_MOST", 0)
    shown = await me.get(f"/status-pages/{(await only(tickd))['id']}/edit")
    assert ">\nShop</textarea>" in shown.text
    assert "group_0_chosen" not in shown.text


async def test_an_accent_colour_is_chosen_and_taken_away(tickd: Harness, me: Browser) -> None:
    await me.send("/status-pages/new", filled(accent_color="#ff8800"), page="/status-pages/new")
    page = await only(tickd)
    path = f"/status-pages/{page['id']}/edit"
    assert page["accent_color"] == "#ff8800"
    assert (
        '<input type="color" id="field-accent_color" name="accent_color" value="#ff8800"'
        in (await me.get(path)).text
    )
    await me.send(path, filled(accent_color="#ff8800", no_accent="true"), page=path)
    assert (await only(tickd))["accent_color"] == ""
    assert 'name="no_accent" value="true" checked' in (await me.get(path)).text


async def test_the_badge_is_shown_as_it_is(tickd: Harness, me: Browser) -> None:
    made = await me.send("/status-pages/new", filled(), page="/status-pages/new")
    assert '<img src="/status/acme/badge.svg"' in (await me.get(made.location)).text
    assert "<svg" in (await me.get("/status/acme/badge.svg")).text


async def test_another_group_is_added_without_a_script(me: Browser) -> None:
    said = filled(title="kept", group_0_name="A", do="more")
    shown = await me.send("/status-pages/new", said, page="/status-pages/new")
    assert shown.status == 200
    assert 'value="kept"' in shown.text
    assert 'name="group_1_name"' in shown.text
    assert 'name="group_2_name"' not in shown.text


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"slug": "No Good"}, "Slug must be 1 to 63 lowercase letters"),
        ({"slug": ""}, "Slug must be text of 1 to 63 characters"),
        ({"accent_color": "red"}, "Accent colour must be a colour as #rrggbb"),
        ({"custom_domain": "https://a.de"}, "Own domain must be a host name such as status.example.com"),
        ({"group_0_subjects": "Shop"}, "Heading is required"),
        (
            {"group_0_name": "A", "group_0_subjects": "Nobody"},
            "Order has “Nobody”, and there is no monitor, heartbeat or job of that name",
        ),
        (
            {"group_0_name": "A", "group_0_subjects": "mon_0000000000000000"},
            "groups must name ids of jobs, monitors or heartbeats: there is no mon_0000000000000000",
        ),
    ],
)
async def test_what_can_not_be_is_said_beside_its_field(
    tickd: Harness, me: Browser, said: dict[str, str], sentence: str
) -> None:
    await monitor(tickd, name="Shop")
    shown = await me.send("/status-pages/new", filled(title="kept", **said), page="/status-pages/new")
    assert shown.status == 422
    assert sentence in shown.words
    assert 'value="kept"' in shown.text
    assert (await tickd.call("GET", "/v1/status-pages")).json["total"] == 0


async def test_a_slug_that_is_taken_is_said(me: Browser) -> None:
    await me.send("/status-pages/new", filled(), page="/status-pages/new")
    shown = await me.send("/status-pages/new", filled(), page="/status-pages/new")
    assert shown.status == 422
    assert "slug is taken: another page is at /status/acme" in shown.words


async def test_a_logo_is_sent_kept_and_taken_away(tickd: Harness, me: Browser) -> None:
    assert (await upload(me, "/status-pages/new", filled(), PNG)).status == 303
    page = await only(tickd)
    assert page["has_logo"]
    path = f"/status-pages/{page['id']}/edit"
    assert "/status/acme/logo?v=" in (await me.get(path)).text
    await me.send(path, filled(title="later"), page=path)
    assert (await only(tickd))["has_logo"]
    wrong = await upload(me, path, filled(), b"<html>")
    assert (wrong.status, "Logo must be a PNG, JPEG, WebP or SVG picture" in wrong.words) == (422, True)
    large = await upload(me, path, filled(), PNG + b"\0" * 100_000)
    assert (large.status, "Logo must be at most 100 kB" in large.words) == (422, True)
    await me.send(path, filled(no_logo="true"), page=path)
    assert not (await only(tickd))["has_logo"]


async def test_the_form_says_what_it_would_call(tickd: Harness, me: Browser) -> None:
    said = filled(title="Acme", do="request")
    shown = await me.send("/status-pages/new", said, page="/status-pages/new")
    assert shown.status == 200
    assert """-d '{"slug": "acme", "title": "Acme"}'""" in unescape(shown.text)
    assert (await tickd.call("GET", "/v1/status-pages")).json["total"] == 0


async def test_a_private_page_is_previewed_by_the_signed_in(tickd: Harness, me: Browser) -> None:
    await monitor(tickd, name="Inner", public=False)
    await me.send("/status-pages/new", filled(), page="/status-pages/new")
    shown = await me.get("/status/acme")
    assert shown.status == 200
    assert "Private preview" in shown.words
    assert "Inner" in shown.words
    assert shown.headers["Cache-Control"] == "private, no-store"
    page = await only(tickd)
    await tickd.call("PATCH", f"/v1/status-pages/{page['id']}", {"visibility": "public"})
    shown = await me.get("/status/acme")
    assert "Private preview" not in shown.words
    assert "Inner" not in shown.words


async def test_a_strangers_page_is_no_page(tickd: Harness, me: Browser) -> None:
    other = await stranger(tickd)
    reply = await tickd.call("POST", "/v1/status-pages", {"slug": "theirs"}, key=other)
    for path in ("", "/edit", "/delete"):
        assert (await me.get(f"/status-pages/{reply.json['id']}{path}")).status == 404
    for path in ("/edit", "/delete"):
        where = f"/status-pages/{reply.json['id']}{path}"
        assert (await me.send(where, filled(), page="/status-pages/new")).status == 404
    assert (await me.get("/status/theirs")).status == 404


async def test_names_are_shown_and_never_run(tickd: Harness, me: Browser) -> None:
    evil = '"><script>alert(1)</script>'
    await monitor(tickd, name=evil)
    said = filled(title=evil, description=evil, group_0_name=evil, group_0_subjects=evil, group_0_tags=evil)
    assert (await me.send("/status-pages/new", said, page="/status-pages/new")).status == 303
    page = await only(tickd)
    for path in ("/status-pages", f"/status-pages/{page['id']}", f"/status-pages/{page['id']}/edit"):
        shown = await me.get(path)
        assert shown.status == 200
        assert "<script>alert" not in shown.text
