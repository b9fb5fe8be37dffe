"""Back-tests: what other settings would have told of the checks that were, through the real rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType

from tickd.domain import incidents, monitors, times, windows
from tickd.domain.checks import CheckStatus
from tickd.domain.incidents import Reason, Suppressed, certificate_warning
from tickd.domain.maintenance import Window
from tickd.domain.monitors import Monitor, MonitorChange, Options, Standing, Type
from tickd.domain.windows import Maintenance

MOST = 500
"""How many incidents of a side are listed, the first ones; all are counted."""
SETTINGS = ("failure_threshold", "recovery_threshold", "cooldown_secs", "maintenance_windows")
"""What can be tried; of the rest, the stored checks do not say enough."""

Look = tuple[int, CheckStatus, int, str, int | None]
"""A stored check: at, status, how long it took, error, end of its certificate; times in milliseconds."""


class BacktestRequest(Struct, kw_only=True):
    """How far to look back, and the settings to try; one left out is the monitor's own."""

    days: Annotated[int, Meta(ge=1, le=90)] = 30
    failure_threshold: Annotated[int, Meta(ge=1, le=10)] | UnsetType = UNSET
    recovery_threshold: Annotated[int, Meta(ge=1, le=10)] | UnsetType = UNSET
    cooldown_secs: Annotated[int, Meta(ge=0, le=604_800)] | UnsetType = UNSET
    maintenance_windows: Annotated[list[Window], Meta(max_length=50)] | UnsetType = UNSET


def proposed(monitor: Monitor, request: BacktestRequest) -> Options:
    """The monitor's options with those to be tried; Invalid names the field that can't be."""
    said = {name: getattr(request, name) for name in SETTINGS}
    return monitors.change(monitor, MonitorChange(**said), monitor.updated_at).options


class Found(Struct):
    """An incident that would have been; times in milliseconds, `resolved_at` None while it is open."""

    started_at: int
    opened_at: int
    error: str
    resolved_at: int | None = None


class _Bad(NamedTuple):
    at: int
    error: str


class _Held(NamedTuple):
    due: int
    first: _Bad


class Replay:
    """What one set of settings tells of the checks that it is fed, oldest first."""

    def __init__(self, kind: Type, options: Options, planned: Sequence[Maintenance]) -> None:
        """`planned` is the account's maintenance that covers the monitor."""
        self._kind = kind
        self._options = options
        self._planned = planned
        self._standing = Standing()
        self._settled: CheckStatus | None = None
        self._certified: Look | None = None
        self._first: _Bad | None = None
        self._held: _Held | None = None
        self._open: Found | None = None
        self._ended_at: int | None = None
        self._degraded_at: int | None = None
        self._owes_restored = False
        self._noted: dict[Reason, int] = {}
        self.alerts = 0
        self.total = 0
        self.incidents: list[Found] = []
        self.held_back: dict[Reason, int] = {"maintenance": 0, "cooldown": 0}
        self.downtime = 0
        self.fresh: list[Found] = []
        """What was opened since whoever reads this last emptied it."""

    @property
    def is_waiting(self) -> bool:
        """Whether what has been fed may still become an incident."""
        return self._first is not None or self._held is not None

    def feed(self, looks: Sequence[Look]) -> None:
        """Replay some more checks."""
        for look in looks:
            # Judged once, a status that left all as it was does so again: most checks are like the last one.
            if look[1] != self._settled:
                self._judge(look)
            if look[4] is not None:
                self._certified = look

    def finish(self, to: int) -> None:
        """No more checks are to come until then (milliseconds)."""
        self._look_again(to)
        if self._open is not None:
            self.downtime += max(0, to - self._open.started_at)

    def _judge(self, look: Look) -> None:
        at, status, took, error, _ = look
        # A check is judged when it has ended, and carries the time it began.
        now = at + took
        self._look_again(now)
        standing, flip = monitors.judge(
            self._standing,
            status,
            failure_threshold=self._options.failure_threshold,
            recovery_threshold=self._options.recovery_threshold,
            now=at,
        )
        self._settled = status if flip is None and standing == self._standing else None
        self._standing = standing
        if status == "up" or status == "degraded":
            self._first = None
        elif status != "unknown" and self._first is None:
            self._first = _Bad(at, error)
        if flip == "failing" and self._first is not None:
            self._fail(self._first, now)
        elif flip == "recovered":
            self._recover(at)
        elif flip == "degraded":
            self._degrade(look, now)
        elif flip == "restored" and self._owes_restored:
            self.alerts, self._owes_restored = self.alerts + 1, False

    def _fail(self, first: _Bad, now: int) -> None:
        if self._is_held_back(first.at, now, self._open is not None, self._ended_at, first):
            return
        self._held = None
        self._open = Found(min(first.at, now), now, first.error)
        self.fresh.append(self._open)
        self.alerts += 1
        self.total += 1
        if self.total <= MOST:
            self.incidents.append(self._open)

    def _look_again(self, now: int) -> None:
        """What was held back until now, and fails still, is looked at when its window or cooldown ends."""
        while self._held is not None and self._held.due <= now:
            self._fail(self._held.first, self._held.due)

    def _recover(self, at: int) -> None:
        self._held = None
        if self._open is None:
            return
        end = self._open.resolved_at = max(at, self._open.started_at)
        self.downtime += end - self._open.started_at
        self.alerts += 1
        self._open, self._ended_at = None, end

    def _degrade(self, look: Look, now: int) -> None:
        if self._kind == "ssl" and self._is_warned(look):
            return
        if not self._is_held_back(look[0], now, self._open is not None, self._degraded_at, None):
            self._degraded_at, self._owes_restored = now, True
            self.alerts += 1

    def _is_warned(self, look: Look) -> bool:
        """Whether the warning of the certificate's end comes with this check, and says it already."""
        at, expires = look[0], look[4]
        if expires is None or windows.current(self._planned, self._options.maintenance_windows, at):
            return False
        before = self._certified
        known = None if before is None or before[4] != expires else before[0]
        warned = None if known is None else certificate_warning(expires, known, None)
        return certificate_warning(expires, at, warned) is not None

    def _is_held_back(
        self, began: int, now: int, is_open: bool, last_ended_at: int | None, first: _Bad | None
    ) -> bool:
        """Ask the safeguards; what they hold back is counted once, and a failure looked at again."""
        verdict = incidents.judge(
            now,
            maintenance=windows.current(self._planned, self._options.maintenance_windows, now),
            is_open=is_open,
            last_ended_at=last_ended_at,
            cooldown_secs=self._options.cooldown_secs,
        )
        if not isinstance(verdict, Suppressed):
            return False
        if verdict.until is not None:
            if self._noted.get(verdict.reason) != began:
                self._noted[verdict.reason] = began
                self.held_back[verdict.reason] += 1
            if first is not None:
                self._held = _Held(verdict.until, first)
        return True


