"""Gatus' alerting providers as channels, and an endpoint's alerts as thresholds and references."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tickd.domain.alerts import EVENTS
from tickd.domain.imports import draft as drafts
from tickd.domain.imports.draft import Draft, Item, shown

Table = Mapping[str, Any]

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_APPRISE = "tickd has no such channel; Apprise may speak to it: a channel of kind apprise"
_FAILURES, _SUCCESSES = 3, 2


class Alerting:
    """The providers of a configuration, and which alerts name them."""

    def __init__(self, made: Draft, providers: Table) -> None:
        self._made = made
        self._items: dict[str, Item] = {}
        self._said: dict[str, dict[str, Any]] = {}
        self._defaults: dict[str, Table] = {}
        self._resolved: dict[str, set[bool]] = {}
        for name, provider in providers.items():
            self._provider(str(name), provider if isinstance(provider, Mapping) else {})

    def _provider(self, name: str, provider: Table) -> None:
        item = self._items[name] = self._made.item("alerting provider", name)
        default = provider.get("default-alert")
        self._defaults[name] = default if isinstance(default, Mapping) else {}
        maker = _KINDS.get(name)
        if maker is None:
            item.lose(_APPRISE)
            return
        make, known = maker
        self._said[name] = {"name": name, "default": False, **make(item, provider)}
        for field in sorted(provider.keys() - set(known) - {"default-alert"}):
            item.lose(f"{shown(field)}: tickd has no such setting of a channel")

    def of(self, item: Item, endpoint: Table) -> dict[str, Any]:
        """The channels and the thresholds of an endpoint, out of its alerts."""
        alerts = endpoint.get("alerts")
        told: list[str] = []
        failures: set[int] = set()
        successes: set[int] = set()
        for one in alerts if isinstance(alerts, list) else ():
            if not isinstance(one, Mapping):
                continue
            name = str(one.get("type") or "")
            alert = {**self._defaults.get(name, {}), **one}
            if alert.get("enabled") is False:
                item.lose(f"alert {shown(name)}: it is switched off")
                continue
            failures.add(_number(alert, "failure-threshold", _FAILURES))
            successes.add(_number(alert, "success-threshold", _SUCCESSES))
            self._resolved.setdefault(name, set()).add(alert.get("send-on-resolved") is True)
            _say_the_rest(item, name, alert)
            if name in self._said:
                told.append(name)
            else:
                item.lose(f"alert {shown(name)}: that provider is left out")
        if not failures:
            # Nobody is told there.
            return {"failure_threshold": 1, "recovery_threshold": 1}
        if len(failures) > 1 or len(successes) > 1:
            item.change("its alerts have several thresholds: the lowest is taken for all")
        high = drafts.THRESHOLD_HIGH
        return {
            "channels": list(dict.fromkeys(told)) or None,
            "failure_threshold": drafts.clamped(item, "failure_threshold", min(failures), 1, high, ""),
            "recovery_threshold": drafts.clamped(item, "recovery_threshold", min(successes), 1, high, ""),
        }

    def put(self) -> None:
        """Put the channels into the draft, now that it is known what their alerts ask for."""
        for name, said in self._said.items():
            item, resolved = self._items[name], self._resolved.get(name, set())
            if resolved == {False}:
                said["events"] = [event for event in EVENTS if event not in ("recovered", "test")]
                item.change("told of failures alone, as its alerts have no send-on-resolved")
            elif len(resolved) > 1:
                item.change(
                    "told of recoveries of every endpoint: send-on-resolved is one choice of a channel"
                )
            self._made.put(item, "channels", said)


def _say_the_rest(item: Item, name: str, alert: Table) -> None:
    if alert.get("description"):
        item.lose(f"alert {shown(name)}: its description {shown(alert['description'])}")
    if alert.get("minimum-reminder-interval"):
        item.lose(f"alert {shown(name)}: reminders, see reminder_minutes of the channel")
    if alert.get("provider-override"):
        item.lose(f"alert {shown(name)}: what it says in the provider's place")


def _number(table: Table, name: str, default: int) -> int:
    value = table.get(name, default)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _value(table: Table, name: str) -> Any:
    """A setting as text, or as a reference where it is an environment variable; None for none."""
    value = table.get(name)
    if value is None or isinstance(value, dict | list | bool):
        return None
    text = str(value).strip()
    found = _VARIABLE.fullmatch(text)
    return {"env": found[1] or found[2]} if found else text.replace("$$", "$") or None


def _hook(kind: str) -> Callable[[Item, Table], dict[str, Any]]:
    return lambda _item, provider: {"kind": kind, "url": _value(provider, "webhook-url")}


def _telegram(item: Item, provider: Table) -> dict[str, Any]:
    return {
        "kind": "telegram",
        "token": _value(provider, "token"),
        "chat_id": _value(provider, "id"),
        "server": _value(provider, "api-url"),
    }


def _ntfy(item: Item, provider: Table) -> dict[str, Any]:
    return {
        "kind": "ntfy",
        "topic": _value(provider, "topic"),
        "server": _value(provider, "url"),
        "priority": _number(provider, "priority", 0) or None,
        "token": _value(provider, "token"),
    }


def _email(item: Item, provider: Table) -> dict[str, Any]:
    item.change("sent by the daemon's own mail server: its settings smtp_url and mail_from")
    to = [one.strip() for one in str(provider.get("to") or "").split(",")]
    return {"kind": "email", "to": [one for one in to if one]}


def _custom(item: Item, provider: Table) -> dict[str, Any]:
    item.change("its method and body are tickd's own, see the webhook of docs/alerts.md")
    given = provider.get("headers")
    pairs = given.items() if isinstance(given, Mapping) else ()
    kept = {name: _value({"x": text}, "x") or "" for name, text in pairs}
    return {
        "kind": "webhook",
        "url": _value(provider, "url"),
        "headers": drafts.headers_of(item, kept.items()) or None,
    }


_KINDS: Mapping[str, tuple[Callable[[Item, Table], dict[str, Any]], tuple[str, ...]]] = {
    "slack": (_hook("slack"), ("webhook-url",)),
    "discord": (_hook("discord"), ("webhook-url",)),
    "telegram": (_telegram, ("token", "id", "api-url")),
    "ntfy": (_ntfy, ("topic", "url", "priority", "token")),
    "email": (_email, ("from", "username", "password", "host", "port", "to")),
    "custom": (_custom, ("url", "method", "body", "headers")),
}
"""How each provider becomes a channel, and which of its settings that looks at, or needs no more."""
