"""The open part of the history: what is committed to the log and not yet in the rollups, in memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from tickd.domain import times
from tickd.domain.checks import IN_MAINTENANCE, STATUSES, status_of
from tickd.domain.uptime import Bucket
from tickd.store.checks import DONE, Pass, Scanned

GRACE = 90 * times.SECOND
"""How long after its end an hour is closed: checks carry the time they began."""
_KNOWN = tuple(STATUSES.index(name) for name in STATUSES if name != "unknown")
_FAILED = (STATUSES.index("down"), STATUSES.index("timeout"))


class Piece:
    """One monitor's checks of one hour: their rollup, and where they are in the log."""

    __slots__ = ("bucket", "seqs")

    def __init__(self, typecode: str) -> None:
        self.bucket = Bucket()
        self.seqs = array(typecode)


class Hour:
    """The checks of one hour by monitor; `due` is when it is closed (milliseconds)."""

    __slots__ = ("base", "due", "hour", "pieces", "typecode")

    def __init__(self, hour: int, base: int, now: int) -> None:
        self.hour = hour
        self.due = (hour + 1) * times.HOUR + GRACE
        if now >= self.due:
            # Late checks wait for the hour they came in to close: both are then moved together.
            self.due = (now // times.HOUR + 1) * times.HOUR + GRACE
        self.base = base
        # Four bytes a check, as distances: at 1,000/s they last 24 days. An hour that is still to come, since
        # the clock was put back, may stay open for longer.
        self.typecode = "i" if hour <= now // times.HOUR else "q"
        self.pieces: dict[int, Piece] = {}

    def put(self, seq: int, monitor: int, status: int, tenths: int | None, held: int) -> None:
        """Count a row of the log."""
        piece = self.pieces.get(monitor)
        if piece is None:
            piece = self.pieces[monitor] = Piece(self.typecode)
        # What is stored, not what was measured: a rollup can then be made again from the rows.
        ms = None if tenths is None else tenths / 10
        piece.bucket.add(status_of(status), ms, held, status >= IN_MAINTENANCE)
        piece.seqs.append(seq - self.base)

    def seqs(self, monitor: int) -> list[int]:
        """Where the monitor's checks of this hour are in the log."""
        piece = self.pieces.get(monitor)
        return [] if piece is None else [self.base + distance for distance in piece.seqs]


class Closing:
    """An hour that is being moved, monitor by monitor; nothing is put into it any more."""

    __slots__ = ("done", "hour", "number", "order", "place", "started", "upto")

    def __init__(self, number: int, hour: Hour, upto: int) -> None:
        self.number = number
        self.hour = hour
        self.upto = upto
        self.started = False
        self.done = 0
        self.order: list[int] = []
        self.place = 0

    def take(self, rows: int) -> list[tuple[int, list[int], Bucket]]:
        """The next monitors, of some `rows` checks together: (monitor, seqs, bucket)."""
        taken: list[tuple[int, list[int], Bucket]] = []
        count = 0
        for monitor in self.order[self.place :]:
            if count >= rows:
                break
            seqs = self.hour.seqs(monitor)
            taken.append((monitor, seqs, self.hour.pieces[monitor].bucket))
            count += len(seqs)
        return taken


class Lifetime:
    """A monitor's checks since it was made: those that count, failed ones, and when the last one was."""

    __slots__ = ("checks", "failed", "last_at")

    def __init__(self, checks: int = 0, failed: int = 0) -> None:
        self.checks = checks
        self.failed = failed
        self.last_at = 0


class Rebuild:
    """How far the log has been read after a start: rows behind `position` and up to `until` are not here."""

    __slots__ = ("mark", "position", "until")

    def __init__(self, position: int, until: int, mark: Pass) -> None:
        self.position = position
        self.until = until
        self.mark = mark


class Open:
    """What is committed and not rolled up; every change of it happens on the loop, after the commit."""

    def __init__(self) -> None:
        self.hours: dict[int, Hour] = {}
        self.closing: Closing | None = None
        self.sweeping: Pass | None = None
        self.rebuild: Rebuild | None = None
        self.number = 0
        self.last_seq = 0
        self.lifetimes: dict[int, Lifetime] = {}
        self.forgotten: set[int] = set()
        self.days: set[int] = set()
        """Days that have a table in the store."""
        self.changed: dict[int, int] = {}
        """By day, the last pass that changed its rollups."""

    def put(
        self, seq: int, monitor: int, at: int, status: int, held: int, tenths: int | None, now: int
    ) -> None:
        """Count a committed row of the log in its hour."""
        number = at // times.HOUR
        hour = self.hours.get(number)
        if hour is None:
            hour = self.hours[number] = Hour(number, seq, now)
        hour.put(seq, monitor, status, tenths, held)
        if seq > self.last_seq:
            self.last_seq = seq

    def put_old(self, row: Scanned) -> None:
        """Count a row that was in the log at the start, in the hour that is being moved or in an open one."""
        seq, monitor, at, status, held, tenths = row
        assert self.rebuild is not None  # noqa: RUF100, S101
        mark, closing = self.rebuild.mark, self.closing
        if at // times.HOUR != mark.hour or seq > mark.upto:
            self.put(seq, monitor, at, status, held, tenths, at)
        elif closing is not None and monitor > mark.done:
            closing.hour.put(seq, monitor, status, tenths, held)

    def lifetime(self, monitor: int) -> Lifetime:
        """The monitor's counts, made when it has none."""
        found = self.lifetimes.get(monitor)
        if found is None:
            found = self.lifetimes[monitor] = Lifetime()
        return found

    def count(self, monitor: int, status: int, by: int = 1) -> None:
        """Count a check in its monitor's lifetime, but for an unknown one and one in maintenance."""
        if status in _KNOWN:
            lifetime = self.lifetime(monitor)
            lifetime.checks += by
            if status in _FAILED:
                lifetime.failed += by

    def cut(self, mark: Pass) -> int | None:
        """Which monitors' moved hour a view of the file has in its rollups: those up to this row.

        None when the view is of before or after what is known here: it has to be read again.
        """
        closing = self.closing
        if closing is not None and mark.number == closing.number:
            return mark.done
        if closing is not None and mark.number == closing.number - 1 and mark.done == DONE:
            return 0
        if closing is not None:
            return None
        return DONE if mark.number == self.number and mark.done == DONE else None

    def all_hours(self, cut: int) -> Iterator[tuple[Hour, int]]:
        """Each open hour, and behind which monitor a view with this `cut` has not got it in its rollups."""
        if self.closing is not None:
            yield self.closing.hour, cut
        for hour in self.hours.values():
            yield hour, 0

    def pieces(self, monitor: int, cut: int) -> Iterator[tuple[Hour, Piece]]:
        """The monitor's part of the open hours that such a view has not got."""
        for hour, behind in self.all_hours(cut):
            piece = hour.pieces.get(monitor)
            if piece is not None and monitor > behind:
                yield hour, piece

    def still_unread(self, rows: Sequence[Scanned]) -> Iterator[Scanned]:
        """Of rows read directly from the log those that the rebuild has not come to meanwhile."""
        if self.rebuild is not None:
            for row in rows:
                if row[0] > self.rebuild.position and not self.rebuild.mark.has_rolled(*row[:3]):
                    yield row

    def first_due(self) -> Hour | None:
        """The open hour to close next."""
        return min(self.hours.values(), key=lambda hour: (hour.due, hour.hour), default=None)
