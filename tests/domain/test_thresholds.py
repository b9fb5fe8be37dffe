"""Response time thresholds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain import thresholds
from tickd.errors import Invalid


@pytest.mark.parametrize(
    ("text", "ms", "sentence"),
    [
        ("> 2000", 2000, None),
        ("> 2000", 2000.4, None),
        ("> 2000", 2000.6, "response took 2001 ms, more than 2000 ms"),
        (">2000", 5, None),
        (" >  2000 ", 2310.2, "response took 2310 ms, more than 2000 ms"),
        ("< 50", 50, None),
        ("<50", 12.3, "response took 12 ms, less than 50 ms"),
        ("200-3000", 200, None),
        ("200 - 3000", 3000, None),
        ("200-3000", 199, "response took 199 ms, not 200 to 3000 ms"),
        ("200-3000", 3001, "response took 3001 ms, not 200 to 3000 ms"),
        ("", 99_999, None),
        (" ", 0, None),
    ],
)
def test_a_response_time_is_judged(text: str, ms: float, sentence: str | None) -> None:
    assert thresholds.parse(text).violated(ms) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "2000",
        ">",
        "> -5",
        ">= 2000",
        "> 2 s",
        "> 2000ms",
        "3000-200",
        "200-200",
        "200-",
        "-200",
        "> 1.5",
        "> \u0663",
        "a",
    ],
)
def test_what_is_no_threshold_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        thresholds.parse(text)
    assert refused.value.message == "response_threshold_ms must be like '> 2000', '< 50' or '200-3000'"


@given(st.integers(0, 9_999), st.integers(0, 9_999), st.integers(0, 10_000))
def test_a_range_is_both_of_its_edges(low: int, width: int, ms: int) -> None:
    high = low + width + 1
    inside = thresholds.parse(f"{low}-{high}").violated(ms) is None
    edges = (thresholds.parse(f"< {low}"), thresholds.parse(f"> {high}"))
    assert inside == all(edge.violated(ms) is None for edge in edges) == (low <= ms <= high)
