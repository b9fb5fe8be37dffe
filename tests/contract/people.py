"""The people of the permission tests: the owner's keys, and a stranger with an account of his own."""

from __future__ import annotations

import sqlite3

from tests.support.daemon import NOON, Harness
from tickd.domain import accounts as rules
from tickd.domain.accounts import KeyRequest, Scope
from tickd.store import accounts

OTHER = "acc_other"
"""The stranger's account."""


async def key_with(tickd: Harness, *scopes: Scope) -> str:
    """A key of the owner's account with these scopes."""
    reply = await tickd.call("POST", "/v1/keys", {"name": "-".join(scopes), "scopes": list(scopes)})
    assert reply.status == 201, reply.json
    made: str = reply.json["key"]
    return made


async def stranger(tickd: Harness) -> str:
    """An admin key of another account, which is made here."""
    made = rules.new_key()
    stored = rules.make_key(KeyRequest(name="stranger", scopes=["admin"]), made, account_id=OTHER, now=NOON)

    def unit(tx: sqlite3.Connection) -> None:
        tx.execute("INSERT INTO accounts (id, name, created_at) VALUES (?, 'other', ?)", (OTHER, NOON))
        accounts.insert_key(tx, stored)

    await tickd.daemon._database.write(unit)
    return made
