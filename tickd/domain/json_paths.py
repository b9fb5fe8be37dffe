"""Paths into a JSON document: `data.users[0].name`, with or without a leading `$`."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Final

from tickd.errors import Invalid

LONGEST = 200
"""The most characters of a path."""

_STEP = re.compile(r"\.?(?P<key>[^.\[\]\x00-\x1f\x7f]+)|\[(?P<index>[0-9]{1,9})\]")


class Missing(Enum):
    """The type of `MISSING`."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
"""What `get` gives where there is nothing, as null is something."""


@lru_cache(maxsize=4096)
def parse(path: str) -> tuple[str | int, ...]:
    """The keys and indices of a path, `$` being the whole document; raises `Invalid`."""
    if not path or len(path) > LONGEST:
        raise Invalid("path", f"must be 1 to {LONGEST} characters")
    rooted = path == "$" or path.startswith(("$.", "$["))
    rest, at = (path[1:], 0) if rooted else (path, 0)
    if not rooted and path.startswith("."):
        raise Invalid("path", "must be like data.users[0].name")
    steps: list[str | int] = []
    while at < len(rest):
        step = _STEP.match(rest, at)
        # A key follows a dot, but for the first; what follows an index without one is a slip.
        if step is None or (step["key"] is not None and steps and rest[at] != "."):
            raise Invalid("path", "must be like data.users[0].name")
        steps.append(int(step["index"]) if step["key"] is None else step["key"])
        at = step.end()
    return tuple(steps)


def get(document: object, path: str) -> object:
    """What a decoded document holds at a path, or MISSING; raises `Invalid` for the path."""
    here = document
    for step in parse(path):
        if isinstance(step, str):
            here = here.get(step, MISSING) if isinstance(here, dict) else MISSING
        else:
            here = here[step] if isinstance(here, list) and step < len(here) else MISSING
        if here is MISSING:
            break
    return here
