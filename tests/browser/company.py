"""A small company as a daemon has it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.daemon import Harness
from tests.support.seed import Seeded


@dataclass(frozen=True, slots=True)
class Company:
    """A daemon with the data of a small company, whose clock stands still."""

    harness: Harness
    seeded: Seeded
