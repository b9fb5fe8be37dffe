"""Expiry: silence becomes a miss at its deadline, unless tickd itself could not hear."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Set
from functools import partial
from typing import NamedTuple

from tickd import logs
from tickd.clock import Clock
from tickd.domain import expiry as rules
from tickd.domain import times
from tickd.domain.expiry import Flip, Standing
from tickd.domain.histogram import Histogram
from tickd.domain.incidents import Cause
from tickd.domain.pings import Event, EventKind
from tickd.services.network import OwnNetwork
from tickd.services.pinging import RUNS_MOST, Pinging
from tickd.services.telling import Telling
from tickd.services.witness import Blind, Witness
from tickd.store import accounts, heartbeats
from tickd.store import pings as store
from tickd.store.database import Database
from tickd.store.heartbeats import Pulse

BATCH = 50
"""How many deadlines one transaction settles at most: whoever pings meanwhile waits for two of them."""
Tell = Callable[[sqlite3.Connection, int, int, int], None]
"""Told in the same transaction that a heartbeat fails: its row, its misses in a row, and now."""
RESTING = 10 * times.MINUTE
"""How soon a deadline of a suspended account is looked at again; a resume looks at all of them at once."""
HELD = 50
"""How soon a deadline is looked at again that waits for a ping which is arriving, in milliseconds."""

log = logging.getLogger("tickd.expiry")


class Silence(NamedTuple):
    """What a deadline that passed made of its heartbeat."""

    id: str
    name: str
    misses: int
    due_at: int
    flip: Flip | None


class Expiry:
    """The tick that turns silence into misses; deadlines are rows, so that a restart knows them all."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        pinging: Pinging,
        witness: Witness,
        network: OwnNetwork,
        telling: Telling,
    ) -> None:
        self._db = db
        self._clock = clock
        self.pinging = pinging
        self._witness = witness
        self._network = network
        self._telling = telling
        self._blind: list[Blind] = []
        self._next: int | None = None
        self._resumed: set[str] = set()
        telling.suspensions.heard.append(self._accounts_turned)
        self.misses = 0
        self.moved = 0
        self.lateness = Histogram((0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0))
        self.wake: Callable[[], None] = lambda: None
        witness.blinded = self._blind.append
        pinging.planned = self.planned

    def planned(self, due_at: int) -> None:
        """A deadline was set; the loop is woken where it would sleep through it."""
        if self._next is None or due_at < self._next:
            self._next = due_at
            self.wake()

    async def begin(self, now: int) -> None:
        """Put off what passed while the daemon was away: nobody could have heard the ping."""
        self._blind.clear()
        await self._put_off(None, now)

    async def tick(self, now: int) -> int | None:
        """Settle the deadlines that have passed by `now`; when the next one does (milliseconds)."""
        self._witness.look(now)
        await self._put_off_refused(now)
        await self._resume(now)
        while self._blind:
            # Noted once its deadlines are moved, so that a full disk forgets none.
            await self._put_off(self._blind[0], now)
            del self._blind[0]
        self._next = now
        if not await self._has_due(now):
            return await self._plan()
        if not await self._network.is_up(self._clock.monotonic()):
            # Whatever was sent meanwhile did not come through; the end of it moves the deadlines.
            self._next = now + times.SECOND
            return self._next
        left = False
        while True:
            if self._blind or self._resumed or self.pinging.lost_since is not None:
                return now  # known since this tick began: what it would settle may have to be put off
            arriving = self.pinging.doors.arriving()
            resting = self._telling.suspensions.accounts
            settled, left = await self._db.write(
                partial(_settle, now=now, arriving=arriving, resting=resting, tell=self._failing)
            )
            for one in settled:
                self._note(one, now)
            if any(one.flip for one in settled):
                self._telling.queued()
            if not settled:
                break
            await asyncio.sleep(0)
        if left:
            self._next = now + HELD
            return self._next
        return await self._plan()

    async def _has_due(self, now: int) -> bool:
        following = await self._following()
        return following is not None and following <= now

    async def _following(self) -> int | None:
        found = (await heartbeats.next_due(self._db), await store.next_run_due(self._db))
        return min((due for due in found if due is not None), default=None)

    async def _plan(self) -> int | None:
        # A ping may plan an earlier one while the file is read: it then wakes the loop, which looks again.
        self._next = None
        following = await self._following()
        if following is not None:
            self._next = min(following, following if self._next is None else self._next)
        return self._next

    def _failing(self, tx: sqlite3.Connection, row: int, misses: int, now: int) -> None:
        """What a silence opens, in the transaction that records it: its cause is the first of them."""
        at, words = store.first_miss(tx, row, misses) or (now, "no ping")
        self._telling.failing(tx, "heartbeat", row, Cause(error=words, at=at), now)

    def _note(self, silence: Silence, now: int) -> None:
        self.misses += 1
        self.lateness.add(max(0.0, (now - silence.due_at) / 1000))
        words = logs.fields(heartbeat=silence.id, name=silence.name, misses=silence.misses)
        log.warning("heartbeat missed", extra=words)
        if silence.flip == "failing":
            log.error("heartbeat is failing", extra=words)

    # What is suspended.

    def _accounts_turned(self, _suspended: frozenset[str], resumed: frozenset[str]) -> None:
        self._resumed |= resumed
        self.wake()

    async def _resume(self, now: int) -> None:
        """What fell silent while its account was suspended is judged after its grace from now on."""
        for account in tuple(self._resumed):
            if not self._telling.suspensions.has(account):
                await self._db.write(partial(_resume, account_id=account, now=now))
            self._resumed.discard(account)

    # What could not be heard.

    async def _put_off_refused(self, now: int) -> None:
        """After pings were answered 503, what passed meanwhile is not held against anybody."""
        since, until = self.pinging.lost_since, self.pinging.lost_until
        if since is None:
            return
        refused = self.pinging.refused["unavailable"]
        if until is None:
            # Nobody has pinged since: only a write shows whether one could be recorded now.
            await self._db.write(lambda tx: accounts.set_fact(tx, "alive_at", now))
        blind = Blind(min(since, now), min(until or now, now), "pings could not be recorded")
        await self._put_off(blind, now)
        # A ping that was taken meanwhile only says once more that it is over.
        if self.pinging.refused["unavailable"] == refused:
            self.pinging.lost_since = self.pinging.lost_until = None
        self._witness.note_blind(blind.started_at, blind.ended_at, blind.cause)
        # Its deadlines are moved already; the witness has just handed it over as it does all.
        self._blind.remove(blind)

    async def _put_off(self, blind: Blind | None, now: int) -> None:
        """Move the deadlines of pings that may have been lost in a blind interval; None is the time away."""
        if blind is None:
            # Whatever has passed, however long ago, passed while nobody listened.
            gap = _Gap(0, min(self._witness.away_since, now), now, now, self._sentence)
        else:
            until = min(blind.ended_at, now)
            gap = _Gap(blind.started_at, blind.started_at, until, now, lambda _at: blind.sentence)
        moved, after = 0, gap.passed_since
        while True:
            count, after = await self._db.write(lambda tx, after=after: _move(tx, gap, after))  # type: ignore[misc]
            if not count:
                break
            moved += count
        self.moved += moved
        if moved:
            log.warning("deadlines put off: tickd could not see", extra=logs.fields(heartbeats=moved))

    def _sentence(self, moment: int) -> str:
        blind = self._witness.blind_at(moment)
        if blind is None:
            blind = self._witness.blind_at(self._clock.now())
        return "tickd was not running" if blind is None else blind.sentence


