"""Pings, on every path that a job may know: native, Tymo's, Healthchecks', Kuma's, rooster's, Kodo's."""

from __future__ import annotations

import math
from typing import Literal

from msgspec import Struct, structs

from tickd.domain import outputs, pings
from tickd.domain.pings import Kind, Said
from tickd.errors import Forbidden, Invalid, NotFound
from tickd.services.doors import Door
from tickd.services.pinging import Taken
from tickd.web import fields
from tickd.web.answers import Answer
from tickd.web.routes import SOURCE, Call, Route


class Pinged(Struct):
    """A ping was taken; `paused` where nothing is expected of its heartbeat now."""

    status: Literal["ok", "paused"]


class Late(Struct, kw_only=True):
    """`rid` pairs a start with its end; `at` says when a ping was sent that arrives late."""

    rid: str = ""
    at: str = ""


class Push(Struct, kw_only=True):
    """What Uptime Kuma's push brings: `ping` is a response time in milliseconds."""

    status: Literal["up", "down"] = "up"
    msg: str = ""
    ping: str = ""
    at: str = ""


class Token(Late, kw_only=True):
    """The credential, long or short."""

    token: str


class Ok(Struct):
    """A ping was taken."""

    ok: bool


class RoosterPinged(Struct, omit_defaults=True):
    """A ping was taken: by when the next one is expected, in seconds since 1970."""

    ok: bool
    status: str
    monitor: str = ""
    next_expected_before: float | None = None
    message: str = ""


class KodoReport(Struct, kw_only=True):
    """How a service is, in its own words and numbers."""

    status: Literal["up", "down", "degraded"] = "up"
    message: str = ""
    metrics: dict[str, float] = {}


class KodoTaken(Struct):
    """A report was taken."""

    success: bool
    status: str


_OK, _PAUSED, _TAKEN = b'{"status":"ok"}', b'{"status":"paused"}', b'{"ok":true}'
_SAID_PAUSED = "Monitor is paused — ping recorded but not tracked"


def _head(call: Call, kind: Kind, exit_status: int | None) -> Said:
    """What a ping's path and query say."""
    query = call.request.query
    if not query and kind == "success" and exit_status is None:
        return pings.PLAIN
    now = call.services.heartbeats.pinging.now()
    rid, sent_at = pings.run_id(query.get("rid", "")), pings.sent_at(query.get("at", ""), now)
    return Said(kind=kind, exit_status=exit_status, rid=rid, sent_at=sent_at)


async def _whole(call: Call, head: Said) -> Said:
    """The ping with its body; one of any type is kept as text."""
    if not call.request.can_read_body:
        return head
    keeper = outputs.Keeper()
    await call.read(keeper.add)
    body = keeper.text()
    return structs.replace(head, message=pings.message_of("", body), body=body) if body else head


async def _take(
    call: Call,
    door: Door,
    kind: Kind = "success",
    exit_status: int | None = None,
    *,
    per_minute: int = 0,
    detailed: bool = False,
) -> Taken:
    pinging = call.services.heartbeats.pinging
    sender = pinging.sender(call.request[SOURCE], call.request.headers.get("User-Agent", ""))
    head = _head(call, kind, exit_status)
    return await pinging.ping(
        door, sender, lambda: _whole(call, head), head, per_minute=per_minute, detailed=detailed
    )


async def native(call: Call) -> Answer:
    """`POST`, `GET` and `HEAD /v1/heartbeats/{token}/ping`"""
    taken = await _take(call, call.services.heartbeats.doors.by_token(call.path("token")))
    return Answer(_PAUSED if taken.paused else _OK)


async def tymo(call: Call) -> Answer:
    """`GET`, `POST` and `HEAD /p/{token}`, `/ping/{token}`, and what may stand behind it"""
    door = call.services.heartbeats.doors.by_token(call.path("token"))
    kind, exit_status = pings.of_path(call.request.match_info.get("kind", ""))
    await _take(call, door, kind, exit_status, per_minute=pings.PER_MINUTE)
    return Answer(_TAKEN)


