"""The entrance: the first run, signing in with one step or two, and signing out."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from aiohttp import web

from tickd.domain import users as rules
from tickd.domain.users import UserCreation
from tickd.errors import Forbidden, NotFound, TickdError, TooMany, Unauthorized, Unavailable
from tickd.services.users import Pending
from tickd.web.answers import NATIVE
from tickd.web.pages import forms
from tickd.web.pages.forms import Field, Form, Section
from tickd.web.pages.visit import SESSION, SESSION_SECS, Page, Visit

PENDING = "tickd_pending"
"""The cookie between the two steps of a sign-in."""
PENDING_SECS = 300
NEXT_MOST = 2000

_EMAIL = Field("email", "E-mail address", "email", is_required=True, autocomplete="username", has_focus=True)
NEW_PASSWORD = Field(
    "password",
    "Password",
    "secret",
    "At least 10 characters. A few words that only you put together are easy to keep.",
    is_required=True,
    autocomplete="new-password",
)
REPEAT = Field("repeat", "The same again", "secret", is_required=True, autocomplete="new-password")

SET_UP = (Section("", (_EMAIL, Field("name", "Your name", autocomplete="name"), NEW_PASSWORD, REPEAT)),)
SIGN_IN = (
    Section(
        "",
        (_EMAIL, Field("password", "Password", "secret", is_required=True, autocomplete="current-password")),
    ),
)
_CODE = Field(
    "code",
    "Code",
    hint="Six digits from your authenticator.",
    is_required=True,
    autocomplete="one-time-code",
    has_focus=True,
    digits=True,
)
CODE = (Section("", (_CODE,)),)
RECOVERY = (
    Section(
        "",
        (
            replace(
                _CODE,
                label="Recovery code",
                hint="One of the ten that you were shown: three times four letters and digits.",
                autocomplete="off",
                # They have letters in them, which a phone's digits don't offer.
                digits=False,
            ),
        ),
    ),
)
REFUSED = (Unauthorized, Forbidden, TooMany, Unavailable)
"""What a sign-in shows on its own page."""


def local_path(text: str) -> str:
    """The address to go on to, if it is one of ours; or else the overview.

    A browser reads `//host`, `/\\host` and what has a tab in it as another site's.
    """
    is_ours = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return text if is_ours and text.isascii() and text.isprintable() and len(text) <= NEXT_MOST else "/"


def enter(visit: Visit, token: str) -> None:
    """Give the visitor a session's token, in place of the one before."""
    visit.set_cookies[SESSION] = (token, SESSION_SECS)
    visit.set_cookies[PENDING] = ("", 0)
    visit.secret = token


def same_twice(form: Form) -> None:
    """Blame the repetition when the password was typed in two ways."""
    if form.values.get("password") != form.values.get("repeat"):
        form.errors.setdefault("repeat", "is not the same")


def new_user(form: Form) -> UserCreation | None:
    """The user that the form asks for, or None: then all that is wrong stands beside its field."""
    same_twice(form)
    plain = {name: value for name, value in forms.said(form).items() if name != "repeat"}
    check = partial(rules.create, account_id="", now=0)
    stand_ins = {"email": "nobody@example.com", "password": "a password that can be"}
    return forms.spec(form, UserCreation, plain, rules=check, stand_ins=stand_ins)


def without_secrets(form: Form) -> Form:
    """The form as it is shown again: no page holds a password, not even one that was just typed."""
    form.values |= {one.name: "" for one in form.fields() if one.kind == "secret"}
    return form


async def set_up(visit: Visit) -> web.Response:
    """`GET /setup`"""
    if visit.signed is not None:
        return visit.go("/")
    token = visit.request.query.get("token", "")
    if not visit.services.users.is_link(token) or await visit.services.users.any():
        return await _no_link(visit)
    form = forms.filled(SET_UP, {})
    return visit.page("entrance/setup.html", form=form, token=token, cache_control="no-store")


async def do_set_up(visit: Visit) -> web.Response:
    """`POST /setup`"""
    form, token = forms.sent(SET_UP, visit.data), visit.text("token")
    spec = new_user(form)
    try:
        if spec is not None:
            made, _ = await visit.services.users.set_up(token, spec, source=visit.source, agent=visit.agent)
            enter(visit, made)
            return visit.go("/", "Welcome. This is where you will see what needs your attention.")
    except NotFound:
        return await _no_link(visit)
    except forms.REFUSED as error:
        form.blame(error)
    shown = without_secrets(form)
    return visit.page("entrance/setup.html", 422, form=shown, token=token, cache_control="no-store")


