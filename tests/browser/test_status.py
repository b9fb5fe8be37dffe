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


async def test_a_page_is_made_by_boxes_and_a_colour(
    visitor: Visitor, tickd: Harness, endpoint: Endpoint
) -> None:
    await monitor(tickd, endpoint)
    await visitor.go("/status-pages/new")
    await visitor.fill({"slug": "acme", "group_0_name": "Customers"})
    await visitor.page.get_by_label("Find").fill("front")
    await visitor.page.get_by_label("Shop front").check()
    assert await visitor.field("no_accent").is_checked()
    await visitor.fill({"accent_color": "#ff8800"})
    assert not await visitor.field("no_accent").is_checked()
    await visitor.press("Create status page")
    await visitor.says("acme was created.")
    await visitor.page.get_by_alt_text("The badge as it is now").wait_for()
    page = (await tickd.call("GET", "/v1/status-pages")).json["status_pages"][0]
    assert page["accent_color"] == "#ff8800"
    assert len(page["groups"][0]["subjects"]) == 1


async def test_a_reader_opens_the_days_with_trouble_and_reads_a_span_of_one_day_once(
    browser: Browser, visitor: Visitor, tickd: Harness, endpoint: Endpoint
) -> None:
    one = await monitor(tickd, endpoint)
    said = {"slug": "acme", "title": "Acme", "visibility": "public"}
    assert (await tickd.call("POST", "/v1/status-pages", said)).status == 201
    endpoint.status = 500
    await tickd.call("POST", f"/v1/monitors/{one['id']}/check")
    async with visiting(browser, tickd.url) as reader:
        await reader.go("/status/acme")
        await reader.page.locator("summary", has_text="Days with trouble").click()
        await reader.page.locator(".troubles li").first.wait_for()
        endpoint.status = 200
        await tickd.call("POST", f"/v1/monitors/{one['id']}/check")
        # What the first page shows is kept for some seconds.
        await tickd.call("POST", "/v1/status-pages", said | {"slug": "again"})
        await reader.go("/status/again")
        span = reader.page.locator("#past [data-span] time")
        whole, short = await span.nth(0).inner_text(), await span.nth(1).inner_text()
        assert "," in whole
        assert "," not in short


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
