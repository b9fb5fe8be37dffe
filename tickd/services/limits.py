"""Limits: what an account may have and do, enforced in the transaction that makes or counts it."""

from __future__ import annotations

import sqlite3

from tickd.clock import Clock
from tickd.domain import limits as rules
from tickd.domain import times
from tickd.domain.accounts import Account
from tickd.domain.limits import LimitsChange, Noun, Use
from tickd.errors import LimitReached, NotFound
from tickd.store import accounts
from tickd.store import use as store
from tickd.store.database import Database

# Inside a unit of the writer, so that two callers at once can't both have the last place.


def room(tx: sqlite3.Connection, account_id: str, noun: Noun) -> None:
    """Raise LimitReached where the account can't have one more; called before it is inserted."""
    most = store.full(tx, account_id, noun)
    if most is not None:
        raise LimitReached(rules.LIMIT_OF[noun], rules.full(noun, most))


def interval(tx: sqlite3.Connection, account_id: str, interval_secs: int) -> None:
    """Raise LimitReached for an interval that is too short; called where one is set or changed."""
    least = least_interval(tx, account_id)
    if interval_secs < least:
        raise LimitReached("min_interval_secs", rules.too_often(least))


def least_interval(tx: sqlite3.Connection, account_id: str) -> int:
    """The shortest interval of the account, in seconds; 0 where it has no limit."""
    return store.limit(tx, account_id, "min_interval_secs") or 0


def schedule(tx: sqlite3.Connection, account_id: str, expression: str) -> None:
    """Raise LimitReached for a schedule with runs too close; called where one is set or changed."""
    least = least_interval(tx, account_id)
    gap = rules.shortest_gap(expression) if least else 0
    if gap < least:
        raise LimitReached("min_interval_secs", rules.schedule_too_often(least, gap))


def execution(tx: sqlite3.Connection, account_id: str, now: int) -> bool:
    """Count a run in the UTC month of `now`; False, and nothing counted, when the limit is reached."""
    return store.count_execution(tx, account_id, times.month_start(now))


def give_back_executions(tx: sqlite3.Connection, account_id: str, count: int, now: int) -> None:
    """Count `count` runs back, of those counted in the month of `now`: they are not called."""
    if count > 0:
        store.give_back_executions(tx, account_id, times.month_start(now), count)


def runs_used_up(tx: sqlite3.Connection, account_id: str) -> LimitReached:
    """What is said where `execution` was False."""
    most = store.limit(tx, account_id, "executions_per_month")
    return LimitReached("executions_per_month", rules.runs_used_up(most or 0))


def verifications(tx: sqlite3.Connection, account_id: str, count: int, now: int) -> None:
    """Count so many verifications in the UTC month of `now`; LimitReached, and none counted, if too many."""
    month = times.month_start(now)
    if count > 0 and not store.count_verifications(tx, account_id, month, count):
        raise _verifications_used_up(tx, account_id, month, count)


def give_back_verifications(tx: sqlite3.Connection, account_id: str, count: int, now: int) -> None:
    """Count `count` verifications back, of those counted at `now`: they proved nothing."""
    if count > 0:
        store.give_back_verifications(tx, account_id, times.month_start(now), count)


def _verifications_used_up(tx: sqlite3.Connection, account_id: str, month: int, count: int) -> LimitReached:
    most = store.limit(tx, account_id, "verifications_per_month") or 0
    left = most - store.verified(tx, account_id, month)
    return LimitReached("verifications_per_month", rules.verifications_used_up(most, left, count))


class Limits:
    """The use cases of limits."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def use(self, account_id: str) -> Use:
        """What the account has, and what it used this UTC month."""
        return await store.of_account(self._db, account_id, times.month_start(self._clock.now()))

    async def reached(self) -> dict[str, int]:
        """How many accounts have no room left, by the limit; over all accounts."""
        return await store.reached(self._db, times.month_start(self._clock.now()))

    async def account(self, account_id: str) -> Account:
        """The account of that id, with its limits."""
        found = await accounts.get(self._db, account_id)
        if found is None:
            raise NotFound(f"no account {account_id}")
        return found

    async def set(self, account_id: str, spec: LimitsChange) -> Account:
        """Change the limits that `spec` says, from now on; what is over a lowered one stays."""

        def unit(tx: sqlite3.Connection) -> Account:
            known = accounts.find(tx, account_id)
            if known is None:
                raise NotFound(f"no account {account_id}")
            changed = rules.change(known, spec)
            store.set_limits(tx, account_id, rules.of(changed))
            return changed

        return await self._db.write(unit)

    async def runs_again(self, account_id: str) -> tuple[int, int] | None:
        """How many runs a UTC month has, and when the next begins; None unless those of this are used up."""
        most = (await self.account(account_id)).executions_per_month
        if most is None or (await self.use(account_id)).executions_this_month < most:
            return None
        return most, times.month_start(times.month_start(self._clock.now()) + 32 * times.DAY)

    async def check_verifications(self, account_id: str, count: int) -> None:
        """Raise LimitReached where `count` verifications would not fit now; counts nothing."""
        account = await self.account(account_id)
        most = account.verifications_per_month
        if most is None or count <= 0:
            return
        left = most - (await self.use(account_id)).verifications_this_month
        if count > left:
            raise LimitReached("verifications_per_month", rules.verifications_used_up(most, left, count))
