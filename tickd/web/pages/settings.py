"""The settings: the account, and how the daemon is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

from aiohttp import web
from msgspec import UNSET

from tickd.domain.accounts import Account, AccountChange
from tickd.domain.jobs import Severity
from tickd.web.pages import forms, requests
from tickd.web.pages.forms import Field, Form, Section
from tickd.web.pages.visit import Page, Visit

HOME = "/settings"
_FIELDS = (
    *("name", "alert_email", "owner_email", "batch_window_secs", "draft_incidents", "publish_after_secs"),
    *("default_severity", "fallback_channel"),
)
_SEVERITIES = (("", "Each as its kind has it"), *((name, name.capitalize()) for name in get_args(Severity)))


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
_SEVERITY = Field(
    "default_severity", "Severity of what is made", "select", options=_SEVERITIES, nullable=True
)
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


async def _sections(visit: Visit) -> tuple[Section, ...]:
    """The form, with the account's channels to choose from."""
    found, _ = await visit.services.channels.page(visit.account_id, limit=500, offset=0)
    channels = [("", "None"), *((seen.channel.id, seen.channel.name) for seen in found)]
    alerts = (_GATHER, _SEVERITY, replace(_FALLBACK, options=channels), _SECRET)
    return _WHO, Section("Alerts", alerts), _INCIDENTS


async def account(visit: Visit) -> web.Response:
    """`GET /settings`"""
    found = await visit.services.accounts.account(visit.account_id)
    known = {name: getattr(found, name) for name in _FIELDS}
    return _page(visit, found, forms.filled(await _sections(visit), known))


async def change(visit: Visit) -> web.Response:
    """`POST /settings`"""
    form = forms.sent(await _sections(visit), visit.data)
    spec = forms.spec(form, AccountChange)
    found = await visit.services.accounts.account(visit.account_id)
    if visit.text("do") == "request":
        return _page(visit, found, form, snippets=_snippets(visit, found, form))
    try:
        if spec is not None:
            if visit.text("forget_webhook_secret") and spec.webhook_secret is UNSET:
                spec.webhook_secret = ""
            await visit.services.accounts.change(visit.account_id, spec)
            return visit.go(HOME, "Saved.")
    except forms.REFUSED as error:
        form.blame(error)
    return _page(visit, found, form, status=422)


async def system(visit: Visit) -> web.Response:
    """`GET /settings/system`"""
    health = visit.services.health
    size, free = await health.database_size()
    found = await visit.services.accounts.account(visit.account_id)
    return visit.page(
        "settings/system.html",
        health=health,
        size=size,
        free=free,
        account=found,
        use=await _use(visit, found),
    )


async def _use(visit: Visit, account: Account) -> list[tuple[str, int, int | None]]:
    """What the account has of each kind, and its limit."""
    services, of = visit.services, visit.account_id
    counts = await services.jobs.counts(of)
    return [
        ("Jobs", counts["jobs"], account.max_jobs),
        ("Monitors", await services.monitors.how_many(of), account.max_monitors),
        ("Heartbeats", await services.heartbeats.how_many(of), account.max_heartbeats),
        ("Runs this month", counts["executions_this_month"], account.executions_per_month),
    ]


def _page(
    visit: Visit,
    found: Account,
    form: Form,
    *,
    status: int = 200,
    snippets: list[tuple[str, str]] | None = None,
) -> web.Response:
    return visit.page("settings/account.html", status, account=found, form=form, snippets=snippets)


def _snippets(visit: Visit, found: Account, form: Form) -> list[tuple[str, str]]:
    plain: dict[str, Any] = {name: getattr(found, name) for name in _FIELDS}
    changed = forms.changed(forms.said(form), plain)
    return requests.snippets("PATCH", f"{visit.base_url}/v1/account", changed)


PAGES = (
    Page("GET", HOME, account),
    Page("POST", HOME, change, "write"),
    Page("GET", f"{HOME}/system", system),
)
