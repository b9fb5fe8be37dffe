"""Badges of public monitors: three pictures, their words and colours, for anybody, for five minutes."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from xml.etree import ElementTree

import pytest
import trustme

from tests.contract.certificates import clock, now, served_by, until_closed
from tests.contract.watching import look, monitor, picture, rooster_monitor, watched
from tests.support.authority import DAY
from tests.support.daemon import Harness, eventually, running
from tests.support.endpoint import Endpoint
from tests.support.servers import serving
from tickd.domain.badges import AMBER, GREEN, GREY, RED, YELLOW, YELLOW_GREEN

EVERY = (".svg", "/status.svg", "/response.svg")


async def badge(tickd: Harness, identifier: str, tail: str) -> tuple[str, str]:
    """What a badge says, and its colour."""
    status, _, text = await picture(tickd, f"/badge/{identifier}{tail}")
    assert status == 200
    root = ElementTree.fromstring(text)  # noqa: S314 - it is our own
    colours = [one.get("fill", "") for one in root.iter("{http://www.w3.org/2000/svg}rect")]
    return root.get("aria-label", ""), colours[2]


@pytest.mark.parametrize("tail", EVERY)
async def test_a_badge_is_an_svg_that_may_be_kept_for_five_minutes(tickd: Harness, tail: str) -> None:
    made = await monitor(tickd, status="paused")
    status, headers, text = await picture(tickd, f"/badge/{made['id']}{tail}")
    assert status == 200
    assert headers["Content-Type"].split(";")[0] == "image/svg+xml"
    assert headers["Cache-Control"] == "max-age=300"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert text.startswith("<svg ")
    assert (await tickd.call("POST", f"/badge/{made['id']}{tail}", key=None)).status == 405


@pytest.mark.parametrize("tail", EVERY)
async def test_only_public_monitors_have_badges(tickd: Harness, tail: str) -> None:
    hidden = await monitor(tickd, status="paused", public=False)
    of_rooster = await rooster_monitor(tickd, public=False, paused=True)
    for identifier in (hidden["id"], of_rooster["id"], "mon_0000000000000000", "a%20b"):
        # With a key or without, so that nobody learns which ids there are.
        for key in (None, tickd.key):
            reply = await tickd.call("GET", f"/badge/{identifier}{tail}", key=key)
            assert reply.status == 404
            assert "Cache-Control" not in reply.headers
    await tickd.call("PATCH", f"/v1/monitors/{hidden['id']}", {"public": True})
    assert (await picture(tickd, f"/badge/{hidden['id']}{tail}"))[0] == 200
    await tickd.call("DELETE", f"/v1/monitors/{hidden['id']}")
    assert (await picture(tickd, f"/badge/{hidden['id']}{tail}"))[0] == 404


async def test_before_the_first_check(tickd: Harness) -> None:
    made = await monitor(tickd, status="paused")
    assert await badge(tickd, made["id"], ".svg") == ("uptime: n/a", GREY)
    assert await badge(tickd, made["id"], "/status.svg") == ("status: paused", GREY)
    assert await badge(tickd, made["id"], "/response.svg") == ("response: n/a", GREY)


async def test_the_status_in_words(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.status = 500
    made = await watched(tickd, url=endpoint.url)
    assert await badge(tickd, made["id"], "/status.svg") == ("status: pending", GREY)
    await look(tickd, made["id"])
    assert await badge(tickd, made["id"], "/status.svg") == ("status: down", RED)
    endpoint.status = 200
    await look(tickd, made["id"])
    assert await badge(tickd, made["id"], "/status.svg") == ("status: up", GREEN)
    await tickd.call("POST", f"/v1/monitors/{made['id']}/pause")
    assert await badge(tickd, made["id"], "/status.svg") == ("status: paused", GREY)


async def test_a_certificate_that_soon_expires_warns(tmp_path: Path, authority: trustme.CA) -> None:
    tls = served_by(authority, "127.0.0.1", not_after=now() + 20 * DAY)
    async with (
        running(tmp_path / "tickd.db", clock=clock()) as tickd,
        serving(until_closed, tls=tls) as server,
    ):
        made = await watched(tickd, type="ssl", url=f"127.0.0.1:{server.port}")
        assert await badge(tickd, made["id"], "/status.svg") == ("status: warn", AMBER)
        assert await badge(tickd, made["id"], ".svg") == ("uptime: 100%", GREEN)
        assert await badge(tickd, made["id"], "/response.svg") == ("response: n/a", GREY)


@pytest.mark.parametrize(
    ("failed", "says", "colour"),
    [
        (0, "100%", GREEN),
        (1, "99.9%", GREEN),
        (5, "99.5%", GREEN),
        (6, "99.4%", YELLOW_GREEN),
        (10, "99%", YELLOW_GREEN),
        (11, "98.9%", YELLOW),
        (50, "95%", YELLOW),
        (51, "94.9%", RED),
        (1000, "0%", RED),
    ],
)
async def test_the_uptime_in_colours(
    tickd: Harness, endpoint: Endpoint, failed: int, says: str, colour: str
) -> None:
    made = await monitor(tickd, url=endpoint.url, status="paused")

    def unit(tx: sqlite3.Connection) -> None:
        tx.execute("UPDATE monitors SET checks_total = 1000, checks_failed = ?", (failed,))

    await tickd.daemon._database.write(unit)
    assert await badge(tickd, made["id"], ".svg") == (f"uptime: {says}", colour)


@pytest.mark.parametrize(
    ("took", "colour"),
    [
        (0.0, GREEN),
        (0.499, GREEN),
        (0.5, YELLOW_GREEN),
        (1.499, YELLOW_GREEN),
        (1.5, YELLOW),
        (2.999, YELLOW),
        (3.0, RED),
        (9.0, RED),
    ],
)
async def test_the_response_time_in_colours(
    tickd: Harness, endpoint: Endpoint, took: float, colour: str
) -> None:
    made = await monitor(tickd, url=endpoint.url, status="paused")
    endpoint.gate.clear()
    looking = asyncio.create_task(look(tickd, made["id"]))

    async def called() -> bool:
        return bool(endpoint.calls)

    await eventually(called)
    await tickd.clock.advance(took)
    endpoint.gate.set()
    await looking
    assert await badge(tickd, made["id"], "/response.svg") == (f"response: {round(took * 1000)}ms", colour)


async def test_no_response_has_no_time(tickd: Harness, endpoint: Endpoint) -> None:
    refused = await watched(tickd)
    assert refused["last_check"]["status"] == "down"
    assert await badge(tickd, refused["id"], "/response.svg") == ("response: n/a", GREY)
    ssl = await watched(tickd, type="ssl", url="127.0.0.1:9")
    assert await badge(tickd, ssl["id"], "/response.svg") == ("response: n/a", GREY)
    assert await badge(tickd, ssl["id"], ".svg") == ("uptime: 0%", RED)
    endpoint.status = 500
    bad = await watched(tickd, url=endpoint.url)
    assert await badge(tickd, bad["id"], "/response.svg") == ("response: 0ms", GREEN)
