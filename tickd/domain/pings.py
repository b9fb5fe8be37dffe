"""Pings: what a job says of itself, and what is kept of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from tickd.domain import times
from tickd.domain.expiry import Flip, Outcome
from tickd.errors import Invalid

Kind = Literal["success", "start", "fail", "log"]
EventKind = Literal["success", "start", "fail", "log", "missed", "overran", "moved"]

PER_MINUTE = 10
"""How many pings a heartbeat may get in 60 s on `/p/` and `/ping/`, unless it says otherwise."""
REPLAY_WITHIN = times.DAY
"""How old a ping may be that says when it was sent."""
AHEAD = times.MINUTE
"""How far the sender's clock may be ahead."""
MESSAGE_LETTERS = 500
"""How much of a message is kept, in characters."""
AGENT_LETTERS = 200
METRICS_MOST = 50
RUN_LETTERS = 100

_WORDS: dict[str, Kind] = {"": "success", "start": "start", "fail": "fail", "log": "log"}
_EPOCH = re.compile(r"[0-9]{9,13}(\.[0-9]{1,9})?")


class Said(Struct, frozen=True, kw_only=True):
    """What a ping says; `sent_at` (milliseconds) is set where it arrives later than it was sent."""

    kind: Kind = "success"
    degraded: bool = False
    exit_status: int | None = None
    rid: str = ""
    sent_at: int | None = None
    message: str = ""
    body: str = ""
    metrics: dict[str, float] = {}

    @property
    def outcome(self) -> Outcome | None:
        """How the run went; None where it says nothing of that."""
        if self.kind == "success":
            return "degraded" if self.degraded else "success"
        return "fail" if self.kind == "fail" else None


PLAIN = Said()
"""A ping that says nothing but that all went well: the most frequent one."""


class Event(Struct, frozen=True, kw_only=True):
    """One line of a heartbeat's history, a ping or a silence; times are milliseconds.

    `at` is when the ping was received, or sent where it says so, or when a silence became a miss; `flip` is
    what it made of the heartbeat. `repaired` is a miss that a late ping explained.
    """

    row: int
    heartbeat: int
    at: int
    received_at: int
    kind: EventKind
    accepted: bool = True
    degraded: bool = False
    repaired: bool = False
    exit_status: int | None = None
    duration_ms: int | None = None
    rid: str = ""
    source_ip: str = ""
    user_agent: str = ""
    message: str = ""
    metrics: dict[str, float] | None = None
    flip: Flip | None = None
    body: str | None = None


def of_path(word: str) -> tuple[Kind, int | None]:
    """What stands behind the token in a ping's path: nothing, `start`, `fail`, `log` or an exit status.

    The kind and the exit status; Invalid for anything else.
    """
    if word in _WORDS:
        return _WORDS[word], None
    if not (word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= 255):
        raise Invalid("exit status", "must be between 0 and 255, or start, fail or log")
    return ("fail" if int(word) else "success"), int(word)


def run_id(text: str) -> str:
    """The id that pairs a start with its end; Invalid where it is too long or not printable."""
    if len(text) > RUN_LETTERS or not text.isprintable():
        raise Invalid("rid", f"must be at most {RUN_LETTERS} printable characters")
    return text


def sent_at(text: str, now: int) -> int | None:
    """When a ping that arrives late was sent, RFC 3339 or seconds since 1970; Invalid beyond 24 h."""
    if not text:
        return None
    moment = round(float(text) * 1000) if _EPOCH.fullmatch(text) else _read(text)
    if not now - REPLAY_WITHIN <= moment <= now + AHEAD:
        raise Invalid("at", "must be within the last 24 hours")
    return min(moment, now)


def _read(text: str) -> int:
    try:
        # A plus in a query is a space once it is decoded.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        if moment.tzinfo is None:
            raise ValueError("no offset")
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise Invalid("at", "must be a time such as 2026-03-03T12:30:00Z, or seconds since 1970") from error


def message_of(text: str, body: str = "") -> str:
    """What a ping says in one line: its message, or the first line of its body."""
    line = text.strip() or next((line.strip() for line in body.splitlines() if line.strip()), "")
    return "".join(letter if letter.isprintable() else " " for letter in line)[:MESSAGE_LETTERS]


def check_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """The numbers that a ping brings; Invalid for too many, for long names, and for what is no number."""
    if len(metrics) > METRICS_MOST:
        raise Invalid("metrics", f"must be at most {METRICS_MOST} numbers")
    for name, value in metrics.items():
        if not name or len(name) > RUN_LETTERS or not name.isprintable():
            raise Invalid("metrics", f"must have names of 1 to {RUN_LETTERS} printable characters")
        if isinstance(value, bool) or not math.isfinite(value):
            raise Invalid("metrics", f"must be a map of names to numbers: {name} is none")
    return dict(metrics)
