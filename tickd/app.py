"""The composition root: builds everything, and knows the order of start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from tickd import __version__, assembly, files, logs
from tickd.clock import Clock, SystemClock
from tickd.config import Settings
from tickd.domain.diagnosis import instance_of
from tickd.errors import StartupError, TickdError
from tickd.loops.runner import Loop
from tickd.loops.table import loops_of
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.http import HttpClient
from tickd.outbound.prober import Prober
from tickd.outbound.supervisor import Supervisor
from tickd.services.accounts import Accounts
from tickd.services.backtest import Backtests
from tickd.services.backups import Backups
from tickd.services.bulk import Bulk
from tickd.services.bundle import Services
from tickd.services.channels import Channels
from tickd.services.checking import Checking
from tickd.services.days import Days
from tickd.services.delivery import Delivery
from tickd.services.doors import Doors
from tickd.services.expiry import Expiry
from tickd.services.firing import Firing
from tickd.services.health import Health
from tickd.services.heartbeats import Heartbeats, lowered
from tickd.services.history import History
from tickd.services.incidents import Incidents
from tickd.services.jobs import Jobs
from tickd.services.lane import Lane
from tickd.services.limits import Limits
from tickd.services.maintenance import Calendar, Maintenance
from tickd.services.monitors import Monitors
from tickd.services.network import OwnNetwork
from tickd.services.overview import Overview
from tickd.services.passwords import Passwords
from tickd.services.pinging import Pinging
from tickd.services.status_pages import StatusPages
from tickd.services.supervision import Supervision, patiently
from tickd.services.suspensions import Suspensions
from tickd.services.targets import refusal
from tickd.services.telling import Telling
from tickd.services.upkeep import Upkeep
from tickd.services.users import Users
from tickd.services.verification import Verifications
from tickd.services.verification_batches import VerificationBatches
from tickd.services.verifying import Verifier
from tickd.services.witness import Blind, Witness
from tickd.store import accounts as accounts_store
from tickd.store.database import MEMORY, Database
from tickd.web import server
from tickd.web.listener import Listener
from tickd.web.pages import site

T = TypeVar("T")

SWITCH_SECS = 0.0005
"""How long the writer may keep the interpreter from the event loop; Python has ten times that."""
STOP_SECS = 1.0
"""How long at stop the alerts under way get to be taken; what is not taken is sent at the next start."""
FIRST_PAGES = ("base", "bits", "forms", "overview/", "status/", "entrance/")
"""The templates that are compiled before the daemon says that it serves."""
WARM_SECS = 0.05
"""How long it rests between two of the other templates."""

log = logging.getLogger("tickd.app")


class Daemon:
    """One running tickd: start, wait for a signal or a fault, stop."""

    def __init__(
        self, settings: Settings, clock: Clock | None = None, passwords: Passwords | None = None
    ) -> None:
        self.settings = settings
        self._passwords = passwords
        self.clock = clock or SystemClock()
        self.address = settings.listen
        self.services: Services
        self.loops: tuple[Loop, ...] = ()
        self._database: Database
        self._witness: Witness
        self._history: History
        self._network: OwnNetwork
        self._suspensions: Suspensions
        self._checking: Checking
        self._pinging: Pinging
        self._expiry: Expiry
        self._delivery: Delivery
        self._resolver: Resolver
        self._verifier: Verifier
        self._listener: Listener | None = None
        self._files = files.share_out(settings.max_calls, settings.max_checks)
        self._supervisor = Supervisor()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def public_url(self) -> str:
        """The address that callers and jobs reach this daemon at."""
        if self.settings.base_url:
            return self.settings.base_url
        host, port = self.address
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - a bind address is no target
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self) -> None:
        """Open the file, take up what is open, listen, run the loops; StartupError says what is wrong."""
        path = MEMORY if self.settings.dev else self.settings.db
        self._database = await Database.open(path)
        try:
            await self._build()
            now = self.clock.now()
            if self.settings.api_key and await self.services.accounts.register_key(self.settings.api_key):
                log.info("API key registered from TICKD_API_KEY")
            await self._witness.begin(now)
            await self._suspensions.refresh()
            await self.services.users.begin()
            await self.services.maintenance.begin()
            await self.services.status_pages.begin()
            await self.services.firing.recover(now)
            await self._history.begin()
            await self.services.backups.begin(now)
            await self._checking.begin()
            await self._pinging.doors.load(self._database)
            await self.services.verification_batches.begin()
            await self._listen()
            # As of now: until the port was bound nobody could ping.
            await self._expiry.begin(self.clock.now())
        except BaseException:
            await self.stop()
            raise
        gc.collect()
        gc.freeze()
        # By default every 700th new object begins a collection: that took a third of each check.
        gc.set_threshold(10_000, 20, 50)
        self._tasks = [asyncio.create_task(loop.run(), name=loop.state.name) for loop in self.loops]
        # One turn of the event loop, so that every loop has begun before anyone asks whether it lives.
        await asyncio.sleep(0)
        self.services.health.accepting = True
        log.info("started", extra=logs.fields(version=__version__, url=self.public_url, db=path))

    async def _build(self) -> None:
        settings, clock, db = self.settings, self.clock, self._database
        secret = await self._secret()
        self._witness = Witness(db, clock)
        self._resolver = Resolver(settings.dns_server)
        self._verifier = assembly.verifier(settings, clock)
        guard = Guard(block_private=settings.block_private_targets, allow=settings.allow_target)
        http = HttpClient(self._resolver, guard, user_agent=f"tickd/{__version__}")
        calendar = Calendar()
        self._suspensions = Suspensions(db)
        telling = Telling(calendar, self._suspensions)
        firing = self._firing(http, telling, secret)
        keeper = Upkeep(db)
        self._history = History(db, clock)
        self._network = assembly.own_network(settings, self._resolver, clock, self._witness)
        self._checking = self._checks(guard, telling, calendar)
        waiting = self._waiting(keeper, telling)
        incidents = self._incidents(telling, http, firing)
        maintenance = Maintenance(db, clock, calendar)
        maintenance.changed = incidents.maintenance_changed
        watching = (self._checking, self._history, self._network, self._expiry)
        health = Health(db, clock, self._witness, firing, *watching, self._delivery, self._verifier.exchanges)
        health.instance = instance_of(secret)
        monitors = Monitors(
            db,
            clock,
            self._checking,
            self._history,
            telling,
            refuses=refusal(guard),
            floor_secs=1 if settings.dev else settings.min_interval_secs,
        )
        bars, jobs = Days(db, self._history), Jobs(db, clock, firing, keeper, telling)
        self.services = Services(
            Accounts(db, clock, any_key=settings.dev),
            Users(db, clock, self._passwords, signed_in_as_owner=settings.dev),
            jobs,
            monitors,
            Backtests(db, clock, self._history),
            waiting,
            incidents,
            Channels(db, clock, self._delivery, can_mail=bool(settings.smtp_url)),
            maintenance,
            StatusPages(db, clock, bars, self._history, self._suspensions, base_url=lambda: self.public_url),
            bars,
            Overview(db, clock, monitors, bars),
            Bulk(jobs, monitors, waiting),
            firing,
            health,
            Limits(db, clock),
            Verifications(db, clock, self._verifier),
            VerificationBatches(db, clock, self._verifier),
            Backups(db, clock, assembly.backup_plan(settings)),
            assembly.own_heartbeat(settings, self._resolver, health, clock),
        )
        self._suspensions.heard.append(self.services.overview.accounts_turned)
        self.services.accounts.changed = self.services.channels.changed = telling.queued
        self._make_loops(keeper)

    async def _secret(self) -> bytes:
        secret = await accounts_store.fact(self._database, "secret")
        if not isinstance(secret, bytes):
            raise StartupError(f"{self.settings.db} has lost its secret; restore it from a backup")
        return secret

    def _make_loops(self, keeper: Upkeep) -> None:
        health, clock = self.services.health, self.clock
        watched = Supervision(self._supervisor, health, clock)
        self.loops = loops_of(self.services, keeper, self._suspensions, watched, clock)
        health.loops = [loop.state for loop in self.loops]

    def _checks(self, guard: Guard, telling: Telling, calendar: Calendar) -> Checking:
        return Checking(
            self._database,
            Prober(self._resolver, guard, user_agent=f"tickd/{__version__}", clock=self.clock),
            self.clock,
            Lane(limit=self._files.checks, per_host=self.settings.max_checks_per_host),
            self._history,
            self._network,
            telling,
            calendar,
            self._suspensions,
        )

    def _firing(self, http: HttpClient, telling: Telling, secret: bytes) -> Firing:
        return Firing(
            self._database,
            http,
            self.clock,
            Lane(limit=self._files.calls, per_host=self.settings.max_calls_per_host),
            self._witness,
            telling,
            self._suspensions,
            secret=secret,
            base_url=lambda: self.public_url,
            jitter=random.random,
        )

    def _incidents(self, telling: Telling, http: HttpClient, firing: Firing) -> Incidents:
        settings, clock, db = self.settings, self.clock, self._database
        self._delivery = Delivery(
            db,
            clock,
            assembly.senders(settings, http, clock, lambda: self.public_url),
            limit=self._files.deliveries,
            base_url=lambda: self.public_url,
            jitter=random.random,
        )
        self._delivery.is_blind = self._network.is_blind
        self._delivery.look = self._witness.look
        incidents = Incidents(db, clock, telling)

        def queued() -> None:
            self._delivery.wake()
            incidents.wake()
            firing.gates_changed()

        def went_back(milliseconds: int) -> None:
            firing.clock_went_back(milliseconds)
            self._delivery.clock_went_back(milliseconds)
            incidents.clock_went_back(milliseconds)

        telling.queued = queued
        self._witness.stepped_back = went_back
        put_off = self._witness.blinded

        def blinded(blind: Blind) -> None:
            put_off(blind)
            self._delivery.blinded(blind)
            incidents.blinded(blind)

        self._witness.blinded = blinded
        return incidents

    def _waiting(self, keeper: Upkeep, telling: Telling) -> Heartbeats:
        settings, clock, db = self.settings, self.clock, self._database
        self._pinging = Pinging(db, clock, Doors(), self._network, telling)
        self._expiry = Expiry(db, clock, self._pinging, self._witness, self._network, telling)
        return Heartbeats(
            db,
            clock,
            self._pinging,
            self._expiry,
            keeper,
            telling,
            base_url=lambda: self.public_url,
            floor_secs=1 if settings.dev else lowered(settings.min_interval_secs),
        )

    async def _listen(self) -> None:
        app = server.build(
            self.services,
            base_url=lambda: self.public_url,
            trusted_proxies=self.settings.trusted_proxy,
            dev=self.settings.dev,
        )
        # `tickd dev` looks at the host that every request names.
        quick = None if self.settings.dev else server.short_way(app, self._pinging)
        self._listener = Listener(app, most=self._files.connections, quick=quick)
        self.address = await self._listener.open(*self.settings.listen)

    async def run(self, started: Callable[[], Awaitable[None]]) -> None:
        """Serve until SIGTERM or SIGINT, then stop; TickdError when a loop or the writer dies."""
        sys.setswitchinterval(SWITCH_SECS)
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop(stopping, number))
        # Beside the loop: the first reader must not wait until the templates are compiled.
        first = loop.run_in_executor(None, site.warm, FIRST_PAGES)
        self._supervisor = Supervisor.of(os.environ, os.getpid())
        async with patiently(self._supervisor, self.clock):
            await self.start()
            await first
        await self._supervisor.ready()
        warming = asyncio.create_task(self._warm())
        await started()
        ends: list[asyncio.Future[Any]] = [
            asyncio.create_task(stopping.wait()),
            *self._tasks,
            self._database.failed,
        ]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        ends[0].cancel()
        fault = self._fault(stopping)
        warming.cancel()
        await self.stop()
        if fault is not None:
            raise fault

    async def _warm(self) -> None:
        """Compile the templates one by one, so slowly that no request feels it."""
        for name in site.names():
            await asyncio.to_thread(site.warm, (name,))
            await self.clock.sleep(WARM_SECS)

    def _fault(self, stopping: asyncio.Event) -> TickdError | None:
        if stopping.is_set():
            return None
        if self._database.failed.done():
            return TickdError("the database writer died")
        for task in self._tasks:
            if task.done():
                cause = None if task.cancelled() else task.exception()
                log.critical("a loop died", extra=logs.fields(loop=task.get_name()), exc_info=cause)
                return TickdError(f"the {task.get_name()} loop died")
        return None

    async def stop(self) -> None:
        """Stop in order: not ready, listener, running calls, loops, queues, file. Ends within 10 s."""
        started = bool(self._tasks)
        if started:
            self.services.health.accepting = False
            self._supervisor.stopping()
            log.info("stopping")
        if self._listener is not None:
            self._listener.close()
        if hasattr(self, "services"):
            self.services.overview.stop()
            await self.services.verification_batches.stop()
        for loop in self.loops:
            loop.stop()
        if started:
            await self._end_loops()
        if self._listener is not None:
            await self._listener.finish()
        if hasattr(self, "_resolver"):
            self._resolver.close()
            self._verifier.close()
        await self._database.close()
        if started:
            log.info("stopped")

    async def _end_loops(self) -> None:
        try:
            await self._checking.stop(0)
            await self._network.stop()
            await self.services.firing.stop(self.settings.stop_grace_secs)
            await self._pinging.stop()
            await self.services.status_pages.stop()
            await self._delivery.stop(STOP_SECS)
            await self.services.backups.stop()
            await self._history.flush()
            await self._witness.end(self.clock.now())
        except TickdError as error:
            log.error("stop could not be recorded", extra=logs.fields(error=error.message))
        _, late = await asyncio.wait(self._tasks, timeout=1.0)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _stop(stopping: asyncio.Event, number: signal.Signals) -> Callable[[], None]:
    def act() -> None:
        log.info("signal received", extra=logs.fields(signal=number.name))
        stopping.set()

    return act


@asynccontextmanager
async def opened(path: str, service: Callable[[Database, Clock], T]) -> AsyncIterator[T]:
    """A service on a database file, beside the daemon that may be running on it."""
    database = await Database.open(path, exclusive=False, readers=1)
    try:
        yield service(database, SystemClock())
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await database.close()


@asynccontextmanager
async def verifying(settings: Settings, *, most: int = 64) -> AsyncIterator[Verifier]:
    """What decides about e-mail addresses, `most` of them at a time, without a database."""
    with contextlib.closing(assembly.verifier(settings, SystemClock(), most=most)) as verifier:
        yield verifier
