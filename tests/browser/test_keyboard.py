"""By keyboard alone: everything is reached, and it can be seen where one is."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser import addresses
from tests.browser.company import Company
from tests.browser.visitor import PHONE, Visitor, visiting
from tests.support.endpoint import Endpoint

_IS_HIDDEN = """() => {
  const one = document.activeElement, bar = document.querySelector(".form .buttons");
  const [box, over] = [one.getBoundingClientRect(), bar.getBoundingClientRect()];
  return !bar.contains(one) && box.bottom > over.top + 1 && box.top < over.bottom;
}"""
STOPS = 60
"""How many places of a page are looked at, at most."""


async def test_the_first_tab_skips_to_the_content(visitor: Visitor) -> None:
    await visitor.go("/")
    await visitor.page.keyboard.press("Tab")
    focused = await visitor.focused()
    assert (focused["text"], focused["visible"]) == ("Skip to the content", True)
    await expect(visitor.page.locator("a.skip")).to_be_in_viewport()
    await visitor.page.keyboard.press("Enter")
    assert (await visitor.focused())["id"] == "main"


async def test_a_monitor_is_made_by_keyboard(visitor: Visitor, endpoint: Endpoint) -> None:
    keyboard = visitor.page.keyboard
    await visitor.go("/")
    await visitor.tab_to("New")
    await keyboard.press("Enter")
    await keyboard.press("Escape")
    assert (await visitor.focused())["text"].startswith("New"), "Escape closes the menu and stays there"
    await keyboard.press("Enter")
    await visitor.tab_to("Monitor")
    await visitor.leave("Enter")
    assert visitor.path == "/monitors/new"
    await visitor.tab_to(name="name")
    await keyboard.type("Typed")
    await visitor.tab_to(name="url")
    await keyboard.type(endpoint.url)
    await visitor.leave("Enter")
    assert visitor.path.startswith("/monitors/mon_")
    await visitor.says("Typed")
    await visitor.tab_to("Check now")
    await visitor.leave("Enter")
    await visitor.tab_to("Delete")
    await visitor.leave("Enter")
    await visitor.tab_to("Delete")
    await visitor.leave("Space")
    await expect(visitor.page.locator(".flash")).to_contain_text("deleted")


async def test_a_slash_goes_to_the_search(visitor: Visitor, endpoint: Endpoint) -> None:
    await visitor.go("/monitors/new")
    await visitor.fill({"name": "Shop", "url": endpoint.url})
    await visitor.submit()
    await visitor.go("/")
    await visitor.page.keyboard.press("/")
    await expect(visitor.page.locator("input[type=search]")).to_be_focused()


@pytest.mark.parametrize("path", ["/", "/monitors/new", "/incidents", "/monitors/{id}", "/status/{slug}"])
async def test_the_focus_can_always_be_seen(
    browser: Browser, company: Company, known: dict[str, str], path: str
) -> None:
    async with visiting(browser, company.harness.url, token=company.seeded.token) as visitor:
        await visitor.go(addresses.filled(path, known))
        hidden, seen = [], set()
        for _ in range(STOPS):
            await visitor.page.keyboard.press("Tab")
            focused = await visitor.focused()
            if focused["tag"] == "BODY":
                break
            seen.add((focused["tag"], focused["id"], focused["text"]))
            if not focused["visible"]:
                hidden.append(focused)
        assert hidden == []
        assert len(seen) > 5


async def test_on_a_phone_the_buttons_of_a_form_never_hide_what_has_the_focus(
    browser: Browser, company: Company
) -> None:
    token = company.seeded.token
    async with visiting(browser, company.harness.url, token=token, size=PHONE) as visitor:
        await visitor.go("/jobs/new")
        for _ in range(STOPS):
            await visitor.page.keyboard.press("Tab")
            if (await visitor.focused())["tag"] not in ("INPUT", "SELECT", "TEXTAREA", "SUMMARY"):
                continue
            assert not await visitor.page.evaluate(_IS_HIDDEN)
