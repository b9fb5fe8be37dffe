"""Uptime Kuma's database (1.23 and 2.x) as a manifest; docs/migrating/uptime-kuma.md has the table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from tickd.domain import heartbeats, json_paths, manifest, monitors
from tickd.domain.imports import draft as drafts
from tickd.domain.imports import kuma_channels, kuma_pages
from tickd.domain.imports.draft import Draft, Item, shown
from tickd.domain.imports.kuma_rows import Context, Row, Tables, loaded, number, truth
from tickd.errors import Invalid

TABLES = (
    *("monitor", "tag", "monitor_tag", "notification", "monitor_notification", "maintenance", "setting"),
    *(
        "monitor_maintenance",
        "status_page",
        "status_page_cname",
        "group",
        "monitor_group",
        "incident",
        "proxy",
    ),
)
"""The tables that are read."""
ICMP = "tickd sends no ICMP echo: watch a port of it with a tcp monitor"
_ELSEWHERE = {
    "ping": ICMP,
    "tailscale-ping": ICMP,
    "docker": "tickd asks no Docker daemon: watch a port of the container with a tcp monitor",
    "real-browser": "tickd runs no browser: watch the address with an http monitor",
    "manual": "nothing is watched there: post an incident's updates by hand",
}
_HTTP = ("http", "keyword", "json-query")
_BODIES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "text/xml; charset=utf-8",
}
_OPERATORS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "contains": "contains"}
_SIMPLE_PATH = re.compile(r"\$?(?:\.?[A-Za-z_][A-Za-z0-9_]*|\[[0-9]{1,9}\])+|\$")
_SPAN = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")
_READ = {
    *(
        "id",
        "name",
        "active",
        "interval",
        "url",
        "type",
        "hostname",
        "port",
        "keyword",
        "maxretries",
        "parent",
    ),
    *("ignore_tls", "upside_down", "maxredirects", "accepted_statuscodes_json", "dns_resolve_type"),
    *("dns_resolve_server", "retry_interval", "push_token", "method", "body", "headers", "basic_auth_user"),
    *("basic_auth_pass", "proxy_id", "auth_method", "resend_interval", "http_body_encoding", "description"),
    *("invert_keyword", "json_path", "json_path_operator", "expected_value", "timeout", "conditions"),
    *("ip_family", "cache_bust", "expiry_notification"),
}
_MEANINGLESS = {
    # Where it stands in a list, who made it and when, what was seen last, and what of the answer is shown.
    *("user_id", "weight", "created_date", "dns_last_result", "restart_url", "screenshot_delay"),
    *("save_response", "save_error_response", "response_max_length", "domain_expiry_notification"),
}
_OF_OTHER_TYPES = (
    *(
        "docker_",
        "mqtt_",
        "database_",
        "grpc_",
        "radius_",
        "kafka_",
        "gamedig_",
        "game",
        "snmp_",
        "rabbitmq_",
    ),
    *("smtp_", "remote_browser", "packet_size", "ping_", "oauth_", "tls_", "auth_domain", "auth_workstation"),
    *("ws_", "manual_", "subtype", "location", "protocol", "system_service", "expected_tls_alert", "sip_"),
)


def convert(tables: Tables, now: int) -> Draft:
    """The manifest of an Uptime Kuma, and what became of each item; `now` is in milliseconds."""
    made = Draft(now)
    context = Context(made, tables)
    context.monitors = {row.get("id"): row for row in context.rows("monitor")}
    context.index()
    context.shown_on_pages = kuma_pages.published(tables)
    context.channels, context.has_default = kuma_channels.convert(made, context.rows("notification"))
    for row in sorted(context.monitors.values(), key=lambda one: (number(one, "weight"), number(one, "id"))):
        _monitor(context, row)
    kuma_pages.maintenance(made, tables, context.below)
    kuma_pages.status_pages(made, tables, context.below)
    made.note("history, uptime so far, users, API keys and settings stay where they are")
    if context.monitors:
        made.note("tickd does not look at when domains run out")
    return made


def _monitor(context: Context, row: Row) -> None:
    kind = str(row.get("type") or "")
    if kind == "group":
        _group(context, row)
        return
    item = context.draft.item("monitor", row.get("name"))
    make = _MAKERS.get(kind)
    if make is None:
        words = "tickd has no such check: it speaks http, tcp, tls and dns"
        item.lose(f"type {shown(kind)}: {_ELSEWHERE.get(kind, words)}")
        return
    if truth(row, "upside_down"):
        item.lose("upside down: tickd has no monitor that is up while its target is down")
        return
    section, said = make(item, row)
    if not section:
        return
    said |= _common(context, item, row)
    key = context.draft.put(item, section, said)
    if key:
        context.references[row.get("id")] = manifest.reference(section, key)
    _leftovers(item, row)


def _group(context: Context, row: Row) -> None:
    item = context.draft.item("group", row.get("name"))
    item.became = "the group of what is in it"
    if row.get("id") in context.links:
        item.lose("notifications of the group itself: tickd tells of each monitor in it")


def _common(context: Context, item: Item, row: Row) -> dict[str, Any]:
    """What monitors and heartbeats share."""
    said: dict[str, Any] = {
        "name": drafts.name_of(item, row.get("name")),
        "tags": drafts.tags_of(item, context.tags.get(row.get("id"), [])) or None,
        "channels": _channels(context, item, row) or None,
    }
    path: list[str] = []
    paused = not truth(row, "active", default=True)
    parent, seen = context.monitors.get(row.get("parent")), {row.get("id")}
    while parent is not None and parent["id"] not in seen:
        seen.add(parent["id"])
        path.insert(0, str(parent.get("name") or ""))
        if not truth(parent, "active", default=True) and not paused:
            paused = True
            item.change("paused, as its group is")
        parent = context.monitors.get(parent.get("parent"))
    said["group"] = drafts.group_of(item, " / ".join(path))
    said["status"] = "paused" if paused else None
    # What is on no page there has no address that anybody could look at.
    said["public"] = None if row.get("id") in context.shown_on_pages else False
    if row.get("description"):
        item.lose(f"description: {shown(row['description'])}")
    if number(row, "resend_interval"):
        item.lose("resend every so many beats: tickd reminds by channel, see reminder_minutes")
    return said


def _channels(context: Context, item: Item, row: Row) -> list[str]:
    linked = context.links.get(row.get("id"), [])
    known = [context.channels[one] for one in linked if one in context.channels]
    if len(known) < len(linked):
        item.lose(f"{len(linked) - len(known)} of its {len(linked)} notifications, which are left out")
    if not known and context.has_default:
        item.change("told to the default channels, as tickd does where a monitor names none")
    return list(dict.fromkeys(known))


# Types.


def _http(item: Item, row: Row) -> tuple[manifest.SectionName | None, dict[str, Any]]:
    said = _timing(item, row) | _request(item, row)
    room = 18
    checks: list[dict[str, str]] = []
    if row["type"] == "keyword" and row.get("keyword"):
        checks.append(_keyword(row))
    if row["type"] == "json-query":
        checks += _json(item, row)
        said["type"] = "json"
    said["assertions"] = [*_accepted(item, row, room), *checks]
    _credentials(item, row, said)
    if truth(row, "ignore_tls") and str(row.get("url") or "").lower().startswith("https"):
        item.hold("certificate errors are ignored there: tickd always checks certificates")
    if row.get("proxy_id"):
        item.hold("asked through a proxy: tickd connects directly")
    if row.get("ip_family"):
        item.lose(f"ip family {shown(row['ip_family'])}: tickd takes the addresses that the name has")
    if truth(row, "cache_bust"):
        item.lose("cache busting: no random parameter is put behind the address")
    if not truth(row, "expiry_notification", default=True):
        item.change(
            "certificates: tickd warns 30, 14, 7, 3 and 1 days before the end; see a channel's events"
        )
    return "monitors", said


def _keyword(row: Row) -> dict[str, str]:
    comparison = "not_contains" if truth(row, "invert_keyword") else "contains"
    return {"source": "body", "comparison": comparison, "target": str(row["keyword"])}


def _json(item: Item, row: Row) -> list[dict[str, str]]:
    path = str(row.get("json_path") or "$").strip()
    comparison = _OPERATORS.get(str(row.get("json_path_operator") or "=="))
    try:
        if comparison is None or not _SIMPLE_PATH.fullmatch(path):
            raise Invalid("path", "")
        json_paths.parse(path)
    except Invalid:
        words = "tickd has paths such as data.users[0].name; it looks whether the body is JSON"
        item.lose(f"JSON query {shown(path)}: {words}")
        return []
    target = "" if row.get("expected_value") is None else str(row["expected_value"])
    return [{"source": "json", "path": path, "comparison": comparison, "target": target}]


def _accepted(item: Item, row: Row, room: int) -> list[dict[str, str]]:
    found = loaded(row.get("accepted_statuscodes_json"))
    given = found if isinstance(found, list) else ["200-299"]
    spans = [span for one in given if (span := _SPAN.fullmatch(str(one).strip()))]
    if len(spans) < len(given):
        item.lose(f"status codes: {shown(given)} has some that tickd can't read")
    return drafts.codes(item, [(int(span[1]), int(span[2] or span[1])) for span in spans], room)


def _request(item: Item, row: Row) -> dict[str, Any]:
    said: dict[str, Any] = {"url": str(row.get("url") or "")}
    method = str(row.get("method") or "GET").upper()
    said["method"] = method if method != "GET" else None
    said["follow_redirects"] = number(row, "maxredirects", 10) > 0
    given = loaded(row.get("headers"))
    if row.get("headers") and not isinstance(given, dict):
        item.lose("headers: they are no JSON object")
    said["headers"] = drafts.headers_of(item, given.items()) or None if isinstance(given, dict) else None
    if row.get("body"):
        if method in monitors.BODY_METHODS:
            said["body"] = str(row["body"])
            said["request_content_type"] = _BODIES.get(str(row.get("http_body_encoding") or "json"))
        else:
            item.lose(f"body: tickd sends none with {shown(method)}")
    return said


def _credentials(item: Item, row: Row, said: dict[str, Any]) -> None:
    method = str(row.get("auth_method") or "basic").lower()
    if method in ("basic", "null", "none", ""):
        if row.get("basic_auth_user"):
            said["basic_auth_user"] = str(row["basic_auth_user"])
            said["basic_auth_pass"] = str(row.get("basic_auth_pass") or "") or None
        return
    names = {"ntlm": "NTLM", "mtls": "a client certificate", "oauth2-cc": "OAuth 2 client credentials"}
    item.hold(f"signs in with {names.get(method, shown(method))}: tickd has basic, bearer and header sign-in")


def _port(item: Item, row: Row) -> tuple[manifest.SectionName | None, dict[str, Any]]:
    host = str(row.get("hostname") or "").strip()
    said = _timing(item, row) | {"type": "tcp", "url": f"[{host}]" if ":" in host else host}
    said["url"] += f":{int(number(row, 'port'))}"
    return "monitors", said


def _dns(item: Item, row: Row) -> tuple[manifest.SectionName | None, dict[str, Any]]:
    record = str(row.get("dns_resolve_type") or "A").upper()
    if record not in ("A", "AAAA", "CNAME"):
        item.lose(f"{shown(record)} records: a dns monitor of tickd asks for addresses")
        return None, {}
    if record != "A":
        item.change(f"{record} records: it is up while the name has an address of any kind")
    if row.get("dns_resolve_server"):
        item.lose(
            f"name server {shown(row['dns_resolve_server'])}: tickd asks those of its setting dns_server"
        )
    return "monitors", _timing(item, row) | {"type": "dns", "url": str(row.get("hostname") or "").strip()}


def _push(item: Item, row: Row) -> tuple[manifest.SectionName | None, dict[str, Any]]:
    interval = math.ceil(number(row, "interval", 60))
    retries = int(number(row, "maxretries"))
    wait = math.ceil(number(row, "retry_interval")) or interval
    said: dict[str, Any] = {
        "interval_secs": drafts.clamped(
            item, "interval_secs", interval, heartbeats.INTERVAL_LOW, heartbeats.INTERVAL_HIGH
        ),
        "failure_threshold": 1,
        "grace_secs": drafts.clamped(item, "grace_secs", max(60, retries * wait), 0, heartbeats.GRACE_HIGH),
    }
    if retries * wait < 60:
        item.change("grace_secs: 60 s, so that a beat may be a little late")
    token = str(row.get("push_token") or "")
    try:
        heartbeats.own_token(token)
    except Invalid:
        item.lose(f"push token: one of {len(token)} characters can't be taken over; it gets a fresh one")
    else:
        said["token"] = token
    return "heartbeats", said


def _timing(item: Item, row: Row) -> dict[str, Any]:
    interval = math.ceil(number(row, "interval", 60))
    retries, wait = int(number(row, "maxretries")), number(row, "retry_interval")
    if retries > 0 and wait and wait != interval:
        item.change(f"tried again after {interval} s, not {wait:g} s: tickd keeps to the interval")
    # Without a timeout of its own it waits for four fifths of the interval.
    timeout = math.ceil(number(row, "timeout") or interval * 0.8)
    return {
        "interval_secs": drafts.clamped(
            item, "interval_secs", interval, drafts.INTERVAL_LOW, drafts.INTERVAL_HIGH
        ),
        "timeout_secs": drafts.clamped(
            item, "timeout_secs", timeout, drafts.TIMEOUT_LOW, drafts.TIMEOUT_HIGH
        ),
        "failure_threshold": drafts.clamped(
            item, "failure_threshold", retries + 1, 1, drafts.THRESHOLD_HIGH, ""
        ),
    }


_MAKERS: Mapping[str, Callable[[Item, Row], tuple[manifest.SectionName | None, dict[str, Any]]]] = {
    **dict.fromkeys(_HTTP, _http),
    "port": _port,
    "dns": _dns,
    "push": _push,
}


def _leftovers(item: Item, row: Row) -> None:
    """Columns that nobody has heard of, where they hold something."""
    if loaded(row.get("conditions")):
        item.lose("conditions: tickd has them for http alone, as assertions")
    for name in row.keys() - _READ - _MEANINGLESS:
        if row[name] not in (None, "", 0, "0", "[]", "{}") and not name.startswith(_OF_OTHER_TYPES):
            item.lose(f"column {shown(name)}: this import does not know what it means")
