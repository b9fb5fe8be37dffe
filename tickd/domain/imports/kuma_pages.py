"""Uptime Kuma's maintenance and status pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from tickd.domain import cron, times
from tickd.domain import status_pages as rules
from tickd.domain.imports import draft as drafts
from tickd.domain.imports.draft import Draft, Item, shown
from tickd.domain.imports.kuma_rows import Row, Tables
from tickd.errors import Invalid

Below = Callable[[Any], list[str]]
"""The references of a monitor, or of all that is in it."""

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::[0-9.]+)?")
_DAILY_CRON = re.compile(r"([0-9]{1,2}) ([0-9]{1,2}) \* \* (\*|[0-7](?:,[0-7])*)")
_UNUSED = {
    "footer_text": "the text at its foot",
    "custom_css": "its style sheet",
    "google_analytics_tag_id": "its analytics",
    "analytics_id": "its analytics",
    "password": "its password: the page is private, for people who are signed in",
    "rss_title": "the title of its feed",
}


def published(tables: Tables) -> frozenset[Any]:
    """The ids of the monitors that are on a page which anybody can see."""
    pages = {row.get("id") for row in tables.get("status_page", ()) if _is_public(row)}
    groups = {row.get("id") for row in tables.get("group", ()) if row.get("status_page_id") in pages}
    return frozenset(
        row.get("monitor_id") for row in tables.get("monitor_group", ()) if row.get("group_id") in groups
    )


def _is_public(page: Row) -> bool:
    return bool(page.get("published")) and not page.get("password")


def status_pages(made: Draft, tables: Tables, below: Below) -> None:
    """Put the status pages into the draft."""
    domains: dict[Any, list[str]] = {}
    for row in tables.get("status_page_cname", ()):
        domains.setdefault(row.get("status_page_id"), []).append(str(row.get("domain") or ""))
    for row in tables.get("status_page", ()):
        item = made.item("status page", row.get("title") or row.get("slug"))
        slug = re.sub(r"[^a-z0-9-]+", "-", str(row.get("slug") or "").lower()).strip("-")[:63]
        own = domains.get(row.get("id"), [])
        groups = _groups(item, tables, row, below)
        said = {
            "slug": slug,
            "title": drafts.name_of(item, row.get("title"), fallback=slug or "status"),
            "description": str(row.get("description") or "")[:2000] or None,
            "visibility": "public" if _is_public(row) and groups else "private",
            "custom_domain": own[0] if own else None,
            "groups": groups or None,
        }
        for name, words in _UNUSED.items():
            if row.get(name):
                item.lose(words)
        if str(row.get("icon") or "/icon.svg") != "/icon.svg":
            item.lose("its picture: give the page a logo")
        for domain in own[1:]:
            item.lose(f"domain {shown(domain)}: a page has one")
        if any(
            one.get("status_page_id") == row.get("id") and one.get("active")
            for one in tables.get("incident", ())
        ):
            item.lose("the incidents that are posted on it now")
        made.put(item, "status_pages", said)


def _groups(item: Item, tables: Tables, page: Row, below: Below) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    names: set[str] = set()
    room = rules.SUBJECTS_MOST
    rows = [row for row in tables.get("group", ()) if row.get("status_page_id") == page.get("id")]
    for row in sorted(rows, key=_weight):
        members = [one for one in tables.get("monitor_group", ()) if one.get("group_id") == row.get("id")]
        subjects: list[str] = []
        for one in sorted(members, key=_weight):
            known = below(one.get("monitor_id"))
            if not known:
                item.lose(f"a monitor of the group {shown(row.get('name'))}, which is left out")
            subjects += known
        name = drafts.name_of(item, row.get("name"), fallback="Services")
        while name in names:
            name = name[:190] + " (2)"
        names.add(name)
        found.append({"name": name, "subjects": list(dict.fromkeys(subjects))[:room]})
        if len(subjects) > room:
            item.lose(f"what is beyond the {rules.SUBJECTS_MOST}th of its monitors")
        room -= len(found[-1]["subjects"])
    if len(found) > rules.GROUPS_MOST:
        item.lose(f"what is beyond the {rules.GROUPS_MOST}th of its groups")
        del found[rules.GROUPS_MOST :]
    if not found:
        # Without groups a page of tickd shows all there is.
        item.change("it has no groups, so it shows everything; it is private until you look at it")
    return found


def _weight(row: Row) -> tuple[float, float]:
    weight, identifier = row.get("weight"), row.get("id")
    return (
        float(weight) if isinstance(weight, int | float) else 0.0,
        float(identifier) if isinstance(identifier, int | float) else 0.0,
    )


# Maintenance.


def maintenance(made: Draft, tables: Tables, below: Below) -> None:
    """Put what is planned into the draft."""
    settings = {row.get("key"): row.get("value") for row in tables.get("setting", ())}
    zone = str(settings.get("serverTimezone") or "UTC").strip('"')
    links = tables.get("monitor_maintenance", ())
    for row in tables.get("maintenance", ()):
        item = made.item("maintenance", row.get("title"))
        subjects = [
            reference
            for link in links
            if link.get("maintenance_id") == row.get("id")
            for reference in below(link.get("monitor_id"))
        ]
        try:
            planned = _planned(item, row, zone, made.now)
        except Invalid as error:
            item.lose(shown(error.message))
            continue
        if not planned:
            continue
        if not subjects:
            item.lose("it covers nothing that was carried over")
            continue
        if row.get("description"):
            item.lose(f"description: {shown(row['description'])}")
        name = drafts.name_of(item, row.get("title"), longest=180)
        for when in planned:
            day = f" ({when['day']})" if len(planned) > 1 else ""
            made.put(
                item, "maintenance", {"name": name + day, "subjects": list(dict.fromkeys(subjects)), **when}
            )


def _planned(item: Item, row: Row, server_zone: str, now: int) -> list[dict[str, Any]]:
    """When it is; nothing where that is over, or can't be said, which is noted."""
    if not row.get("active", 1):
        item.lose("it is switched off")
        return []
    given = str(row.get("timezone") or "UTC")
    zone = cron.zone(server_zone if given == "SAME_AS_SERVER" else given).key
    strategy = str(row.get("strategy") or "")
    if strategy == "single":
        return _once(item, row, zone, now)
    if strategy == "recurring-weekday":
        days = [_DAYS[number % 7] for number in _numbers(row.get("weekdays"))]
        return _weekly(item, row, zone, days)
    if strategy == "recurring-interval" and row.get("interval_day") == 1:
        return _weekly(item, row, zone, ["daily"])
    if strategy == "cron":
        return _by_cron(item, row, zone)
    words = {"manual": "tickd has none that begins and ends by hand"}
    item.lose(f"{shown(strategy)}: {words.get(strategy, 'tickd plans maintenance once, daily or weekly')}")
    return []


