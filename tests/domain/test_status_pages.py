"""What a status page shows, and what it hides: a table a rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tickd.domain import images, status_views, times
from tickd.domain import status_pages as rules
from tickd.domain.incidents import Update
from tickd.domain.maintenance import Window
from tickd.domain.status_pages import StatusGroup, StatusPage
from tickd.domain.status_views import Event, Line, Subject
from tickd.domain.weekly import Weekly
from tickd.domain.windows import Maintenance
from tickd.errors import Invalid

NOW = 1_772_539_200_000  # 2026-03-03T12:00:00Z, a Tuesday
PAGE = StatusPage(
    row=1, id="stp_1", account_id="a", slug="acme", visibility="public", created_at=0, updated_at=0
)


def subject(identifier: str, **said: Any) -> Subject:
    kinds = {"mon": "monitor", "hb": "heartbeat", "job": "job"}
    plain: dict[str, Any] = {
        "kind": kinds[identifier.split("_")[0]],
        "row": int(identifier.split("_")[1]),
        "id": identifier,
        "account_id": "a",
        "name": identifier,
        "slug": identifier,
        "type": "http",
        "tags": (),
        "is_public": True,
        "is_paused": False,
        "is_failing": False,
        "is_pending": False,
        "last_at": None,
        "windows": (),
    }
    return Subject(**(plain | said))


def shown(page: StatusPage, *subjects: Subject) -> list[tuple[str, list[str]]]:
    return [(name, [one.id for one in mine]) for name, mine in status_views.groups_of(page, subjects)]


MONITOR, BEAT, JOB = (
    subject("mon_1", tags=("web",)),
    subject("hb_1", tags=("night",)),
    subject("job_1", tags=("web",)),
)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ({}, [("", ["mon_1", "hb_1"])]),
        ({"jobs": True}, [("", ["mon_1", "hb_1", "job_1"])]),
        ({"groups": (StatusGroup(name="A", tags=["web"]),)}, [("A", ["mon_1"])]),
        ({"groups": (StatusGroup(name="A", tags=["web"]),), "jobs": True}, [("A", ["mon_1", "job_1"])]),
        # A job that is named is meant.
        (
            {"groups": (StatusGroup(name="A", subjects=["job_1", "hb_1", "gone"]),)},
            [("A", ["job_1", "hb_1"])],
        ),
        (
            {
                "groups": (
                    StatusGroup(name="A", subjects=["hb_1"], tags=["web"]),
                    StatusGroup(name="B", subjects=["mon_1"], tags=["night"]),
                )
            },
            [("A", ["hb_1", "mon_1"]), ("B", [])],
        ),
    ],
)
def test_a_page_shows_all_or_what_its_groups_name_each_once(
    page: dict[str, Any], expected: list[tuple[str, list[str]]]
) -> None:
    assert shown(structs.replace(PAGE, **page), MONITOR, BEAT, JOB) == expected


@pytest.mark.parametrize("group", [False, True])
def test_what_is_paused_is_hidden_and_on_a_public_page_what_is_not_public(group: bool) -> None:
    paused, inner = subject("mon_2", is_paused=True), subject("mon_3", is_public=False)
    groups = (StatusGroup(name="A", subjects=["mon_1", "mon_2", "mon_3"]),) if group else ()
    page = structs.replace(PAGE, groups=groups)
    assert shown(page, MONITOR, paused, inner)[0][1] == ["mon_1"]
    private = structs.replace(page, visibility="private")
    assert shown(private, MONITOR, paused, inner)[0][1] == ["mon_1", "mon_3"]


@pytest.mark.parametrize(
    ("subjects", "sentence"),
    [
        ([], "All systems operational"),
        ([MONITOR, BEAT], "All systems operational"),
        ([subject("mon_2", is_pending=True)], "All systems operational"),
        ([MONITOR, subject("hb_2", is_failing=True)], "Some systems are experiencing issues"),
    ],
)
def test_the_banner_says_whether_any_is_failing(subjects: list[Subject], sentence: str) -> None:
    assert status_views.banner(subjects) == sentence


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("mon_1", ("Operational", "Degraded", "Pending")),
        ("hb_1", ("Running", "Missing", "Pending")),
        ("job_1", ("Running", "Missing", "Pending")),
    ],
)
def test_each_kind_has_its_words(identifier: str, words: tuple[str, str, str]) -> None:
    states: tuple[dict[str, Any], ...] = ({}, {"is_failing": True}, {"is_pending": True})
    lines = [line(subject(identifier, **state)) for state in states]
    assert tuple(one.word for one in lines) == words
    assert [one.health for one in lines] == ["ok", "failing", "pending"]


def line(one: Subject, percent: float | None = None, holding: tuple[Maintenance, ...] = ()) -> Line:
    return status_views.line(one, percent=percent, days=(), holding=holding, now=NOW)


@pytest.mark.parametrize(
    ("percent", "said"),
    [
        (None, None),
        (100.0, 100.0),
        (99.999, 99.99),
        (99.99, 99.99),
        (0.0, 0.0),
        (29.29, 29.29),
        (99.9999999, 99.99),
    ],
)
def test_an_uptime_is_rounded_down(percent: float | None, said: float | None) -> None:
    assert line(MONITOR, percent).uptime_percent == said


@given(st.floats(0, 100))
def test_an_uptime_never_says_more_than_it_was(percent: float) -> None:
    assert percent - 0.0100001 <= status_views.rounded_down(percent) <= percent + 1e-6
    assert (status_views.rounded_down(percent) == 100) <= (percent > 99.99999)


def test_sections_hold_their_kinds_by_group_and_leave_out_what_is_empty() -> None:
    groups = [("A", [JOB, BEAT]), ("B", [MONITOR])]
    lines = {one.key: line(one) for one in (MONITOR, BEAT, JOB)}
    found = status_views.sections(groups, lines)
    told = [
        (section.title, [(group.name, [one.name for one in group.lines]) for group in section.groups])
        for section in found
    ]
    assert told == [("Services", [("B", ["mon_1"])]), ("Scheduled Jobs", [("A", ["job_1", "hb_1"])])]
    assert status_views.sections([("", [])], {}) == ()


def test_a_page_shows_a_thousand_and_says_how_many_more_there_are() -> None:
    many = [subject(f"mon_{number}") for number in range(700)]
    more = [subject(f"hb_{number}") for number in range(700)]
    kept, beyond = status_views.cut([("A", many), ("B", more)])
    assert [len(mine) for _, mine in kept] == [700, 300]
    assert beyond == 400
    assert status_views.cut([("A", many)])[1] == 0


@pytest.mark.parametrize(
    ("kind", "is_open", "title"),
    [
        ("monitor", True, "Shop is down"),
        ("monitor", False, "Shop was down"),
        ("heartbeat", True, "Shop is missing"),
        ("job", False, "Shop was failing"),
    ],
)
def test_an_incident_is_told_by_name_and_state(kind: Any, is_open: bool, title: str) -> None:
    event = Event(7, "inc_7", kind, 1, is_open, NOW, None if is_open else NOW + 1)
    said = Update(NOW, "investigating", "we look")
    found = status_views.note(event, "Shop", [said])
    assert (found.title, found.is_open, found.updates) == (title, is_open, (said,))


# Maintenance.


def once(start: int, end: int, **said: Any) -> Maintenance:
    plain: dict[str, Any] = {"row": 1, "id": "mnt_1", "account_id": "a", "name": "work", "all": True}
    plain |= {"starts_at": NOW + start, "ends_at": NOW + end, "created_at": 0, "updated_at": 0}
    return Maintenance(**(plain | said))


def planned(*every: Maintenance) -> list[tuple[str, bool, int | None, int | None, tuple[str, ...]]]:
    found = status_views.planned_for([MONITOR, BEAT], every, NOW)
    return [
        (
            one.name,
            one.is_active,
            None if one.starts_at is None else one.starts_at - NOW,
            None if one.ends_at is None else one.ends_at - NOW,
            one.subjects,
        )
        for one in found
    ]


HOUR, DAY = times.HOUR, times.DAY


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (once(-HOUR, HOUR), [("work", True, None, HOUR, ("mon_1", "hb_1"))]),
        (once(HOUR, 2 * HOUR, all=False, tags=("web",)), [("work", False, HOUR, 2 * HOUR, ("mon_1",))]),
        (once(HOUR, 2 * HOUR, all=False, subjects=("hb_1",)), [("work", False, HOUR, 2 * HOUR, ("hb_1",))]),
        (once(HOUR, 2 * HOUR, all=False, subjects=("mon_9",)), []),
        (once(-2 * HOUR, -HOUR), []),
        (once(15 * DAY, 16 * DAY), []),
        (
            once(0, 0, starts_at=None, ends_at=None, weekly=Weekly("wednesday", "10:00", "11:00")),
            [("work", False, 22 * HOUR, 23 * HOUR, ("mon_1", "hb_1"))],
        ),
    ],
)
def test_a_page_tells_the_maintenance_of_what_it_shows(one: Maintenance, expected: list[Any]) -> None:
    assert planned(one) == expected


def test_what_holds_comes_first_and_own_windows_are_told_too() -> None:
    own = subject("mon_2", windows=(Window("tuesday", "11:00", "13:00"),))
    found = status_views.planned_for([MONITOR, own], [once(HOUR, 2 * HOUR)], NOW)
    assert [(one.name, one.is_active, one.subjects) for one in found] == [
        ("Maintenance", True, ("mon_2",)),
        ("work", False, ("mon_1", "mon_2")),
    ]
    assert line(own).in_maintenance
    assert not line(MONITOR).in_maintenance
    assert line(MONITOR, holding=(once(-1, 1),)).in_maintenance


# The looks.


@pytest.mark.parametrize(
    ("color", "is_light"),
    [
        ("#ffffff", True),
        ("#000000", False),
        ("#ffff00", True),
        ("#0000ff", False),
        ("#777777", True),
        ("#1f2937", False),
    ],
)
def test_text_on_the_accent_is_what_reads_better(color: str, is_light: bool) -> None:
    assert rules.is_light(color) == is_light


def contrast(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    luminance: float = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (luminance + 0.05) / 0.05 if rules.is_light(color) else 1.05 / (luminance + 0.05)


@given(st.integers(0, 0xFFFFFF))
def test_text_on_any_accent_keeps_its_contrast(color: int) -> None:
    assert contrast(f"#{color:06x}") >= 4.5


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Status.Example.com.", "status.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a.b", "a.b"),
    ],
)
def test_a_domain_is_kept_as_browsers_send_it(value: str, expected: str) -> None:
    assert rules.host(value) == expected


@pytest.mark.parametrize(
    "value", ["", "localhost", "a.localhost", "127.0.0.1", "a b.de", "-a.de", "a" * 64 + ".de"]
)
def test_what_is_no_domain_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        rules.host(value)


@given(st.binary(max_size=200), st.sampled_from([b"<!--", b"<?xml", b"<!DOCTYPE svg", b"-->", b""]))
def test_any_bytes_are_a_picture_or_refused(content: bytes, part: bytes) -> None:
    try:
        found = images.from_bytes("logo", part * 50 + content)
    except Invalid as error:
        assert error.field == "logo"
    else:
        assert found.content_type.startswith("image/")
