"""The page of a heartbeat: its state, its ping URL, its history, and what can be done with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from aiohttp import web
from markupsafe import Markup
from msgspec import Struct, structs

from tickd import ids
from tickd.domain import bars, cron, overview
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.pings import PLAIN, Event, Said
from tickd.domain.plots import Range
from tickd.errors import Forbidden, TooMany
from tickd.services.heartbeats import Which
from tickd.web.pages import heartbeat_forms, site, subjects, words
from tickd.web.pages.heartbeat_recipes import recipes
from tickd.web.pages.monitor_words import badge_lines
from tickd.web.pages.visit import Page, Visit

LIMIT = 25
"""How many pings and misses a page of the history has."""
AGENT = "tickd dashboard"
"""What a test ping calls itself."""
SHOWN: tuple[tuple[Which, str], ...] = (
    ("all", "All"),
    ("pings", "Pings"),
    ("failures", "Failures and misses"),
    ("events", "Changes"),
)
"""The parts of the history, and what they are called."""
_KINDS = {
    "success": ("Success", "good"),
    "start": ("Started", "quiet"),
    "fail": ("Failed", "bad"),
    "log": ("Log", "quiet"),
    "missed": ("Missed", "warn"),
    "overran": ("Did not end", "warn"),
    "moved": ("Put off", "quiet"),
}
_FLIPS = {
    "failing": "It fails from here on.",
    "recovered": "It has recovered.",
    "degraded": "It is degraded from here on.",
    "restored": "It is well again.",
}


class Wanted(Struct, kw_only=True):
    """What of a heartbeat's page is wanted; `part` is one of its live parts, for a script."""

    show: Which = "all"
    offset: int = 0
    part: Literal["now", "history", "rest"] = "now"


