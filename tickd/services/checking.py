"""Checking: every monitor is looked at on its schedule, judged, and recorded."""

from __future__ import annotations

import asyncio
import base64
import heapq
import ipaddress
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tickd import logs
from tickd.clock import Clock
from tickd.domain import monitors as rules
from tickd.domain import times, uptime, verdicts
from tickd.domain.assertions import Answer
from tickd.domain.checks import Check, CheckStatus
from tickd.domain.histogram import Histogram
from tickd.domain.monitors import Monitor
from tickd.errors import NotFound, Unavailable
from tickd.outbound.prober import Prober, Seen, Target
from tickd.services.history import History
from tickd.services.lane import Lane
from tickd.services.network import OwnNetwork
from tickd.store import monitors
from tickd.store.database import Database

LOAD = 1_000
"""Monitors read at once at start."""
SLICE = 500
"""Checks that one tick hands to the lane at most; the next tick follows at once."""
TICK = 10
"""The least time between two ticks, in milliseconds: due checks are begun together."""

log = logging.getLogger("tickd.checking")


class Watched:
    """A monitor in memory: its settings, its standing, its latest check, and when it is due."""

    __slots__ = ("due", "in_flight", "last", "monitor", "phase", "target", "version")

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.phase = monitor.phase
        self.target: Target | None = None
        self.due: int | None = None
        self.in_flight: asyncio.Task[Any] | None = None
        self.last: Check | None = None
        self.version = 0

    @property
    def interval(self) -> int:
        """Milliseconds between two checks."""
        return self.monitor.options.interval_secs * times.SECOND


