"""Keyword expressions, held against a slow model."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain import keywords
from tickd.errors import Invalid


@pytest.mark.parametrize(
    ("expression", "body", "sentence"),
    [
        ("", "anything", None),
        ("  ", "", None),
        ("Welcome", "Welcome back", None),
        ("Welcome", "welcome back", "keyword 'Welcome' is missing"),
        ("!error", "all fine", None),
        ("!error", "an error", "keyword 'error' is present"),
        ("! error", "an error", "keyword 'error' is present"),
        ("OK AND !error", "OK", None),
        ("OK AND !error", "OK, error", "keyword 'error' is present"),
        ("OK AND !error", "error", "keyword 'OK' is missing"),
        ("healthy OR ready", "ready", None),
        ("healthy OR ready", "down", "keyword 'healthy' is missing and keyword 'ready' is missing"),
        ("a OR b AND c", "a", None),
        ("a OR b AND c", "b", "keyword 'a' is missing and keyword 'c' is missing"),
        ("a AND b OR c", "c", None),
        ("a\tAND\nb", "ab", None),
        ("this and that", "this and that", None),
        ("this and that", "this, that", "keyword 'this and that' is missing"),
        ("SAND ANDROID ORDER", "SAND ANDROID ORDER", None),
        ('"salt AND pepper"', "salt AND pepper", None),
        ('"salt AND pepper" AND !"!"', "salt AND pepper!", "keyword '!' is present"),
        ('"!important"', "!important", None),
        ('!"!important"', "!important", "keyword '!important' is present"),
        ("!!x", "!x", "keyword '!x' is present"),
        ('" padded "', "a padded b", None),
        ('"AND"', "AND", None),
        ('"OK"', "OK", None),
        ('"\\"OK\\""', '{"a":"OK"}', None),
        ('"\\"OK\\""', "OK", "keyword '\"OK\"' is missing"),
        (r'"C:\temp"', r"in C:\temp", None),
        ('"status":"ok"', '{"status":"ok"}', None),
        ('"status": "ok" AND "db": "ok"', '{"status": "ok", "db": "ok"}', None),
        ('"unclosed', 'an "unclosed', None),
        ("a OR b OR c OR d OR e", "", "keyword 'a' is missing and keyword 'b' is missing and"),
    ],
)
def test_what_a_body_lacks_is_said(expression: str, body: str, sentence: str | None) -> None:
    said = keywords.parse(expression).unmet(body)
    assert said == sentence or (sentence is not None and said is not None and said.startswith(sentence))


def test_many_alternatives_are_counted() -> None:
    assert str(keywords.parse("a OR b OR c OR d OR e").unmet("")).endswith("'c' is missing and 2 more")


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("AND", "keyword has AND without a term beside it"),
        ("OK AND", "keyword has AND without a term beside it"),
        ("OK OR ", "keyword has OR without a term beside it"),
        ("OR OK", "keyword has OR without a term beside it"),
        ("a AND OR b", "keyword has OR without a term beside it"),
        ("a AND AND b", "keyword has AND without a term beside it"),
        ("!", "keyword has an empty term"),
        ("a AND !", "keyword has an empty term"),
        ("! AND b", "keyword has an empty term"),
        ('""', "keyword has an empty term"),
        ('a OR ""', "keyword has an empty term"),
        ("x" * 501, "keyword must be at most 500 characters"),
    ],
)
def test_what_is_no_expression_is_refused(expression: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        keywords.parse(expression)
    assert refused.value.message == sentence


words = st.text("abcx ", min_size=1, max_size=4).map(str.strip).filter(bool)
terms = st.tuples(st.sampled_from(["", "!", "! "]), words, st.booleans())


@given(
    st.lists(st.lists(terms, min_size=1, max_size=3), min_size=1, max_size=3), st.text("abcx ", max_size=12)
)
def test_an_expression_means_what_the_model_says(
    alternatives: list[list[tuple[str, str, bool]]], body: str
) -> None:
    def written(term: tuple[str, str, bool]) -> str:
        sign, word, in_quotes = term
        return sign + (f'"{word}"' if in_quotes else word)

    expression = " OR ".join(" AND ".join(map(written, group)) for group in alternatives)
    holds = any(all((word in body) != bool(sign) for sign, word, _ in group) for group in alternatives)
    assert (keywords.parse(expression).unmet(body) is None) == holds


@given(
    st.lists(st.sampled_from(["AND", "OR", "!", '"', "a", "and", '"b"', "\\", " "]), max_size=8).map(" ".join)
)
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    plain = re.split(r"\s+", text.strip())
    try:
        parsed = keywords.parse(text)
    except Invalid as error:
        assert error.field == "keyword"
    else:
        assert all(term.text for group in parsed.alternatives for term in group)
        assert bool(parsed.alternatives) == (plain != [""])
