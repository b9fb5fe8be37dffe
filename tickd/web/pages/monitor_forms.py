"""The form of a monitor: what was sent, with what is stored behind its masks, as the API takes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from multidict import MultiMapping

from tickd.domain import headers
from tickd.domain import monitors as rules
from tickd.domain.monitors import Monitor, MonitorChange, MonitorCreation
from tickd.services.monitors import Refusal, Trial
from tickd.web.native.monitors import ranges_of
from tickd.web.pages import forms, monitor_fields
from tickd.web.pages.forms import Form
from tickd.web.pages.monitor_fields import DEFAULTS, SENT_SECRETS, Choices, Part
from tickd.web.pages.visit import Visit

T = TypeVar("T", bound=MonitorChange)

_PORTS = {"http": 80, "https": 443}
_ELSEWHERE = "was stored for {}: type it again for another place, or take it away"


@dataclass(slots=True)
class Editor:
    """A monitor's form under way; `monitor` is the one that is edited, None of a new one."""

    form: Form
    parts: list[Part]
    choices: Choices
    floor_secs: int
    refuses: Refusal
    monitor: Monitor | None = None
    trial: Trial | None = None
    trouble: str = ""
    """Why there was no try."""
    face: str = "native"
    snippets: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a field that is a list of objects; none where it can't be read."""
        try:
            found = json.loads(self.form.values.get(name) or "[]")
        except ValueError:
            return []
        return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []

    def is_open(self, part: Part) -> bool:
        """Whether a folded section says anything other than the defaults, or is wrong."""
        names = [one.name for one in part.section.fields]
        plain = forms.filled([part.section], DEFAULTS).values
        is_said = any(self.form.values.get(name) != plain[name] for name in names)
        return is_said or any(name in self.form.errors for name in names)


async def opened(visit: Visit, monitor: Monitor | None, known: Mapping[str, Any]) -> Editor:
    """The form that shows `known`."""
    editor = await _empty(visit, monitor)
    editor.form = forms.filled([part.section for part in editor.parts], known)
    return editor


async def received(visit: Visit, monitor: Monitor | None) -> Editor:
    """The form as a person sent it."""
    editor = await _empty(visit, monitor)
    editor.form = form = forms.sent([part.section for part in editor.parts], visit.data)
    for name, rows in (
        ("assertions", _assertions(visit.data)),
        ("maintenance_windows", _windows(visit.data)),
    ):
        form.values[name] = json.dumps(rows) if rows else ""
    return editor


async def _empty(visit: Visit, monitor: Monitor | None) -> Editor:
    chosen = await monitor_fields.choices(visit, monitor)
    floor = visit.services.monitors.floor_secs
    parts = monitor_fields.parts(floor, chosen, monitor)
    form = Form([part.section for part in parts])
    return Editor(form, parts, chosen, floor, visit.services.monitors.refuses, monitor)


def said(editor: Editor) -> dict[str, Any]:
    """All that the form says, as the API takes it; what is masked keeps its stored value.

    What is stored to be sent to one place is never said of another one: its field gets an error.
    """
    values = forms.said(editor.form)
    forgotten = [*values.pop("forget_sent", ()), *values.pop("forget_hooks", ())]
    for name in monitor_fields.ROWS:
        if name not in editor.form.errors:
            values.setdefault(name, [])
    if not values.get("slug"):
        values.pop("slug", None)
    if editor.monitor is not None:
        _keep(editor.form, values, monitor_fields.values_of(editor.monitor), forgotten)
    return values


