"""The pages of users: who may sign in, and with which role."""

from __future__ import annotations

from aiohttp import web
from msgspec import Struct

from tickd.domain import users as rules
from tickd.domain.users import User, UserChange
from tickd.web.pages import forms
from tickd.web.pages.entrance import NEW_PASSWORD, REPEAT, new_user, same_twice, without_secrets
from tickd.web.pages.forms import Field, Form, Section
from tickd.web.pages.visit import Page, Visit

LIST = "/settings/users"
ROLES = (
    ("owner", "Owner: everything, users and keys included"),
    ("member", "Member: makes, changes and deletes jobs, monitors and the like"),
    ("reader", "Reader: sees everything, changes nothing"),
)

_NAME = Field("name", "Name")
_ROLE = Field("role", "Role", "select", options=ROLES, is_required=True)
CREATION = (
    Section(
        "",
        (
            Field("email", "E-mail address", "email", is_required=True),
            _NAME,
            _ROLE,
            NEW_PASSWORD,
            REPEAT,
        ),
    ),
)
CHANGE = (Section("", (_NAME, _ROLE)),)
PASSWORD = (
    Section(
        "",
        (
            NEW_PASSWORD,
            REPEAT,
            Field("end_totp", "Switch the second step off as well: the device is lost", "checkbox"),
        ),
    ),
)


class NewPassword(Struct):
    """A password that an owner sets for somebody else."""

    password: str
    end_totp: bool = False


async def listed(visit: Visit) -> web.Response:
    """`GET /settings/users`"""
    found, total = await visit.services.users.page(visit.account_id)
    return visit.page("users/list.html", users=found, total=total, roles=_short_roles())


async def new(visit: Visit) -> web.Response:
    """`GET /settings/users/new`"""
    return visit.page("users/new.html", form=forms.filled(CREATION, {"role": "member"}))


async def create(visit: Visit) -> web.Response:
    """`POST /settings/users/new`"""
    form = forms.sent(CREATION, visit.data)
    spec = new_user(form)
    try:
        if spec is not None:
            made = await visit.services.users.create(visit.account_id, spec)
            return visit.go(LIST, f"{made.label} was added. Tell them the password.")
    except forms.REFUSED as error:
        form.blame(error)
    return visit.page("users/new.html", 422, form=without_secrets(form))


async def edit(visit: Visit) -> web.Response:
    """`GET /settings/users/{id}`"""
    return _page(visit, await _found(visit))


async def change(visit: Visit) -> web.Response:
    """`POST /settings/users/{id}`"""
    users, found = visit.services.users, await _found(visit)
    form = forms.sent(CHANGE, visit.data)
    spec = forms.spec(form, UserChange)
    try:
        if spec is not None:
            await users.change(visit.account_id, found.id, spec)
            return visit.go(LIST, "Saved.")
    except forms.REFUSED as error:
        form.blame(error)
    return _page(visit, found, form, status=422)


async def set_password(visit: Visit) -> web.Response:
    """`POST /settings/users/{id}/password`"""
    users, found = visit.services.users, await _found(visit)
    if found.id == visit.user.id:
        return visit.go("/settings/security", "Your own password takes the one before.", tone="warn")
    form = forms.sent(PASSWORD, visit.data)
    same_twice(form)
    check = lambda said: rules.check_password("password", said.password, found.email)  # noqa: E731
    spec = forms.spec(form, NewPassword, rules=check)
    try:
        if spec is not None:
            await users.set_password(found.id, spec.password, end_totp=spec.end_totp)
            return visit.go(LIST, f"{found.label} has a new password, and is signed out everywhere.")
    except forms.REFUSED as error:
        form.blame(error)
    return _page(visit, found, None, without_secrets(form), status=422)


async def ask_delete(visit: Visit) -> web.Response:
    """`GET /settings/users/{id}/delete`"""
    found = await _found(visit)
    return visit.page(
        "confirm.html",
        title=f"Delete {found.label}?",
        message="They are signed out at once and can't sign in any more. What they made stays.",
        action=f"{LIST}/{found.id}/delete",
        label="Delete the user",
        back=f"{LIST}/{found.id}",
        hidden=[],
    )


async def delete(visit: Visit) -> web.Response:
    """`POST /settings/users/{id}/delete`"""
    found = await _found(visit)
    try:
        await visit.services.users.delete(visit.account_id, found.id)
    except forms.REFUSED as error:
        return visit.go(f"{LIST}/{found.id}", error.message, tone="bad")
    if found.id == visit.user.id:
        return visit.go("/sign-in", "You are deleted, and signed out.")
    return visit.go(LIST, f"{found.label} was deleted.")


async def _found(visit: Visit) -> User:
    return await visit.services.users.get(visit.account_id, visit.path("id"))


def _page(
    visit: Visit, found: User, form: Form | None = None, password: Form | None = None, *, status: int = 200
) -> web.Response:
    form = form or forms.filled(CHANGE, {"name": found.name, "role": found.role})
    password = password or forms.filled(PASSWORD, {})
    return visit.page("users/edit.html", status, shown=found, form=form, password=password)


def _short_roles() -> dict[str, str]:
    return {role: label.partition(":")[0] for role, label in ROLES}


PAGES = (
    Page("GET", LIST, listed, "admin"),
    Page("GET", f"{LIST}/new", new, "admin"),
    Page("POST", f"{LIST}/new", create, "admin"),
    Page("GET", f"{LIST}/{{id}}", edit, "admin"),
    Page("POST", f"{LIST}/{{id}}", change, "admin"),
    Page("POST", f"{LIST}/{{id}}/password", set_password, "admin"),
    Page("GET", f"{LIST}/{{id}}/delete", ask_delete, "admin"),
    Page("POST", f"{LIST}/{{id}}/delete", delete, "admin"),
)
