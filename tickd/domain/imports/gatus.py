"""Gatus' configuration as a manifest; docs/migrating/gatus.md has the table."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from tickd.domain import heartbeats, manifest, monitors
from tickd.domain.imports import draft as drafts
from tickd.domain.imports import gatus_alerting, gatus_conditions
from tickd.domain.imports.draft import Draft, Item, shown
from tickd.errors import Invalid, Malformed

Table = Mapping[str, Any]

_VARIABLE = re.compile(r"(?<!\$)\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_TOP = {"endpoints", "external-endpoints", "suites", "alerting", "maintenance", "security", "services"}
_MEANINGLESS = {
    # How Gatus itself runs and looks.
    *("metrics", "storage", "ui", "web", "debug", "concurrency", "disable-monitoring-lock"),
    *("skip-invalid-config-update", "connectivity", "tunneling", "remote", "announcements"),
}
_TOLD = {
    "announcements": "its announcements: post updates of incidents instead",
    "remote": "its remote instances",
    "connectivity": "its connectivity checker: tickd has its own, see the setting reference",
    "tunneling": "its tunnels: tickd connects directly",
}
_ENDPOINT = {
    *(
        "enabled",
        "name",
        "group",
        "url",
        "method",
        "conditions",
        "interval",
        "graphql",
        "body",
        "headers",
        "dns",
    ),
    *("ssh", "alerts", "maintenance-windows", "client", "extra-labels"),
}
_NO_MEANING = {"ui", "always-run", "store"}
_CLIENT_HELD = {
    "insecure": "certificate errors are ignored there: tickd always checks certificates",
    "proxy-url": "asked through a proxy: tickd connects directly",
    "oauth2": "signs in with OAuth 2: tickd has basic, bearer and header sign-in",
    "identity-aware-proxy": "signs in to an identity-aware proxy, which tickd can't",
    "tls": "shows a client certificate, which tickd can't",
    "tunnel": "asked through a tunnel: tickd connects directly",
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def convert(document: Table, now: int) -> Draft:
    """The manifest of a Gatus configuration, and what became of each item; Malformed where it has none."""
    endpoints = [*_list(document, "endpoints"), *_list(document, "services")]
    external = _list(document, "external-endpoints")
    if not endpoints and not external and not document.get("alerting"):
        raise Malformed("this is no configuration of Gatus: it has no endpoints")
    made = Draft(now)
    alerting = gatus_alerting.Alerting(made, _table(document, "alerting"))
    is_public = not document.get("security")
    for endpoint in endpoints:
        _endpoint(made, endpoint, alerting, is_public)
    for endpoint in external:
        _external(made, endpoint, alerting, is_public)
    for suite in _list(document, "suites"):
        words = "tickd asks one address a check and hands nothing on to the next"
        made.item("suite", suite.get("name")).lose(words)
    alerting.put()
    if document.get("maintenance"):
        item = made.item("maintenance", "of everything")
        _maintenance(made, item, _table(document, "maintenance"), {"all": True}, "maintenance")
    if document.get("security"):
        made.note("its sign-in: make users with tickd user add")
    for name in sorted(document.keys() & _TOLD.keys()):
        made.note(_TOLD[name])
    for name in sorted(document.keys() - _TOP - _MEANINGLESS):
        made.note(f"{shown(name)}: this import does not know what it means")
    made.note("history and uptime so far stay where they are")
    return made


def _endpoint(made: Draft, endpoint: Table, alerting: gatus_alerting.Alerting, is_public: bool) -> None:
    item = made.item("endpoint", endpoint.get("name"))
    said = _target(item, endpoint)
    if said is None:
        return
    said |= _common(item, endpoint, is_public) | _timing(item, endpoint)
    said |= alerting.of(item, endpoint)
    for name in sorted(endpoint.keys() - _ENDPOINT - _NO_MEANING):
        item.lose(f"{shown(name)}: this import does not know what it means")
    if endpoint.get("extra-labels"):
        item.lose("extra-labels: tickd's metrics have labels of their own")
    left = [name for name in said if name not in ("headers", "bearer_token") and _has_variable(said[name])]
    if left:
        words = "write the values into the file first, as envsubst does"
        item.lose(f"{', '.join(left)}: there is an environment variable in it; {words}")
        return
    said = {name: _unescaped(value) for name, value in said.items()}
    key = made.put(item, "monitors", said)
    for number, window in enumerate(_list(endpoint, "maintenance-windows"), 1):
        if key:
            name = f"{said['name']}" + (f" {number}" if number > 1 else "")
            covered = {"subjects": [manifest.reference("monitors", key)]}
            _maintenance(made, made.item("maintenance", f"of {said['name']}"), window, covered, name)


def _target(item: Item, endpoint: Table) -> dict[str, Any] | None:
    """What is watched and how; None where tickd has no such check, which is noted."""
    url = _text(endpoint, "url")
    dns = _table(endpoint, "dns")
    if dns:
        return _dns(item, endpoint, dns, url)
    scheme, _, rest = url.partition("://")
    if scheme in ("http", "https"):
        return _http(item, endpoint, url)
    if scheme in ("tcp", "tls"):
        wanted = gatus_conditions.convert(item, _conditions(endpoint))
        for one in wanted.assertions if not wanted.any_status or len(wanted.assertions) > 1 else ():
            item.lose(f"condition on {one['source']}: a {scheme} check looks at the connection alone")
        days = wanted.certificate_days
        if scheme == "tcp":
            return {"type": "tcp", "url": rest.rstrip("/")}
        if days:
            item.change("certificates: degraded when the end is near, down when it has passed")
        return {"type": "ssl", "url": rest.rstrip("/"), "ssl_expiry_threshold_days": days}
    words = "tickd sends no ICMP echo: watch a port of it with a tcp monitor"
    item.lose(
        f"{shown(scheme or url)}: {words if scheme == 'icmp' else 'tickd speaks http, tcp, tls and dns'}"
    )
    return None


def _dns(item: Item, endpoint: Table, dns: Table, server: str) -> dict[str, Any] | None:
    record = (_text(dns, "query-type") or "A").upper()
    if record not in ("A", "AAAA", "CNAME"):
        item.lose(f"{shown(record)} records: a dns monitor of tickd asks for addresses")
        return None
    if server:
        item.lose(f"name server {shown(server)}: tickd asks those of its setting dns_server")
    for one in _conditions(endpoint):
        if re.sub(r"\s", "", str(one)) not in ("[DNS_RCODE]==NOERROR", "[CONNECTED]==true"):
            item.lose(f"condition {shown(one)}: a dns monitor is up when the name has an address")
    return {"type": "dns", "url": _text(dns, "query-name").rstrip(".")}


def _http(item: Item, endpoint: Table, url: str) -> dict[str, Any]:
    wanted = gatus_conditions.convert(item, _conditions(endpoint))
    if wanted.certificate_days:
        item.change("certificates: tickd warns 30, 14, 7, 3 and 1 days before the end, and is down after it")
    method = (_text(endpoint, "method") or "GET").upper()
    said: dict[str, Any] = {
        "url": url,
        "method": method if method != "GET" else None,
        "assertions": wanted.assertions or None,
        **_headers(item, _table(endpoint, "headers")),
        **_user(url),
    }
    body = _text(endpoint, "body")
    if body and endpoint.get("graphql"):
        body = json.dumps({"query": body})
        said["request_content_type"] = "application/json"
    for place, name in (
        ("[ENDPOINT_NAME]", "name"),
        ("[ENDPOINT_GROUP]", "group"),
        ("[ENDPOINT_URL]", "url"),
    ):
        body = body.replace(place, _text(endpoint, name))
    if re.search(r"\[(LOCAL_ADDRESS|RANDOM_STRING_[0-9]+)\]", body):
        item.hold("its body has a part that is another one at each check; tickd sends the same")
    if body and method not in monitors.BODY_METHODS:
        item.lose(f"body: tickd sends none with {shown(method)}")
    elif body:
        said["body"] = body
    return said


def _user(url: str) -> dict[str, Any]:
    """A user name and password that stand in an address, which tickd has as fields."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return {}
    if not parts.username:
        return {}
    plain = parts._replace(netloc=host).geturl()
    return {"url": plain, "basic_auth_user": parts.username, "basic_auth_pass": parts.password}


