"""The first page and its files: what they show, and what they refuse to run."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import aiohttp
import pytest

from tests.support.daemon import Harness, running
from tickd import __version__

FILES = {file.name: file.read_bytes() for file in (resources.files("tickd") / "static").iterdir()}
POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}


class Page(HTMLParser):
    """Collects what a page would run or load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.styles: list[str | None] = []
        self.inline: list[str] = []
        self._in: str = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "script":
            self.scripts.append(known.get("src"))
        if tag == "link" and known.get("rel") == "stylesheet":
            self.styles.append(known.get("href"))
        self.inline += [f"<{tag} {name}>" for name in known if name == "style" or name.startswith("on")]
        self._in = tag

    def handle_data(self, data: str) -> None:
        if self._in in ("script", "style") and data.strip():
            self.inline.append(data)


async def fetch(tickd: Harness, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, str]:
    async with tickd._session.get(tickd.url + path, headers=headers) as answer:
        return answer, await answer.text()


@pytest.fixture
async def dev(tmp_path: Path) -> AsyncIterator[Harness]:
    async with running(tmp_path / "unused.db", dev=True, api_key="") as harness:
        yield harness


async def test_the_page_of_a_daemon_in_service(tickd: Harness) -> None:
    answer, text = await fetch(tickd, "/")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    page = Page(text)
    assert (page.scripts, page.styles, page.inline) == ([], ["/static/home.css"], [])
    assert "<title>tickd</title>" in text
    assert f"curl {tickd.url}/v1/jobs" in text
    assert f"tickd {__version__}" in text
    for link in re.findall(r'href="(/[^"]*)"', text):
        assert (await fetch(tickd, link))[0].status == 200, link


async def test_the_page_of_tickd_dev(dev: Harness) -> None:
    answer, text = await fetch(dev, "/")
    assert answer.status == 200
    page = Page(text)
    assert (page.scripts, page.styles, page.inline) == (["/static/dev.js"], ["/static/home.css"], [])
    assert "<title>tickd dev</title>" in text
    assert f"curl {dev.url}/v1/jobs" in text


async def test_nothing_inline_may_run(tickd: Harness) -> None:
    for path in ("/", *(f"/static/{name}" for name in FILES)):
        answer, _ = await fetch(tickd, path)
        directives = [
            one.strip().partition(" ") for one in answer.headers["Content-Security-Policy"].split(";")
        ]
        assert {name: value for name, _, value in directives} == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_the_files_of_the_page(tickd: Harness) -> None:
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert FILES
    for name, content in FILES.items():
        answer, text = await fetch(tickd, f"/static/{name}")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == f"{kinds[name.rpartition('.')[2]]}; charset=utf-8"
        assert text.encode() == content


@pytest.mark.parametrize("mode", [False, True], ids=["serve", "dev"])
async def test_what_comes_from_settings_is_escaped(tmp_path: Path, mode: bool) -> None:
    evil = 'http://127.0.0.1/"><script>alert(1)</script>&amp;'
    async with running(tmp_path / "tickd.db", dev=mode, base_url=evil) as tickd:
        tickd.url = f"http://127.0.0.1:{tickd.daemon.address[1]}"
        _, text = await fetch(tickd, "/")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;" in text
    assert Page(text).inline == []


def test_the_script_never_makes_markup_of_data() -> None:
    script = FILES["dev.js"].decode()
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "DOMParser",
    ):
        assert way not in script
    assert "http://" not in script
    assert "https://" not in script


async def test_dev_answers_no_foreign_name(dev: Harness) -> None:
    for host in ("evil.example", "evil.example:8090", "127.0.0.1.evil.example", "localhost.evil", "10.0.0.1"):
        for path in ("/", "/static/dev.js", "/v1/jobs", "/healthz", "/nothing"):
            reply = await dev.call("GET", path, headers={"Host": host})
            assert reply.status == 403, (host, path)
            assert reply.json == {"error": f"tickd dev answers on localhost only, not on {host}"}


async def test_dev_answers_every_name_of_this_machine(dev: Harness) -> None:
    for host in ("localhost", "localhost:8090", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8090"):
        answer, _ = await fetch(dev, "/", Host=host)
        assert answer.status == 200, host


async def test_a_daemon_in_service_answers_any_name(tickd: Harness) -> None:
    answer, _ = await fetch(tickd, "/", Host="tickd.example.com")
    assert answer.status == 200