class Checking:
    """The uptime loop's tick, check now, and what is known of every monitor."""

    def __init__(
        self, db: Database, prober: Prober, clock: Clock, lane: Lane, history: History, network: OwnNetwork
    ) -> None:
        self._db = db
        self._prober = prober
        self._clock = clock
        self._lane = lane
        self._history = history
        self._network = network
        self._watched: dict[int, Watched] = {}
        self._heap: list[tuple[int, int]] = []
        self.lateness = Histogram((0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0))
        self.checked: Counter[str] = Counter()
        self.wake: Callable[[], None] = lambda: None

    @property
    def in_flight(self) -> int:
        """Checks under way."""
        return self._lane.in_flight

    @property
    def waiting(self) -> int:
        """Checks that are due and wait for a free place."""
        return self._lane.waiting

    def states(self) -> Counter[str]:
        """How many monitors are in each state, `paused` being one."""
        return Counter(
            "paused" if one.monitor.paused else one.monitor.standing.state for one in self._watched.values()
        )

    async def begin(self, now: int) -> None:
        """Read all monitors; each is due at its own phase, so that a start begins no herd."""
        last = 0
        while found := await monitors.after(self._db, last, LOAD):
            last = found[-1].row
            for monitor in found:
                self._put(Watched(monitor), now)
        heapq.heapify(self._heap)

    def _put(self, watched: Watched, now: int) -> None:
        self._watched[watched.monitor.row] = watched
        watched.due = None
        if not watched.monitor.paused:
            watched.due = rules.next_due(watched.phase, watched.interval, now)
            self._heap.append((watched.due, watched.monitor.row))

    # What the service of monitors says.

    def put(self, monitor: Monitor, now: int) -> None:
        """A monitor was made or edited: a new one is due at once, as is one that was resumed or repointed."""
        known = self._watched.get(monitor.row)
        watched = known or Watched(monitor)
        before = None if known is None else known.monitor
        # What the checks found is newer in memory than in the row that was edited.
        watched.monitor = monitor if before is None else rules.edited(before, monitor)
        if before is None or before.paused != monitor.paused or rules.is_other_target(before, monitor):
            # The result of a check that is under way is of the old monitor, and will be dropped.
            watched.version += 1
            watched.target = None
            watched.due = None if monitor.paused else now
        elif before.options.interval_secs != monitor.options.interval_secs and watched.due is not None:
            watched.due = rules.next_due(monitor.phase, watched.interval, now)
        watched.phase = monitor.phase
        self._watched[monitor.row] = watched
        if watched.due is not None:
            heapq.heappush(self._heap, (watched.due, monitor.row))
            self.wake()

    def drop(self, row: int) -> None:
        """A monitor was deleted."""
        watched = self._watched.pop(row, None)
        if watched is not None:
            watched.version += 1

    def find(self, row: int) -> Watched:
        """What is known of a monitor; NotFound when it has been deleted."""
        watched = self._watched.get(row)
        if watched is None:
            raise NotFound("this monitor has been deleted")
        return watched

    # Checking.

    async def tick(self, now: int) -> int | None:
        """Begin what is due by `now`; when the next check is (milliseconds)."""
        begun = 0
        while self._heap and self._heap[0][0] <= now and begun < SLICE:
            due, row = heapq.heappop(self._heap)
            watched = self._watched.get(row)
            if watched is None or watched.due != due:
                continue  # deleted or planned anew: its other entry counts
            watched.due = rules.next_due(watched.phase, watched.interval, now)
            heapq.heappush(self._heap, (watched.due, row))
            if watched.in_flight is None:
                self._begin(watched, due)
                begun += 1
        if not self._heap:
            return None
        return now if self._heap[0][0] <= now else max(self._heap[0][0], now + TICK)

    def _begin(self, watched: Watched, due: int) -> None:
        target = self._target(watched)

        async def work() -> None:
            if watched.in_flight is not None or self._watched.get(watched.monitor.row) is not watched:
                return
            self.lateness.add(max(0, self._clock.now() - due) / 1000)
            watched.in_flight = asyncio.current_task()
            try:
                await self._check(watched)
            finally:
                watched.in_flight = None

        self._lane.submit(_host(target), work)

    async def check_now(self, row: int) -> Check:
        """Look at a monitor now, paused or not; where a check is under way, its result."""
        watched = self.find(row)
        while watched.in_flight is not None:
            await asyncio.wait({watched.in_flight})
            if watched.last is not None:
                return watched.last
        task = asyncio.ensure_future(self._check(watched))
        watched.in_flight = task
        try:
            return await task
        finally:
            watched.in_flight = None

    async def _check(self, watched: Watched) -> Check:
        version, monitor = watched.version, watched.monitor
        at = self._clock.now()
        seen = await self._prober.probe(self._target(watched))
        status, error = await self._verdict(monitor, seen, at)
        last = watched.last
        expires = None if seen.certificate is None else seen.certificate.not_after
        check = Check(
            monitor=monitor.row,
            at=at if last is None else max(at, last.at + 1),
            status=status,
            held_ms=uptime.held(at, None if last is None else last.at, watched.interval),
            status_code=seen.status_code,
            duration_ms=seen.timings.total_ms,
            dns_ms=seen.timings.dns_ms,
            connect_ms=seen.timings.connect_ms,
            tls_ms=seen.timings.tls_ms,
            first_byte_ms=seen.timings.first_byte_ms,
            ssl_expires_at=expires,
            error=error[:500],
        )
        if watched.version != version:
            return check
        await self._record(watched, check, seen)
        return check

    async def _verdict(self, monitor: Monitor, seen: Seen, at: int) -> tuple[CheckStatus, str]:
        status, error = _judged(monitor, seen, at)
        if _is_loopback(seen.address):
            return status, error
        # An answer, however bad, proves the way to it; only silence may be our own.
        if seen.address is not None and not seen.fault:
            self._network.worked()
        elif status in ("down", "timeout") and not await self._network.is_up():
            return "unknown", f"tickd's own network was lost: {error}"
        return status, error

    async def _record(self, watched: Watched, check: Check, seen: Seen) -> None:
        monitor = watched.monitor
        self.checked[check.status] += 1
        standing, flip = monitor.standing, None
        if not monitor.paused:
            standing, flip = rules.judge(
                monitor.standing,
                check.status,
                failure_threshold=monitor.options.failure_threshold,
                recovery_threshold=monitor.options.recovery_threshold,
                now=check.at,
                in_maintenance=rules.in_maintenance(monitor, check.at),
            )
        expires, issuer = monitor.ssl_expires_at, monitor.ssl_issuer
        if seen.certificate is not None:
            expires, issuer = seen.certificate.not_after, seen.certificate.issuer
        after = rules.seen(monitor, standing, expires, issuer)
        self._history.add(check)
        if rules.is_worth_a_row(monitor, after):
            try:
                await self._history.write_with(
                    lambda tx: monitors.set_state(tx, monitor.row, standing, expires, issuer)
                )
            except Unavailable as error:
                # The state stays what the file says; the next check judges again.
                log.error("state not recorded", extra=logs.fields(monitor=monitor.id, error=error.message))
                watched.last = check
                return
        if watched.monitor is monitor:
            watched.monitor = after
        else:
            watched.monitor = rules.seen(watched.monitor, standing, expires, issuer)
        watched.last = check
        if flip is not None:
            _say(monitor, flip, check)

    def _target(self, watched: Watched) -> Target:
        if watched.target is None:
            watched.target = target_of(watched.monitor)
        return watched.target

    async def stop(self, grace_secs: float) -> None:
        """Begin nothing more; what runs is cut off: its next look comes at the next start."""
        await self._lane.stop(grace_secs)


