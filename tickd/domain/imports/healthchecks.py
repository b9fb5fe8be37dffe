"""Healthchecks' `GET /api/v3/checks/` (v1 and v2 too) as a manifest of heartbeats."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tickd.domain import cron, heartbeats
from tickd.domain.imports import draft as drafts
from tickd.domain.imports.draft import Draft, Item, shown
from tickd.errors import Invalid, Malformed

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_READ = {
    *("name", "slug", "tags", "desc", "grace", "timeout", "schedule", "tz", "status", "ping_url", "uuid"),
    *("unique_key", "methods", "manual_resume", "channels"),
}
_MEANINGLESS = {
    # What was so far, and where it is found there.
    *("n_pings", "last_ping", "next_ping", "started", "last_start", "last_duration", "badge_url"),
    *("update_url", "pause_url", "resume_url"),
}
_FILTERS = (
    *("start_kw", "success_kw", "failure_kw", "subject", "subject_fail", "filter_subject", "filter_body"),
    *("filter_http_body", "filter_default_fail"),
)


def convert(document: object, now: int) -> Draft:
    """The manifest of these checks, and what became of each; Malformed where the document has none."""
    found = document.get("checks") if isinstance(document, Mapping) else document
    if not isinstance(found, Sequence) or isinstance(found, str | bytes):
        raise Malformed("this is no list of checks as GET /api/v3/checks/ answers it")
    made = Draft(now)
    for check in found:
        if isinstance(check, Mapping):
            _check(made, check)
        else:
            made.item("check", check).lose("it is no object")
    made.note("history so far, members of the project and API keys stay where they are")
    made.note("channels: the API does not say where they lead; make channels in tickd, for all or for some")
    made.note("pings by slug (/PING_KEY/SLUG) are not answered; those by UUID are, under /ping/UUID")
    return made


def _check(made: Draft, check: Mapping[str, Any]) -> None:
    item = made.item("check", check.get("name") or check.get("slug") or check.get("unique_key"))
    said: dict[str, Any] = {
        "name": drafts.name_of(item, check.get("name") or check.get("slug")),
        "slug": _text(check, "slug") or None,
        "tags": drafts.tags_of(item, _text(check, "tags").split()) or None,
        "failure_threshold": 1,
        "public": False,
        "status": "paused" if check.get("status") == "paused" else None,
        **_rhythm(item, check),
    }
    token = _token(check)
    try:
        said["token"] = heartbeats.own_token(token)
    except Invalid:
        words = (
            "the file was made with a read-only key" if check.get("unique_key") else "there is no ping_url"
        )
        item.lose(f"its address: {words}; it gets a fresh token")
    _say_the_rest(item, check)
    made.put(item, "heartbeats", said)


def _token(check: Mapping[str, Any]) -> str:
    for text in (_text(check, "uuid"), _text(check, "ping_url").rstrip("/").rpartition("/")[2]):
        if _UUID.fullmatch(text):
            return text
    return ""


def _rhythm(item: Item, check: Mapping[str, Any]) -> dict[str, Any]:
    grace = _number(check, "grace", 3600)
    said: dict[str, Any] = {"grace_secs": drafts.clamped(item, "grace_secs", grace, 0, heartbeats.GRACE_HIGH)}
    schedule = _text(check, "schedule")
    if not schedule:
        period = _number(check, "timeout", 86_400)
        low, high = heartbeats.INTERVAL_LOW, heartbeats.INTERVAL_HIGH
        return said | {"interval_secs": drafts.clamped(item, "interval_secs", period, low, high)}
    try:
        said["schedule"] = cron.parse(schedule).expression
    except Invalid as error:
        kind = "it is systemd's OnCalendar" if len(schedule.split()) != 5 else shown(error.message)
        item.hold(f"schedule {shown(schedule)}: {kind}; give it a cron expression")
        return said | {"interval_secs": 86_400}
    try:
        said["timezone"] = cron.zone(_text(check, "tz") or "UTC").key
    except Invalid:
        item.hold(f"time zone {shown(check.get('tz'))}: tickd does not know it")
    return said


def _say_the_rest(item: Item, check: Mapping[str, Any]) -> None:
    if check.get("desc"):
        item.lose(f"description: {shown(check['desc'])}")
    if check.get("methods"):
        item.lose(f"methods {shown(check['methods'])}: tickd takes pings by GET, HEAD and POST")
    if check.get("status") == "paused" and not check.get("manual_resume"):
        item.change("it stays paused until you resume it: in tickd a ping does not do that")
    for name in _FILTERS:
        if check.get(name):
            item.lose(f"{name} {shown(check[name])}: tickd does not look for words in what a ping brings")
    known = [one for one in _text(check, "channels").split(",") if one]
    if known:
        item.lose(
            f"the {len(known)} channels that are told of it"
            if len(known) > 1
            else "the channel that is told of it"
        )
    for name in sorted(check.keys() - _READ - _MEANINGLESS - set(_FILTERS)):
        if check[name] not in (None, "", False, 0):
            item.lose(f"{shown(name)}: this import does not know what it means")


def _text(check: Mapping[str, Any], name: str) -> str:
    value = check.get(name)
    return value.strip() if isinstance(value, str) else ""


def _number(check: Mapping[str, Any], name: str, default: int) -> int:
    value = check.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return default
    return math.ceil(max(-1e9, min(1e9, value)))
