"""Group commit: one thread, one connection, everything that waits in one transaction.

The commit in progress is the batching window: while it runs, the next batch gathers.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeVar

from tickd.clock import SystemClock
from tickd.errors import Unavailable
from tickd.store.faults import answer

T = TypeVar("T")
_Unit = Callable[[sqlite3.Connection], Any]
_Waiting = tuple[_Unit, "asyncio.Future[Any]", float]  # what to run, who is told, monotonic time it came
_Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]

MAX_UNITS = 1000  # in a batch
MAX_SECS = 0.05  # of running units before their commit
MAX_WAITING = 100_000  # in a lane; one more is told to come again
QUIET_SECS = 10.0  # between two lines in the log about faults
LAZY_SECS = 0.2  # what a lazy unit may wait, so that it is on disk after 0.25
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, float("inf"))

# The comments keep these texts apart from a unit's own "COMMIT" in the connection's statement cache: a
# cached statement is not shown to the authorizer again.
_BEGIN = "/* batch */ BEGIN IMMEDIATE"
_COMMIT = "/* batch */ COMMIT"
_ROLLBACK = "/* batch */ ROLLBACK"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WriterStats:
    """What the writer has done since it was opened; times in seconds."""

    alive: bool
    units: int  # committed
    failed_units: int  # answered with an error
    batches: int
    commits: int
    failed_batches: int  # begun or committed in vain, or rolled back by SQLite
    last_commit_secs: float
    total_commit_secs: float
    commit_histogram: tuple[tuple[float, int], ...]  # (at most so many seconds, commits), cumulative
    urgent_waiting: int
    lazy_waiting: int
    last_error: str | None  # the fault the last batch met; None again after a good commit
    busy_secs: float  # for how long the batch under way has run


class Writer:
    """The one thread that writes; every method but the constructor's callables is for the event loop.

    `start` opens the connection on the thread, `finish` closes it there; `fault` says before each batch why
    nothing may be written now.
    """

    def __init__(
        self,
        start: Callable[[], sqlite3.Connection],
        finish: Callable[[sqlite3.Connection], None],
        fault: Callable[[], Unavailable | None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = start
        self._finish = finish
        self._fault = fault
        self._monotonic = SystemClock().monotonic
        # Deques, because append and popleft are atomic: lists swapped between threads lose rows.
        self._urgent: deque[_Waiting] = deque()
        self._lazy: deque[_Waiting] = deque()
        self._alone: deque[_Waiting] = deque()
        self._running: list[_Waiting] = []
        self._wake = threading.Event()
        self._waking = False
        self._closing = False
        self._dead = False  # apart from `failed`, which whoever waits for it may cancel
        self._in_unit = False
        self.failed: asyncio.Future[BaseException] = self._loop.create_future()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        # A daemon thread: a process that fails without closing must not hang at its exit.
        self._thread = threading.Thread(target=self._main, name="tickd-writer", daemon=True)
        self._units = self._failed_units = self._batches = self._failed_batches = 0
        self._last_commit_secs = self._total_commit_secs = 0.0
        self._histogram = [0] * len(BUCKETS)
        self._last_error: str | None = None
        self._quiet_until = 0.0
        self._busy_since: float | None = None

    # ---- on the event loop

    async def open(self) -> None:
        """Start the thread and wait for its connection; raises what `start` raised."""
        self._thread.start()
        try:
            await self._opened
        except BaseException:
            await asyncio.shield(self.close())
            raise

    def submit(self, unit: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Hand over an urgent unit; the future is answered after the commit that holds it."""
        future = self._admit(self._urgent)
        self._urgent.append((unit, future, 0.0))
        # Woken behind what this turn of the loop still runs: its other units join the batch, and the loop
        # doesn't fight the thread for the interpreter at every statement.
        if not self._waking:
            self._waking = True
            self._loop.call_soon(self._rouse)
        return future

    def submit_lazy(self, unit: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Hand over a lazy unit, committed with the next urgent one or within 250 ms."""
        future = self._admit(self._lazy)
        self._lazy.append((unit, future, self._monotonic()))
        # The first one starts the thread's timer and a full batch ends it; those between don't wake it.
        if len(self._lazy) == 1 or len(self._lazy) >= MAX_UNITS:
            self._wake.set()
        return future

    def submit_alone(self, task: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Hand over a task that runs between two batches, outside any transaction."""
        future = self._admit(self._alone)
        self._alone.append((task, future, 0.0))
        self._wake.set()
        return future

    async def close(self) -> None:
        """Run what waits, close the connection, end the thread."""
        self._closing = True
        self._wake.set()
        if self._thread.ident is not None:
            await asyncio.shield(self._ended)
            self._thread.join()

    @property
    def stats(self) -> WriterStats:
        """A snapshot of the counters."""
        cumulative = tuple(accumulate(self._histogram))
        began = self._busy_since
        return WriterStats(
            alive=self._thread.is_alive() and not self._dead,
            units=self._units,
            failed_units=self._failed_units,
            batches=self._batches,
            commits=cumulative[-1],
            failed_batches=self._failed_batches,
            last_commit_secs=self._last_commit_secs,
            total_commit_secs=self._total_commit_secs,
            commit_histogram=tuple(zip(BUCKETS, cumulative, strict=True)),
            urgent_waiting=len(self._urgent),
            lazy_waiting=len(self._lazy),
            last_error=self._last_error,
            busy_secs=0.0 if began is None else max(0.0, self._monotonic() - began),
        )

    def _rouse(self) -> None:
        self._waking = False
        self._wake.set()

    def _admit(self, lane: deque[_Waiting]) -> asyncio.Future[Any]:
        if self._dead:
            raise Unavailable("the database writer has failed", 30)
        if self._closing:
            raise Unavailable("the daemon is stopping")
        if len(lane) >= MAX_WAITING:
            raise Unavailable("too many writes are waiting", 1)
        return self._loop.create_future()

    def _settle(self, outcomes: list[_Outcome]) -> None:
        for future, value, error in outcomes:
            if future.done():  # its caller was cancelled; the unit is committed all the same
                continue
            if error is None:
                future.set_result(value)
                continue
            future.set_exception(error)
            if isinstance(error, Unavailable):
                future.exception()  # a lazy caller may never look, and the writer has reported it

    def _bury(self, cause: BaseException) -> None:
        # On the loop, where the lanes are filled: nothing can join them behind this.
        self._dead = True
        if not self.failed.done():
            self.failed.set_result(cause)
        left = [*self._running, *self._urgent, *self._lazy, *self._alone]
        for lane in (self._running, self._urgent, self._lazy, self._alone):
            lane.clear()
        self._settle(
            [(future, None, Unavailable("the database writer has failed", 30)) for _, future, _ in left]
        )

    # ---- on the thread

    def _main(self) -> None:
        try:
            connection = self._start()
        except BaseException as error:  # handed to whoever waits in `open`
            self._post(self._settle, [(self._opened, None, error)])
            self._post(self._ended.set_result, None)
            return
        self._connection = connection
        connection.set_authorizer(self._authorize)
        self._post(self._settle, [(self._opened, None, None)])
        try:
            self._serve()
        except BaseException as error:  # the thread's last words: its callers and the daemon hear of it
            logger.critical("the database writer has failed", exc_info=error)
            self._post(self._bury, error)
        finally:
            try:
                self._rollback()
                self._finish(connection)
            except sqlite3.Error as error:
                logger.error("closing the database: %s", error)
            finally:
                self._post(self._ended.set_result, None)

    def _serve(self) -> None:
        while True:
            self._wake.clear()
            self._busy_since = None
            closing = self._closing  # before looking at the lanes: none is filled once it is set
            if self._alone:
                self._busy_since = self._monotonic()
                self._run_alone()
                self._busy_since = None
            wait = self._wait_secs(closing)
            if wait == 0:
                self._busy_since = self._monotonic()
                self._run_batch()
            elif not closing:
                self._wake.wait(wait)
            elif not self._alone:
                return

    def _wait_secs(self, closing: bool) -> float | None:
        if self._urgent or len(self._lazy) >= MAX_UNITS or (closing and self._lazy):
            return 0
        if not self._lazy:
            return None
        return max(0, self._lazy[0][2] + LAZY_SECS - self._monotonic())

    def _take(self) -> Iterator[_Waiting]:
        # Urgent first; but a lazy unit that has waited too long has every other turn, so that no flood of
        # pings can starve the checks.
        now = self._monotonic()
        until = now + MAX_SECS
        urgent_turn = True
        for _ in range(MAX_UNITS):
            overdue = bool(self._lazy) and self._lazy[0][2] + LAZY_SECS <= now
            if self._urgent and (urgent_turn or not overdue):
                urgent_turn = False
                yield self._urgent.popleft()
            elif self._lazy:
                urgent_turn = True
                yield self._lazy.popleft()
            else:
                return
            now = self._monotonic()
            if now > until:
                return

    def _run_batch(self) -> None:
        self._batches += 1
        fault = self._fault()
        if fault is not None:
            self._refuse(fault, [*self._drain()])
            return
        try:
            self._connection.execute(_BEGIN)
        except sqlite3.Error as error:
            self._refuse(error, [*self._drain()])
            return
        self._running = ran = []
        outcomes: list[_Outcome] = []
        for waiting in self._take():
            ran.append(waiting)
            outcome = self._run_unit(waiting)
            if outcome is None:
                break
            outcomes.append(outcome)
        lost = len(outcomes) < len(ran)
        failure = None if lost else self._commit()
        if lost or failure is not None:
            self._rollback()
            self._retry(ran, failure)
        else:
            self._count(outcomes)
            self._post(self._settle, outcomes)
        self._running = []

    def _run_unit(self, waiting: _Waiting) -> _Outcome | None:
        """Run it under a savepoint; None when SQLite rolled the whole batch back."""
        unit, future, _ = waiting
        execute = self._connection.execute
        try:
            execute("SAVEPOINT unit")
            value = self._call(unit)
            execute("RELEASE unit")
        except Exception as error:
            # A full disk or an I/O error may have ended the transaction, and with it the units before.
            if not self._connection.in_transaction:
                return None
            try:
                execute("ROLLBACK TO unit")
                execute("RELEASE unit")
            except sqlite3.Error:
                return None
            return future, None, answer(error)
        return (future, value, None) if self._connection.in_transaction else None

    def _retry(self, ran: list[_Waiting], error: sqlite3.Error | None) -> None:
        """Each unit in a transaction of its own: one that can't be committed takes no other with it."""
        self._failed_batches += 1
        if error is not None and len(ran) == 1:
            self._report(error)
            self._failed_units += 1
            self._post(self._settle, [(ran[0][1], None, answer(error))])
            return
        while ran:
            try:
                self._connection.execute(_BEGIN)
            except sqlite3.Error as failure:
                self._refuse(failure, ran)
                return
            outcome = self._run_single(ran[0])
            self._count([outcome])
            self._post(self._settle, [outcome])
            ran.pop(0)

    def _run_single(self, waiting: _Waiting) -> _Outcome:
        unit, future, _ = waiting
        try:
            value = self._call(unit)
            failure = self._commit()
            if failure is not None:
                raise failure
        except Exception as error:
            self._rollback()
            return future, None, answer(error)
        return future, value, None

    def _run_alone(self) -> None:
        self._running = [self._alone.popleft()]
        task, future, _ = self._running[0]
        outcome: _Outcome
        try:
            outcome = (future, task(self._connection), None)
        except Exception as error:
            outcome = (future, None, answer(error))
        finally:
            self._rollback()
        self._post(self._settle, [outcome])
        self._running = []

    def _call(self, unit: _Unit) -> Any:
        self._in_unit = True
        try:
            value = unit(self._connection)
        finally:
            self._in_unit = False
        if isinstance(value, sqlite3.Cursor):
            # Read on the loop it would race with this thread, and unread it keeps the WAL from shrinking.
            value.close()
            raise TypeError("a unit returned a cursor: fetch its rows in the unit")
        return value

    def _authorize(self, action: int, *_: str | None) -> int:
        # A unit that ends the batch's transaction (COMMIT, `with connection:`, executescript) would make
        # its neighbours' fate unknown.
        if action == sqlite3.SQLITE_TRANSACTION and self._in_unit:
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    def _commit(self) -> sqlite3.Error | None:
        began = self._monotonic()
        try:
            self._connection.execute(_COMMIT)
        except sqlite3.Error as error:
            return error
        took = self._monotonic() - began
        self._last_commit_secs = took
        self._total_commit_secs += took
        self._histogram[bisect_left(BUCKETS, took)] += 1
        return None

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute(_ROLLBACK)

    def _drain(self) -> Iterator[_Waiting]:
        for lane in (self._urgent, self._lazy):
            for _ in range(len(lane)):
                yield lane.popleft()

    def _refuse(self, error: sqlite3.Error | Unavailable, waiting: list[_Waiting]) -> None:
        """No transaction can begin: everyone who waits is told, instead of waiting for the next try."""
        self._report(error)
        self._failed_batches += 1
        self._failed_units += len(waiting)
        self._post(self._settle, [(future, None, answer(error)) for _, future, _ in waiting])

    def _count(self, outcomes: list[_Outcome]) -> None:
        faults = [error for _, _, error in outcomes if isinstance(error, Unavailable)]
        failed = sum(error is not None for _, _, error in outcomes)
        self._failed_units += failed
        self._units += len(outcomes) - failed
        if faults:
            self._report(faults[-1])
        elif self._last_error is not None and failed < len(outcomes):
            if self._monotonic() >= self._quiet_until:
                logger.warning("the database takes writes again")
            self._last_error = None

    def _report(self, error: BaseException) -> None:
        sentence = str(answer(error))
        # Once a fault, not once a batch; and a disk on the brink of full must not fill the log.
        if sentence != self._last_error and self._monotonic() >= self._quiet_until:
            self._quiet_until = self._monotonic() + QUIET_SECS
            cause = error.__cause__ if isinstance(error, Unavailable) else error
            logger.error("the database was not written: %s", sentence, exc_info=cause)
        self._last_error = sentence

    def _post(self, function: Callable[[Any], object], argument: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, argument)
        except RuntimeError:  # the loop is closed, and nobody waits any more
            logger.debug("the event loop is closed")
