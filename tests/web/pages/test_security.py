"""One's own sign-in: the password, the second step, and where one is signed in."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pyotp
import pytest

from tests.support.browsing import EMAIL, PASSWORD, browser, owner
from tests.support.daemon import Harness
from tests.web.pages.people import NASTY, OTHER, made, signed_in, with_totp
from tickd.web.pages.security import HOME, device

CHANGE = {"current_password": PASSWORD, "password": OTHER, "repeat": OTHER}


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 (KHTML) Version/18 Safari/605",
            "Safari on macOS",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/140 Safari/537 Edg/140", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537 Chrome/140 Mobile Safari/537", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) CriOS/140 Safari/604", "Chrome on iPhone"),
        ("curl/8.5.0", "curl"),
        ("something else", "something else"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_is_called_what_people_call_it(agent: str, said: str) -> None:
    assert device(agent) == said


async def test_a_new_password_ends_the_other_sessions_and_renews_this_one(tickd: Harness) -> None:
    async with owner(tickd) as visitor, signed_in(tickd, EMAIL) as other:
        before = visitor.cookies["tickd_session"]
        answer = await visitor.send(f"{HOME}/password", CHANGE, follow=True)
        assert "The password is changed. All other sessions are ended." in answer.words
        after = visitor.cookies["tickd_session"]
        assert after != before
        assert await tickd.daemon.services.users.signed(before) is None
        assert (await other.get("/settings")).location.startswith("/sign-in")
        assert (await visitor.send(f"{HOME}/password", CHANGE)).status == 422
    async with signed_in(tickd, EMAIL, OTHER):
        pass


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"current_password": "wrong password"}, "Current password is wrong"),
        ({"current_password": ""}, "Current password is required"),
        ({"repeat": PASSWORD}, "The same again is not the same"),
        ({"password": "short", "repeat": "short"}, "New password must have at least 10 characters"),
        ({"password": EMAIL, "repeat": EMAIL}, "New password must not be the e-mail address"),
        ({"current_password": "x" * 10_000}, "Current password is wrong"),
    ],
)
async def test_a_password_that_cant_be_changed_says_why(
    tickd: Harness, change: dict[str, str], said: str
) -> None:
    async with owner(tickd) as visitor:
        before = visitor.cookies["tickd_session"]
        page = await visitor.send(f"{HOME}/password", CHANGE | change)
        assert (page.status, said in page.words) == (422, True), page.words
        assert visitor.cookies["tickd_session"] == before
        assert OTHER not in page.text


async def test_a_stolen_session_cant_guess_the_password(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        guess = CHANGE | {"current_password": "wrong password"}
        answers = [await visitor.send(f"{HOME}/password", guess) for _ in range(6)]
        assert [answer.status for answer in answers] == [422] * 5 + [429]
        assert "too many wrong passwords" in answers[-1].words


async def another_session(tickd: Harness) -> str:
    """The token of a session elsewhere."""
    async with signed_in(tickd, EMAIL) as other:
        return other.cookies["tickd_session"]


async def test_the_second_step_from_on_to_off(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        before = visitor.cookies["tickd_session"]
        assert "Off. With it" in (await visitor.get(HOME)).words
        page = await visitor.get(f"{HOME}/second-step")
        assert page.headers["Cache-Control"] == "no-store"
        found = re.search(r'name="secret" value="([A-Z2-7]{32})"', page.text)
        assert found
        drawn = re.search(r"<svg.*?</svg>", page.text, re.DOTALL)
        assert drawn
        assert "style=" not in drawn[0]
        ElementTree.fromstring(drawn[0])  # noqa: S314 - drawn by ourselves
        codes = pyotp.TOTP(found[1])
        sent = {"secret": found[1], "code": "000000"}
        wrong = await visitor.send(f"{HOME}/second-step", sent)
        assert wrong.status == 422
        assert "Code is wrong; is the authenticator's clock right?" in wrong.words
        assert found[1] in wrong.text
        sent["code"] = codes.at(tickd.clock.now() // 1000)
        thief = await another_session(tickd)
        done = await visitor.send(f"{HOME}/second-step", sent)
        assert (done.status, done.headers["Cache-Control"]) == (200, "no-store")
        kept = re.findall(r"\w{4}-\w{4}-\w{4}", done.words)
        assert len(kept) == 10
        assert visitor.cookies["tickd_session"] != before
        assert await tickd.daemon.services.users.signed(before) is None
        assert await tickd.daemon.services.users.signed(thief) is None
        shown = await visitor.get(HOME)
        assert (
            "On. Signing in asks for a code from your authenticator. 10 recovery codes are left."
            in shown.words
        )
        assert found[1] not in shown.text
        assert (await visitor.get(f"{HOME}/second-step")).location == HOME
        assert (await visitor.send(f"{HOME}/second-step/end", {"password": "wrong"})).status == 422
        on = visitor.cookies["tickd_session"]
        off = await visitor.send(f"{HOME}/second-step/end", {"password": PASSWORD}, follow=True)
        assert "The second step is off." in off.words
        assert visitor.cookies["tickd_session"] != on
    async with signed_in(tickd, EMAIL):
        pass


async def test_a_form_on_the_page_that_shows_the_codes_is_taken(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        page = await visitor.get(f"{HOME}/second-step")
        secret = re.search(r'name="secret" value="(\w+)"', page.text)
        assert secret
        code = pyotp.TOTP(secret[1]).at(tickd.clock.now() // 1000)
        done = await visitor.send(f"{HOME}/second-step", {"secret": secret[1], "code": code})
        token = re.search(r'name="csrf" content="([^"]+)"', done.text)
        assert token
        answer = await visitor._ask("POST", "/sign-out", data={"csrf": token[1]})
        assert answer.status == 303


async def test_whoever_reloads_the_codes_is_told_that_they_are_shown_once(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        page = await visitor.get(f"{HOME}/second-step")
        secret = re.search(r'name="secret" value="(\w+)"', page.text)
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert secret
        assert token
        code = pyotp.TOTP(secret[1]).at(tickd.clock.now() // 1000)
        sent = {"secret": secret[1], "code": code, "csrf": token[1]}
        done = await visitor._ask("POST", f"{HOME}/second-step", data=sent)
        assert "Keep these recovery codes" in done.words
        again = await visitor._ask("POST", f"{HOME}/second-step", data=sent)
        assert again.status == 403
        assert "Recovery codes are shown once." in again.words
        assert f'<a class="button" href="{HOME}">' in again.text


async def test_a_code_is_typed_with_a_phones_digits(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        page = await visitor.get(f"{HOME}/second-step")
        assert re.search(r'name="code"[^>]*autocomplete="one-time-code"[^>]*inputmode="numeric"', page.text)


@pytest.mark.parametrize("secret", ["", "MYOWNSECRET", "a" * 32, NASTY])
async def test_a_secret_that_was_not_offered_is_not_taken(tickd: Harness, secret: str) -> None:
    async with owner(tickd) as visitor:
        answer = await visitor.send(f"{HOME}/second-step", {"secret": secret, "code": "000000"})
        assert answer.location == f"{HOME}/second-step"
        assert (await visitor.get(f"{HOME}/second-step/end")).location == HOME
        assert (await visitor.get(f"{HOME}/recovery-codes")).location == HOME


async def test_new_recovery_codes_take_the_place_of_the_old(tickd: Harness) -> None:
    user = await made(tickd, EMAIL, "owner")
    _, codes = await with_totp(tickd, user)
    async with browser(tickd) as visitor:
        await visitor.sign_in()
        await visitor.send("/sign-in/code", {"code": codes[0]})
        assert "9 recovery codes are left." in (await visitor.get(HOME)).words
        page = await visitor.send(f"{HOME}/recovery-codes", {"password": "wrong password"})
        assert (page.status, "Password is wrong" in page.words) == (422, True)
        page = await visitor.send(f"{HOME}/recovery-codes", {"password": PASSWORD})
        fresh = re.findall(r"\w{4}-\w{4}-\w{4}", page.words)
        assert len(fresh) == 10
        assert set(fresh).isdisjoint(codes)
    for code, status in ((codes[1], 422), (fresh[1], 303)):
        async with browser(tickd) as visitor:
            await visitor.sign_in()
            assert (await visitor.send("/sign-in/code", {"code": code})).status == status


async def test_sessions_are_listed_and_ended(tickd: Harness) -> None:
    async with owner(tickd) as visitor, browser(tickd) as other:
        token = await other.token()
        sent = {"csrf": token, "email": EMAIL, "password": PASSWORD}
        agent = {"User-Agent": f"Mozilla/5.0 (Windows) Firefox/1 {NASTY}"}
        await other._ask("POST", "/sign-in", data=sent, headers=agent)
        page = await visitor.get(HOME)
        assert "<script>alert" not in page.text
        assert "Firefox on Windows 127.0.0.1" in page.words
        assert page.words.count("this one") == 1
        (identifier,) = re.findall(r'action="/settings/security/sessions/(ses_\w+)/end"', page.text)
        assert (await visitor.send(f"{HOME}/sessions/{identifier}/end")).location == HOME
        assert (await other.get("/settings")).location.startswith("/sign-in")
        assert (await visitor.send(f"{HOME}/sessions/{identifier}/end")).status == 404


async def test_nobody_ends_the_session_of_somebody_else(tickd: Harness) -> None:
    await made(tickd, EMAIL, "owner")
    await made(tickd, "bob@example.com", "reader")
    async with signed_in(tickd, EMAIL) as visitor, signed_in(tickd, "bob@example.com") as bob:
        (mine,) = re.findall(r'<tr id="(ses_\w+)"', (await visitor.get(HOME)).text)
        assert mine not in (await bob.get(HOME)).text
        assert (await bob.send(f"{HOME}/sessions/{mine}/end")).status == 404
        assert (await visitor.get(HOME)).status == 200


async def test_signing_out_everywhere_with_or_without_this_one(tickd: Harness) -> None:
    async with owner(tickd) as visitor, signed_in(tickd, EMAIL) as other, signed_in(tickd, EMAIL) as third:
        answer = await visitor.send(f"{HOME}/sign-out-everywhere", {"which": "others"}, follow=True)
        assert "You are signed out everywhere else." in answer.words
        for one in (other, third):
            assert (await one.get("/settings")).location.startswith("/sign-in")
        assert (await visitor.send(f"{HOME}/sign-out-everywhere", {"which": "all"})).location == "/sign-in"
        assert "tickd_session" not in visitor.cookies


async def test_a_reader_changes_the_own_password(tickd: Harness) -> None:
    await made(tickd, EMAIL, "owner")
    await made(tickd, "bob@example.com", "reader")
    async with signed_in(tickd, "bob@example.com") as visitor:
        assert (await visitor.send(f"{HOME}/password", CHANGE)).status == 303
