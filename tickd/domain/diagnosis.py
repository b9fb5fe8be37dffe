"""What doctor finds: one line for each thing looked at, and what to do about it."""

from __future__ import annotations

import hashlib
from typing import Literal

from msgspec import Struct

Level = Literal["ok", "warning", "error"]
INSTANCE = "X-Tickd-Instance"
"""The header by which a daemon says whose it is."""


class Finding(Struct, frozen=True):
    """One check: how it is, in a sentence, and what to do where it is not well."""

    check: str
    level: Level
    message: str
    advice: str = ""


def ok(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", message)


def warning(check: str, message: str, advice: str) -> Finding:
    """It works, and should be looked at."""
    return Finding(check, "warning", message, advice)


def error(check: str, message: str, advice: str) -> Finding:
    """Something does not work, or soon won't."""
    return Finding(check, "error", message, advice)


def instance_of(secret: bytes) -> str:
    """What the daemon of a database is told by: made of its secret, which it does not tell."""
    return hashlib.sha256(b"tickd instance" + secret).hexdigest()[:16]
