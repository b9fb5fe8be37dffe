"""The export of verified addresses: whole, in slices, and never half of it taken for all."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.mailing import entry, remember, verifying
from tests.support.browsing import owner
from tests.support.daemon import KEY, Harness, eventually
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.errors import Unavailable
from tickd.services.verification import READ
from tickd.store import accounts
from tickd.store import verification as store

EXPORT = "/v1/verify/history/export"


@pytest.fixture
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    async with verifying(tmp_path / "tickd.db") as (made, _):
        yield made


async def exported(tickd: Harness, query: str = "", key: str = KEY) -> tuple[str, aiohttp.ClientResponse]:
    """The whole text, and the answer it came with."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(tickd.url + EXPORT + query, headers={"X-API-Key": key}) as answer,
    ):
        return (await answer.read()).decode(), answer


def slices_of(monkeypatch: pytest.MonkeyPatch, tickd: Harness) -> list[int]:
    """How many verifications each slice has that is read from now on."""
    seen: list[int] = []
    before = store.before

    async def counted(*arguments: Any, **more: Any) -> Any:
        found = await before(*arguments, **more)
        seen.append(len(found))
        return found

    monkeypatch.setattr(store, "before", counted)
    return seen


async def test_thousands_come_in_slices_newest_first(tickd: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await remember(tickd, *(entry(number // 7, email=f"{number}@a.de") for number in range(5_200)))
    seen = slices_of(monkeypatch, tickd)
    text, answer = await exported(tickd)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    found = [one["email"] for one in json.loads(text)["verifications"]]
    assert found == [one.email for one in reversed(made)]
    assert seen == [READ] * 10 + [200]
    text, answer = await exported(tickd, "?format=csv")
    assert [line["email"] for line in csv.DictReader(io.StringIO(text))] == found


async def test_an_entry_is_the_same_as_in_the_history(tickd: Harness) -> None:
    for email in ("ann@gmial.com", "info@good-mail.com", "nobody"):
        await tickd.call("POST", "/v1/verify", {"email": email})
    listed = (await tickd.call("GET", "/v1/verify/history")).json["results"]
    text, answer = await exported(tickd)
    assert json.loads(text) == {"verifications": listed}
    assert answer.headers["Content-Disposition"] == 'attachment; filename="verifications-2026-03-03.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    for query in ("?valid=true", "?email=INFO@good-mail.com", "?email=info@good-mail.com&valid=true"):
        only, _ = await exported(tickd, query)
        assert [one["email"] for one in json.loads(only)["verifications"]] == ["info@good-mail.com"]
    only, _ = await exported(tickd, "?email=info@good-mail.com&valid=false")
    assert json.loads(only) == {"verifications": []}


async def test_a_csv_has_a_header_and_nothing_that_a_spreadsheet_would_calculate(tickd: Harness) -> None:
    odd = {
        **{one: f"'{one}" for one in ("=1+1@a.de", "+49@a.de", "-x@a.de", "@a.de", "\tx@a.de", "\rx@a.de")},
        **{one: f"'{one}" for one in ("\nx@a.de", "\uff1d1@a.de", "\uff0b1", "\uff0d1@a.de", "\uff20a.de")},
        "x;=1+1@a.de": "x;'=1+1@a.de",
        'x;"=1+1@a.de': "x;\"'=1+1@a.de",
        'a"b,c\nd@a.de': 'a"b,c\nd@a.de',
        '"a b"@a.de': '"a b"@a.de',
        "\0": "\ufffd",
        "plain-x@a.de": "plain-x@a.de",
    }
    await remember(tickd, *(entry(number, email=one) for number, one in enumerate(odd)))
    text, answer = await exported(tickd, "?format=csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="verifications-2026-03-03.csv"'
    assert text.startswith("id,email,valid,mx_found,disposable,role_based,reason,created_at,suggestion\r\n")
    assert text.endswith(
        ',"=1+1@a.de","true","true","false","false","","2026-03-03T12:00:00Z",""\r\n'.replace("=1", "'=1")
    )
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["email"] for row in reversed(rows)] == list(odd.values())
    # A spreadsheet goes by its own country's separator.
    for separator in (";", "\t", "|"):
        cells = [
            cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row
        ]
        assert [one for one in cells if one.lstrip('"').startswith(("=", "+", "-", "@"))] == []


@pytest.mark.parametrize(
    ("query", "empty"),
    [("", '{"verifications":[]}'), ("?format=json", '{"verifications":[]}')],
)
async def test_nothing_is_an_empty_list(tickd: Harness, query: str, empty: str) -> None:
    assert (await exported(tickd, query))[0] == empty
    text, _ = await exported(tickd, "?format=csv")
    assert text.splitlines() == ["id,email,valid,mx_found,disposable,role_based,reason,created_at,suggestion"]


async def test_another_format_is_refused(tickd: Harness) -> None:
    reply = await tickd.call("GET", EXPORT + "?format=xlsx")
    assert (reply.status, reply.json) == (400, {"error": "format must be one of csv, json"})
    assert (await tickd.call("GET", EXPORT + "?valid=x")).status == 400


async def test_what_comes_and_goes_meanwhile_moves_nothing(tickd: Harness) -> None:
    made = await remember(tickd, *(entry(number) for number in range(READ + 10)))
    slices = tickd.daemon.services.verifications.export(made[0].account_id, valid=None)
    first = await anext(slices)
    assert len(first) == READ
    # One that is newer, one whose clock was set back, and one that is deleted.
    await remember(tickd, entry(9_999), entry(-5))
    assert (await tickd.call("DELETE", f"/v1/verify/history/{made[3].id}")).status == 204
    rest = [one async for found in slices for one in found]
    assert [one.email for one in rest] == [one.email for one in reversed(made[:10]) if one is not made[3]]


async def test_a_fault_at_the_beginning_is_an_error_like_any(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_arguments: Any, **_more: Any) -> Any:
        raise Unavailable("the disk under the database reports an error", 30)

    monkeypatch.setattr(store, "before", fail)
    for query in ("", "?format=csv"):
        reply = await tickd.call("GET", EXPORT + query)
        assert (reply.status, reply.headers["Retry-After"]) == (503, "30")


async def test_a_fault_in_the_middle_breaks_the_connection_off(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await remember(tickd, *(entry(number) for number in range(READ + 1)))
    before = store.before

    async def fail(db: Any, wanted: store.Wanted, place: store.Place, **more: Any) -> Any:
        if place is not store.FIRST:
            raise Unavailable("the disk under the database reports an error", 30)
        return await before(db, wanted, place, **more)

    monkeypatch.setattr(store, "before", fail)
    for query in ("", "?format=csv"):
        with pytest.raises(aiohttp.ClientError):
            await exported(tickd, query)
    assert (await tickd.call("GET", "/v1/verify/history")).status == 200


@pytest.mark.parametrize("how", ["revoked", "suspended"])
@pytest.mark.parametrize("query", ["", "?format=csv"])
async def test_a_key_that_is_good_no_more_gets_no_further_slice(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch, how: str, query: str
) -> None:
    await remember(tickd, *(entry(number) for number in range(READ + 1)))
    made = (await tickd.call("POST", "/v1/keys", {"name": "x", "scopes": ["read"]})).json
    before = store.before

    async def between(db: Any, wanted: store.Wanted, place: store.Place, **more: Any) -> Any:
        if place is not store.FIRST and how == "revoked":
            assert (await tickd.call("DELETE", f"/v1/keys/{made['id']}")).status == 204
        elif place is not store.FIRST:
            await tickd.daemon._database.write(lambda tx: accounts.suspend(tx, DEFAULT_ACCOUNT, 1))
        return await before(db, wanted, place, **more)

    whole, _ = await exported(tickd, query, key=made["key"])
    assert "user0@" in whole
    monkeypatch.setattr(store, "before", between)
    with pytest.raises(aiohttp.ClientError):
        await exported(tickd, query, key=made["key"])


@pytest.mark.parametrize("path", ["/verify/export.csv", "/verify/export.json"])
async def test_who_is_signed_out_meanwhile_gets_no_further_slice(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    await remember(tickd, *(entry(number) for number in range(READ + 1)))
    before = store.before

    async with owner(tickd) as me:
        assert "user0@" in (await me.get(path)).text
        token = me.cookies["tickd_session"]

        async def between(db: Any, wanted: store.Wanted, place: store.Place, **more: Any) -> Any:
            if place is not store.FIRST:
                await tickd.daemon.services.users.sign_out(token)
            return await before(db, wanted, place, **more)

        monkeypatch.setattr(store, "before", between)
        with pytest.raises(aiohttp.ClientError):
            await me.get(path)


async def test_who_reads_slowly_is_waited_for_and_who_goes_ends_it(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "a" * 300
    await remember(tickd, *(entry(number, email=f"{number}{long}@a.de") for number in range(30 * READ)))
    seen = slices_of(monkeypatch, tickd)
    ended: list[bool] = []
    service = tickd.daemon.services.verifications
    export = service.export

    async def watched(*arguments: Any, **more: Any) -> AsyncGenerator[Any, None]:
        try:
            async for found in export(*arguments, **more):
                yield found
        finally:
            ended.append(True)

    monkeypatch.setattr(service, "export", watched)
    host, port = tickd.daemon.address
    reader, writer = await asyncio.open_connection(host, port, limit=1024)
    writer.write(f"GET {EXPORT} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")

    async def rests() -> bool:
        count = len(seen)
        await asyncio.sleep(0.05)
        return count > 0 and count == len(seen)

    await eventually(rests)
    assert len(seen) < 31, "it was read to the end though nobody took it"
    assert not ended
    writer.transport.abort()

    async def over() -> bool:
        return bool(ended)

    await eventually(over)
    assert len(seen) < 31
