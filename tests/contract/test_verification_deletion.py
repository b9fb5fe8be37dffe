"""Deleting what was verified: what goes, what stays, and what is refused because it can't be undone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.mailing import batch_with, entry, remember, verifying
from tests.contract.people import OTHER, stranger
from tests.support.daemon import NOON, Harness
from tickd.domain.times import DAY
from tickd.domain.verification import Unknown
from tickd.services import verification as service
from tickd.services.upkeep import REST, Upkeep
from tickd.store import verification as store
from tickd.store import verification_batches as batches

HISTORY = "/v1/verify/history"
GONE = "deleted from the history"


@pytest.fixture
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    async with verifying(tmp_path / "tickd.db") as (made, _):
        yield made


async def left(tickd: Harness) -> list[str]:
    """The addresses of the history, newest first."""
    reply = await tickd.call("GET", HISTORY + "?limit=500")
    return [one["email"] for one in reply.json["verifications"]]


async def deleted(tickd: Harness, **meant: str) -> int:
    reply = await tickd.call("DELETE", HISTORY, params=meant)
    assert reply.status == 200, reply.json
    count: int = reply.json["deleted"]
    return count


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?emial=a@b.de", "the query has emial, which is unknown here; known: email, valid"),
        ("?Email=a@b.de", "the query has Email, which is unknown here; known: email, valid"),
        ("?email=a@b.de&limit=1", "the query has limit, which is unknown here; known: email, valid"),
        ("?account", "the query has account, which is unknown here; known: email, valid"),
        ("?email=a@b.de&email=c@d.de", "email must be there only once"),
        ("?valid=true&valid=false", "valid must be there only once"),
        ("?email=", "email must not be empty; without it, everything is deleted"),
        ("?email", "email must not be empty; without it, everything is deleted"),
        ("?email=a@b.de&valid=", "valid must not be empty; without it, everything is deleted"),
        ("?valid=perhaps", "valid must be true or false"),
    ],
)
async def test_a_query_that_is_not_understood_deletes_nothing(
    tickd: Harness, query: str, sentence: str
) -> None:
    row = await batch_with(tickd, "a@b.de")
    await remember(tickd, entry(1, email="a@b.de"), entry(2, email="c@d.de"))
    reply = await tickd.call("DELETE", HISTORY + query)
    assert (reply.status, reply.json) == (400, {"error": sentence})
    assert len(await left(tickd)) == 2
    assert await batches.unknown(tickd.daemon._database, row) == [Unknown(0, "a@b.de", "no answer")]


@pytest.mark.parametrize("body", [b'{"email": "a@b.de"}', b"email=a@b.de", b"{}", b" "])
async def test_a_body_deletes_nothing(tickd: Harness, body: bytes) -> None:
    await remember(tickd, entry(1, email="a@b.de"))
    for query in ("", "?email=a@b.de"):
        reply = await tickd.call("DELETE", HISTORY + query, data=body)
        assert reply.status == 400
        assert (
            reply.json["error"] == "the body must be empty; what is to go is said in the query: email, valid"
        )
    assert await left(tickd) == ["a@b.de"]


async def test_only_the_valid_ones_or_the_others_go(tickd: Harness) -> None:
    row = await batch_with(tickd, "a@b.de")
    for number in range(12):
        email = ("a@b.de", "c@d.de")[number % 2]
        await remember(tickd, entry(number, email=email, valid=number % 3 == 0))
    assert await deleted(tickd, valid="false", email="A@b.de") == 4
    assert await deleted(tickd, valid="true") == 4
    assert await left(tickd) == ["c@d.de"] * 4
    # It came out as neither.
    assert [one.email for one in await batches.unknown(tickd.daemon._database, row)] == ["a@b.de"]
    assert await deleted(tickd, valid="false") == 4


async def test_what_is_kept_of_one_person_is_deleted_in_whatever_case(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "REMOVED", 2)
    same = ("Ann@Good-Mail.com", "ann@good-mail.com", "ANN@GOOD-MAIL.COM", "jÖrg@good-mail.com")
    others = ("xann@good-mail.com", "ann@good-mail.com.au", "ann_@good-mail.com", "%@good-mail.com")
    await remember(tickd, *(entry(number, email=one) for number, one in enumerate((*same, *others) * 3)))
    reply = await tickd.call("DELETE", HISTORY, params={"email": "aNN@good-mail.com"})
    assert (reply.status, reply.json) == (200, {"deleted": 9, "unknown": 0})
    assert (await tickd.call("DELETE", HISTORY, params={"email": "Jörg@good-mail.com"})).json["deleted"] == 3
    assert (await tickd.call("DELETE", HISTORY, params={"email": "%"})).json["deleted"] == 0
    assert sorted(await left(tickd)) == sorted(others * 3)


async def test_an_address_goes_in_whichever_alphabet_its_domain_is(tickd: Harness) -> None:
    both = ("ann@bücher.example.com", "ann@xn--bcher-kva.example.com")
    for meant in both:
        await remember(tickd, *(entry(number, email=one) for number, one in enumerate(both)))
        row = await batch_with(tickd, *both)
        reply = await tickd.call("DELETE", HISTORY, params={"email": meant})
        assert reply.json == {"deleted": 2, "unknown": 2}
        assert {one.email for one in await batches.unknown(tickd.daemon._database, row)} == {""}


async def test_addresses_of_batches_go_too_and_keep_their_place(tickd: Harness) -> None:
    row = await batch_with(tickd, "ann@a.de", "bob@a.de", "ANN@a.de")
    db = tickd.daemon._database
    await remember(tickd, entry(1, email="ann@a.de", batch=row, position=7), entry(2, batch=row, position=8))
    assert await store.counts_of_batch(db, row) == (2, 0)
    assert [one.position for one in await store.of_batch(db, row, 8, 5)] == [8]
    # What is counted as deleted is what the history had.
    reply = await tickd.call("DELETE", HISTORY, params={"email": "ann@a.de"})
    assert reply.json == {"deleted": 1, "unknown": 2}
    blanked = await batches.unknown(db, row)
    assert blanked == [Unknown(0, "", GONE), Unknown(1, "bob@a.de", "no answer"), Unknown(2, "", GONE)]
    assert [one.position for one in await store.of_batch(db, row, 0, 9)] == [8]
    assert (await tickd.call("DELETE", HISTORY)).json == {"deleted": 1, "unknown": 1}
    assert {one.email for one in await batches.unknown(db, row)} == {""}


async def test_addresses_of_many_batches_go_a_slice_at_a_time(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stranger(tickd)
    count = 41
    rows = [await batch_with(tickd, "ann@a.de", f"{number}@a.de") for number in range(count)]
    theirs = await batch_with(tickd, "ann@a.de", account_id=OTHER)
    looked_at: list[int] = []
    listed = store.batches_with_unknown

    def counted(*arguments: Any) -> Any:
        found = listed(*arguments)
        looked_at.append(len(found))
        return found

    monkeypatch.setattr(store, "batches_with_unknown", counted)
    reply = await tickd.call("DELETE", HISTORY, params={"email": "ann@a.de"})
    assert reply.json == {"deleted": 0, "unknown": count}
    assert looked_at == [20, 20, 1]
    assert (await tickd.call("DELETE", HISTORY)).json == {"deleted": 0, "unknown": count}
    db = tickd.daemon._database
    assert {one.email for row in rows for one in await batches.unknown(db, row)} == {""}
    assert [one.email for one in await batches.unknown(db, theirs)] == ["ann@a.de"]


async def open_batch(tickd: Harness) -> tuple[int, list[str]]:
    """A batch that has not ended, with results for places 0 to 3 and nothing found out about place 4."""
    emails = ["ann@a.de", "bob@a.de", "ann@a.de", "cyd@a.de", "dan@a.de", "eve@a.de"]
    row = await batch_with(tickd, emails=emails)
    done = [entry(place, email=emails[place], batch=row, position=place) for place in range(4)]
    await remember(tickd, *done)
    await tickd.daemon._database.write(
        lambda tx: store.set_unknown(tx, row, [Unknown(4, "dan@a.de", "no answer")])
    )
    return row, [one.id for one in done]


async def of(tickd: Harness, row: int) -> list[str | None]:
    """What a restart would find in that batch's list."""
    found = await batches.emails(tickd.daemon._database, row)
    assert found is not None
    return found


