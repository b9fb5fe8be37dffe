"""The envelope that every answer of the rooster face is in, errors included."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from msgspec import Struct

from tickd import errors
from tickd.errors import TickdError
from tickd.web.answers import Answer, render

PREFIXES = ("/api/v1", "/api/ping")
"""How the paths of this face begin."""

NAMES = {
    "headers": "custom_headers",
    "body": "request_body",
    "method": "http_method",
    "interval_secs": "check_interval",
    "timeout_secs": "timeout",
}
"""What this face calls a field that the domain has by another name."""

_SECONDS = ("timeout", "check_interval", "heartbeat_interval", "heartbeat_grace_period")
STATUS: dict[type[TickdError], int] = {
    errors.Invalid: 422,
    errors.Malformed: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.LimitReached: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.Unavailable: 503,
    errors.StartupError: 500,
}
"""The status of each error on the rooster face."""


class Envelope(Struct):
    """A good answer: the payload, no error, and what else is to say of a list."""

    data: Any
    error: str | None
    meta: dict[str, Any]


class Detail(Struct):
    """A field that is missing or mistyped, as FastAPI's clients read it."""

    loc: list[str]
    msg: str
    type: str


class Refused(Struct):
    """A bad answer: the sentence, and once more for clients that read FastAPI's shape."""

    data: None
    error: str
    detail: Any


def good(data: object, status: int = 200, **meta: object) -> Answer:
    """A good answer in its envelope."""
    return Answer(Envelope(data, None, meta), status)


def refuse(fault: TickdError) -> web.Response:
    """The response of a failed call on this face."""
    sentence = fault.message
    detail: object = None
    if isinstance(fault, errors.Invalid):
        name = NAMES.get(fault.field, fault.field)
        unit = " seconds" if name in _SECONDS and fault.sentence.startswith("must be between") else ""
        sentence = f"{name} {fault.sentence}{unit}"
        detail = _detail(name, fault.sentence)
    sent = {}
    if isinstance(fault, errors.TooMany | errors.Unavailable):
        sent["Retry-After"] = str(fault.retry_after)
    if isinstance(fault, errors.MethodNotAllowed):
        sent["Allow"] = ", ".join(fault.allowed)
    shown = detail or {"data": None, "error": sentence}
    return render(Answer(Refused(None, sentence, shown), STATUS[type(fault)], sent))


def refuse_as(status: int, sentence: str) -> web.Response:
    """The response of a refusal that is HTTP's own, on this face."""
    return render(Answer(Refused(None, sentence, {"data": None, "error": sentence}), status))


def _detail(name: str, sentence: str) -> list[Detail] | None:
    if sentence == "is required":
        return [Detail(["body", name], "Field required", "missing")]
    for kind, noun in (
        ("int", "a whole number"),
        ("bool", "true or false"),
        ("string", "text"),
        ("list", "a list"),
    ):
        if sentence.startswith(f"must be {noun}"):
            return [Detail(["body", name], f"Input should be {noun}", f"{kind}_type")]
    return None
