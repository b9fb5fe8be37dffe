"""Badges: their words, their colours, and that they are pictures."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain import badges
from tickd.domain.badges import AMBER, GREEN, GREY, RED, YELLOW, YELLOW_GREEN

SVG = "{http://www.w3.org/2000/svg}"


def read(picture: str) -> tuple[str, str]:
    """A badge's words and its colour."""
    root = ElementTree.fromstring(picture)  # noqa: S314
    title = root.findtext(f"{SVG}title")
    assert root.get("role") == "img"
    assert root.get("aria-label") == title
    assert root.get("height") == "20"
    halves = root.findall(f"{SVG}g/{SVG}rect")
    assert int(halves[0].attrib["width"]) + int(halves[1].attrib["width"]) == int(root.attrib["width"])
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts[0] == texts[1]
    assert texts[2] == texts[3]
    assert f"{texts[0]}: {texts[2] or ''}" == title
    return title, halves[1].attrib["fill"]


@pytest.mark.parametrize(
    ("percent", "words", "colour"),
    [
        (100, "100%", GREEN),
        (99.999, "99.9%", GREEN),
        (99.9, "99.9%", GREEN),
        (99.5, "99.5%", GREEN),
        (99.49, "99.4%", YELLOW_GREEN),
        (99, "99%", YELLOW_GREEN),
        (98.99, "98.9%", YELLOW),
        (95, "95%", YELLOW),
        (94.99, "94.9%", RED),
        (0.04, "0%", RED),
        (0, "0%", RED),
        (None, "n/a", GREY),
    ],
)
def test_uptime(percent: float | None, words: str, colour: str) -> None:
    assert read(badges.uptime(percent)) == (f"uptime: {words}", colour)


@pytest.mark.parametrize("tenths", range(0, 1001, 13))
def test_a_tenth_is_shown_as_it_is(tenths: int) -> None:
    assert read(badges.uptime(tenths / 10))[0] == f"uptime: {tenths / 10:g}%"


@pytest.mark.parametrize(
    ("word", "colour"),
    [("up", GREEN), ("down", RED), ("warn", AMBER), ("degraded", AMBER), ("pending", GREY), ("paused", GREY)],
)
def test_status(word: str, colour: str) -> None:
    assert read(badges.status(word)) == (f"status: {word}", colour)


@pytest.mark.parametrize(
    ("ms", "words", "colour"),
    [
        (0.2, "0ms", GREEN),
        (245.3, "245ms", GREEN),
        (499, "499ms", GREEN),
        (500, "500ms", YELLOW_GREEN),
        (1499, "1499ms", YELLOW_GREEN),
        (1500, "1500ms", YELLOW),
        (2999, "2999ms", YELLOW),
        (3000, "3000ms", RED),
        (12045.2, "12045ms", RED),
        (None, "n/a", GREY),
    ],
)
def test_response(ms: float | None, words: str, colour: str) -> None:
    assert read(badges.response(ms)) == (f"response: {words}", colour)


def test_the_width_is_the_one_verdana_has() -> None:
    assert badges._width("uptime") == 39
    assert badges._width("passing") == 41  # as shields.io has it
    assert badges._width("build") == 27


@given(st.text())
def test_any_word_makes_a_picture(word: str) -> None:
    read(badges.status(word))