class Charted(Struct, kw_only=True):
    """How far back a chart looks."""

    range: Range = "24h"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the history as it is shown."""

    id: str
    event: Event
    word: str
    tone: str
    flip: str
    is_ping: bool


def rhythm(heartbeat: Heartbeat) -> str:
    """When pings are expected, in words."""
    if heartbeat.rhythm.schedule:
        return f"{cron.describe(heartbeat.schedule)}, {heartbeat.timezone}"
    return f"every {words.duration(heartbeat.interval_secs)}".replace("every 1 ", "every ")


def line(event: Event) -> Line:
    """A ping, a silence or a deadline that was moved, in words."""
    word, tone = _KINDS[event.kind]
    if event.degraded:
        word, tone = "Degraded", "warn"
    if not event.accepted:
        word, tone = "Refused", "quiet"
    elif event.repaired:
        word, tone = "Explained", "quiet"
    is_ping = event.kind in ("success", "start", "fail", "log")
    return Line(ids.row_id("png", event.row), event, word, tone, _FLIPS.get(event.flip or "", ""), is_ping)


async def show(visit: Visit) -> web.Response:
    """`/heartbeats/{id}`, and its live parts"""
    wanted = visit.query(Wanted)
    known = await visit.services.heartbeats.get(visit.account_id, visit.path("id"))
    if visit.is_fragment and wanted.part == "history":
        return visit.page("heartbeats/history.html", **await _history(visit, known, wanted))
    if visit.is_fragment and wanted.part == "rest":
        return visit.page("heartbeats/rest.html", **await _rest(visit, known))
    if visit.is_fragment:
        return visit.page("heartbeats/now.html", **await _now(visit, known))
    given = await _now(visit, known) | await _history(visit, known, wanted)
    given |= await _rest(visit, known) | await _still(visit, known)
    return visit.page("heartbeats/show.html", **given)


async def _now(visit: Visit, known: Heartbeat) -> dict[str, Any]:
    """How the heartbeat stands."""
    services = visit.services
    now = services.heartbeats.pinging.now()
    days = (await services.days.of("heartbeat", [known.row], bars.FULL_DAYS, now))[known.row]
    return {
        "heartbeat": known,
        "now": now,
        **subjects.stands(known.name, overview.of_heartbeat(known, now)),
        "rhythm": rhythm(known),
        "runs": await services.heartbeats.open_runs(known),
        "good": 100 * (1 - known.checks_failed / known.checks_total) if known.checks_total else None,
        "bars": Markup(bars.full(days, known.name, tips=True)),  # noqa: S704 - drawn by us, escaped there
    }


async def _history(visit: Visit, known: Heartbeat, wanted: Wanted) -> dict[str, Any]:
    """A page of what came in and what did not."""
    offset = max(0, min(1 << 53, wanted.offset))
    events, total = await visit.services.heartbeats.history(
        visit.account_id, known.id, wanted.show, limit=LIMIT, offset=offset
    )
    return {
        "heartbeat": known,
        "lines": [line(event) for event in events],
        "total": total,
        "offset": offset,
        "limit": LIMIT,
        "wanted": wanted.show,
        "filters": [
            (f"/heartbeats/{known.id}?show={key}#history", word, key == wanted.show) for key, word in SHOWN
        ],
    }


async def _rest(visit: Visit, known: Heartbeat) -> dict[str, Any]:
    """What changes with its state alone."""
    badge, page = f"/badge/{known.id}", f"{visit.base_url}/s/{known.slug}"
    pictures = [("Uptime", f"{badge}.svg"), ("Status", f"{badge}/status.svg")]
    return {
        "heartbeat": known,
        "state": overview.of_heartbeat(known, visit.services.heartbeats.pinging.now()),
        "badges": [
            (title, path, *badge_lines(title, visit.base_url + path, page)) for title, path in pictures
        ],
        **await subjects.incidents(visit, known.id),
    }


async def _still(visit: Visit, known: Heartbeat) -> dict[str, Any]:
    """What changes only when somebody edits it; no secret for whoever may only read."""
    ping_url = f"{visit.base_url}/p/{known.short_token}" if visit.who.may("write") else ""
    return {
        "ping_url": ping_url,
        "recipes": recipes(ping_url, known.rhythm.schedule) if ping_url else [],
        "is_timed": await visit.services.heartbeats.is_timed(known),
        "channels": await subjects.channels(visit, known.options.channels),
        "depends_on": await asyncio.gather(*(subjects.other(visit, one) for one in known.options.depends_on)),
    }


async def ping(visit: Visit) -> web.Response:
    """`/heartbeats/{id}/pings/{ping}`: one ping with all that it brought"""
    known = await visit.services.heartbeats.get(visit.account_id, visit.path("id"))
    found = await visit.services.heartbeats.ping(visit.account_id, known.id, visit.path("ping"))
    template = "heartbeats/details.html" if visit.is_fragment else "heartbeats/ping.html"
    return visit.page(template, heartbeat=known, line=line(found))


async def chart(visit: Visit) -> web.Response:
    """`/heartbeats/{id}/chart?range=`: how long its runs took, for charts.js"""
    wanted = visit.query(Charted).range
    plot = await visit.services.heartbeats.chart(visit.account_id, visit.path("id"), wanted)
    return site.send(visit.request, msgspec.json.encode(plot).decode(), kind="application/json")


async def pause(visit: Visit) -> web.Response:
    """Expect nothing of it."""
    known = await visit.services.heartbeats.pause(visit.account_id, visit.path("id"))
    return visit.go(f"/heartbeats/{known.id}", f"{known.name} was paused.")


async def resume(visit: Visit) -> web.Response:
    """Expect pings of it again."""
    known = await visit.services.heartbeats.resume(visit.account_id, visit.path("id"))
    return visit.go(f"/heartbeats/{known.id}", f"{known.name} was resumed.")


async def duplicate(visit: Visit) -> web.Response:
    """To the form of a new one that is like it."""
    known = await visit.services.heartbeats.get(visit.account_id, visit.path("id"))
    return visit.go(f"/heartbeats/new?from={known.id}")


async def test(visit: Visit) -> web.Response:
    """Ping it from here, as a job would."""
    known = await visit.services.heartbeats.get(visit.account_id, visit.path("id"))
    pinging = visit.services.heartbeats.pinging
    said = structs.replace(PLAIN, message=f"Test ping by {visit.user.name or visit.user.email}"[:500])

    async def tell() -> Said:
        return said

    sender = pinging.sender(visit.source, AGENT)
    try:
        await pinging.ping(visit.services.heartbeats.doors.by_id(known.id), sender, tell, said)
    except (Forbidden, TooMany) as error:
        return visit.go(f"/heartbeats/{known.id}", f"The ping was refused: {error.message}", tone="bad")
    return visit.go(f"/heartbeats/{known.id}", f"The ping from {visit.source} was taken.")


async def ask_rotate(visit: Visit) -> web.Response:
    """Ask before it gets another ping URL."""
    known = await visit.services.heartbeats.get(visit.account_id, visit.path("id"))
    return visit.page(
        "confirm.html",
        title=f"Give {known.name} a new ping URL?",
        message="Pings by the old one are refused from then on. Change it wherever the job runs.",
        action=f"/heartbeats/{known.id}/rotate",
        label="Make a new ping URL",
        back=f"/heartbeats/{known.id}",
        hidden=[],
    )


async def rotate(visit: Visit) -> web.Response:
    """Give it another token, and so another ping URL."""
    known = await visit.services.heartbeats.rotate(visit.account_id, visit.path("id"))
    return visit.go(f"/heartbeats/{known.id}", "It has a new ping URL. The old one leads nowhere now.")


async def ask_delete(visit: Visit) -> web.Response:
    """Ask before it is deleted."""
    known = await visit.services.heartbeats.get(visit.account_id, visit.path("id"))
    return visit.page(
        "confirm.html",
        title=f"Delete {known.name}?",
        message="Its history goes with it, and pings by its URL are refused. This can’t be undone.",  # noqa: RUF001
        action=f"/heartbeats/{known.id}/delete",
        label="Delete",
        back=f"/heartbeats/{known.id}",
        hidden=[],
    )


async def delete(visit: Visit) -> web.Response:
    """Delete it and its history."""
    known = await visit.services.heartbeats.get(visit.account_id, visit.path("id"))
    await visit.services.heartbeats.delete(visit.account_id, known.id)
    return visit.go("/?kind=heartbeat", f"{known.name} was deleted.")


_ONE = "/heartbeats/{id}"

PAGES = (
    *heartbeat_forms.PAGES,
    Page("GET", _ONE, show),
    Page("GET", f"{_ONE}/chart", chart),
    Page("GET", f"{_ONE}/pings/{{ping}}", ping),
    Page("GET", f"{_ONE}/duplicate", duplicate, "write"),
    Page("POST", f"{_ONE}/duplicate", duplicate, "write"),
    Page("POST", f"{_ONE}/pause", pause, "write"),
    Page("POST", f"{_ONE}/resume", resume, "write"),
    Page("POST", f"{_ONE}/ping", test, "write"),
    Page("GET", f"{_ONE}/rotate", ask_rotate, "write"),
    Page("POST", f"{_ONE}/rotate", rotate, "write"),
    Page("GET", f"{_ONE}/delete", ask_delete, "write"),
    Page("POST", f"{_ONE}/delete", delete, "write"),
)
