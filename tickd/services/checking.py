"""Checking: every monitor is looked at on its schedule, judged, and recorded."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from msgspec import structs

from tickd import logs
from tickd.clock import Clock
from tickd.domain import monitors as rules
from tickd.domain.checks import Check, CheckStatus
from tickd.domain.histogram import Histogram
from tickd.domain.incidents import certificate_warning
from tickd.domain.monitors import Flip, Monitor, Standing
from tickd.errors import NotFound, Unavailable
from tickd.outbound.prober import Prober, Seen, Target
from tickd.services import evidence
from tickd.services.evidence import Evidence
from tickd.services.history import History
from tickd.services.lane import Lane
from tickd.services.maintenance import Calendar
from tickd.services.network import OwnNetwork
from tickd.services.standings import Change, Standings, say
from tickd.services.suspensions import Suspensions
from tickd.services.targets import judged, shown, target_of
from tickd.services.telling import Telling
from tickd.services.watched import Watched
from tickd.store import monitors
from tickd.store.database import Database

LOAD = 1_000
"""Monitors read at once at start."""
SLICE = 100
"""Checks that one tick hands to the lane at most; the next tick follows at once."""
TICK = 20
"""The least time between two ticks, in milliseconds: due checks are begun together."""
STEP_SECS = 2.0
"""A difference between the wall and the monotonic side that counts as a step."""
LATE_SECS = 0.5
"""A timeout that fires so late was kept by the daemon itself, and says nothing about the target."""
WAKING_SECS = 10.0
"""How long after a suspend failures are not believed: networks come back by and by."""
PATIENCE_SECS = 5.0
"""How long a try waits for its place in the lane."""

log = logging.getLogger("tickd.checking")


class Checking:
    """The uptime loop's tick, check now, and what is known of every monitor."""

    def __init__(
        self,
        db: Database,
        prober: Prober,
        clock: Clock,
        lane: Lane,
        history: History,
        network: OwnNetwork,
        telling: Telling,
        calendar: Calendar,
        suspensions: Suspensions,
    ) -> None:
        self._db = db
        self._prober = prober
        self._clock = clock
        self._lane = lane
        self._history = history
        self._network = network
        self._calendar = calendar
        self._suspensions = suspensions
        suspensions.heard.append(self._accounts_turned)
        self._standings = Standings(history, telling)
        self._watched: dict[int, Watched] = {}
        self._heap: list[tuple[int, int]] = []
        self._by_hand: set[asyncio.Task[None]] = set()
        self._wall = clock.now()
        self._monotonic = clock.monotonic()
        self._resumed: float | None = None
        self.lateness = Histogram((0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0))
        self.checked: Counter[str] = Counter()
        self.turned: Counter[str] = Counter()
        """Changes of monitors' states by account, each counted when memory has it."""
        self.wake: Callable[[], None] = lambda: None

    @property
    def in_flight(self) -> int:
        """Checks under way."""
        return self._lane.in_flight + len(self._by_hand)

    @property
    def waiting(self) -> int:
        """Checks that are due and wait for a free place."""
        return self._lane.waiting

    def states(self) -> Counter[str]:
        """How many monitors are in each state, `paused` being one."""
        # Every scrape counts all of them: a property's call costs as much as the rest.
        known = [watched.monitor for watched in self._watched.values()]
        return Counter(["paused" if one.paused else one.standing.state for one in known])

    async def begin(self) -> None:
        """Read all monitors; each is due at its own phase, so that a start begins no herd."""
        last = 0
        while found := await monitors.after(self._db, last, LOAD):
            last = found[-1].row
            for monitor in found:
                self._watched[monitor.row] = Watched(monitor)
        # As of now: 150,000 take seconds to read, and what was due meanwhile would be a herd of its own.
        self._plan_all(self._clock.now())

    def _plan_all(self, now: int) -> None:
        for watched in self._watched.values():
            if not self._rests(watched.monitor):
                watched.due = rules.next_due(watched.phase, watched.interval, now)
        self._heap_again()

    def _heap_again(self) -> None:
        self._heap = [(watched.due, row) for row, watched in self._watched.items() if watched.due is not None]
        heapq.heapify(self._heap)

    def _plan(self, watched: Watched, due: int | None) -> None:
        if due is None or due == watched.due:
            watched.due = due
            return
        watched.due = due
        # What an edit or a delete leaves behind is passed over when it comes up, which may be in a day.
        if len(self._heap) >= 2 * len(self._watched) + SLICE:
            self._heap_again()
        else:
            heapq.heappush(self._heap, (due, watched.monitor.row))
        if self._heap[0][0] == due:
            self.wake()

    # What the service of monitors says.

    def put(self, monitor: Monitor, now: int) -> None:
        """A monitor was made or edited: a new one is due at once, as is one that was resumed or repointed."""
        watched = self._watched.get(monitor.row)
        if watched is None:
            watched = self._watched[monitor.row] = Watched(monitor)
            self._plan(watched, None if self._rests(monitor) else now)
            return
        before, interval = watched.monitor, watched.interval
        # What the checks found is newer in memory than in the row that was edited.
        watched.settle(rules.edited(before, monitor))
        if before.paused != monitor.paused or rules.is_other_target(before, monitor):
            # The result of a check that is under way is of the old monitor, and will be dropped.
            watched.version += 1
            watched.target = None
            watched.evidence = Evidence()
            self._plan(watched, None if self._rests(monitor) else now)
        elif interval != watched.interval and watched.due is not None and watched.due > now:
            self._plan(watched, rules.next_due(watched.phase, watched.interval, now))

    def drop(self, row: int) -> None:
        """A monitor was deleted."""
        watched = self._watched.pop(row, None)
        if watched is not None:
            watched.version += 1
            watched.due = None

    def known(self, rows: Iterable[int]) -> dict[int, Watched]:
        """What is known of these monitors, but for those that have been deleted."""
        return {row: self._watched[row] for row in rows if row in self._watched}

    def find(self, row: int) -> Watched:
        """What is known of a monitor; NotFound when it has been deleted."""
        watched = self._watched.get(row)
        if watched is None:
            raise NotFound("this monitor has been deleted")
        return watched

    def _accounts_turned(self, suspended: frozenset[str], resumed: frozenset[str]) -> None:
        """Look at nothing of a suspended account, and go on where one resumes: each at its own phase."""
        now = self._clock.now()
        for watched in self._watched.values():
            if watched.monitor.account_id in suspended:
                # The result of a check that is under way will be dropped.
                watched.version += 1
                watched.due = None
            elif watched.monitor.account_id in resumed and not watched.monitor.paused:
                watched.due = rules.next_due(watched.phase, watched.interval, now)
        self._heap_again()
        self.wake()

    def _rests(self, monitor: Monitor) -> bool:
        return monitor.paused or self._suspensions.has(monitor.account_id)

    # When.

    async def tick(self, now: int) -> int | None:
        """Begin what is due by `now`; when the next check is (milliseconds)."""
        self._notice_step(now)
        heap, begun = self._heap, 0
        while heap and heap[0][0] <= now and begun < SLICE:
            due, row = heap[0]
            watched = self._watched.get(row)
            if watched is None or watched.due != due:
                heapq.heappop(heap)  # deleted or planned anew: its other entry counts
                continue
            watched.due = rules.next_due(watched.phase, watched.interval, now)
            heapq.heapreplace(heap, (watched.due, row))
            if not watched.in_flight and not watched.queued:
                watched.queued = True
                wanted = self._monotonic - (now - due) / 1000
                self._lane.submit(watched.host, partial(self._scheduled, watched, wanted))
                begun += 1
        if not heap:
            return None
        return now if heap[0][0] <= now else max(heap[0][0], now + TICK)

    def _notice_step(self, now: int) -> None:
        """Plan all anew when the wall clock has stepped: none waits for an hour, and none comes early."""
        monotonic = self._clock.monotonic()
        step = (now - self._wall) / 1000 - (monotonic - self._monotonic)
        self._wall, self._monotonic = now, monotonic
        if abs(step) <= STEP_SECS:
            return
        if step > 0:
            self._resumed = monotonic
        self._plan_all(now)
        self.wake()

    async def _scheduled(self, watched: Watched, wanted: float) -> None:
        watched.queued = False
        # Deleted or paused while it waited for its place, or looked at by hand just now.
        if watched.due is not None and not watched.in_flight:
            self.lateness.add(max(0.0, self._clock.monotonic() - wanted))
            await self._look(watched)

    async def check_now(self, row: int) -> Check:
        """Look at a monitor now, paused or not; where a check is under way, its result."""
        while True:
            watched = self.find(row)
            if watched.joined is None:
                watched.joined = asyncio.get_running_loop().create_future()
            joined = watched.joined
            if not watched.in_flight:
                task = asyncio.get_running_loop().create_task(self._look(watched))
                watched.in_flight = True
                self._by_hand.add(task)
                task.add_done_callback(self._by_hand.discard)
            # Whoever asks may be cut off; the others get their answer.
            check = await asyncio.shield(joined)
            if check is not None:
                return check

    async def _look(self, watched: Watched) -> None:
        watched.in_flight = True
        version = watched.version
        check: Check | None = None
        failure: Exception | None = None
        try:
            with logs.bound(monitor=watched.monitor.id):
                check = await self._check(watched)
        except asyncio.CancelledError:
            # Only a stop cancels a look: whoever waits for it gets an answer, not a broken connection.
            failure = Unavailable("tickd is starting or stopping")
            raise
        except Exception as error:
            failure = error
            log.exception("a check failed by itself", extra=logs.fields(monitor=watched.monitor.id))
        finally:
            watched.in_flight = False
            joined, watched.joined = watched.joined, None
            if joined is not None and failure is not None:
                joined.set_exception(failure)
            elif joined is not None and not joined.done():
                joined.set_result(check)
            if watched.version != version and watched.due is not None:
                # Due at once since its edit, but two checks of one monitor never run beside each other.
                self._plan(watched, self._clock.now())

    # What.

    async def _check(self, watched: Watched) -> Check | None:
        """One check; None where the monitor was edited or deleted meanwhile, and says nothing any more."""
        version = watched.version
        target = watched.target
        if target is None:
            target = watched.target = target_of(watched.monitor)
        at = self._clock.now()
        seen, status, error = await self._seen(watched, target, at)
        if watched.version != version:
            return None
        check = self._history.add(self._result(watched, at, seen, status, error))
        watched.last = check
        self.checked[status] += 1
        return check if await self._judge(watched, version, check, seen) else None

    async def _seen(self, watched: Watched, target: Target, at: int) -> tuple[Seen, CheckStatus, str]:
        """One look, what it says, and why."""
        begun = self._clock.monotonic()
        seen = await self._prober.probe(target)
        status: CheckStatus = "up"
        error, code = "", seen.status_code
        if seen.fault or code is None or not watched.plain or not 200 <= code < 400:
            status, error = judged(watched.monitor, seen, at)
        if status != "up" and status != "degraded":
            status, error = await self._believed(seen, status, error, target.timeout_secs, at, begun)
        elif seen.address is not None and not self._network.is_local(seen.address):
            self._network.worked(seen.address)
        return seen, status, error

    def _result(self, watched: Watched, at: int, seen: Seen, status: CheckStatus, error: str) -> Check:
        monitor = watched.monitor
        windows = monitor.options.maintenance_windows
        covered = self._calendar.covers(monitor.account_id, monitor.id, monitor.tags, windows, at)
        return watched.result(at, seen, status, error, maintenance=covered)

    async def try_out(self, monitor: Monitor) -> tuple[Check, Seen]:
        """Look once at a monitor that may not be stored, in the lane of all checks; nothing is kept of it.

        Where a check would end with the headers, the beginning of the body is read all the same, and shown;
        if that is what fails, the look is made again as a check would. Unavailable when no place was free.
        """
        watched = Watched(monitor)
        done: asyncio.Future[tuple[Check, Seen]] = asyncio.get_running_loop().create_future()

        async def work() -> None:
            try:
                at, target = self._clock.now(), target_of(monitor)
                seen, status, error = await self._seen(watched, shown(target), at)
                if seen.fault and seen.status_code is not None and not target.wants_body:
                    seen, status, error = await self._seen(watched, target, at)
                if not done.done():
                    done.set_result((self._result(watched, at, seen, status, error), seen))
            finally:
                if not done.done():
                    done.set_exception(Unavailable("tickd is stopping, or the try failed by itself"))

        self._lane.submit(watched.host, work)
        try:
            async with asyncio.timeout(2 * monitor.options.timeout_secs + PATIENCE_SECS):
                return await done
        except TimeoutError as failure:
            raise Unavailable("all places for checks are taken; try again soon") from failure

    async def _believed(
        self, seen: Seen, status: CheckStatus, error: str, timeout_secs: float, at: int, begun: float
    ) -> tuple[CheckStatus, str]:
        """The same, or `unknown` and why, where it may be the daemon's side that failed."""
        if status not in ("down", "timeout"):
            return status, error
        self._notice_step(self._clock.now())
        passed = self._monotonic - begun
        if (self._wall - at) / 1000 - passed > STEP_SECS:
            return "unknown", f"the clock jumped or the machine was suspended: {error}"
        if self._resumed is not None and begun < self._resumed + WAKING_SECS:
            return "unknown", f"the clock had just jumped or the machine been suspended: {error}"
        if status == "timeout" and passed > timeout_secs + LATE_SECS:
            return "unknown", f"tickd itself was held up: {error}"
        if seen.address is not None and self._network.is_local(seen.address):
            return status, error
        # An answer, however bad, proves the way to it; only silence may be our own.
        if seen.address is not None and not seen.fault:
            self._network.worked(seen.address)
        elif not await self._network.is_up(begun):
            return "unknown", f"tickd's own network was lost: {error}"
        return status, error

    async def _judge(self, watched: Watched, version: int, check: Check, seen: Seen) -> bool:
        """Draw the conclusions of a recorded check, and write them where they last; False if edited away."""
        before, flip = watched.monitor, None
        standing: Standing = before.standing
        if not before.paused:
            options = before.options
            standing, flip = rules.judge(
                standing,
                check.status,
                failure_threshold=options.failure_threshold,
                recovery_threshold=options.recovery_threshold,
                now=check.at,
            )
        change = self._change(watched, standing, flip, check, seen)
        if change is None:
            return True
        after = rules.seen(before, standing, *change[2:5])
        if change.flip or change.warn_days is not None or rules.is_worth_a_row(before, after):
            try:
                await self._standings.write(change)
            except Exception as error:
                # Memory stays what the file says; the next check judges again. The writer tells of its disk.
                if not isinstance(error, Unavailable):
                    log.error("state not recorded", extra=logs.fields(monitor=before.id), exc_info=error)
                return watched.version == version
        if watched.version != version:
            # What was written holds; the edit, which is written before or after it, took the counts alone.
            standing = structs.replace(standing, consecutive_failures=0, consecutive_successes=0)
        watched.monitor = rules.seen(watched.monitor, standing, *change[2:5])
        self.turned[before.account_id] += standing.state != before.standing.state
        if flip is not None:
            say(before, flip, check)
        return watched.version == version

    def _change(
        self, watched: Watched, standing: Standing, flip: Flip | None, check: Check, seen: Seen
    ) -> Change | None:
        """What a check changes of its monitor, and what there is to tell; None where nothing."""
        before = watched.monitor
        cause = evidence.note(watched.evidence, before.type, check, seen)
        if flip is not None and flip != "failing":
            cause = evidence.cause_of(before.type, check, seen, None)
        known = (before.ssl_expires_at, before.ssl_issuer, before.ssl_warned_days)
        expires, issuer, warned = known
        days: int | None = None
        if seen.certificate is not None:
            expires, issuer = seen.certificate.not_after, seen.certificate.issuer
            if expires != before.ssl_expires_at:
                warned = None
            if not (before.paused or check.maintenance):
                days = certificate_warning(expires, check.at, warned)
                warned = warned if days is None else days
        if days is not None and flip == "degraded" and before.type == "ssl":
            flip = None  # the certificate's own warning says it already
        if (standing, expires, issuer, warned) == (before.standing, *known):
            return None
        renewed = before.ssl_expires_at is not None and expires != before.ssl_expires_at
        return Change(
            before.row,
            standing,
            expires,
            issuer,
            warned,
            check.at,
            self._clock.now(),
            flip,
            cause,
            days,
            renewed,
        )

    async def stop(self, grace_secs: float) -> None:
        """Begin nothing more; what runs is cut off: its next look comes at the next start."""
        await self._lane.stop(grace_secs)
        for task in self._by_hand:
            task.cancel()
        await asyncio.gather(*self._by_hand, return_exceptions=True)
        await self._standings.stop()
