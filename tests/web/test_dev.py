"""`tickd dev` asks for no sign-in, and so answers nobody who comes by a foreign name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.browsing import browser
from tests.support.daemon import Harness, running


@pytest.fixture
async def dev(tmp_path: Path) -> AsyncIterator[Harness]:
    async with running(tmp_path / "unused.db", dev=True, api_key="") as harness:
        yield harness


async def test_dev_answers_no_foreign_name(dev: Harness) -> None:
    for host in ("evil.example", "evil.example:8090", "127.0.0.1.evil.example", "localhost.evil", "10.0.0.1"):
        for path in ("/v1/jobs", "/healthz"):
            reply = await dev.call("GET", path, headers={"Host": host})
            assert reply.status == 403, (host, path)
            assert reply.json == {"error": f"tickd dev answers on localhost only, not on {host}"}
        async with browser(dev) as visitor:
            for path in ("/", "/events", "/nothing", "/monitors/new", "/static/app.css"):
                assert (await visitor.get(path, headers={"Host": host})).status == 403, (host, path)


async def test_dev_answers_every_name_of_this_machine(dev: Harness) -> None:
    async with browser(dev) as visitor:
        for host in ("localhost", "localhost:8090", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8090"):
            assert (await visitor.get("/", headers={"Host": host})).status == 200, host


async def test_a_daemon_in_service_answers_any_name(tickd: Harness) -> None:
    async with browser(tickd) as visitor:
        shown = await visitor.get("/", headers={"Host": "tickd.example.com"})
        assert (shown.status, shown.location) == (303, "/sign-in") or shown.status in (200, 303)


async def test_the_overview_of_dev_is_open_and_leads_to_the_first_steps(dev: Harness) -> None:
    async with browser(dev) as visitor:
        shown = await visitor.get("/")
        assert shown.status == 200
        assert f"curl {dev.url}/v1/jobs" in shown.words
