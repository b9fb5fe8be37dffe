"""A person with a real browser: a guarded page of a daemon, and what such a person does there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Locator, Page, Response

from tests.browser.guard import Guard

DESKTOP, PHONE = (1280, 800), (390, 844)
"""Widths and heights of windows, in CSS pixels."""
TIMEOUT_MS = 6_000
"""How long a page gets to show what a test waits for."""
COOKIE = "tickd_session"


class Visitor:
    """A page of its own in a browser without any past; `guard` hears what goes wrong."""

    def __init__(self, page: Page, guard: Guard, url: str) -> None:
        self.page = page
        self.guard = guard
        self.url = url

    async def go(self, path: str) -> Response:
        """Open a path of the daemon."""
        answer = await self.page.goto(self.url + path, wait_until="load")
        assert answer is not None, f"{path} is no page"
        return answer

    @property
    def path(self) -> str:
        """Where the visitor is, without the query."""
        return self.page.url.removeprefix(self.url).partition("?")[0]

    def field(self, name: str) -> Locator:
        """A field of the page's form by the name it is sent with."""
        return self.page.locator(f'main [name="{name}"]').first

    def button(self, name: str) -> Locator:
        """A button of the page by its words."""
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name: str) -> Locator:
        """A link of the page by its words."""
        return self.page.locator("main").get_by_role("link", name=name, exact=True)

    async def fill(self, values: Mapping[str, str]) -> None:
        """Fill fields by their names; what is folded away is opened first."""
        for name, value in values.items():
            one = self.field(name)
            await self.unfold(one)
            if await one.evaluate("one => one.tagName") == "SELECT":
                await one.select_option(value)
            else:
                await one.fill(value)

    async def unfold(self, one: Locator) -> None:
        """Open the sections that hide an element."""
        closed = one.locator("xpath=ancestor::details[not(@open)]/summary")
        while await closed.count():
            await closed.first.click()

    async def press(self, name: str) -> None:
        """Press a button that sends a form, and wait for the page behind it."""
        async with self.page.expect_navigation(wait_until="load"):
            await self.button(name).first.click()

    async def submit(self) -> None:
        """Press the form's main button, and wait for the page behind it."""
        async with self.page.expect_navigation(wait_until="load"):
            await self.page.locator("main form button.primary, main form button.danger").last.click()

    async def follow(self, name: str) -> None:
        """Follow a link of the page by its words."""
        async with self.page.expect_navigation(wait_until="load"):
            await self.link(name).first.click()

    async def sign_out(self) -> None:
        """Sign out by the menu."""
        await self.page.locator("summary.who").click()
        await self.press("Sign out")
        assert self.path == "/sign-in"

    async def says(self, words: str) -> None:
        """Wait until the page's main part shows these words."""
        await self.page.locator("body").get_by_text(words).first.wait_for()

    async def tab_to(self, text: str = "", name: str = "") -> None:
        """Press Tab until the focus is on what begins with these words, or has that name."""
        for _ in range(100):
            await self.page.keyboard.press("Tab")
            focused = await self.focused()
            if (name and focused["name"] == name) or (text and focused["text"].startswith(text)):
                assert focused["visible"], f"it can't be seen that {text or name} has the focus"
                return
        raise AssertionError(f"Tab never came to {text or name}")

    async def leave(self, key: str) -> None:
        """Press a key that leads to another page."""
        async with self.page.expect_navigation(wait_until="load"):
            await self.page.keyboard.press(key)

    async def focused(self) -> dict[str, Any]:
        """The element that has the focus: its tag, name, words and whether its focus can be seen."""
        found: dict[str, Any] = await self.page.evaluate(_FOCUSED)
        return found


_FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return {
    tag: one.tagName, name: one.getAttribute("name") || "", id: one.id,
    text: (one.innerText || one.value || "").trim().slice(0, 80),
    visible: outlined || style.boxShadow !== "none",
  };
}"""


@asynccontextmanager
async def visiting(
    browser: Browser, url: str, *, token: str = "", size: tuple[int, int] = DESKTOP, **more: Any
) -> AsyncIterator[Visitor]:
    """A visitor, signed in by a session's `token`; AssertionError at the end when anything went wrong.

    `more` goes to Playwright's `new_context`: `color_scheme`, `java_script_enabled`.
    """
    plain: dict[str, Any] = {"locale": "en-GB", "timezone_id": "Europe/Berlin", "reduced_motion": "reduce"}
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]}, **(plain | more))
    context.set_default_timeout(TIMEOUT_MS)
    guard = Guard(url.partition("://")[2])
    try:
        await guard.watch(context)
        if token:
            await context.add_cookies([{"name": COOKIE, "value": token, "url": url}])
        yield Visitor(await context.new_page(), guard, url)
        assert not guard.wrong, "\n".join(guard.wrong)
    finally:
        await context.close()