def _resume(tx: sqlite3.Connection, account_id: str, now: int) -> None:
    store.resume_runs(tx, account_id, now, rules.LEAST_PATIENCE)
    for row, due_at in heartbeats.resume(tx, account_id, now, rules.LEAST_PATIENCE):
        words = f"deadline moved to {times.rfc3339(due_at)}: the account was suspended"
        store.insert(tx, Event(row=0, heartbeat=row, at=now, received_at=now, kind="moved", message=words))


def _settle(
    tx: sqlite3.Connection, now: int, arriving: Mapping[int, int], resting: Set[str], tell: Tell
) -> tuple[list[Silence], bool]:
    """Count the silences whose deadline has passed; whether some wait for a ping that is arriving.

    A ping that was received before the deadline has not missed it, however long its body takes.
    """
    held, settled = False, []
    if resting:
        heartbeats.put_off(tx, resting, now, now + RESTING)
        store.put_off_runs(tx, resting, now, now + RESTING)
    for run in store.runs_due(tx, now, BATCH + RUNS_MOST * len(arriving)):
        if arriving.get(run.heartbeat, now + 1) <= run.due_at:
            held = True
            continue
        pulse = heartbeats.pulse(tx, run.heartbeat)
        store.count_run(tx, run.heartbeat, run.rid)
        if pulse is not None and not pulse.paused:
            took = times.span(run.due_at - run.started_at)
            words = f"the run that began at {times.rfc3339(run.started_at)} did not end within {took}"
            standing, flip = rules.overran(pulse.rhythm, pulse.standing, run.due_at)
            _record(tx, pulse, standing, flip, "overran", run.due_at, now, words, run.rid)
            if flip == "failing":
                tell(tx, pulse.row, standing.consecutive_misses, now)
            settled.append(Silence(run.id, pulse.name, standing.consecutive_misses, run.due_at, flip))
    for overdue in heartbeats.due(tx, now, BATCH + len(arriving)):
        pulse = overdue.pulse
        due_at = pulse.standing.due_at or now
        if arriving.get(pulse.row, now + 1) <= due_at:
            held = True
            continue
        standing, flip = rules.missed(pulse.rhythm, pulse.standing)
        if pulse.open_runs:
            # One silence: what has begun and not ended is not missed once more.
            store.count_runs(tx, pulse.row)
        words = _words(pulse)
        _record(tx, pulse, standing, flip, "missed", due_at, now, words, "")
        if flip == "failing":
            tell(tx, pulse.row, standing.consecutive_misses, now)
        settled.append(Silence(overdue.id, pulse.name, standing.consecutive_misses, due_at, flip))
    return settled, held


