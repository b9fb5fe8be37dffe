"""Lists of addresses on the dashboard: what is read out of them, and the page of the batch they become."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import time
from collections.abc import AsyncIterator
from io import BytesIO, StringIO
from pathlib import Path

import aiohttp
import pytest

from tests.support.browsing import Browser, Shown
from tests.support.daemon import Harness, eventually, running
from tests.support.mail_domains import mail_domains
from tests.web.pages.people import made, signed_in, stranger
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.limits import LimitsChange
from tickd.errors import Invalid
from tickd.web.pages import verification_lists as lists
from tickd.web.pages.receiving import Upload

PASTED = "jane@tickd.dev\n  joe@nowhere.dev ; jane@TICKD.dev,\n\nnonsense\r\njim@broken.dev"


@pytest.fixture
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    async with (
        mail_domains(failing=["broken.dev"]) as names,
        running(tmp_path / "tickd.db", dns_server=(("127.0.0.1", names.port),)) as harness,
    ):
        yield harness


async def upload(me: Browser, name: str, content: bytes, **more: str) -> Shown:
    """Send the form of a list as a browser does, with a file."""
    form = aiohttp.FormData({"csrf": await me.token("/verify"), "emails": "", **more})
    form.add_field("file", BytesIO(content), filename=name, content_type="application/octet-stream")
    return await me._ask("POST", "/verify/list", data=form)


async def done(me: Browser, where: str) -> Shown:
    """The page of a batch that has ended."""

    async def ended() -> Shown | None:
        # What name servers did not tell is asked for once more after a while.
        await me.harness.clock.advance(5)
        shown = await me.get(where)
        return shown if "http-equiv" not in shown.text else None

    found: Shown = await eventually(ended)
    return found


async def test_a_pasted_list_becomes_a_batch(me: Browser) -> None:
    sent = await me.send("/verify/list", {"emails": PASTED})
    assert sent.status == 303
    shown = await me.get(sent.location)
    assert "4 addresses found. 1 repetition left out" in shown.words
    shown = await done(me, sent.location)
    assert "4 of 4 done" in shown.words
    assert "Valid 1 Not valid 2 Unknown 1" in shown.words
    rows = shown.words[shown.words.index("Results") :]
    places = [rows.index(one) for one in ("jane@tickd.dev", "joe@nowhere.dev", "nonsense", "jim@broken.dev")]
    assert places == sorted(places), "in the order given"
    assert "jim@broken.dev Unknown the name servers" in rows


async def test_the_results_are_filtered_by_verdict(me: Browser) -> None:
    where = (await me.send("/verify/list", {"emails": PASTED})).location
    await done(me, where)
    expected = {
        "valid": {"jane@tickd.dev"},
        "invalid": {"joe@nowhere.dev", "nonsense"},
        "unknown": {"jim@broken.dev"},
    }
    everyone = set().union(*expected.values())
    for kind, emails in expected.items():
        shown = (await me.get(f"{where}?show={kind}")).words
        assert {one for one in everyone if one in shown} == emails, kind
    assert (await me.get(f"{where}?show=all")).status == 400
    assert "None of these" in (await me.get(f"{where}?offset=100")).words


async def test_the_results_have_pages(me: Browser) -> None:
    where = (await me.send("/verify/list", {"emails": "\n".join(f"no {n}!" for n in range(101))})).location
    shown = await done(me, where)
    assert "1–100 of 101" in shown.words  # noqa: RUF001
    rest = await me.get(f"{where}?show=invalid&offset=100")
    assert "no 100!" in rest.words and "no 99!" not in rest.words


async def test_the_results_are_downloaded_in_the_order_given(me: Browser) -> None:
    where = (await me.send("/verify/list", {"emails": PASTED + "\n=1+1"})).location
    await done(me, where)
    shown = await me.get(f"{where}/results.csv")
    assert shown.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in shown.headers["Content-Disposition"]
    rows = list(csv.DictReader(StringIO(shown.text)))
    said = [(row["email"], row["valid"], bool(row["reason"]), bool(row["error"])) for row in rows]
    assert said == [
        ("jane@tickd.dev", "true", False, False),
        ("joe@nowhere.dev", "false", True, False),
        ("nonsense", "false", True, False),
        ("jim@broken.dev", "", False, True),
        ("'=1+1", "false", True, False),
    ]


async def test_progress_is_told_as_it_happens(me: Browser) -> None:
    where = (await me.send("/verify/list", {"emails": "a@tickd.dev\nb@nowhere.dev"})).location
    await done(me, where)
    events = (await me.get(f"{where}/events")).text
    assert "event: done" in events
    told = json.loads(events.partition("data: ")[2].partition("\n")[0])
    assert told == {"total": 2, "done": 2, "tried": 2, "valid": 1, "invalid": 1, "unknown": 0}


async def test_a_running_batch_refreshes_itself_without_a_script(me: Browser) -> None:
    where = (await me.send("/verify/list", {"emails": "a@tickd.dev, b@broken.dev"})).location

    async def one_is_done() -> Shown | None:
        shown = await me.get(where)
        return shown if "1 of 2 done" in shown.words else None

    shown: Shown = await eventually(one_is_done)
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in shown.text
    assert "/verify." in shown.text
    part = await me.fragment(where)
    assert "<html" not in part.text and "1 of 2 done" in part.words
    assert "It is stopped." in (await me.get(f"{where}/delete")).words
    assert (await me.send(f"{where}/delete")).location == "/verify"
    assert (await me.get(where)).status == 404


async def test_a_batch_and_its_results_are_deleted(me: Browser) -> None:
    where = (await me.send("/verify/list", {"emails": PASTED})).location
    await done(me, where)
    assert "jane@tickd.dev" in (await me.get("/verify/history")).words
    assert "leaves the history too" in (await me.get(f"{where}/delete")).words
    shown = await me.send(f"{where}/delete", follow=True)
    assert "The batch was deleted." in shown.words
    assert "Nothing here" in shown.words
    assert "No batch yet" in (await me.get("/verify/batches")).words


async def test_batches_are_listed_the_newest_first(me: Browser, tickd: Harness) -> None:
    for count in (1, 2, 3):
        where = (await me.send("/verify/list", {"emails": " ".join("x") + ",y@" * (count - 1)})).location
        await done(me, where)
        await tickd.clock.advance(1)
    shown = await me.get("/verify/batches")
    assert shown.text.count('<tr id="bat_') == 3


async def test_a_file_is_taken_as_well(me: Browser) -> None:
    table = "Name;E-Mail;Boss\nJane;jane@tickd.dev;x@nowhere.dev\nJoe;joe@tickd.dev;y@nowhere.dev\n"
    sent = await upload(me, "people.CSV", table.encode("utf-16"))
    shown = await done(me, sent.location)
    assert "jane@tickd.dev" in shown.words and "joe@tickd.dev" in shown.words
    assert "nowhere.dev" not in shown.words
    sent = await upload(me, "people.txt", b"\xef\xbb\xbfa@tickd.dev\nb@tickd.dev", emails="c@tickd.dev")
    assert "3 addresses found" in (await me.get(sent.location)).words


async def test_a_list_that_can_t_be_taken_is_refused_and_stays(me: Browser) -> None:
    empty = await me.send("/verify/list", {"emails": " \n,; "})
    assert (empty.status, "The list has no address in it." in empty.words) == (422, True)
    many = "\n".join(f"{number}@tickd.dev" for number in range(1_001))
    shown = await me.send("/verify/list", {"emails": many})
    assert shown.status == 422
    assert "The list has 1,001 addresses, and 1,000 is the most at once." in shown.words
    assert "tickd verify FILE" in shown.words and "POST /v1/verify/batch" in shown.words
    assert "1000@tickd.dev</textarea>" in shown.text
    picture = await upload(me, "people.csv", b"\x89PNG\0\0", emails="a@tickd.dev")
    assert (picture.status, "is no text" in picture.words) == (422, True)
    assert "a@tickd.dev</textarea>" in picture.text
    assert (await upload(me, "huge.txt", b"x@y.z\n" * 400_000)).status == 413
    assert "No batch yet" in (await me.get("/verify/batches")).words


async def test_what_is_over_the_limit_is_refused_as_a_whole(me: Browser, tickd: Harness) -> None:
    await tickd.daemon.services.limits.set(DEFAULT_ACCOUNT, LimitsChange(verifications_per_month=3))
    shown = await me.send("/verify/list", {"emails": PASTED})
    assert shown.status == 422
    assert "3 are left, and 4 are wanted. Limits and use" in shown.words
    assert "jim@broken.dev</textarea>" in shown.text
    assert "0 of 3 verifications this month" in shown.words


async def test_the_list_is_shown_as_a_call_of_the_api(me: Browser) -> None:
    shown = await me.send("/verify/list", {"emails": "a@b.c, d@e.f, g@h.i, j@k.l", "do": "request"})
    assert '"emails": ["a@b.c", "d@e.f", "g@h.i"]' in shown.words
    assert "/v1/verify/batch" in shown.words
    assert "The first 3 of 4 addresses." in shown.words
    assert "No batch yet" in (await me.get("/verify/batches")).words


async def test_readers_look_and_strangers_find_nothing(me: Browser, tickd: Harness) -> None:
    where = (await me.send("/verify/list", {"emails": PASTED})).location
    await done(me, where)
    await made(tickd, "reader@example.com", "reader")
    async with signed_in(tickd, "reader@example.com") as reader:
        shown = await reader.get(where)
        assert shown.status == 200 and "/delete" not in shown.text
        assert (await reader.send(f"{where}/delete")).status == 403
    async with stranger(tickd) as other:
        for end in ("", "/events", "/results.csv", "/delete"):
            assert (await other.get(where + end)).status == 404
        assert (await other.send(f"{where}/delete")).status == 404


READ: list[tuple[str, str]] = [
    ('Name;E-Mail\n"Lovelace, Ada";ada@b.com\n"Babbage, Charles";kim@b.com\n', "ada@b.com kim@b.com"),
    ("Name\tE-Mail\tBoss\nAda\tada@b.com\tx@y.com\nKim\tkim@b.com\tx@y.com\n", "ada@b.com kim@b.com"),
    ("jane.gmail.com\nada@b.com", "jane.gmail.com ada@b.com"),
    ("E-Mail\nada@b.com\n", "ada@b.com"),
    ("ada@b.com\rkim@b.com\r", "ada@b.com kim@b.com"),
    ("ada@b.com kim@b.com  jim@b.com", "ada@b.com kim@b.com jim@b.com"),
    ("ada@b.com,kim@b.com;jim@b.com", "ada@b.com kim@b.com jim@b.com"),
    ('"Doe, Jane" <jane@b.com>, Joe <joe@b.com>; jim@b.com', "jane@b.com joe@b.com jim@b.com"),
    ("name,email\nAda,ada@b.com\n\nKim,kim@b.com\n", "ada@b.com kim@b.com"),
]
"""What is pasted or in a file, and the addresses that the page and `tickd verify` find in it."""


@pytest.mark.parametrize(("text", "emails"), READ)
async def test_a_list_is_read_the_same_pasted_and_in_a_file(text: str, emails: str) -> None:
    for found in (await lists.read(text, None), await lists.read("", Upload("x", text.encode()))):
        assert found == (emails.split(), 0)


async def test_a_table_out_of_a_spreadsheet_is_read_by_its_column(me: Browser) -> None:
    table = 'Name;E-Mail\r\n"Lovelace, Ada";ada@tickd.dev\r\n"Babbage, Charles";kim@tickd.dev\r\n'
    pasted = await me.send("/verify/list", {"emails": table})
    sent = await upload(me, "people.csv", table.encode())
    for where in (pasted.location, sent.location):
        shown = await done(me, where)
        assert "Valid 2 Not valid 0" in shown.words


async def test_a_file_of_windows_is_read_in_its_encoding() -> None:
    found = await lists.read("", Upload("a.txt", "jürgen@b.c".encode("cp1252")))
    assert found.emails == ["jürgen@b.c"]


async def test_only_what_is_the_same_is_a_repetition() -> None:
    """The case of a domain makes no other address; that of a mailbox may, and ß is no ss."""
    found = await lists.read("a@b.c\nA@b.c\na@B.C\na@straße.de\na@strasse.de\na@STRASSE.DE", None)
    assert found == (["a@b.c", "A@b.c", "a@straße.de", "a@strasse.de"], 2)


@pytest.mark.parametrize("text", ['"', "a", "<", '"\n', "a,", "a\n", "@", "a@b.c ", "x;y,z@w\t|\n"])
async def test_a_mebibyte_of_anything_holds_nobody_up(text: str) -> None:
    """It is refused for its many parts, or read beside the loop."""
    pauses: list[float] = []

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            pauses.append(time.monotonic() - before)

    watching = asyncio.create_task(watch())
    with contextlib.suppress(Invalid):
        assert await lists.read(text * (1_000_000 // len(text)), None) is not None
    watching.cancel()
    assert max(pauses, default=0) < 0.9


async def test_a_list_of_too_many_parts_is_refused_before_it_is_read(me: Browser) -> None:
    shown = await me.send("/verify/list", {"emails": "a," * 100_001})
    assert shown.status == 422
    assert "The list has too many lines or cells: 1,000 addresses is the most at once." in shown.words
    assert "tickd verify FILE" in shown.words


async def test_what_is_to_be_asked_again_is_told(me: Browser, tickd: Harness) -> None:
    where = (await me.send("/verify/list", {"emails": "a@tickd.dev, b@broken.dev"})).location

    async def tried() -> Shown | None:
        shown = await me.get(where)
        return shown if "1 of 2 done , 1 to be asked again" in shown.words else None

    await eventually(tried)
    shown = await done(me, where)
    assert "2 of 2 done" in shown.words and "asked again" not in shown.words


async def test_an_address_that_only_a_batch_has_is_deleted_as_well(me: Browser) -> None:
    where = (await me.send("/verify/list", {"emails": "a@broken.dev"})).location
    await done(me, where)
    asked = await me.get("/verify/history/delete?email=A@broken.dev")
    assert "A@broken.dev : 0 verifications in the history." in asked.words
    shown = await me.send("/verify/history/delete", {"email": "A@broken.dev"}, follow=True)
    assert "That address was not in the history. Batches that had it have it no longer." in shown.words
    shown = await me.get(where)
    assert "Nothing is kept" in shown.words and "a@broken.dev" not in shown.words
    shown = await me.send("/verify/history/delete", {"email": "A@broken.dev"}, follow=True)
    assert "Nothing is kept of that address." in shown.words
