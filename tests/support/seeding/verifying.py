"""Verified e-mail addresses: a history of weeks, and two batches."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence

from tests.support.seeding.subjects import identifier
from tickd.domain import times
from tickd.domain import verification as rules
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.addresses import read
from tickd.domain.disposable import Disposable
from tickd.domain.verification import Batch, Exchange, Unknown
from tickd.store import verification, verification_batches

_FIRST = ("kim", "ada", "noor", "jane", "luis", "mei", "otto", "priya", "sam", "tove", "yusuf", "zoë")
_LAST = ("lark", "field", "okafor", "silva", "nguyen", "weber", "rossi", "smith", "kaya", "moreau")
_DOMAINS: tuple[tuple[str, Exchange], ...] = (
    *((name, "some") for name in ("gmail.com", "outlook.com", "proton.me", "larkfield.io", "web.de")),
    *((name, "some") for name in ("gmail.com", "orange.fr", "uni-bremen.de", "yahoo.com", "bücher.shop")),
    ("mailinator.com", "some"),
    ("gmail.con", "no_domain"),
    ("larkfeild.io", "no_domain"),
    ("parked-name.net", "none"),
    ("no-reply-only.org", "null"),
)
_ODD = ("kim@", "noor.okafor.gmail.com", "ada lark@web.de", "jane@@proton.me", "tove@localhost")
_ROLES = ("info", "sales", "support", "noreply")
_DISPOSABLE = Disposable()


def verify(tx: sqlite3.Connection, now: int, some: random.Random) -> None:
    """Sixty addresses, one at a time, over three weeks, and batches of 240 and 36."""
    tx.row_factory = sqlite3.Row  # as the writer's connection has it
    for number in range(60):
        _store(tx, _emails(1, some), now - (60 - number) * 8 * times.HOUR, some)
    _batch(tx, _emails(36, some), now - 9 * times.DAY, some, unknown=0)
    _batch(tx, _emails(240, some), now - 2 * times.HOUR, some, unknown=3)


def _emails(count: int, some: random.Random) -> list[str]:
    return [_email(some) for _ in range(count)]


def _email(some: random.Random) -> str:
    luck = some.random()
    if luck < 0.05:
        return some.choice(_ODD)
    local = some.choice(_ROLES) if luck < 0.13 else f"{some.choice(_FIRST)}.{some.choice(_LAST)}"
    return f"{local}@{some.choice(_DOMAINS)[0]}"


def _batch(
    tx: sqlite3.Connection, emails: Sequence[str], at: int, some: random.Random, *, unknown: int
) -> None:
    new = Batch(
        row=0,
        id=identifier("bat", some),
        account_id=DEFAULT_ACCOUNT,
        total=len(emails),
        created_at=at,
        finished_at=None,
    )
    stored = verification_batches.insert(tx, new, emails)
    said = "the name servers could not be asked about fleet-mail.com (no answer in time): try again"
    missing = [Unknown(place, f"driver{place}@fleet-mail.com", said) for place in range(7, 7 + unknown)]
    left = [(place, email) for place, email in enumerate(emails) if not 7 <= place < 7 + unknown]
    valid = _store(tx, [email for _, email in left], at, some, stored.row, [place for place, _ in left])
    invalid = len(left) - valid
    verification_batches.record(tx, stored.row, valid=valid, invalid=invalid, unknown=missing)
    verification_batches.finish(tx, stored.row, at + 9 * times.SECOND)


def _store(
    tx: sqlite3.Connection,
    emails: Sequence[str],
    at: int,
    some: random.Random,
    batch: int | None = None,
    places: Sequence[int | None] = (None,),
) -> int:
    """Store what is found out about these addresses; how many are valid."""
    found = [
        rules.made(
            rules.judge(read(email), dict(_DOMAINS).get(email.rpartition("@")[2], "no_domain"), _DISPOSABLE),
            identifier=identifier("ver", some),
            account_id=DEFAULT_ACCOUNT,
            email=email,
            now=at,
            batch=batch,
            position=place,
        )
        for email, place in zip(emails, places, strict=True)
    ]
    verification.insert(tx, found)
    return sum(one.valid for one in found)
