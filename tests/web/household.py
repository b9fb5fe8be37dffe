"""An account that has one of everything, with texts of a test's choice wherever somebody may write."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.contract.telling import alerts, latest
from tests.contract.watching import look, looked_at
from tests.support.daemon import KEY, Harness, eventually
from tests.support.endpoint import Endpoint
from tests.web.people import session
from tickd import ids
from tickd.domain import times
from tickd.domain.accounts import DEFAULT_ACCOUNT, digest
from tickd.domain.users import Session, User
from tickd.store import users

Text = Callable[[str], str]
"""What is written where: "name", "short" (at most 50 characters), "free", "line" (of a header), "path"."""

RARE = 86_400
"""So rarely is anything looked at that no schedule disturbs a test."""


def plain(where: str) -> str:
    """Text that harms nobody."""
    return {"path": "/page", "free": "Some text.\nAnd more."}.get(where, "plain")


MARK = "tickd-evil"
PRODUCT, TEMPLATE = "53748472881", "{{733137*73313}}"
"""What a template would make of the text after it."""
EVIL = (
    "\"><script>alert(1)</script><img src=x onerror=alert(2)>' onfocus=alert(3) "
    f"<{MARK}>{TEMPLATE} javascript:x"
)
SHORT = f'"><{MARK} onload=x>{TEMPLATE}'
ODD = "\u202eright to left\u202c zero\u200bwidth 4 bytes: \U0001f984 \u2028\u0085\ufeff"


def evil(where: str) -> str:
    """Text that runs where it is not escaped, in attributes, scripts and templates."""
    known = {
        "short": SHORT,
        "free": f"{EVIL}\n</textarea></pre></title>{ODD}\0",
        "path": "/" + EVIL.replace(" ", "/"),
        "line": EVIL,
    }
    return known.get(where, EVIL)


@dataclass(slots=True)
class Household:
    """One of everything: its id by what it is."""

    tickd: Harness
    token: str
    """Of the owner's session."""
    known: dict[str, str] = field(default_factory=dict)

    async def make(self, noun: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make something by the API, and note its id."""
        reply = await self.tickd.call("POST", path, body)
        assert reply.status in (200, 201), (path, reply.json)
        made: dict[str, Any] = reply.json
        self.known.setdefault(noun, made["id"])
        return made


async def household(tickd: Harness, endpoint: Endpoint, text: Text) -> Household:
    """An account in which everything has failed once, and something fails still."""
    house = Household(tickd, await session(tickd))
    endpoint.headers = {"X-Note": text("line"), "Set-Cookie": f"a={text('line')}"}
    endpoint.text = text("free").replace("\0", "")
    await _settings(house, text)
    channel = await house.make(
        "channel",
        "/v1/channels",
        {"name": text("name"), "kind": "webhook", "url": endpoint.url + text("path")},
    )
    monitor = await _monitors(house, endpoint, text, channel["id"])
    await _jobs(house, endpoint, text)
    await _heartbeats(house, text)
    opened = await latest(tickd, monitor)
    house.known["incident"] = opened["id"]
    for status in ("investigating", "identified"):
        said = {"status": status, "message": text("free")}
        assert (await tickd.call("POST", f"/v1/incidents/{opened['id']}/updates", said)).status == 201
    await _pages(house, text, monitor["id"])
    house.known["alert"] = await _alert(tickd, opened["id"])
    await _people(house, text)
    await _verified(house, text)
    return house


async def _alert(tickd: Harness, opened: str) -> str:
    """An alert of the incident, once everything has been tried that can be before the clock moves."""

    async def tried() -> list[dict[str, Any]]:
        found = await alerts(tickd, f"?incident={opened}")
        return [] if tickd.daemon._delivery.in_flight else [one for one in found if one["attempts"]]

    identifier: str = (await eventually(tried))[0]["id"]
    return identifier


async def _settings(house: Household, text: Text) -> None:
    reply = await house.tickd.call(
        "PATCH", "/v1/account", {"name": text("name"), "owner_email": "o@example.com"}
    )
    assert reply.status == 200, reply.json
    made = await house.tickd.call("POST", "/v1/keys", {"name": text("short"), "scopes": ["read"]})
    assert made.status == 201, made.json
    house.known["key"] = made.json["id"]


async def _monitors(house: Household, endpoint: Endpoint, text: Text, channel: str) -> dict[str, Any]:
    tickd, url = house.tickd, endpoint.url + text("path")
    common = {"interval_secs": RARE, "failure_threshold": 1, "tags": [text("short")], "group": text("short")}
    monitor = {
        "name": text("name"),
        "url": url,
        "slug": "shop",
        "keyword": text("free")[:200].replace("\0", "") if text is evil else "",
        "body": text("free"),
        "method": "POST",
        "headers": {"X-Note": text("line"), "Authorization": text("line")},
        "alert_slack_webhook": url,
        "channels": [channel],
    }
    made = await house.make("monitor", "/v1/monitors", common | monitor)
    await looked_at(tickd, made["id"])
    endpoint.status = 503
    await look(tickd, made["id"])
    # What has a scheme of its own in front, and is no address of a page.
    script = {"name": text("name"), "type": "tcp", "url": "javascript:80", "paused": True}
    await house.make("monitor", "/v1/monitors", common | script)
    twin = await house.make(
        "monitor", "/v1/monitors", common | {"name": text("name"), "url": url, "method": "GET"}
    )
    await looked_at(tickd, twin["id"])
    return made


async def _jobs(house: Household, endpoint: Endpoint, text: Text) -> None:
    job = {
        "name": text("name"),
        "schedule": "@yearly",
        "endpoint": endpoint.url + text("path"),
        "description": text("free").replace("\0", ""),
        "body": text("free"),
        "headers": {"X-Note": text("line")},
        "tags": [text("short")],
        "retries": 0,
        "failure_threshold": 1,
    }
    made = await house.make("job", "/v1/jobs", job)
    assert (await house.tickd.call("POST", f"/v1/jobs/{made['id']}/trigger")).status == 202

    async def ended() -> list[dict[str, Any]]:
        return [one for one in await house.tickd.executions(made["id"]) if one["finished_at"]]

    house.known["execution"] = (await eventually(ended))[0]["id"]


async def _heartbeats(house: Household, text: Text) -> None:
    said = {"name": text("name"), "tags": [text("short")], "group": text("short"), "slug": "backup"}
    made = await house.make("heartbeat", "/v1/heartbeats", said)
    token = made["ping_url"].rsplit("/", 1)[1]
    headers = {"User-Agent": text("line")}
    for end in ("", "/start", "/fail"):
        reply = await house.tickd.call(
            "POST", f"/p/{token}{end}", key=None, headers=headers, data=text("free").encode()
        )
        assert reply.status == 200, reply.json
    reply = await house.tickd.call("GET", f"/v1/heartbeats/{made['id']}/pings")
    house.known["ping"] = reply.json["pings"][0]["id"]


async def _pages(house: Household, text: Text, monitor: str) -> None:
    window = {"name": text("name"), "starts_at": "2026-03-04T10:00:00Z", "ends_at": "2026-03-04T11:00:00Z"}
    await house.make("maintenance", "/v1/maintenance", window | {"subjects": [monitor]})
    groups = [{"name": text("short"), "subjects": [monitor, house.known["heartbeat"]]}]
    page = {
        "slug": "open",
        "title": text("name"),
        "description": text("name"),
        "groups": groups,
        "accent_color": "#1f6547",
    }
    await house.make("status_page", "/v1/status-pages", page | {"visibility": "public", "jobs": True})
    house.known |= {"slug": "open", "single": "shop", "color": "1f6547"}


async def _people(house: Household, text: Text) -> None:
    """A second user, and a session of the owner's in a browser that calls itself what it likes."""
    tickd, now = house.tickd, house.tickd.clock.now()
    user = User(
        id=ids.new("usr"),
        account_id=DEFAULT_ACCOUNT,
        email="second@example.com",
        name=text("name"),
        role="member",
        totp=False,
        created_at=now,
    )
    signed = await tickd.daemon.services.users.signed(house.token)
    assert signed is not None
    other = Session(
        id=ids.new("ses"),
        user_id=signed.user.id,
        created_at=now,
        seen_at=now,
        expires_at=now + times.DAY,
        source_ip="192.0.2.7",
        user_agent=text("line"),
    )

    def unit(tx: sqlite3.Connection) -> None:
        users.insert(tx, user, "!")
        users.insert_session(tx, digest(ids.token()), other)

    await tickd.daemon._database.write(unit)
    house.known |= {"user": user.id, "session": other.id}


async def _verified(house: Household, text: Text) -> None:
    """An address, and a batch of two; none of them is one, so that no name server is asked."""
    await house.make("verification", "/v1/verify", {"email": text("name")})
    emails = [text("name"), text("free")]
    await house.make("verification_batch", "/v1/verify/batch", {"emails": emails})


async def snapshot(tickd: Harness, account_id: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables; with `account_id`, those of that account alone."""
    db = tickd.daemon._database
    await db.write(lambda _: None)
    found = {}
    for (table,) in await db.fetch("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"):
        columns = [row[0] for row in await db.fetch("SELECT name FROM pragma_table_info(?)", (table,))]
        if account_id is None:
            rows = await db.fetch(f"SELECT * FROM {table}")  # noqa: S608
        elif "account_id" in columns:
            rows = await db.fetch(f"SELECT * FROM {table} WHERE account_id = ?", (account_id,))  # noqa: S608
        else:
            continue
        found[table] = [tuple(row) for row in rows]
    return found


__all__ = [
    "EVIL",
    "KEY",
    "MARK",
    "PRODUCT",
    "TEMPLATE",
    "Household",
    "evil",
    "household",
    "plain",
    "snapshot",
]
