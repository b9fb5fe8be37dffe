"""The entrance in a browser: the set-up link, a second step by an authenticator, and the way out."""

from __future__ import annotations

import time

import pyotp

from tests.browser.visitor import Visitor
from tests.support.browsing import EMAIL, PASSWORD
from tests.support.daemon import Harness

WRONG = "status of 422"
"""What Chromium says of a form that was refused."""


async def test_the_set_up_link_makes_the_first_user_once(tickd: Harness, stranger: Visitor) -> None:
    link = f"/setup?token={tickd.daemon.services.users.setup_token}"
    await stranger.go(link)
    assert (await stranger.focused())["name"] == "email"
    await stranger.fill({"email": EMAIL, "name": "Olive", "password": PASSWORD, "repeat": "another one"})
    stranger.guard.allow(WRONG)
    await stranger.submit()
    await stranger.says("is not the same")
    assert (await stranger.focused())["name"] == "repeat"
    await stranger.fill({"password": PASSWORD, "repeat": PASSWORD})
    await stranger.submit()
    await stranger.says("Welcome.")
    assert stranger.path == "/"
    await stranger.sign_out()
    stranger.guard.allow("status of 404")
    await stranger.go(link)
    await stranger.says("This set-up link can")


async def test_a_stranger_is_sent_to_sign_in_and_back(visitor: Visitor) -> None:
    await visitor.go("/")
    await visitor.sign_out()
    await visitor.go("/incidents?status=open")
    assert visitor.path == "/sign-in"
    visitor.guard.allow(WRONG)
    await visitor.fill({"email": EMAIL, "password": "not that one"})
    await visitor.submit()
    assert await visitor.page.get_by_role("alert").count() == 1
    assert await visitor.field("password").input_value() == ""
    await visitor.fill({"email": EMAIL, "password": PASSWORD})
    await visitor.submit()
    assert visitor.page.url == visitor.url + "/incidents?status=open"


async def test_signing_in_takes_a_code_of_the_authenticator_or_a_recovery_code(visitor: Visitor) -> None:
    await visitor.go("/settings/security")
    await visitor.follow("Switch it on")
    await visitor.page.get_by_text("be scanned").click()
    totp = pyotp.TOTP((await visitor.page.locator(".copy code").inner_text()).strip())
    await visitor.fill({"code": totp.now()})
    await visitor.submit()
    codes = (await visitor.page.locator(".copy code").inner_text()).split()
    assert len(codes) == 10
    visitor.guard.allow("status of 403")
    await visitor.page.reload()
    await visitor.says("Recovery codes are shown once.")

    await visitor.sign_out()
    await _first_step(visitor)
    visitor.guard.allow(WRONG)
    await visitor.fill({"code": "000000"})
    await visitor.submit()
    assert visitor.path == "/sign-in/code"
    # The code of now was used to switch it on, and no code is good twice.
    await visitor.fill({"code": totp.at(int(time.time()) + 30)})
    await visitor.submit()
    assert visitor.path == "/"

    await visitor.sign_out()
    await _first_step(visitor)
    assert (await visitor.focused())["name"] == "code"
    await visitor.follow("Use a recovery code instead")
    await visitor.fill({"code": codes[0]})
    await visitor.submit()
    assert visitor.path == "/"
    await visitor.go("/settings/security")
    await visitor.says("9 recovery codes are left")


async def _first_step(visitor: Visitor) -> None:
    await visitor.go("/sign-in")
    await visitor.fill({"email": EMAIL, "password": PASSWORD})
    await visitor.submit()
    assert visitor.path == "/sign-in/code"
