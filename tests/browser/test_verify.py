"""Verification of addresses with a real browser: live, by keyboard, on a phone, and without scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser import axe
from tests.browser.conftest import signed_in
from tests.browser.visitor import COOKIE, PHONE, Visitor, visiting
from tests.support.clock import FakeClock
from tests.support.daemon import Harness, running
from tests.support.mail_domains import mail_domains
from tests.web.pages import people
from tickd.clock import SystemClock

SOME = "ada@tickd.dev\nnobody\nkim@broken.dev"
"""Of the last one the name servers tell nothing, which is tried twice and takes some seconds."""
CLIPPED = """() => [...document.querySelectorAll(".card, .card td, .card th")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => `${one.tagName} ${one.className}: ${one.scrollWidth} > ${one.clientWidth}`)"""
"""What of the page's cards can be seen only by scrolling to the side."""
MIDDLES = """() => [...document.querySelectorAll(".brand, .top nav li, .tools, .tools summary")]
  .map((one) => one.getBoundingClientRect()).map((box) => box.top + box.height / 2)"""
"""How far down what is in the header stands, in CSS pixels."""
LONG = 15_000
"""How long that takes at most, in milliseconds."""


@pytest_asyncio.fixture(loop_scope="session")
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    """A daemon on the real clock that asks a name server of ours."""
    clock = cast(FakeClock, SystemClock())
    async with (
        mail_domains(failing=["broken.dev"]) as names,
        running(tmp_path / "tickd.db", clock=clock, dns_server=(("127.0.0.1", names.port),)) as harness,
    ):
        yield harness


async def test_an_address_is_verified_by_keyboard(visitor: Visitor) -> None:
    keyboard = visitor.page.keyboard
    await visitor.go("/verify")
    await expect(visitor.field("email")).to_be_focused()
    await keyboard.type("jane@gmail.con")
    await visitor.leave("Enter")
    await visitor.says("there is no domain gmail.con")
    await visitor.tab_to("Verify that one")
    await visitor.leave("Enter")
    await expect(visitor.page.locator("#result")).to_contain_text("jane@gmail.com")
    await expect(visitor.page.locator("#result .state")).to_have_text("Valid")
    await visitor.tab_to("Delete what is known of it")
    await visitor.leave("Enter")
    await visitor.tab_to("Delete this one")
    await visitor.leave("Space")
    await expect(visitor.page.locator(".flash")).to_contain_text("The verification was deleted.")


async def test_the_progress_of_a_batch_is_seen_as_it_happens(visitor: Visitor) -> None:
    await visitor.go("/verify")
    await visitor.fill({"emails": SOME})
    await visitor.press("Verify the list")
    batch = visitor.page.locator("#batch")
    await expect(batch).to_contain_text("2 of 3 done, 1 to be asked again")
    await expect(batch.locator("progress")).to_have_js_property("value", 2)
    await visitor.page.evaluate("window.reader = 'still here'")
    assert await axe.faults(visitor.page) == []
    await expect(batch).to_contain_text("3 of 3 done", timeout=LONG)
    await expect(batch.locator("#again")).to_have_count(0)
    await expect(batch.locator("tbody tr")).to_have_count(3)
    await expect(batch.locator("[role=status]")).to_contain_text("Done.")
    await expect(batch.locator("[data-count=unknown]")).to_have_text("1")
    await expect(batch.locator("h2")).to_have_text("Results")
    assert await visitor.page.evaluate("window.reader") == "still here", "the page was loaded again"


async def test_a_batch_is_followed_and_filtered_without_scripts(browser: Browser, tickd: Harness) -> None:
    token = await signed_in(tickd)
    async with visiting(browser, tickd.url, token=token, java_script_enabled=False) as plain:
        await plain.go("/verify")
        await plain.fill({"emails": SOME})
        await plain.press("Verify the list")
        await plain.page.get_by_text("3 of 3 done").wait_for(timeout=LONG)
        await plain.follow("Not valid 1")
        await plain.says("the address has no @-sign")
        assert await plain.page.get_by_text("ada@tickd.dev").count() == 0
        async with plain.page.expect_download() as saved:
            await plain.link("Download CSV").click()
        content = await asyncio.to_thread(Path(await (await saved.value).path()).read_text)
        assert content.index("ada@tickd.dev") < content.index("nobody") < content.index("kim@broken.dev")
        await plain.follow("Delete…")
        await plain.submit()
        await plain.says("The batch was deleted.")