def _keep(form: Form, values: dict[str, Any], stored: Mapping[str, Any], forgotten: list[str]) -> None:
    """Put what is stored behind the masks."""
    kind, url = values.get("type", stored["type"]), values.get("url", "")
    here, there = place(stored["type"], stored["url"]), place(kind, url)
    is_web = kind in monitor_fields.WEB.split()
    elsewhere = _ELSEWHERE.format(stored["url"] if here is None else here[1])
    for name in monitor_fields.SECRETS:
        if name in values:
            continue
        if name in forgotten:
            values[name] = ""
        elif stored[name] and name in SENT_SECRETS and is_web and here != there:
            form.errors[name] = elsewhere
        else:
            values[name] = stored[name]
    by_name = {name.lower(): text for name, text in stored["headers"].items()}
    given = values.get("headers", {})
    for name, text in given.items():
        if text == headers.MASK and name.lower() in by_name:
            if here == there or not is_web:
                given[name] = by_name[name.lower()]
            else:
                form.errors["headers"] = f"has {name}, which {elsewhere}"


def place(kind: str, url: str) -> tuple[str, str, int | None] | None:
    """Where a request goes: scheme, host and port; None for what sends no request, or can't be read."""
    if kind not in monitor_fields.WEB.split():
        return None
    try:
        parts = urlsplit(url.strip())
        return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None


def creation(editor: Editor) -> MonitorCreation | None:
    """The monitor to be made, or None: then the form has its errors."""
    return _checked(editor, MonitorCreation)


def change(editor: Editor) -> MonitorChange | None:
    """What the form changes of its monitor, or None: then it has its errors."""
    return _checked(editor, MonitorChange)


def changes(editor: Editor) -> dict[str, Any]:
    """What the form says other than what is stored."""
    if editor.monitor is None:
        return forms.changed(said(editor), DEFAULTS)
    return forms.changed(said(editor), monitor_fields.values_of(editor.monitor))


def trial(editor: Editor) -> MonitorCreation | None:
    """What is to be looked at, which needs no name yet; None when the form has errors."""
    values = forms.changed(said(editor), DEFAULTS)
    for name in ("slug", "channels", "depends_on", "paused"):
        values.pop(name, None)
    if not values.get("name"):
        values["name"] = "Try"
    return _spec(editor, MonitorCreation, values)


def _checked(editor: Editor, kind: type[T]) -> T | None:
    """What the form changes as a `kind`; the ranges of this tickd are narrower than the type's."""
    values, errors = changes(editor), editor.form.errors
    spec = _spec(editor, kind, values)
    for name, (low, high) in ranges_of(editor.floor_secs).items():
        value = values.get(name)
        if name in errors or (isinstance(value, int) and not low <= value <= high):
            errors[name] = f"must be a whole number between {low} and {high}"
    return None if errors else spec


def _spec(editor: Editor, kind: type[T], values: dict[str, Any]) -> T | None:
    """What is said as a `kind`, or None: then the form has all of its errors."""
    known = editor.monitor
    if known is None or kind is MonitorCreation:
        known = monitor_fields.BARE

    def ruled(said: T) -> None:
        editor.refuses(rules.change(known, said, known.updated_at))

    stand_ins = {"name": "x", "url": monitor_fields.place(values.get("type", known.type))[1]}
    return forms.spec(editor.form, kind, values, rules=ruled, stand_ins=stand_ins)


def _assertions(data: MultiMapping[Any]) -> list[dict[str, str]]:
    """The rows of assertions that say anything, whole."""
    found = []
    for source, subject, comparison, target in _table(data, "assertion", "source subject comparison target"):
        if source:
            row = {"source": source, "comparison": comparison, "target": target, "path": "", "name": ""}
            row |= {"json": {"path": subject}, "header": {"name": subject}}.get(source, {})
            found.append(row)
    return found


def _windows(data: MultiMapping[Any]) -> list[dict[str, str]]:
    rows = _table(data, "window", "day start end")
    return [{"day": day, "start_utc": start, "end_utc": end} for day, start, end in rows if day]


def _table(data: MultiMapping[Any], prefix: str, columns: str) -> list[tuple[str, ...]]:
    """Rows of fields that are sent under one name a column."""
    lists = [[str(text).strip() for text in data.getall(f"{prefix}_{one}", [])] for one in columns.split()]
    return list(zip(*lists, strict=False))
