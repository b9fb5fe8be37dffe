"""Health: what each loop last did, and whether the daemon does its work."""

from __future__ import annotations

from dataclasses import dataclass

from tickd.clock import Clock
from tickd.domain import times
from tickd.outbound.exchanges import Exchanges
from tickd.services.checking import Checking
from tickd.services.delivery import Delivery
from tickd.services.expiry import Expiry
from tickd.services.firing import Firing
from tickd.services.history import History
from tickd.services.network import OwnNetwork
from tickd.services.witness import Witness
from tickd.store import alerts, executions, gates, heartbeats, incidents, jobs
from tickd.store.database import Database
from tickd.store.writer import WriterStats

STALL_SECS = 1.0
"""A lag of the event loop that readiness calls a stall."""
OVERDUE = 10 * times.SECOND
"""A job that was not planned on for so long counts against the ledger."""


@dataclass(slots=True)
class LoopState:
    """What is known of one loop; times are milliseconds."""

    name: str
    ticks: int = 0
    errors: int = 0
    failing_since: int | None = None
    last_error: str = ""
    last_tick_at: int | None = None
    late_secs: float = 0.0
    alive: bool = False


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
    """What waits to be told: alerts by state, for how many seconds the oldest is overdue, open incidents."""

    waiting: dict[str, int]
    oldest_secs: float
    open_incidents: int


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

    def faults(self) -> list[str]:
        """What keeps the daemon from its work, each in a sentence; empty when it is ready."""
        found = [] if self.accepting else ["tickd is starting or stopping"]
        if self._db.stats.last_error:
            found.append(f"the database can't be written: {self._db.stats.last_error}")
        for loop in self.loops:
            if not loop.alive:
                found.append(f"the {loop.name} loop does not run")
            elif loop.failing_since is not None:
                found.append(f"the {loop.name} loop fails: {loop.last_error}")
        if self.witness.last_lag_secs > STALL_SECS:
            found.append(f"the event loop stalled for {self.witness.last_lag_secs:.1f} s")
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
        )

    async def heartbeat_states(self) -> dict[str, int]:
        """How many heartbeats are in each state, over all accounts; `paused` is one."""
        return await heartbeats.states(self._db, self._clock.now())

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
