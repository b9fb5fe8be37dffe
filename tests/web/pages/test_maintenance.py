"""The pages of maintenance, used without a script: planned, listed, ended, edited, deleted."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest

from tests.contract.beating import heartbeat
from tests.contract.watching import monitor
from tests.support.browsing import Browser
from tests.support.daemon import Harness
from tests.web.pages.people import NASTY, made, signed_in
from tickd.web.pages import maintenance as pages


def filled(**said: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    plain = {"name": "upgrade", "covers": "all", "tags": "", "when": "once", "timezone": "Europe/Berlin"}
    plain |= {"starts_at": "2026-03-03T22:00", "ends_at": "2026-03-04T02:00", "day": "daily"}
    return plain | {"start": "", "end": ""} | said


async def planned(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A maintenance as it was answered when it was made."""
    plain = {"name": "upgrade", "all": True, "starts_at": "2026-03-03T11:00:00Z"}
    reply = await tickd.call("POST", "/v1/maintenance", plain | {"ends_at": "2026-03-03T13:00:00Z"} | fields)
    assert reply.status == 201, reply.json
    found: dict[str, Any] = reply.json
    return found


async def weekly(tickd: Harness, **fields: Any) -> dict[str, Any]:
    """A weekly one."""
    plain = {"name": "patches", "tags": ["shop"], "day": "sunday", "start": "22:00", "end": "02:00"}
    reply = await tickd.call("POST", "/v1/maintenance", plain | {"timezone": "Europe/Berlin"} | fields)
    found: dict[str, Any] = reply.json
    return found


async def only(tickd: Harness) -> dict[str, Any]:
    """The one maintenance that there is."""
    (found,) = (await tickd.call("GET", "/v1/maintenance")).json["maintenance"]
    one: dict[str, Any] = found
    return one


async def test_the_list_leads_a_newcomer_to_the_first(me: Browser) -> None:
    page = await me.get("/maintenance")
    assert "Nothing is planned" in page.words
    assert 'href="/maintenance/new"' in page.text


async def test_a_window_is_read_in_the_zone_that_was_chosen(tickd: Harness, me: Browser) -> None:
    page = await me.send("/maintenance/new", filled(), follow=True)
    assert "upgrade was planned." in page.words
    known = await only(tickd)
    assert (known["starts_at"], known["ends_at"]) == ("2026-03-03T21:00:00Z", "2026-03-04T01:00:00Z")
    assert known["all"] is True
    form = await me.get(f"/maintenance/{known['id']}/edit")
    assert 'value="2026-03-03T21:00"' in form.text
    assert 'value="UTC"' in form.text


async def test_a_time_that_the_clocks_leave_out_is_refused(tickd: Harness, me: Browser) -> None:
    said = filled(starts_at="2026-03-29T02:30", ends_at="2026-03-29T05:00")
    page = await me.send("/maintenance/new", said)
    assert page.status == 422
    assert "From does not come in Europe/Berlin" in page.words
    twice = filled(starts_at="2026-10-25T02:30", ends_at="2026-10-25T05:00")
    assert (await me.send("/maintenance/new", twice)).status == 303
    assert (await only(tickd))["starts_at"] == "2026-10-25T00:30:00Z"


async def test_a_weekly_window_is_told_in_words_with_its_next_time(tickd: Harness, me: Browser) -> None:
    said = filled(when="weekly", covers="tags", tags="shop, eu", day="sunday", start="22:00", end="02:00")
    page = await me.send("/maintenance/new", said, follow=True)
    assert "Sundays from 22:00 to 02:00 of the day after, Europe/Berlin" in page.words
    assert "the tags shop, eu" in page.words
    assert "8 Mar 2026, 21:00 UTC" in page.words
    known = await only(tickd)
    assert (known["day"], known["start"], known["end"]) == ("sunday", "22:00", "02:00")
    form = await me.get(f"/maintenance/{known['id']}/edit")
    assert 'value="shop, eu"' in form.text
    again = filled(when="once", covers="all")
    assert (await me.send(f"/maintenance/{known['id']}/edit", again)).status == 303
    known = await only(tickd)
    assert (known["day"], known["tags"], known["all"]) == (None, [], True)


async def test_subjects_are_chosen_from_boxes(tickd: Harness, me: Browser) -> None:
    shop, beat = await monitor(tickd, name="Shop"), await heartbeat(tickd, name="backup")
    job = await tickd.job(name="billing")
    form = await me.get(f"/maintenance/new?subject={shop['id']}")
    assert f'value="{shop["id"]}" checked' in form.text
    assert f'value="{job["id"]}">' in form.text
    said = filled(covers="subjects", subjects=[shop["id"], beat["id"]])
    page = await me.send("/maintenance/new", said, follow=True)
    assert "Shop, backup" in page.words
    assert (await only(tickd))["subjects"] == [shop["id"], beat["id"]]


async def test_subjects_are_written_where_there_are_too_many(
    tickd: Harness, me: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "BOXES_MOST", 2)
    first, second = await heartbeat(tickd, name="one"), await heartbeat(tickd, name="two")
    await heartbeat(tickd, name="twin")
    await heartbeat(tickd, name="Twin")
    form = await me.get("/maintenance/new")
    assert 'name="written"' in form.text
    assert first["id"] not in form.text
    lost = await me.send("/maintenance/new", filled(covers="subjects", written="ONE\nnobody"))
    assert lost.status == 422
    assert "nobody is no id and no name" in lost.words
    both = await me.send("/maintenance/new", filled(covers="subjects", written="twin"))
    assert "twin is the name of several: write its id" in both.words
    assert (
        await me.send("/maintenance/new", filled(covers="subjects", written=f"ONE\n{second['id']}"))
    ).status == 303
    assert (await only(tickd))["subjects"] == [first["id"], second["id"]]


