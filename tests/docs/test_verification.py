"""What docs/verification.md says of verified addresses is what the code does."""

from __future__ import annotations

import json
from inspect import signature
from typing import get_args

import pytest

from tests.docs.pages import codes, page, tables_of
from tickd.domain import addresses, disposable, verification
from tickd.domain.addresses import Address, Mistake
from tickd.domain.disposable import Disposable
from tickd.outbound import exchanges
from tickd.services import verification as service
from tickd.web.native import verification as face

PAGE = page("docs/verification.md")
TEXT = " ".join(PAGE.text.split())


def test_every_field_is_described_and_shown() -> None:
    rows = tables_of(PAGE.sections()["One address"], "field", "meaning")
    assert [codes(row["field"])[0] for row in rows] == list(face.COLUMNS)
    shown = json.loads(next(iter(PAGE.blocks("json"))))
    assert set(shown) == set(face.COLUMNS)
    email = shown["email"]
    address = addresses.read(email)
    assert isinstance(address, Address)
    verdict = verification.judge(address, "no_domain", Disposable())
    assert {name: shown[name] for name in verdict.__struct_fields__} == {
        name: getattr(verdict, name) for name in verdict.__struct_fields__
    }
    assert f'{{"email": "{email}"}}' in PAGE.text


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"cut with an `…` after {verification.SHOWN_MOST - 1} characters" in TEXT
    assert f"At most {addresses.WHOLE_MOST} characters, {addresses.LOCAL_MOST} bytes of them" in TEXT
    assert face.Meant.__struct_fields__ == ("email", "valid")
    assert "`email` and `valid` mean what they mean above" in TEXT
    shown = json.loads(codes(TEXT.split("The first answers 204, the others ")[1])[0])
    assert set(shown) == set(face.DeletedAnswer.__struct_fields__)
    assert f"It goes {service.REMOVED} rows at a time" in TEXT
    assert f"{face.Twenty().limit} by default" in TEXT
    limits = [exchanges.MIN_TTL_SECS, exchanges.MAX_TTL_SECS, exchanges.MAX_NEGATIVE_SECS]
    assert limits == [1, 3600, 900], "a second, an hour, a quarter of an hour"
    assert signature(exchanges.Exchanges).parameters["limit_secs"].default == 3.0, "three seconds"


def test_formats_and_what_is_defused_are_named() -> None:
    (sentence,) = (line for line in PAGE.text.splitlines() if line.startswith("`format` is"))
    assert set(codes(sentence)[1:3]) == set(get_args(face.Format))
    names = ("`=`", "`+`", "`-`", "`@`", "a tab", "a carriage return", "a line feed", "full-width")
    for letter, name in zip("=+-@\t\r\n\uff1d", names, strict=True):
        assert name in TEXT
        assert face.cell(f"{letter}a") == f"'{letter}a"


@pytest.mark.parametrize("email", ["jörg@bücher.example.com", '"a b"@example.com'])
def test_what_is_an_address(email: str) -> None:
    assert f"`{email}`" in PAGE.text
    assert isinstance(addresses.read(email), Address)


@pytest.mark.parametrize(
    "email", ["a@localhost", "a@b.test", "a@[192.0.2.1]", " a@b.de", "a@b.de\n", "a\u200bb@c.de"]
)
def test_what_is_none(email: str) -> None:
    assert isinstance(addresses.read(email), Mistake)


def test_the_longer_name_wins() -> None:
    assert "the longer name wins" in TEXT
    known = disposable.Disposable(["bad.com"], ["good.bad.com"], kept=[])
    assert [known.has(name) for name in ("bad.com", "x.bad.com", "good.bad.com", "x.good.bad.com")] == [
        *(True, True),
        *(False, False),
    ]
