"""The services that tell, on a real file, real receivers and a fake clock; what is watched is set by hand."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web
from msgspec import structs

from tests.support.clock import FakeClock
from tests.support.daemon import NOON, eventually, opened
from tickd import ids
from tickd.domain import monitors as rules
from tickd.domain.accounts import DEFAULT_ACCOUNT, AccountChange
from tickd.domain.alerts import Alert, Message
from tickd.domain.channels import Channel, ChannelChange, ChannelCreation, Kind, Options
from tickd.domain.incidents import Cause, Incident
from tickd.domain.monitors import Monitor, MonitorChange, MonitorCreation, Standing
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.http import HttpClient
from tickd.outbound.senders import Senders
from tickd.services.accounts import Accounts
from tickd.services.channels import Channels
from tickd.services.delivery import Delivery
from tickd.services.incidents import Incidents, Seen
from tickd.services.maintenance import Calendar, Maintenance
from tickd.services.suspensions import Suspensions
from tickd.services.telling import Telling
from tickd.store import alerts, monitors
from tickd.store.database import Database

ACCOUNT = DEFAULT_ACCOUNT
ROUNDS = 100
"""A loop that still has something to do at once after so many ticks spins."""


class Sends(Protocol):
    """What delivers a message, or raises Undelivered."""

    async def send(self, kind: Kind, options: Options, message: Message) -> None: ...


class Post:
    """One daemon's telling and sending: as `app` builds them."""

    def __init__(self, db: Database, clock: FakeClock, senders: Sends, jitter: Callable[[], float]) -> None:
        self.db = db
        self.clock = clock
        calendar = Calendar()
        self.suspensions = Suspensions(db)
        self.telling = Telling(calendar, self.suspensions)
        self.incidents = Incidents(db, clock, self.telling)
        self.delivery = Delivery(
            db,
            clock,
            senders,  # type: ignore[arg-type]
            limit=100,
            base_url=lambda: "https://tickd.test",
            jitter=jitter,
        )
        self.channels = Channels(db, clock, self.delivery)
        self.accounts = Accounts(db, clock)
        self.maintenance = Maintenance(db, clock, calendar)
        self.maintenance.changed = self.incidents.maintenance_changed

    async def end(self) -> None:
        """What a stop does; what is under way is cut off, and the file is closed."""
        await self.delivery.stop(0)
        await self.db.close()

    # People.

    async def channel(self, name: str = "ops", kind: Kind = "webhook", **fields: Any) -> Channel:
        """A channel."""
        made = await self.channels.create(ACCOUNT, ChannelCreation(name=name, kind=kind, **fields))
        return made.channel

    async def rechannel(self, channel: Channel, **fields: Any) -> None:
        """Change a channel."""
        await self.channels.change(ACCOUNT, channel.id, ChannelChange(**fields))

    async def account(self, **fields: Any) -> None:
        """Change the account."""
        await self.accounts.change(ACCOUNT, AccountChange(**fields))

    async def incident(self, monitor: Monitor) -> Seen:
        """The monitor's latest incident."""
        found, _ = await self.incidents.page(ACCOUNT, {"subject": monitor.id}, limit=1)
        return found[0]

    # What is watched.

    async def monitor(self, name: str = "Shop", **fields: Any) -> Monitor:
        """A monitor that is up."""
        return (await self.monitors([name], **fields))[0]

    async def monitors(self, names: Iterable[str], **fields: Any) -> list[Monitor]:
        """Monitors that are up."""
        now = self.clock.now()

        def made(name: str) -> Monitor:
            spec = MonitorCreation(**({"name": name, "url": "http://127.0.0.1:9/"} | fields))
            bare = rules.create(spec, identifier=ids.new("mon"), account_id=ACCOUNT, now=now)
            return structs.replace(bare, standing=Standing(state="up"))

        def unit(tx: sqlite3.Connection) -> list[Monitor]:
            return [monitors.insert(tx, made(name)) for name in names]

        return await self.db.write(unit)

    async def edit(self, monitor: Monitor, **fields: Any) -> None:
        """Change a monitor, as a person does."""

        def unit(tx: sqlite3.Connection) -> None:
            known = monitors.find_row(tx, monitor.row)
            assert known is not None
            monitors.update(tx, rules.change(known, MonitorChange(**fields), self.clock.now()))
            self.telling.edited(tx, "monitor", monitor.row, self.clock.now())

        await self.db.write(unit)

    async def delete(self, monitor: Monitor) -> None:
        """Delete a monitor, as a person does."""

        def unit(tx: sqlite3.Connection) -> None:
            assert monitors.delete(tx, ACCOUNT, monitor.id) == monitor.row
            self.telling.deleted(tx, "monitor", monitor.row, self.clock.now())

        await self.db.write(unit)

    async def fail(self, *failed: Monitor, error: str = "connection refused") -> None:
        """The monitors flip to failing, all in one transaction, as checks that end together do."""
        now = self.clock.now()
        await self._stand(failed, Standing(state="down", failing=True, consecutive_failures=1))

        def unit(tx: sqlite3.Connection) -> None:
            for monitor in failed:
                self.telling.failing(tx, "monitor", monitor.row, Cause(error=error, at=now), now)

        await self.db.write(unit)

    async def recover(self, *well: Monitor) -> None:
        """The monitors flip back."""
        now = self.clock.now()
        await self._stand(well, Standing(state="up"))

        def unit(tx: sqlite3.Connection) -> None:
            for monitor in well:
                self.telling.recovered(tx, "monitor", monitor.row, now, now)

        await self.db.write(unit)

    async def doubt(self, monitor: Monitor) -> None:
        """A check of it has failed, and the threshold is not reached."""
        await self._stand([monitor], Standing(state="up", consecutive_failures=1))

    async def _stand(self, stood: Iterable[Monitor], standing: Standing) -> None:
        def unit(tx: sqlite3.Connection) -> None:
            for monitor in stood:
                monitors.set_state(tx, monitor.row, standing, None, None, None)

        await self.db.write(unit)

    async def degrade(self, monitor: Monitor) -> None:
        """The monitor flips to degraded."""
        now = self.clock.now()
        cause = Cause(error="slow", at=now)
        await self.db.write(lambda tx: self.telling.degraded(tx, "monitor", monitor.row, cause, now))

    async def restore(self, monitor: Monitor) -> None:
        """The monitor runs well again."""
        now = self.clock.now()
        await self.db.write(lambda tx: self.telling.restored(tx, "monitor", monitor.row, now, now))

    # Time.

    async def settle(self, *, hanging: int = 0) -> int | None:
        """Tick until nothing is left to do now; when something is next due.

        So many lanes may still be sending then.
        """
        for _ in range(ROUNDS):
            now = self.clock.now()
            looked = await self.incidents.tick(now)
            due = await self.delivery.tick(now)
            await eventually(lambda: self._has_sent(hanging))
            ahead = [moment for moment in (looked, due) if moment is not None]
            if not ahead or min(ahead) > now:
                ahead = [moment for moment in (looked, await self.delivery.tick(now)) if moment is not None]
                if not len(self.delivery._busy) > hanging and (not ahead or min(ahead) > now):
                    return min(ahead, default=None)
        raise AssertionError("it spins: there is always something due that is not done")

    async def _has_sent(self, hanging: int) -> bool:
        return len(self.delivery._busy) <= hanging

    async def pass_time(self, seconds: float, *, hanging: int = 0) -> None:
        """Let time pass with a tick whenever something is due, as the loops make them."""
        until = self.clock.now() + round(seconds * 1000)
        following = await self.settle(hanging=hanging)
        while following is not None and following <= until:
            await self.clock.advance((following - self.clock.now()) / 1000)
            following = await self.settle(hanging=hanging)
        await self.clock.advance((until - self.clock.now()) / 1000)
        await self.settle(hanging=hanging)

    # What there is.

    async def alerts(self, **filters: str) -> list[Alert]:
        """The alerts, oldest first."""
        found, _ = await alerts.page(self.db, ACCOUNT, dict(filters), limit=10_000, offset=0)
        return found[::-1]

    async def states(self, **filters: str) -> list[tuple[str, str, str]]:
        """What the alerts are about, their event and their state, oldest first."""
        found = await self.alerts(**filters)
        return [
            (alert.story.about.name if alert.story.about else "", alert.event, alert.state) for alert in found
        ]

    async def stored(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What is in the file."""

        def read(tx: sqlite3.Connection) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in tx.execute(sql, values).fetchall()]

        return await self.db.write(read)

    async def opened(self) -> list[Incident]:
        """The open incidents."""
        found, _ = await self.incidents.page(ACCOUNT, {"status": "open"}, limit=10_000)
        return [seen.incident for seen in found]


@asynccontextmanager
async def posting(
    path: Path,
    clock: FakeClock | None = None,
    *,
    smtp_url: str = "",
    jitter: Callable[[], float] = lambda: 0.5,
    senders: Sends | None = None,
) -> AsyncIterator[Post]:
    """A post office on the file, from noon on, with real senders unless others are given."""
    clock = clock or FakeClock(NOON)
    resolver = Resolver(system=lambda _: ["127.0.0.1"])
    real = Senders(
        HttpClient(resolver, Guard(), user_agent="tickd/test"),
        clock,
        smtp_url=smtp_url,
        mail_from="tickd@example.com",
        base_url=lambda: "https://tickd.test",
    )
    made = Post(await opened(path), clock, senders or real, jitter)
    try:
        await made.maintenance.begin()
        yield made
    finally:
        await made.end()
        resolver.close()


# Receivers.


@dataclass(frozen=True, slots=True)
class Answer:
    """How a receiver answers; status 0 resets the connection, and -1 takes the message and resets then."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    held: bool = False
    pause: float = 0.0


OK = Answer()
RESET = Answer(0)
HANG = Answer(held=True)


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it came; `at` is the fake clock's."""

    id: str
    said: dict[str, Any]
    at: int

    @property
    def names(self) -> list[str]:
        """What it is about: of a digest, all in their order."""
        return [one["monitor_name"] for one in self.said.get("alerts", [self.said])]

    @property
    def what(self) -> str:
        """`down Shop`, or `digest` with how many."""
        if self.said.get("event") == "digest":
            return f"digest of {self.said['count']}"
        event = {"monitor.up": "up", "monitor.down": "down", "monitor.warn": "warn"}
        said = str(self.said.get("event", "chat"))
        return f"{event.get(said, said)} {self.said.get('monitor_name', '')}".strip()


@dataclass(slots=True)
class Receiver:
    """Notes every call; answers one of `answers` after another, then what `judge` says."""

    clock: FakeClock
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    taken: list[Call] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    judge: Callable[[Call], Answer] = lambda _call: OK
    released: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: int = 0
    most: int = 0

    @property
    def whats(self) -> list[str]:
        """What was taken, in its order."""
        return [call.what for call in self.taken]

    @property
    def tried(self) -> list[str]:
        """What came, in its order."""
        return [call.what for call in self.calls]

    async def answer(self, request: web.Request) -> web.Response:
        """Note the call and answer it."""
        said = json.loads(await request.read())
        call = Call(request.headers.get("webhook-id", ""), said, self.clock.now())
        self.calls.append(call)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            answer = self.answers.pop(0) if self.answers else self.judge(call)
            if answer.held:
                await self.released.wait()
            await asyncio.sleep(answer.pause)
        finally:
            self.under_way -= 1
        if 200 <= answer.status < 300 or answer.status == -1:
            self.taken.append(call)
        if answer.status <= 0:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=max(answer.status, 200), text="as the test says", headers=answer.headers)


@asynccontextmanager
async def receiving(clock: FakeClock) -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver(clock)
    app = web.Application()
    app.router.add_route("POST", "/{path:.*}", receiver.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        receiver.released.set()
        await runner.cleanup()
