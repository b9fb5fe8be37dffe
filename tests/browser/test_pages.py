"""Every page, on a desktop and on a phone, light and dark: nothing wrong, nothing too wide, open to all."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser

from tests.browser import addresses, axe
from tests.browser.company import Company
from tests.browser.conftest import signed_in
from tests.browser.visitor import DESKTOP, PHONE, Visitor, visiting
from tests.support.daemon import Harness


async def _faults(visitor: Visitor) -> dict[str, list[str]]:
    found = {}
    for scheme in ("light", "dark"):
        await visitor.page.emulate_media(color_scheme=scheme)
        if wrong := await axe.faults(visitor.page, colours_only=scheme == "dark"):
            found[scheme] = wrong
    if wide := await axe.overflow(visitor.page):
        found["too wide"] = wide
    return found


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", [*addresses.templates(), *addresses.EXAMPLES])
async def test_every_page_is_right(
    browser: Browser, company: Company, known: dict[str, str], path: str, size: tuple[int, int]
) -> None:
    where = addresses.filled(path, known)
    async with visiting(browser, company.harness.url, token=company.seeded.token, size=size) as visitor:
        if path in addresses.MISSING:
            visitor.guard.allow("status of 404")
        answer = await visitor.go(where)
        assert answer.status == (404 if path in addresses.MISSING else 200)
        if not await _is_page(answer):
            visitor.guard.allow("/favicon.ico")
            return  # a part of a page, a picture or a feed: what holds it is looked at
        assert await visitor.page.title()
        assert await visitor.page.locator("h1").count() == 1
        assert await _faults(visitor) == {}


async def _is_page(answer: Any) -> bool:
    kind = answer.headers.get("content-type", "")
    return kind.startswith("text/html") and "<!doctype html>" in (await answer.text())[:100].lower()


@pytest.mark.parametrize("path", ["/sign-in", "/setup", "/status/{slug}", "/s/{slug}"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_every_page_for_strangers_is_right(
    browser: Browser, company: Company, known: dict[str, str], path: str, size: tuple[int, int]
) -> None:
    async with visiting(browser, company.harness.url, size=size) as visitor:
        visitor.guard.allow("status of 404")
        await visitor.go(addresses.filled(path, known))
        assert await _faults(visitor) == {}


@pytest.mark.parametrize("noun", ["jobs", "monitors", "heartbeats"])
async def test_a_name_without_spaces_makes_no_page_wider(browser: Browser, tickd: Harness, noun: str) -> None:
    name, away = "x" * 190, "http://127.0.0.1:9/" + "y" * 190
    said: dict[str, dict[str, Any]] = {
        "jobs": {"schedule": "0 2 * * *", "endpoint": away, "depends_on": []},
        "monitors": {"url": away, "failure_threshold": 1, "group": "z" * 50},
        "heartbeats": {"group": "z" * 50},
    }
    reply = await tickd.call("POST", f"/v1/{noun}", {"name": name, "tags": ["t" * 50], **said[noun]})
    assert reply.status == 201, reply.json
    home = f"/{noun}/{reply.json['id']}"
    async with visiting(browser, tickd.url, token=await signed_in(tickd), size=PHONE) as visitor:
        for path in (home, f"{home}/delete"):
            await visitor.go(path)
            assert await axe.overflow(visitor.page) == [], path
        if noun == "heartbeats":
            await visitor.go(home)
            for label in ("Duplicate", "New ping URL…", "Delete"):
                box = await visitor.link(label).bounding_box()
                assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= PHONE[0], label
