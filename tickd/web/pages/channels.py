"""The pages of channels: the list, the forms of each kind, the test button."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from aiohttp import web

from tickd.domain import channels as rules
from tickd.domain.alerts import EVENTS
from tickd.domain.channels import MASK, Channel, ChannelChange, ChannelCreation
from tickd.services.channels import Seen
from tickd.web.fields import Page as Part
from tickd.web.pages import event_words, forms, requests
from tickd.web.pages.forms import Field, Form, Section
from tickd.web.pages.visit import Page, Visit

T = TypeVar("T", bound=ChannelChange)

KINDS: Mapping[rules.Kind, tuple[str, str]] = {
    "email": ("Email", "Addresses; and a mail server, which the daemon’s setting smtp_url says."),  # noqa: RUF001
    "webhook": ("Webhook", "An address of yours that takes a signed call in JSON."),
    "slack": ("Slack", "The URL of an incoming webhook of a Slack app."),
    "discord": ("Discord", "The URL of a webhook of a Discord channel."),
    "telegram": ("Telegram", "The token of a bot, and the id of the chat that it writes to."),
    "ntfy": ("ntfy", "A topic on ntfy.sh, or on a server of your own."),
    "apprise": ("Apprise", "The Apprise URL of any of a hundred other services; needs tickd[apprise]."),
}
"""What each kind is called, and what it needs."""

_PRIORITIES = (
    ("0", "By severity"),
    *(("1", "1, lowest"), ("2", "2, low"), ("3", "3, usual"), ("4", "4, high"), ("5", "5, highest")),
)
_KEPT = "Leave it empty to keep the one that is stored."
_URL = Field("url", "Webhook URL", "secret", is_required=True)
_SERVER = Field("server", "Server", "url")
_FIELDS: Mapping[rules.Kind, tuple[Field, ...]] = {
    "email": (
        Field(
            "to",
            "Addresses",
            "lines",
            "One a line, 20 at most.",
            is_required=True,
            rows=3,
            placeholder="ops@example.com",
        ),
    ),
    "webhook": (
        Field("url", "URL", "url", is_required=True, placeholder="https://hooks.example.com/tickd"),
        Field("secret", "Signing secret", "secret", "In the place of the account’s own."),  # noqa: RUF001
        Field("headers", "Headers", "pairs", "One Name: value a line.", rows=3, placeholder="X-Team: ops"),
    ),
    "slack": (replace(_URL, placeholder="https://hooks.slack.com/services/…"),),
    "discord": (replace(_URL, placeholder="https://discord.com/api/webhooks/…"),),
    "telegram": (
        Field("token", "Token of the bot", "secret", "@BotFather gives it.", is_required=True),
        Field("chat_id", "Chat id", hint="A number, or @name of a channel.", is_required=True),
        replace(_SERVER, placeholder=rules.SERVERS["telegram"]),
    ),
    "ntfy": (
        Field("topic", "Topic", is_required=True, hint="Whoever knows it can read it on a public server."),
        replace(_SERVER, placeholder=rules.SERVERS["ntfy"]),
        Field("token", "Access token", "secret", "If the server wants one."),
        Field("priority", "Priority", "select", options=_PRIORITIES),
    ),
    "apprise": (replace(_URL, label="Apprise URL", placeholder="matrix://user:pass@host/#room"),),
}
_EVENT_CHOICES = [(name, f"{event_words.EVENTS[name]}: {event_words.MEANINGS[name]}") for name in EVENTS]
_WHEN = (
    Section(
        "What it is told",
        (
            Field("enabled", "Enabled", "checkbox", "Without it nothing is sent here."),
            Field("default", "Default", "checkbox", "It serves whatever names no channel of its own."),
            Field("events", "Events", "many", options=_EVENT_CHOICES),
            Field(
                "delay_secs",
                "Delay",
                "number",
                "What recovers meanwhile is not told.",
                low=0,
                high=86_400,
                unit="seconds",
            ),
            Field(
                "reminder_minutes",
                "Remind every",
                "number",
                "0 is never.",
                low=0,
                high=10_080,
                unit="minutes",
            ),
        ),
    ),
)
_USUAL: dict[str, Any] = {
    "enabled": True,
    "default": True,
    "events": list(EVENTS),
    "delay_secs": 0,
    "reminder_minutes": 0,
    "secret": "",
    "headers": {},
    "server": "",
    "token": "",
    "priority": 0,
}


def _form_of(kind: rules.Kind, known: Channel | None = None) -> tuple[Section, ...]:
    """The form of a kind; a secret that is stored need not be given again, and can be forgotten."""
    own: list[Field] = [Field("name", "Name", is_required=True, placeholder="ops")]
    for one in _FIELDS[kind]:
        is_kept = known is not None and one.kind == "secret" and getattr(known.options, one.name)
        if is_kept:
            one = replace(one, is_required=False, placeholder=MASK, hint=_KEPT)
        own.append(one)
        if is_kept and one.name in rules.OPTIONS[kind][1]:
            own.append(Field(f"{one.name}_forgotten", f"Forget the {one.label.lower()}", "checkbox"))
    return (Section("", own), *_WHEN)


def _known(channel: Channel) -> dict[str, Any]:
    """A channel's values by field, secrets masked."""
    names = ("name", "enabled", "default", "events", "delay_secs", "reminder_minutes")
    return {name: getattr(channel, name) for name in names} | rules.shown(channel)


