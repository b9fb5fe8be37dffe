"""The guard can fail a test: each kind of fault is heard."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.browser.company import Company
from tests.browser.visitor import visiting
from tests.support.daemon import eventually

ELSEWHERE = "https://elsewhere.example/x.png"
FAULTS = {
    "console.error('oops')": "console error: oops",
    "setTimeout(() => { throw new Error('late') })": "uncaught: late",
    f"make('img', {{src: '{ELSEWHERE}'}})": f"img-src blocked {ELSEWHERE}",
    "make('style', {textContent: 'b {}'})": "CSP: style-src",
    "document.body.setAttribute('onclick', 'alert(1)'), document.body.click()": "CSP: script-src",
}
MAKE = "const make = (tag, more) => document.body.append(Object.assign(document.createElement(tag), more)); "


@pytest.mark.parametrize("script", FAULTS, ids=["console", "error", "image", "style", "handler"])
async def test_the_guard_hears_of_a_fault(browser: Browser, company: Company, script: str) -> None:
    with pytest.raises(AssertionError) as caught:
        async with visiting(browser, company.harness.url) as visitor:
            await visitor.go("/sign-in")
            await visitor.page.evaluate(f"() => {{ {MAKE} {script}; }}")

            async def heard() -> bool:
                return any(FAULTS[script] in line for line in visitor.guard.wrong)

            await eventually(heard)
    assert FAULTS[script] in str(caught.value)


async def test_what_a_test_provokes_is_allowed(browser: Browser, company: Company) -> None:
    async with visiting(browser, company.harness.url) as visitor:
        await visitor.go("/sign-in")
        visitor.guard.allow("on purpose")
        await visitor.page.evaluate("console.error('on purpose')")