async def _no_link(visit: Visit) -> web.Response:
    return visit.page("entrance/no_link.html", 404, is_set_up=await visit.services.users.any())


async def sign_in(visit: Visit) -> web.Response:
    """`GET /sign-in`"""
    following = local_path(visit.request.query.get("next", "/"))
    if visit.signed is not None:
        return visit.go(following)
    return await _sign_in_page(visit, forms.filled(SIGN_IN, {}), following)


async def do_sign_in(visit: Visit) -> web.Response:
    """`POST /sign-in`"""
    form, following = forms.sent(SIGN_IN, visit.data), local_path(visit.text("next"))
    users, said = visit.services.users, (visit.text("email"), visit.text("password"))
    try:
        found = await users.sign_in(*said, source=visit.source, agent=visit.agent)
    except REFUSED as error:
        return await _sign_in_page(visit, form, following, error)
    if isinstance(found, Pending):
        visit.set_cookies[PENDING] = (found.token, PENDING_SECS)
        return visit.go(_with_next("/sign-in/code", following))
    return await _entered(visit, found[0], following)


async def code(visit: Visit) -> web.Response:
    """`GET /sign-in/code`"""
    if visit.signed is not None or not visit.request.cookies.get(PENDING):
        return visit.go("/sign-in")
    return _code_page(visit, forms.filled(_asked(visit), {}))


async def do_code(visit: Visit) -> web.Response:
    """`POST /sign-in/code`"""
    form, ticket = forms.sent(_asked(visit), visit.data), visit.request.cookies.get(PENDING, "")
    try:
        token, _ = await visit.services.users.second_step(
            ticket, visit.text("code"), source=visit.source, agent=visit.agent
        )
    except NotFound as error:
        visit.set_cookies[PENDING] = ("", 0)
        return visit.go(_with_next("/sign-in", visit.text("next")), _sentence(error), tone="warn")
    except REFUSED as error:
        return _code_page(visit, form, error)
    return await _entered(visit, token, local_path(visit.text("next")))


async def sign_out(visit: Visit) -> web.Response:
    """`POST /sign-out`"""
    await visit.services.users.sign_out(visit.request.cookies.get(SESSION, ""))
    visit.set_cookies[SESSION] = ("", 0)
    return visit.go("/sign-in", "You are signed out.")


async def _entered(visit: Visit, token: str, following: str) -> web.Response:
    before = visit.request.cookies.get(SESSION, "")
    if before:
        # Whoever put that token there must not be signed in with it.
        await visit.services.users.sign_out(before)
    enter(visit, token)
    return visit.go(following)


async def _sign_in_page(
    visit: Visit, form: Form, following: str, error: TickdError | None = None
) -> web.Response:
    has_users = error is not None or await visit.services.users.any()
    values = {"next": following, "has_users": has_users}
    return _refused(visit, "entrance/sign_in.html", form, error, values)


def _asked(visit: Visit) -> tuple[Section, ...]:
    """The field of the second step: a code of the authenticator, or with `recovery=1` a recovery code."""
    return RECOVERY if visit.request.query.get("recovery") else CODE


def _code_page(visit: Visit, form: Form, error: TickdError | None = None) -> web.Response:
    following = local_path(visit.text("next") or visit.request.query.get("next", "/"))
    values = {"next": following, "is_recovery": form.sections is RECOVERY}
    return _refused(visit, "entrance/code.html", form, error, values)


def _refused(
    visit: Visit, template: str, form: Form, error: TickdError | None, values: dict[str, Any]
) -> web.Response:
    status = 200
    without_secrets(form).values.pop("code", None)
    if error is not None:
        form.errors[""] = _sentence(error)
        status = 422 if isinstance(error, Unauthorized) else NATIVE[type(error)]
    answer = visit.page(template, status, form=form, cache_control="no-store", **values)
    if isinstance(error, TooMany | Unavailable):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _sentence(error: TickdError) -> str:
    return f"{error.message[:1].upper()}{error.message[1:]}."


def _with_next(path: str, following: str) -> str:
    safe = local_path(following)
    return path if safe == "/" else f"{path}?next={quote(safe, safe='/')}"


PAGES = (
    Page("GET", "/setup", set_up, None),
    Page("POST", "/setup", do_set_up, None),
    Page("GET", "/sign-in", sign_in, None),
    Page("POST", "/sign-in", do_sign_in, None),
    Page("GET", "/sign-in/code", code, None),
    Page("POST", "/sign-in/code", do_code, None),
    Page("POST", "/sign-out", sign_out, None),
)
