"""Channels: where alerts go, what each kind needs to know for it, and what of that is a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tickd.domain import headers, subjects, urls
from tickd.domain.alerts import EVENTS, Event
from tickd.errors import Invalid

Kind = Literal["email", "webhook", "slack", "discord", "telegram", "ntfy", "apprise"]

MASK = headers.MASK
"""What stands for a secret; said back, it keeps the secret that is stored."""
RECIPIENTS_MOST = 20
"""How many addresses an e-mail channel has at most."""


class ChannelChange(Struct, kw_only=True):
    """What a caller may say of a channel; a field left out keeps its value.

    Which of the fields behind `reminder_minutes` a channel has depends on its kind. An empty `server` and a
    `priority` of 0 are the kind's own.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    default: bool | UnsetType = UNSET
    events: Annotated[list[Event], Meta(max_length=20)] | UnsetType = UNSET
    delay_secs: Annotated[int, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    reminder_minutes: Annotated[int, Meta(ge=0, le=10_080)] | UnsetType = UNSET
    to: Annotated[list[str], Meta(min_length=1, max_length=RECIPIENTS_MOST)] | UnsetType = UNSET
    url: Annotated[str, Meta(min_length=1, max_length=2048)] | UnsetType = UNSET
    secret: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    token: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    chat_id: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    server: Annotated[str, Meta(max_length=2048)] | UnsetType = UNSET
    topic: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    priority: Annotated[int, Meta(ge=0, le=5)] | UnsetType = UNSET


class ChannelCreation(ChannelChange, kw_only=True):
    """A channel to be made."""

    kind: Kind
    name: Annotated[str, Meta(min_length=1, max_length=200)]


class Options(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where and how a channel sends; each kind has some of these."""

    to: tuple[str, ...] = ()
    url: str = ""
    secret: str = ""
    headers: dict[str, str] = {}
    token: str = ""
    chat_id: str = ""
    server: str = ""
    topic: str = ""
    priority: int = 0


class Channel(Struct, frozen=True, kw_only=True):
    """A channel as it stands; `row` is its key in the store, times are milliseconds."""

    row: int
    id: str
    account_id: str
    name: str
    kind: Kind
    enabled: bool = True
    default: bool = True
    events: tuple[Event, ...] = EVENTS
    delay_secs: int = 0
    reminder_minutes: int = 0
    options: Options = Options()
    created_at: int
    updated_at: int


OPTIONS: Mapping[Kind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "email": (("to",), ()),
    "webhook": (("url",), ("secret", "headers")),
    "slack": (("url",), ()),
    "discord": (("url",), ()),
    "telegram": (("token", "chat_id"), ("server",)),
    "ntfy": (("topic",), ("server", "token", "priority")),
    "apprise": (("url",), ()),
}
"""What each kind needs, and what it may have besides."""
SECRETS: Mapping[Kind, tuple[str, ...]] = {
    "email": (),
    "webhook": ("secret",),
    "slack": ("url",),
    "discord": ("url",),
    "telegram": ("token",),
    "ntfy": ("token",),
    "apprise": ("url",),
}
"""Which of them are never shown again."""
SERVERS: Mapping[Kind, str] = {"ntfy": "https://ntfy.sh", "telegram": "https://api.telegram.org"}
"""Where a kind sends that names no server of its own."""
SENT: Mapping[Kind, str] = {"telegram": "token", "ntfy": "token", "webhook": "headers"}
"""Which secret a kind sends to a server that is said apart from it: whoever says the server could read it."""
ALONE: frozenset[str] = frozenset({"webhook"})
"""Kinds that a program reads: each alert is a call of its own, unless the account gathers them."""

_AGAIN = "must be given again for another server"
_PLACED = ("name", "enabled", "default", "events", "delay_secs", "reminder_minutes")


def create(spec: ChannelCreation, *, identifier: str, account_id: str, now: int) -> Channel:
    """A new channel; Invalid names the field that is missing or can't be."""
    bare = Channel(
        row=0,
        id=identifier,
        account_id=account_id,
        name=spec.name,
        kind=spec.kind,
        created_at=now,
        updated_at=now,
    )
    return structs.replace(change(bare, spec, now), updated_at=now)


def change(channel: Channel, spec: ChannelChange, now: int) -> Channel:
    """The channel with what was said of it; Invalid names the field that can't be."""
    said: dict[str, Any] = {name: value for name, value in structs.asdict(spec).items() if value is not UNSET}
    said.pop("kind", None)
    needed, optional = OPTIONS[channel.kind]
    for name in said:
        if name not in (*_PLACED, *needed, *optional):
            raise Invalid(name, f"can't be used with a channel of kind {channel.kind}")
    said = {name: value for name, value in said.items() if value != MASK}
    given = said
    said = {name: _RULES[name](channel, value) if name in _RULES else value for name, value in said.items()}
    placed = {name: said.pop(name) for name in _PLACED if name in said}
    changed = structs.replace(channel, options=structs.replace(channel.options, **said), **placed)
    for name in needed:
        if not getattr(changed.options, name):
            raise Invalid(name, f"is required for a channel of kind {channel.kind}")
    _keep_to_its_server(channel, changed, given)
    return channel if changed == channel else structs.replace(changed, updated_at=now)


def _keep_to_its_server(known: Channel, changed: Channel, given: Mapping[str, Any]) -> None:
    """Invalid where a secret that is stored would go to a server that it was not given for."""
    field = SENT.get(known.kind)
    if field is None or _server_of(known) == _server_of(changed):
        return
    stored = getattr(known.options, field)
    if field == "headers":
        again = given.get("headers", dict.fromkeys(stored, MASK))
        kept = [name for name in stored if headers.is_secret(name) and again.get(name) == MASK]
        if kept:
            raise Invalid("headers", f"has {kept[0]}, which {_AGAIN}")
    elif stored and field not in given:
        raise Invalid(field, _AGAIN)


def _server_of(channel: Channel) -> tuple[str, str, int | None] | None:
    options = channel.options
    return urls.origin(options.url or options.server or SERVERS.get(channel.kind, ""))


def shown(channel: Channel) -> dict[str, Any]:
    """The options of a channel by name, secrets masked; those that its kind has."""
    needed, optional = OPTIONS[channel.kind]
    values = {name: getattr(channel.options, name) for name in (*needed, *optional)}
    for name in SECRETS[channel.kind]:
        values[name] = MASK if values[name] else ""
    if values.get("headers"):
        values["headers"] = {
            name: MASK if headers.is_secret(name) else text for name, text in values["headers"].items()
        }
    return values


def _addresses(_channel: Channel, value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(subjects.mail_address("to", str(text)) for text in value))


def _url(channel: Channel, value: Any) -> str:
    if channel.kind == "apprise":
        text = str(value).strip()
        if "://" not in text or not text.isprintable():
            raise Invalid("url", "must be an Apprise URL such as matrix://user:pass@host/#room")
        return text
    return urls.http_url("url", value)


def _server(_channel: Channel, value: Any) -> str:
    return urls.http_url("server", value).rstrip("/") if str(value).strip() else ""


def _topic(_channel: Channel, value: Any) -> str:
    if not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", str(value)):
        raise Invalid("topic", "must be 1 to 64 letters, digits, _ and -")
    return str(value)


def _headers(channel: Channel, value: Any) -> dict[str, str]:
    kept = channel.options.headers
    given = {name: kept.get(name, text) if text == MASK else text for name, text in value.items()}
    headers.check("headers", given.items(), own=lambda name: name.startswith("webhook-"))
    return given


def _one_line(field: str) -> Callable[[Channel, Any], str]:
    def rule(_channel: Channel, value: Any) -> str:
        text = str(value).strip()
        if not text.isascii() or not text.isprintable() or " " in text:
            raise Invalid(field, "must be printable ASCII without spaces")
        return text

    return rule


def _events(_channel: Channel, value: Any) -> tuple[Event, ...]:
    chosen = set(value)
    return tuple(event for event in EVENTS if event in chosen)


def _secret(_channel: Channel, value: Any) -> str:
    return subjects.signing_secret("secret", value)


_RULES: dict[str, Callable[[Channel, Any], Any]] = {
    "name": lambda _channel, value: subjects.name(value),
    "events": _events,
    "to": _addresses,
    "url": _url,
    "secret": _secret,
    "headers": _headers,
    "token": _one_line("token"),
    "chat_id": _one_line("chat_id"),
    "server": _server,
    "topic": _topic,
}