def target_of(monitor: Monitor) -> Target:
    """What the prober is to look at."""
    options = monitor.options
    if monitor.type != "http" and monitor.type != "json":
        return Target(kind=monitor.type, url=options.url, timeout_secs=float(options.timeout_secs))
    pairs = list(options.headers)
    named = {name.lower() for name, _ in pairs}
    authorization = _authorization(monitor)
    if authorization:
        pairs = [(name, text) for name, text in pairs if name.lower() != "authorization"]
        pairs.append(("Authorization", authorization))
    body = options.body.encode() if options.method in rules.BODY_METHODS else b""
    if body and "content-type" not in named:
        pairs.append(("Content-Type", options.request_content_type or "application/json"))
    return Target(
        kind="http",
        url=options.url,
        method=options.method,
        headers=tuple(pairs),
        body=body,
        timeout_secs=float(options.timeout_secs),
        follow_redirects=options.follow_redirects,
        wants_body=verdicts.wants_body(monitor.type, options),
    )


def _authorization(monitor: Monitor) -> str:
    """Bearer wins over a whole header, and that over basic."""
    options = monitor.options
    if options.bearer_token:
        return f"Bearer {options.bearer_token}"
    if options.auth_header:
        return options.auth_header
    if options.basic_auth_user:
        pair = f"{options.basic_auth_user}:{options.basic_auth_pass}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    return ""


def _judged(monitor: Monitor, seen: Seen, at: int) -> tuple[CheckStatus, str]:
    options = monitor.options
    if monitor.type == "ssl" and seen.certificate is not None:
        certificate = seen.certificate
        found = verdicts.Certificate(certificate.not_after, certificate.issuer, certificate.fault)
        return verdicts.of_certificate(found, options.ssl_expiry_threshold_days, at)
    if seen.fault:
        return seen.fault, seen.error
    if monitor.type in ("http", "json"):
        answer = Answer(seen.status_code, seen.timings.total_ms or 0.0, seen.headers, seen.body)
        return verdicts.of_answer(monitor.type, options, answer)
    return "up", ""


def _host(target: Target) -> str:
    return urlsplit(target.url).netloc if target.kind == "http" else target.url


def _is_loopback(address: str | None) -> bool:
    """A target on this machine needs no network: what it says holds."""
    try:
        return address is not None and ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _say(monitor: Monitor, flip: str, check: Check) -> None:
    words = logs.fields(monitor=monitor.id, name=monitor.name, status=check.status, error=check.error)
    if flip == "failing":
        log.error("monitor is failing", extra=words)
    elif flip == "degraded":
        log.warning("monitor is degraded", extra=words)
    else:
        log.info("monitor recovered", extra=words)
