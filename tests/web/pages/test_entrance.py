"""The entrance: the first run, one step or two, and what a stranger can't get by asking."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.support.browsing import EMAIL, PASSWORD, Browser, browser, owner
from tests.support.daemon import Harness, running
from tests.web.pages.people import NASTY, cookie_lines, made, signed_in, with_totp
from tickd.web.pages import table
from tickd.web.pages.entrance import local_path
from tickd.web.pages.visit import Page

FOREIGN = {"Origin": "https://evil.example"}
SIGNED_IN = {"email": EMAIL, "password": PASSWORD}


# The first run.


async def test_the_set_up_link_makes_the_owner_and_signs_in(tickd: Harness) -> None:
    async with browser(tickd) as visitor:
        link = f"/setup?token={tickd.daemon.services.users.setup_token}"
        page = await visitor.get(link)
        assert (page.status, page.headers["Cache-Control"]) == (200, "no-store")
        assert "Set up tickd" in page.words
        await visitor.set_up()
        assert "tickd_session" in visitor.cookies
        home = await visitor.get("/settings/security")
        assert f"You are {EMAIL}, an owner of this account." in home.words
        assert (await visitor.get(link)).location == "/"
    async with browser(tickd) as other:
        again = await other.get(link)
        assert again.status == 404
        assert "The first user was made already, so the link is good no more." in again.words
        assert "tickd user password" in again.words


@pytest.mark.parametrize("token", ["", "nope", "%00", "%FF", "x" * 5000])
async def test_a_wrong_link_says_what_to_do(tickd: Harness, token: str) -> None:
    async with browser(tickd) as visitor:
        page = await visitor.get(f"/setup?token={token}")
        assert page.status == 404
        assert "what tickd serve printed when it was last started" in page.words
        assert "tickd user add you@example.com" in page.words
        sent = {"token": token, "email": "eve@example.com", "password": PASSWORD, "repeat": PASSWORD}
        assert (await visitor.send("/setup", sent)).status == 404
    assert not await tickd.daemon.services.users.any()


async def test_what_is_wrong_with_the_first_user_is_said_beside_its_field(tickd: Harness) -> None:
    token = tickd.daemon.services.users.setup_token or ""
    async with browser(tickd) as visitor:
        sent = {"token": token, "email": "ada", "password": "short", "repeat": "other", "name": NASTY}
        page = await visitor.send("/setup", sent)
        assert page.status == 422
        assert "The same again is not the same" in page.words
        assert "<script>alert" not in page.text
        page = await visitor.send("/setup", sent | {"repeat": "short"})
        assert "E-mail address has 'ada', which is not an e-mail address" in page.words
        page = await visitor.send("/setup", sent | {"repeat": "short", "email": EMAIL})
        assert "Password must have at least 10 characters" in page.words
        assert "short" not in re.sub(r"<[^>]*>", "", page.text).split()
        assert not await tickd.daemon.services.users.any()


async def test_all_that_is_wrong_with_the_first_user_is_said_at_once_and_the_rest_stays(
    tickd: Harness,
) -> None:
    token = tickd.daemon.services.users.setup_token or ""
    async with browser(tickd) as visitor:
        sent = {"token": token, "email": "ada", "name": "Ada", "password": "short", "repeat": "other"}
        page = await visitor.send("/setup", sent)
        for words in (
            "E-mail address has 'ada', which is not",
            "Password must have at least 10 characters",
            "The same again is not the same",
        ):
            assert words in page.words, words
        assert 'value="ada"' in page.text
        assert 'value="Ada"' in page.text
        page = await visitor.send("/setup", sent | {"email": EMAIL, "password": PASSWORD, "repeat": PASSWORD})
        assert page.status == 303


async def test_the_first_field_has_the_cursor(tickd: Harness) -> None:
    async with browser(tickd) as visitor:
        for path in (f"/setup?token={tickd.daemon.services.users.setup_token}", "/sign-in"):
            assert re.findall(r'name="(\w+)"[^>]* autofocus', (await visitor.get(path)).text) == ["email"]


async def test_a_recovery_code_has_a_field_of_its_own_for_its_letters(tickd: Harness) -> None:
    _, codes = await with_totp(tickd, await made(tickd, EMAIL, "owner"))
    async with browser(tickd) as visitor:
        await visitor.send("/sign-in", SIGNED_IN | {"next": "/settings/keys"})
        page = await visitor.get("/sign-in/code?next=/settings/keys")
        assert re.search(r'name="code"[^>]* autofocus[^>]*inputmode="numeric"', page.text)
        assert 'href="/sign-in/code?recovery=1&amp;next=/settings/keys"' in page.text
        page = await visitor.get("/sign-in/code?recovery=1&next=/settings/keys")
        assert "inputmode" not in page.text
        wrong = await visitor.send("/sign-in/code?recovery=1", {"code": "no", "next": "/settings/keys"})
        assert (wrong.status, "Use the authenticator instead" in wrong.words) == (422, True)
        sent = {"code": codes[0], "next": "/settings/keys"}
        assert (await visitor.send("/sign-in/code?recovery=1", sent)).location == "/settings/keys"


async def test_the_sign_in_page_of_a_new_tickd_tells_how_to_begin(tickd: Harness) -> None:
    async with browser(tickd) as visitor:
        page = await visitor.get("/sign-in")
        assert "Nobody can sign in yet." in page.words
        await made(tickd, EMAIL, "owner")
        assert "Nobody can sign in yet." not in (await visitor.get("/sign-in")).words


async def test_dev_needs_no_sign_in(tmp_path: Path) -> None:
    async with running(tmp_path / "unused.db", dev=True, api_key="") as tickd, browser(tickd) as visitor:
        assert (await visitor.get("/sign-in")).location == "/"
        assert (await visitor.get("/setup?token=x")).location == "/"
        assert (await visitor.get("/settings/users")).status == 200
        assert "asks nobody to sign in" in (await visitor.get("/settings/security")).words
        assert (await visitor.get("/settings/security/second-step")).location == "/settings/security"
        assert (await visitor.send("/sign-out", page="/settings")).location == "/sign-in"


# Signing in and out.


async def test_signing_in_and_out(tickd: Harness) -> None:
    await made(tickd, EMAIL, "owner")
    async with browser(tickd) as visitor:
        asked = await visitor.get("/settings/keys")
        assert (asked.status, asked.location) == (303, "/sign-in?next=/settings/keys")
        page = await visitor.get(asked.location)
        assert 'name="next" value="/settings/keys"' in page.text
        answer = await visitor.send("/sign-in", SIGNED_IN | {"next": "/settings/keys"})
        assert (answer.status, answer.location) == (303, "/settings/keys")
        assert (await visitor.get("/settings/keys")).status == 200
        assert (await visitor.get("/sign-in?next=/settings/users")).location == "/settings/users"
        token = visitor.cookies["tickd_session"]
        out = await visitor.send("/sign-out")
        assert out.location == "/sign-in"
        assert "tickd_session" not in visitor.cookies
        assert "You are signed out." in (await visitor.get("/sign-in")).words
        assert await tickd.daemon.services.users.signed(token) is None


async def test_a_wrong_password_is_told_without_telling_who_there_is(tickd: Harness) -> None:
    await made(tickd, EMAIL, "owner")
    async with browser(tickd) as visitor:
        for email, password in ((EMAIL, "wrong password"), ("eve@example.com", PASSWORD), ("", "")):
            page = await visitor.sign_in(email, password)
            assert page.status == 422
            assert "The e-mail address or the password is wrong." in page.words
            assert "wrong password" not in page.text
        assert "tickd_session" not in visitor.cookies


@pytest.mark.parametrize("text", ["\x00", "\x1b[0m", "\ud83d", "a" * 50_000, NASTY, "' OR 1=1 --"])
async def test_odd_input_is_only_wrong(tickd: Harness, text: str) -> None:
    await made(tickd, EMAIL, "owner")
    odd = text.encode("utf-8", "replace").decode()
    async with browser(tickd) as visitor:
        for email, password in ((odd, PASSWORD), (EMAIL, odd)):
            page = await visitor.sign_in(email, password)
            assert page.status == 422
            assert "<script>alert" not in page.text
        assert (await visitor.get("/sign-in/code")).location == "/sign-in"
        assert (await visitor.send("/sign-in/code", {"code": odd})).location == "/sign-in"


async def test_a_network_that_guesses_waits_and_the_others_dont(tmp_path: Path) -> None:
    async with running(tmp_path / "t.db", trusted_proxy=("127.0.0.1",)) as tickd, browser(tickd) as visitor:
        await made(tickd, EMAIL, "owner")
        token = await visitor.token()
        for number in range(21):
            sent = {"email": EMAIL, "password": f"wrong password {number}", "csrf": token}
            page = await visitor._ask(
                "POST", "/sign-in", data=sent, headers={"X-Forwarded-For": "203.0.113.9"}
            )
            assert page.status == (422 if number < 20 else 429)
        assert page.headers["Retry-After"] == "300"
        assert "Too many failed sign-ins from this address; try again in a few minutes." in page.words
        assert (await visitor.sign_in()).status == 303


# The second step.


async def test_the_second_step_asks_for_a_code_and_takes_each_once(tickd: Harness) -> None:
    device, codes = await with_totp(tickd, await made(tickd, EMAIL, "owner"))
    async with browser(tickd) as visitor:
        answer = await visitor.send("/sign-in", SIGNED_IN | {"next": "/settings/keys"})
        assert answer.location == "/sign-in/code?next=/settings/keys"
        assert "tickd_session" not in visitor.cookies
        assert (await visitor.get("/settings/keys")).location.startswith("/sign-in")
        page = await visitor.get(answer.location)
        assert 'autocomplete="one-time-code"' in page.text
        wrong = await visitor.send("/sign-in/code", {"code": "000000", "next": "/settings/keys"})
        assert wrong.status == 422
        assert "This code is wrong, or was used already." in wrong.words
        code = device.at(tickd.clock.now() // 1000)
        entered = await visitor.send("/sign-in/code", {"code": code, "next": "/settings/keys"})
        assert (entered.status, entered.location) == (303, "/settings/keys")
        assert "tickd_pending" not in visitor.cookies
        assert (await visitor.get("/settings/keys")).status == 200
    for used, status in ((code, 422), (codes[0], 303), (codes[0], 422)):
        async with browser(tickd) as visitor:
            await visitor.sign_in()
            assert (await visitor.send("/sign-in/code", {"code": used})).status == status


async def test_a_second_step_that_comes_late_begins_again(tickd: Harness) -> None:
    device, _ = await with_totp(tickd, await made(tickd, EMAIL, "owner"))
    async with browser(tickd) as visitor:
        await visitor.sign_in()
        await tickd.clock.advance(300)
        late = await visitor.send("/sign-in/code", {"code": device.at(tickd.clock.now() // 1000)})
        assert late.location == "/sign-in"
        assert "This sign-in has taken too long; begin again." in (await visitor.get("/sign-in")).words


async def test_codes_can_be_guessed_five_times(tickd: Harness) -> None:
    await with_totp(tickd, await made(tickd, EMAIL, "owner"))
    async with browser(tickd) as visitor:
        await visitor.sign_in()
        answers = [await visitor.send("/sign-in/code", {"code": f"00000{n}"}) for n in range(6)]
        assert [answer.status for answer in answers] == [422] * 5 + [429]
        assert "Too many wrong codes" in answers[-1].words
        assert answers[-1].headers["Retry-After"] == "300"


# Where one goes on to.


@pytest.mark.parametrize(
    ("text", "goes"),
    [
        ("/", "/"),
        ("/jobs/job_1?tab=runs&x=%2F", "/jobs/job_1?tab=runs&x=%2F"),
        ("", "/"),
        ("jobs", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\\b", "/"),
        ("/\t/evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("\x00/", "/"),
        (" //evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/é", "/"),
        ("/" + "a" * 3000, "/"),
    ],
)
def test_only_an_address_of_ours_is_gone_on_to(text: str, goes: str) -> None:
    assert local_path(text) == goes


@pytest.mark.parametrize("following", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/x"])
async def test_no_sign_in_leads_elsewhere(tickd: Harness, following: str) -> None:
    user = await made(tickd, EMAIL, "owner")
    async with browser(tickd) as visitor:
        assert (await visitor.send("/sign-in", SIGNED_IN | {"next": following})).location == "/"
    await with_totp(tickd, user)
    async with browser(tickd) as visitor:
        answer = await visitor.send("/sign-in", SIGNED_IN | {"next": following})
        assert answer.location == "/sign-in/code"


# What a page elsewhere can't do.


def plant(victim: Browser, token: str) -> None:
    """Puts a session's token into somebody's browser, as another site of the same domain could."""
    victim._session.cookie_jar.update_cookies({"tickd_session": token}, URL(victim.harness.url))


async def test_a_session_begins_with_a_token_that_nobody_knew(tickd: Harness) -> None:
    await made(tickd, EMAIL, "owner")
    async with signed_in(tickd, EMAIL) as attacker, browser(tickd) as victim:
        planted = attacker.cookies["tickd_session"]
        plant(victim, planted)
        answer = await victim.send("/sign-in", SIGNED_IN, page="/settings/security")
        assert answer.status == 303
        token = victim.cookies["tickd_session"]
        assert token != planted
        assert (await attacker.get("/settings")).location.startswith("/sign-in")
        plant(victim, "f" * 64)
        await victim.send("/sign-in", SIGNED_IN, page="/sign-in")
        assert victim.cookies["tickd_session"] not in (token, planted, "f" * 64)


def posts() -> list[Page]:
    """Every form that this module and the settings take."""
    ours = ("/setup", "/sign-", "/settings")
    return [page for page in table.pages() if page.method == "POST" and page.path.startswith(ours)]


@pytest.mark.parametrize("page", posts(), ids=lambda page: page.path)
async def test_no_form_is_taken_without_our_token_or_from_elsewhere(tickd: Harness, page: Page) -> None:
    path = page.path.replace("{id}", "usr_1")
    async with owner(tickd) as visitor, browser(tickd) as other:
        good, foreign = await visitor.token("/settings/security"), await other.token()
        for token in ("", "x", foreign, good[:-1] + ("0" if good[-1] != "0" else "1")):
            answer = await visitor._ask("POST", path, data={"csrf": token})
            assert answer.status == 403, token
        for headers in (FOREIGN, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await visitor._ask("POST", path, data={"csrf": good}, headers=headers)
            assert answer.status == 403, headers
        answer = await visitor._ask("POST", path, headers=FOREIGN | {"X-CSRF-Token": good})
        assert answer.status == 403
        home = {"Origin": tickd.url, "Sec-Fetch-Site": "same-origin"}
        assert (await visitor._ask("POST", path, data={"csrf": good}, headers=home)).status != 403


async def test_the_cookies_are_for_this_site_and_no_script(tickd: Harness) -> None:
    await made(tickd, EMAIL, "owner")
    async with browser(tickd) as visitor:
        set_first = cookie_lines(await visitor.get("/sign-in"))
        answer = await visitor.sign_in()
        for name, line in (set_first | cookie_lines(answer)).items():
            assert "HttpOnly" in line, name
            assert "SameSite=Lax" in line, name
            assert "Path=/" in line, name
            assert "Secure" not in line, name
            assert "Domain" not in line, name
        assert "Max-Age=7776000" in cookie_lines(answer)["tickd_session"]


@pytest.mark.parametrize(
    ("settings", "said", "is_secure"),
    [
        ({"base_url": "https://tickd.example.com"}, {}, True),
        ({"trusted_proxy": ("127.0.0.1",)}, {"X-Forwarded-Proto": "https"}, True),
        ({"trusted_proxy": ("127.0.0.1",)}, {"X-Forwarded-Proto": "http"}, False),
        ({}, {"X-Forwarded-Proto": "https"}, False),
        ({}, {}, False),
    ],
)
async def test_behind_tls_the_cookies_are_secure(
    tmp_path: Path, settings: dict[str, Any], said: dict[str, str], is_secure: bool
) -> None:
    async with running(tmp_path / "t.db", **settings) as tickd, aiohttp.ClientSession() as session:
        await made(tickd, EMAIL, "owner")
        at = "http://{}:{}/sign-in".format(*tickd.daemon.address)
        async with session.get(at, headers=said) as page:
            found = re.search(r'name="csrf" value="([^"]+)"', await page.text())
            lines = page.headers.getall("Set-Cookie")
        assert found
        sent, headers = SIGNED_IN | {"csrf": found[1]}, said | {"Cookie": lines[0].partition(";")[0]}
        async with session.post(at, data=sent, headers=headers, allow_redirects=False) as answer:
            assert answer.status == 303
            lines += answer.headers.getall("Set-Cookie")
        assert len(lines) > 2
        assert {"Secure" in line for line in lines} == {is_secure}
