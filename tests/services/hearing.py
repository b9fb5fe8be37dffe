"""The services that hear pings and notice silence, on a real file and a fake clock; no HTTP."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tests.support.clock import FakeClock
from tests.support.daemon import NOON, opened
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.heartbeats import Heartbeat, HeartbeatChange, HeartbeatCreation
from tickd.domain.pings import PLAIN, Event, Said
from tickd.services.doors import Doors
from tickd.services.expiry import Expiry
from tickd.services.heartbeats import Heartbeats
from tickd.services.maintenance import Calendar
from tickd.services.network import OwnNetwork, Reach
from tickd.services.pinging import Pinging, Taken
from tickd.services.suspensions import Suspensions
from tickd.services.telling import Telling
from tickd.services.upkeep import Upkeep
from tickd.services.witness import Witness
from tickd.store import heartbeats
from tickd.store.database import Database

ACCOUNT = DEFAULT_ACCOUNT
HOME = "127.0.0.1"


async def reaches_nothing(_reference: str) -> bool:
    return False


class Hearing:
    """One daemon's ears: as `app` builds them."""

    def __init__(
        self, db: Database, clock: FakeClock, references: Sequence[str] = (), reach: Reach = reaches_nothing
    ) -> None:
        self.db = db
        self.clock = clock
        self.witness = Witness(db, clock)
        self.network = OwnNetwork(lambda: references, reach, clock, self.witness)
        self.suspensions = Suspensions(db)
        self.telling = Telling(Calendar(), self.suspensions)
        self.pinging = Pinging(db, clock, Doors(), self.network, self.telling)
        self.expiry = Expiry(db, clock, self.pinging, self.witness, self.network, self.telling)
        self.upkeep = Upkeep(db)
        self.heartbeats = Heartbeats(
            db,
            clock,
            self.pinging,
            self.expiry,
            self.upkeep,
            self.telling,
            base_url=lambda: "http://127.0.0.1",
        )

    async def begin(self) -> None:
        """What a start does before anyone is listened to."""
        now = self.clock.now()
        await self.witness.begin(now)
        await self.pinging.doors.load(self.db)
        await self.expiry.begin(now)

    async def end(self) -> None:
        """What a stop does; the file is closed."""
        await self.network.stop()
        await self.pinging.stop()
        await self.witness.end(self.clock.now())
        await self.db.close()

    async def made(self, **fields: Any) -> Heartbeat:
        """A heartbeat; what is not said is its default."""
        return await self.heartbeats.create(ACCOUNT, HeartbeatCreation(**({"name": "Backup"} | fields)))

    async def shown(self, heartbeat: Heartbeat) -> Heartbeat:
        """The heartbeat as it stands."""
        return await self.heartbeats.get(ACCOUNT, heartbeat.id)

    async def edit(self, heartbeat: Heartbeat, **fields: Any) -> Heartbeat:
        """Change what is said."""
        return await self.heartbeats.change(ACCOUNT, heartbeat.id, HeartbeatChange(**fields))

    async def ping(
        self, heartbeat: Heartbeat, said: Said = PLAIN, *, source: str = HOME, per_minute: int = 0
    ) -> Taken:
        """A ping that says so at once."""

        async def tell() -> Said:
            return said

        door = self.pinging.doors.by_id(heartbeat.id)
        sender = self.pinging.sender(source, "test")
        return await self.pinging.ping(door, sender, tell, said, per_minute=per_minute)

    async def settle(self) -> int | None:
        """The loop's tick, now; when the next one is due."""
        return await self.expiry.tick(self.clock.now())

    async def pass_time(self, milliseconds: int) -> None:
        """Let time pass with a tick at each deadline, as the loop makes them."""
        until = self.clock.now() + milliseconds
        following = await self.settle()
        while following is not None and following <= until:
            await self.clock.advance(max(0, following - self.clock.now()) / 1000)
            following = await self.settle()
        await self.clock.advance((until - self.clock.now()) / 1000)
        await self.settle()

    async def events(self, heartbeat: Heartbeat) -> list[Event]:
        """All of its history, the oldest first."""
        found = []
        for which in ("pings", "events"):
            page, _ = await self.heartbeats.history(ACCOUNT, heartbeat.id, which, limit=500, offset=0)
            found += page
        return sorted({event.row: event for event in found}.values(), key=lambda event: event.row)

    async def said_of(self, heartbeat: Heartbeat, *kinds: str) -> list[str]:
        """The messages of its events of those kinds, the oldest first."""
        return [event.message for event in await self.events(heartbeat) if event.kind in kinds]

    async def stored(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What is in the file."""

        def read(tx: sqlite3.Connection) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in tx.execute(sql, values).fetchall()]

        return await self.db.write(read)

    async def states(self) -> dict[str, int]:
        """How many heartbeats are in each state, as the metrics count them."""
        return await heartbeats.states(self.db, self.clock.now())


@asynccontextmanager
async def hearing(
    path: Path,
    clock: FakeClock | None = None,
    *,
    busy_timeout_secs: float = 5.0,
    references: Sequence[str] = (),
    reach: Reach = reaches_nothing,
) -> AsyncIterator[Hearing]:
    """Ears that have been started, from noon on; `references` are asked by `reach`."""
    db = await opened(path, busy_timeout_secs=busy_timeout_secs)
    made = Hearing(db, clock or FakeClock(NOON), references, reach)
    try:
        await made.begin()
        yield made
    finally:
        await made.end()


class Slow:
    """A ping whose body comes when `end` says so; received when it is made."""

    def __init__(self, ears: Hearing, heartbeat: Heartbeat) -> None:
        self.said: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self.door = door = ears.pinging.doors.by_id(heartbeat.id)
        sender = ears.pinging.sender(HOME, "slow")
        self.task: asyncio.Task[Taken] = asyncio.create_task(ears.pinging.ping(door, sender, self.tell))

    async def tell(self) -> Said:
        return await self.said

    async def end(self, said: Said = PLAIN) -> Taken:
        self.said.set_result(said)
        return await self.task


async def slow(ears: Hearing, heartbeat: Heartbeat) -> Slow:
    """A ping that has been received and is still being read."""
    made = Slow(ears, heartbeat)
    await asyncio.sleep(0)
    return made


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """The file, locked by another program meanwhile."""
    taken, release = threading.Event(), threading.Event()

    def lock() -> None:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        taken.set()
        release.wait(10)
        other.close()

    thread = threading.Thread(target=lock)
    thread.start()
    try:
        taken.wait(10)
        yield
    finally:
        release.set()
        thread.join()


def due(heartbeat: Heartbeat) -> int | None:
    """Its deadline, counted from noon."""
    at = heartbeat.standing.due_at
    return None if at is None else at - NOON


def misses(heartbeat: Heartbeat) -> int:
    """How many in a row."""
    return heartbeat.standing.consecutive_misses
