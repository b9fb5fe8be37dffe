"""Batches of addresses on the native face: what is answered, told as it happens, paged and deleted."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import dns.message
import pytest

from tests.contract import mailing
from tests.contract.mailing import BROKEN, NO_MX, verifying
from tests.contract.people import OTHER, key_with, stranger
from tests.support.daemon import KEY, NOON, Harness, Reply, eventually, running
from tests.support.dns import naming
from tickd.domain import times
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.services.verification import UNDER_WAY_MOST
from tickd.services.verification_batches import (
    AT_ONCE,
    LISTENERS_MOST,
    NEWS_SECS,
    OF_ACCOUNT,
    OPEN_MOST,
    TICK_SECS,
)
from tickd.services.verification_runs import LOOKUPS, STORE_SECS
from tickd.web.routes import BODY_BYTES

BATCH = "/v1/verify/batch"
ASYNC = {"Prefer": "respond-async"}
EVENTS = {"Accept": "text/event-stream"}
GOOD, BAD, ODD = "ada@good-mail.com", f"bob@{NO_MX}", f"eve@{BROKEN}"


@pytest.fixture
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    async with verifying(tmp_path / "tickd.db") as (harness, _names):
        yield harness


class Gate:
    """Keeps the answers about every domain that begins with `held` back until it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    async def answer(self, query: dns.message.Message) -> dns.message.Message:
        if query.question[0].name.to_text().startswith("held"):
            await self.opened.wait()
        return mailing.answer(query)


@asynccontextmanager
async def holding(path: Path) -> AsyncIterator[tuple[Harness, Gate]]:
    """A daemon, and the gate before its name server."""
    gate = Gate()
    async with naming(gate.answer) as names, running(path, dns_server=(names.server,)) as harness:
        yield harness, gate


async def submit(tickd: Harness, *emails: object, **more: Any) -> Reply:
    return await tickd.call("POST", BATCH, {"emails": list(emails)}, **more)


async def begun(tickd: Harness, *emails: str, **more: Any) -> str:
    """The id of a batch that goes on in the background."""
    reply = await submit(tickd, *emails, headers=ASYNC, **more)
    assert reply.status == 202, reply.json
    found: str = reply.json["id"]
    return found


async def ended(tickd: Harness, identifier: str) -> dict[str, Any]:
    """The batch with its results, once it has ended; the clock goes on meanwhile."""

    async def once() -> dict[str, Any] | None:
        found: dict[str, Any] = (await tickd.call("GET", f"{BATCH}/{identifier}")).json
        await tickd.clock.advance(STORE_SECS)
        return found if found["status"] == "done" else None

    found: dict[str, Any] = await eventually(once)
    return found


