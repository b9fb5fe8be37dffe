"""Answers: how a value becomes JSON, and the one table that says which status an error has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

from tickd import errors
from tickd.errors import TickdError

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a value; None is an empty body."""

    value: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON


class ErrorAnswer(msgspec.Struct):
    """What went wrong, in a sentence that names the field where one is to blame."""

    error: str


NATIVE: dict[type[TickdError], int] = {
    errors.Invalid: 400,
    errors.Malformed: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.LimitReached: 402,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.Unavailable: 503,
    # Never meets a request: the daemon has not started.
    errors.StartupError: 500,
}
"""The status of each error on the native face."""


def render(answer: Answer) -> web.Response:
    """The response of a successful call."""
    if answer.value is None:
        return web.Response(status=answer.status, headers=answer.headers)
    body = answer.value if isinstance(answer.value, bytes) else msgspec.json.encode(answer.value)
    return web.Response(
        status=answer.status,
        body=body,
        content_type=answer.content_type,
        charset="utf-8",
        headers=answer.headers,
    )


def native_refusal(error: TickdError) -> Answer:
    """What a failed call is answered on the native face."""
    headers = {}
    if isinstance(error, errors.TooMany | errors.Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    return Answer(ErrorAnswer(error.message), NATIVE[type(error)], headers)


def native_error(error: TickdError) -> web.Response:
    """The response of a failed call on the native face."""
    return render(native_refusal(error))


def refused_as(status: int, sentence: str) -> web.Response:
    """The response of a refusal that is HTTP's own, on the native face."""
    return render(Answer(ErrorAnswer(sentence), status))
