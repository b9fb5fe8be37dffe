"""The settings: the account, its limits, and how the daemon is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

from aiohttp import web

from tickd.domain.accounts import Account, AccountChange
from tickd.domain.jobs import Severity
from tickd.web.pages import forms, limits, requests
from tickd.web.pages.forms import Field, Form, Section
from tickd.web.pages.visit import Page, Visit

HOME = "/settings"
_FIELDS = (
    *("name", "alert_email", "owner_email", "batch_window_secs", "draft_incidents", "publish_after_secs"),
    *("default_severity", "fallback_channel"),
)
_SEVERITIES = (("", "None (each kind’s own)"), *((name, name.capitalize()) for name in get_args(Severity)))  # noqa: RUF001


_WHO = Section(
    "Account",
    (
        Field("name", "Name", is_required=True),
        Field("alert_email", "Alert address", "email", "Where alerts go that name nobody."),
        Field("owner_email", "Owner's address", "email", "Used when there is no alert address."),
    ),
)
_GATHER = Field(
    "batch_window_secs",
    "Gather alerts for",
    "number",
    "What fails within this time is told in one message. 0 tells each at once.",
    low=0,
    high=3600,
    unit="seconds",
)
_SEVERITY = Field("default_severity", "Default severity", "select", options=_SEVERITIES, nullable=True)
_FALLBACK = Field(
    "fallback_channel",
    "Fallback channel",
    "select",
    "Takes what could not be delivered elsewhere.",
    nullable=True,
)
_SECRET = Field(
    "webhook_secret",
    "Webhook secret",
    "secret",
    "Signs webhooks that have no secret of their own. Empty leaves it as it is.",
)
_FORGET = Field("forget_webhook_secret", "Forget the webhook secret that is set", "checkbox")
_INCIDENTS = Section(
    "Incidents",
    (
        Field("draft_incidents", "Begin as drafts, not shown on status pages", "checkbox"),
        Field(
            "publish_after_secs",
            "Publish drafts after",
            "number",
            "Empty: only by hand.",
            low=0,
            high=604_800,
            unit="seconds",
            nullable=True,
        ),
    ),
)


async def _sections(visit: Visit, account: Account) -> tuple[Section, ...]:
    """The form, with the account's channels to choose from."""
    found, _ = await visit.services.channels.page(visit.account_id, limit=500, offset=0)
    channels = [("", "None"), *((seen.channel.id, seen.channel.name) for seen in found)]
    secret = (_SECRET, _FORGET) if account.webhook_secret else (_SECRET,)
    alerts = (_GATHER, _SEVERITY, replace(_FALLBACK, options=channels), *secret)
    return _WHO, Section("Alerts", alerts), _INCIDENTS


async def account(visit: Visit) -> web.Response:
    """`GET /settings`"""
    found = await visit.services.accounts.account(visit.account_id)
    known = {name: getattr(found, name) for name in _FIELDS}
    return _page(visit, found, forms.filled(await _sections(visit, found), known))


async def change(visit: Visit) -> web.Response:
    """`POST /settings`"""
    found = await visit.services.accounts.account(visit.account_id)
    form = forms.sent(await _sections(visit, found), visit.data)
    spec = forms.spec(form, AccountChange, _said(form))
    if visit.text("do") == "request":
        return _page(visit, found, form, snippets=_snippets(visit, found, form))
    try:
        if spec is not None:
            await visit.services.accounts.change(visit.account_id, spec)
            return visit.go(HOME, "Saved.")
    except forms.REFUSED as error:
        form.blame(error)
    return _page(visit, found, form, status=422)


async def system(visit: Visit) -> web.Response:
    """`GET /settings/system`: how the daemon is, for the operator's account; for another its limits alone."""
    found = await visit.services.accounts.account(visit.account_id)
    given: dict[str, Any] = {"account": found}
    given["use"] = limits.rows(found, await visit.services.limits.use(visit.account_id))
    if not visit.is_operators:
        return visit.page("settings/limits.html", **given)
    health, channels = visit.services.health, visit.services.channels
    given["size"], given["free"] = await health.database_size()
    given |= {"health": health, "warning": await channels.warning(visit.account_id)}
    given["failing"] = await channels.failing(visit.account_id)
    return visit.page("settings/system.html", **given)


def _page(
    visit: Visit,
    found: Account,
    form: Form,
    *,
    status: int = 200,
    snippets: list[tuple[str, str]] | None = None,
) -> web.Response:
    return visit.page("settings/account.html", status, account=found, form=form, snippets=snippets)


def _said(form: Form) -> dict[str, Any]:
    """What the form says in the API's own fields."""
    values = forms.said(form)
    if values.pop(_FORGET.name, False):
        values.setdefault("webhook_secret", "")
    return values


def _snippets(visit: Visit, found: Account, form: Form) -> list[tuple[str, str]]:
    plain: dict[str, Any] = {name: getattr(found, name) for name in _FIELDS}
    changed = forms.changed(_said(form), plain)
    return requests.snippets("PATCH", f"{visit.base_url}/v1/account", changed)


PAGES = (
    Page("GET", HOME, account),
    Page("POST", HOME, change, "write"),
    Page("GET", f"{HOME}/system", system),
)
