"""Verified e-mail addresses on the native face: what is answered, kept, and deleted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.contract.mailing import BROKEN, NO_MX, NOWHERE, NULL_MX, batch_with, entry, remember, verifying
from tests.contract.people import OTHER, key_with, stranger
from tests.contract.served import Served, serving_beside
from tests.support.daemon import NOON, Harness, Reply
from tests.support.dns import ServedNames
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.times import DAY
from tickd.domain.verification import SHOWN_MOST
from tickd.services import verification as service
from tickd.services.upkeep import REST, SLICE, Upkeep
from tickd.store import verification as store
from tickd.store import verification_batches as batches

HISTORY = "/v1/verify/history"


@pytest.fixture
async def verified(tmp_path: Path) -> AsyncIterator[tuple[Harness, ServedNames]]:
    async with verifying(tmp_path / "tickd.db") as made:
        yield made


@pytest.fixture
def tickd(verified: tuple[Harness, ServedNames]) -> Harness:
    return verified[0]


@pytest.fixture
def names(verified: tuple[Harness, ServedNames]) -> ServedNames:
    return verified[1]


async def verify(tickd: Harness, email: object, **more: Any) -> Reply:
    return await tickd.call("POST", "/v1/verify", {"email": email}, **more)


async def history(tickd: Harness, query: str = "", **more: Any) -> Any:
    reply = await tickd.call("GET", HISTORY + query, **more)
    assert reply.status == 200, reply.json
    return reply.json


async def addresses(tickd: Harness, query: str = "", **more: Any) -> list[str]:
    return [one["email"] for one in (await history(tickd, query, **more))["verifications"]]


async def used(tickd: Harness) -> int:
    """How many verifications were counted this month."""
    found: int = (await tickd.daemon.services.limits.use(DEFAULT_ACCOUNT)).verifications_this_month
    return found


async def limited(tickd: Harness, most: int) -> None:
    """Let the owner's account verify `most` addresses a month."""

    def unit(tx: sqlite3.Connection) -> None:
        tx.execute("UPDATE accounts SET verifications_per_month = ? WHERE id = ?", (most, DEFAULT_ACCOUNT))

    await tickd.daemon._database.write(unit)


async def test_a_good_address_has_every_field(tickd: Harness) -> None:
    reply = await verify(tickd, "ann@good-mail.com")
    assert (reply.status, reply.json) == (
        200,
        {
            "id": reply.json["id"],
            "email": "ann@good-mail.com",
            "valid": True,
            "mx_found": True,
            "disposable": False,
            "role_based": False,
            "reason": "",
            "created_at": "2026-03-03T12:00:00Z",
        },
    )
    assert reply.json["id"].startswith("ver_")
    assert (await tickd.call("GET", f"{HISTORY}/{reply.json['id']}")).json == reply.json
    assert (await history(tickd))["results"] == [reply.json]
    assert await used(tickd) == 1


@pytest.mark.parametrize("email", ["", "ann", f"ann@{NO_MX}", f"ann@{NULL_MX}", f"ann@{NOWHERE}", "a@@b.com"])
async def test_a_bad_address_is_an_answer_with_a_reason(tickd: Harness, email: str) -> None:
    reply = await verify(tickd, email)
    assert (reply.status, reply.json["valid"], reply.json["mx_found"]) == (200, False, False)
    assert reply.json["email"] == email
    assert reply.json["reason"]
    assert await addresses(tickd) == [email]


async def test_what_is_thrown_away_is_not_valid_and_what_is_shared_is(tickd: Harness) -> None:
    thrown = (await verify(tickd, "ann@mailinator.com")).json
    assert (thrown["valid"], thrown["mx_found"], thrown["disposable"]) == (False, True, True)
    shared = (await verify(tickd, "info@good-mail.com")).json
    assert (shared["valid"], shared["role_based"], shared["reason"]) == (True, True, "")


async def test_a_suggestion_is_there_only_when_there_is_one(tickd: Harness) -> None:
    typo = (await verify(tickd, "ann@gmial.com")).json
    assert typo["suggestion"] == "gmail.com"
    assert (await tickd.call("GET", f"{HISTORY}/{typo['id']}")).json == typo
    assert "suggestion" not in (await verify(tickd, "ann@gmail.com")).json


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "email is required"),
        (b"{}", "email is required"),
        (b'{"email": null}', "email is required"),
        (b'{"Email": "a@b.de"}', "email is required"),
        (b'{"email": 7}', "email must be text"),
        (b'{"email": ["a@b.de"]}', "email must be text"),
        (b'["a@b.de"]', "the body must be a JSON object"),
    ],
)
async def test_a_body_without_an_address_is_refused(tickd: Harness, body: bytes, sentence: str) -> None:
    reply = await tickd.call("POST", "/v1/verify", data=body)
    assert (reply.status, reply.json) == (400, {"error": sentence})
    assert await addresses(tickd) == []


