"""The tables of users, their sessions and their recovery codes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from msgspec import Struct

from tickd.domain.users import Session, User
from tickd.errors import Conflict
from tickd.store.accounts import IS_ACTIVE
from tickd.store.database import Database

SESSIONS_MOST = 100
"""Sessions of one user; one more ends the one that was used longest ago."""


class Credentials(Struct, frozen=True):
    """What a sign-in is checked against; never shown, never logged."""

    user_id: str
    password_hash: str
    totp_secret: str
    totp_step: int


_USER = ("id", "account_id", "email", "name", "role", "created_at", "last_seen_at")
_SESSION = tuple(Session.__struct_fields__)
_CREDENTIALS = ("id", "password_hash", "totp_secret", "totp_step")


def _of(table: str, names: Iterable[str]) -> str:
    return ", ".join(f"{table}.{name} AS {table}_{name}" for name in names)


_USERS = f"{_of('users', _USER)}, users.totp_secret <> '' AS users_totp"
_SESSIONS = _of("sessions", _SESSION)

GET = f"SELECT {_USERS} FROM users WHERE id = ?"  # noqa: S608
BY_EMAIL = f"SELECT {_USERS} FROM users WHERE email = ?"  # noqa: S608
PAGE = f"SELECT {_USERS} FROM users WHERE account_id = ? ORDER BY email LIMIT ? OFFSET ?"  # noqa: S608
TOTAL = "SELECT count(*) FROM users WHERE account_id = ?"
OWNERS = "SELECT count(*) FROM users WHERE account_id = ? AND role = 'owner'"
ANY = "SELECT 1 FROM users LIMIT 1"
INSERT = (
    "INSERT INTO users (id, account_id, email, name, role, created_at, password_hash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
UPDATE = "UPDATE users SET name = ?, role = ? WHERE id = ?"
DELETE = "DELETE FROM users WHERE id = ?"
CREDENTIALS_BY_EMAIL = f"SELECT {', '.join(_CREDENTIALS)} FROM users WHERE email = ?"  # noqa: S608
CREDENTIALS = f"SELECT {', '.join(_CREDENTIALS)} FROM users WHERE id = ?"  # noqa: S608
SET_PASSWORD = "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?"  # noqa: S105
SET_TOTP = "UPDATE users SET totp_secret = ?, totp_step = ? WHERE id = ?"
SEEN = "UPDATE users SET last_seen_at = ? WHERE id = ?"

INSERT_SESSION = (
    f"INSERT INTO sessions (hash, {', '.join(_SESSION)}) "  # noqa: S608
    f"VALUES (?{', ?' * len(_SESSION)})"
)
SIGNED = (
    f"SELECT {_USERS}, {_SESSIONS} FROM sessions "  # noqa: S608
    "JOIN users ON users.id = sessions.user_id WHERE sessions.hash = ? "
    f"AND {IS_ACTIVE}"
)
SESSIONS = (
    f"SELECT {_SESSIONS} FROM sessions "  # noqa: S608
    "WHERE user_id = ? AND expires_at > ? ORDER BY seen_at DESC, id"
)
TOUCH = "UPDATE sessions SET created_at = ?, seen_at = ?, expires_at = ? WHERE id = ?"
RENEW = "UPDATE sessions SET hash = ? WHERE hash = ?"
END_BY_HASH = "DELETE FROM sessions WHERE hash = ?"
END = "DELETE FROM sessions WHERE user_id = ? AND id = ?"
END_ALL = "DELETE FROM sessions WHERE user_id = ? AND id <> ?"
END_OLDEST = (
    "DELETE FROM sessions WHERE hash IN "
    "(SELECT hash FROM sessions WHERE user_id = ? ORDER BY seen_at DESC LIMIT -1 OFFSET ?)"
)
FORGET_EXPIRED = (
    "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires_at <= ? LIMIT ?)"
)
INSERT_CODE = "INSERT INTO recovery_codes (user_id, hash) VALUES (?, ?)"
FORGET_CODES = "DELETE FROM recovery_codes WHERE user_id = ?"
USE_CODE = "UPDATE recovery_codes SET used_at = ? WHERE user_id = ? AND hash = ? AND used_at IS NULL"
CODES_LEFT = "SELECT count(*) FROM recovery_codes WHERE user_id = ? AND used_at IS NULL"


def _user(row: sqlite3.Row) -> User:
    return User(**{name: row[f"users_{name}"] for name in _USER}, totp=bool(row["users_totp"]))


def _session(row: sqlite3.Row) -> Session:
    return Session(**{name: row[f"sessions_{name}"] for name in _SESSION})


async def get(db: Database, identifier: str) -> User | None:
    """The user of that id."""
    row = await db.fetch_one(GET, (identifier,))
    return None if row is None else _user(row)


def find(tx: sqlite3.Connection, identifier: str) -> User | None:
    """`get`, inside a unit of the writer."""
    row = tx.execute(GET, (identifier,)).fetchone()
    return None if row is None else _user(row)


async def by_email(db: Database, email: str) -> User | None:
    """The user with that address, in whatever case."""
    row = await db.fetch_one(BY_EMAIL, (email,))
    return None if row is None else _user(row)


async def page(db: Database, account_id: str, *, limit: int, offset: int) -> tuple[list[User], int]:
    """One page of an account's users by address, and how many there are in all."""
    rows = await db.fetch(PAGE, (account_id, limit, offset))
    total = await db.fetch(TOTAL, (account_id,))
    return [_user(row) for row in rows], int(total[0][0])


async def is_any(db: Database) -> bool:
    """Whether there is a user in any account."""
    return await db.fetch_one(ANY) is not None


