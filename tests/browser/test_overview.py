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


async def test_a_search_narrows_the_list_while_it_is_typed(browser: Browser, company: Company) -> None:
    async with visiting(browser, company.harness.url, token=company.seeded.token) as reader:
        await reader.go("/")
        search, rows = reader.page.locator("#q"), reader.page.locator("tbody tr")
        everything = await rows.count()
        await search.press_sequentially("stokc")
        await reader.says("Nothing matches")
        for _ in range(2):
            await search.press("Backspace")
        await search.press_sequentially("ck")
        await expect(rows).to_have_count(1)
        assert (await reader.focused())["id"] == "q"
        assert await search.evaluate("one => one.selectionStart") == 5
        await expect(reader.page).to_have_url(f"{reader.url}/?q=stock")
        await search.fill("")
        await expect(rows).to_have_count(everything)
        await expect(reader.page).to_have_url(f"{reader.url}/")
        await reader.page.locator("#kind").focus()
        await reader.page.locator("#kind").select_option("job")
        await expect(rows).to_have_count(8)
        assert (await reader.focused())["id"] == "kind"
        await reader.page.go_back()
        await expect(rows).to_have_count(everything)
        await expect(reader.page.locator("#kind")).to_have_value("")


async def test_the_filters_of_incidents_and_alerts_act_at_once(browser: Browser, company: Company) -> None:
    async with visiting(browser, company.harness.url, token=company.seeded.token) as reader:
        await reader.go("/incidents")
        rows = reader.page.locator("tbody tr")
        everything = await rows.count()
        await expect(reader.link("Clear")).to_be_hidden()
        await reader.page.locator("#filter-status").select_option("open")
        await expect(rows).not_to_have_count(everything)
        await expect(reader.page).to_have_url(f"{reader.url}/incidents?status=open")
        await expect(reader.link("Clear")).to_be_visible()
        await reader.page.locator("#filter-name").press_sequentially("nothing is called so")
        await reader.says("Nothing matches")
        await reader.go("/alerts")
        await reader.page.locator("#filter-status").select_option("suppressed")
        await expect(reader.page).to_have_url(f"{reader.url}/alerts?status=suppressed")


async def test_every_place_is_in_sight_on_a_phone(browser: Browser, company: Company) -> None:
    for width in (360, 390):
        async with visiting(
            browser, company.harness.url, token=company.seeded.token, size=(width, 800)
        ) as reader:
            await reader.go("/")
            boxes = [
                await one.bounding_box()
                for one in await reader.page.locator('nav[aria-label="Main"] a').all()
            ]
            assert len(boxes) == 8
            assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
            assert len({box["y"] for box in boxes if box}) == 2
            assert await reader.page.evaluate("document.querySelector('.card.flush').scrollWidth") <= width


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
