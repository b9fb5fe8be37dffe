"""Metrics of each job, monitor and heartbeat of an account: `GET /v1/metrics`, with a key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import NamedTuple

from aiohttp import web

from tickd.domain.overview import Item
from tickd.services.bundle import Services
from tickd.web.routes import Call
from tickd.web.streaming import stream

PAGE = 1_000
"""How many are read at once, and written between two turns of the event loop."""

_QUIET = ("paused", "pending")
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Number = Callable[[Item, int | None], float | None]


class Family(NamedTuple):
    """One metric of every subject: `number` is given the item and when its certificate expires (seconds)."""

    name: str
    words: str
    number: Number


def _seconds(moment: int | None) -> float | None:
    return None if moment is None else moment / 1000


def _took(item: Item, _expires: int | None) -> float | None:
    return None if item.last is None or item.last.took is None else item.last.took / 1000


def _success(item: Item, _expires: int | None) -> float | None:
    return item.last.at / 1000 if item.last is not None and item.last.tone in ("good", "warn") else None


FAMILIES: tuple[Family, ...] = (
    Family(
        "tickd_subject_up",
        "0 while it is down, 1 while it is not; absent while it is paused or pending.",
        lambda item, _: None if item.state in _QUIET else float(item.state != "down"),
    ),
    Family("tickd_subject_state", "1, with the state that it is in.", lambda _item, _: 1.0),
    Family(
        "tickd_subject_changed_timestamp_seconds",
        "When that state began, where it is known.",
        lambda item, _: _seconds(item.since),
    ),
    Family(
        "tickd_subject_last_timestamp_seconds",
        "When its latest result came: a check, the end of a run, a ping or a miss.",
        lambda item, _: None if item.last is None else _seconds(item.last.at),
    ),
    Family(
        "tickd_subject_success_timestamp_seconds",
        "When its latest result came, if that was a success; absent after a failure.",
        _success,
    ),
    Family(
        "tickd_subject_ping_timestamp_seconds",
        "When a heartbeat's latest ping came, of whatever kind; absent where none has, and of all else.",
        lambda item, _: _seconds(item.pinged_at),
    ),
    Family("tickd_subject_duration_seconds", "How long its latest result took.", _took),
    Family(
        "tickd_subject_next_timestamp_seconds",
        "When it runs, is checked or is expected to ping next.",
        lambda item, _: _seconds(item.next_at),
    ),
    Family(
        "tickd_subject_certificate_expires_timestamp_seconds",
        "When the certificate that its latest check saw expires.",
        lambda _item, expires: None if expires is None else float(expires),
    ),
)


class _Row(NamedTuple):
    labels: str
    item: Item
    expires: int | None


async def subject_metrics(call: Call) -> web.StreamResponse:
    """`GET /v1/metrics`, in Prometheus' text format."""
    services = call.services
    found: list[_Row] = []
    async for items in services.overview.every(call.account_id, PAGE):
        found += [_row(services, item) for item in items]
        await asyncio.sleep(0)
    return await stream(call.request, _written(found), content_type="text/plain")


def _row(services: Services, item: Item) -> _Row:
    check = services.monitors.latest(item.row)[0] if item.kind == "monitor" else None
    expires = None if check is None or check.ssl_expires_at is None else check.ssl_expires_at // 1000
    name = item.name.translate(_ESCAPED)
    return _Row(f'kind="{item.kind}",id="{item.id}",name="{name}"', item, expires)


async def _written(found: Sequence[_Row]) -> AsyncGenerator[bytes, None]:
    for family in FAMILIES:
        yield f"# HELP {family.name} {family.words}\n# TYPE {family.name} gauge\n".encode()
        for start in range(0, len(found), PAGE):
            lines = "".join(_lines(family, found[start : start + PAGE]))
            if lines:
                yield lines.encode()
            await asyncio.sleep(0)


def _lines(family: Family, rows: Sequence[_Row]) -> Iterator[str]:
    is_state = family.name == "tickd_subject_state"
    for labels, item, expires in rows:
        number = family.number(item, expires)
        if number is not None:
            state = f',state="{item.state}"' if is_state else ""
            yield f"{family.name}{{{labels}{state}}} {number!r}\n"
