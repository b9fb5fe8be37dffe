"""Commands as their user meets them: what is typed, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Run = Callable[..., "Ended"]
"""Runs `tickd` with its arguments; see the fixture `run` of the tests of the command line."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str
