"""A monitor's form as a call of either API: the native one, and rooster's."""

from __future__ import annotations

from typing import Any

from tickd.domain import headers
from tickd.web.pages import monitor_forms, requests
from tickd.web.pages.monitor_fields import DEFAULTS
from tickd.web.pages.monitor_forms import Editor
from tickd.web.rooster.polled import KINDS, Intervals
from tickd.web.rooster.shapes import RoosterMonitorCreation

PLACEHOLDER = "THE-STORED-VALUE"
"""What stands for a stored secret header: a call must say all headers."""

_NAMES = {
    "timeout_secs": "timeout",
    "method": "http_method",
    "body": "request_body",
    "interval_secs": "check_interval",
    "type": "monitor_type",
}
_OPERATORS = {
    "eq": "equals",
    "ne": "not_equals",
    "gt": "greater_than",
    "lt": "less_than",
    **{name: name for name in ("contains", "not_contains", "exists", "not_exists")},
}
"""The comparisons of JSON values that rooster has too."""
_TYPES = {kind: name for name, kind in KINDS.items()}


def build(editor: Editor, base_url: str, face: str, intervals: Intervals) -> None:
    """Put the calls into the form's page; secrets only where they were typed just now.

    `intervals` are those that the account may say on rooster's face.
    """
    values = _without_stored(editor, monitor_forms.changes(editor))
    editor.face = face
    monitor = editor.monitor
    method = "POST" if monitor is None else "PATCH"
    path = "/monitors" if monitor is None else f"/monitors/{monitor.id}"
    prefix = "/v1"
    if monitor is None and not (values.get("name") and values.get("url")):
        editor.notes.append("The call still needs a name and an address.")
    if face == "rooster":
        prefix = "/api/v1"
        kind = editor.form.values.get("type", "http")
        if kind not in _TYPES:
            editor.notes.append(f"The rooster API has no monitors of type {kind}.")
            return
        values, notes = _rooster(values, kind, intervals, is_new=monitor is None)
        editor.notes += notes
    editor.snippets = requests.snippets(method, base_url + prefix + path, values)


def _without_stored(editor: Editor, values: dict[str, Any]) -> dict[str, Any]:
    """The values as they may be shown: a stored header that is sent along is a placeholder."""
    if editor.monitor is None or "headers" not in values:
        return values
    stored = {name.lower(): text for name, text in editor.monitor.options.headers}
    shown = {
        name: PLACEHOLDER if headers.is_secret(name) and stored.get(name.lower()) == text else text
        for name, text in values["headers"].items()
    }
    return values | {"headers": shown}


def _with_json(values: dict[str, Any]) -> dict[str, Any]:
    """The values with those assertions in rooster's words that it has words for."""
    given = values.get("assertions", [])
    said = [one for one in given if one["source"] == "json" and one["comparison"] in _OPERATORS]
    if not said:
        return values
    rest = [one for one in given if one not in said]
    told = [
        {"path": one["path"], "operator": _OPERATORS[one["comparison"]], "value": one["target"]}
        for one in said
    ]
    kept = {name: item for name, item in values.items() if name != "assertions"}
    more = {"assertions": rest} if rest else {}
    return kept | more | {"json_assertions": [*values.get("json_assertions", []), *told]}


def _rooster(
    values: dict[str, Any], kind: str, intervals: Intervals, *, is_new: bool
) -> tuple[dict[str, Any], list[str]]:
    """The values in rooster's words, and what it can't say."""
    said: dict[str, Any] = {}
    lost = []
    if is_new:
        # What goes without saying differs between the two.
        defaults = {name: DEFAULTS[name] for name in ("follow_redirects", "expected_status_code")}
        values = {"type": kind} | (defaults if kind != "ssl" else {}) | values
    values = _with_json(values)
    for name, value in values.items():
        word = _NAMES.get(name, name)
        if name == "url":
            said["ssl_domain" if kind == "ssl" else "url"] = value
        elif name == "type":
            said[word] = _TYPES[value]
        elif name == "headers":
            said["custom_headers"] = [{"key": key, "value": text} for key, text in value.items()]
        elif word in RoosterMonitorCreation.__struct_fields__:
            said[word] = value
        else:
            lost.append(name)
    notes = [f"The rooster API has no {', '.join(lost)}."] if lost else []
    if not intervals.least <= said.get("check_interval", intervals.least) <= intervals.most:
        notes.append(f"There check_interval must be {intervals.words}.")
    return said, notes
