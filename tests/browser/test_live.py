"""What happens meanwhile arrives on an open page by itself, and disturbs nobody who reads or chooses."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import expect

from tests.browser.visitor import Visitor
from tests.support.daemon import Harness
from tests.support.endpoint import Endpoint

MARK = "window.reader = 'still here'"


async def monitor(tickd: Harness, endpoint: Endpoint, name: str = "Shop front") -> dict[str, Any]:
    """A monitor that looks every second, fails at the first failure, and has looked once."""
    said = {"name": name, "url": f"{endpoint.url}/{len(name)}", "interval_secs": 1, "failure_threshold": 1}
    reply = await tickd.call("POST", "/v1/monitors", said)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json
    assert (await tickd.call("POST", f"/v1/monitors/{made['id']}/check")).status == 200
    return made


async def listen(visitor: Visitor, path: str) -> None:
    """Open a page, and wait until it hears what happens."""
    async with visitor.page.expect_response("**/events?*"):
        await visitor.go(path)


async def test_the_overview_shows_at_once_that_something_fails(
    visitor: Visitor, tickd: Harness, endpoint: Endpoint
) -> None:
    made = await monitor(tickd, endpoint)
    await listen(visitor, "/")
    row = visitor.page.locator(f"#row-{made['id']}")
    await expect(row).to_contain_text("Up")
    good = await visitor.page.locator("#favicon").get_attribute("href")
    await visitor.page.evaluate(MARK)
    endpoint.status = 500
    await expect(row).to_contain_text("Down")
    await expect(visitor.page).to_have_title("1 down · tickd")
    assert await visitor.page.locator("#favicon").get_attribute("href") != good
    endpoint.status = 200
    await expect(row).to_contain_text("Up")
    assert await visitor.page.evaluate("window.reader") == "still here", "the page was loaded again"


async def test_what_is_chosen_and_typed_stays_while_the_overview_changes(
    visitor: Visitor, tickd: Harness, endpoint: Endpoint
) -> None:
    made = await monitor(tickd, endpoint)
    other = await monitor(tickd, Endpoint(url="http://127.0.0.1:9"), "Never there")
    await listen(visitor, "/")
    box = visitor.page.locator(f"#row-{other['id']} input[type=checkbox]")
    await box.check()
    search = visitor.page.locator("input[type=search]")
    await search.fill("127.0")
    endpoint.status = 500
    await expect(visitor.page.locator(f"#row-{made['id']}")).to_contain_text("Down")
    await expect(box).to_be_checked()
    await expect(search).to_have_value("127.0")
    await expect(search).to_be_focused()


async def test_the_page_of_a_monitor_shows_its_state_as_it_changes(
    visitor: Visitor, tickd: Harness, endpoint: Endpoint
) -> None:
    made = await monitor(tickd, endpoint)
    await listen(visitor, f"/monitors/{made['id']}")
    state = visitor.page.locator("h1 .state")
    await expect(state).to_contain_text("Up")
    endpoint.status = 500
    await expect(state).to_contain_text("Down")


async def test_a_ping_arrives_on_the_page_of_its_heartbeat(visitor: Visitor, tickd: Harness) -> None:
    made = (await tickd.call("POST", "/v1/heartbeats", {"name": "Copy"})).json
    await listen(visitor, f"/heartbeats/{made['id']}")
    await expect(visitor.page.locator("h1 .state")).to_contain_text("Pending")
    badge = visitor.page.locator("img.badge").last
    before = await badge.get_attribute("src")
    await tickd.call("POST", f"/p/{made['short_token']}", key=None)
    await expect(visitor.page.locator("h1 .state")).to_contain_text("Up")
    ping = visitor.page.locator("tr", has_text="Success")
    await expect(ping.locator("time").first).to_have_text(re.compile(r"\d\d:\d\d:\d\d$"))
    await expect(badge).not_to_have_attribute("src", str(before))
    await tickd.call("POST", f"/p/{made['short_token']}/fail", key=None)
    await expect(visitor.page.locator("h1 .state")).to_contain_text("Down")
    await expect(visitor.page).to_have_title("Down: Copy · tickd")
    assert "bad" in str(await visitor.page.locator("#favicon").get_attribute("href"))


async def test_an_incident_opens_and_resolves_on_an_open_list(
    visitor: Visitor, tickd: Harness, endpoint: Endpoint
) -> None:
    await monitor(tickd, endpoint)
    await listen(visitor, "/incidents")
    endpoint.status = 500
    await expect(visitor.page.locator("main")).to_contain_text("Shop front")
    endpoint.status = 200
    await expect(visitor.page.locator("main")).to_contain_text("Resolved")


async def test_a_new_monitor_shows_its_first_verdict_without_a_tick(
    visitor: Visitor, tickd: Harness, endpoint: Endpoint
) -> None:
    endpoint.gate.clear()
    said = {"name": "New", "url": f"{endpoint.url}/new"}
    made = (await tickd.call("POST", "/v1/monitors", said)).json
    await listen(visitor, f"/monitors/{made['id']}")
    state, badge = visitor.page.locator("h1 .state"), visitor.page.locator("img.badge").first
    await expect(state).to_contain_text("Pending")
    before = await badge.get_attribute("src")
    await visitor.page.evaluate(MARK)
    endpoint.gate.set()
    await expect(state).to_contain_text("Up")
    await expect(badge).not_to_have_attribute("src", str(before))
    assert await visitor.page.evaluate("window.reader") == "still here", "the page was loaded again"
