"""A status page from its form to its readers: strangers, with scripts and without."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser.test_live import monitor
from tests.browser.visitor import Visitor, visiting
from tests.support.daemon import Harness
from tests.support.endpoint import Endpoint


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_a_published_page_is_read_by_a_stranger(
    browser: Browser, visitor: Visitor, tickd: Harness, endpoint: Endpoint, scripts: bool
) -> None:
    await monitor(tickd, endpoint)
    await visitor.go("/status-pages/new")
    await visitor.fill({"slug": "acme", "title": "Acme <status>"})
    await visitor.submit()
    async with visiting(browser, tickd.url, java_script_enabled=scripts) as reader:
        reader.guard.allow("status of 404")
        assert (await reader.go("/status/acme")).status == 404
        home = visitor.path
        await visitor.go(f"{home}/edit")
        await visitor.fill({"visibility": "public"})
        await visitor.submit()
        assert (await reader.go("/status/acme")).status == 200
        assert await reader.page.locator("h1").inner_text() == "Acme <status>"
        await reader.says("All systems operational")
        await reader.says("Shop front")
        assert await reader.page.context.cookies() == []


async def test_what_happens_is_told_to_the_readers(
    browser: Browser, visitor: Visitor, tickd: Harness, endpoint: Endpoint
) -> None:
    await monitor(tickd, endpoint)
    said = {"slug": "acme", "title": "Acme", "visibility": "public"}
    assert (await tickd.call("POST", "/v1/status-pages", said)).status == 201
    await visitor.go("/incidents")
    endpoint.status = 500
    await visitor.page.locator("main table a", has_text="Shop front").first.click()
    await visitor.fill({"status": "identified", "message": "A disk is full <b>here</b>."})
    await visitor.press("Post update")
    async with visiting(browser, tickd.url) as reader:
        await reader.go("/status/acme")
        await reader.says("Some systems are experiencing issues")
        await expect(reader.page.locator("main")).to_contain_text("A disk is full <b>here</b>.")
