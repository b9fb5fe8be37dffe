"""Health: what each loop last did, and whether the daemon does its work."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tickd.clock import Clock
from tickd.domain import times
from tickd.errors import TickdError, Unavailable
from tickd.outbound.exchanges import Exchanges
from tickd.services.checking import Checking
from tickd.services.delivery import Delivery
from tickd.services.expiry import Expiry
from tickd.services.firing import Firing
from tickd.services.history import History
from tickd.services.network import OwnNetwork
from tickd.services.witness import Witness
from tickd.store import alerts, executions, gates, heartbeats, incidents, jobs, outbox
from tickd.store.database import Database
from tickd.store.volume import Volume
from tickd.store.writer import WriterStats

STALL_SECS = 1.0
"""A lag of the event loop that readiness calls a stall."""
OVERDUE = 10 * times.SECOND
"""A job that was not planned on for so long counts against the ledger."""
PATIENCE_SECS = 120.0
"""How long one tick of a loop, or one batch of the writer, may take before it is said to hang."""
BUSY_SECS = 10.0
"""How long one batch of the writer may take before readiness says so; a locked file is waited 5 s for."""
ANSWER_SECS = 2.0
"""How long the database may take to answer what readiness asks it."""
OVERDUE_ALERT = 10 * times.MINUTE
"""An alert that has waited for so long is a warning, and one that nothing held back a fault of tickd's."""
LOW_BYTES = 256 * 1024 * 1024
"""Free space below which the disk is said to be nearly full."""


@dataclass(slots=True)
class LoopState:
    """What is known of one loop; times are milliseconds.

    `ticking_since` is on the monotonic clock, None between two ticks; `busy_secs` is the time that all ticks
    took, and `patience_secs` how long one may take.
    """

    name: str
    ticks: int = 0
    errors: int = 0
    failing_since: int | None = None
    last_error: str = ""
    last_tick_at: int | None = None
    late_secs: float = 0.0
    alive: bool = False
    busy_secs: float = 0.0
    ticking_since: float | None = None
    patience_secs: float = PATIENCE_SECS


@dataclass(frozen=True, slots=True)
class Ledger:
    """The invariant: every occurrence that the schedules had is accounted for."""

    jobs: dict[str, int]
    scheduled: int
    accounted: int
    overdue_jobs: int
    open_executions: dict[str, int]
    deferred_executions: int


@dataclass(frozen=True, slots=True)
class Outbox:
    """What waits to be told: alerts by state, for how many seconds the oldest is overdue, open incidents,
    alerts whose time has not come, and channels whose last attempt has failed."""

    waiting: dict[str, int]
    oldest_secs: float
    open_incidents: int
    held: int
    failing_lanes: int


