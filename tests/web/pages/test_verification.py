"""The page of e-mail verification: one address, its result, and the history of all."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import pytest

from tests.support.browsing import Browser, owner
from tests.support.daemon import Harness, eventually, running
from tests.support.mail_domains import mail_domains
from tests.web.pages.people import NASTY, made, signed_in, stranger
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.limits import LimitsChange
from tickd.domain.verification import Verdict, Verification
from tickd.domain.verification import made as entry
from tickd.web.pages import verification


@pytest.fixture
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    async with (
        mail_domains(failing=["broken.dev"]) as names,
        running(tmp_path / "tickd.db", dns_server=(("127.0.0.1", names.port),)) as harness,
    ):
        yield harness


async def limited(tickd: Harness, **limits: int) -> None:
    """Set limits of the default account."""
    await tickd.daemon.services.limits.set(DEFAULT_ACCOUNT, LimitsChange(**limits))


def made_of(email: str, suggestion: str = "") -> Verification:
    """An entry of the history."""
    verdict = Verdict(valid=False, suggestion=suggestion)
    return entry(verdict, identifier="ver_1", account_id=DEFAULT_ACCOUNT, email=email, now=0)


async def verified(me: Browser, *emails: str) -> list[str]:
    """Verify addresses by the page, one after the other; where each result is."""
    return [(await me.send("/verify", {"email": email})).location for email in emails]


async def test_a_good_address_is_said_to_be_valid(me: Browser) -> None:
    shown = await me.send("/verify", {"email": "  jane@tickd.dev "}, follow=True)
    assert shown.status == 200
    assert "jane@tickd.dev Valid" in shown.words
    assert "Syntax Right Mail exchange Found Disposable No Role-based No" in shown.words
    assert "mailto:" not in shown.text


async def test_each_thing_that_is_wrong_is_said(me: Browser) -> None:
    expected = {
        "jane": ("the address has no @-sign", "Syntax Wrong Role-based"),
        "jane@nowhere.dev": ("there is no domain nowhere.dev", "Mail exchange None"),
        "jane@mailinator.com": ("throw-away", "Disposable Yes"),
    }
    for email, (reason, line) in expected.items():
        shown = await me.send("/verify", {"email": email}, follow=True)
        assert f"{email} Not valid" in shown.words
        assert reason in shown.words
        assert line in shown.words


async def test_a_role_is_told_and_is_no_fault(me: Browser) -> None:
    shown = await me.send("/verify", {"email": "info@tickd.dev"}, follow=True)
    assert "info@tickd.dev Valid" in shown.words
    assert "Role-based Yes" in shown.words


async def test_what_was_probably_meant_is_verified_by_one_press(me: Browser) -> None:
    shown = await me.send("/verify", {"email": "jane.doe@gmail.con"}, follow=True)
    assert "Did you mean jane.doe@gmail.com ?" in shown.words
    assert '<input type="hidden" name="email" value="jane.doe@gmail.com">' in shown.text
    again = await me.send("/verify", {"email": "jane.doe@gmail.com"}, follow=True)
    assert "jane.doe@gmail.com Valid" in again.words
    assert "Did you mean" not in again.words


def test_nobody_is_meant_by_an_address_that_is_not_kept_as_a_whole() -> None:
    found = made_of("x" * 400 + "@gmail.con", suggestion="gmail.com")
    assert verification.meant(found) == ""
    assert verification.meant(made_of('"a@b"@gmail.con', suggestion="gmail.com")) == '"a@b"@gmail.com'
    assert verification.meant(made_of("jane@gmail.com")) == ""


async def test_nothing_typed_is_refused_beside_the_field(me: Browser) -> None:
    shown = await me.send("/verify", {"email": "   "})
    assert shown.status == 422
    assert "The address is missing." in shown.words
    assert 'aria-describedby="error-one"' in shown.text


async def test_name_servers_that_prove_nothing_are_told_and_the_address_stays(
    me: Browser, tickd: Harness
) -> None:
    shown = await me.send("/verify", {"email": "jane@broken.dev"})
    assert (shown.status, shown.headers["Retry-After"]) == (503, "5")
    assert "The name servers could not be asked about broken.dev" in shown.words
    assert 'value="jane@broken.dev"' in shown.text
    assert (await tickd.call("GET", "/v1/verify/history")).json["total"] == 0


async def test_a_used_up_limit_is_told_and_the_address_stays(me: Browser, tickd: Harness) -> None:
    await limited(tickd, verifications_per_month=2)
    assert "0 of 2 verifications this month" in (await me.get("/verify")).words
    await verified(me, "jane@tickd.dev", "joe@tickd.dev")
    shown = await me.send("/verify", {"email": "jim@tickd.dev"})
    assert shown.status == 422
    assert "and this month's are used up. Limits and use" in shown.words
    assert '<a href="/settings/system#use">' in shown.text
    assert 'value="jim@tickd.dev"' in shown.text
    for path in ("/verify", "/verify/history"):
        assert "2 of 2 verifications this month: used up" in (await me.get(path)).words


async def test_without_a_limit_no_use_is_shown(me: Browser) -> None:
    await verified(me, "jane@tickd.dev")
    assert "this month" not in (await me.get("/verify")).words


async def test_the_form_is_shown_as_a_call_of_the_api(me: Browser) -> None:
    shown = await me.send("/verify", {"email": "jane@tickd.dev", "do": "request"})
    assert """-d '{"email": "jane@tickd.dev"}'""" in shown.words
    assert 'value="jane@tickd.dev"' in shown.text
    headers = {"HX-Request": "true"}
    part = await me.send("/verify", {"email": "x@tickd.dev", "do": "request"}, headers=headers)
    assert "/v1/verify" in part.words and "<html" not in part.text
    assert "Nothing here" in (await me.get("/verify")).words, "to look at the call verifies nothing"


async def test_hostile_text_stays_text(me: Browser) -> None:
    email = f"{NASTY}@tickd.dev"
    shown = await me.send("/verify", {"email": email}, follow=True)
    assert "<script>alert" not in shown.text and "<img src=x" not in shown.text
    turned = await me.send("/verify", {"email": "moc.elgoog\u202e@tickd.dev"}, follow=True)
    assert "\u202e" not in turned.text, "what turns the text around is written out"
    assert "moc.elgoog\\u202e@tickd.dev" in turned.words
    long = "x" * 5_000
    where = (await verified(me, long))[0]
    for path in (where, "/verify/history"):
        page = await me.get(path)
        assert "x" * 319 + "…" in page.text and "x" * 320 not in page.text
        assert page.text.count("<bdi") >= 3


async def test_the_history_is_the_newest_first_and_filtered(me: Browser) -> None:
    await verified(me, "one@tickd.dev", "two@nowhere.dev", "three@tickd.dev")
    shown = (await me.get("/verify/history")).words
    assert shown.index("three@tickd.dev") < shown.index("two@nowhere.dev") < shown.index("one@tickd.dev")
    valid, other = await me.get("/verify/history?valid=true"), await me.get("/verify/history?valid=false")
    assert "one@tickd.dev" in valid.words and "two@nowhere.dev" not in valid.words
    assert "two@nowhere.dev" in other.words and "one@tickd.dev" not in other.words
    assert "/verify/export.csv?valid=false" in other.text
    assert (await me.get("/verify/history?valid=perhaps")).status == 400


async def test_the_history_has_pages_of_fifty(me: Browser, tickd: Harness) -> None:
    for number in range(51):
        await tickd.call("POST", "/v1/verify", {"email": f"no {number}"})
    first = await me.get("/verify/history")
    assert "1–50 of 51" in first.words and "no 50" in first.words  # noqa: RUF001
    rest = await me.get("/verify/history?offset=50")
    assert "no 0" in rest.words and "no 1" not in rest.words
    filtered = await me.get("/verify/history?valid=false")
    assert "/verify/history?valid=false&amp;offset=50" in filtered.text
    assert "Nothing matches" in (await me.get("/verify/history?offset=500")).words


async def test_the_history_is_exported_as_csv_and_json(me: Browser) -> None:
    await verified(me, "one@tickd.dev", "=cmd()@nowhere.dev")
    shown = await me.get("/verify/export.csv")
    assert "attachment" in shown.headers["Content-Disposition"]
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    rows = list(csv.DictReader(StringIO(shown.text)))
    assert [(row["email"], row["valid"]) for row in rows] == [
        ("'=cmd()@nowhere.dev", "false"),
        ("one@tickd.dev", "true"),
    ]
    found = json.loads((await me.get("/verify/export.json?valid=true")).text)["verifications"]
    assert [one["email"] for one in found] == ["one@tickd.dev"]


async def test_one_verification_is_deleted(me: Browser, tickd: Harness) -> None:
    kept, gone = await verified(me, "one@tickd.dev", "two@tickd.dev")
    identifier = gone.partition("=")[2]
    asked = await me.get(f"/verify/history/{identifier}/delete")
    assert "two@tickd.dev" in asked.words
    shown = await me.send(f"/verify/history/{identifier}/delete", follow=True)
    assert "The verification was deleted." in shown.words
    assert "one@tickd.dev" in shown.words and "two@tickd.dev" not in shown.words
    assert (await me.get(gone)).status == 404
    assert (await me.get(kept)).status == 200


async def test_all_of_one_address_is_deleted(me: Browser) -> None:
    where = await verified(me, "one@tickd.dev", "two@tickd.dev", "one@tickd.dev")
    identifier = where[0].partition("=")[2]
    shown = await me.send(f"/verify/history/{identifier}/delete", {"do": "address"}, follow=True)
    assert "2 verifications of that address deleted." in shown.words
    assert "two@tickd.dev" in shown.words and "one@tickd.dev" not in shown.words


async def test_an_address_is_found_in_the_history_and_all_of_it_deleted(me: Browser) -> None:
    await verified(me, "one@tickd.dev", "two@tickd.dev", "one@nowhere.dev", "ONE@tickd.dev")
    shown = await me.get("/verify/history?email=%20One@tickd.dev")
    assert "2 verifications of One@tickd.dev ." in shown.words
    assert "two@tickd.dev" not in shown.words and "one@nowhere.dev" not in shown.words
    assert 'value="One@tickd.dev"' in shown.text
    rows = list(csv.DictReader(StringIO((await me.get("/verify/export.csv?email=one@tickd.dev")).text)))
    assert [row["email"] for row in rows] == ["ONE@tickd.dev", "one@tickd.dev"]
    other = await me.get("/verify/history?email=one@tickd.dev&valid=false")
    assert "0 verifications with this verdict of one@tickd.dev ." in other.words
    part = await me.get("/verify/history?email=one@tickd")
    assert "Nothing of this address It has to be the whole address" in part.words
    assert '<a class="button danger" href="/verify/history/delete?email=One%40tickd.dev">' in shown.text
    asked = await me.get("/verify/history/delete?email=One%40tickd.dev")
    assert "One@tickd.dev : 2 verifications in the history." in asked.words
    assert "two@tickd.dev" in (await me.get("/verify/history")).words
    gone = await me.send("/verify/history/delete", {"email": "One@tickd.dev"}, follow=True)
    assert "2 verifications of that address deleted." in gone.words
    assert "two@tickd.dev" in gone.words and "one@nowhere.dev" in gone.words
    assert "ONE@tickd.dev" not in gone.words


async def test_to_delete_no_address_deletes_nothing(me: Browser) -> None:
    await verified(me, "one@tickd.dev")
    assert (await me.get("/verify/history/delete")).location == "/verify/history"
    assert (await me.send("/verify/history/delete")).status in (400, 422)
    assert "one@tickd.dev" in (await me.get("/verify/history")).words


async def test_what_was_deleted_is_counted_by_entries_of_the_history(me: Browser, tickd: Harness) -> None:
    await verified(me, "one@tickd.dev")
    where = (await me.send("/verify/list", {"emails": "a@broken.dev\nb@tickd.dev"})).location

    async def ended() -> bool:
        await tickd.clock.advance(5)
        return "2 of 2 done" in (await me.get(where)).words

    await eventually(ended)
    assert "Delete the whole history: 2 verifications?" in (await me.get("/verify/delete-all")).words
    assert "2 verifications deleted." in (await me.send("/verify/delete-all", follow=True)).words


async def test_an_address_that_is_nothing_or_spaces_has_a_name(me: Browser, tickd: Harness) -> None:
    for email in ("", "  ", "a\tb@tickd.dev", "a\u200bb@tickd.dev\u2028x"):
        await tickd.call("POST", "/v1/verify", {"email": email})
    shown = (await me.get("/verify/history")).words
    assert "(nothing) Not valid" in shown and "(spaces) Not valid" in shown
    assert "a a tab b@tickd.dev Not valid" in shown
    assert "a a zero-width space b@tickd.dev a line break x" in shown
    assert "\\u0009" not in shown


async def test_how_long_it_is_kept_is_said_in_the_same_words_everywhere(me: Browser, tickd: Harness) -> None:
    await limited(tickd, retention_days=30)
    said = "What is found out about an address is listed here. It is kept for 30 days"
    for path in ("/verify", "/verify/history"):
        assert f"Nothing here {said}" in (await me.get(path)).words, path
    await verified(me, "one@tickd.dev")
    assert said in (await me.get("/verify/history")).words


async def test_the_whole_history_is_deleted_after_a_question_that_counts_it(me: Browser) -> None:
    await verified(me, "one@tickd.dev", "two@tickd.dev")
    asked = await me.get("/verify/delete-all")
    assert "Delete the whole history: 2 verifications?" in asked.words
    shown = await me.send("/verify/delete-all", follow=True)
    assert "2 verifications deleted." in shown.words
    assert "Nothing here" in shown.words


async def test_a_reader_sees_the_history_and_nothing_to_press(me: Browser, tickd: Harness) -> None:
    where = (await verified(me, "one@tickd.dev"))[0]
    identifier = where.partition("=")[2]
    await made(tickd, "reader@example.com", "reader")
    async with signed_in(tickd, "reader@example.com") as reader:
        for path in ("/verify", "/verify/history?email=one@tickd.dev", where, "/verify/batches"):
            shown = await reader.get(path)
            assert shown.status == 200
            main = shown.text[shown.text.index("<main") :]
            assert 'method="post"' not in main and "/delete" not in main, path
        assert "one@tickd.dev" in (await reader.get("/verify")).words
        deletions = (f"/verify/history/{identifier}/delete", "/verify/history/delete")
        for path in ("/verify", "/verify/list", "/verify/delete-all", *deletions):
            assert (await reader.send(path, {"email": "x@tickd.dev"})).status == 403
        assert (await reader.get("/verify/export.csv")).status == 200


async def test_a_member_verifies(me: Browser, tickd: Harness) -> None:
    await made(tickd, "member@example.com", "member")
    async with signed_in(tickd, "member@example.com") as member:
        shown = await member.send("/verify", {"email": "jane@tickd.dev"}, follow=True)
        assert "jane@tickd.dev Valid" in shown.words


async def test_a_stranger_sees_nothing_of_it(me: Browser, tickd: Harness) -> None:
    where = (await verified(me, "one@tickd.dev"))[0]
    async with stranger(tickd) as other:
        assert (await other.get(where)).status == 404
        assert "Nothing here" in (await other.get("/verify")).words
        assert "one@tickd.dev" not in (await other.get("/verify/export.csv")).text


async def test_a_head_of_an_export_has_no_body(tickd: Harness) -> None:
    async with owner(tickd) as me:
        await verified(me, "one@tickd.dev")
        shown = await me._ask("HEAD", "/verify/export.csv")
        assert (shown.status, shown.text) == (200, "")


async def test_the_menu_leads_to_it_and_says_where_one_is(me: Browser) -> None:
    for path in ("/verify", "/verify/history", "/verify/batches"):
        shown = await me.get(path)
        assert re.search(r'<a href="/verify" aria-current="page">Verify</a>', shown.text), path