def _said(form: Form) -> dict[str, Any]:
    """What the form says in the API's own fields."""
    values = forms.said(form)
    for name in [name for name in values if name.endswith("_forgotten")]:
        if values.pop(name):
            values[name.removesuffix("_forgotten")] = ""
    if str(values.get("priority", "")).isdigit():
        values["priority"] = int(values["priority"])
    return values


def place(channel: Channel, *, hidden: bool = False) -> str:
    """Where a channel leads, of what is no secret; `hidden` is for whoever may only read."""
    options = channel.options
    if channel.kind == "webhook":
        return MASK if hidden else options.url
    said = {
        "email": ", ".join(options.to),
        "telegram": f"chat {options.chat_id}",
        "ntfy": f"{options.topic} on {(options.server or rules.SERVERS['ntfy']).split('//')[-1]}",
    }
    return said.get(channel.kind, "")


def health(seen: Seen) -> tuple[str, str]:
    """How a channel is doing, as (word, tone)."""
    if not seen.channel.enabled:
        return "Off", "quiet"
    if seen.health is not None and seen.health.failing_since is not None:
        return "Failing", "bad"
    sent_at = None if seen.health is None else seen.health.last_sent_at
    if seen.tested is not None and seen.tested.error and seen.tested.at >= (sent_at or 0):
        return "Test failed", "bad"
    return ("Not used yet", "quiet") if sent_at is None else ("Delivers", "good")


async def page(visit: Visit) -> web.Response:
    """`/channels`"""
    limit, offset = visit.query(Part).clamped()
    found, total = await visit.services.channels.page(visit.account_id, limit=limit, offset=offset)
    rows = [(seen, *health(seen), place(seen.channel, hidden=not visit.who.may("write"))) for seen in found]
    template = "channels/rows.html" if visit.is_fragment else "channels/list.html"
    account = await visit.services.accounts.account(visit.account_id)
    given: dict[str, Any] = {"rows": rows, "total": total, "limit": limit, "offset": offset, "kinds": KINDS}
    given["warning"] = await visit.services.channels.warning(visit.account_id)
    return visit.page(template, **given, account=account, all_events=len(EVENTS))


async def show(visit: Visit) -> web.Response:
    """`/channels/{id}`"""
    seen = await visit.services.channels.get(visit.account_id, visit.path("id"))
    word, tone = health(seen)
    return visit.page(
        "channels/now.html" if visit.is_fragment else "channels/show.html",
        seen=seen,
        word=word,
        tone=tone,
        kind=KINDS[seen.channel.kind][0],
        shown=_options(seen.channel, hidden=not visit.who.may("write")),
        events=[event_words.EVENTS[name] for name in seen.channel.events],
        users=await visit.services.channels.users(seen.channel),
        account=await visit.services.accounts.account(visit.account_id),
    )


def _options(channel: Channel, *, hidden: bool) -> list[tuple[str, Any]]:
    """A channel's own options by their label, secrets masked."""
    shown = rules.shown(channel)
    if channel.kind == "webhook" and hidden:
        shown["url"] = MASK
    return [(one.label, shown[one.name]) for one in _FIELDS[channel.kind] if shown[one.name]]


async def new(visit: Visit) -> web.Response:
    """`/channels/new`: choose a kind, then its form"""
    kind = _kind(visit)
    if kind is None:
        return visit.page("channels/kinds.html", kinds=KINDS, can_mail=visit.services.channels.can_mail)
    return _form(visit, kind, forms.filled(_form_of(kind), _USUAL | {"name": KINDS[kind][0]}))


async def create(visit: Visit) -> web.Response:
    """Make a channel; with `do=test`, and send a test by it."""
    kind = _kind(visit)
    if kind is None:
        return visit.go("/channels/new")
    form, spec, values = _read(visit, _form_of(kind), ChannelCreation, {"kind": kind})
    if visit.text("do") == "request":
        return _request(visit, kind, form, ("POST", "/v1/channels", forms.changed(values, _USUAL)))
    if spec is not None:
        try:
            made = await visit.services.channels.create(visit.account_id, spec)
            return await _saved(visit, made.channel, f"{made.channel.name} was created.")
        except forms.REFUSED as error:
            form.blame(error)
    return _form(visit, kind, form)


async def edit(visit: Visit) -> web.Response:
    """`/channels/{id}/edit`"""
    known = (await visit.services.channels.get(visit.account_id, visit.path("id"))).channel
    return _form(visit, known.kind, forms.filled(_form_of(known.kind, known), _known(known)), known)