def has_any(tx: sqlite3.Connection) -> bool:
    """`is_any`, inside a unit of the writer."""
    return tx.execute(ANY).fetchone() is not None


def owners(tx: sqlite3.Connection, account_id: str) -> int:
    """How many owners the account has."""
    return int(tx.execute(OWNERS, (account_id,)).fetchone()[0])


def insert(tx: sqlite3.Connection, user: User, password_hash: str) -> None:
    """Store a new user; Conflict when the address is another user's."""
    values = (user.id, user.account_id, user.email, user.name, user.role, user.created_at, password_hash)
    try:
        tx.execute(INSERT, values)
    except sqlite3.IntegrityError as error:
        raise Conflict(f"email is taken: there is a user {user.email}") from error


def update(tx: sqlite3.Connection, user: User) -> None:
    """Store an edited user's name and role."""
    tx.execute(UPDATE, (user.name, user.role, user.id))


def delete(tx: sqlite3.Connection, identifier: str) -> None:
    """Delete a user, with sessions and codes."""
    tx.execute(DELETE, (identifier,))


async def credentials_by_email(db: Database, email: str) -> Credentials | None:
    """What a sign-in with that address is checked against."""
    row = await db.fetch_one(CREDENTIALS_BY_EMAIL, (email,))
    return None if row is None else Credentials(*tuple(row))


async def credentials(db: Database, user_id: str) -> Credentials | None:
    """What a sign-in of that user is checked against."""
    row = await db.fetch_one(CREDENTIALS, (user_id,))
    return None if row is None else Credentials(*tuple(row))


def find_credentials(tx: sqlite3.Connection, user_id: str) -> Credentials | None:
    """`credentials`, inside a unit of the writer."""
    row = tx.execute(CREDENTIALS, (user_id,)).fetchone()
    return None if row is None else Credentials(*tuple(row))


def set_password(tx: sqlite3.Connection, user_id: str, password_hash: str, *, before: str) -> bool:
    """Replace the hash `before`; False when it is not the user's any more."""
    return tx.execute(SET_PASSWORD, (password_hash, user_id, before)).rowcount == 1


def set_totp(tx: sqlite3.Connection, user_id: str, secret: str, step: int) -> None:
    """Store the secret of the second step and the step accepted last; an empty one switches it off."""
    tx.execute(SET_TOTP, (secret, step, user_id))


def insert_session(tx: sqlite3.Connection, digest: bytes, session: Session) -> None:
    """Store a session under the SHA-256 of its token; its user was seen now."""
    tx.execute(INSERT_SESSION, [digest, *(getattr(session, name) for name in _SESSION)])
    tx.execute(SEEN, (session.seen_at, session.user_id))
    tx.execute(END_OLDEST, (session.user_id, SESSIONS_MOST))


async def signed(db: Database, digest: bytes) -> tuple[User, Session] | None:
    """The session with that SHA-256, expired or not, and whose it is."""
    row = await db.fetch_one(SIGNED, (digest,))
    return None if row is None else (_user(row), _session(row))


def find_signed(tx: sqlite3.Connection, digest: bytes) -> tuple[User, Session] | None:
    """`signed`, inside a unit of the writer."""
    row = tx.execute(SIGNED, (digest,)).fetchone()
    return None if row is None else (_user(row), _session(row))


def touch(tx: sqlite3.Connection, session: Session) -> None:
    """Say that a session was used; nothing when it has ended."""
    times = (session.created_at, session.seen_at, session.expires_at)
    if tx.execute(TOUCH, (*times, session.id)).rowcount:
        tx.execute(SEEN, (session.seen_at, session.user_id))


def renew(tx: sqlite3.Connection, before: bytes, after: bytes) -> bool:
    """Give a session another token; False when it has ended."""
    return tx.execute(RENEW, (after, before)).rowcount == 1


async def sessions(db: Database, user_id: str, now: int) -> list[Session]:
    """The user's sessions that live, the last used first."""
    return [_session(row) for row in await db.fetch(SESSIONS, (user_id, now))]


def end_by_hash(tx: sqlite3.Connection, digest: bytes) -> None:
    """End the session with that SHA-256."""
    tx.execute(END_BY_HASH, (digest,))


def end(tx: sqlite3.Connection, user_id: str, identifier: str) -> bool:
    """End the user's session of that id; False when there is none."""
    return tx.execute(END, (user_id, identifier)).rowcount == 1


def end_all(tx: sqlite3.Connection, user_id: str, but: str | None) -> int:
    """End the user's sessions but for the one of the id `but`; how many ended."""
    return tx.execute(END_ALL, (user_id, but or "")).rowcount


def forget_expired(tx: sqlite3.Connection, until: Iterable[tuple[int, int]], most: int) -> int:
    """Remove at most so many sessions that had ended by the moment that comes with each row."""
    return sum(tx.execute(FORGET_EXPIRED, (moment, most)).rowcount for _, moment in until)


def replace_codes(tx: sqlite3.Connection, user_id: str, digests: Sequence[bytes]) -> None:
    """Store the user's recovery codes instead of those there were."""
    tx.execute(FORGET_CODES, (user_id,))
    tx.executemany(INSERT_CODE, [(user_id, digest) for digest in digests])


def use_code(tx: sqlite3.Connection, user_id: str, digest: bytes, now: int) -> bool:
    """Use up a recovery code; False when it is unknown or used."""
    return tx.execute(USE_CODE, (now, user_id, digest)).rowcount == 1


async def codes_left(db: Database, user_id: str) -> int:
    """How many recovery codes the user has not used."""
    row = await db.fetch_one(CODES_LEFT, (user_id,))
    return int(row[0]) if row else 0
