"""Every page there is, out of the table of pages: its headers, who may see it, that a forged form is refused,
its markup, and that no text of anybody becomes a part of it.

A page that is added is held to all of it by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.contract.people import OTHER
from tests.contract.served import Served, serving_beside
from tests.support.browsing import Browser, Shown, browser
from tests.support.endpoint import Endpoint, serving
from tests.web.household import EVIL, MARK, PRODUCT, TEMPLATE, Household, evil, household, plain, snapshot
from tests.web.markup import TELLING, Element, Markup, careless, unsafe
from tests.web.people import session
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.web.pages import table
from tickd.web.pages.site import HEADERS
from tickd.web.pages.visit import Page

PARAMETERS = {
    "/jobs/": "job",
    "/jobs/{id}/runs/": "execution",
    "/monitors/": "monitor",
    "/heartbeats/": "heartbeat",
    "/heartbeats/{id}/pings/": "ping",
    "/incidents/": "incident",
    "/alerts/": "alert",
    "/channels/": "channel",
    "/maintenance/": "maintenance",
    "/status-pages/": "status_page",
    "/settings/users/": "user",
    "/settings/keys/": "key",
    "/settings/security/sessions/": "session",
    "/status/": "slug",
    "/status/{slug}/theme-": "color",
    "/s/": "single",
    "/verify/history/": "verification",
    "/verify/batches/": "verification_batch",
}
"""What stands where a path has a variable, by the path before it."""
PUBLIC = {"slug", "color", "single"}
"""What belongs to nobody: a published page is there for everybody."""
OPEN = {
    "/setup",
    "/sign-in",
    "/sign-in/code",
    "/sign-out",
    "/status/{slug}",
    "/status/{slug}.json",
    "/status/{slug}/rss",
    "/status/{slug}/history",
    "/status/{slug}/logo",
    "/status/{slug}/badge.svg",
    "/status/{slug}/theme-{color}.css",
    "/s/{slug}",
    "/s/{slug}/chart.svg",
}
"""The pages that strangers may see; each is open on purpose."""
NOT_THERE = {"/status/{slug}/logo"}
"""What the household does not have: its status page has no logo."""
SAID = ("Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy")
FREE = ("name", "q", "search", "tag", "tags", "group", "subject", "channel", "incident", "part", "title")
CHOSEN = (
    *("state", "status", "sort", "kind", "next", "token", "from", "range", "event", "job"),
    *("result", "show", "valid"),
)
"""What may be asked of a page behind its `?`: texts, and what is refused when it is none of a few."""
FIELDS = ("id", "ids", "item", "subject", "chosen")
"""How forms may call what they are about."""
CALLED = ("http://127.0.0.1:",)
"""How the addresses begin that the household's own monitors and jobs call: a page may link there."""