async def kuma(call: Call) -> Answer:
    """`GET` and `POST /api/push/{token}?status=up|down&msg=&ping=`"""
    door = call.services.heartbeats.doors.by_token(call.path("token"))
    pinging = call.services.heartbeats.pinging
    sender = pinging.sender(call.request[SOURCE], call.request.headers.get("User-Agent", ""))

    query = call.request.query
    status = query.get("status") or "up"
    if status not in ("up", "down"):
        raise Invalid("status", "must be one of up, down")
    said = Said(
        kind="success" if status == "up" else "fail",
        sent_at=pings.sent_at(query.get("at", ""), pinging.now()),
        message=pings.message_of(query.get("msg", "")),
        metrics=_response_time(query.get("ping", "")),
    )

    async def tell() -> Said:
        return said

    await pinging.ping(door, sender, tell, said)
    return Answer(_TAKEN)


def _response_time(text: str) -> dict[str, float]:
    """Kuma's `ping`, in milliseconds; like Kuma, what is no number is left out."""
    try:
        value = float(text)
    except ValueError:
        return {}
    return {"ping": value} if math.isfinite(value) else {}


async def rooster(call: Call) -> Answer:
    """`GET`, `POST` and `HEAD /api/ping/{id}?token=…`"""
    door = call.services.heartbeats.doors.by_id(call.path("id"))
    token = call.request.query.get("token", "")
    if not door.opens_to(token):
        raise Forbidden("the token is missing or wrong: use the ping_url of this monitor as it is")
    taken = await _take(call, door, detailed=True)
    if taken.paused:
        return Answer(RoosterPinged(True, "paused", message=_SAID_PAUSED))
    before = None if taken.expected_at is None else taken.expected_at / 1000
    return Answer(RoosterPinged(True, taken.state, taken.name, before))


async def kodo(call: Call) -> Answer:
    """`POST` and `GET /api/heartbeat/{id}`"""
    identifier = call.path("id")
    door = call.services.heartbeats.doors.by_id(identifier)
    if door.account_id != call.account_id:
        raise NotFound(f"no heartbeat {identifier}")
    pinging = call.services.heartbeats.pinging
    sender = pinging.sender(call.request[SOURCE], call.request.headers.get("User-Agent", ""))
    status = "up"

    async def tell() -> Said:
        nonlocal status
        report = fields.read_body(await call.raw(), KodoReport)
        status = report.status
        return Said(
            kind="fail" if status == "down" else "success",
            degraded=status == "degraded",
            message=pings.message_of(report.message),
            body=outputs.kept(report.message.encode()) if len(report.message) > pings.MESSAGE_LETTERS else "",
            metrics=pings.check_metrics(report.metrics),
        )

    # What it says of the service is in its body, which is not read from whom nobody lets in.
    await pinging.ping(door, sender, tell, Said(kind="log"))
    return Answer(KodoTaken(True, status))


_ERRORS = (403, 404, 413, 429)
_WORDS = "Say that a run begins (start), failed (fail), goes on (log) or ended so (0 to 255)"

ROUTES = (
    *(
        # rooster's word for what is wrong with a field is 422.
        Route(method, path, handler, summary, {200: good}, scope=None, query=query, errors=(*_ERRORS, wrong))
        for method in ("GET", "POST")
        for path, handler, summary, good, query, wrong in (
            ("/v1/heartbeats/{token}/ping", native, "Ping a heartbeat", Pinged, Late, 400),
            ("/p/{token}", tymo, "Ping a heartbeat", Ok, Late, 400),
            ("/p/{token}/{kind}", tymo, _WORDS, Ok, Late, 400),
            ("/ping/{token}", tymo, "Ping a heartbeat", Ok, Late, 400),
            ("/ping/{token}/{kind}", tymo, _WORDS, Ok, Late, 400),
            ("/api/push/{token}", kuma, "Ping a heartbeat, as Uptime Kuma has it", Ok, Push, 400),
            (
                "/api/ping/{id}",
                rooster,
                "Ping a heartbeat, as StatusRooster has it",
                RoosterPinged,
                Token,
                422,
            ),
        )
    ),
    *(
        Route(
            method,
            "/api/heartbeat/{id}",
            kodo,
            "Say how a service is, as Kodo has it",
            {200: KodoTaken},
            scope="heartbeat:write",
            request=KodoReport if method == "POST" else None,
            errors=(400, *_ERRORS),
        )
        for method in ("GET", "POST")
    ),
)
"""First in the application: they are called most. Their handlers read the query themselves."""
