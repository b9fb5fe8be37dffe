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
from tests.browser.visitor import PHONE, Visitor, visiting
from tests.support.clock import FakeClock
from tests.support.daemon import Harness, running
from tests.support.mail_domains import mail_domains
from tickd.clock import SystemClock

SOME = "ada@tickd.dev\nnobody\nkim@broken.dev"
"""Of the last one the name servers tell nothing, which is tried twice and takes some seconds."""
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
    await expect(batch).to_contain_text("2 of 3 done")
    await expect(batch.locator("progress")).to_have_js_property("value", 2)
    await visitor.page.evaluate("window.reader = 'still here'")
    assert await axe.faults(visitor.page) == []
    await expect(batch).to_contain_text("3 of 3 done", timeout=LONG)
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
    "email", ["x" * 5_000, "'" + "w" * 60 + "@" + "v" * 180 + ".dev", "moc.x\u202e@tickd.dev"]
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