def _words(pulse: Pulse) -> str:
    standing, grace = pulse.standing, times.span(pulse.rhythm.grace)
    expected, due = standing.expected_at or 0, standing.due_at or 0
    sentence = f"no ping: expected at {times.rfc3339(expected)}, with a grace of {grace}"
    if due != expected + pulse.rhythm.grace:
        sentence += f"; waited until {times.rfc3339(due)}, because its deadline was moved"
    return sentence


def _record(
    tx: sqlite3.Connection,
    pulse: Pulse,
    standing: Standing,
    flip: Flip | None,
    kind: EventKind,
    at: int,
    now: int,
    message: str,
    rid: str,
) -> None:
    heartbeats.set_pulse(tx, pulse.row, standing, checks=1, failed=1)
    event = Event(
        row=0, heartbeat=pulse.row, at=at, received_at=now, kind=kind, message=message, flip=flip, rid=rid
    )
    store.insert(tx, event)


class _Gap(NamedTuple):
    """A time in which tickd could not hear: deadlines that passed from `passed_since` on were not missed, and
    pings that were expected from `since` on may have been lost."""

    passed_since: int
    since: int
    until: int
    now: int
    sentence: Callable[[int], str]


def _move(tx: sqlite3.Connection, gap: _Gap, after: int) -> tuple[int, int]:
    """Put off deadlines from `after` on, up to BATCH of each kind; how many, and where to go on."""
    now, least = gap.now, rules.LEAST_PATIENCE
    runs = store.runs_doubtful(tx, gap.passed_since, gap.until, now, least, BATCH)
    for run in runs:
        pulse = heartbeats.pulse(tx, run.heartbeat)
        has_passed = run.due_at <= gap.until
        moved_to = now + (pulse.rhythm.patience if has_passed and pulse is not None else least)
        store.move_run(tx, run, moved_to)
        _say_moved(tx, run.heartbeat, now, run.due_at, moved_to, gap.sentence, run.rid)
    found = heartbeats.doubtful(tx, after, gap.since, gap.until, now, least, BATCH)
    for overdue in found:
        pulse, due_at = overdue.pulse, overdue.pulse.standing.due_at or 0
        standing = rules.moved(pulse.rhythm, pulse.standing, now)
        heartbeats.set_pulse(tx, pulse.row, standing)
        _say_moved(tx, pulse.row, now, due_at, standing.due_at or now, gap.sentence, "")
        after = due_at
    return len(runs) + len(found), after


def _say_moved(
    tx: sqlite3.Connection,
    heartbeat: int,
    now: int,
    due_at: int,
    moved_to: int,
    sentence: Callable[[int], str],
    rid: str,
) -> None:
    words = f"deadline moved from {times.rfc3339(due_at)} to {times.rfc3339(moved_to)}: {sentence(due_at)}"
    event = Event(row=0, heartbeat=heartbeat, at=now, received_at=now, kind="moved", message=words, rid=rid)
    store.insert(tx, event)
