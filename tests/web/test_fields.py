"""Fields: what is read out of bodies and queries, and the sentence for what is not."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType, inspect

from tickd.domain import fields
from tickd.domain.jobs import JobChange, JobRegistration
from tickd.errors import Invalid, Malformed
from tickd.web.fields import Page, read_body, read_query
from tickd.web.server import all_routes

KINDS: set[type] = {
    kind for route in all_routes() for kind in (route.request, route.query) if kind is not None
}


class Everything(Struct, kw_only=True):
    """A field of every type that has a sentence."""

    plain: str
    bounded: Annotated[str, Meta(min_length=2, max_length=5)] | UnsetType = UNSET
    short: Annotated[str, Meta(max_length=5)] | None = None
    number: int = 0
    ranged: Annotated[int, Meta(ge=3, le=9)] | UnsetType = UNSET
    word: Literal["b", "a"] | UnsetType = UNSET
    switch: bool = False
    map: dict[str, str] | UnsetType = UNSET
    items: list[str] | UnsetType = UNSET
    few: Annotated[list[Annotated[str, Meta(max_length=3)]], Meta(max_length=2)] | UnsetType = UNSET
    some: Annotated[list[Literal["b", "a"]], Meta(min_length=1, max_length=2)] | UnsetType = UNSET


@pytest.mark.parametrize(
    ("field", "values", "sentence"),
    [
        ("plain", [1, [], {}], "must be text"),
        ("bounded", [1, "a", "abcdef"], "must be text of 2 to 5 characters"),
        ("short", [1, "abcdef"], "must be text of at most 5 characters"),
        ("number", ["1", 1.5, True], "must be a whole number"),
        ("ranged", [2, 10, -(10**30)], "must be between 3 and 9"),
        ("ranged", ["3", 3.5, False, []], "must be a whole number between 3 and 9"),
        ("word", ["c", 1, []], "must be one of a, b"),
        ("switch", ["yes", 1], "must be true or false"),
        ("map", [[], {"a": 1}, {"a": {}}], "must be a map of names to texts"),
        ("items", ["a", [1]], "must be a list, each text"),
        (
            "few",
            ["a", ["abcd"], ["a", "b", "c"]],
            "must be a list of at most 2 items, each text of at most 3 characters",
        ),
        ("some", [[], ["c"], ["a", "b", "a"], [1]], "must be a list of 1 to 2 items out of a, b"),
    ],
)
def test_the_sentence_names_the_field_and_what_it_takes(
    field: str, values: list[object], sentence: str
) -> None:
    for value in values:
        body = msgspec.json.encode({"plain": "x"} | {field: value})
        with pytest.raises(Invalid) as caught:
            read_body(body, Everything)
        assert (caught.value.field, caught.value.sentence) == (field, sentence), value


def test_what_is_missing_is_named() -> None:
    for body in (b"", b"{}", b'{"plain": null}'):
        with pytest.raises(Invalid, match=r"^plain is required$"):
            read_body(body, Everything)


def test_what_is_left_out_null_or_unknown() -> None:
    read = read_body(b'{"plain": "", "bounded": null, "short": null, "colour": {"a": [1]}}', Everything)
    assert (read.plain, read.bounded, read.short, read.number) == ("", UNSET, None, 0)


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"a"', b"true"])
def test_a_body_that_is_no_object(raw: bytes) -> None:
    with pytest.raises(Malformed, match=r"^the body must be a JSON object$"):
        read_body(raw, Everything)


@pytest.mark.parametrize(
    "raw", [b"{", b"{]", b"\xff\xfe", b"NaN", b'{"a": 1e999}', b'{"plain": "\\ud800"}', b'{"a":' * 9999]
)
def test_a_body_that_is_no_json(raw: bytes) -> None:
    with pytest.raises(Malformed, match=r"^the body is not valid JSON: "):
        read_body(raw, Everything)


def test_a_query_is_text_that_is_read() -> None:
    query = {"plain": "1", "ranged": "7", "switch": "true", "word": "", "colour": "red"}
    read = read_query(query, Everything)
    assert (read.plain, read.ranged, read.switch, read.word) == ("1", 7, True, UNSET)
    with pytest.raises(Invalid, match=r"^ranged must be a whole number between 3 and 9$"):
        read_query(query | {"ranged": "x"}, Everything)


@pytest.mark.parametrize(
    ("limit", "offset", "clamped"),
    [
        (100, 0, (100, 0)),
        (1, 1, (1, 1)),
        (0, -1, (1, 0)),
        (-(10**30), -(10**30), (1, 0)),
        (501, 7, (500, 7)),
        (10**30, 10**30, (500, 1 << 53)),
    ],
)
def test_pages_are_clamped(limit: int, offset: int, clamped: tuple[int, int]) -> None:
    assert Page(limit=limit, offset=offset).clamped() == clamped
    assert read_query({"limit": str(limit), "offset": str(offset)}, Page).clamped() == clamped


@pytest.mark.parametrize("kind", sorted(KINDS, key=str))
def test_every_field_of_every_request_has_its_sentences(kind: type) -> None:
    found = fields._types(kind)
    assert found
    for name, one in found.items():
        if isinstance(one, inspect.Metadata) and isinstance(one.type, inspect.AnyType):
            continue  # its request looks at it itself, and has its own sentences
        for of_type in (True, False):
            assert fields._sentence(one, of_type=of_type).startswith("must be "), name


def test_a_type_without_a_sentence_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no sentence"):
        fields._sentence(inspect.type_info(bytes), of_type=True)
    with pytest.raises(TypeError, match="not a Struct"):
        fields._types(int)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
bodies = st.dictionaries(st.sampled_from(JobChange.__struct_fields__), json_values, max_size=4)


@settings(max_examples=60, deadline=None)
@given(bodies)
def test_whatever_a_caller_says_of_a_job_is_read_or_explained(body: dict[str, Any]) -> None:
    for kind in (JobChange, JobRegistration):
        try:
            read = read_body(msgspec.json.encode(body), kind)
        except Invalid as error:
            assert error.field in kind.__struct_fields__
            assert error.sentence == "is required" or error.sentence.startswith("must be ")
        else:
            said = {name: value for name, value in body.items() if value is not None}
            assert {name: getattr(read, name) for name in said} == said


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read_body(raw, JobChange)
    except (Invalid, Malformed) as error:
        assert error.message
