"""Users: who may sign in, what each role may do, and how long a session lives."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tickd import ids
from tickd.domain import subjects, texts, times
from tickd.domain.accounts import Principal
from tickd.errors import Invalid

Role = Literal["owner", "member", "reader"]
Name = Annotated[str, Meta(max_length=200)]

PASSWORD_LEAST = 10
PASSWORD_MOST = 200
"""Characters of a password."""
EMAIL_MOST = 320
IDLE = 30 * times.DAY
"""How long a session lives unused."""
LONGEST = 90 * times.DAY
"""How long a session lives at most."""
TOUCH_EVERY = times.MINUTE
"""How exactly a session's last use is known."""
AGENT_MOST = 300
SOURCE_MOST = 100

_MEMBER = frozenset({"read", "write", "heartbeat:write"})
SCOPES: dict[Role, frozenset[str]] = {
    "owner": _MEMBER | {"admin"},
    "member": _MEMBER,
    "reader": frozenset({"read"}),
}
"""What each role may do, in the words of keys."""


class User(Struct, frozen=True, kw_only=True):
    """Somebody who may sign in; `totp` says whether a second step is asked for."""

    id: str
    account_id: str
    email: str
    name: str
    role: Role
    totp: bool
    created_at: int
    last_seen_at: int | None = None

    @property
    def label(self) -> str:
        """What the user is called on a page: the name, or else the address."""
        return self.name or self.email


class Session(Struct, frozen=True, kw_only=True):
    """One browser that is signed in; its token is nowhere."""

    id: str
    user_id: str
    created_at: int
    seen_at: int
    expires_at: int
    source_ip: str = ""
    user_agent: str = ""


class UserCreation(Struct, kw_only=True):
    """A user to be made."""

    email: Annotated[str, Meta(max_length=EMAIL_MOST)]
    password: Annotated[str, Meta(max_length=PASSWORD_MOST)]
    name: Name = ""
    role: Role = "member"


class UserChange(Struct, kw_only=True):
    """What may be said of a user; a field left out keeps its value."""

    name: Name | UnsetType = UNSET
    role: Role | UnsetType = UNSET


def create(spec: UserCreation, *, account_id: str, now: int) -> User:
    """The user that `spec` asks for; Invalid names the field that can't be."""
    made = User(
        id=ids.new("usr"),
        account_id=account_id,
        email=_email(spec.email),
        name=_name(spec.name),
        role=_role(spec.role),
        totp=False,
        created_at=now,
    )
    check_password("password", spec.password, made.email)
    return made


def change(user: User, spec: UserChange) -> User:
    """The user with what was said; Invalid names the field that can't be."""
    said: dict[str, Any] = {}
    if spec.name is not UNSET:
        said["name"] = _name(spec.name)
    if spec.role is not UNSET:
        said["role"] = _role(spec.role)
    return structs.replace(user, **said)


def principal(user: User) -> Principal:
    """What the user may do by the role."""
    return Principal(user.account_id, SCOPES[user.role])


def check_password(field: str, password: str, email: str) -> None:
    """Invalid, naming `field`, for a password that is too short, too long, or the address."""
    if len(password) < PASSWORD_LEAST:
        raise Invalid(field, f"must have at least {PASSWORD_LEAST} characters")
    if len(password) > PASSWORD_MOST:
        raise Invalid(field, f"must have at most {PASSWORD_MOST} characters")
    if known_as(password) == known_as(email):
        raise Invalid(field, "must not be the e-mail address")


def secret_bytes(password: str) -> bytes:
    """What of a password is hashed: one form for what looks alike, however a keyboard composes it."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def known_as(email: str) -> str:
    """The address as it is looked up; empty where it can't be anybody's."""
    tidy = email.strip().lower()
    return tidy if len(tidy) <= EMAIL_MOST and tidy.isprintable() else ""


def session(user_id: str, *, now: int, source: str, agent: str) -> Session:
    """A session that begins now; `agent` is the browser's own word for itself."""
    return Session(
        id=ids.new("ses"),
        user_id=user_id,
        created_at=now,
        seen_at=now,
        expires_at=now + min(IDLE, LONGEST),
        source_ip=_plain(source, SOURCE_MOST),
        user_agent=_plain(agent, AGENT_MOST),
    )


def is_alive(session: Session, now: int) -> bool:
    """Whether the session has not ended by itself."""
    return now < session.expires_at


def touched(session: Session, now: int) -> Session:
    """The session after a use; the same one when its last use is known exactly enough."""
    if abs(now - session.seen_at) < TOUCH_EVERY:
        return session
    # A clock that was put back must not make a session out of the future live longer than others.
    began = min(session.created_at, now)
    ends = min(now + IDLE, began + LONGEST)
    return structs.replace(session, created_at=began, seen_at=now, expires_at=ends)


def _email(text: str) -> str:
    return subjects.mail_address("email", text[: EMAIL_MOST + 1]).lower()


def _name(text: str) -> str:
    stripped = text.strip()
    if len(stripped) > 200 or not texts.is_printable(stripped):
        raise Invalid("name", "must be at most 200 printable characters")
    return stripped


def _role(role: str) -> Role:
    for known in SCOPES:
        if role == known:
            return known
    raise Invalid("role", f"must be one of {', '.join(SCOPES)}")


def _plain(text: str, most: int) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:most])
