"""The overview in a browser: its empty beginning, finding, choosing, and doing one thing to many."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from tests.browser.company import Company
from tests.browser.visitor import Visitor, visiting
from tests.support.daemon import Harness


async def test_a_newcomer_is_led_to_a_first_monitor(visitor: Visitor) -> None:
    await visitor.go("/")
    await visitor.says("Nothing is watched yet.")
    await visitor.follow("New monitor")
    assert visitor.path == "/monitors/new"


async def test_what_needs_attention_comes_first_and_is_filtered(browser: Browser, company: Company) -> None:
    async with visiting(browser, company.harness.url, token=company.seeded.token) as reader:
        await reader.go("/")
        names = await reader.page.locator("table.overview th[scope=row] > a:first-child").all_inner_texts()
        assert {"Partner API", "Thermometer in cold store 2", "Sync stock with the warehouse"} == set(
            names[:3]
        )
        await reader.page.locator("nav.states a", has_text="Needs attention").click()
        await expect(reader.page.locator("tbody tr")).to_have_count(5)
        await reader.go("/")
        await reader.page.locator("#kind").select_option("heartbeat")
        await expect(reader.page.locator("tbody tr")).to_have_count(6)
        await reader.page.locator("#q").fill("nothing is called so")
        await reader.page.keyboard.press("Enter")
        await reader.says("Nothing matches")


async def test_many_are_paused_tagged_and_deleted_at_once(visitor: Visitor, tickd: Harness) -> None:
    for name in ("One", "Two", "Three"):
        await tickd.call("POST", "/v1/heartbeats", {"name": name})
    await visitor.go("/")
    for name in ("One", "Two"):
        await visitor.page.get_by_role("checkbox", name=f"Choose {name}", exact=True).check()
    await visitor.press("Pause")
    await visitor.says("Paused 2 items.")
    await expect(visitor.page.locator("tbody tr", has_text="Paused")).to_have_count(2)

    await visitor.page.locator("[data-check-all]").check()
    await visitor.page.locator("#bulk-tag").fill("night")
    await visitor.press("Add tag")
    await visitor.says("Tagged 3 items.")
    await expect(visitor.page.locator("tbody a.tag", has_text="night")).to_have_count(3)

    await visitor.page.get_by_role("checkbox", name="Choose Three", exact=True).check()
    await visitor.press("Delete")
    await visitor.says("Delete 1 item?")
    await visitor.submit()
    await visitor.says("Deleted 1 item.")
    await expect(visitor.page.locator("tbody tr")).to_have_count(2)


async def test_times_are_told_in_the_readers_zone(
    browser: Browser, company: Company, known: dict[str, str]
) -> None:
    path, shown = f"/incidents/{known['incidents']}", []
    for zone in ("Asia/Tokyo", "America/New_York"):
        async with visiting(
            browser, company.harness.url, token=company.seeded.token, timezone_id=zone
        ) as reader:
            await reader.go(path)
            await expect(reader.page.locator("[data-zone]")).to_have_text(f"times in {zone}")
            shown.append(await reader.page.locator("main time").first.inner_text())
    assert shown[0] != shown[1]
