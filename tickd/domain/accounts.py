"""Accounts, API keys and what a key may do."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from tickd import ids
from tickd.errors import Forbidden, Invalid

Scope = Literal["read", "write", "heartbeat:write", "admin"]

DEFAULT_ACCOUNT = "acc_default"
"""The account that the first migration makes."""
KEY_START = 8
"""How many letters of a key are shown again, so that its owner can tell it; of a short one, a quarter."""

_IMPLIED: dict[str, frozenset[str]] = {
    "read": frozenset({"read"}),
    "write": frozenset({"read", "write", "heartbeat:write"}),
    "heartbeat:write": frozenset({"heartbeat:write"}),
    "admin": frozenset({"read", "write", "heartbeat:write", "admin"}),
}


class Account(Struct, frozen=True, kw_only=True):
    """An account and its limits; None is unlimited."""

    id: str
    name: str
    max_jobs: int | None
    max_monitors: int | None
    max_heartbeats: int | None
    min_interval_secs: int | None
    executions_per_month: int | None
    verifications_per_month: int | None
    retention_days: int
    created_at: int


class KeyRequest(Struct, kw_only=True):
    """An API key to be made."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=4)] = field(
        default_factory=lambda: ["read", "write"]
    )


class ApiKey(Struct, frozen=True, kw_only=True):
    """An API key as it is stored: its SHA-256, never itself."""

    id: str
    account_id: str
    name: str
    hash: bytes
    start: str
    scopes: list[str]
    created_at: int
    last_used_at: int | None = None
    revoked_at: int | None = None

    def matches(self, key: str) -> bool:
        """Whether `key` is this one, in a time that says nothing about how close it came."""
        return hmac.compare_digest(self.hash, digest(key))


class Principal(Struct, frozen=True):
    """Who calls: the account, and what the credential may do."""

    account_id: str
    scopes: frozenset[str]
    key_id: str | None = None

    def require(self, scope: str) -> None:
        """Raise Forbidden unless the credential has `scope`."""
        if scope not in self.scopes:
            raise Forbidden(f"this key lacks the scope {scope}")

    def may(self, scope: str) -> bool:
        """Whether the credential has `scope`."""
        return scope in self.scopes


def digest(key: str) -> bytes:
    """What is stored of a key. Keys are random and long, so one round of SHA-256 is enough."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def new_key() -> str:
    """A new API key: `tk_` and 40 random letters (200 bits)."""
    return f"tk_{ids.secret(40)}"


def make_key(request: KeyRequest, key: str, *, account_id: str, now: int) -> ApiKey:
    """The stored form of `key`; Invalid names the field that can't be."""
    name = request.name.strip()
    if not name or not name.isprintable():
        raise Invalid("name", "must be 1 to 100 printable characters")
    return ApiKey(
        id=ids.new("key"),
        account_id=account_id,
        name=name,
        hash=digest(key),
        start=key[: min(KEY_START, len(key) // 4)],
        scopes=list(dict.fromkeys(request.scopes)),
        created_at=now,
    )


def principal(key: ApiKey) -> Principal:
    """What a caller with `key` may do: `admin` implies all, `write` implies the others but `admin`."""
    scopes = frozenset().union(*(_IMPLIED[scope] for scope in key.scopes))
    return Principal(key.account_id, scopes, key.id)