def _headers(item: Item, given: Table) -> dict[str, Any]:
    """Headers; a secret one that is a variable becomes a reference to it."""
    kept: dict[str, Any] = {}
    token: object = None
    for name, value in given.items():
        text = str(value)
        whole = _VARIABLE.fullmatch(text)
        bearer = _VARIABLE.fullmatch(text.removeprefix("Bearer ").strip())
        if str(name).lower() == "authorization" and text.startswith("Bearer ") and bearer:
            token = {"env": bearer[1] or bearer[2]}
        elif whole and manifest.is_secret("monitors", "headers", str(name)):
            kept[str(name)] = {"env": whole[1] or whole[2]}
        elif _VARIABLE.search(text):
            item.hold(f"header {shown(name)}: there is an environment variable in it; write the value here")
        else:
            kept[str(name)] = _unescaped(text)
    return {"headers": drafts.headers_of(item, kept.items()) or None, "bearer_token": token}


def _common(item: Item, endpoint: Table, is_public: bool) -> dict[str, Any]:
    return {
        "name": drafts.name_of(item, endpoint.get("name")),
        "group": drafts.group_of(item, endpoint.get("group")),
        "slug": f"{_text(endpoint, 'group')} {_text(endpoint, 'name')}"[:100],
        "status": "paused" if endpoint.get("enabled") is False else None,
        "public": None if is_public else False,
    }


