"""A monitor's page: how it is, how it was, its checks and incidents, and what can be done with it."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import msgspec
from aiohttp import web
from markupsafe import Markup
from msgspec import Struct, structs

from tickd.domain import bars, overview
from tickd.domain.backtest import BacktestRequest
from tickd.domain.checks import STATUSES
from tickd.domain.monitors import Monitor
from tickd.domain.plots import Range
from tickd.services.monitors import Figures, Seen
from tickd.web.fields import Page as Listed
from tickd.web.native.checks import ChecksWanted
from tickd.web.pages import monitor_edits, monitor_fields, site, subjects, words
from tickd.web.pages.monitor_words import days_left, snippets, steps, watched
from tickd.web.pages.visit import Page, Visit

CHECKS = 20
"""How many checks the page lists at once."""
BARS = 90
"""How many days have a bar."""


class Wanted(Struct, kw_only=True):
    """What of a monitor's page is wanted; `part` is one of its live parts, for a script."""

    part: Literal["", "rest"] = ""


class Drawn(Struct, kw_only=True):
    """Which time is to be drawn."""

    range: Range = "24h"


class ChecksShown(ChecksWanted, kw_only=True):
    """Which checks are to be listed."""

    limit: int = CHECKS


async def show(visit: Visit) -> web.StreamResponse:
    """`/monitors/{id}`"""
    seen, wanted = await _seen(visit), visit.query(Wanted)
    if visit.is_fragment and wanted.part == "rest":
        return visit.page("monitors/rest.html", **await _rest(visit, seen.monitor))
    monitor, figures = seen.monitor, await visit.services.monitors.figures(seen.monitor)
    days = await visit.services.days.of("monitor", [monitor.row], BARS, figures.now)
    given = _now(seen, figures) | await _checks(visit, ChecksShown()) | await _rest(visit, monitor)
    return visit.page(
        "monitors/show.html",
        bars=Markup(bars.full(days[monitor.row], monitor.name, tips=True)),  # noqa: S704 - escaped there
        channels=await subjects.channels(visit, monitor.options.channels),
        depends_on=await asyncio.gather(*(subjects.other(visit, one) for one in monitor.options.depends_on)),
        backtest=BacktestRequest(),
        **given,
    )


async def now(visit: Visit) -> web.StreamResponse:
    """The head of a monitor's page, as it is fetched again and again."""
    seen = await _seen(visit)
    return visit.page("monitors/now.html", **_now(seen, await visit.services.monitors.figures(seen.monitor)))


async def checks(visit: Visit) -> web.StreamResponse:
    """`/monitors/{id}/checks`: a page of checks, of one status or of all"""
    seen = await _seen(visit)
    given = await _checks(visit, visit.query(ChecksShown))
    if not visit.is_fragment:
        return visit.page("monitors/history.html", monitor=seen.monitor, **given)
    part = "monitors/rows.html" if visit.request.query.get("part") == "rows" else "monitors/checks.html"
    return visit.page(part, monitor=seen.monitor, **given)


async def chart(visit: Visit) -> web.StreamResponse:
    """What charts.js draws of a monitor, as JSON."""
    drawn = visit.query(Drawn)
    plot = await visit.services.monitors.plot(visit.account_id, visit.path("id"), drawn.range)
    return site.send(visit.request, msgspec.json.encode(plot).decode(), kind="application/json")


async def backtest(visit: Visit) -> web.StreamResponse:
    """`/monitors/{id}/backtest`: what other settings would have told"""
    seen, request = await _seen(visit), visit.query(BacktestRequest)
    tested = await visit.services.backtests.run(visit.account_id, visit.path("id"), request)
    part = "monitors/tested.html" if visit.is_fragment else "monitors/backtest.html"
    return visit.page(part, monitor=seen.monitor, tested=tested, backtest=request)


async def check(visit: Visit) -> web.StreamResponse:
    """Check now."""
    found = await visit.services.monitors.check(visit.account_id, visit.path("id"))
    told = f"Checked: {words.STATES.get(found.status, found.status).lower()}"
    told += f" in {words.milliseconds(found.duration_ms)}" if found.duration_ms is not None else ""
    tone = {"good": "good", "warn": "warn", "bad": "bad"}.get(words.TONES.get(found.status, "bad"), "bad")
    return visit.go(_path(visit), f"{told}. {found.error}".strip(), tone=tone)


