"""The owner with a session, and a public status page."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence

from tests.support.seeding.names import DOMAIN
from tests.support.seeding.subjects import identifier
from tickd.domain import times
from tickd.domain.accounts import DEFAULT_ACCOUNT, digest
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.monitors import Monitor
from tickd.domain.status_pages import StatusGroup, StatusPage
from tickd.domain.users import Session, User
from tickd.store import status_pages, users

SLUG = "larkfield"


def sign_in(tx: sqlite3.Connection, now: int, some: random.Random) -> str:
    """Store the owner, who can't sign in by password, and a session; the session's token."""
    user = User(
        id=identifier("usr", some),
        account_id=DEFAULT_ACCOUNT,
        email=f"kim@{DOMAIN}",
        name="Kim Adebayo",
        role="owner",
        totp=False,
        created_at=now - 200 * times.DAY,
    )
    users.insert(tx, user, "!")
    token = "".join(some.choice("0123456789abcdefghjkmnpqrstvwxyz") for _ in range(52))
    session = Session(
        id=identifier("ses", some),
        user_id=user.id,
        created_at=now,
        seen_at=now,
        expires_at=now + 30 * times.DAY,
        source_ip="127.0.0.1",
        user_agent="a browser",
    )
    users.insert_session(tx, digest(token), session)
    return token


def groups(watched: Sequence[Monitor], awaited: Sequence[Heartbeat], count: int) -> tuple[StatusGroup, ...]:
    """So many subjects by their groups, a tenth of them heartbeats."""
    beats, found = list(awaited[: count // 10]), dict[str, list[str]]()
    for monitor in [one for one in watched if not one.paused][: count - len(beats)]:
        found.setdefault(monitor.group, []).append(monitor.id)
    found["Background work"] = [one.id for one in beats]
    return tuple(StatusGroup(name=name, subjects=listed) for name, listed in found.items())


def publish(
    tx: sqlite3.Connection, shown: tuple[StatusGroup, ...], copies: int, now: int, some: random.Random
) -> list[str]:
    """Store a public page, a private one and so many copies of the first; the slugs of the copies."""
    slugs = [f"{SLUG}-{number}" for number in range(copies)]
    for slug in (SLUG, "internal", *slugs):
        page = StatusPage(
            row=0,
            id=identifier("stp", some),
            account_id=DEFAULT_ACCOUNT,
            slug=slug,
            title="Internal services" if slug == "internal" else "Larkfield",
            description="The shop, its API and everything behind them." if slug == SLUG else "",
            visibility="private" if slug == "internal" else "public",
            groups=shown,
            created_at=now - 90 * times.DAY,
            updated_at=now - 90 * times.DAY,
        )
        status_pages.insert(tx, page)
    return slugs
