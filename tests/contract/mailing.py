"""A name server that knows a few mail domains, and the history of verifications filled by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset

from tests.support.daemon import NOON, Harness, running
from tests.support.dns import ServedNames, naming
from tickd import ids
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.verification import Batch, Unknown, Verdict, Verification, made
from tickd.store import verification as store
from tickd.store import verification_batches as batches

NO_MX, NULL_MX, NOWHERE, BROKEN = "no-mail.com", "null-mail.com", "no-such-mail.com", "broken-mail.com"
"""Domains without MX records, with a null MX, that are not there, and whose name server fails."""


def answer(query: dns.message.Message) -> dns.message.Message:
    """The MX records of a domain: one for every name but those above."""
    response, question = dns.message.make_response(query), query.question[0]
    name = question.name.to_text(omit_final_dot=True)
    if name == BROKEN:
        response.set_rcode(dns.rcode.SERVFAIL)
    elif name == NOWHERE or name.endswith(".con"):
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif name != NO_MX and question.rdtype.name == "MX":
        said = "0 ." if name == NULL_MX else f"10 mx.{name}."
        response.answer.append(dns.rrset.from_text(question.name, 300, "IN", "MX", said))
    return response


@asynccontextmanager
async def verifying(path: Path, **settings: Any) -> AsyncIterator[tuple[Harness, ServedNames]]:
    """A daemon that asks that name server and no other."""
    async with (
        naming(answer) as names,
        running(path, dns_server=(("127.0.0.1", names.port),), **settings) as tickd,
    ):
        yield tickd, names


def entry(
    number: int,
    *,
    account_id: str = DEFAULT_ACCOUNT,
    email: str | None = None,
    at: int | None = None,
    valid: bool = True,
    **more: Any,
) -> Verification:
    """A verification; `number` makes its address, and its time in seconds after noon."""
    verdict = Verdict(valid=valid, mx_found=valid, reason="" if valid else "it is not")
    return made(
        verdict,
        identifier=ids.new("ver"),
        account_id=account_id,
        email=f"user{number}@good-mail.com" if email is None else email,
        now=NOON + number * 1000 if at is None else at,
        **more,
    )


async def remember(tickd: Harness, *entries: Verification) -> list[Verification]:
    """Put verifications into the history, and give them back."""

    def unit(tx: sqlite3.Connection) -> None:
        store.insert(tx, entries)

    await tickd.daemon._database.write(unit)
    return list(entries)


async def batch_with(
    tickd: Harness, *unknown: str, emails: Sequence[str] | None = None, account_id: str = DEFAULT_ACCOUNT
) -> int:
    """The row of a batch, and of addresses nothing was found out about; with `emails` it has not ended."""
    made = Batch(row=0, id=ids.new("bat"), account_id=account_id, total=9, created_at=NOON, finished_at=None)
    said = [Unknown(position, email, "no answer") for position, email in enumerate(unknown)]

    def unit(tx: sqlite3.Connection) -> int:
        row = batches.insert(tx, made, emails or ()).row
        store.set_unknown(tx, row, said)
        if emails is None:
            batches.finish(tx, row, NOON)
        return row

    return await tickd.daemon._database.write(unit)
