"""Posting an alert: one bounded request, and what its answer means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from tickd.clock import Clock
from tickd.domain import times
from tickd.outbound.http import Failure, HttpClient, Request, Response
from tickd.outbound.undelivered import Undelivered, excerpt

TIMEOUT_SECS: Final = 10.0
"""How long a receiver has, from the look-up of its name to the end of its answer."""
ANSWER_BYTES: Final = 4096
RETRY_MOST_SECS: Final = times.DAY / times.SECOND
JSON: Final = ("Content-Type", "application/json")

_REFUSALS: Final = (400, 413, 415, 422)


async def post(
    http: HttpClient,
    clock: Clock,
    url: str,
    body: bytes,
    headers: Sequence[tuple[str, str]] = (JSON,),
    secrets: Sequence[str] = (),
) -> Response:
    """Post it and give the answer, whose status is 2xx; raises Undelivered, in which no `secrets` show."""
    try:
        request = Request("POST", url, tuple(headers), body, TIMEOUT_SECS, ANSWER_BYTES)
        answer = await http.send(request)
    except Failure as failure:
        raise Undelivered(excerpt(failure.message, secrets)) from failure
    except ValueError as unsendable:
        raise Undelivered(f"the request can't be made: {excerpt(str(unsendable), secrets)}") from unsendable
    if 200 <= answer.status < 300:
        return answer
    raise Undelivered(
        _sentence(answer, secrets),
        retry_after=_retry_after(answer, clock.now()),
        refused=answer.status in _REFUSALS,
    )


def _sentence(answer: Response, secrets: Sequence[str]) -> str:
    said = excerpt(answer.body, secrets)
    reason = excerpt(answer.reason, secrets)
    sentence = f"answered {answer.status} {reason}".rstrip()
    if 300 <= answer.status < 400:
        return f"{sentence}, a redirect, and alerts don't follow redirects"
    return f"{sentence}: {said}" if said else sentence


def _retry_after(answer: Response, now: int) -> float | None:
    """Seconds until the receiver wants to be asked again; None where it doesn't say.

    Discord and Telegram say it in the body too, and Discord more precisely there.
    """
    told = [_header_secs(answer.header("Retry-After") or "", now)]
    if answer.status == 429:
        told.append(_body_secs(answer.body))
    known = [secs for secs in told if secs is not None]
    return min(max(0.0, *known), RETRY_MOST_SECS) if known else None


def _header_secs(text: str, now: int) -> float | None:
    text = text.strip()
    try:
        return float(text)
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(text)
        # A zone of -0000 is UTC by the RFC, and none at all to Python.
        return when.replace(tzinfo=when.tzinfo or UTC).timestamp() - now / times.SECOND
    except (ValueError, OverflowError):
        return None


class _Parameters(msgspec.Struct):
    retry_after: float | None = None


class _Limited(msgspec.Struct):
    retry_after: float | None = None
    parameters: _Parameters | None = None


def _body_secs(body: bytes) -> float | None:
    try:
        limited = msgspec.json.decode(body, type=_Limited)
    except msgspec.DecodeError:
        return None
    if limited.retry_after is not None or limited.parameters is None:
        return limited.retry_after
    return limited.parameters.retry_after