async def test_what_is_deleted_of_a_batch_under_way_is_struck_out_of_its_list(tickd: Harness) -> None:
    row, ids = await open_batch(tickd)
    beside, _ = await open_batch(tickd)
    assert (await tickd.call("DELETE", f"{HISTORY}/{ids[3]}")).status == 204
    assert await of(tickd, row) == ["ann@a.de", "bob@a.de", "ann@a.de", None, "dan@a.de", "eve@a.de"]
    assert None not in await of(tickd, beside)
    assert await deleted(tickd, email="ann@a.de") == 4
    assert await of(tickd, row) == [None, "bob@a.de", None, None, "dan@a.de", "eve@a.de"]
    assert await of(tickd, beside) == [None, "bob@a.de", None, "cyd@a.de", "dan@a.de", "eve@a.de"]
    # What was not looked at yet has no result to delete.
    assert (await tickd.call("DELETE", HISTORY)).json == {"deleted": 3, "unknown": 2}
    for one in (row, beside):
        assert await of(tickd, one) == [None] * 5 + ["eve@a.de"]
        assert await batches.unknown(tickd.daemon._database, one) == [Unknown(4, "", GONE)]


async def test_what_is_past_its_time_is_struck_out_of_the_list_of_a_batch_under_way(tickd: Harness) -> None:
    row, _ = await open_batch(tickd)
    keeper = Upkeep(tickd.daemon._database)
    while await keeper.tick(NOON + 91 * DAY) != NOON + 91 * DAY + REST:
        pass
    assert await left(tickd) == []
    assert await of(tickd, row) == [None] * 4 + ["dan@a.de", "eve@a.de"]


@pytest.mark.parametrize("text", ["[", json.dumps({"a": 1}), "[7]"])
async def test_a_batch_whose_list_is_damaged_keeps_nothing_from_being_deleted(
    tickd: Harness, text: str
) -> None:
    row, _ = await open_batch(tickd)

    def unit(tx: sqlite3.Connection) -> None:
        tx.execute("UPDATE verification_batches SET emails = ?1, unknown = ?1", (text,))

    await tickd.daemon._database.write(unit)
    assert await deleted(tickd) == 4
    assert await batches.emails(tickd.daemon._database, row) is None