class Backtest:
    """A monitor's own settings and the proposed ones, over the same checks, fed in slices."""

    def __init__(self, monitor: Monitor, options: Options, planned: Sequence[Maintenance]) -> None:
        """`options` are what is proposed, `planned` the account's maintenance that covers the monitor."""
        self._own, self._options = monitor.options, options
        self.current = Replay(monitor.type, monitor.options, planned)
        self.proposed = Replay(monitor.type, options, planned)
        self.checks = 0
        self.since: int | None = None
        self.delay = 0
        """How much later, at most, the proposed settings open an incident that both do (milliseconds)."""
        self._opened: dict[int, int] = {}

    def feed(self, looks: Sequence[Look]) -> None:
        """Replay some more checks, which are behind those before."""
        if looks and self.since is None:
            self.since = looks[0][0]
        self.checks += len(looks)
        self.current.feed(looks)
        self.proposed.feed(looks)
        self._compare()

    def finish(self, to: int) -> None:
        """No more checks are to come until then (milliseconds)."""
        self.current.finish(to)
        self.proposed.finish(to)
        self._compare()

    def _compare(self) -> None:
        self._opened.update((found.started_at, found.opened_at) for found in self.current.fresh)
        for found in self.proposed.fresh:
            opened = self._opened.get(found.started_at, found.opened_at)
            self.delay = max(self.delay, found.opened_at - opened)
        self.current.fresh.clear()
        self.proposed.fresh.clear()
        if not self.proposed.is_waiting:
            self._opened.clear()

    def summary(self, to: int, days: int) -> str:
        """What came out of it, in a sentence; `days` were asked for."""
        if self.since is None:
            return f"There are no checks of the last {_counted(days, 'day')} to replay."
        last = _last(to - self.since)
        now = _counted(self.current.alerts, "alert")
        changes = [_change(name, getattr(self._options, name)) for name in SETTINGS if self._differs(name)]
        if not changes:
            return f"With its own settings the last {last} would have sent {now}."
        with_ = " and ".join([", ".join(changes[:-1]), changes[-1]] if changes[1:] else changes)
        sent = _counted(self.proposed.alerts, "alert")
        return f"With {with_} the last {last} would have sent {sent} instead of {self.current.alerts}."

    def _differs(self, name: str) -> bool:
        return bool(getattr(self._own, name) != getattr(self._options, name))


def _change(name: str, value: int | tuple[Window, ...]) -> str:
    if isinstance(value, int):
        return f"{name} {value}"
    return f"other {name}" if value else f"no {name}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _last(milliseconds: int) -> str:
    """`30 days`, `day`, `5 hours`, `minute`: a length of time, rounded, behind `the last`."""
    minutes, hours = round(milliseconds / times.MINUTE), round(milliseconds / times.HOUR)
    count, noun = max(1, minutes), "minute"
    if minutes >= 60:
        count, noun = (hours, "hour") if hours < 24 else (round(hours / 24), "day")
    return noun if count == 1 else f"{count} {noun}s"
