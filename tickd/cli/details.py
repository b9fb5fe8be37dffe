"""One thing with all its fields, as `show` prints it: the names are the API's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tickd.cli.terminal import Screen, ago, local, moment, safe, safe_lines, word
from tickd.domain import headers

MASK = "••••••  (--json shows it)"

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_SECRET = {"basic_auth_pass", "bearer_token", "auth_header", "alert_slack_webhook", "webhook_url"}
# The address to ping says both of them.
_TWICE = {"token", "short_token"}


def lines(answer: Mapping[str, Any], screen: Screen) -> Iterator[str]:
    """A line for each field that has a value; what is a secret is not on the screen."""
    shown = {name: value for name, value in answer.items() if name not in _TWICE and not _is_empty(value)}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        first, *rest = _of(name, value, screen) or [""]
        yield f"{screen.styled(safe(name).ljust(width), 'quiet')}  {first}".rstrip()
        for line in rest:
            yield " " * (width + 2) + line


def _is_empty(value: object) -> bool:
    return value is None or value in ("", [], {})


def _of(name: str, value: object, screen: Screen) -> list[str]:
    if name in _SECRET:
        return [MASK]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, str):
        return _text(name, value, screen)
    if isinstance(value, Mapping):
        return _table(name, value, screen)
    if isinstance(value, list):
        if not any(isinstance(one, (Mapping, list)) for one in value):
            return [", ".join(safe(str(one)) for one in value)]
        return [line for one in value for line in _item(one, screen)]
    return [safe(json.dumps(value))]


def _text(name: str, value: str, screen: Screen) -> list[str]:
    if _TIME.fullmatch(value) and moment(value) is not None:
        return [f"{local(value)}  ({ago(value, screen.now)})"]
    if name in ("status", "state", "severity"):
        cell = word(value)
        return [screen.styled(cell.text, cell.tone)]
    return safe_lines(value)


def _table(name: str, value: Mapping[str, Any], screen: Screen) -> list[str]:
    found = []
    for key, one in value.items():
        if _is_empty(one):
            continue
        hidden = name == "headers" and headers.is_secret(key)
        first, *rest = [MASK] if hidden else _of(key, one, screen) or [""]
        found += [f"{safe(key)}: {first}", *(f"  {line}" for line in rest)]
    return found


def _item(one: object, screen: Screen) -> list[str]:
    if not isinstance(one, Mapping):
        return [safe(json.dumps(one))]
    first, *rest = _table("", one, screen) or [""]
    return [f"- {first}", *(f"  {line}" for line in rest)]
