"""Rotation: what a scheduled backup is called, and which of them have had their time."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

_NAME = re.compile(r"tickd-(\d{8}T\d{6}Z)\.db")
_FORMAT = "%Y%m%dT%H%M%SZ"


def stamp(moment: int) -> str:
    """A moment (milliseconds) for the name of a file: 20260303T120000Z."""
    return datetime.fromtimestamp(moment // 1000, UTC).strftime(_FORMAT)


def name_of(moment: int) -> str:
    """What the backup of this moment (milliseconds) is called."""
    return f"tickd-{stamp(moment)}.db"


def moment_of(name: str) -> int | None:
    """When a backup of that name was made, in milliseconds; None for any other file."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return int(datetime.strptime(found[1], _FORMAT).replace(tzinfo=UTC).timestamp()) * 1000
    except ValueError:  # the 31st of February
        return None


def superseded(names: Iterable[str], *, keep: int, weeks: int, newest: Collection[str] = ()) -> list[str]:
    """The backups to delete, oldest first.

    Kept are the `keep` newest, the last one of each of the `weeks` newest ISO weeks (UTC) that have one,
    and those in `newest` whatever their names say: a clock that was set back makes a new one look old.
    """
    made = {name: moment for name in names if (moment := moment_of(name)) is not None}
    ordered = sorted(made, key=lambda name: made[name], reverse=True)
    kept = {*ordered[:keep], *newest}
    seen: set[tuple[int, int]] = set()
    for name in ordered:
        week = datetime.fromtimestamp(made[name] / 1000, UTC).isocalendar()[:2]
        if week not in seen and len(seen) < weeks:
            seen.add(week)
            kept.add(name)
    return [name for name in reversed(ordered) if name not in kept]