async def test_what_proves_nothing_is_503_and_neither_kept_nor_counted(tickd: Harness) -> None:
    reply = await verify(tickd, f"ann@{BROKEN}")
    assert reply.status == 503
    assert BROKEN in reply.json["error"]
    assert int(reply.headers["Retry-After"]) > 0
    assert (await addresses(tickd), await used(tickd)) == ([], 0)


async def test_over_the_limit_it_is_402_and_nobody_is_asked(tickd: Harness, names: ServedNames) -> None:
    await limited(tickd, 1)
    assert (await verify(tickd, "ann@good-mail.com")).status == 200
    names.asked.clear()
    reply = await verify(tickd, "ann@another-mail.com")
    assert reply.status == 402
    assert "verifications_per_month" in reply.json["error"]
    assert (names.asked, await used(tickd)) == ([], 1)
    assert await addresses(tickd) == ["ann@good-mail.com"]


async def test_two_at_once_cannot_both_have_the_last_place(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def has_room(*_arguments: object) -> None:
        """What both of them saw."""

    await limited(tickd, 0)
    monkeypatch.setattr(tickd.daemon.services.verifications._limits, "check_verifications", has_room)
    assert (await verify(tickd, "ann@good-mail.com")).status == 402
    assert (await addresses(tickd), await used(tickd)) == ([], 0)


async def test_a_full_disk_is_503_and_nothing_is_counted(tickd: Harness) -> None:
    def pages(more: int) -> Any:
        def task(connection: sqlite3.Connection) -> None:
            count = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={count + more}").fetchall()

        return task

    await tickd.daemon._database.alone(pages(0))
    replies = [await verify(tickd, f"{'a' * 60}{number}@good-mail.com") for number in range(60)]
    full = [reply for reply in replies if reply.status != 200]
    assert full, "the disk was not full"
    assert {(one.status, one.json["error"], one.headers["Retry-After"]) for one in full} == {
        (503, "the disk is full", "30")
    }
    kept = (await history(tickd))["total"]
    assert (kept, await used(tickd)) == (60 - len(full),) * 2
    await tickd.daemon._database.alone(pages(1000))
    assert (await verify(tickd, "ann@good-mail.com")).status == 200


async def test_the_history_is_newest_first_in_pages(tickd: Harness) -> None:
    made = await remember(tickd, *(entry(number, at=NOON) for number in range(25)), entry(-1))
    expected = [one.email for one in [*made[24::-1], made[25]]]
    first = await history(tickd)
    assert (first["limit"], first["offset"], first["total"]) == (20, 0, 26)
    assert first["results"] == first["verifications"]
    assert [one["email"] for one in first["results"]] == expected[:20]
    assert await addresses(tickd, "?limit=20&offset=20") == expected[20:]
    assert await addresses(tickd, "?offset=26") == []
    for asked, limit in (("0", 1), ("-7", 1), ("501", 500), ("99999999", 500)):
        assert (await history(tickd, f"?limit={asked}&offset=-1"))["limit"] == limit


async def test_the_history_is_filtered_by_validity(tickd: Harness) -> None:
    await remember(tickd, *(entry(number, valid=number % 3 == 0) for number in range(9)))
    good = await history(tickd, "?valid=true")
    assert (good["total"], [one["valid"] for one in good["results"]]) == (3, [True] * 3)
    bad = await history(tickd, "?valid=false&limit=2")
    assert (bad["total"], [one["valid"] for one in bad["results"]]) == (6, [False] * 2)
    assert (await history(tickd, "?valid="))["total"] == 9
    reply = await tickd.call("GET", HISTORY + "?valid=perhaps")
    assert (reply.status, reply.json) == (400, {"error": "valid must be true or false"})


async def test_the_history_of_one_address_is_found_however_it_is_written(tickd: Harness) -> None:
    mine = ("Ann@Bücher.example.com", "ann@xn--bcher-kva.example.com", "ANN@BÜCHER.EXAMPLE.COM")
    others = ("ann@bucher.example.com", "xann@bücher.example.com", "ann")
    await remember(
        tickd,
        *(entry(number, email=one, valid=number != 1) for number, one in enumerate((*mine, *others))),
    )
    for meant in mine:
        found = await history(tickd, "?" + urlencode({"email": meant, "limit": "2"}))
        assert (found["total"], [one["email"] for one in found["results"]]) == (3, list(mine[:0:-1]))
    assert await addresses(tickd, "?" + urlencode({"email": mine[0], "valid": "false"})) == [mine[1]]
    assert await addresses(tickd, "?email=ann") == ["ann"]
    assert await addresses(tickd, "?email=an") == []
    assert len(await addresses(tickd, "?email=")) == 6


async def test_one_is_deleted_and_stays_counted(tickd: Harness) -> None:
    made = (await verify(tickd, "ann@good-mail.com")).json
    for status in (204, 404):
        assert (await tickd.call("DELETE", f"{HISTORY}/{made['id']}")).status == status
    reply = await tickd.call("GET", f"{HISTORY}/{made['id']}")
    assert (reply.status, reply.json) == (404, {"error": f"no verification {made['id']}"})
    assert (await addresses(tickd), await used(tickd)) == ([], 1)


async def test_all_are_deleted_a_slice_at_a_time(tickd: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    await stranger(tickd)
    theirs = [entry(1000 + number, account_id=OTHER) for number in range(3)]
    await remember(tickd, *(entry(number) for number in range(25)), *theirs)
    monkeypatch.setattr(service, "REMOVED", 10)
    slices: list[int] = []
    delete_slice = store.delete_slice

    def counted(*arguments: Any) -> int:
        slices.append(delete_slice(*arguments))
        return slices[-1]

    monkeypatch.setattr(store, "delete_slice", counted)
    reply = await tickd.call("DELETE", HISTORY)
    assert (reply.status, reply.json) == (200, {"deleted": 25, "unknown": 0})
    assert slices == [10, 10, 5]
    assert await addresses(tickd) == []
    assert (await tickd.daemon.services.verifications.page(OTHER, valid=None, limit=9, offset=0))[1] == 3
    assert (await tickd.call("DELETE", HISTORY)).json == {"deleted": 0, "unknown": 0}


@pytest.mark.parametrize(
    ("method", "path", "reader", "pinger"),
    [
        ("POST", "/v1/verify", 403, 403),
        ("GET", HISTORY, 200, 403),
        ("GET", HISTORY + "/{id}", 200, 403),
        ("GET", HISTORY + "/export", 200, 403),
        ("DELETE", HISTORY + "/{id}", 403, 403),
        ("DELETE", HISTORY, 403, 403),
    ],
)
async def test_who_may_do_what(tickd: Harness, method: str, path: str, reader: int, pinger: int) -> None:
    (mine,) = await remember(tickd, entry(1))
    path = path.format(id=mine.id)
    body = {"email": "ann@good-mail.com"} if method == "POST" else None
    keys = [await key_with(tickd, "read"), await key_with(tickd, "heartbeat:write"), None]
    statuses = [(await tickd.call(method, path, body, key=key)).status for key in keys]
    assert statuses == [reader, pinger, 401]
    other = await tickd.call(method, path, body, key=await stranger(tickd))
    assert other.status == (404 if mine.id in path else 200)
    assert mine.email not in str(other.json)
    assert mine.email in await addresses(tickd)
    assert (await tickd.call(method, path, body)).status in (200, 204)


async def test_long_and_odd_texts_are_cut_and_answered(tickd: Harness) -> None:
    for email in ("a" * 400 + "@good-mail.com", "x@" + "b." * 5000 + "com", "é" * SHOWN_MOST + "z"):
        reply = await verify(tickd, email)
        assert (reply.status, reply.json["valid"]) == (200, False)
        assert reply.json["email"] == email[: SHOWN_MOST - 1] + "…"
        assert len(reply.json["reason"]) < 1000
        meant = {"email": reply.json["email"]}
        assert (await tickd.call("DELETE", HISTORY, params=meant)).json["deleted"] == 1
    for email in ("ann\0@good-mail.com", "a\r\nBcc: bob@good-mail.com", "\u202eann@good-mail.com", "🦆"):
        reply = await verify(tickd, email)
        assert (reply.status, reply.json["valid"], reply.json["email"]) == (200, False, email)
        assert (await tickd.call("GET", f"{HISTORY}/{reply.json['id']}")).json == reply.json
    assert (await tickd.call("POST", "/v1/verify", data=rb'{"email": "\ud800@a.de"}')).status < 500


async def test_old_verifications_go_by_the_accounts_own_retention(tickd: Harness) -> None:
    await stranger(tickd)

    def unit(tx: sqlite3.Connection) -> None:
        tx.execute("UPDATE accounts SET retention_days = 7 WHERE id = ?", (OTHER,))

    await tickd.daemon._database.write(unit)
    for account, days in ((DEFAULT_ACCOUNT, (89, 91)), (OTHER, (6, 8))):
        await remember(
            tickd, *(entry(day, account_id=account, at=NOON - day * DAY, email=f"{day}@a.de") for day in days)
        )

    old = await batch_with(tickd, "91@a.de")
    await remember(tickd, entry(91, at=NOON - 91 * DAY, batch=old, position=1))
    keeper = Upkeep(tickd.daemon._database)
    while await keeper.tick(NOON) != NOON + REST:
        pass
    assert keeper.removed_total == 3
    assert await addresses(tickd) == ["89@a.de"]
    theirs, _ = await tickd.daemon.services.verifications.page(OTHER, valid=None, limit=9, offset=0)
    assert [one.email for one in theirs] == ["6@a.de"]
    assert await batches.unknown(tickd.daemon._database, old) != [], "the batch itself is young"
    while await keeper.tick(NOON + 91 * DAY) != NOON + 91 * DAY + REST:
        pass
    assert await batches.unknown(tickd.daemon._database, old) == []
    assert await addresses(tickd) == []


async def test_a_months_worth_of_old_ones_goes_in_slices(tickd: Harness) -> None:
    await remember(tickd, *(entry(number, at=NOON - 91 * DAY) for number in range(2 * SLICE + 7)))
    keeper, left = Upkeep(tickd.daemon._database), [2 * SLICE + 7]
    while await keeper.tick(NOON) != NOON + REST:
        total = (await history(tickd))["total"]
        if total != left[-1]:
            left.append(total)
    assert left == [2 * SLICE + 7, SLICE + 7, 7, 0]


EVERY = [store.Wanted("acc", valid, email) for valid in (None, True, False) for email in (None, "a@b.de")]


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        *((store.PAGE, "verifications_by_{}"), (store.SLICE, "verifications_by_{}")),
        *((store.COUNT, "INDEX verifications_by_{}"), (store.DELETE_SLICE, "INDEX verifications_by_{}")),
        (store.FORGET_OLD, "verifications_by_account (account_id=? AND created_at<?)"),
        (store.OF_BATCH, "verifications_by_batch (batch=? AND position>? AND position<?)"),
    ],
)
@pytest.mark.parametrize("wanted", EVERY)
async def test_every_query_goes_by_an_index(
    tickd: Harness, sql: str, index: str, wanted: store.Wanted
) -> None:
    by = "account (account_id=?" if wanted.valid is None else "validity (account_id=? AND valid=?"
    by = "address (account_id=? AND known_as=?" if wanted.email else by
    named = wanted.values | {"limit": 1, "offset": 0, "at": 0, "row": 0, "newest": 0}
    sql = sql.format(of=wanted.of)
    given: Any = named if ":" in sql else [1] * (sql.count("?") if "?1" not in sql else 2)
    plan = [str(row[3]) for row in await tickd.daemon._database.fetch(f"EXPLAIN QUERY PLAN {sql}", given)]
    assert index.format(by) in " ".join(plan)
    assert not any("SCAN verifications" in step or "TEMP B-TREE" in step for step in plan), plan


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving_beside(tmp_path_factory.mktemp("beside") / "tickd.db") as made:
        yield made


ODD = st.text(st.characters(codec=None), max_size=40)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(ODD, ODD.map(lambda text: f"{text}@"), st.emails().map(lambda one: one.replace("@", "\0@")))
    | st.recursive(st.none() | st.booleans() | st.floats(), st.lists, max_leaves=3)
)
@example("\ud800")
@example("@" * 5000)
@example('"' * 70_000)
@example("a@" + "[" * 300)
def test_no_text_is_a_fault(beside: Served, email: object) -> None:
    raw = json.dumps({"email": email}).encode()
    reply = beside.call("POST", "/v1/verify", data=raw)
    if isinstance(email, str) and not any(0xD800 <= ord(letter) < 0xE000 for letter in email):
        # Nobody answers for a domain here: what could be one is 503, in its own words.
        assert reply.status == 200 or "name servers" in reply.json["error"]
    else:
        assert reply.status == 400