async def test_a_file_is_taken(visitor: Visitor) -> None:
    await visitor.go("/verify")
    table = b"name,email\nAda,ada@tickd.dev\nKim,kim@tickd.dev\n"
    chosen = {"name": "people.csv", "mimeType": "text/csv", "buffer": table}
    await visitor.field("file").set_input_files(chosen)  # type: ignore[arg-type]
    await visitor.press("Verify the list")
    await expect(visitor.page.locator("#batch")).to_contain_text("2 of 2 done")
    await expect(visitor.page.locator(".flash")).to_contain_text("2 addresses found.")


async def test_the_calls_of_the_api_are_shown_beside_what_is_typed(visitor: Visitor) -> None:
    await visitor.go("/verify")
    await visitor.fill({"email": "jane@tickd.dev", "emails": "a@b.c\nd@e.f\ng@h.i\nj@k.l"})
    request = visitor.page.locator("#request")
    await visitor.page.get_by_role("button", name="Show as API call for one address").click()
    await expect(request).to_contain_text('{"email": "jane@tickd.dev"}')
    await visitor.page.get_by_role("button", name="Show as API call for a list").click()
    await expect(request).to_contain_text("The first 3 of 4 addresses.")
    await expect(visitor.field("email")).to_have_value("jane@tickd.dev")


@pytest.mark.parametrize(
    "email",
    [
        "x" * 5_000,
        "'" + "w" * 60 + "@" + "v" * 180 + ".dev",
        "x@" + "v" * 60 + "." + "w" * 60 + ".dev",
        "moc.x\u202e@tickd.dev",
    ],
)
async def test_a_strange_address_makes_no_page_wider(browser: Browser, tickd: Harness, email: str) -> None:
    token = await signed_in(tickd)
    made = (await tickd.call("POST", "/v1/verify", {"email": email})).json
    batch = (await tickd.call("POST", "/v1/verify/batch", {"emails": [email]})).json
    paths = (f"/verify?result={made['id']}", "/verify/history", f"/verify/history/{made['id']}/delete")
    async with visiting(browser, tickd.url, token=token, size=PHONE) as visitor:
        for path in (*paths, f"/verify/batches/{batch['id']}"):
            await visitor.go(path)
            assert await axe.overflow(visitor.page) == [], path
            assert await visitor.page.evaluate(CLIPPED) == [], path


@pytest.mark.parametrize("width", [1100, 1180, 1280, 1920])
async def test_the_header_is_one_row_whatever_the_reader_is_called(
    browser: Browser, tickd: Harness, width: int
) -> None:
    email = "a-long-name-of-somebody@a-long-name-of-a-company.example.com"
    await people.made(tickd, email, "owner")
    async with people.signed_in(tickd, email) as person:
        token = person.cookies[COOKIE]
    async with visiting(browser, tickd.url, token=token, size=(width, 800)) as visitor:
        await visitor.go("/verify")
        middles = await visitor.page.evaluate(MIDDLES)
        assert len(middles) > 10 and max(middles) - min(middles) < 4
        assert await axe.overflow(visitor.page) == []


async def test_an_address_is_found_in_the_history_and_deleted(visitor: Visitor) -> None:
    await visitor.go("/verify")
    for email in ("jane@tickd.dev", "joe@tickd.dev", "jane@tickd.dev"):
        await visitor.fill({"email": email})
        await visitor.press("Verify")
    await visitor.go("/verify/history")
    await visitor.fill({"email": "Jane@tickd.dev"})
    await visitor.press("Find")
    await visitor.says("2 verifications of Jane@tickd.dev.")
    assert await axe.faults(visitor.page) == []
    await visitor.follow("Delete all of this address…")
    await visitor.press("Delete all of this address")
    await visitor.says("2 verifications of that address deleted.")
    await expect(visitor.page.locator("tbody tr")).to_have_count(1)