class Health:
    """Answers `/readyz` and `/metrics`."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        witness: Witness,
        firing: Firing,
        checking: Checking,
        history: History,
        network: OwnNetwork,
        expiry: Expiry,
        delivery: Delivery,
        exchanges: Exchanges,
    ) -> None:
        self._db = db
        self._clock = clock
        self.witness = witness
        self.firing = firing
        self.checking = checking
        self.history = history
        self.network = network
        self.expiry = expiry
        self.delivery = delivery
        self.exchanges = exchanges
        self.loops: list[LoopState] = []
        self.started_at = clock.now()
        self.accepting = False
        self.instance = ""

    def faults(self) -> list[str]:
        """What keeps the daemon from its work, each in a sentence; empty when it is ready."""
        found = [] if self.accepting else ["tickd is starting or stopping"]
        writer, monotonic = self._db.stats, self._clock.monotonic()
        if writer.last_error:
            found.append(f"the database can't be written: {writer.last_error}")
        if not writer.alive:
            found.append("the database writer does not run")
        elif writer.busy_secs > BUSY_SECS:
            found.append(f"the database has been at one write for {writer.busy_secs:.0f} s")
        for loop in self.loops:
            ticking = 0.0 if loop.ticking_since is None else monotonic - loop.ticking_since
            if not loop.alive:
                found.append(f"the {loop.name} loop does not run")
            elif loop.failing_since is not None:
                found.append(f"the {loop.name} loop fails: {loop.last_error}")
            elif ticking > loop.patience_secs:
                found.append(f"the {loop.name} loop has been at one tick for {ticking:.0f} s")
        if self.witness.last_lag_secs > STALL_SECS:
            found.append(f"the event loop stalled for {self.witness.last_lag_secs:.1f} s")
        return found

    def hangs(self) -> list[str]:
        """What only a restart could free, each in a sentence: a loop or the writer that moves no more.

        A disk that is full or a file that is locked is none of it: a restart would find it so again. Nor is
        anything while the daemon starts or stops.
        """
        if not self.accepting:
            return []  # the loops begin one after the other, and end so
        monotonic, writer = self._clock.monotonic(), self._db.stats
        found = [
            f"the {loop.name} loop hangs"
            for loop in self.loops
            if loop.ticking_since is not None and monotonic - loop.ticking_since > loop.patience_secs
        ]
        found += [f"the {loop.name} loop does not run" for loop in self.loops if not loop.alive]
        if not writer.alive or writer.busy_secs > PATIENCE_SECS:
            found.append("the database writer hangs")
        return found

    async def unread(self) -> str:
        """Why the database can't be read, or nothing where it can."""
        try:
            async with asyncio.timeout(ANSWER_SECS):
                await self._db.size()
        except TimeoutError:
            return f"the database does not answer within {ANSWER_SECS:g} s"
        except TickdError as error:
            return f"the database can't be read: {error.message}"
        return ""

    async def warnings(self) -> list[str]:
        """What goes wrong without keeping the daemon from its work, each in a sentence."""
        found = []
        if self.network.blind_since is not None:
            found.append(f"tickd's own network has been lost for {self.blind_secs:.0f} s")
        try:
            async with asyncio.timeout(ANSWER_SECS):
                overdue = await jobs.overdue(self._db, self._clock.now() - OVERDUE)
                waiting = (await self.outbox()).oldest_secs
                free = (await self.volume()).free
        except (TimeoutError, TickdError) as error:
            return [*found, f"it can't be found out more: {str(error) or type(error).__name__}"]
        if overdue:
            found.append(_overdue(overdue))
        if waiting * times.SECOND > OVERDUE_ALERT:
            found.append(f"an alert has waited for {waiting / 60:.0f} minutes to be delivered")
        if free is not None and free < LOW_BYTES:
            found.append(f"the disk under the database has {free >> 20} MiB left")
        return found

    async def broken(self) -> list[str]:
        """Which of tickd's own invariants do not hold, each in a sentence; empty when all is well."""
        found = self.faults()
        try:
            ledger = await self.ledger()
            stuck = await outbox.stuck(self._db, self._clock.now() - OVERDUE_ALERT)
        except TickdError as error:
            return [*found, f"the database can't be read: {error.message}"]
        if ledger.scheduled != ledger.accounted:
            found.append(f"occurrences without a row: {ledger.scheduled - ledger.accounted}")
        if ledger.overdue_jobs:
            found.append(_overdue(ledger.overdue_jobs))
        if stuck:
            found.append(f"alerts that could have gone out ten minutes ago and were not tried: {stuck}")
        return found

    async def ledger(self) -> Ledger:
        """The ledger's counts over all accounts."""
        rows = await jobs.counts(self._db)
        by_status = {"active": 0, "paused": 0, "failing": 0}
        by_status |= {row["status"]: row["jobs"] for row in rows}
        return Ledger(
            by_status,
            sum(row["scheduled"] for row in rows),
            sum(row["accounted"] for row in rows),
            await jobs.overdue(self._db, self._clock.now() - OVERDUE),
            await executions.open_counts(self._db),
            await gates.count(self._db),
        )

    async def outbox(self) -> Outbox:
        """What waits to be told, over all accounts."""
        now = self._clock.now()
        oldest = await alerts.oldest(self._db, now)
        return Outbox(
            await alerts.counts(self._db),
            0.0 if oldest is None else max(0.0, (now - oldest) / 1000),
            await incidents.how_many_open(self._db),
            await outbox.held(self._db, now),
            await outbox.failing_lanes(self._db),
        )

    async def heartbeat_states(self) -> dict[str, int]:
        """How many heartbeats are in each state, over all accounts; `paused` is one."""
        return await heartbeats.states(self._db, self._clock.now())

    async def volume(self) -> Volume:
        """Bytes of the database file, of its log, and free on their disk; Unavailable where nobody says."""
        try:
            return await self._db.volume()
        except OSError as error:
            # Without the path, which is nobody's business but the operator's.
            raise Unavailable(f"the disk can't be asked: {error.strerror}") from error

    @property
    def reads(self) -> int:
        """Queries of the database that run or wait for a reader."""
        return self._db.reads

    async def database_size(self) -> tuple[int, int]:
        """Bytes of the database file, and how many of them are free for what comes."""
        return await self._db.size()

    @property
    def blind_secs(self) -> float:
        """For how long our own network has been lost; 0 while it works."""
        since = self.network.blind_since
        return 0.0 if since is None else max(0.0, (self._clock.now() - since) / 1000)

    @property
    def writer(self) -> WriterStats:
        """The database writer's own counts."""
        return self._db.stats


def _overdue(count: int) -> str:
    return f"jobs that are due for over {OVERDUE // times.SECOND} s and not recorded: {count}"
