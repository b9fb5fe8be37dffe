"""Channels on the native face."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from tickd.domain import channels as rules
from tickd.domain import times
from tickd.domain.alerts import Event
from tickd.domain.channels import MASK, ChannelChange, ChannelCreation
from tickd.services.channels import Seen
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.routes import Call, Route


class ChannelAnswer(Struct):
    """A channel as it stands; of the fields behind `updated_at` it has those of its kind, secrets masked."""

    id: str
    name: str
    kind: rules.Kind
    enabled: bool
    default: bool
    events: list[Event]
    delay_secs: int
    reminder_minutes: int
    last_sent_at: str | None
    failing_since: str | None
    last_error: str
    created_at: str
    updated_at: str
    to: list[str] | UnsetType = UNSET
    url: str | UnsetType = UNSET
    secret: str | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    token: str | UnsetType = UNSET
    chat_id: str | UnsetType = UNSET
    server: str | UnsetType = UNSET
    topic: str | UnsetType = UNSET
    priority: int | UnsetType = UNSET


class ChannelList(Struct):
    """A page of channels, by name."""

    channels: list[ChannelAnswer]
    limit: int
    offset: int
    total: int


class Tested(Struct):
    """What became of a test: `sent`, or `failed` and why."""

    status: str
    error: str


def answer(call: Call, seen: Seen) -> ChannelAnswer:
    """The channel as the native face shows it to this caller."""
    channel, health = seen.channel, seen.health
    shown = rules.shown(channel)
    if "url" in shown and not call.who.may("write"):
        shown["url"] = MASK
    if "to" in shown:
        shown["to"] = list(shown["to"])
    return ChannelAnswer(
        id=channel.id,
        name=channel.name,
        kind=channel.kind,
        enabled=channel.enabled,
        default=channel.default,
        events=list(channel.events),
        delay_secs=channel.delay_secs,
        reminder_minutes=channel.reminder_minutes,
        last_sent_at=None if health is None else times.optional(health.last_sent_at),
        failing_since=None if health is None else times.optional(health.failing_since),
        last_error="" if health is None else health.last_error,
        created_at=times.rfc3339(channel.created_at),
        updated_at=times.rfc3339(channel.updated_at),
        **shown,
    )


async def create(call: Call) -> Answer:
    """`POST /v1/channels`"""
    spec = await call.body(ChannelCreation)
    return Answer(answer(call, await call.services.channels.create(call.account_id, spec)), 201)


async def page(call: Call) -> Answer:
    """`GET /v1/channels`"""
    limit, offset = call.query(Page).clamped()
    found, total = await call.services.channels.page(call.account_id, limit=limit, offset=offset)
    return Answer(ChannelList([answer(call, seen) for seen in found], limit, offset, total))


async def get(call: Call) -> Answer:
    """`GET /v1/channels/{id}`"""
    return Answer(answer(call, await call.services.channels.get(call.account_id, call.path("id"))))


async def change(call: Call) -> Answer:
    """`PUT` and `PATCH /v1/channels/{id}`"""
    spec = await call.body(ChannelChange)
    return Answer(answer(call, await call.services.channels.change(call.account_id, call.path("id"), spec)))


async def delete(call: Call) -> Answer:
    """`DELETE /v1/channels/{id}`"""
    await call.services.channels.delete(call.account_id, call.path("id"))
    return Answer(status=204)


async def test(call: Call) -> Answer:
    """`POST /v1/channels/{id}/test`: 200 whether it was taken or not; the answer says which."""
    error = await call.services.channels.test(call.account_id, call.path("id"))
    return Answer(Tested("failed" if error else "sent", error))


_ALL, _ONE = "/v1/channels", "/v1/channels/{id}"

ROUTES = (
    Route(
        "POST",
        _ALL,
        create,
        "Make a channel",
        {201: ChannelAnswer},
        scope="write",
        request=ChannelCreation,
        errors=(400, 409),
    ),
    Route("GET", _ALL, page, "List channels", {200: ChannelList}, query=Page, errors=(400,)),
    Route("GET", _ONE, get, "Get a channel", {200: ChannelAnswer}, errors=(404,)),
    *(
        Route(
            method,
            _ONE,
            change,
            "Change a channel; fields left out keep their value",
            {200: ChannelAnswer},
            scope="write",
            request=ChannelChange,
            errors=(400, 404, 409),
        )
        for method in ("PUT", "PATCH")
    ),
    Route("DELETE", _ONE, delete, "Delete a channel", {204: None}, scope="write", errors=(404,)),
    Route("POST", f"{_ONE}/test", test, "Send a test alert now", {200: Tested}, scope="write", errors=(404,)),
)
