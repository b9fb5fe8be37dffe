"""Every page, on a desktop and on a phone, light and dark: nothing wrong, nothing too wide, open to all."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser

from tests.browser import addresses, axe
from tests.browser.company import Company
from tests.browser.visitor import DESKTOP, PHONE, Visitor, visiting


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