async def change(visit: Visit) -> web.Response:
    """Change a channel."""
    known = (await visit.services.channels.get(visit.account_id, visit.path("id"))).channel
    form, spec, values = _read(visit, _form_of(known.kind, known), ChannelChange)
    if visit.text("do") == "request":
        call = ("PATCH", f"/v1/channels/{known.id}", forms.changed(values, _plain(known)))
        return _request(visit, known.kind, form, call, known)
    if spec is not None:
        try:
            await visit.services.channels.change(visit.account_id, known.id, spec)
            return await _saved(visit, known, "Saved.")
        except forms.REFUSED as error:
            form.blame(error)
    return _form(visit, known.kind, form, known)


async def _saved(visit: Visit, channel: Channel, said: str) -> web.Response:
    if visit.text("do") == "test":
        return await _tested(visit, channel.id, f"{said} ")
    return visit.go(f"/channels/{channel.id}", said)


async def test(visit: Visit) -> web.Response:
    """Send a test now, and say what became of it."""
    return await _tested(visit, visit.path("id"))


async def _tested(visit: Visit, identifier: str, before: str = "") -> web.Response:
    error = await visit.services.channels.test(visit.account_id, identifier)
    said = (
        f"{before}The test could not be delivered: {error}" if error else f"{before}The test was delivered."
    )
    return visit.go(f"/channels/{identifier}", said, tone="bad" if error else "good")


async def ask_delete(visit: Visit) -> web.Response:
    """Ask before it is deleted, and say what uses it."""
    known = (await visit.services.channels.get(visit.account_id, visit.path("id"))).channel
    users = await visit.services.channels.users(known)
    account = await visit.services.accounts.account(visit.account_id)
    return visit.page(
        "confirm.html",
        title=f"Delete the channel {known.name}?",
        message=_loss(known, users, is_fallback=account.fallback_channel == known.id),
        action=f"/channels/{known.id}/delete",
        label="Delete the channel",
        back=f"/channels/{known.id}",
        hidden=[],
    )


def _loss(channel: Channel, users: list[tuple[str, str, str]], *, is_fallback: bool) -> str:
    said = ["What still waits for it is not sent any more."]
    if users:
        named = ", ".join(f"the {kind} {name}" for kind, _, name in users[:5])
        more = f" and {len(users) - 5:,} more" if len(users) > 5 else ""
        said.append(f"It is named by {named}{more}: with no other channel, these go by the default ones.")
    if channel.default and channel.enabled:
        said.append("It is a default channel, which serves whatever names none.")
    if is_fallback:
        said.append("It is the account’s fallback channel.")  # noqa: RUF001
    return " ".join(said)


async def delete(visit: Visit) -> web.Response:
    """Delete a channel."""
    known = (await visit.services.channels.get(visit.account_id, visit.path("id"))).channel
    await visit.services.channels.delete(visit.account_id, known.id)
    return visit.go("/channels", f"{known.name} was deleted.")


def _kind(visit: Visit) -> rules.Kind | None:
    wanted = visit.text("kind") or visit.request.query.get("kind", "")
    return next((kind for kind in KINDS if kind == wanted), None)


def _plain(known: Channel) -> dict[str, Any]:
    """What the form says of a channel when nothing is changed."""
    return _said(forms.filled(_form_of(known.kind, known), _known(known)))


def _read(
    visit: Visit, sections: tuple[Section, ...], kind: type[T], given: dict[str, Any] | None = None
) -> tuple[Form, T | None, dict[str, Any]]:
    form = forms.sent(sections, visit.data)
    values = (given or {}) | _said(form)
    return form, forms.spec(form, kind, values), values


def _request(
    visit: Visit,
    kind: rules.Kind,
    form: Form,
    call: tuple[str, str, dict[str, Any]],
    known: Channel | None = None,
) -> web.Response:
    """The form as a call of the API: (method, path, body)."""
    if form.errors:
        return (
            visit.page("refused.html", 422, form=form)
            if visit.is_fragment
            else _form(visit, kind, form, known)
        )
    snippets = requests.snippets(call[0], visit.base_url + call[1], call[2])
    if visit.is_fragment:
        return visit.page("requests.html", snippets=snippets)
    return _form(visit, kind, form, known, snippets)


def _form(
    visit: Visit,
    kind: rules.Kind,
    form: Form,
    known: Channel | None = None,
    snippets: list[tuple[str, str]] | None = None,
) -> web.Response:
    status = 422 if form.errors else 200
    given: dict[str, Any] = {
        "form": form,
        "kind": kind,
        "known": known,
        "snippets": snippets,
        "about": KINDS[kind],
        "can_mail": visit.services.channels.can_mail,
    }
    return visit.page("channels/form.html", status, **given)


_ONE = "/channels/{id}"

PAGES = (
    Page("GET", "/channels", page),
    Page("GET", "/channels/new", new, "write"),
    Page("POST", "/channels/new", create, "write"),
    Page("GET", _ONE, show),
    Page("GET", f"{_ONE}/edit", edit, "write"),
    Page("POST", f"{_ONE}/edit", change, "write"),
    Page("POST", f"{_ONE}/test", test, "write"),
    Page("GET", f"{_ONE}/delete", ask_delete, "write"),
    Page("POST", f"{_ONE}/delete", delete, "write"),
)
