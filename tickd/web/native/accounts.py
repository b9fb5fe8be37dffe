"""The account and its API keys on the native face."""

from __future__ import annotations

from msgspec import Struct, structs

from tickd.domain import headers, times
from tickd.domain.accounts import Account, AccountChange, ApiKey, KeyRequest
from tickd.domain.jobs import Severity
from tickd.web.answers import Answer
from tickd.web.fields import Page
from tickd.web.routes import Call, Route


class Limits(Struct):
    """What the account may have; null is unlimited."""

    max_jobs: int | None
    max_monitors: int | None
    max_heartbeats: int | None
    min_interval_secs: int | None
    executions_per_month: int | None
    verifications_per_month: int | None
    retention_days: int


class Use(Struct):
    """What the account has now; months are UTC."""

    jobs: int
    monitors: int
    heartbeats: int
    executions_this_month: int
    verifications_this_month: int


class AccountAnswer(Struct):
    """An account, its settings, its limits and what it uses of them.

    `webhook_secret` signs webhooks that have no secret of their own; keys without write scope see a mask.
    """

    id: str
    name: str
    alert_email: str
    owner_email: str
    batch_window_secs: int
    draft_incidents: bool
    publish_after_secs: int | None
    default_severity: Severity | None
    fallback_channel: str | None
    webhook_secret: str
    limits: Limits
    use: Use
    created_at: str


class KeyAnswer(Struct):
    """An API key without the key: `start` is how it begins."""

    id: str
    name: str
    start: str
    scopes: list[str]
    created_at: str
    last_used_at: str | None


class NewKeyAnswer(KeyAnswer, kw_only=True):
    """A new API key; `key` is shown this once."""

    key: str


class KeyList(Struct):
    """A page of API keys, by name."""

    keys: list[KeyAnswer]
    limit: int
    offset: int
    total: int


_SAME = tuple(name for name in AccountAnswer.__struct_fields__ if name in AccountChange.__struct_fields__)


async def _answer(call: Call, account: Account) -> Answer:
    use = structs.asdict(await call.services.limits.use(call.account_id))
    values = {name: getattr(account, name) for name in _SAME}
    if account.webhook_secret and not call.who.may("write"):
        values["webhook_secret"] = headers.MASK
    limits = Limits(**{name: getattr(account, name) for name in Limits.__struct_fields__})
    created = times.rfc3339(account.created_at)
    return Answer(AccountAnswer(id=account.id, limits=limits, use=Use(**use), created_at=created, **values))


def _key(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "start": key.start,
        "scopes": key.scopes,
        "created_at": times.rfc3339(key.created_at),
        "last_used_at": times.optional(key.last_used_at),
    }


async def account(call: Call) -> Answer:
    """`GET /v1/account`"""
    return await _answer(call, await call.services.accounts.account(call.account_id))


async def change(call: Call) -> Answer:
    """`PUT` and `PATCH /v1/account`"""
    spec = await call.body(AccountChange)
    return await _answer(call, await call.services.accounts.change(call.account_id, spec))


async def create_key(call: Call) -> Answer:
    """`POST /v1/keys`"""
    stored, key = await call.services.accounts.create_key(call.account_id, await call.body(KeyRequest))
    return Answer(NewKeyAnswer(key=key, **_key(stored)), 201)  # type: ignore[arg-type]


async def page(call: Call) -> Answer:
    """`GET /v1/keys`"""
    limit, offset = call.query(Page).clamped()
    found, total = await call.services.accounts.keys(call.account_id, limit=limit, offset=offset)
    shown = [KeyAnswer(**_key(key)) for key in found]  # type: ignore[arg-type]
    return Answer(KeyList(shown, limit, offset, total))


async def get_key(call: Call) -> Answer:
    """`GET /v1/keys/{id}`"""
    found = await call.services.accounts.key(call.account_id, call.path("id"))
    return Answer(KeyAnswer(**_key(found)))  # type: ignore[arg-type]


async def revoke_key(call: Call) -> Answer:
    """`DELETE /v1/keys/{id}`"""
    await call.services.accounts.revoke_key(call.account_id, call.path("id"))
    return Answer(status=204)


ROUTES = (
    Route("GET", "/v1/account", account, "Get the account, its limits and use", {200: AccountAnswer}),
    *(
        Route(
            method,
            "/v1/account",
            change,
            "Change the account's settings; fields left out keep their value",
            {200: AccountAnswer},
            scope="write",
            request=AccountChange,
            errors=(400,),
        )
        for method in ("PUT", "PATCH")
    ),
    Route(
        "POST",
        "/v1/keys",
        create_key,
        "Make an API key; it is shown this once",
        {201: NewKeyAnswer},
        scope="admin",
        request=KeyRequest,
        errors=(400,),
    ),
    Route("GET", "/v1/keys", page, "List API keys", {200: KeyList}, scope="admin", query=Page, errors=(400,)),
    Route("GET", "/v1/keys/{id}", get_key, "Get an API key", {200: KeyAnswer}, scope="admin", errors=(404,)),
    Route(
        "DELETE", "/v1/keys/{id}", revoke_key, "Revoke an API key", {204: None}, scope="admin", errors=(404,)
    ),
)
