"""Sessions: how people sign in, and how long that lasts."""

from __future__ import annotations

import asyncio
import hmac
import logging
import sqlite3
from collections import OrderedDict
from dataclasses import dataclass

from msgspec import structs

from tickd import ids, logs
from tickd.clock import Clock
from tickd.domain import accounts as account_rules
from tickd.domain import second_step, times
from tickd.domain import users as rules
from tickd.domain.accounts import DEFAULT_ACCOUNT, Principal
from tickd.domain.users import Session, User, UserCreation
from tickd.errors import Forbidden, NotFound, Unauthorized, Unavailable
from tickd.services.attempts import Attempts
from tickd.services.passwords import Passwords
from tickd.store import accounts, users
from tickd.store.database import Database
from tickd.store.users import Credentials

FAILURES_MOST = 20
"""Wrong passwords of one source network in `WINDOW`."""
CODES_MOST = 5
"""Wrong codes of one user in `WINDOW`."""
WINDOW = 5 * times.MINUTE
PENDING_MOST = 1000
"""Sign-ins that wait for their second step; one more drops the oldest."""

log = logging.getLogger("tickd.sessions")


@dataclass(frozen=True, slots=True)
class Signed:
    """Somebody who is signed in, and the session that says so."""

    user: User
    session: Session

    @property
    def principal(self) -> Principal:
        """What the user may do."""
        return rules.principal(self.user)


@dataclass(frozen=True, slots=True)
class Pending:
    """A right password that waits for the second step; the token is good for five minutes."""

    token: str


