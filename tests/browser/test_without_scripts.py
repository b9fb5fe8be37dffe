"""Without JavaScript: everything that matters is read and done all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.company import Company
from tests.browser.conftest import signed_in
from tests.browser.visitor import Visitor, visiting
from tests.support.daemon import Harness
from tests.support.endpoint import Endpoint


@pytest_asyncio.fixture(loop_scope="session")
async def plain(browser: Browser, tickd: Harness) -> AsyncIterator[Visitor]:
    """The owner with a browser that runs no scripts."""
    token = await signed_in(tickd)
    async with visiting(browser, tickd.url, token=token, java_script_enabled=False) as one:
        yield one


async def test_a_monitor_is_made_tried_checked_and_deleted(plain: Visitor, endpoint: Endpoint) -> None:
    await plain.go("/")
    await plain.page.locator("header summary", has_text="New").click()
    await plain.page.locator("header a", has_text="Monitor").click()
    await plain.fill({"name": "Shop", "url": f"{endpoint.url}/x"})
    await plain.press("Try it")
    await plain.says("200")
    assert await plain.field("name").input_value() == "Shop"
    await plain.submit()
    await plain.press("Check now")
    await plain.says("Up")
    await plain.go("/")
    await plain.follow("Shop")
    await plain.follow("Delete")
    await plain.submit()
    await plain.says("deleted")


async def test_a_job_is_made_run_and_its_run_read(plain: Visitor, endpoint: Endpoint) -> None:
    await plain.go("/jobs/new")
    await plain.fill({"name": "Backup", "endpoint": endpoint.url, "schedule": "15 2 * * *"})
    await plain.press("Preview")
    await plain.says("At 02:15")
    await plain.submit()
    await plain.press("Run now")
    while not endpoint.calls:
        await plain.page.reload()
    await plain.page.locator("summary", has_text="Details").first.click()
    await plain.follow("Open this run")
    await plain.says("Planned for")


async def test_the_overview_is_searched_and_filtered(browser: Browser, company: Company) -> None:
    url, token = company.harness.url, company.seeded.token
    async with visiting(browser, url, token=token, java_script_enabled=False) as reader:
        await reader.go("/")
        await reader.says("Partner API")
        await reader.field("q").fill("thermometer")
        await reader.page.keyboard.press("Enter")
        await reader.says("Thermometer in cold store 2")
        assert await reader.page.get_by_role("link", name="Public API", exact=True).count() == 0
