"""Each kind of thing by its pages: made, changed, put off, taken up again, and deleted after a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from playwright.async_api import expect

from tests.browser.visitor import Visitor
from tests.support.endpoint import Endpoint


@dataclass(frozen=True)
class Kind:
    """A kind by its path, what its form asks for, and what is changed of it."""

    path: str
    said: Mapping[str, str]
    changed: Mapping[str, str] = field(default_factory=lambda: {"name": "Renamed & co"})
    chosen: Mapping[str, str] = field(default_factory=dict)
    can_pause: bool = True


KINDS = (
    Kind("monitors", {"name": "Shop <front>", "url": "{endpoint}/health"}),
    Kind("jobs", {"name": "Nightly <b>backup</b>", "endpoint": "{endpoint}/run", "schedule": "15 2 * * *"}),
    Kind("heartbeats", {"name": "Copy 'off' site"}),
    Kind("channels", {"name": "Hook", "url": "{endpoint}/hook"}, can_pause=False),
    Kind(
        "maintenance",
        {"name": "Switch", "starts_at": "2031-03-03T10:00", "ends_at": "2031-03-03T12:00"},
        chosen={"when": "once", "covers": "all"},
        can_pause=False,
    ),
    Kind(
        "status-pages",
        {"slug": "acme", "title": "Acme"},
        changed={"title": "Renamed & co"},
        can_pause=False,
    ),
)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.path for kind in KINDS])
async def test_a_kind_is_made_changed_paused_and_deleted(
    visitor: Visitor, endpoint: Endpoint, kind: Kind
) -> None:
    await visitor.go(f"/{kind.path}/new{'?kind=webhook' if kind.path == 'channels' else ''}")
    said = {name: value.format(endpoint=endpoint.url) for name, value in kind.said.items()}
    await visitor.fill(said)
    for name, value in kind.chosen.items():
        await visitor.page.locator(f'[name="{name}"][value="{value}"]').check()
    await visitor.submit()
    name = said.get("name") or said["title"]
    await visitor.says(name)
    home = await _open(visitor, kind, name)

    await visitor.go(f"{home}/edit")
    await visitor.fill(kind.changed)
    await visitor.submit()
    await visitor.says("Renamed & co")

    if kind.can_pause:
        await visitor.go(home)
        await visitor.press("Pause")
        await visitor.says("paused")
        assert await visitor.button("Pause").count() == 0
        await visitor.press("Resume")
        assert await visitor.button("Pause").count() == 1

    await visitor.go(f"{home}/delete")
    title = await visitor.page.locator("h1").inner_text()
    assert title.startswith("Delete") and "Renamed & co" in title
    await visitor.submit()
    visitor.guard.allow("status of 404")
    assert (await visitor.go(home)).status == 404


async def _open(visitor: Visitor, kind: Kind, name: str) -> str:
    """The path of what was made."""
    if visitor.path.count("/") >= 2:
        return visitor.path.removesuffix("/edit")
    link = visitor.page.locator(f'main a[href^="/{kind.path}/"]').filter(has_text=name).first
    return str(await link.get_attribute("href")).removesuffix("/edit")


async def test_a_refused_form_keeps_what_was_said_and_names_the_field(visitor: Visitor) -> None:
    await visitor.go("/monitors/new")
    await visitor.fill({"name": "Shop", "url": "ftp://example.com"})
    visitor.guard.allow("status of 422")
    await visitor.submit()
    focused = await visitor.focused()
    assert (focused["name"], focused["visible"]) == ("url", True)
    assert await visitor.field("name").input_value() == "Shop"
    await expect(visitor.page.locator("#error-url")).to_have_count(1)


async def test_a_try_that_can_not_be_says_so_beside_the_field(visitor: Visitor, endpoint: Endpoint) -> None:
    await visitor.go("/monitors/new")
    await visitor.fill({"name": "Shop", "url": "nonsense"})
    visitor.guard.allow("status of 422")
    await visitor.button("Try it").click()
    said = visitor.page.locator(".field.url .error")
    await said.wait_for()
    assert (await said.inner_text()).startswith("URL must be")
    await visitor.page.wait_for_function("document.activeElement.name === 'url'")
    await expect(visitor.page.locator("#trial li")).to_have_count(0)
    await visitor.fill({"url": f"{endpoint.url}/tried"})
    await visitor.button("Try it").click()
    await visitor.page.locator("#trial").get_by_text("200").first.wait_for()
    await expect(visitor.page.locator(".field .error, [aria-invalid]")).to_have_count(0)


async def test_a_chart_shows_its_latest_point_and_keeps_its_range(
    visitor: Visitor, endpoint: Endpoint
) -> None:
    await visitor.go("/monitors/new")
    await visitor.fill({"name": "Shop", "url": f"{endpoint.url}/health"})
    await visitor.submit()
    await visitor.press("Check now")
    values = visitor.page.locator(".u-legend .u-value")
    await values.last.wait_for()
    for _ in ("before it is pointed at", "and after"):
        assert all(text.endswith("ms") for text in (await values.all_inner_texts())[1:])
        await visitor.page.locator(".u-over").hover()
        await visitor.page.mouse.move(1, 1)
    await visitor.button("7d").click()
    await visitor.page.wait_for_function("location.search.includes('range=7d')")
    await visitor.page.reload()
    assert await visitor.button("7d").get_attribute("aria-pressed") == "true"
    assert await visitor.button("24h").get_attribute("aria-pressed") == "false"


async def test_a_new_job_begins_in_the_readers_zone_and_tells_a_mistake_once(visitor: Visitor) -> None:
    await visitor.go("/jobs/new")
    own = await visitor.page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    assert await visitor.field("timezone").input_value() == own
    await visitor.fill({"name": "x", "endpoint": "http://127.0.0.1:9/", "schedule": "banana"})
    await visitor.page.locator("#coming .error").wait_for()
    visitor.guard.allow("status of 422")
    await visitor.submit()
    await expect(visitor.page.locator("#error-schedule, #coming .error")).to_have_count(1)
    await visitor.fill({"schedule": "apple"})
    await visitor.page.locator("#coming .error").wait_for()
    await expect(visitor.page.locator("#error-schedule, #coming .error")).to_have_count(1)


async def test_a_job_runs_now_and_shows_how_it_went(visitor: Visitor, endpoint: Endpoint) -> None:
    await visitor.go("/jobs/new")
    await visitor.fill({"name": "Backup", "endpoint": f"{endpoint.url}/run", "schedule": "15 2 * * *"})
    await visitor.says("At 02:15")
    await visitor.submit()
    await visitor.press("Run now")
    await visitor.page.locator("table.runs td").get_by_text("Success").first.wait_for()
    assert [call.path for call in endpoint.calls] == ["/run"]
    await visitor.page.locator("summary", has_text="Details").first.click()
    await visitor.says("Beginning of the answer")


async def test_a_monitor_is_tried_before_it_is_saved_and_checked_by_hand(
    visitor: Visitor, endpoint: Endpoint
) -> None:
    await visitor.go("/monitors/new")
    await visitor.fill({"name": "Shop", "url": f"{endpoint.url}/tried"})
    await visitor.button("Try it").click()
    await visitor.page.locator("#trial").get_by_text("200").first.wait_for()
    assert [call.path for call in endpoint.calls] == ["/tried"]
    await visitor.submit()
    await visitor.press("Check now")
    await visitor.page.locator("h1 .state").get_by_text("up", exact=False).wait_for()


@pytest.mark.parametrize("kind", ["monitors", "jobs", "heartbeats", "channels"])
async def test_a_form_shows_its_call_of_the_api(visitor: Visitor, kind: str) -> None:
    await visitor.go(f"/{kind}/new{'?kind=webhook' if kind == 'channels' else ''}")
    await visitor.fill({"name": "Shown as a call"})
    if kind == "channels":
        await visitor.fill({"url": "https://example.com/hook"})
    await visitor.button("Show as API call").click()
    code = visitor.page.locator("#request code").first
    await code.wait_for()
    text = await code.inner_text()
    assert text.startswith("curl ") and f"/v1/{kind}" in text and "Shown as a call" in text
