"""Rotation: what a scheduled backup is called, and which of them have had their time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

_NAME = re.compile(r"tickd-(\d{8}T\d{6}Z)(?:-[0-9a-f]{8})?\.db")
_FORMAT = "%Y%m%dT%H%M%SZ"


def stamp(moment: int) -> str:
    """A moment (milliseconds) for the name of a file: 20260303T120000Z."""
    return datetime.fromtimestamp(moment // 1000, UTC).strftime(_FORMAT)


def name_of(moment: int, instance: str) -> str:
    """What the backup of this moment (milliseconds) is called; `instance` tells whose it is."""
    return f"tickd-{stamp(moment)}-{instance[:8]}.db"


def moment_of(name: str) -> int | None:
    """When a backup of that name was made, in milliseconds; None for any other file.

    Names of earlier versions don't say whose they are.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return int(datetime.strptime(found[1], _FORMAT).replace(tzinfo=UTC).timestamp()) * 1000
    except ValueError:  # the 31st of February
        return None


def superseded(names: Iterable[str], *, keep: int, weeks: int, now: int) -> list[str]:
    """The backups to delete, oldest first.

    Kept are the `keep` newest and the last one of each of the `weeks` newest ISO weeks (UTC) that have one.
    Those from after `now` are judged apart, by the same rule: a clock that was wrong made them, or is wrong
    now, and they must neither push out the others nor be pushed out.
    """
    made = sorted((moment, name) for name in names if (moment := moment_of(name)) is not None)
    past = [one for one in made if one[0] <= now]
    return [*_surplus(past, keep, weeks), *_surplus(made[len(past) :], keep, weeks)]


def _surplus(made: list[tuple[int, str]], keep: int, weeks: int) -> list[str]:
    ordered = made[::-1]
    kept = {name for _, name in ordered[:keep]}
    seen: set[tuple[int, int]] = set()
    for moment, name in ordered:
        week = datetime.fromtimestamp(moment / 1000, UTC).isocalendar()[:2]
        if week not in seen and len(seen) < weeks:
            seen.add(week)
            kept.add(name)
    return [name for _, name in made if name not in kept]
