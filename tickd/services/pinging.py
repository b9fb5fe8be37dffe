"""Pinging: a ping is answered once it is on disk, and many of them share one commit."""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from tickd import logs
from tickd.clock import Clock
from tickd.domain import expiry, pings, times
from tickd.domain.expiry import Flip, Standing, State
from tickd.domain.incidents import Cause, shown_body
from tickd.domain.pings import Event, EventKind, Kind, Said
from tickd.errors import Forbidden, NotFound, TickdError, TooMany, Unavailable
from tickd.services.doors import Door, Doors
from tickd.services.network import OwnNetwork
from tickd.services.telling import Telling
from tickd.store import heartbeats
from tickd.store import pings as store
from tickd.store.database import Database
from tickd.store.heartbeats import Pulse

RUNS_MOST = 100
"""How many runs of one heartbeat may be open at once."""
FOREVER = 1 << 62
"""A time that lies behind all others."""
LATE_FACTOR = 10
"""How many times the limit of now what arrives late may come in a minute."""
REFUSALS_LOGGED = 10
"""How many refused pings of a heartbeat are logged a minute: a runaway loop does not fill the disk."""

log = logging.getLogger("tickd.pings")


class Arrival(NamedTuple):
    """A ping on its way into the file: when it was received, and when all of it had come (milliseconds)."""

    row: int
    at: int
    read_at: int
    said: Said
    source: str
    agent: str
    detailed: bool = False


