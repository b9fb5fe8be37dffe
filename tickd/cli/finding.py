"""Finding what is meant: a job, a monitor or a heartbeat by its id, its slug or its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar, Literal

from tickd.cli.remote import Refused, Remote, segment
from tickd.cli.terminal import safe
from tickd.errors import TickdError

Kind = Literal["job", "monitor", "heartbeat"]

LOOKED_AT = 10_000
"""How many that contain the text are looked through for the one that is called so."""
NAMED = 10
"""How many candidates are named."""

_ID = re.compile(r"(job|mon|ssl|hb)_[0-9A-Za-z]{8,}")


class Unknown(TickdError):
    """Nothing is called so."""

    code = "unknown"
    exit_status: ClassVar[int] = 4


class Ambiguous(TickdError):
    """More than one is called so."""

    code = "ambiguous"
    exit_status: ClassVar[int] = 2


def find(daemon: Remote, kind: Kind, text: str) -> str:
    """The id of the one that is called so; Unknown or Ambiguous name what comes near."""
    if _ID.fullmatch(text) and _is_there(daemon, kind, text):
        return text
    if not text.strip():
        raise Unknown(f"say which {kind}: an id, a name or a slug")
    near = list(islice(_near(daemon, kind, text), LOOKED_AT))
    alike = [one for one in near if text.casefold() in (one["name"].casefold(), one["slug"].casefold())]
    same = [one for one in alike if text in (one["name"], one["slug"])]
    for found in (same, alike):
        if len(found) == 1:
            identifier: str = found[0]["id"]
            return identifier
        if found:
            raise Ambiguous(f"{len(found)} {kind}s are called {safe(text)}; say which:{_listed(found)}")
    hint = f"; these come near:{_listed(near)}" if near else ""
    raise Unknown(f"there is no {kind} {safe(text)}{hint}")


def _is_there(daemon: Remote, kind: Kind, identifier: str) -> bool:
    try:
        daemon.call("GET", f"/v1/{kind}s/{segment(identifier)}")
    except Refused as refused:
        if refused.status != 404:
            raise
        return False
    return True


def _near(daemon: Remote, kind: Kind, text: str) -> Iterator[dict[str, Any]]:
    return daemon.each("/v1/subjects", "subjects", {"q": text, "kind": kind, "sort": "name"})


def _listed(found: list[dict[str, Any]]) -> str:
    lines = [
        f"\n  {safe(one['id'])}  {safe(one['name'])}" + (f"  ({safe(one['slug'])})" if one["slug"] else "")
        for one in found[:NAMED]
    ]
    more = len(found) - NAMED
    return "".join(lines) + (f"\n  and {more:,} more" if more > 0 else "")
