"""References: secrets that a manifest does not hold, out of the environment and out of files."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tickd.domain.manifest import SectionName
from tickd.domain.manifest_checks import Secret, references

MOST_BYTES = 1024 * 1024
"""How much of a file is read; no secret is as long."""


def resolved(section: SectionName, table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The fields with `Secret` in the place of each reference; `folder` is where relative paths begin."""
    made = dict(table)
    for way, reference in references(table):
        ((kind, where),) = reference.items()
        found = _variable(where) if kind == "env" else _file(folder, where, is_picture=way == ("logo",))
        if len(way) == 1:
            made[way[0]] = found
        else:
            made["headers"] = {**made["headers"], way[1]: found}
    return made


def _variable(name: str) -> Secret:
    # A secret that a CI system lacks is often an empty variable.
    text = os.environ.get(name) or None
    return Secret(f"in the environment variable {name}, which is not set", text)


def _file(folder: Path, where: str, *, is_picture: bool) -> Secret:
    path = folder / Path(where).expanduser()
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        return Secret(f"in the file {path}, which can't be read: {error.strerror}", None)
    if len(raw) > MOST_BYTES:
        return Secret(f"in the file {path}, which is too large", None)
    if is_picture and not raw.startswith(b"data:"):
        return Secret(str(path), f"data:image/png;base64,{base64.b64encode(raw).decode()}")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Secret(f"in the file {path}, which is not UTF-8", None)
    for end in ("\r\n", "\n"):
        if text.endswith(end):
            text = text.removesuffix(end)
            break
    return Secret(f"in the file {path}, which is empty", text or None)
