"""The request builder: what a form says, as a call of the API in curl, Python and Node."""

from __future__ import annotations

import json
import shlex
from typing import Any

KEY = "$TICKD_API_KEY"


def snippets(method: str, url: str, body: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    """A call of the API as (language, code); its key is read from the environment."""
    return [
        ("curl", _curl(method, url, body)),
        ("Python", _python(method, url, body)),
        ("Node", _node(method, url, body)),
    ]


def _curl(method: str, url: str, body: dict[str, Any] | None) -> str:
    lines = [f"curl -X {method} {shlex.quote(url)}", f'  -H "Authorization: Bearer {KEY}"']
    if body is not None:
        lines.append("  -H 'Content-Type: application/json'")
        lines.append(f"  -d {shlex.quote(_json(body))}")
    return " \\\n".join(lines)


def _python(method: str, url: str, body: dict[str, Any] | None) -> str:
    sends = "" if body is None else f"    json={_indented(_literal(body))},\n"
    return (
        "import os\n\nimport requests\n\n"
        f"answer = requests.request(\n    {method!r},\n    {url!r},\n"
        '    headers={"Authorization": f"Bearer {os.environ[\'TICKD_API_KEY\']}"},\n'
        f"{sends}    timeout=10,\n)\nanswer.raise_for_status()\nprint(answer.json())"
    )


def _node(method: str, url: str, body: dict[str, Any] | None) -> str:
    headers = "    Authorization: `Bearer ${process.env.TICKD_API_KEY}`,\n"
    sends = ""
    if body is not None:
        headers += '    "Content-Type": "application/json",\n'
        sends = f"  body: JSON.stringify({_indented(_json(body, 2), 2)}),\n"
    return (
        f"const answer = await fetch({json.dumps(url)}, {{\n"
        f"  method: {json.dumps(method)},\n  headers: {{\n{headers}  }},\n{sends}}});\n"
        "if (!answer.ok) throw new Error(await answer.text());\n"
        "console.log(await answer.json());"
    )


def _json(body: dict[str, Any], indent: int | None = None) -> str:
    return json.dumps(body, ensure_ascii=False, indent=indent)


def _literal(value: Any) -> str:
    """A value as Python writes it, an object on lines of its own."""
    if not isinstance(value, dict):
        return repr(value)
    inside = "".join(f"    {name!r}: {item!r},\n" for name, item in value.items())
    return "{\n" + inside + "}" if inside else "{}"


def _indented(text: str, by: int = 4) -> str:
    return text.replace("\n", "\n" + " " * by)