async def pause(visit: Visit) -> web.StreamResponse:
    """Stop checking it."""
    seen = await visit.services.monitors.pause(visit.account_id, visit.path("id"))
    return visit.go(_path(visit), f"{seen.monitor.name} was paused.")


async def resume(visit: Visit) -> web.StreamResponse:
    """Check it again."""
    seen = await visit.services.monitors.resume(visit.account_id, visit.path("id"))
    return visit.go(_path(visit), f"{seen.monitor.name} was resumed.")


async def ask_delete(visit: Visit) -> web.StreamResponse:
    """Ask before it is deleted."""
    monitor = (await _seen(visit)).monitor
    return visit.page(
        "confirm.html",
        title=f"Delete {monitor.name}?",
        message="Its checks and its history go with it, and an open incident ends. This can't be undone.",
        action=f"{_path(visit)}/delete",
        label="Delete",
        back=_path(visit),
        hidden=[],
    )


async def delete(visit: Visit) -> web.StreamResponse:
    """Delete it."""
    name = (await _seen(visit)).monitor.name
    await visit.services.monitors.delete(visit.account_id, visit.path("id"))
    return visit.go("/", f"{name} was deleted.")


async def duplicate(visit: Visit) -> web.StreamResponse:
    """On to the form of a new one that is like it."""
    return visit.go(f"/monitors/new?from={(await _seen(visit)).monitor.id}")


def _path(visit: Visit) -> str:
    return f"/monitors/{visit.path('id')}"


async def _seen(visit: Visit) -> Seen:
    return await visit.services.monitors.get(visit.account_id, visit.path("id"))


async def _rest(visit: Visit, monitor: Monitor) -> dict[str, Any]:
    """What changes with its state alone."""
    return {
        "monitor": monitor,
        "state": overview.of_monitor(monitor),
        "badges": snippets(visit.base_url, monitor),
        **await subjects.incidents(visit, monitor.id),
    }


def _now(seen: Seen, figures: Figures) -> dict[str, Any]:
    """What the head of the page shows."""
    monitor = seen.monitor
    return {
        "monitor": monitor,
        "seen": seen,
        "figures": figures,
        **subjects.stands(monitor.name, overview.of_monitor(monitor)),
        "days_left": days_left(monitor, figures.now),
        "watched": watched(monitor),
        "kinds": {name: label for name, label, _ in monitor_fields.TYPES},
        "steps": steps,
    }


async def _checks(visit: Visit, wanted: Listed) -> dict[str, Any]:
    """A page of checks."""
    limit, offset = wanted.clamped()
    status = getattr(wanted, "status", None)
    found, total = await visit.services.monitors.checks(
        visit.account_id, visit.path("id"), status=status, limit=limit, offset=offset
    )
    asked = structs.asdict(wanted) | {"limit": limit, "offset": offset}
    return {
        "checks": found,
        "total": total,
        "asked": asked,
        "filters": _filters(visit, status),
        "steps": steps,
    }


def _filters(visit: Visit, chosen: str | None) -> list[tuple[str, str, bool]]:
    """All checks, and those of each result, as links."""
    path = f"{_path(visit)}/checks"
    each = ((f"{path}?status={one}", words.STATES[one], one == chosen) for one in STATUSES)
    return [(path, "All", not chosen), *each]


_ONE = "/monitors/{id}"

PAGES = (
    *monitor_edits.PAGES,
    Page("GET", _ONE, show),
    Page("GET", f"{_ONE}/now", now),
    Page("GET", f"{_ONE}/checks", checks),
    Page("GET", f"{_ONE}/chart", chart),
    Page("GET", f"{_ONE}/backtest", backtest),
    Page("POST", f"{_ONE}/check", check, "write"),
    Page("POST", f"{_ONE}/pause", pause, "write"),
    Page("POST", f"{_ONE}/resume", resume, "write"),
    Page("POST", f"{_ONE}/duplicate", duplicate, "write"),
    Page("GET", f"{_ONE}/delete", ask_delete, "write"),
    Page("POST", f"{_ONE}/delete", delete, "write"),
)
