"""Bars: one SVG, one path a state, and no style of its own."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from tickd.domain import bars
from tickd.domain.days import STATES, Day

SVG = "{http://www.w3.org/2000/svg}"
ALL = [Day(20_000 + place, state) for place, state in enumerate(STATES * 5)]


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - made by the function under test


def test_there_is_one_path_for_each_state_that_there_is() -> None:
    drawn = parsed(bars.small(ALL))
    assert [path.get("class") for path in drawn.iter("path")] == [f"bar-{state}" for state in STATES]
    assert [path.get("class") for path in parsed(bars.full(ALL[:1])).iter("path")] == ["bar-up"]


def test_each_bar_is_where_its_day_is_and_all_are_within_the_picture() -> None:
    shown = [Day(1, "up"), Day(2, "down"), Day(3, "up")]
    drawn = parsed(bars.full(shown))
    assert drawn.get("viewBox") == "0 0 11 32"
    places = {
        path.get("class"): re.findall(r"M(\d+) 0h3v32h-3z", path.get("d") or "")
        for path in drawn.iter("path")
    }
    assert places == {"bar-up": ["0", "8"], "bar-down": ["4"]}


def test_it_says_what_it_shows_and_nothing_in_it_needs_a_policy() -> None:
    text = bars.small(ALL, 'a "name" & <more>')
    drawn = parsed(text)
    label = 'a "name" & <more>. Last 30 days: 5 up, 5 degraded, 5 down, 5 unknown, '
    label += "5 in maintenance, 5 without data"
    assert (drawn.get("role"), drawn.get("aria-label")) == ("img", label)
    title = drawn.find("title")
    assert title is not None and title.text == label
    assert "style" not in text and " on" not in re.sub(r'"[^"]*"', "", text)


def test_ninety_days_take_little() -> None:
    shown = [Day(day, "up") for day in range(89)] + [Day(89, "down")]
    assert len(bars.full(shown)) < 2_600
    assert len(bars.small(shown[-30:])) < 1_000


def test_each_day_says_its_sentence_where_that_is_wanted() -> None:
    shown = [Day(20_524, "down", 50.0, "runs", 2, 0, 1)]
    assert "<title>12 Mar: 1 of 2 runs failed</title>" in bars.full(shown, tips=True)
    assert "rect" not in bars.full(shown)