_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(slots=True)
class House:
    """A running household, to be visited from a test's thread."""

    served: Served
    made: Household

    def path(self, page: Page, **other: str) -> str:
        """The page's path with the household's ids in it, or with `other` ones."""
        path, known = page.path, self.made.known
        for match in _VARIABLE.finditer(page.path):
            noun = PARAMETERS[page.path[: match.start()]]
            path = path.replace(match[0], other.get(noun, other.get("any", known[noun])), 1)
        return path

    def visit(self, method: str, path: str, token: str | None = "", **more: Any) -> Shown:
        """Ask for a page as the owner, or with another session's token; None has none."""
        return self.served.run(
            _visit(self.made, method, path, self.made.token if token == "" else token, **more)
        )

    def session(self, *args: Any) -> str:
        """The token of somebody's new session."""
        return self.served.run(session(self.served.harness, *args))

    def snapshot(self, account_id: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
        """What the store holds."""
        return self.served.run(snapshot(self.served.harness, account_id))


async def _visit(
    house: Household,
    method: str,
    path: str,
    token: str | None,
    *,
    signed: bool = True,
    headers: Mapping[str, str] | None = None,
    data: list[tuple[str, str]] | None = None,
) -> Shown:
    """A page; a form goes with a CSRF token of its visitor's, unless it is not `signed`."""
    async with browser(house.tickd) as visitor:
        if token is not None:
            visitor.be(token)
        form = list(data or [])
        if method == "POST" and signed:
            form.append(("csrf", await visitor.token("/sign-in" if token is None else "/incidents")))
        return await _ask(visitor, method, path, form, headers or {})


async def _ask(
    visitor: Browser, method: str, path: str, form: list[tuple[str, str]], headers: Mapping[str, str]
) -> Shown:
    url = URL(visitor.harness.url + path, encoded=True)
    sent: dict[str, Any] = {"headers": headers, "allow_redirects": False}
    if method == "POST":
        sent["data"] = form
    async with visitor._session.request(method, url, **sent) as answer:
        # A stream of events has no end.
        is_endless = answer.content_type == "text/event-stream"
        return Shown(answer.status, answer.headers, "" if is_endless else await answer.text())


def _serve(folder: Any, text: Any) -> Iterator[House]:
    """A household with these texts, and the endpoint that it calls."""
    with serving_beside(folder / "tickd.db") as served:
        opened = serving()
        endpoint: Endpoint = served.run(opened.__aenter__())
        try:
            yield House(served, served.run(household(served.harness, endpoint, text)))
        finally:
            served.run(opened.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A household that means no harm."""
    yield from _serve(tmp_path_factory.mktemp("plain"), plain)


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A household with evil in all its texts."""
    yield from _serve(tmp_path_factory.mktemp("evil"), evil)


@pytest.fixture(scope="module")
def kinds(house: House) -> set[tuple[str, str]]:
    """What the pages without a variable are made of, but for what runs or leads elsewhere."""
    everything: set[tuple[str, str]] = set()
    for page in SHOWN:
        if "{" not in page.path:
            everything |= Markup(house.visit("GET", page.path).text).kinds
    return {(tag, attribute) for tag, attribute in everything if tag not in TELLING}


def name(page: Page) -> str:
    """What a page is called among the tests."""
    return f"{page.method} {page.path}"


PAGES = table.pages()
SHOWN = [page for page in PAGES if page.method == "GET"]
SENT = [page for page in PAGES if page.method == "POST"]
GUARDED = [page for page in PAGES if page.scope is not None]
OWNED = [
    page
    for page in GUARDED
    if any(PARAMETERS.get(page.path[: one.start()]) not in PUBLIC for one in _VARIABLE.finditer(page.path))
]
every_page = pytest.mark.parametrize("page", PAGES, ids=name)
every_shown = pytest.mark.parametrize("page", SHOWN, ids=name)
every_sent = pytest.mark.parametrize("page", SENT, ids=name)


def test_every_variable_of_a_path_is_known_here() -> None:
    before = {page.path[: one.start()] for page in PAGES for one in _VARIABLE.finditer(page.path)}
    assert before - PARAMETERS.keys() == set(), "say in PARAMETERS what stands there"


def test_only_these_pages_are_open_to_strangers() -> None:
    assert {page.path for page in PAGES if page.scope is None} == OPEN


@every_shown
def test_a_page_is_there_and_says_what_a_browser_may_do_with_it(house: House, page: Page) -> None:
    before = house.snapshot()
    for headers in ({}, {"HX-Request": "true"}):
        shown = house.visit("GET", house.path(page), headers=headers)
        assert shown.status in ((404,) if page.path in NOT_THERE else (200, 303)) or headers, shown.words
        _check_headers(shown)
    assert house.snapshot() == before, "to look changes nothing"


def _check_headers(shown: Shown) -> None:
    for header in SAID:
        assert header in shown.headers, header
    assert shown.headers["X-Content-Type-Options"] == HEADERS["X-Content-Type-Options"]
    assert shown.headers["X-Frame-Options"] == HEADERS["X-Frame-Options"]
    policy = shown.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    if "svg" in shown.headers.get("Content-Type", ""):
        return
    assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
    assert "unsafe" not in policy and "*" not in policy and "http" not in policy


@pytest.mark.parametrize("page", GUARDED, ids=name)
def test_a_stranger_is_sent_to_the_sign_in(house: House, page: Page) -> None:
    before = house.snapshot()
    shown = house.visit(page.method, house.path(page), None)
    assert (shown.status, shown.location.partition("?")[0]) == (303, "/sign-in")
    _check_headers(shown)
    assert house.snapshot() == before


FORGED: list[tuple[str, bool, dict[str, str]]] = [
    ("without a token", False, {}),
    ("of a foreign origin", True, {"Origin": "https://evil.example"}),
    ("of no origin", True, {"Origin": "null"}),
    ("across sites", True, {"Sec-Fetch-Site": "cross-site"}),
    ("of the same site only", True, {"Sec-Fetch-Site": "same-site"}),
    ("with a wrong token", False, {"X-CSRF-Token": "0" * 80}),
    ("by a script without a token", False, {"HX-Request": "true"}),
]


@every_sent
def test_a_forged_form_is_refused_and_changes_nothing(house: House, page: Page) -> None:
    before = house.snapshot()
    for what, signed, headers in FORGED:
        shown = house.visit("POST", house.path(page), signed=signed, headers=headers)
        assert shown.status == 403, what
        _check_headers(shown)
    # A token is of one visitor alone.
    foreign = house.served.run(_token_of(house, house.session("owner")))
    assert house.visit("POST", house.path(page), signed=False, data=[("csrf", foreign)]).status == 403
    after = house.snapshot()
    for known in ("users", "sessions"):  # the session whose token was taken is new
        before.pop(known, None), after.pop(known, None)
    assert after == before


async def _token_of(house: House, token: str) -> str:
    async with browser(house.made.tickd) as visitor:
        visitor.be(token)
        return await visitor.token("/incidents")


@pytest.mark.parametrize("page", [page for page in GUARDED if page.scope != "read"], ids=name)
def test_who_may_only_read_is_refused(house: House, page: Page) -> None:
    reader, member = house.session("reader"), house.session("member")
    before = house.snapshot()
    for token in (reader, member) if page.scope == "admin" else (reader,):
        shown = house.visit(page.method, house.path(page), token)
        assert shown.status == 403
        _check_headers(shown)
    assert house.snapshot() == before


@pytest.mark.parametrize("page", OWNED, ids=name)
def test_what_belongs_to_another_account_is_not_there(house: House, page: Page) -> None:
    other = house.session("owner", OTHER)
    before = house.snapshot(DEFAULT_ACCOUNT)
    shown = house.visit(page.method, house.path(page), other)
    assert shown.status == 404
    _check_headers(shown)
    assert house.snapshot(DEFAULT_ACCOUNT) == before


@pytest.mark.parametrize("page", [page for page in SENT if page not in OWNED], ids=name)
def test_an_id_of_another_account_in_a_form_changes_nothing_there(house: House, page: Page) -> None:
    before = house.snapshot(DEFAULT_ACCOUNT)
    nouns = (
        "job",
        "monitor",
        "heartbeat",
        "incident",
        "channel",
        "maintenance",
        "status_page",
        "user",
        "key",
        "verification",
        "verification_batch",
    )
    pairs = [(field, house.made.known[noun]) for noun in nouns for field in (noun, *FIELDS)]
    for do in ("pause", "resume", "delete", "tag", "run"):
        other = house.session("owner", OTHER)
        house.visit("POST", house.path(page), other, data=[*pairs, ("do", do), ("sure", "yes"), ("tag", "x")])
    assert house.snapshot(DEFAULT_ACCOUNT) == before


def _unsafe(shown: Shown, house: House) -> list[str]:
    """What is wrong with what was shown; a picture may have its colours in it."""
    is_picture = "svg" in shown.headers.get("Content-Type", "")
    found = unsafe(Markup(shown.text), house.served.url, CALLED)
    return [fault for fault in found if not (is_picture and fault == "<style> is inline")]


@every_shown
def test_a_page_is_clean(house: House, page: Page) -> None:
    shown = house.visit("GET", house.path(page))
    if "html" not in shown.headers.get("Content-Type", ""):
        return
    markup = Markup(shown.text)
    assert [*_unsafe(shown, house), *careless(markup)] == []


@every_shown
def test_no_text_becomes_a_part_of_a_page(
    house: House, nasty: House, kinds: set[tuple[str, str]], page: Page
) -> None:
    for headers in ({}, {"HX-Request": "true"}):
        clean = house.visit("GET", house.path(page), headers=headers)
        shown = nasty.visit("GET", nasty.path(page), headers=headers)
        assert shown.status == clean.status
        kind = shown.headers.get("Content-Type", "")
        if "json" in kind or "css" in kind or "csv" in kind:
            continue
        assert PRODUCT not in shown.text and f"<{MARK}" not in shown.text
        if "rss" in kind:
            continue
        there, here = Markup(clean.text), Markup(shown.text)
        assert here.faults == []
        assert here.kinds - there.kinds - kinds == set()
        assert [*_unsafe(shown, nasty)] == []
        if page.path in SHOWN_EVIL:
            assert TEMPLATE in shown.words, "the texts are shown at all"


SHOWN_EVIL = {
    "/",
    "/incidents",
    "/incidents/{id}",
    "/alerts",
    "/alerts/{id}",
    "/jobs/{id}",
    "/monitors/{id}",
    "/heartbeats/{id}",
    "/channels",
    "/maintenance",
    "/status-pages",
    "/status/{slug}",
    "/settings/users",
    "/settings/keys",
    "/verify",
    "/verify/history",
    "/verify/batches/{id}",
    "/verify/history/{id}/delete",
}
"""Pages that show names or other texts for sure; where they did not, the test above would prove nothing."""


@every_shown
def test_what_is_asked_for_does_not_become_a_part_of_a_page(house: House, page: Page) -> None:
    queries = [dict.fromkeys(FREE, EVIL), dict.fromkeys(FREE + CHOSEN, EVIL)]
    if "{" not in page.path:
        queries += [{one: EVIL} for one in CHOSEN]
    paths = [f"{house.path(page)}?{URL.build(query=query).raw_query_string}" for query in queries]
    if "{" in page.path:
        paths.append(house.path(page, any=URL.build(path="/" + EVIL.replace("/", "")).raw_path[1:]))
    for path in paths:
        shown = house.visit("GET", path)
        assert shown.status < 500, path
        assert MARK not in shown.location and not shown.location.startswith(("//", "http")), path
        if "html" in shown.headers.get("Content-Type", ""):
            assert [*_unsafe(shown, house)] == [], path
            assert PRODUCT not in shown.text and f"<{MARK}" not in shown.text


@pytest.mark.parametrize("page", [page for page in SHOWN if page.scope is not None], ids=name)
def test_what_a_form_says_again_does_not_become_a_part_of_it(nasty: House, page: Page) -> None:
    shown = nasty.visit("GET", nasty.path(page))
    for action, fields in _forms(Markup(shown.text)):
        data = [(one, EVIL) for one in fields]
        before = nasty.snapshot()
        again = nasty.visit("POST", action, data=data)
        assert again.status < 500, action
        if again.status in (200, 422):
            assert [*_unsafe(again, nasty)] == [], action
            assert f"<{MARK}" not in again.text and PRODUCT not in again.text
        if again.status == 422:
            assert nasty.snapshot() == before, "what is refused changes nothing"


@pytest.mark.parametrize("page", [page for page in SENT if "{" not in page.path], ids=name)
def test_no_line_break_gets_into_a_header(nasty: House, page: Page) -> None:
    broken = "x\r\nX-Evil: 1\r\n\r\n<b>\N{SNOWMAN}"
    for do in ("", "pause", "request"):
        said = [("back", broken), ("next", broken), ("do", do)]
        shown = nasty.visit("POST", page.path, nasty.session("owner"), data=said)
        assert shown.status < 500 and "X-Evil" not in shown.headers
        assert shown.location.isascii() and shown.location.isprintable()


def _forms(page: Markup) -> Iterator[tuple[str, list[str]]]:
    """The forms of a page in which one writes: where they go, and their fields that take text."""
    current: tuple[str, list[str]] | None = None
    for one in page.elements:
        if one.tag == "form":
            if current and current[1]:
                yield current
            is_post = one.attributes.get("method", "get") == "post"
            current = (one.attributes.get("action", ""), []) if is_post else None
        elif current and _takes_text(one):
            current[1].append(one.attributes["name"])
    if current and current[1]:
        yield current


def _takes_text(one: Element) -> bool:
    if one.tag not in ("textarea", "input", "select") or one.attributes.get("name") in ("csrf", None):
        return False
    return one.attributes.get("type", "text") not in ("hidden", "checkbox", "radio", "submit", "file")


def test_no_address_that_is_a_script_is_taken_or_linked(nasty: House) -> None:
    for address in (
        "javascript:alert(1)",
        "data:text/html,<script>",
        " javascript:alert(1)",
        "//evil.example",
    ):
        for path, field in (("monitors", "url"), ("jobs", "endpoint")):
            body = {"name": "x", field: address, "schedule": "@yearly"}
            assert nasty.served.call("POST", f"/v1/{path}", body).status == 400
    for page in SHOWN:
        text = nasty.visit("GET", nasty.path(page)).text
        assert not re.search(
            r"""(href|src|action)=["']?\s*(javascript|vbscript|data:text)""", text, re.IGNORECASE
        )


def test_the_guard_sees_what_it_is_there_for() -> None:
    wrong = '<p onclick="x"><script>x</script><a href="https://x.example">x</a><p style="">'
    wrong += '<a href="javascript:x">y</a>'
    assert len([*unsafe(Markup(wrong), "http://here")]) == 5
    good = '<a href="https://x.example/a" rel="noreferrer">x</a><a href="/b">x</a>'
    good += '<img src="data:image/png;base64,x">'
    assert [*unsafe(Markup(good), "http://here", ("https://x.example/",))] == []
    careless_one = (
        '<html lang="en"><title>x</title><h1>a</h1><h3>b</h3><input name="n"><div id="i"><div id="i"></div>'
    )
    assert len([*careless(Markup(careless_one))]) == 5


def test_a_client_that_keeps_no_cookie_gets_one_that_no_script_reads(house: House) -> None:
    async def look() -> list[str]:
        async with aiohttp.ClientSession() as visitor, visitor.get(house.served.url + "/sign-in") as answer:
            found: list[str] = answer.headers.getall("Set-Cookie")
            return found

    for line in house.served.run(look()):
        assert "HttpOnly" in line and "SameSite=Lax" in line and "Path=/" in line
