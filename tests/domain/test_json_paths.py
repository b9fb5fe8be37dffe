"""Paths into a JSON document."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain import json_paths
from tickd.domain.json_paths import MISSING
from tickd.errors import Invalid

DOCUMENT: dict[str, Any] = {
    "status": "ok",
    "nothing": None,
    "data": {"count": 3, "users": [{"name": "Ada"}, {"name": "Bo"}], "in-sync": True, "a b": 1, "$": "cash"},
    "grid": [[1, 2], [3]],
    "0": "zero",
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("status", "ok"),
        ("$.status", "ok"),
        ("$", DOCUMENT),
        ("nothing", None),
        ("data.count", 3),
        ("data.users[0].name", "Ada"),
        ("$.data.users[1].name", "Bo"),
        ("data.in-sync", True),
        ("data.a b", 1),
        ("data.$", "cash"),
        ("grid[1][0]", 3),
        ("0", "zero"),
        ("data.users[2]", MISSING),
        ("data.users.name", MISSING),
        ("data.users.0", MISSING),
        ("data[0]", MISSING),
        ("status[0]", MISSING),
        ("status.length", MISSING),
        ("nothing.more", MISSING),
        ("$status", MISSING),
        ("Status", MISSING),
    ],
)
def test_a_path_leads_to_its_value(path: str, value: object) -> None:
    assert json_paths.get(DOCUMENT, path) is value or json_paths.get(DOCUMENT, path) == value


def test_a_list_may_be_the_whole_document() -> None:
    assert json_paths.get([{"id": 7}], "[0].id") == json_paths.get([{"id": 7}], "$[0].id") == 7


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "$.",
            "$..a",
            "a[",
            "a[]",
            "a[x]",
            "a[-1]",
            "a]",
            "a[0]b",
            "a[0",
            "a.[0]",
        ),
        *("[0]b", "a[0].", 'a["b"]', "a[1.5]", "a[\u0663]", "a[9999999999]", "a\nb", "x" * 201),
    ],
)
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(Invalid, match="path must be"):
        json_paths.parse(path)


keys = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters=".[]"), min_size=1)
steps = st.lists(st.one_of(keys.filter(lambda key: key != "$"), st.integers(0, 999)), min_size=1, max_size=6)


@given(steps, st.booleans())
def test_a_path_is_read_as_it_is_written(taken: list[str | int], rooted: bool) -> None:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in taken)
    path = f"${path}" if rooted else path.removeprefix(".")
    if len(path) <= json_paths.LONGEST:
        assert json_paths.parse(path) == tuple(taken)
        document: object = "found"
        for step in reversed(taken):
            document = {step: document} if isinstance(step, str) else [None] * step + [document]
        assert json_paths.get(document, path) == "found"


@given(st.text("a.[]$-0", max_size=12))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    try:
        assert all(step != "" for step in json_paths.parse(text))
    except Invalid as error:
        assert error.field == "path"
