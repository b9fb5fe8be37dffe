"""Assertions: which may be made, which hold, and how a broken one reads."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickd.domain import assertions
from tickd.domain.assertions import Answer, Assertion, JsonAssertion
from tickd.errors import Invalid

BODY = {
    "status": "ok",
    "version": "1.10",
    "price": "12.50",
    "up": True,
    "nothing": None,
    "data": {"count": 3, "ratio": 0.5, "whole": 42.0, "tags": ["a", "b c", 7, True], "empty": []},
    "big": 12345678901234567891,
}


def of(source: str, comparison: str, target: str = "", **more: str) -> Assertion:
    return msgspec.convert({"source": source, "comparison": comparison, "target": target} | more, Assertion)


def answer(**fields: Any) -> Answer:
    plain: dict[str, Any] = {"status_code": 200, "response_ms": 120.4, "body": json.dumps(BODY)}
    return Answer(**(plain | {"headers": {"server": "nginx", "x-note": "a b"}} | fields))


@pytest.mark.parametrize(
    ("code", "comparison", "target", "sentence"),
    [
        (200, "eq", "200", None),
        (503, "eq", "200", "status code 503 is not 200"),
        (500, "ne", "500", "status code is 500"),
        (404, "ne", "500", None),
        (399, "lt", "400", None),
        (400, "lt", "400", "status code 400 is not less than 400"),
        (400, "lte", "400", None),
        (401, "lte", "400", "status code 401 is not at most 400"),
        (200, "gt", "200", "status code 200 is not greater than 200"),
        (199, "gte", "200", "status code 199 is not at least 200"),
        (200, "eq", "0200", None),
        (None, "ne", "200", "there is no status code"),
    ],
)
def test_the_status_code(code: int | None, comparison: str, target: str, sentence: str | None) -> None:
    assert assertions.failing([of("status_code", comparison, target)], answer(status_code=code)) == sentence


@pytest.mark.parametrize(
    ("ms", "comparison", "target", "sentence"),
    [
        (1999.4, "lt", "2000", None),
        (1999.6, "lt", "2000", "response took 2000 ms, not less than 2000 ms"),
        (2310.2, "lt", "2000", "response took 2310 ms, not less than 2000 ms"),
        (2310.2, "lte", "2000", "response took 2310 ms, not at most 2000 ms"),
        (5.0, "gt", "10", "response took 5 ms, not greater than 10 ms"),
        (5.0, "eq", "10", "response took 5 ms, not 10 ms"),
        (9.9, "ne", "10", "response took 10 ms"),
    ],
)
def test_the_response_time(ms: float, comparison: str, target: str, sentence: str | None) -> None:
    assert assertions.failing([of("response_time", comparison, target)], answer(response_ms=ms)) == sentence


@pytest.mark.parametrize(
    ("body", "comparison", "target", "sentence"),
    [
        ("ok", "eq", "ok", None),
        ("ok\n", "eq", "ok", None),
        ("bad", "eq", "ok", "body is 'bad', not 'ok'"),
        ("", "eq", "ok", "body is '', not 'ok'"),
        ("bad", "ne", "bad", "body is 'bad'"),
        ("Welcome back", "contains", "Welcome", None),
        ("welcome back", "contains", "Welcome", "body does not contain 'Welcome'"),
        ("an error", "not_contains", "error", "body contains 'error'"),
        ("a\n\tb\x00c\x1b[31m", "eq", "x", "body is 'a b\ufffdc\ufffd[31m', not 'x'"),
        ("y" * 5000, "eq", "x", f"body is '{'y' * 79}…', not 'x'"),
    ],
)
def test_the_body(body: str, comparison: str, target: str, sentence: str | None) -> None:
    assert assertions.failing([of("body", comparison, target)], answer(body=body)) == sentence


@pytest.mark.parametrize(
    ("name", "comparison", "target", "sentence"),
    [
        ("Server", "eq", "nginx", None),
        ("Server", "eq", "apache", "header server is 'nginx', not 'apache'"),
        ("server", "ne", "nginx", "header server is 'nginx'"),
        ("x-note", "contains", "b", None),
        ("x-note", "contains", "c", "header x-note does not contain 'c'"),
        ("x-note", "not_contains", "b", "header x-note contains 'b'"),
        ("server", "exists", "", None),
        ("server", "not_exists", "", "header server is present"),
        ("etag", "not_exists", "", None),
        ("etag", "exists", "", "header etag is missing"),
        ("etag", "eq", "x", "header etag is missing"),
        ("etag", "contains", "x", "header etag is missing"),
        ("etag", "ne", "x", None),
        ("etag", "not_contains", "x", None),
    ],
)
def test_a_header(name: str, comparison: str, target: str, sentence: str | None) -> None:
    assert assertions.failing([of("header", comparison, target, name=name)], answer()) == sentence


JSON = [
    ("status", "eq", "ok", None),
    ("$.status", "eq", "down", "$.status is 'ok', not 'down'"),
    ("status", "ne", "ok", "status is 'ok'"),
    ("up", "eq", "true", None),
    ("up", "eq", "1", "up is true, not 1"),
    ("nothing", "eq", "null", None),
    ("nothing", "eq", "", "nothing is null, not "),
    ("data.count", "eq", "3", None),
    ("data.count", "eq", "3.0", None),
    ("data.count", "eq", "3e0", None),
    ("data.count", "eq", " 3 ", None),
    ("data.whole", "eq", "42", None),
    ("data.count", "eq", "4", "data.count is 3, not 4"),
    ("version", "eq", "1.10", None),
    ("version", "eq", "1.1", "version is '1.10', not '1.1'"),
    ("data.count", "gt", "5", "data.count is 3, not greater than 5"),
    ("data.count", "gt", "2.5", None),
    ("data.ratio", "lt", "0.5", "data.ratio is 0.5, not less than 0.5"),
    ("data.ratio", "lte", "0.50", None),
    ("data.count", "gte", "4", "data.count is 3, not at least 4"),
    ("price", "lt", "12.6", None),
    ("big", "gt", "12345678901234567890", None),
    ("big", "eq", "12345678901234567890", "big is 12345678901234567891, not 12345678901234567890"),
    ("status", "gt", "5", "status is 'ok', which is not a number"),
    ("up", "gt", "0", "up is true, which is not a number"),
    ("status", "contains", "o", None),
    ("status", "contains", "x", "status does not contain 'x'"),
    ("status", "not_contains", "o", "status contains 'o'"),
    ("data.tags", "contains", "b c", None),
    ("data.tags", "contains", "7", None),
    ("data.tags", "contains", "true", None),
    ("data.tags", "contains", "b", "data.tags does not contain 'b'"),
    ("data.tags", "not_contains", "a", "data.tags contains 'a'"),
    ("data", "contains", "ratio", None),
    ("data.empty", "eq", "[]", None),
    ("data.tags", "eq", '["a", "b c", 7, true]', None),
    ("data.tags", "eq", "nonsense", 'data.tags is ["a","b c",7,true], not nonsense'),
    ("data.count", "exists", "", None),
    ("nothing", "exists", "", None),
    ("data.count", "not_exists", "", "data.count is present"),
    ("gone", "exists", "", "gone is missing"),
    ("gone", "not_exists", "", None),
    ("gone", "eq", "x", "gone is missing"),
    ("gone", "lt", "1", "gone is missing"),
    ("gone", "contains", "x", "gone is missing"),
    ("gone", "ne", "x", None),
    ("gone", "not_contains", "x", None),
]
ROOSTER = {
    "eq": "equals",
    "ne": "not_equals",
    "gt": "greater_than",
    "lt": "less_than",
    **{word: word for word in ("contains", "not_contains", "exists", "not_exists")},
}


@pytest.mark.parametrize(("path", "comparison", "target", "sentence"), JSON)
def test_a_value_in_json(path: str, comparison: str, target: str, sentence: str | None) -> None:
    assertion = of("json", comparison, target, path=path)
    assertions.check_all([assertion])
    assert assertions.failing([assertion], answer()) == sentence


@pytest.mark.parametrize(
    ("path", "comparison", "target", "sentence"), [row for row in JSON if row[1] in ROOSTER]
)
def test_a_value_in_rooster_words(path: str, comparison: str, target: str, sentence: str | None) -> None:
    spec = {"path": path, "operator": ROOSTER[comparison], "value": target}
    assertion = msgspec.convert(spec, JsonAssertion)
    assertions.check_json([assertion])
    assert assertions.failing_json([assertion], answer()) == sentence


@pytest.mark.parametrize("body", ["", "<html>", "{", "[" * 100_000, "NaN", "Infinity", "\ud800"])
@pytest.mark.parametrize("comparison", ["exists", "not_exists"])
def test_a_body_that_is_not_json_holds_nothing(body: str, comparison: str) -> None:
    given_answer = answer(body=body)
    assert not given_answer.is_json
    assertion = of("json", comparison, path="a")
    assert assertions.failing([assertion], given_answer) == "the body is not JSON"


def test_json_is_decoded_once_and_only_when_asked() -> None:
    given_answer = answer(body='\ufeff{"a": [1]}')
    assert assertions.failing([of("status_code", "eq", "200")], given_answer) is None
    assert given_answer._parsed == []
    assert given_answer.is_json
    assert given_answer.document() is given_answer.document()
    assert given_answer == answer(body='\ufeff{"a": [1]}')


@pytest.mark.parametrize("depth", range(900, 1000, 7))
def test_deep_json_is_no_trouble(depth: int) -> None:
    found = assertions.failing([of("json", "eq", "1", path="$")], answer(body="[" * depth + "]" * depth))
    assert found is not None


def test_the_first_broken_one_is_said() -> None:
    asked = [
        of("status_code", "eq", "200"),
        of("body", "contains", "zzz"),
        of("header", "exists", name="etag"),
    ]
    assert assertions.failing(asked, answer()) == "body does not contain 'zzz'"
    assert assertions.failing(asked[:1], answer()) is None
    assert assertions.failing([], answer()) is None


@pytest.mark.parametrize(
    ("assertion", "sentence"),
    [
        (
            of("status_code", "contains", "2"),
            "comparison for status_code must be one of eq, ne, lt, lte, gt, gte",
        ),
        (of("body", "lt", "2"), "comparison for body must be one of eq, ne, contains, not_contains"),
        (
            of("header", "gt", "2", name="a"),
            "comparison for header must be one of eq, ne, contains, not_contains",
        ),
        (of("status_code", "eq", "ok"), "target for status_code must be a whole number such as '200'"),
        (of("status_code", "eq", "2xx"), "target for status_code must be a whole number"),
        (of("response_time", "lt", ""), "target for response_time must be a whole number"),
        (of("response_time", "lt", "1.5"), "target for response_time must be a whole number"),
        (of("response_time", "lt", "-1"), "target for response_time must be a whole number"),
        (of("header", "exists"), "name must be the name of a header"),
        (of("header", "exists", name="a b"), "name must be the name of a header"),
        (of("header", "contains", name="a"), "target must not be empty"),
        (of("body", "contains"), "target must not be empty"),
        (of("body", "eq", "x" * 2049), "target must be at most 2048 characters"),
        (of("json", "exists"), "path must be 1 to 200 characters"),
        (of("json", "exists", path="a[-1]"), "path must be like data.users[0].name"),
        (of("json", "lt", "x", path="a"), "target must be a number"),
        (of("json", "contains", "", path="a"), "target must not be empty"),
        (of("json", "eq", "x" * 2049, path="a"), "target must be at most 2048 characters"),
        (Assertion(source="cookie", comparison="eq"), "source must be one of status_code, "),  # type: ignore[arg-type]
    ],
)
def test_what_can_not_be_asserted_is_refused(assertion: Assertion, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        assertions.check_all([of("status_code", "eq", "200"), assertion])
    assert refused.value.message.startswith(f"assertions has a mistake in number 2: {sentence}")


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (("", "exists", ""), "path must be 1 to 200 characters"),
        (("a..b", "exists", ""), "path must be like"),
        (("a", "greater_than", "ten"), "value must be a number"),
        (("a", "less_than", ""), "value must be a number"),
        (("a", "contains", ""), "value must not be empty"),
        (("a", "equals", "x" * 2049), "value must be at most 2048 characters"),
        (("a", "matches", "x"), "operator must be one of equals, not_equals, "),
    ],
)
def test_what_rooster_can_not_assert_is_refused(spec: tuple[str, Any, str], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        assertions.check_json([JsonAssertion(path=spec[0], operator=spec[1], value=spec[2])])
    assert refused.value.message.startswith(f"json_assertions has a mistake in number 1: {sentence}")


def test_there_is_a_most() -> None:
    assertions.check_all([of("status_code", "eq", "200")] * 20)
    assertions.check_json([JsonAssertion(path="a", operator="exists")] * 50)
    with pytest.raises(Invalid, match="assertions must be at most 20"):
        assertions.check_all([of("status_code", "eq", "200")] * 21)
    with pytest.raises(Invalid, match="json_assertions must be at most 50"):
        assertions.check_json([JsonAssertion(path="a", operator="exists")] * 51)


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner)
)
bodies = documents.map(json.dumps) | st.text(max_size=200)
targets = st.text(max_size=20) | scalars.map(json.dumps)
wanted = st.builds(
    Assertion,
    source=st.sampled_from(get_args(assertions.Source)),
    comparison=st.sampled_from(get_args(assertions.Comparison)),
    target=targets,
    path=st.sampled_from(["$", "a", "[0]", "a[0].b"]),
    name=st.sampled_from(["server", "etag"]),
)


@given(wanted, bodies, st.text(max_size=200))
def test_whatever_comes_back_a_sentence_stays_on_its_line(
    assertion: Assertion, body: str, header: str
) -> None:
    try:
        assertions.check_all([assertion])
    except Invalid:
        return
    said = assertions.failing([assertion], answer(body=body, headers={"server": header}))
    assert said is None or (said.isprintable() and 5 < len(said) < 250)


OPPOSITE = {"eq": "ne", "lt": "gte", "gt": "lte", "contains": "not_contains", "exists": "not_exists"}


@given(documents, st.sampled_from(sorted(OPPOSITE)), targets, st.sampled_from(["$", "a", "[0]"]))
def test_an_assertion_or_its_opposite_holds(
    document: object, comparison: str, target: str, path: str
) -> None:
    both = [of("json", word, target, path=path) for word in (comparison, OPPOSITE[comparison])]
    try:
        assertions.check_all(both)
    except Invalid:
        return
    said = [assertions.failing([each], answer(body=json.dumps(document))) for each in both]
    words = " ".join(map(str, said))
    undecided = None not in said
    # Neither holds where there is nothing to compare with.
    assert undecided == any(reason in words for reason in ("not a number", "is not JSON")) or (
        comparison in ("lt", "gt") and "is missing" in words
    )
    assert said != [None, None]


@settings(max_examples=50)
@given(documents)
def test_a_value_equals_its_own_text(document: object) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    found = answer(body=json.dumps(document))
    if found.is_json:
        assert assertions.failing([of("json", "eq", text, path="$")], found) is None
