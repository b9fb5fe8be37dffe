"""The page of one's own sign-in: password, second step, and where one is signed in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import segno
from aiohttp import web
from markupsafe import Markup
from msgspec import Struct

from tickd.domain import second_step, users
from tickd.errors import TickdError, TooMany
from tickd.web.answers import NATIVE
from tickd.web.pages import forms
from tickd.web.pages.entrance import NEW_PASSWORD, REPEAT, enter, same_twice, without_secrets
from tickd.web.pages.forms import Field, Form, Section
from tickd.web.pages.visit import SESSION, Page, Visit

HOME = "/settings/security"
REFUSED = (*forms.REFUSED, TooMany)

_CURRENT = Field(
    "current_password", "Current password", "secret", is_required=True, autocomplete="current-password"
)
PASSWORD = (Section("", (_CURRENT, replace(NEW_PASSWORD, label="New password"), REPEAT)),)
CODE = (
    Section(
        "",
        (
            Field(
                "code",
                "Code",
                hint="The six digits that it shows now.",
                is_required=True,
                autocomplete="one-time-code",
                digits=True,
            ),
        ),
    ),
)
PROOF = (
    Section(
        "",
        (
            Field(
                "password",
                "Password",
                "secret",
                is_required=True,
                autocomplete="current-password",
                has_focus=True,
            ),
        ),
    ),
)

_BROWSERS = (
    *(("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome")),
    *(("Chrome", "Chrome"), ("Safari", "Safari"), ("curl", "curl")),
)
_SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")),
    *(("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


class NewPassword(Struct):
    """One's own new password."""

    current_password: str
    password: str


class Proof(Struct):
    """The password once more."""

    password: str


