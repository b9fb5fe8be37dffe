"""Slugs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain import slugs
from tickd.errors import Invalid


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("My API", "my-api"),
        ("  --My__API!! v2.1-- ", "my-api-v2-1"),
        ("Café Zürich", "cafe-zurich"),
        ("Straße", "strasse"),
        ("Smørrebrød Łódź Œuvre", "smorrebrod-lodz-oeuvre"),
        ("İstanbul", "istanbul"),
        ("ﬁrst №1", "first-no1"),
        ("日本 server", "server"),
        ("a" * 59 + " b", "a" * 59),
        ("x" * 80, "x" * 60),
    ],
)
def test_a_text_becomes_a_slug(text: str, slug: str) -> None:
    assert slugs.sanitise(text) == slug


@pytest.mark.parametrize("text", ["", " ", "---", "日本", "!?"])
def test_nothing_is_no_slug(text: str) -> None:
    with pytest.raises(Invalid, match="slug must hold at least one letter"):
        slugs.sanitise(text)


def test_a_fresh_slug_ends_in_its_suffix() -> None:
    assert slugs.fresh("My Website", "a3f8c1") == "my-website-a3f8c1"
    assert slugs.fresh("日本", "a3f8c1") == "monitor-a3f8c1"
    assert slugs.fresh("x" * 200, "a3f8c1") == "x" * 53 + "-a3f8c1"


@given(st.text(max_size=100))
def test_a_slug_is_one_for_good(text: str) -> None:
    made = slugs.fresh(text, "a3f8c1")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", made)
    assert len(made) <= slugs.LONGEST
    assert slugs.sanitise(made) == made
