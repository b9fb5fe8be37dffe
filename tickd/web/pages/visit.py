"""A visit: one request for a page, who makes it, and the ways to answer it."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from aiohttp import web
from multidict import MultiDict, MultiDictProxy

from tickd.domain.accounts import DEFAULT_ACCOUNT, Principal
from tickd.domain.users import User
from tickd.errors import Forbidden, LimitReached, NotFound, TickdError, Unauthorized
from tickd.services.bundle import Services
from tickd.services.users import Signed
from tickd.web import fields
from tickd.web.answers import NATIVE
from tickd.web.pages import site, words
from tickd.web.pages.receiving import Data, receive
from tickd.web.routes import BASE_URL, SECURE, SERVICES, SOURCE

T = TypeVar("T")

SESSION, VISITOR, FLASH = "tickd_session", "tickd_visitor", "tickd_flash"
"""The cookies: who is signed in, who is not, and what to say on the next page."""
SESSION_SECS = 90 * 86_400
_FLASH_MOST = 4_000
_NONCE_LETTERS = 16
_IN_ADDRESSES = "/?#[]@!$&'()*+,;=:%~"
TO_OVERVIEW = ("/", "To the overview")
TOO_OLD = "This form is too old. Go back, load the page again, and send it once more."
_TITLES = {401: "Sign in first", 403: "Not allowed", 404: "Not found", 429: "Too many attempts"}


@dataclass(slots=True)
class Visit:
    """A request for a page on its way through one handler."""

    request: web.Request
    services: Services
    base_url: str
    signed: Signed | None
    secret: str
    """The cookie's value that this visitor's CSRF tokens are made of."""
    set_cookies: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Cookies to be set by the answer: name to (value, seconds); 0 seconds takes one away."""
    data: Data = field(default_factory=lambda: MultiDictProxy(MultiDict()))
    """The form that was sent."""

    version: str = ""
    """What the account's state was before anything of it was read, for the page to hear what came after."""

    @property
    def user(self) -> User:
        """Who is signed in; Unauthorized when nobody is."""
        if self.signed is None:
            raise Unauthorized("sign in first")
        return self.signed.user

    @property
    def who(self) -> Principal:
        """What the user may do."""
        if self.signed is None:
            raise Unauthorized("sign in first")
        return self.signed.principal

    @property
    def account_id(self) -> str:
        """The user's account."""
        return self.who.account_id

    @property
    def is_operators(self) -> bool:
        """Whether it is the operator's own account, which may see how the daemon is."""
        return self.account_id == DEFAULT_ACCOUNT

    @property
    def source(self) -> str:
        """The address that the request came from."""
        return self.request[SOURCE]

    @property
    def agent(self) -> str:
        """What the browser calls itself, at most 300 characters."""
        return self.request.headers.get("User-Agent", "")[:300]

    @property
    def is_fragment(self) -> bool:
        """Whether a script asks for a part of a page."""
        return self.request.headers.get("HX-Request") == "true"

    def path(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def query(self, kind: type[T]) -> T:
        """The query string, read and checked."""
        return fields.read_query(self.request.query, kind)

    def text(self, name: str) -> str:
        """A text of the form that was sent, "" when it is not there."""
        value = self.data.get(name, "")
        return value if isinstance(value, str) else ""

    def csrf(self) -> str:
        """A new CSRF token; no two are the same, so that a compressed page tells nothing of it."""
        nonce = secrets.token_hex(_NONCE_LETTERS // 2)
        return nonce + _proof(self.secret, nonce)

    def page(
        self,
        template: str,
        status: int = 200,
        *,
        cache_control: str = "private, no-cache",
        etag: bool = False,
        **values: object,
    ) -> web.Response:
        """The page of a template; it is given `visit`, `user`, `may`, `csrf` and `flash` besides `values`."""
        html = site.draw(template, **self._given(), **values)
        if self.is_fragment:
            # It has the address of its page: kept, it would be shown in its place by the Back button.
            cache_control = "no-store"
        return self._dressed(site.send(self.request, html, status, cache_control=cache_control, etag=etag))

    def go(self, path: str, say: str = "", *, tone: str = "good") -> web.Response:
        """On to another page of ours, which says `say` once."""
        path = quote(path, safe=_IN_ADDRESSES)  # no line break gets into a header
        if say:
            packed = urlsafe_b64encode(json.dumps([tone, say[:500]]).encode()).decode()
            self.set_cookies[FLASH] = (packed, 60)
        if self.is_fragment:
            return self._dressed(web.Response(headers=site.HEADERS | {"HX-Redirect": path}))
        headers = site.HEADERS | {"Location": path, "Cache-Control": "no-store"}
        return self._dressed(web.Response(status=303, headers=headers))

    def refuse(self, error: TickdError, back: tuple[str, str] = TO_OVERVIEW) -> web.Response:
        """The page that says what went wrong; `back` is where its link leads, and what it says."""
        status = NATIVE[type(error)]
        title = _TITLES.get(status, "That did not work")
        given: dict[str, Any] = {"title": title, "message": error.message, "is_limit": False, "back": back}
        if isinstance(error, LimitReached):
            given |= {"message": words.sentence(error.sentence), "is_limit": True}
        answer = self.page("error.html", status, **given)
        wait = getattr(error, "retry_after", None)
        if wait is not None:
            answer.headers["Retry-After"] = str(wait)
        return answer

    def _given(self) -> dict[str, object]:
        tone, said = _unpacked(self.request.cookies.get(FLASH, ""))
        if said and FLASH not in self.set_cookies and not self.is_fragment:
            self.set_cookies[FLASH] = ("", 0)
        return {
            "visit": self,
            "here": self.request.path,
            "user": self.signed.user if self.signed else None,
            "may": self._may,
            "csrf": self.csrf(),
            "flash": {"tone": tone, "text": said} if said else None,
        }

    def _may(self, scope: str) -> bool:
        return self.signed is not None and self.who.may(scope)

    def _dressed(self, answer: web.Response) -> web.Response:
        is_secure = self.request[SECURE] or self.base_url.startswith("https:")
        for name, (value, seconds) in self.set_cookies.items():
            # Lax and not Strict: a link in an alert must find its reader signed in.
            answer.set_cookie(
                name, value, max_age=seconds, path="/", httponly=True, secure=is_secure, samesite="Lax"
            )
        return answer


Handler = Callable[[Visit], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page: `scope` None is open to strangers; a POST needs a CSRF token whoever sends it."""

    method: str
    path: str
    handler: Handler
    scope: str | None = "read"
    too_old: str = TOO_OLD
    """What is said of a form whose token is good no more."""
    back: tuple[str, str] = TO_OVERVIEW
    """Where the page of a refusal leads back to: path and label."""


def bind(router: web.UrlDispatcher, page: Page) -> None:
    """Serve `page`: find out who looks, refuse what was sent from elsewhere, call the handler."""

    async def serve(request: web.Request) -> web.StreamResponse:
        visit = await _arrive(request)
        try:
            if page.scope is not None and visit.signed is None:
                return _to_sign_in(visit)
            if page.method != "GET":
                await _receive(visit, page.too_old)
            if page.scope is not None:
                _require(visit, page.scope)
                if page.method == "GET" and not visit.is_fragment:
                    visit.version = await visit.services.overview.version(visit.account_id)
            return await page.handler(visit)
        except TickdError as error:
            return visit.refuse(error, page.back)

    router.add_route(page.method, page.path, serve)
    if page.method == "GET":
        router.add_route("HEAD", page.path, serve)


async def stranger(request: web.Request) -> web.Response:
    """The page of a path that there is not."""
    visit = await _arrive(request)
    return visit.refuse(NotFound("There is no page at this address."))


async def _arrive(request: web.Request) -> Visit:
    services, base_url = request.app[SERVICES], request.app[BASE_URL]()
    token = request.cookies.get(SESSION, "")
    signed = await services.users.signed(token)
    secret = token if signed is not None and token else request.cookies.get(VISITOR, "")
    visit = Visit(request, services, base_url, signed, secret)
    if len(secret) < _NONCE_LETTERS:
        visit.secret = secrets.token_urlsafe(24)
        visit.set_cookies[VISITOR] = (visit.secret, 86_400)
    return visit


def _require(visit: Visit, scope: str) -> None:
    """Forbidden, in words for a person, when the role does not have the scope."""
    if visit.who.may(scope):
        return
    role = visit.user.role
    lacks = "may look, but not change anything" if role == "reader" else "does not reach this far"
    raise Forbidden(f"Your role ({role}) {lacks}. Ask an owner.")


async def _receive(visit: Visit, too_old: str) -> None:
    """Read the form; Forbidden when it was not sent from a page of ours to this very visitor."""
    request = visit.request
    if not _is_own(request, visit.base_url):
        raise Forbidden("This form was sent from another site.")
    visit.data = await receive(request)
    token = request.headers.get("X-CSRF-Token") or visit.text("csrf")
    nonce, proof = token[:_NONCE_LETTERS], token[_NONCE_LETTERS:]
    expected = _proof(visit.secret, nonce)
    is_ours = hmac.compare_digest(proof.encode("utf-8", "replace"), expected.encode())
    if VISITOR in visit.set_cookies or not is_ours:
        raise Forbidden(too_old)


def _is_own(request: web.Request, base_url: str) -> bool:
    """Whether the browser says that a page of ours sent this; one that says nothing is believed."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        host = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    return host in (request.host.lower(), urlsplit(base_url).netloc.lower())


def _to_sign_in(visit: Visit) -> web.Response:
    wanted = visit.request.path_qs if visit.request.method == "GET" and not visit.is_fragment else "/"
    return visit.go("/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted, safe='/')}")


def _proof(secret: str, nonce: str) -> str:
    key, text = secret.encode("utf-8", "replace"), f"csrf {nonce}".encode("utf-8", "replace")
    return hmac.new(key, text, hashlib.sha256).hexdigest()


def _unpacked(cookie: str) -> tuple[str, str]:
    """The tone and the text of a flash cookie; nothing where somebody else wrote it."""
    try:
        tone, text = json.loads(urlsafe_b64decode(cookie[:_FLASH_MOST].encode()))
    except (ValueError, TypeError, RecursionError):
        return "", ""
    return (tone if tone in ("good", "warn", "bad") else "good"), str(text)[:500]
