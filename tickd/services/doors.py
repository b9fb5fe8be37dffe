"""Doors: which heartbeat a token leads to, and who is let in, known without asking the file.

An unknown token, a forbidden address and a runaway loop cost the store nothing.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict, deque

from tickd import ids
from tickd.domain import heartbeats as rules
from tickd.domain.heartbeats import Heartbeat
from tickd.errors import NotFound
from tickd.store import heartbeats
from tickd.store.database import Database

LOAD = 2000
"""How many heartbeats are read in one go at the start."""
WINDOW_SECS = 60.0


class Door:
    """Where pings of one heartbeat come in."""

    __slots__ = ("account_id", "allowed", "arriving", "id", "per_minute", "row", "short_token")

    def __init__(
        self,
        row: int,
        identifier: str,
        account_id: str,
        short_token: str,
        allowed: tuple[str, ...],
        most: int,
    ) -> None:
        self.row = row
        self.id = identifier
        self.account_id = account_id
        self.short_token = short_token
        self.allowed = allowed
        self.per_minute = most
        self.arriving: list[int] | None = None

    def opens_to(self, token: str) -> bool:
        """Whether that is its token, long or short; how long the answer takes gives nothing away."""
        of_token = hmac.compare_digest(ids.short_token(token).encode(), self.short_token.encode())
        return hmac.compare_digest(token.encode(), self.short_token.encode()) or of_token

    def lets_in(self, source: str) -> bool:
        """Whether the heartbeat takes pings from that address."""
        return rules.may_ping(self.allowed, source)


class Doors:
    """All heartbeats by id and by token."""

    def __init__(self) -> None:
        self._by_id: dict[str, Door] = {}
        self._by_token: dict[str, Door] = {}
        self._arriving: dict[int, Door] = {}
        self._recent: OrderedDict[int, deque[float]] = OrderedDict()
        self._late: OrderedDict[int, deque[float]] = OrderedDict()
        self._logged: OrderedDict[int, deque[float]] = OrderedDict()
        self._begun: dict[int, deque[str]] = {}

    async def load(self, db: Database) -> None:
        """Read all heartbeats."""
        last = 0
        while found := await heartbeats.doors(db, last, LOAD):
            last = found[-1][0]
            for one in found:
                self._put(Door(*one))

    def put(self, heartbeat: Heartbeat) -> None:
        """A heartbeat was made or edited."""
        known = self._by_id.get(heartbeat.id)
        if known is None:
            known = Door(heartbeat.row, heartbeat.id, heartbeat.account_id, heartbeat.short_token, (), 0)
        else:
            self._forget(known)
        known.short_token = heartbeat.short_token
        known.allowed = heartbeat.allowed_ips
        known.per_minute = heartbeat.max_pings_per_minute
        self._put(known)

    def _put(self, door: Door) -> None:
        self._by_id[door.id] = door
        self._by_token[door.short_token] = door

    def drop(self, identifier: str) -> None:
        """A heartbeat was deleted."""
        door = self._by_id.pop(identifier, None)
        if door is not None:
            self._forget(door)
            for known in (self._recent, self._late, self._logged, self._begun):
                known.pop(door.row, None)

    def _forget(self, door: Door) -> None:
        # Another heartbeat may have been given its token in the meantime.
        if self._by_token.get(door.short_token) is door:
            del self._by_token[door.short_token]

    def has(self, door: Door) -> bool:
        """Whether the heartbeat of that door is still there."""
        return self._by_id.get(door.id) is door

    def by_token(self, token: str) -> Door:
        """The heartbeat of that token, long or short; NotFound."""
        door = self._by_token.get(token) if len(token) == ids.SHORT_LETTERS else None
        # A token that came along from another service may be as long as a short one.
        door = door or self._by_token.get(ids.short_token(token))
        if door is None:
            raise NotFound("no heartbeat has this token")
        return door

    def by_id(self, identifier: str) -> Door:
        """The heartbeat of that id, whoever's it is; NotFound."""
        door = self._by_id.get(identifier)
        if door is None:
            raise NotFound(f"no heartbeat {identifier}")
        return door

    # Pings between their arrival and their commit.

    def arrive(self, door: Door, at: int) -> None:
        """A ping was received at `at` (milliseconds): no deadline from then on passes before it is taken."""
        if door.arriving is None:
            door.arriving = []
            self._arriving[door.row] = door
        door.arriving.append(at)

    def leave(self, door: Door, at: int) -> None:
        """That ping has been taken, or refused."""
        if door.arriving is not None:
            door.arriving.remove(at)
            if not door.arriving:
                door.arriving = None
                self._arriving.pop(door.row, None)

    def arriving(self) -> dict[int, int]:
        """When the earliest ping that is still arriving was received, by heartbeat."""
        return {row: min(door.arriving) for row, door in self._arriving.items() if door.arriving}

    # How many a minute.

    def wait_secs(self, door: Door, most: int, now: float, *, late: bool = False) -> float:
        """For how long the door is shut, having let in `most` pings within 60 s; 0 lets one more in.

        `now` is in monotonic seconds. Pings that arrive `late` are counted apart.
        """
        return _wait(self._late if late else self._recent, door.row, most, now)

    def begins(self, door: Door, rid: str, most: int) -> None:
        """The start of a run was let in, and its end will be."""
        begun = self._begun.get(door.row)
        if begun is None or begun.maxlen != most:
            begun = self._begun[door.row] = deque(begun or (), most)
        begun.append(rid)

    def ends(self, door: Door, rid: str) -> bool:
        """Whether the ping ends a run whose start was let in; once for each."""
        begun = self._begun.get(door.row)
        if not begun or rid not in begun:
            return False
        begun.remove(rid)
        if not begun:
            del self._begun[door.row]
        return True

    def give_back(self, door: Door) -> None:
        """The ping that was let in last could not be taken, and is not counted."""
        recent = self._recent.get(door.row)
        if recent:
            recent.pop()
        if not recent:
            self._recent.pop(door.row, None)

    def may_log_refusal(self, door: Door, most: int, now: float) -> bool:
        """Whether one more refused ping is logged, of at most `most` in 60 s."""
        return not _wait(self._logged, door.row, most, now)


def _wait(recent: OrderedDict[int, deque[float]], row: int, most: int, now: float) -> float:
    known = recent.get(row)
    if known is None or known.maxlen != most:
        known = recent[row] = deque(known or (), most)
    if len(known) == most and now - known[0] < WINDOW_SECS:
        return WINDOW_SECS - (now - known[0])
    known.append(now)
    recent.move_to_end(row)
    # Whoever has been quiet for a minute starts over, and needs no place here.
    while now - next(iter(recent.values()))[-1] >= WINDOW_SECS:
        recent.popitem(last=False)
    return 0.0