class Sessions:
    """The use cases of signing in and out; `Users` has them too."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        passwords: Passwords | None = None,
        *,
        signed_in_as_owner: bool = False,
    ) -> None:
        self._db = db
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._developer = _developer(clock.now()) if signed_in_as_owner else None
        self.asks_nobody = signed_in_as_owner
        """Whether nobody has to sign in, as in `tickd dev`."""
        self.setup_token: str | None = None
        """Makes the first user; None when there is one."""
        sentence = "too many failed sign-ins from this address; try again in a few minutes"
        self._sources = Attempts(clock, most=FAILURES_MOST, within=WINDOW, sentence=sentence)
        sentence = "too many wrong codes; try again in a few minutes"
        self._codes = Attempts(clock, most=CODES_MOST, within=WINDOW, sentence=sentence)
        # By the token's SHA-256: the credentials it was given for, and until when by the monotonic clock.
        self._pending: OrderedDict[bytes, tuple[Credentials, float]] = OrderedDict()

    async def begin(self) -> None:
        """Make the token of the first run when there is no user yet."""
        if self._developer is None and not await users.is_any(self._db):
            self.setup_token = ids.secret()

    async def any(self) -> bool:
        """Whether there is a user; they may have been made by another process."""
        found = await users.is_any(self._db)
        if found:
            self.setup_token = None
        return found

    def is_link(self, token: str) -> bool:
        """Whether `token` is that of the set-up link."""
        known = self.setup_token or ""
        is_same = hmac.compare_digest(account_rules.digest(known), account_rules.digest(token))
        return bool(known) and is_same

    async def set_up(
        self, token: str, creation: UserCreation, *, source: str, agent: str
    ) -> tuple[str, Signed]:
        """Make the first user, an owner, and sign in; NotFound for a wrong or used token."""
        if not self.is_link(token):
            raise NotFound("this set-up link is wrong or was used already")
        now = self._clock.now()
        made = rules.create(structs.replace(creation, role="owner"), account_id=DEFAULT_ACCOUNT, now=now)
        hashed = await self._passwords.hash(creation.password)
        given, session = _new_session(made, now, source, agent)

        def unit(tx: sqlite3.Connection) -> None:
            if users.has_any(tx):
                raise NotFound("this set-up link is wrong or was used already")
            users.insert(tx, made, hashed)
            account = accounts.find(tx, DEFAULT_ACCOUNT)
            if account is not None and not account.owner_email:
                accounts.update(tx, structs.replace(account, owner_email=made.email))
            users.insert_session(tx, account_rules.digest(given), session)

        await self._db.write(unit)
        self.setup_token = None
        log.info("the first user was made", extra=logs.fields(user=made.id))
        return given, Signed(made, session)

    async def signed(self, token: str) -> Signed | None:
        """Who holds this token of a session, read from the file each time: another process may end it."""
        if self._developer is not None:
            return self._developer
        if not token:
            return None
        now = self._clock.now()
        found = await users.signed(self._db, account_rules.digest(token))
        if found is None or not rules.is_alive(found[1], now):
            return None
        touched = rules.touched(found[1], now)
        if touched is not found[1]:
            self._touch(touched)
        return Signed(found[0], touched)

    def _touch(self, session: Session) -> None:
        try:
            noted = self._db.write_soon(lambda tx: users.touch(tx, session))
        except Unavailable:
            log.debug("last use of a session not written")  # no reason to refuse what only reads
        else:
            noted.add_done_callback(_noted)

    async def sign_in(
        self, email: str, password: str, *, source: str, agent: str
    ) -> tuple[str, Signed] | Pending:
        """A new session for a right password, or what the second step needs.

        Unauthorized, or TooMany; Forbidden, for a right password alone, where the account is suspended.
        """
        self._sources.count(source)
        known = await users.credentials_by_email(self._db, rules.known_as(email))
        stored = known.password_hash if known else None
        try:
            right = await self._passwords.is_right(password, stored, source)
        except Unavailable:
            self._sources.forgive(source)  # nobody looked at it
            raise
        if not right or known is None:
            log.info("a sign-in failed", extra=logs.fields(source=source))
            raise Unauthorized("the e-mail address or the password is wrong")
        self._sources.forgive(source)
        user = await users.get(self._db, known.user_id)
        account = None if user is None else await accounts.get(self._db, user.account_id)
        if account is not None and account.suspended_at is not None:
            raise Forbidden(account_rules.SUSPENDED)
        known = await self._rehashed(known, password)
        if known.totp_secret:
            return self._wait(known)
        return await self._open(known, source, agent)

    async def second_step(self, pending: str, code: str, *, source: str, agent: str) -> tuple[str, Signed]:
        """The session, for an authenticator's code or a recovery code.

        NotFound when the sign-in took too long; Unauthorized for a wrong code, or TooMany.
        """
        ticket = account_rules.digest(pending)
        known, until = self._pending.get(ticket, (None, 0.0))
        if known is None or until <= self._clock.monotonic():
            raise NotFound("this sign-in has taken too long; begin again")
        self._codes.count(known.user_id)
        try:
            signed = await self._open(known, source, agent, code)
        except Unauthorized:
            log.info("a second step failed", extra=logs.fields(user=known.user_id, source=source))
            raise
        except Unavailable:
            # A wrong code is told even on a full disk: this was none, or nobody looked at it.
            self._codes.forgive(known.user_id)
            raise
        self._codes.forgive(known.user_id)
        self._pending.pop(ticket, None)
        return signed

    def _wait(self, known: Credentials) -> Pending:
        token = ids.token()
        self._pending[account_rules.digest(token)] = (known, self._clock.monotonic() + WINDOW / 1000)
        if len(self._pending) > PENDING_MOST:
            self._pending.popitem(last=False)
        return Pending(token)

    async def _rehashed(self, known: Credentials, password: str) -> Credentials:
        if not self._passwords.is_outdated(known.password_hash):
            return known
        hashed = await self._passwords.hash(password)
        before = known.password_hash
        changed = await self._db.write(
            lambda tx: users.set_password(tx, known.user_id, hashed, before=before)
        )
        return structs.replace(known, password_hash=hashed) if changed else known

    async def _open(
        self, known: Credentials, source: str, agent: str, code: str | None = None
    ) -> tuple[str, Signed]:
        """A session, if what was proved is still what is asked for."""
        now, token = self._clock.now(), ids.token()

        def unit(tx: sqlite3.Connection) -> Signed:
            user, current = users.find(tx, known.user_id), users.find_credentials(tx, known.user_id)
            if user is None or current is None or current.password_hash != known.password_hash:
                raise NotFound("this user was changed meanwhile; begin again")
            account = accounts.find(tx, user.account_id)
            if account is not None and account.suspended_at is not None:
                raise Forbidden(account_rules.SUSPENDED)
            if current.totp_secret:
                _prove(tx, current, code or "", now)
            session = rules.session(user.id, now=now, source=source, agent=agent)
            users.insert_session(tx, account_rules.digest(token), session)
            return Signed(structs.replace(user, last_seen_at=now), session)

        return token, await self._db.write(unit)

    async def renew(self, token: str) -> str:
        """Another token for a session, after what it may do has changed; NotFound when it has ended."""
        given = ids.token()
        before, after = account_rules.digest(token), account_rules.digest(given)
        if self._developer is None and not await self._db.write(lambda tx: users.renew(tx, before, after)):
            raise NotFound("this session has ended; sign in again")
        return given

    async def sign_out(self, token: str) -> None:
        """End the session of this token; nothing when it has ended."""
        digest = account_rules.digest(token)
        await self._db.write(lambda tx: users.end_by_hash(tx, digest))

    async def sign_out_everywhere(self, user_id: str, but: str | None = None) -> int:
        """End the user's sessions but for the one of the id `but`; how many ended."""
        return await self._db.write(lambda tx: users.end_all(tx, user_id, but))

    async def sessions(self, user_id: str) -> list[Session]:
        """The user's sessions, the last used first."""
        return await users.sessions(self._db, user_id, self._clock.now())

    async def end_session(self, user_id: str, session_id: str) -> None:
        """End one of the user's sessions."""
        if not await self._db.write(lambda tx: users.end(tx, user_id, session_id)):
            raise NotFound(f"no session {session_id}")


def _new_session(user: User, now: int, source: str, agent: str) -> tuple[str, Session]:
    return ids.token(), rules.session(user.id, now=now, source=source, agent=agent)


def _prove(tx: sqlite3.Connection, known: Credentials, code: str, now: int) -> None:
    """Use up a code of the second step; Unauthorized when it can't be used."""
    if second_step.is_code(code):
        step = second_step.accepted(known.totp_secret, code, now=now, last=known.totp_step)
        if step is not None:
            users.set_totp(tx, known.user_id, known.totp_secret, step)
            return
    elif users.use_code(tx, known.user_id, second_step.recovery_digest(known.user_id, code), now):
        return
    raise Unauthorized("this code is wrong, or was used already")


def _developer(now: int) -> Signed:
    """Who `tickd dev` is signed in as: an owner that is in no table."""
    user = User(
        id="usr_dev",
        account_id=DEFAULT_ACCOUNT,
        email="dev@localhost",
        name="Developer",
        role="owner",
        totp=False,
        created_at=now,
    )
    return Signed(user, rules.session(user.id, now=now, source="", agent=""))


def _noted(future: asyncio.Future[None]) -> None:
    if not future.cancelled() and future.exception() is not None:
        log.debug("last use of a session not written")