def device(agent: str) -> str:
    """What a browser is called, out of what it calls itself."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " on ".join(part for part in (browser, system) if part) or agent[:60] or "Unknown browser"


async def show(visit: Visit) -> web.Response:
    """`GET /settings/security`"""
    return await _page(visit, forms.filled(PASSWORD, {}))


async def change_password(visit: Visit) -> web.Response:
    """`POST /settings/security/password`"""
    form = forms.sent(PASSWORD, visit.data)
    same_twice(form)
    check = lambda said: users.check_password("password", said.password, visit.user.email)  # noqa: E731
    spec = forms.spec(form, NewPassword, rules=check)
    try:
        if spec is not None:
            said = (visit.user.id, spec.current_password, spec.password)
            await visit.services.users.change_password(*said, but=_session(visit))
            await _renew(visit)
            return visit.go(HOME, "The password is changed. All other sessions are ended.")
    except REFUSED as error:
        return await _page(visit, _blamed(form, error), status=_status(error))
    return await _page(visit, form, status=422)


async def begin_totp(visit: Visit) -> web.Response:
    """`GET /settings/security/second-step`"""
    if visit.user.totp or visit.services.users.asks_nobody:
        return visit.go(HOME)
    secret, uri = await visit.services.users.begin_totp(visit.user.id)
    return _totp_page(visit, forms.filled(CODE, {}), secret, uri)


async def confirm_totp(visit: Visit) -> web.Response:
    """`POST /settings/security/second-step`: the page with the recovery codes, which are not shown again."""
    form, secret = forms.sent(CODE, visit.data), visit.text("secret")
    try:
        said = (visit.user.id, secret, visit.text("code"))
        codes = await visit.services.users.confirm_totp(*said, but=_session(visit))
    except REFUSED as error:
        if not second_step.is_secret(secret):
            return visit.go(f"{HOME}/second-step")
        uri = second_step.uri(secret, visit.user.email)
        return _totp_page(visit, _blamed(form, error), secret, uri, status=422)
    await _renew(visit)
    return _codes_page(visit, codes, "The second step is on")


async def ask(visit: Visit) -> web.Response:
    """`GET /settings/security/second-step/end` and `/recovery-codes`"""
    if not visit.user.totp:
        return visit.go(HOME)
    return _proof_page(visit, forms.filled(PROOF, {}))


async def end_totp(visit: Visit) -> web.Response:
    """`POST /settings/security/second-step/end`"""
    form, spec = _proof(visit)
    try:
        if spec is not None:
            await visit.services.users.end_totp(visit.user.id, spec.password)
            await _renew(visit)
            return visit.go(HOME, "The second step is off.")
    except REFUSED as error:
        return _proof_page(visit, _blamed(form, error), status=_status(error))
    return _proof_page(visit, form, status=422)


async def new_codes(visit: Visit) -> web.Response:
    """`POST /settings/security/recovery-codes`"""
    form, spec = _proof(visit)
    try:
        if spec is not None:
            codes = await visit.services.users.new_recovery_codes(visit.user.id, spec.password)
            return _codes_page(visit, codes, "Your new recovery codes")
    except REFUSED as error:
        return _proof_page(visit, _blamed(form, error), status=_status(error))
    return _proof_page(visit, form, status=422)


async def end_session(visit: Visit) -> web.Response:
    """`POST /settings/security/sessions/{id}/end`"""
    await visit.services.users.end_session(visit.user.id, visit.path("id"))
    if visit.path("id") == _session(visit):
        return visit.go("/sign-in", "You are signed out.")
    return visit.go(HOME, "That session is ended.")


async def end_sessions(visit: Visit) -> web.Response:
    """`POST /settings/security/sign-out-everywhere`"""
    is_all = visit.text("which") == "all"
    kept = None if is_all else _session(visit)
    await visit.services.users.sign_out_everywhere(visit.user.id, but=kept)
    if is_all:
        visit.set_cookies[SESSION] = ("", 0)
        return visit.go("/sign-in", "You are signed out everywhere.")
    return visit.go(HOME, "You are signed out everywhere else.")


def _session(visit: Visit) -> str:
    return visit.signed.session.id if visit.signed else ""


async def _renew(visit: Visit) -> None:
    """Another token for this session: what it may do has changed."""
    enter(visit, await visit.services.users.renew(visit.request.cookies.get(SESSION, "")))


def _proof(visit: Visit) -> tuple[Form, Proof | None]:
    form = forms.sent(PROOF, visit.data)
    return form, forms.spec(form, Proof)


def _blamed(form: Form, error: TickdError) -> Form:
    form.blame(error)
    return form


def _status(error: TickdError) -> int:
    return NATIVE[type(error)] if isinstance(error, TooMany) else 422


async def _page(visit: Visit, form: Form, *, status: int = 200) -> web.Response:
    users, who = visit.services.users, visit.user
    left = await users.recovery_codes_left(who.id) if who.totp else 0
    sessions = [(one, device(one.user_agent)) for one in await users.sessions(who.id)]
    values: dict[str, Any] = {
        "form": without_secrets(form),
        "left": left,
        "sessions": sessions,
        "current": _session(visit),
    }
    return visit.page("security/show.html", status, asks_nobody=users.asks_nobody, **values)


def _totp_page(visit: Visit, form: Form, secret: str, uri: str, *, status: int = 200) -> web.Response:
    qr = segno.make(uri, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff", svgclass="qr")
    drawn = Markup(qr)  # noqa: S704 - nobody typed it
    values: dict[str, Any] = {"form": form, "secret": secret, "uri": uri, "qr": drawn}
    return visit.page("security/second_step.html", status, cache_control="no-store", **values)


def _codes_page(visit: Visit, codes: list[str], title: str) -> web.Response:
    return visit.page("security/codes.html", codes=codes, title=title, cache_control="no-store")


def _proof_page(visit: Visit, form: Form, *, status: int = 200) -> web.Response:
    is_end = visit.request.path.endswith("/end")
    return visit.page("security/proof.html", status, form=without_secrets(form), is_end=is_end)


_ONCE = "Recovery codes are shown once. If you have not kept them, make new ones on the page of your sign-in."
_BACK = (HOME, "To your sign-in")

PAGES = (
    Page("GET", HOME, show),
    Page("POST", f"{HOME}/password", change_password),
    Page("GET", f"{HOME}/second-step", begin_totp),
    # Whoever reloads the codes sends this once more, with the token of a session that has been renewed.
    Page("POST", f"{HOME}/second-step", confirm_totp, too_old=_ONCE, back=_BACK),
    Page("GET", f"{HOME}/second-step/end", ask),
    Page("POST", f"{HOME}/second-step/end", end_totp),
    Page("GET", f"{HOME}/recovery-codes", ask),
    Page("POST", f"{HOME}/recovery-codes", new_codes, too_old=_ONCE, back=_BACK),
    Page("POST", f"{HOME}/sessions/{{id}}/end", end_session),
    Page("POST", f"{HOME}/sign-out-everywhere", end_sessions),
)
