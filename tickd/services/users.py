"""Users: who they are, their passwords and second steps; how they sign in is in `sessions`."""

from __future__ import annotations

import logging
import sqlite3

from tickd import logs
from tickd.clock import Clock
from tickd.domain import second_step
from tickd.domain import users as rules
from tickd.domain.users import User, UserChange, UserCreation
from tickd.errors import Conflict, Invalid, NotFound, Unavailable
from tickd.services.attempts import Attempts
from tickd.services.passwords import Passwords
from tickd.services.sessions import WINDOW, Pending, Sessions, Signed
from tickd.store import accounts, users
from tickd.store.database import Database
from tickd.store.users import Credentials

__all__ = ["Pending", "Signed", "Users"]

PROOFS_MOST = 5
"""Wrong passwords of one user who is signed in, in five minutes."""

log = logging.getLogger("tickd.users")


class Users(Sessions):
    """The use cases of users; every face calls these."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        passwords: Passwords | None = None,
        *,
        signed_in_as_owner: bool = False,
    ) -> None:
        """`signed_in_as_owner` is for `tickd dev`: whoever asks is an owner, without signing in."""
        super().__init__(db, clock, passwords, signed_in_as_owner=signed_in_as_owner)
        sentence = "too many wrong passwords; try again in a few minutes"
        self._proofs = Attempts(clock, most=PROOFS_MOST, within=WINDOW, sentence=sentence)

    async def change_password(self, user_id: str, old: str, new: str, but: str | None = None) -> None:
        """Replace the password, and end all sessions but the one of the id `but`.

        Invalid for `current_password` or `password`; TooMany after wrong ones.
        """
        user = await self._any_user(user_id)
        rules.check_password("password", new, user.email)
        known = await self._proved(user_id, old, "current_password")
        await self._replace(known, await self._passwords.hash(new), but)

    async def set_password(self, user_id: str, new: str, *, end_totp: bool = False) -> None:
        """Replace a password nobody knows any more, and end all sessions; the second step too if asked."""
        user = await self._any_user(user_id)
        rules.check_password("password", new, user.email)
        hashed = await self._passwords.hash(new)
        known = await users.credentials(self._db, user_id)
        if known is None:
            raise NotFound(f"no user {user_id}")
        await self._replace(known, hashed, None, end_totp=end_totp)

    async def _replace(
        self, known: Credentials, hashed: str, but: str | None, *, end_totp: bool = False
    ) -> None:
        def unit(tx: sqlite3.Connection) -> None:
            if not users.set_password(tx, known.user_id, hashed, before=known.password_hash):
                raise Conflict("the password was changed meanwhile; try again")
            users.end_all(tx, known.user_id, but)
            if end_totp:
                _forget_totp(tx, known.user_id)

        await self._db.write(unit)
        log.info("a password was changed", extra=logs.fields(user=known.user_id))

    async def _proved(self, user_id: str, password: str, field: str) -> Credentials:
        """The credentials of somebody who is signed in and says the password once more."""
        self._proofs.count(user_id)
        known = await users.credentials(self._db, user_id)
        try:
            right = await self._passwords.is_right(password, known.password_hash if known else None)
        except Unavailable:
            self._proofs.forgive(user_id)  # nobody looked at it
            raise
        if known is None or not right:
            raise Invalid(field, "is wrong")
        self._proofs.forgive(user_id)
        return known

    async def begin_totp(self, user_id: str) -> tuple[str, str]:
        """A secret and its address for an authenticator; Conflict when the second step is on."""
        user = await self._any_user(user_id)
        if user.totp:
            raise Conflict("the second step is on already; switch it off first")
        secret = second_step.new_secret()
        return secret, second_step.uri(secret, user.email)

    async def confirm_totp(self, user_id: str, secret: str, code: str, but: str | None = None) -> list[str]:
        """Switch the second step on; its recovery codes, known only now. Invalid for a wrong `code`.

        All sessions but the one of the id `but` end: they began with the password alone.
        """
        if not second_step.is_secret(secret):
            raise Invalid("secret", "is not one that was offered; begin again")
        step = second_step.accepted(secret, code, now=self._clock.now(), last=0)
        if step is None:
            raise Invalid("code", "is wrong; is the authenticator's clock right?")
        codes = second_step.new_recovery_codes()
        digests = [second_step.recovery_digest(user_id, code) for code in codes]

        def unit(tx: sqlite3.Connection) -> None:
            user = users.find(tx, user_id)
            if user is None:
                raise NotFound(f"no user {user_id}")
            if user.totp:
                raise Conflict("the second step is on already; switch it off first")
            users.set_totp(tx, user_id, secret, step)
            users.replace_codes(tx, user_id, digests)
            users.end_all(tx, user_id, but)

        await self._db.write(unit)
        log.info("a second step was switched on", extra=logs.fields(user=user_id))
        return codes

    async def end_totp(self, user_id: str, password: str) -> None:
        """Switch the second step off; Invalid for a wrong `password`."""
        await self._proved(user_id, password, "password")
        await self._db.write(lambda tx: _forget_totp(tx, user_id))
        log.info("a second step was switched off", extra=logs.fields(user=user_id))

    async def new_recovery_codes(self, user_id: str, password: str) -> list[str]:
        """Other recovery codes, known only now; those before are good no more."""
        await self._proved(user_id, password, "password")
        codes = second_step.new_recovery_codes()
        digests = [second_step.recovery_digest(user_id, code) for code in codes]

        def unit(tx: sqlite3.Connection) -> None:
            user = users.find(tx, user_id)
            if user is None or not user.totp:
                raise Conflict("the second step is off")
            users.replace_codes(tx, user_id, digests)

        await self._db.write(unit)
        return codes

    async def recovery_codes_left(self, user_id: str) -> int:
        """How many recovery codes the user has not used."""
        return await users.codes_left(self._db, user_id)

    async def create(self, account_id: str, creation: UserCreation) -> User:
        """Make a user of the account; Conflict when the address is taken."""
        made = rules.create(creation, account_id=account_id, now=self._clock.now())
        hashed = await self._passwords.hash(creation.password)

        def unit(tx: sqlite3.Connection) -> None:
            if accounts.find(tx, account_id) is None:
                raise NotFound(f"no account {account_id}")
            if made.role != "owner" and not users.owners(tx, account_id):
                raise Invalid("role", "must be owner: the account has no owner yet")
            users.insert(tx, made, hashed)

        await self._db.write(unit)
        self.setup_token = None
        return made

    async def change(self, account_id: str, user_id: str, change: UserChange) -> User:
        """Change what is said of a user; Conflict where the account would be without an owner."""

        def unit(tx: sqlite3.Connection) -> User:
            known = _find(tx, account_id, user_id)
            changed = rules.change(known, change)
            if changed.role != "owner":
                _keep_an_owner(tx, known)
            users.update(tx, changed)
            return changed

        return await self._db.write(unit)

    async def delete(self, account_id: str, user_id: str) -> None:
        """Delete a user and end all sessions; Conflict where the account would be without an owner."""

        def unit(tx: sqlite3.Connection) -> None:
            _keep_an_owner(tx, _find(tx, account_id, user_id))
            users.delete(tx, user_id)

        await self._db.write(unit)

    async def page(self, account_id: str, *, limit: int = 500, offset: int = 0) -> tuple[list[User], int]:
        """One page of the account's users by address, and how many there are in all."""
        return await users.page(self._db, account_id, limit=limit, offset=offset)

    async def check_account(self, account_id: str) -> None:
        """NotFound where there is no account of that id."""
        if await accounts.get(self._db, account_id) is None:
            raise NotFound(f"no account {account_id}")

    async def get(self, account_id: str, user_id: str) -> User:
        """The account's user of that id."""
        found = await users.get(self._db, user_id)
        if found is None or found.account_id != account_id:
            raise NotFound(f"no user {user_id}")
        return found

    async def by_email(self, email: str) -> User:
        """The user with that address, of whatever account."""
        found = await users.by_email(self._db, rules.known_as(email))
        if found is None:
            raise NotFound(f"no user {email}")
        return found

    async def _any_user(self, user_id: str) -> User:
        found = await users.get(self._db, user_id)
        if found is None:
            raise NotFound(f"no user {user_id}")
        return found


def _forget_totp(tx: sqlite3.Connection, user_id: str) -> None:
    users.set_totp(tx, user_id, "", 0)
    users.replace_codes(tx, user_id, ())


def _find(tx: sqlite3.Connection, account_id: str, user_id: str) -> User:
    found = users.find(tx, user_id)
    if found is None or found.account_id != account_id:
        raise NotFound(f"no user {user_id}")
    return found


def _keep_an_owner(tx: sqlite3.Connection, user: User) -> None:
    if user.role == "owner" and users.owners(tx, user.account_id) == 1:
        raise Conflict(f"{user.email} is the account's only owner; make another user an owner first")
