"""The pages of users: who may add whom, and what a name can't do."""

from __future__ import annotations

import re

import pytest

from tests.support.browsing import EMAIL, PASSWORD, Browser, browser, owner
from tests.support.daemon import Harness
from tests.web.pages.people import NASTY, OTHER, made, signed_in, stranger, with_totp
from tickd.domain.users import Role
from tickd.web.pages import keys, security, settings, table, users
from tickd.web.pages.visit import Page

ADA = {"email": "Ada@Example.com", "name": "Ada", "role": "member", "password": OTHER, "repeat": OTHER}
MINE: list[Page] = [*settings.PAGES, *security.PAGES, *users.PAGES, *keys.PAGES]


async def id_of(visitor: Browser, email: str) -> str:
    """The id of the user whom the list shows with that address."""
    found = re.search(
        rf'/settings/users/(usr_\w+)">{re.escape(email)}<', (await visitor.get(users.LIST)).text
    )
    assert found
    return found[1]


async def test_an_owner_adds_a_user_who_signs_in(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        assert 'value="member" selected' in (await visitor.get("/settings/users/new")).text
        answer = await visitor.send("/settings/users/new", ADA, follow=True)
        assert "Ada was added." in answer.words
        assert "ada@example.com Ada Member Password only never" in answer.words
        assert f"{EMAIL} you Olive Owner Owner" in answer.words
    async with signed_in(tickd, "ada@example.com", OTHER) as ada:
        assert "a member of this account" in (await ada.get("/settings/security")).words


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"email": EMAIL}, f"email is taken: there is a user {EMAIL}"),
        ({"email": "ada"}, "E-mail address has 'ada', which is not an e-mail address"),
        ({"email": ""}, "E-mail address has '', which is not an e-mail address"),
        ({"password": "short", "repeat": "short"}, "Password must have at least 10 characters"),
        ({"password": "", "repeat": ""}, "Password is required"),
        ({"repeat": PASSWORD}, "The same again is not the same"),
        ({"role": "king"}, "Role must be one of member, owner, reader"),
        ({"name": "x" * 201}, "Name must be text of at most 200 characters"),
        ({"name": "a\x00b"}, "Name must be at most 200 printable characters"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_typed_stays(
    tickd: Harness, change: dict[str, str], said: str
) -> None:
    async with owner(tickd) as visitor:
        page = await visitor.send("/settings/users/new", ADA | change)
        assert (page.status, said in page.words) == (422, True), page.words
        assert OTHER not in page.text
        if "email" not in change:
            assert 'value="Ada@Example.com"' in page.text


async def test_a_name_and_a_role_change_at_once(tickd: Harness) -> None:
    ada = await made(tickd, "owner2@example.com", "owner")
    bob = await made(tickd, "bob@example.com", name="Bob")
    async with signed_in(tickd, ada.email) as visitor, signed_in(tickd, bob.email) as other:
        assert (await other.get("/settings/users")).status == 403
        page = await visitor.get(f"/settings/users/{bob.id}")
        assert 'value="member" selected' in page.text
        answer = await visitor.send(f"/settings/users/{bob.id}", {"name": "Robert", "role": "owner"})
        assert answer.location == users.LIST
        assert "Robert" in (await other.get("/settings/users")).words
        await visitor.send(f"/settings/users/{bob.id}", {"name": "Robert", "role": "reader"})
        assert (await other.get("/settings/users")).status == 403
        assert (await other.send("/settings", {"name": "mine"})).status == 403


async def test_who_may_not_is_told_of_the_role_and_whom_to_ask(tickd: Harness) -> None:
    await made(tickd, "first@example.com", "owner")
    refusals: tuple[tuple[Role, str, str], ...] = (
        ("reader", "/monitors/new", "Your role (reader) may look, but not change anything. Ask an owner."),
        ("member", "/settings/users", "Your role (member) does not reach this far. Ask an owner."),
    )
    for role, path, words in refusals:
        await made(tickd, f"{role}@example.com", role)
        async with signed_in(tickd, f"{role}@example.com") as visitor:
            page = await visitor.get(path)
            assert (page.status, words in page.words, "key" in page.words) == (403, True, False), page.words


async def test_the_only_owner_stays_an_owner(tickd: Harness) -> None:
    words = f"{EMAIL} is the account's only owner; make another user an owner first"
    async with owner(tickd) as visitor:
        me = await id_of(visitor, EMAIL)
        page = await visitor.send(f"/settings/users/{me}", {"name": "Olive", "role": "reader"})
        assert page.status == 422
        assert words in page.words
        page = await visitor.send(f"/settings/users/{me}/delete", follow=True)
        assert words in page.words


async def test_deleting_is_asked_first_and_signs_out_at_once(tickd: Harness) -> None:
    bob = await made(tickd, EMAIL.replace("owner", "first"), "owner")
    ada = await made(tickd, "ada@example.com", "owner", name=NASTY)
    async with signed_in(tickd, bob.email) as visitor, signed_in(tickd, ada.email) as gone:
        page = await visitor.get(f"/settings/users/{ada.id}/delete")
        assert "They are signed out at once" in page.words
        assert (await gone.get("/settings")).status == 200
        answer = await visitor.send(f"/settings/users/{ada.id}/delete", follow=True)
        assert "was deleted." in answer.words
        assert "<script>alert" not in answer.text
        assert (await gone.get("/settings")).location.startswith("/sign-in")
        assert (await visitor.get(f"/settings/users/{ada.id}")).status == 404


async def test_whoever_deletes_themselves_is_out(tickd: Harness) -> None:
    await made(tickd, "stays@example.com", "owner")
    ada = await made(tickd, "ada@example.com", "owner")
    async with signed_in(tickd, ada.email) as visitor:
        assert (await visitor.send(f"/settings/users/{ada.id}/delete")).location == "/sign-in"
        assert "You are deleted, and signed out." in (await visitor.get("/sign-in")).words


async def test_an_owner_sets_the_password_of_somebody_who_lost_it(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        bob = await made(tickd, "bob@example.com", "owner")
        await with_totp(tickd, bob)
        path = f"/settings/users/{bob.id}/password"
        assert (await visitor.send(path, {"password": OTHER, "repeat": PASSWORD})).status == 422
        assert (await visitor.send(path, {"password": "short", "repeat": "short"})).status == 422
        sent = {"password": OTHER, "repeat": OTHER}
        answer = await visitor.send(path, sent, follow=True)
        assert "bob@example.com has a new password, and is signed out everywhere." in answer.words
        await visitor.send(path, sent | {"end_totp": "true"})
        me = await id_of(visitor, EMAIL)
        mine = await visitor.send(f"/settings/users/{me}/password", sent)
        assert mine.location == "/settings/security"
    async with signed_in(tickd, bob.email, OTHER):
        pass
    async with signed_in(tickd, EMAIL):
        pass


async def test_a_name_that_would_run_is_only_shown(tickd: Harness) -> None:
    async with owner(tickd) as visitor:
        await visitor.send("/settings/users/new", ADA | {"name": NASTY})
        identifier = await id_of(visitor, "ada@example.com")
        for path in (users.LIST, f"{users.LIST}/{identifier}", f"{users.LIST}/{identifier}/delete"):
            page = await visitor.get(path)
            assert page.status == 200
            assert "<script>alert" not in page.text
            assert "<img src=x" not in page.text
            assert "{{7*7}}" in page.text
    async with signed_in(tickd, "ada@example.com", OTHER) as ada:
        page = await ada.get("/settings")
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text


# Roles, and other accounts.


def path_of(page: Page) -> str:
    """An address that the page has."""
    return page.path.replace("{id}", "usr_1")


@pytest.mark.parametrize("page", MINE, ids=lambda page: f"{page.method} {page.path}")
async def test_each_role_reaches_what_it_may_and_a_stranger_nothing(tickd: Harness, page: Page) -> None:
    await made(tickd, "first@example.com", "owner")
    await made(tickd, "member@example.com", "member")
    await made(tickd, "reader@example.com", "reader")
    may = {"read": ("member", "reader"), "write": ("member",), "admin": ()}[page.scope or "read"]
    for role in ("member", "reader"):
        async with signed_in(tickd, f"{role}@example.com") as visitor:
            path = path_of(page)
            answer = await (visitor.get(path) if page.method == "GET" else visitor.send(path))
            assert (answer.status != 403) == (role in may), (role, answer.status)


@pytest.mark.parametrize("page", MINE, ids=lambda page: f"{page.method} {page.path}")
async def test_nobody_sees_a_setting_without_signing_in(tickd: Harness, page: Page) -> None:
    async with browser(tickd) as visitor:
        path = path_of(page)
        answer = await (visitor.get(path) if page.method == "GET" else visitor.send(path))
        assert (answer.status, answer.location.partition("?")[0]) == (303, "/sign-in")


async def test_the_owner_of_another_account_finds_nobody_here(tickd: Harness) -> None:
    ada = await made(tickd, "ada@example.com", "owner")
    async with stranger(tickd) as visitor:
        assert "ada@example.com" not in (await visitor.get(users.LIST)).words
        for path in ("", "/delete"):
            assert (await visitor.get(f"{users.LIST}/{ada.id}{path}")).status == 404
        for path in ("", "/delete", "/password"):
            sent = {"name": "x", "role": "reader", "password": OTHER, "repeat": OTHER}
            assert (await visitor.send(f"{users.LIST}/{ada.id}{path}", sent)).status == 404
    async with signed_in(tickd, ada.email) as visitor:
        assert (await visitor.get(users.LIST)).status == 200


def test_every_page_of_the_settings_is_in_the_table() -> None:
    assert {(page.method, page.path) for page in MINE} <= {(one.method, one.path) for one in table.pages()}
