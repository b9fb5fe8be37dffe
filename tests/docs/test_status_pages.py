"""What docs/status-pages.md says of status pages is what the code does: fields, words, numbers, addresses."""

from __future__ import annotations

from typing import Any

from msgspec import inspect

from tests.docs.kinds import words_of
from tests.docs.pages import codes, page
from tickd.domain import images, status_views, times
from tickd.domain import status_pages as rules
from tickd.domain.status_pages import StatusGroup, StatusPage, StatusPageChange
from tickd.services import status_pages as services
from tickd.web.native.status_pages import StatusPageAnswer
from tickd.web.pages import status

PAGE = page("docs/status-pages.md")
TEXT = " ".join(PAGE.text.split())


def test_every_field_is_described_with_its_default_and_range() -> None:
    said = {codes(row["field"])[0]: row for row in PAGE.tables("field", "default", "what it may be")}
    info = inspect.type_info(StatusPageChange)
    assert isinstance(info, inspect.StructType)
    kinds = {field.encode_name: field.type for field in info.fields}
    assert list(said) == list(kinds)
    plain = StatusPage(row=0, id="", account_id="", slug="", created_at=0, updated_at=0)
    written: dict[Any, str] = {
        "": '`""`',
        True: "`true`",
        False: "`false`",
        (): "`[]`",
        "private": '`"private"`',
    }
    for name, kind in kinds.items():
        for word in words_of(kind):
            assert word in said[name]["what it may be"], (name, word)
        if name not in ("slug", "logo"):
            assert said[name]["default"] == written[getattr(plain, name)], name
    answered = {name for row in PAGE.tables("field", "meaning") for name in codes(row["field"])}
    assert answered | set(said) == {*StatusPageAnswer.__struct_fields__, "logo"}
    assert set(StatusGroup.__struct_fields__) <= set(codes(said["groups"]["what it may be"]))


def test_every_word_is_described() -> None:
    rows = PAGE.tables("source", "shown as", "with")
    words = {word for kinds in status_views._WORDS.values() for word in kinds.values()}
    assert {row["shown as"] for row in rows} == words | {"hidden"}
    assert f"**{status_views.WELL}**" in TEXT
    assert f"**{status_views.AILING}**" in TEXT
    assert f"*{status_views.SERVICES}*" in TEXT
    assert f"*{status_views.SCHEDULED}*" in TEXT


def test_every_number_is_described() -> None:
    assert f"last {status_views.UPTIME_DAYS} days" in TEXT
    assert f"a row of {status_views.DAYS} bars" in TEXT
    assert f"within {status_views.AHEAD // times.DAY} days" in TEXT
    assert f"in the last {status_views.RECENT // times.DAY} days" in TEXT
    assert f"{rules.SUBJECTS_MOST:,} at most" in TEXT
    assert f"{services.PAST_MOST} at a time" in TEXT
    assert f"at most {images.MOST_BYTES // 1000} kB" in TEXT
    assert "as old as five seconds" in TEXT
    assert services.KEPT <= 5 * times.SECOND
    assert "max-age=5" in status.SHORT


def test_every_public_address_is_described() -> None:
    said = {codes(row["address"])[0] for row in PAGE.tables("address", "what it is")}
    belonging = {"/status/{slug}/theme-{color}.css", "/s/{slug}/chart.svg"}
    assert said == {one.path for one in status.PAGES} - belonging
    section = PAGE.sections()["An own domain"]
    assert set(status._OF_DOMAIN) <= set(codes(section.rpartition("```")[2]))