class Taken(NamedTuple):
    """What became of a ping; `due_at` is when silence after it becomes a miss. Times in milliseconds.

    All but `paused` and `state` may be left out of one that was not asked for in detail.
    """

    name: str
    paused: bool
    state: State
    expected_at: int | None = None
    due_at: int | None = None
    flip: Flip | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who pings: the address, what it calls itself, and when its request came (milliseconds)."""

    address: str
    agent: str
    at: int


_Waiting = tuple[Arrival, "asyncio.Future[Taken]"]
Tell = Callable[[], Awaitable[Said]]


class Pinging:
    """Takes pings, whatever face they come by."""

    def __init__(
        self, db: Database, clock: Clock, doors: Doors, network: OwnNetwork, telling: Telling
    ) -> None:
        self._db = db
        self._clock = clock
        self._network = network
        self._telling = telling
        self._gathered: list[_Waiting] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.doors = doors
        self.taken: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.planned: Callable[[int], None] = lambda _due_at: None
        self.lost_since: int | None = None
        self.lost_until: int | None = None

    def now(self) -> int:
        """The time by which a ping's own is judged, in milliseconds."""
        return self._clock.now()

    def sender(self, address: str, agent: str) -> Sender:
        """Who pings now."""
        if not agent.isascii():
            # A header's bytes that are no UTF-8 come as what no file can hold.
            agent = agent.encode("utf-8", "replace").decode()
        return Sender(address, agent[: pings.AGENT_LETTERS], self._clock.now())

    async def ping(
        self,
        door: Door,
        sender: Sender,
        tell: Tell,
        head: Said = pings.PLAIN,
        *,
        per_minute: int = 0,
        detailed: bool = False,
    ) -> Taken:
        """Take a ping and return after its commit; `tell` reads all that it says, `head` is known before.

        Forbidden for an address that the heartbeat does not let in, TooMany over `per_minute` (0: no limit)
        or the heartbeat's own limit, Unavailable when the disk is full or the file locked.
        """
        at, counted = sender.at, False
        self.doors.arrive(door, at)
        try:
            if door.allowed and not door.lets_in(sender.address):
                self._refuse(door, sender, head.kind, "IP not allowed")
                raise Forbidden("IP not allowed")
            # Before its body is read: whoever is shut out costs no memory.
            counted = self._admit(door, sender, head, per_minute)
            said = await tell()
            if sender.address and not self._network.is_local(sender.address):
                self._network.worked(sender.address)
            taken = await self._take(
                Arrival(door.row, at, self._clock.now(), said, sender.address, sender.agent, detailed)
            )
        except TickdError as error:
            if counted:
                self.doors.give_back(door)
            if isinstance(error, Unavailable):
                self._lose(at)
            raise
        finally:
            self.doors.leave(door, at)
        self._took(door, said, taken)
        return taken

    def _lose(self, at: int) -> None:
        """A ping could not be recorded: what passes until one can be is not held against anybody."""
        self.refused["unavailable"] += 1
        self.lost_since, self.lost_until = min(at, self.lost_since or at), None
        # From now on somebody tries to write, and knows when it works again.
        self.planned(at)

    def _took(self, door: Door, said: Said, taken: Taken) -> None:
        if self.lost_since is not None and self.lost_until is None:
            self.lost_until = self._clock.now()
        self.taken["paused" if taken.paused else said.kind] += 1
        if taken.flip is not None:
            _say(door, taken)
            self._telling.queued()
        if taken.due_at is not None:
            self.planned(taken.due_at)

    def _admit(self, door: Door, sender: Sender, head: Said, per_minute: int) -> bool:
        """Let the ping in or raise TooMany; whether it counts as one of so many a minute.

        The end of a run whose start was let in belongs to that one; what arrives late has a limit of its own,
        or a spool that is emptied would shut out the pings of now.
        """
        most = door.per_minute or per_minute
        if not most or (head.outcome is not None and head.rid and self.doors.ends(door, head.rid)):
            return False
        is_late = head.sent_at is not None and not door.per_minute
        most *= LATE_FACTOR if is_late else 1
        wait = self.doors.wait_secs(door, most, self._clock.monotonic(), late=is_late)
        if wait:
            words = f"too many pings: {most} in 60 s are let in"
            self._refuse(door, sender, head.kind, words)
            raise TooMany(words, math.ceil(wait))
        if head.kind == "start" and head.rid:
            self.doors.begins(door, head.rid, most)
        return not is_late

    def _refuse(self, door: Door, sender: Sender, kind: Kind, why: str) -> None:
        """Log a ping that was refused, in the history too; without waiting, and not for ever."""
        self.refused["address" if why == "IP not allowed" else "rate"] += 1
        if not self.doors.has(door) or not self.doors.may_log_refusal(
            door, REFUSALS_LOGGED, self._clock.monotonic()
        ):
            return
        words = logs.fields(heartbeat=door.id, source=sender.address, why=why)
        log.warning("ping refused", extra=words)
        event = Event(
            row=0,
            heartbeat=door.row,
            at=sender.at,
            received_at=sender.at,
            kind=kind,
            accepted=False,
            source_ip=sender.address,
            user_agent=sender.agent,
            message=why,
        )
        try:
            noted = self._db.write_soon(lambda tx: store.insert(tx, event))
        except Unavailable:
            log.debug("refused ping not recorded")
        else:
            noted.add_done_callback(_noted)

    # Into the file.

    async def _take(self, arrival: Arrival) -> Taken:
        future: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._gathered.append((arrival, future))
        if len(self._gathered) == 1:
            asyncio.get_running_loop().call_soon(self._hand_over)
        return await future

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        task = asyncio.get_running_loop().create_task(self._write(gathered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, gathered: list[_Waiting]) -> None:
        arrivals = [arrival for arrival, _ in gathered]
        try:
            results = await self._db.write(lambda tx: [self._settle(tx, arrival) for arrival in arrivals])
        except Exception as error:
            if len(gathered) > 1 and not isinstance(error, Unavailable):
                # One of them is at fault, and takes no other with it.
                for one in gathered:
                    await self._write([one])
                return
            results = [error] * len(gathered)
        for (_, future), result in zip(gathered, results, strict=True):
            if future.done():  # whoever pinged has gone; the ping stays
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _settle(self, tx: sqlite3.Connection, arrival: Arrival) -> Taken | Exception:
        """Take one ping of many; what it is refused for is raised before anything is written."""
        try:
            taken = take(tx, arrival)
        except TickdError as error:
            return error
        if taken.flip is not None:
            self._tell(tx, arrival, taken.flip)
        return taken

    def _tell(self, tx: sqlite3.Connection, arrival: Arrival, flip: Flip) -> None:
        """What a ping's flip opens or ends, in the transaction that records it."""
        telling, row, at, said = self._telling, arrival.row, arrival.at, arrival.said
        if flip == "recovered":
            telling.recovered(tx, "heartbeat", row, at, at)
        elif flip == "restored":
            telling.restored(tx, "heartbeat", row, at, at)
        else:
            words = "the job reported that it runs, but not well"
            if flip == "failing":
                code = said.exit_status
                words = (
                    "the job reported a failure" if code is None else f"the job ended with exit status {code}"
                )
            cause = Cause(error=said.message or words, at=at, body=shown_body(said.body))
            tell = telling.failing if flip == "failing" else telling.degraded
            tell(tx, "heartbeat", row, cause, at)

    async def stop(self) -> None:
        """Wait for what the writer has been given."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


_STAYED_UP = Taken("", False, "up")


def take(tx: sqlite3.Connection, arrival: Arrival) -> Taken:
    """What a ping makes of its heartbeat, inside a unit of the writer."""
    if (
        arrival.said is pings.PLAIN
        and not arrival.detailed
        and heartbeats.stay_up(tx, arrival.row, arrival.at)
    ):
        store.insert_plain(tx, arrival.row, arrival.at, arrival.source, arrival.agent)
        return _STAYED_UP
    pulse = heartbeats.pulse(tx, arrival.row)
    if pulse is None:
        raise NotFound("this heartbeat has been deleted")
    if pulse.paused:
        store.insert(tx, _event(arrival, accepted=False))
        return Taken(pulse.name, True, pulse.standing.state)
    if arrival.said.sent_at is not None:
        return _replay(tx, pulse, arrival, arrival.said.sent_at)
    if _is_overtaken(arrival, pulse.standing):
        return _note_overtaken(tx, pulse, arrival)
    said, standing, flip = arrival.said, pulse.standing, None
    outcome, duration, due_at = said.outcome, None, None
    if outcome is not None:
        duration, runs = _end_run(tx, pulse, said.rid, arrival.at, all_counted=outcome != "fail")
        standing, flip = expiry.pinged(pulse.rhythm, standing, outcome, arrival.at)
        heartbeats.set_pulse(tx, pulse.row, standing, runs=-runs, checks=1, failed=outcome == "fail")
        due_at = standing.due_at
    elif said.kind == "start":
        due_at = _begin_run(tx, pulse, said.rid, arrival.at)
    if said.metrics:
        heartbeats.set_metrics(tx, pulse.row, said.metrics)
    store.insert(tx, _event(arrival, duration=duration, flip=flip))
    return _taken(pulse, standing, arrival, due_at, flip)


def _is_overtaken(arrival: Arrival, standing: Standing) -> bool:
    """Whether a later ping was taken while this one was still being read: then it is history.

    A last ping that lies ahead of us overtook nobody; the clock has been set back since.
    """
    last = standing.last_pinged_at
    return last is not None and arrival.at < last <= arrival.read_at


def _note_overtaken(tx: sqlite3.Connection, pulse: Pulse, arrival: Arrival) -> Taken:
    said, standing, duration = arrival.said, pulse.standing, None
    if said.outcome is not None:
        duration, runs = _end_run(tx, pulse, said.rid, arrival.at, all_counted=False)
        failed = int(said.outcome == "fail")
        heartbeats.set_pulse(tx, pulse.row, standing, runs=-runs, checks=1, failed=failed)
    store.insert(tx, _event(arrival, duration=duration))
    return _taken(pulse, standing, arrival)


def _taken(
    pulse: Pulse, standing: Standing, arrival: Arrival, due_at: int | None = None, flip: Flip | None = None
) -> Taken:
    state = expiry.state_at(standing, arrival.at)
    return Taken(pulse.name, False, state, standing.expected_at, due_at, flip)


def _begin_run(tx: sqlite3.Connection, pulse: Pulse, rid: str, at: int) -> int:
    """Note that a run has begun; when it should have ended (milliseconds)."""
    is_new = not pulse.open_runs or not store.has_run(tx, pulse.row, rid)
    if is_new and pulse.open_runs >= RUNS_MOST:
        raise TooMany(f"too many runs are open: {RUNS_MOST} of one heartbeat at once", 60)
    due_at = expiry.run_due(pulse.rhythm, at)
    store.open_run(tx, pulse.row, rid, at, due_at)
    if is_new:
        heartbeats.add_runs(tx, pulse.row, 1)
    return due_at


def _end_run(
    tx: sqlite3.Connection, pulse: Pulse, rid: str, at: int, *, all_counted: bool
) -> tuple[int | None, int]:
    """How long the run took that a ping ends (milliseconds), and how many runs are closed with it."""
    if not pulse.open_runs:
        return None, 0
    # Whatever the clock says: it may have been set back since the start.
    began = store.end_run(tx, pulse.row, rid, FOREVER)
    closed = int(began is not None)
    if all_counted:
        # The job goes well again: a run that was given up is not waited for.
        closed += store.end_counted(tx, pulse.row)
    return (None if began is None else max(0, at - began)), closed


def _replay(tx: sqlite3.Connection, pulse: Pulse, arrival: Arrival, at: int) -> Taken:
    """A ping that arrives late repairs the history and raises nothing; one that was taken stays as it is."""
    said, standing, flip = arrival.said, pulse.standing, None
    if store.is_known(tx, pulse.row, at, said.kind, said.rid, times.DAY):
        return _taken(pulse, standing, arrival)
    duration = None
    if said.outcome is not None:
        began = store.started_before(tx, pulse.row, at - times.DAY, at, said.rid)
        duration = None if began is None else at - began
        closed = 0
        if pulse.open_runs and began is not None:
            closed = int(store.end_run(tx, pulse.row, said.rid, at) is not None)
        repaired = 0
        if said.outcome == "success":
            until = expiry.explained_until(pulse.rhythm, at)
            repaired = store.repair(tx, pulse.row, at, until)
            left = min(standing.consecutive_misses, store.missed_since(tx, pulse.row, until))
            standing, flip = expiry.repaired(pulse.rhythm, standing, at, arrival.at, left)
        failed = int(said.outcome == "fail") - repaired
        heartbeats.set_pulse(tx, pulse.row, standing, runs=-closed, checks=1, failed=failed)
    elif said.kind == "start" and said.rid:
        store.time_end(tx, pulse.row, said.rid, at, at + times.DAY)
    store.insert(tx, _event(arrival, duration=duration, flip=flip))
    return _taken(pulse, standing, arrival, standing.due_at, flip)


def _event(
    arrival: Arrival, *, accepted: bool = True, duration: int | None = None, flip: Flip | None = None
) -> Event:
    said = arrival.said
    kind: EventKind = said.kind
    return Event(
        row=0,
        heartbeat=arrival.row,
        at=arrival.at if said.sent_at is None else said.sent_at,
        received_at=arrival.at,
        kind=kind,
        accepted=accepted,
        degraded=said.degraded,
        exit_status=said.exit_status,
        duration_ms=duration,
        rid=said.rid,
        source_ip=arrival.source,
        user_agent=arrival.agent,
        message=said.message,
        metrics=said.metrics or None,
        flip=flip,
        body=said.body or None,
    )


def _say(door: Door, taken: Taken) -> None:
    # Not its message: what a job prints may be a secret.
    words = logs.fields(heartbeat=door.id, name=taken.name)
    if taken.flip == "failing":
        log.error("heartbeat is failing", extra=words)
    elif taken.flip == "degraded":
        log.warning("heartbeat is degraded", extra=words)
    else:
        log.info("heartbeat recovered", extra=words)


def _noted(future: asyncio.Future[int]) -> None:
    if not future.cancelled() and future.exception() is not None:
        log.debug("refused ping not recorded")
