"""Whether somebody who was let in would be let in still."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs

from tests.contract.people import OTHER, stranger
from tests.support.daemon import KEY, Harness, running
from tickd.domain.accounts import DEFAULT_ACCOUNT, Principal
from tickd.errors import Forbidden, Unauthorized
from tickd.services.accounts import Accounts


@pytest.fixture
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    async with running(tmp_path / "tickd.db") as made:
        yield made


async def test_a_key_is_good_until_it_is_revoked_and_for_its_own_account(tickd: Harness) -> None:
    accounts = tickd.daemon.services.accounts
    made = (await tickd.call("POST", "/v1/keys", {"name": "x", "scopes": ["read"]})).json
    caller = await accounts.authenticate(made["key"], "")
    assert await accounts.may_still(caller)
    await stranger(tickd)
    assert not await accounts.may_still(structs.replace(caller, account_id=OTHER))
    assert not await accounts.may_still(structs.replace(caller, account_id="acc_none"))
    await tickd.call("DELETE", f"/v1/keys/{made['id']}")
    assert not await accounts.may_still(caller)
    with pytest.raises(Unauthorized, match="this API key is unknown or revoked"):
        await accounts.require_still(caller)
    assert await accounts.may_still(await accounts.authenticate(KEY, ""))


async def test_while_an_account_is_suspended_neither_its_keys_nor_its_people_may(tickd: Harness) -> None:
    accounts = tickd.daemon.services.accounts
    caller = await accounts.authenticate(await stranger(tickd), "")
    signed_in = Principal(OTHER, frozenset({"read"}))
    for one in (caller, signed_in):
        assert await accounts.may_still(one)
    await accounts.suspend(OTHER)
    for one in (caller, signed_in):
        assert not await accounts.may_still(one)
        with pytest.raises(Forbidden, match="this account is suspended"):
            await accounts.require_still(one)
    await accounts.resume(OTHER)
    for one in (caller, signed_in):
        assert await accounts.may_still(one)


async def test_whoever_comes_with_any_key_may_stay(tickd: Harness) -> None:
    accounts = Accounts(tickd.daemon._database, tickd.clock, any_key=True)
    caller = await accounts.authenticate("anything", "")
    assert caller.account_id == DEFAULT_ACCOUNT
    assert await accounts.may_still(caller)