async def test_a_choice_and_times_that_can_not_be_are_said_together(tickd: Harness, me: Browser) -> None:
    said = filled(name="", covers="subjects", ends_at="2026-03-01T00:00")
    known = await planned(tickd)
    for path in ("/maintenance/new", f"/maintenance/{known['id']}/edit"):
        page = await me.send(path, said)
        assert page.status == 422
        for words in ("Name must be", "missing: choose at least one", "Until must be after"):
            assert words in page.words, (path, words)


async def test_what_is_wrong_is_said_beside_its_field(tickd: Harness, me: Browser) -> None:
    for said, words in (
        ({"name": ""}, "Name must be"),
        ({"covers": "subjects"}, "Jobs, monitors and heartbeats are missing: choose at least one"),
        ({"covers": "tags"}, "Tags are missing: choose at least one"),
        ({"starts_at": ""}, "From is required"),
        ({"ends_at": "later"}, "Until must be a date and a time"),
        ({"ends_at": "2026-03-01T00:00"}, "Until must be after starts_at"),
        ({"timezone": "Mars/Olympus"}, "Time zone must be an IANA time zone"),
        ({"when": "weekly", "start": "2", "end": "04:00"}, "From must be HH:MM"),
        ({"when": "weekly", "end": "04:00"}, "From is required"),
    ):
        page = await me.send("/maintenance/new", filled(**said))
        assert page.status == 422, said
        assert words in page.words, said
    assert (await tickd.call("GET", "/v1/maintenance")).json["total"] == 0


async def test_the_list_has_what_holds_what_comes_and_what_is_over(tickd: Harness, me: Browser) -> None:
    await planned(tickd, name="current")
    await planned(tickd, name="future", starts_at="2026-03-05T11:00:00Z", ends_at="2026-03-05T13:00:00Z")
    await planned(tickd, name="past", starts_at="2026-03-01T11:00:00Z", ends_at="2026-03-01T13:00:00Z")
    await weekly(tickd)
    for page in (await me.get("/maintenance"), await me.fragment("/maintenance")):
        places = [page.text.index(f'id="{part}"') for part in ("now", "planned", "weekly", "over")]
        names = [page.text.index(f">{name}</a>") for name in ("current", "future", "patches", "past")]
        assert sorted(places + names) == [one for pair in zip(places, names, strict=True) for one in pair]
        assert page.words.count("End it now") == 1


async def test_what_holds_now_is_ended_and_nothing_else(tickd: Harness, me: Browser) -> None:
    known = await planned(tickd)
    page = await me.send(f"/maintenance/{known['id']}/end", follow=True)
    assert "upgrade is over." in page.words
    ended = await only(tickd)
    assert (ended["active"], ended["ends_at"]) == (False, "2026-03-03T12:00:00Z")
    assert (await me.send(f"/maintenance/{known['id']}/end")).status == 409
    always = await weekly(tickd, day="daily", start="00:00", end="24:00")
    assert (await me.send(f"/maintenance/{always['id']}/end")).status == 409


async def test_it_is_deleted_after_a_question(tickd: Harness, me: Browser) -> None:
    known = await planned(tickd)
    question = await me.get(f"/maintenance/{known['id']}/delete")
    assert "It holds now" in question.words
    assert (await only(tickd))["id"] == known["id"]
    assert (await me.send(f"/maintenance/{known['id']}/delete")).location == "/maintenance"
    assert (await tickd.call("GET", "/v1/maintenance")).json["total"] == 0
    assert (await me.get(f"/maintenance/{known['id']}/edit")).status == 404


async def test_the_form_is_shown_as_a_call(tickd: Harness, me: Browser) -> None:
    page = await me.send("/maintenance/new", filled(do="request"))
    said = '{"name": "upgrade", "all": true, "starts_at": "2026-03-03T22:00:00+01:00", '
    assert said + '"ends_at": "2026-03-04T02:00:00+01:00"}' in unescape(page.text)
    known = await planned(tickd)
    page = await me.send(f"/maintenance/{known['id']}/edit", filled(do="request"))
    assert f"curl -X PATCH {tickd.url}/v1/maintenance/{known['id']}" in unescape(page.text)
    assert (await only(tickd))["starts_at"] == known["starts_at"]


async def test_whoever_may_only_read_sees_no_buttons(tickd: Harness, me: Browser) -> None:
    known = await planned(tickd, name=NASTY)
    await made(tickd, "reader@example.com", "reader")
    async with signed_in(tickd, "reader@example.com") as reader:
        page = await reader.get("/maintenance")
        assert page.status == 200
        assert "<script>alert" not in page.text
        assert "End it now" not in page.words
        assert "Edit" not in page.words
        for path in ("new", f"{known['id']}/edit", f"{known['id']}/delete"):
            assert (await reader.get(f"/maintenance/{path}")).status == 403
        assert (await reader.send(f"/maintenance/{known['id']}/end")).status == 403