def _timing(item: Item, endpoint: Table) -> dict[str, Any]:
    interval = _seconds(item, "interval", endpoint.get("interval", "60s"), 60)
    client = _table(endpoint, "client")
    timeout = _seconds(item, "timeout", client.get("timeout", "10s"), 10)
    for name, words in _CLIENT_HELD.items():
        if client.get(name):
            item.hold(words)
    for name in ("dns-resolver", "network"):
        if client.get(name):
            item.lose(f"{name} {shown(client[name])}: tickd resolves and connects by its own settings")
    known = {"timeout", "ignore-redirect", "dns-resolver", "network", *_CLIENT_HELD}
    for name in sorted(client.keys() - known):
        item.lose(f"client.{shown(name)}: this import does not know what it means")
    low, high = drafts.INTERVAL_LOW, drafts.INTERVAL_HIGH
    said: dict[str, Any] = {
        "interval_secs": drafts.clamped(item, "interval_secs", interval, low, high),
        "timeout_secs": drafts.clamped(
            item, "timeout_secs", timeout, drafts.TIMEOUT_LOW, drafts.TIMEOUT_HIGH
        ),
    }
    if _text(endpoint, "url").startswith("http") and not endpoint.get("dns"):
        said["follow_redirects"] = not client.get("ignore-redirect")
    return said


def _seconds(item: Item, name: str, value: object, default: int) -> int:
    found = gatus_conditions.seconds(value)
    if found is None:
        item.change(f"{name} {shown(value)} can't be read: {default} s")
        return default
    return math.ceil(found)


def _external(made: Draft, endpoint: Table, alerting: gatus_alerting.Alerting, is_public: bool) -> None:
    item = made.item("external endpoint", endpoint.get("name"))
    said = _common(item, endpoint, is_public)
    interval = _seconds(item, "heartbeat.interval", _table(endpoint, "heartbeat").get("interval", "0"), 0)
    if interval:
        low, high = heartbeats.INTERVAL_LOW, heartbeats.INTERVAL_HIGH
        said["interval_secs"] = drafts.clamped(item, "interval_secs", interval, low, high)
        said["grace_secs"] = 60
    else:
        said["interval_secs"] = heartbeats.INTERVAL_HIGH
        item.change("interval_secs: a year, as silence means nothing there and tickd always expects a ping")
    said["failure_threshold"] = 1
    told = alerting.of(item, endpoint)
    said |= {name: told[name] for name in ("channels",) if name in told}
    token = _text(endpoint, "token")
    variable = _VARIABLE.fullmatch(token)
    try:
        said["token"] = {"env": variable[1] or variable[2]} if variable else heartbeats.own_token(token)
    except Invalid:
        item.lose("token: it is not 16 to 64 letters, digits, _ and -; it gets a fresh one")
    item.change("pushed to /p/TOKEN, or /p/TOKEN/fail, in the place of /api/v1/endpoints/KEY/external")
    for name in sorted(endpoint.keys() - {"enabled", "name", "group", "token", "alerts", "heartbeat"}):
        item.lose(f"{shown(name)}: this import does not know what it means")
    made.put(item, "heartbeats", said)


def _maintenance(made: Draft, item: Item, window: Table, covered: dict[str, Any], name: str) -> None:
    if window.get("enabled") is False:
        item.lose("it is switched off")
        return
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", _text(window, "start"))
    length = gatus_conditions.seconds(window.get("duration", ""))
    if found is None or length is None or not 60 <= length < 86_400:
        item.lose("its start or its duration can't be read, or it is a day or longer")
        return
    begin = int(found[1]) * 60 + int(found[2])
    until = (begin + math.ceil(length / 60)) % 1440
    days = [str(one).lower() for one in _items(window, "every")] or ["daily"]
    for day in days:
        said = {
            "day": day,
            "start": f"{begin // 60:02}:{begin % 60:02}",
            "end": f"{until // 60:02}:{until % 60:02}",
        }
        zone = {"timezone": _text(window, "timezone") or "UTC"}
        tail = f" ({day})" if len(days) > 1 else ""
        made.put(
            item,
            "maintenance",
            {"name": drafts.name_of(item, name, longest=180) + tail, **covered, **said, **zone},
        )


def _conditions(endpoint: Table) -> list[object]:
    return list(_items(endpoint, "conditions"))


def _items(table: Table, name: str) -> Sequence[Any]:
    found = table.get(name)
    return found if isinstance(found, list) else []


def _list(table: Table, name: str) -> list[Table]:
    return [one for one in _items(table, name) if isinstance(one, Mapping)]


def _table(table: Table, name: str) -> Table:
    found = table.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(table: Table, name: str) -> str:
    value = table.get(name)
    return "" if value is None or isinstance(value, dict | list | bool) else str(value)


def _has_variable(value: object) -> bool:
    if isinstance(value, str):
        return _VARIABLE.search(value) is not None
    if isinstance(value, dict):
        return any(_has_variable(one) for one in value.values())
    return isinstance(value, list) and any(_has_variable(one) for one in value)


def _unescaped(value: Any) -> Any:
    """What Gatus makes of `$$`: a dollar."""
    return value.replace("$$", "$") if isinstance(value, str) else value