class Stream:
    """The events of an answer, one by one; a comment is an event of that name."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def next(self) -> tuple[str, Any]:
        """The next event and what it says; ("", None) at the end."""
        event, data = "", ""
        while line := (await asyncio.wait_for(self.answer.content.readline(), 5.0)).decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if line == "\n":
                return event, json.loads(data) if data else None
            event = value if name == "event" else "comment" if not name else event
            data = value if name == "data" else data
        return "", None


@asynccontextmanager
async def listening(
    tickd: Harness, method: str, path: str, body: Any = None, *, key: str = KEY
) -> AsyncIterator[Stream]:
    """A stream of events."""
    headers = {"Authorization": f"Bearer {key}"} | EVENTS
    async with tickd._session.request(method, tickd.url + path, json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        yield Stream(answer)


# What is answered.


async def test_everything_that_is_answered(tickd: Harness) -> None:
    # The last one proves nothing: it is tried again in five seconds, which pass when that is waited for.
    answering = asyncio.create_task(submit(tickd, GOOD, "not an address", BAD, ODD))

    async def answered() -> bool:
        await tickd.clock.advance(STORE_SECS)
        return answering.done()

    await eventually(answered)
    reply = await answering
    assert reply.status == 200
    found = reply.json
    results = found.pop("results")
    finished = found.pop("finished_at")
    assert found.pop("created_at") < "2026-03-03T12:00:01Z"
    assert finished > "2026-03-03T12:00:05"
    assert found.pop("id").startswith("bat_")
    assert found == {
        "status": "done",
        "total": 4,
        "done": 4,
        "tried": 4,
        "valid": 1,
        "invalid": 2,
        "unknown": 1,
    }
    assert [one["index"] for one in results] == [0, 1, 2, 3]
    known = (await tickd.call("GET", f"/v1/verify/history/{results[0]['id']}")).json
    assert results[0] == {"index": 0} | known
    assert (known["email"], known["valid"], known["reason"]) == (GOOD, True, "")
    assert [one["valid"] for one in results[:3]] == [True, False, False]
    assert set(results[3]) == {"index", "email", "error"}
    assert results[3]["email"] == ODD
    assert BROKEN in results[3]["error"]
    # What nothing was found out about is not in the history, and not counted.
    assert (await tickd.call("GET", "/v1/verify/history")).json["total"] == 3
    assert (await tickd.call("GET", "/v1/account")).json["use"]["verifications_this_month"] == 3


async def test_the_answer_can_be_fetched_later(tmp_path: Path) -> None:
    async with holding(tmp_path / "t.db") as (tickd, gate):
        reply = await submit(tickd, GOOD, "a@held.com", headers=ASYNC)
        assert reply.status == 202
        path = reply.headers["Location"]
        assert path == f"{BATCH}/{reply.json['id']}"
        assert reply.headers["Preference-Applied"] == "respond-async"
        assert reply.json | {"id": ""} == {
            "id": "",
            "status": "running",
            "total": 2,
            "done": 0,
            "tried": 0,
            "valid": 0,
            "invalid": 0,
            "unknown": 0,
            "created_at": "2026-03-03T12:00:00Z",
            "finished_at": None,
        }

        async def half() -> bool:
            await tickd.clock.advance(STORE_SECS)
            return bool((await tickd.call("GET", path)).json["done"] == 1)

        await eventually(half)
        so_far = (await tickd.call("GET", path)).json
        assert (so_far["status"], [one["index"] for one in so_far["results"]]) == ("running", [0])
        gate.opened.set()
        done = await ended(tickd, reply.json["id"])
        assert (done["valid"], [one["index"] for one in done["results"]]) == (2, [0, 1])


@pytest.mark.parametrize(
    "said", ["respond-async, wait=10", "handling=lenient, Respond-Async", "respond-async;a=b"]
)
async def test_a_preference_is_found_among_others(tickd: Harness, said: str) -> None:
    assert (await submit(tickd, GOOD, headers={"Prefer": said})).status == 202


async def test_batches_are_listed_newest_first_and_their_results_paged(tickd: Harness) -> None:
    made = []
    for number in range(22):
        made.append((await submit(tickd, *(f"a{n}@good-mail.com" for n in range(number + 1)))).json["id"])
        await tickd.clock.advance(1)
    listed = (await tickd.call("GET", BATCH)).json
    assert [one["id"] for one in listed["batches"]] == made[:1:-1]
    assert (listed["limit"], listed["offset"], listed["total"]) == (20, 0, 22)
    assert not {"results", "limit", "offset"} & set(listed["batches"][0])
    listed = (await tickd.call("GET", f"{BATCH}?limit=2&offset=20")).json
    assert [one["id"] for one in listed["batches"]] == [made[1], made[0]]
    page = (await tickd.call("GET", f"{BATCH}/{made[21]}?limit=3&offset=2")).json
    assert [one["index"] for one in page["results"]] == [2, 3, 4]
    assert (page["limit"], page["offset"], page["total"]) == (3, 2, 22)
    for asked, limit in (("", 100), ("?limit=5000", 1000), ("?limit=0", 1)):
        assert (await tickd.call("GET", f"{BATCH}/{made[21]}{asked}")).json["limit"] == limit
    refused = await tickd.call("GET", f"{BATCH}/{made[0]}?limit=x")
    assert (refused.status, refused.json["error"]) == (400, "limit must be a whole number")


async def test_results_that_were_deleted_from_the_history_are_left_out(tickd: Harness) -> None:
    found = (await submit(tickd, GOOD, BAD, "c@good-mail.com")).json
    await tickd.call("DELETE", f"/v1/verify/history/{found['results'][1]['id']}")
    kept = (await tickd.call("GET", f"{BATCH}/{found['id']}")).json
    assert [one["index"] for one in kept["results"]] == [0, 2]
    assert (kept["done"], kept["valid"], kept["invalid"]) == (3, 2, 1)
    assert (await tickd.call("DELETE", "/v1/verify/history")).json == {"deleted": 2, "unknown": 0}
    emptied = (await tickd.call("GET", f"{BATCH}/{found['id']}")).json
    assert (emptied["done"], emptied["results"]) == (3, [])


async def test_unknown_addresses_go_with_the_history_too(tickd: Harness) -> None:
    identifier = await begun(tickd, ODD)
    assert (await ended(tickd, identifier))["results"][0]["email"] == ODD
    await tickd.call("DELETE", "/v1/verify/history")
    kept = (await tickd.call("GET", f"{BATCH}/{identifier}")).json
    assert (kept["done"], kept["unknown"], kept["results"]) == (1, 1, [])


async def test_a_batch_is_deleted_with_its_results(tickd: Harness) -> None:
    found = (await submit(tickd, GOOD, BAD)).json
    assert (await tickd.call("DELETE", f"{BATCH}/{found['id']}")).status == 204
    for method in ("GET", "DELETE"):
        gone = await tickd.call(method, f"{BATCH}/{found['id']}")
        assert (gone.status, gone.json) == (404, {"error": f"no batch {found['id']}"})
    assert (await tickd.call("GET", "/v1/verify/history")).json["total"] == 0
    assert (await tickd.call("GET", BATCH)).json["total"] == 0


# What is refused.


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "emails is required"),
        ({"emails": None}, "emails is required"),
        ({"emails": "ada@example.com"}, "emails must be a list of 1 to 1000 addresses, each text"),
        ({"emails": []}, "emails must be a list of 1 to 1000 addresses, each text; 0 were given"),
        (
            {"emails": ["a"] * 1001},
            "emails must be a list of 1 to 1000 addresses, each text; 1001 were given",
        ),
        ({"emails": ["a", 1]}, "emails must be a list of 1 to 1000 addresses, each text; number 2 is not"),
        ({"emails": [None]}, "emails must be a list of 1 to 1000 addresses, each text; number 1 is not"),
        ([], "the body must be a JSON object"),
    ],
)
async def test_what_is_no_list_of_addresses_is_a_400(tickd: Harness, body: Any, sentence: str) -> None:
    refused = await tickd.call("POST", BATCH, body)
    assert (refused.status, refused.json) == (400, {"error": sentence})
    assert (await tickd.call("GET", BATCH)).json["total"] == 0


async def test_a_thousand_addresses_are_taken_and_too_large_a_body_is_not(tickd: Harness) -> None:
    large = io.BytesIO(json.dumps({"emails": ["x" * (BODY_BYTES // 1000)] * 1000}).encode())
    refused = await tickd.call("POST", BATCH, data=large)
    assert (refused.status, refused.json) == (413, {"error": "the body is larger than 1 MiB"})
    taken = (await submit(tickd, *(f"a{number}@good-mail.com" for number in range(1000)))).json
    assert (taken["valid"], len(taken["results"])) == (1000, 1000)


async def test_a_batch_that_does_not_fit_into_the_month_is_a_402(tickd: Harness) -> None:
    def unit(tx: sqlite3.Connection) -> None:
        tx.execute("UPDATE accounts SET verifications_per_month = 3 WHERE id = ?", (DEFAULT_ACCOUNT,))

    await tickd.daemon._database.write(unit)
    refused = await submit(tickd, *[GOOD] * 4)
    assert (refused.status, "verifications_per_month: " in refused.json["error"]) == (402, True)
    assert (await tickd.call("GET", BATCH)).json["total"] == 0
    refused = await submit(tickd, *[GOOD] * 4, headers=EVENTS)
    assert refused.status == 402
    assert (await submit(tickd, *[GOOD] * 3)).status == 200


async def test_who_may_do_what(tmp_path: Path) -> None:
    async with holding(tmp_path / "t.db") as (tickd, gate):
        identifier = await begun(tickd, "a@held.com")
        read, beat = await key_with(tickd, "read"), await key_with(tickd, "heartbeat:write")
        other = await stranger(tickd)
        for method, path, body, scope in (
            ("POST", BATCH, {"emails": [GOOD]}, "write"),
            ("DELETE", f"{BATCH}/{identifier}", None, "write"),
            ("GET", BATCH, None, "read"),
            ("GET", f"{BATCH}/{identifier}", None, "read"),
            ("GET", f"{BATCH}/{identifier}/events", None, "read"),
        ):
            assert (await tickd.call(method, path, body, key=None)).status == 401
            assert (await tickd.call(method, path, body, key=beat)).status == 403
            if scope == "write":
                assert (await tickd.call(method, path, body, key=read)).status == 403
            if identifier in path:
                refused = await tickd.call(method, path, body, key=other)
                assert (refused.status, refused.json) == (404, {"error": f"no batch {identifier}"})
        assert (await tickd.call("GET", BATCH, key=other)).json["total"] == 0
        assert (await tickd.call("GET", f"{BATCH}/{identifier}", key=read)).json["status"] == "running"
        gate.opened.set()
        assert (await ended(tickd, identifier))["valid"] == 1


async def test_so_many_batches_may_wait_and_so_many_may_listen(tmp_path: Path) -> None:
    async with holding(tmp_path / "t.db") as (tickd, _gate):
        batches = tickd.daemon.services.verification_batches
        with ExitStack() as stack:
            for _ in range(LISTENERS_MOST):
                stack.enter_context(batches.seat(DEFAULT_ACCOUNT, lambda: False))
            refused = await submit(tickd, GOOD, headers=EVENTS)
            assert (refused.status, refused.headers["Retry-After"]) == (429, "30")
            assert (await tickd.call("GET", BATCH)).json["total"] == 0
            identifier = await begun(tickd, "a@held.com")
            assert (await tickd.call("GET", f"{BATCH}/{identifier}/events")).status == 429
        for _ in range(OPEN_MOST - 1):
            await begun(tickd, "a@held.com")
        refused = await submit(tickd, "a@held.com", headers=ASYNC)
        assert (refused.status, refused.json["error"]) == (429, "100 batches have not ended yet")


async def test_one_address_by_itself_does_not_wait_behind_batches(tmp_path: Path) -> None:
    async with holding(tmp_path / "t.db") as (tickd, gate):
        other = await stranger(tickd)
        for word in "abcdef":
            await begun(tickd, *(f"a@held-{word}{number}.com" for number in range(100)))
            await begun(tickd, *(f"a@held-o{word}{number}.com" for number in range(100)), key=other)

        async def all_at_work() -> bool:
            return len(tickd.daemon._verifier.exchanges._running) == AT_ONCE * LOOKUPS

        await eventually(all_at_work)
        verified = await tickd.call("POST", "/v1/verify", {"email": GOOD})
        assert (verified.status, verified.json["valid"]) == (200, True)
        assert len(tickd.daemon._verifier.exchanges._running) == AT_ONCE * LOOKUPS
        gate.opened.set()


async def test_an_account_whose_domains_are_silent_leaves_another_one_room(tmp_path: Path) -> None:
    async with holding(tmp_path / "t.db") as (tickd, _gate):
        other = await stranger(tickd)
        for word in "abcd":
            await begun(tickd, *(f"a@held-{word}{number}.com" for number in range(100)), key=other)

        async def at_work() -> bool:
            return len(tickd.daemon._verifier.exchanges._running) == OF_ACCOUNT * LOOKUPS

        await eventually(at_work)
        answered = await asyncio.wait_for(submit(tickd, GOOD), 2.0)
        assert (answered.status, answered.json["valid"]) == (200, 1)


async def test_so_many_of_an_account_are_verified_one_by_one_at_once(tmp_path: Path) -> None:
    async with holding(tmp_path / "t.db") as (tickd, gate):
        other = await stranger(tickd)

        def single(email: str, key: str = other) -> Awaitable[Reply]:
            return tickd.call("POST", "/v1/verify", {"email": email}, key=key)

        held = [asyncio.ensure_future(single(f"a@held{number}.com")) for number in range(UNDER_WAY_MOST)]

        async def all_wait() -> bool:
            return len(tickd.daemon._verifier.exchanges._running) == UNDER_WAY_MOST

        await eventually(all_wait)
        refused = await single("a@one-more.com")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        assert refused.json == {"error": f"{UNDER_WAY_MOST} addresses are being verified at once already"}
        assert (await single(GOOD, KEY)).status == 200
        gate.opened.set()
        assert {(await one).status for one in held} == {200}
        assert (await single("a@one-more.com")).status == 200
        use = (await tickd.call("GET", "/v1/account", key=other)).json["use"]
        assert use["verifications_this_month"] == UNDER_WAY_MOST + 1


# Told as it happens.


async def test_progress_is_told_and_then_the_whole(tmp_path: Path) -> None:
    async with holding(tmp_path / "t.db") as (tickd, gate):
        body = {"emails": [GOOD, BAD, "a@held.com"]}
        async with listening(tickd, "POST", BATCH, body) as stream:
            assert stream.answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert stream.answer.headers["X-Accel-Buffering"] == "no"
            assert stream.answer.headers["Cache-Control"] == "no-store"
            event, first = await stream.next()
            assert (event, first["status"], first["total"], first["done"]) == ("progress", "running", 3, 0)
            told = [0]
            while (
                told[-1] < 2
            ):  # what was found out is stored in groups: these two in one, or one after the other
                event, second = await come(tickd, asyncio.create_task(stream.next()))
                assert (event, "results" in second) == ("progress", False)
                told.append(second["done"])
            assert told in ([0, 2], [0, 1, 2])
            gate.opened.set()
            event, last = await come(tickd, asyncio.create_task(stream.next()))
            assert (event, last["status"], last["done"]) == ("done", "done", 3)
            assert [one["index"] for one in last["results"]] == [0, 1, 2]
            assert await stream.next() == ("", None)
        async with listening(tickd, "GET", f"{BATCH}/{first['id']}/events") as stream:
            assert await stream.next() == ("done", last)
            assert await stream.next() == ("", None)


async def come(tickd: Harness, event: asyncio.Task[tuple[str, Any]]) -> tuple[str, Any]:
    """An event, for which the clock is moved on."""

    async def has() -> bool:
        await tickd.clock.advance(max(NEWS_SECS, STORE_SECS))
        return event.done()

    await eventually(has)
    return await event


async def test_whoever_listens_is_kept_alive_when_nothing_happens(tmp_path: Path) -> None:
    async with holding(tmp_path / "t.db") as (tickd, gate):
        identifier = await begun(tickd, "a@held.com")
        async with listening(tickd, "GET", f"{BATCH}/{identifier}/events") as stream:
            assert (await stream.next())[0] == "progress"
            until = tickd.clock.monotonic() + TICK_SECS
            assert await come(tickd, asyncio.create_task(stream.next())) == ("comment", None)
            assert tickd.clock.monotonic() >= until
            gate.opened.set()
            assert (await come(tickd, asyncio.create_task(stream.next())))[0] == "done"


async def test_a_listener_who_leaves_does_not_stop_the_batch(tmp_path: Path) -> None:
    async with holding(tmp_path / "t.db") as (tickd, gate):
        async with listening(tickd, "POST", BATCH, {"emails": [GOOD, "a@held.com"]}) as stream:
            _, batch = await stream.next()
        gate.opened.set()
        assert (await ended(tickd, batch["id"]))["valid"] == 2

        async def is_let_go() -> bool:
            await tickd.clock.advance(TICK_SECS)
            return tickd.daemon.services.verification_batches._seats.held == 0

        await eventually(is_let_go)


async def test_a_batch_that_is_deleted_ends_its_events(tmp_path: Path) -> None:
    async with holding(tmp_path / "t.db") as (tickd, _gate):
        identifier = await begun(tickd, "a@held.com")
        async with listening(tickd, "GET", f"{BATCH}/{identifier}/events") as stream:
            assert (await stream.next())[0] == "progress"
            await tickd.call("DELETE", f"{BATCH}/{identifier}")
            event = await come(tickd, asyncio.create_task(stream.next()))
            assert event == ("error", {"error": f"no batch {identifier}"})
            assert await stream.next() == ("", None)


async def suspended(tickd: Harness, key: str) -> str:
    """What is said when the account of `key` is suspended."""
    await tickd.daemon.services.accounts.suspend(OTHER)
    return "this account is suspended"


async def revoked(tickd: Harness, key: str) -> str:
    """What is said when `key` is revoked."""
    (own,) = (await tickd.call("GET", "/v1/keys", key=key)).json["keys"]
    assert (await tickd.call("DELETE", f"/v1/keys/{own['id']}", key=key)).status == 204
    return "this API key is unknown or revoked"


@pytest.mark.parametrize("barred", [suspended, revoked])
@pytest.mark.parametrize("goes_on", [True, False])
async def test_events_end_for_who_may_not_call_any_more(
    tmp_path: Path, barred: Callable[[Harness, str], Awaitable[str]], goes_on: bool
) -> None:
    async with holding(tmp_path / "t.db") as (tickd, gate):
        other = await stranger(tickd)
        identifier = await begun(tickd, "a@held.com", key=other)
        path = f"{BATCH}/{identifier}/events"
        async with listening(tickd, "GET", path, key=other) as stream:
            assert (await stream.next())[0] == "progress"
            sentence = await barred(tickd, other)
            if goes_on:
                gate.opened.set()
            at = tickd.clock.monotonic()
            event = await come(tickd, asyncio.create_task(stream.next()))
            assert event == ("error", {"error": sentence})
            assert tickd.clock.monotonic() - at < TICK_SECS + 2
            assert await stream.next() == ("", None)


@pytest.mark.parametrize(("barred", "status"), [(suspended, 403), (revoked, 401)])
async def test_who_waits_is_not_answered_when_they_may_not_call_any_more(
    tmp_path: Path, barred: Callable[[Harness, str], Awaitable[str]], status: int
) -> None:
    async with holding(tmp_path / "t.db") as (tickd, gate):
        other = await stranger(tickd)
        waiting = asyncio.create_task(submit(tickd, "a@held.com", key=other))

        async def is_stored() -> bool:
            return bool((await tickd.call("GET", BATCH, key=other)).json["total"])

        await eventually(is_stored)
        sentence = await barred(tickd, other)
        gate.opened.set()
        reply = await waiting
        assert (reply.status, reply.json) == (status, {"error": sentence})


async def test_the_stop_ends_events_and_answers_and_the_batch_goes_on_at_the_next_start(
    tmp_path: Path,
) -> None:
    async with holding(tmp_path / "t.db") as (tickd, _gate):
        identifier = await begun(tickd, GOOD, "a@held.com")
        waiting = asyncio.create_task(submit(tickd, "b@held.com"))
        async with listening(tickd, "GET", f"{BATCH}/{identifier}/events") as stream:
            assert (await stream.next())[0] == "progress"

            async def both() -> bool:
                return bool((await tickd.call("GET", BATCH)).json["total"] == 2)

            await eventually(both)
            await tickd.daemon.services.verification_batches.stop()
            event = await come(tickd, asyncio.create_task(stream.next()))
            while event[0] != "error":
                event = await stream.next()
            rests = f"batch {identifier} rests; it goes on when tickd is started again"
            assert event == ("error", {"error": rests})
        reply = await waiting
        assert (reply.status, "rests" in reply.json["error"]) == (503, True)
        assert int(reply.headers["Retry-After"]) > 0
    async with verifying(tmp_path / "t.db") as (tickd, _names):
        done = await ended(tickd, identifier)
        assert (done["valid"], done["status"]) == (2, "done")


async def test_old_batches_are_removed_with_their_results(tickd: Harness) -> None:
    found = (await submit(tickd, GOOD)).json
    tickd.clock.set(NOON + 91 * times.DAY)

    async def is_gone() -> bool:
        await tickd.clock.advance(600)
        return (await tickd.call("GET", f"{BATCH}/{found['id']}")).status == 404

    await eventually(is_gone)
    assert (await tickd.call("GET", "/v1/verify/history")).json["total"] == 0
