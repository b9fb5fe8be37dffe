"""A person with a browser that runs no scripts: keeps cookies, sends forms with their CSRF token."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

import aiohttp
from yarl import URL

from tests.support.daemon import Harness

EMAIL, PASSWORD = "owner@example.com", "correct horse battery"
_TOKEN = re.compile(r'name="csrf"[^>]*value="([^"]+)"|<meta name="csrf" content="([^"]+)"')


@dataclass(slots=True)
class Shown:
    """A page as it arrived; redirects are not followed."""

    status: int
    headers: Any
    text: str

    @property
    def location(self) -> str:
        """Where it sends the reader, "" when nowhere."""
        found: str = self.headers.get("Location", "")
        return found

    @property
    def words(self) -> str:
        """The text of the page without its tags, in one line."""
        bare = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", self.text, flags=re.DOTALL)
        return " ".join(unescape(bare).split())


class Browser:
    """One visitor of a running daemon."""

    def __init__(self, harness: Harness, session: aiohttp.ClientSession) -> None:
        self.harness = harness
        self._session = session

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that this visitor has for the daemon."""
        found = self._session.cookie_jar.filter_cookies(URL(self.harness.url))
        return {name: morsel.value for name, morsel in found.items()}

    def be(self, token: str) -> None:
        """Hold the session of that token."""
        self._session.cookie_jar.update_cookies({"tickd_session": token}, URL(self.harness.url))

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Shown:
        """A page."""
        return await self._ask("GET", path, headers=headers or {})

    async def fragment(self, path: str) -> Shown:
        """A part of a page, as the page's script asks for it."""
        return await self._ask("GET", path, headers={"HX-Request": "true"})

    async def token(self, path: str = "/sign-in") -> str:
        """The CSRF token that a page gives this visitor."""
        found = _TOKEN.search((await self.get(path)).text)
        assert found, f"{path} has no CSRF token"
        return found[1] or found[2]

    async def send(
        self,
        path: str,
        values: Mapping[str, str | Sequence[str]] | None = None,
        *,
        page: str | None = None,
        headers: Mapping[str, str] | None = None,
        follow: bool = False,
    ) -> Shown:
        """Send a form; its token is taken from `page`, or from the settings' or the sign-in page.

        With `follow`, the page that it leads to.
        """
        where = page or ("/settings/security" if "tickd_session" in self.cookies else "/sign-in")
        pairs = [("csrf", await self.token(where))]
        for name, value in (values or {}).items():
            pairs += [(name, value)] if isinstance(value, str) else [(name, item) for item in value]
        answer = await self._ask("POST", path, data=pairs, headers=headers or {})
        if follow and answer.status == 303:
            return await self.get(answer.location)
        return answer

    async def set_up(self, email: str = EMAIL, password: str = PASSWORD) -> None:
        """Become the first user, an owner, by the set-up link."""
        link = f"/setup?token={self.harness.daemon.services.users.setup_token}"
        said = {"email": email, "name": "Olive Owner", "password": password, "repeat": password}
        token = self.harness.daemon.services.users.setup_token or ""
        answer = await self.send("/setup", said | {"token": token}, page=link)
        assert answer.status == 303, answer.words

    async def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> Shown:
        """Sign in with e-mail and password."""
        return await self.send("/sign-in", {"email": email, "password": password}, page="/sign-in")

    async def _ask(self, method: str, path: str, **more: Any) -> Shown:
        url = URL(self.harness.url + path, encoded=True)
        async with self._session.request(method, url, allow_redirects=False, **more) as answer:
            return Shown(answer.status, answer.headers, await answer.text())


@asynccontextmanager
async def browser(harness: Harness) -> AsyncIterator[Browser]:
    """A visitor without any cookie."""
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address, as 127.0.0.1 is
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Browser(harness, session)


@asynccontextmanager
async def owner(harness: Harness) -> AsyncIterator[Browser]:
    """The signed-in owner of the default account, set up by the link."""
    async with browser(harness) as visitor:
        await visitor.set_up()
        yield visitor
