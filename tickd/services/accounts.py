"""Accounts and API keys: who calls, and what the caller may do."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from msgspec import UNSET, structs

from tickd.clock import Clock
from tickd.domain import accounts as rules
from tickd.domain import times
from tickd.domain.accounts import Account, AccountChange, ApiKey, Counted, KeyRequest, Principal
from tickd.domain.heartbeats import HeartbeatCreation
from tickd.domain.jobs import JobRegistration
from tickd.domain.monitors import MonitorCreation
from tickd.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized, Unavailable
from tickd.services.attempts import Attempts
from tickd.store import accounts, alerts, channels
from tickd.store.database import Database

FAILURES_MOST = 20
"""Failed authentications of one source address in a minute; more are answered 429."""
TOUCH_EVERY = times.MINUTE
"""How exactly a key's last use is known."""

_UNKNOWN = "this API key is unknown or revoked"

Graded = TypeVar("Graded", JobRegistration, MonitorCreation, HeartbeatCreation)

log = logging.getLogger("tickd.accounts")


class Accounts:
    """The use cases of accounts and keys."""

    def __init__(self, db: Database, clock: Clock, *, any_key: bool = False) -> None:
        self._db = db
        self._clock = clock
        self._any_key = any_key
        self.changed: Callable[[], None] = lambda: None
        """Called after the account was changed: what gathered may be due."""
        self._touched: dict[str, int] = {}
        self._guesses = Attempts(
            clock,
            most=FAILURES_MOST,
            within=times.MINUTE,
            sentence="too many failed authentications from this address",
        )

    async def authenticate(self, key: str, source: str) -> Principal:
        """Who `key` belongs to; Unauthorized, or TooMany when `source` has guessed too often.

        Forbidden where its account is suspended.

        The key is looked up before the guesses are counted, so that nobody can lock out a good one.
        """
        if not key:
            raise Unauthorized("an API key is missing: send Authorization: Bearer KEY, or X-API-Key: KEY")
        if self._any_key:
            return Principal(rules.DEFAULT_ACCOUNT, frozenset({"read", "write", "heartbeat:write", "admin"}))
        found = await accounts.key_by_hash(self._db, rules.digest(key))
        if found is None or not found[0].matches(key):
            self._guesses.count(source)
            raise Unauthorized(_UNKNOWN)
        stored, is_active = found
        if not is_active:
            raise Forbidden(rules.SUSPENDED)
        self._touch(stored)
        return rules.principal(stored)

    async def may_still(self, principal: Principal) -> bool:
        """Whether a caller who was let in would be still: neither the key revoked nor the account suspended.

        Who has no key, as somebody signed in, is judged by the account alone.
        """
        try:
            await self.require_still(principal)
        except (Unauthorized, Forbidden):
            return False
        return True

    async def require_still(self, principal: Principal) -> None:
        """`may_still` for what goes on long: refused as by `authenticate`."""
        is_active, is_known = await accounts.in_force(self._db, principal.account_id, principal.key_id)
        if not is_known:
            raise Unauthorized(_UNKNOWN)
        if not is_active:
            raise Forbidden(rules.SUSPENDED)

    def _touch(self, key: ApiKey) -> None:
        now = self._clock.now()
        if now - self._touched.get(key.id, 0) < TOUCH_EVERY:
            return
        self._touched[key.id] = now
        try:
            noted = self._db.write_soon(lambda tx: accounts.touch_key(tx, key.id, now))
        except Unavailable:
            log.debug("last use of a key not written")  # no reason to refuse what only reads
        else:
            noted.add_done_callback(_noted)

    async def account(self, account_id: str) -> Account:
        """The account of that id."""
        found = await accounts.get(self._db, account_id)
        if found is None:
            raise NotFound(f"no account {account_id}")
        return found

    async def create(self, name: str) -> Account:
        """Make an account, without limits; Invalid for a `name` that can't be.

        Others may have the name: whoever renames theirs must not learn of it.
        """
        made = rules.create(name, now=self._clock.now())
        await self._db.write(lambda tx: accounts.insert(tx, made))
        return made

    async def all(self) -> list[Counted]:
        """All accounts and how much they have, the oldest first."""
        return await accounts.counted(self._db)

    async def suspend(self, account_id: str) -> None:
        """Suspend an account, or leave it so; Conflict for the first one."""
        if account_id == rules.DEFAULT_ACCOUNT:
            raise Conflict(f"{account_id} is the daemon's own account; it can't be suspended")
        now = self._clock.now()
        if not await self._db.write(lambda tx: accounts.suspend(tx, account_id, now)):
            raise NotFound(f"no account {account_id}")

    async def resume(self, account_id: str) -> None:
        """End the suspension of an account, if it is suspended."""
        if not await self._db.write(lambda tx: accounts.resume(tx, account_id)):
            raise NotFound(f"no account {account_id}")

    async def change(self, account_id: str, spec: AccountChange) -> Account:
        """Change what `spec` says of the account; Invalid for a fallback channel that is not there."""

        def unit(tx: sqlite3.Connection) -> Account:
            known = accounts.find(tx, account_id)
            if known is None:
                raise NotFound(f"no account {account_id}")
            changed = rules.change(known, spec)
            fallback = changed.fallback_channel
            is_new = fallback is not None and fallback != known.fallback_channel
            if fallback and is_new and channels.find(tx, account_id, fallback) is None:
                raise Invalid("fallback_channel", f"must be the id of a channel; {fallback[:100]} is none")
            accounts.update(tx, changed)
            if changed.batch_window_secs != known.batch_window_secs:
                alerts.release(tx, account_id, self._clock.now())
            return changed

        changed = await self._db.write(unit)
        self.changed()
        return changed

    async def create_key(self, account_id: str, request: KeyRequest) -> tuple[ApiKey, str]:
        """Make an API key; the key itself is known only now."""
        key = rules.new_key()
        stored = rules.make_key(request, key, account_id=account_id, now=self._clock.now())

        def unit(tx: sqlite3.Connection) -> None:
            if accounts.find(tx, account_id) is None:
                raise NotFound(f"no account {account_id}")
            accounts.insert_key(tx, stored)

        await self._db.write(unit)
        return stored, key

    async def register_key(self, key: str) -> bool:
        """Store `key` with every scope for the default account, unless it is known; True when it was new.

        One that was revoked stays so.
        """
        request = KeyRequest(name="TICKD_API_KEY", scopes=["admin"])
        stored = rules.make_key(request, key, account_id=rules.DEFAULT_ACCOUNT, now=self._clock.now())
        return await self._db.write(lambda tx: accounts.insert_key(tx, stored))

    async def keys(self, account_id: str, *, limit: int, offset: int) -> tuple[list[ApiKey], int]:
        """One page of the account's keys by name, and how many there are in all."""
        return await accounts.keys(self._db, account_id, limit=limit, offset=offset)

    async def key(self, account_id: str, identifier: str) -> ApiKey:
        """The account's key of that id."""
        found = await accounts.key(self._db, account_id, identifier)
        if found is None:
            raise NotFound(f"no key {identifier}")
        return found

    async def revoke_key(self, account_id: str, identifier: str) -> None:
        """Revoke a key, from now on and for ever."""
        now = self._clock.now()
        if not await self._db.write(lambda tx: accounts.revoke_key(tx, account_id, identifier, now)):
            raise NotFound(f"no key {identifier}")


async def graded(db: Database, account_id: str, spec: Graded) -> Graded:
    """What is to be made, with the account's default severity where it says none and the account has one."""
    if spec.severity is not UNSET:
        return spec
    account = await accounts.get(db, account_id)
    if account is None or account.default_severity is None:
        return spec
    return structs.replace(spec, severity=account.default_severity)


def _noted(future: asyncio.Future[None]) -> None:
    if not future.cancelled() and future.exception() is not None:
        log.debug("last use of a key not written")