def _once(item: Item, row: Row, zone: str, now: int) -> list[dict[str, Any]]:
    moments = [_moment(row.get(name), zone) for name in ("start_date", "end_date")]
    if None in moments:
        item.lose("its start or its end is no time")
        return []
    start, end = moments[0] or 0, moments[1] or 0
    if end <= now:
        item.lose("it is over")
        return []
    return [{"starts_at": times.rfc3339(start), "ends_at": times.rfc3339(end)}]


def _moment(value: Any, zone: str) -> int | None:
    """A wall time of the zone, in milliseconds."""
    try:
        wall = datetime.fromisoformat(str(value).replace(" ", "T").removesuffix("Z"))
        return round(wall.replace(tzinfo=cron.zone(zone)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _weekly(item: Item, row: Row, zone: str, days: Sequence[str]) -> list[dict[str, Any]]:
    clocks = [_CLOCK.fullmatch(str(row.get(name) or "")) for name in ("start_time", "end_time")]
    if None in clocks or not days:
        item.lose("its days or hours can't be read")
        return []
    if row.get("start_date") or row.get("end_date"):
        item.change("it has no first and no last day any more")
    start, end = (f"{int(one[1]):02}:{one[2]}" for one in clocks if one)
    return [{"day": day, "start": start, "end": end, "timezone": zone} for day in days]


def _by_cron(item: Item, row: Row, zone: str) -> list[dict[str, Any]]:
    found = _DAILY_CRON.fullmatch(" ".join(str(row.get("cron") or "").split()))
    length = row.get("duration")
    if found is None or not isinstance(length, int) or not 60 <= length < 86_400 or int(found[1]) > 59:
        item.lose("cron: tickd plans maintenance once, daily or weekly, for less than a day")
        return []
    minute = int(found[2]) * 60 + int(found[1])
    until = (minute + length // 60) % 1440
    days = ["daily"] if found[3] == "*" else [_DAYS[int(one) % 7] for one in found[3].split(",")]
    span = {"start": f"{minute // 60:02}:{minute % 60:02}", "end": f"{until // 60:02}:{until % 60:02}"}
    return [{"day": day, **span, "timezone": zone} for day in dict.fromkeys(days)]


def _numbers(value: Any) -> list[int]:
    try:
        found = json.loads(str(value or "[]"))
    except (ValueError, RecursionError):
        return []
    return [one for one in found if isinstance(one, int)] if isinstance(found, list) else []
