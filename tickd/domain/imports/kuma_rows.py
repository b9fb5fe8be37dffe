"""Rows of Uptime Kuma's database, and what is looked up in them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tickd.domain.imports.draft import Draft

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]


@dataclass(slots=True)
class Context:
    """What the parts of an import share."""

    draft: Draft
    tables: Tables
    monitors: dict[Any, Row] = field(default_factory=dict)
    references: dict[Any, str] = field(default_factory=dict)
    shown_on_pages: frozenset[Any] = frozenset()
    channels: dict[Any, str] = field(default_factory=dict)
    has_default: bool = False
    children: dict[Any, list[Any]] = field(default_factory=dict)
    tags: dict[Any, list[str]] = field(default_factory=dict)
    links: dict[Any, list[Any]] = field(default_factory=dict)

    def rows(self, table: str) -> Sequence[Row]:
        """A table's rows; none where this version has no such table."""
        return self.tables.get(table, ())

    def below(self, identifier: Any) -> list[str]:
        """The references of a monitor, or of all that is in it where it is a group."""
        found, waiting, seen = [], [identifier], set()
        while waiting:
            one = waiting.pop(0)
            if one in seen:
                continue
            seen.add(one)
            if one in self.references:
                found.append(self.references[one])
            waiting += self.children.get(one, [])
        return found

    def index(self) -> None:
        """Look up once what is asked for of each monitor."""
        for row in self.monitors.values():
            self.children.setdefault(row.get("parent"), []).append(row.get("id"))
        names = {tag.get("id"): str(tag.get("name") or "") for tag in self.rows("tag")}
        for one in self.rows("monitor_tag"):
            name, value = names.get(one.get("tag_id"), ""), str(one.get("value") or "")
            if name:
                tag = f"{name}:{value}" if value else name
                self.tags.setdefault(one.get("monitor_id"), []).append(tag)
        for one in self.rows("monitor_notification"):
            self.links.setdefault(one.get("monitor_id"), []).append(one.get("notification_id"))


def loaded(value: Any) -> Any:
    """What a column with JSON holds; None where it holds none."""
    try:
        return json.loads(value) if isinstance(value, str) and value else None
    except (ValueError, RecursionError):
        return None


def number(row: Row, name: str, default: float = 0) -> float:
    """A column as a number, whatever SQLite keeps in it."""
    value = row.get(name)
    try:
        found = float(default if value is None or value == "" else value)
    except (TypeError, ValueError):
        return default
    return max(-1e9, min(1e9, found)) if math.isfinite(found) else default


def truth(row: Row, name: str, *, default: bool = False) -> bool:
    """A column as yes or no."""
    value = row.get(name)
    if value is None or value == "":
        return default
    return str(value).lower() not in ("0", "false", "0.0")
