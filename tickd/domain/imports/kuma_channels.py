"""Uptime Kuma's notifications as channels."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tickd.domain.imports import draft as drafts
from tickd.domain.imports.draft import Draft, Item, shown
from tickd.domain.imports.kuma_rows import Row

Config = Mapping[str, Any]

_ALWAYS = {"type", "name", "isDefault", "applyExisting", "id", "active", "userId"}
_APPRISE = "tickd has no such channel; Apprise may speak to it: a channel of kind apprise"


def convert(made: Draft, rows: Sequence[Row]) -> tuple[dict[Any, str], bool]:
    """Put notifications into the draft; channels by the notification's id, and whether any is a default."""
    found: dict[Any, str] = {}
    has_default = False
    for row in rows:
        item = made.item("notification", row.get("name"))
        config = _config(row)
        kind = str(config.get("type") or "")
        maker = _KINDS.get(kind)
        if maker is None:
            item.lose(f"type {shown(kind) or 'unknown'}: {_APPRISE}")
            continue
        make, known = maker
        is_default = bool(row.get("is_default"))
        said: dict[str, Any] = {
            "name": drafts.name_of(item, row.get("name"), longest=100),
            "default": None if is_default else False,
            "enabled": None if row.get("active", 1) else False,
            **make(item, config),
        }
        for name in sorted(config.keys() - _ALWAYS - set(known)):
            if config[name] not in (None, "", False, 0, "0", [], {}):
                item.lose(f"{shown(name)}: tickd has no such setting of a channel")
        key = made.put(item, "channels", said)
        if key:
            found[row.get("id")] = key
            has_default = has_default or (is_default and bool(row.get("active", 1)))
    return found, has_default


def _config(row: Row) -> Config:
    try:
        config = json.loads(str(row.get("config") or "{}"))
    except (ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def _text(config: Config, name: str) -> str:
    value = config.get(name)
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _webhook(item: Item, config: Config) -> dict[str, Any]:
    item.change("its body is tickd's own, see the webhook of docs/alerts.md")
    said: dict[str, Any] = {"kind": "webhook", "url": _text(config, "webhookURL")}
    if _text(config, "webhookAdditionalHeaders"):
        try:
            given = json.loads(_text(config, "webhookAdditionalHeaders"))
            said["headers"] = drafts.headers_of(item, given.items())
        except (ValueError, AttributeError, RecursionError):
            item.lose("additional headers: they are no JSON object")
    return said


def _slack(_item: Item, config: Config) -> dict[str, Any]:
    return {"kind": "slack", "url": _text(config, "slackwebhookURL")}


def _discord(_item: Item, config: Config) -> dict[str, Any]:
    return {"kind": "discord", "url": _text(config, "discordWebhookUrl")}


def _telegram(_item: Item, config: Config) -> dict[str, Any]:
    server = _text(config, "telegramServerUrl").rstrip("/")
    return {
        "kind": "telegram",
        "token": _text(config, "telegramBotToken"),
        "chat_id": _text(config, "telegramChatID"),
        "server": server if server not in ("", "https://api.telegram.org") else None,
    }


def _ntfy(item: Item, config: Config) -> dict[str, Any]:
    if _text(config, "ntfyusername"):
        item.lose("ntfy's user name and password: tickd signs in with an access token")
    server = _text(config, "ntfyserverurl").rstrip("/")
    try:
        priority = max(0, min(5, int(float(_text(config, "ntfyPriority") or 0))))
    except (ValueError, OverflowError):
        priority = 0
    return {
        "kind": "ntfy",
        "topic": _text(config, "ntfytopic"),
        "server": server if server not in ("", "https://ntfy.sh") else None,
        "priority": priority or None,
        "token": _text(config, "ntfyaccesstoken") or None,
    }


def _smtp(item: Item, config: Config) -> dict[str, Any]:
    item.change("sent by the daemon's own mail server: its settings smtp_url and mail_from")
    to: list[str] = []
    for name in ("smtpTo", "smtpCC", "smtpBCC"):
        to += [one.strip() for one in re.split(r"[,;]", _text(config, name)) if one.strip()]
    if _text(config, "smtpCC") or _text(config, "smtpBCC"):
        item.change("copies go to each address on its own")
    # `Name <address>` is the address.
    return {"kind": "email", "to": [re.sub(r".*<([^<>]*)>", r"\1", one) for one in to]}


def _apprise(item: Item, config: Config) -> dict[str, Any]:
    item.change("needs tickd[apprise] to be installed")
    return {"kind": "apprise", "url": _text(config, "appriseURL")}


_KINDS: Mapping[str, tuple[Callable[[Item, Config], dict[str, Any]], tuple[str, ...]]] = {
    "webhook": (_webhook, ("webhookURL", "webhookAdditionalHeaders", "webhookContentType")),
    "slack": (_slack, ("slackwebhookURL",)),
    "discord": (_discord, ("discordWebhookUrl",)),
    "telegram": (_telegram, ("telegramBotToken", "telegramChatID", "telegramServerUrl")),
    "ntfy": (
        _ntfy,
        (
            *("ntfytopic", "ntfyserverurl", "ntfyPriority", "ntfyaccesstoken", "ntfyAuthenticationMethod"),
            *("ntfyusername", "ntfypassword"),
        ),
    ),
    "smtp": (
        _smtp,
        (
            *("smtpTo", "smtpCC", "smtpBCC", "smtpHost", "smtpPort", "smtpSecure", "smtpUsername"),
            *("smtpPassword", "smtpFrom", "smtpIgnoreTLSError"),
        ),
    ),
    "apprise": (_apprise, ("appriseURL",)),
}
"""How each type becomes a channel, and which of its settings that looks at, or needs no more."""
