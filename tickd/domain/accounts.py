"""Accounts, API keys and what a key may do."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field, structs

from tickd import ids
from tickd.domain import headers, subjects, texts
from tickd.domain.jobs import Severity
from tickd.errors import Forbidden, Invalid

Scope = Literal["read", "write", "heartbeat:write", "admin"]

DEFAULT_ACCOUNT = "acc_default"
"""The account that the first migration makes."""
NAME_MOST = 200
"""How many characters an account's name may have."""
RETENTION_DAYS = 90
"""How long a new account keeps its history."""
SUSPENDED = "this account is suspended"
"""What is said to whoever calls for a suspended account."""
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
    alert_email: str = ""
    owner_email: str = ""
    batch_window_secs: int = 0
    draft_incidents: bool = False
    publish_after_secs: int | None = None
    default_severity: Severity | None = None
    fallback_channel: str | None = None
    webhook_secret: str = ""
    suspended_at: int | None = None

    @property
    def mail_to(self) -> str:
        """Where alerts go by e-mail that name nobody: the alert address, or else the owner's; or nowhere."""
        return self.alert_email or self.owner_email


class Counted(Struct, frozen=True):
    """An account and how much it has."""

    account: Account
    jobs: int
    monitors: int
    heartbeats: int


class AccountChange(Struct, kw_only=True):
    """What a caller may say of the account; a field left out keeps its value."""

    name: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    alert_email: Annotated[str, Meta(max_length=320)] | UnsetType = UNSET
    owner_email: Annotated[str, Meta(max_length=320)] | UnsetType = UNSET
    batch_window_secs: Annotated[int, Meta(ge=0, le=3600)] | UnsetType = UNSET
    draft_incidents: bool | UnsetType = UNSET
    publish_after_secs: Annotated[int, Meta(ge=0, le=604800)] | UnsetType | None = UNSET
    default_severity: Severity | UnsetType | None = UNSET
    fallback_channel: Annotated[str, Meta(max_length=100)] | UnsetType | None = UNSET
    webhook_secret: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET


def create(name: str, *, now: int) -> Account:
    """A new account, without limits, with a secret for webhooks; Invalid for a `name` that can't be."""
    if len(name) > NAME_MOST:
        raise Invalid("name", f"must be 1 to {NAME_MOST} printable characters")
    return Account(
        id=ids.new("acc"),
        name=subjects.name(name),
        max_jobs=None,
        max_monitors=None,
        max_heartbeats=None,
        min_interval_secs=None,
        executions_per_month=None,
        verifications_per_month=None,
        retention_days=RETENTION_DAYS,
        created_at=now,
        webhook_secret=f"whsec_{ids.token()[:48]}",
    )


def change(account: Account, spec: AccountChange) -> Account:
    """The account with what was said of it; Invalid names the field that can't be.

    An empty `webhook_secret` asks for no signature.
    """
    said: dict[str, Any] = {name: value for name, value in structs.asdict(spec).items() if value is not UNSET}
    if "name" in said:
        said["name"] = subjects.name(said["name"])
    for name in ("alert_email", "owner_email"):
        if name in said:
            said[name] = subjects.mail(name)(said[name])
    if said.get("webhook_secret") == headers.MASK:
        del said["webhook_secret"]
    elif "webhook_secret" in said:
        said["webhook_secret"] = subjects.signing_secret("webhook_secret", said["webhook_secret"])
    if "fallback_channel" in said:
        said["fallback_channel"] = said["fallback_channel"] or None
    return structs.replace(account, **said)


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
    if texts.is_empty(name) or not texts.is_printable(name):
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
