"""How times, lengths, counts and states are written."""

from __future__ import annotations

import pytest

from tests.support.daemon import NOON
from tickd.web.pages import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, words.NOTHING),
        (0, "0 seconds"),
        (-5, "0 seconds"),
        (1, "1 second"),
        (59.4, "59 seconds"),
        (60, "1 minute"),
        (3_661, "1 hour 1 minute"),
        (7_200, "2 hours"),
        (90_061, "1 day 1 hour"),
        (86_400 * 400, "400 days"),
    ],
)
def test_a_length_of_time_has_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, words.NOTHING),
        (0, "0 ms"),
        (244.6, "245 ms"),
        (1234, "1,234 ms"),
        (9999, "9,999 ms"),
        (12_345, "12.3 s"),
    ],
)
def test_response_times_are_short(value: float | None, text: str) -> None:
    assert words.milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, words.NOTHING), (100.0, "100 %"), (99.999, "99.99 %"), (99.9, "99.90 %"), (0.0, "0.00 %")],
)
def test_a_percentage_is_rounded_down(value: float | None, text: str) -> None:
    assert words.percent(value) == text


@pytest.mark.parametrize(
    ("count", "one", "many", "text"),
    [
        (0, "monitor", "", "0 monitors"),
        (1, "monitor", "", "1 monitor"),
        (2, "reply", "replies", "2 replies"),
        (1234, "job", "", "1,234 jobs"),
    ],
)
def test_a_count_agrees_with_its_noun(count: int, one: str, many: str, text: str) -> None:
    assert words.plural(count, one, many) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_450_000, "1.4 MB"), (3e12, "3.0 TB")]
)
def test_a_size_has_a_unit(count: float, text: str) -> None:
    assert words.size(count) == text


def test_a_moment_is_utc_until_the_reader_has_a_script() -> None:
    assert words.utc(NOON) == "3 Mar 2026, 12:00 UTC"
    assert 'datetime="2026-03-03T12:00:00' in words.ago(NOON)
    assert "data-ago" in words.ago(NOON)
    assert "never" in words.moment(None)
    assert ">3 Mar 2026<" in words.day(NOON)


def test_a_state_is_a_word_with_a_tone() -> None:
    assert words.state("down") == '<span class="state bad">Down</span>'
    assert words.state("timeout") == '<span class="state bad">Timed out</span>'
    assert words.state("some_new_one") == '<span class="state quiet">Some new one</span>'
    assert "<script>" not in words.state("<script>")


def test_lines_are_escaped() -> None:
    assert words.lines("a < b\nc") == "a &lt; b<br>c"


def test_a_moment_can_be_told_to_the_second() -> None:
    assert words.moment(NOON + 9_000, seconds=True) == (
        "<time datetime=2026-03-03T12:00:09Z data-exact>3 Mar 2026, 12:00:09 UTC</time>"
    )
    assert "data-exact" not in words.moment(NOON)


def test_the_moments_in_what_tickd_wrote_are_told_in_the_readers_zone() -> None:
    text = words.told("deadline moved from 2026-03-03T12:00:00.268Z to 2026-03-03T12:05:00Z: it was <blind>")
    assert text.count("<time ") == 2 and "data-exact>3 Mar 2026, 12:05:00 UTC</time>: it was" in text
    assert "&lt;blind&gt;" in text
    silence = "no ping: expected at 2026-03-03T12:00:00Z, with a grace of 30 min"
    assert words.told(silence).endswith("</time>, with a grace of 30 min")


def test_what_others_wrote_stays_as_it_is() -> None:
    assert words.told("<b> at 2026-03-03T12:00:00Z") == "&lt;b&gt; at 2026-03-03T12:00:00Z"


def test_an_address_stands_apart_and_shows_what_can_t_be_seen() -> None:
    assert words.address("jane@b.c") == '<bdi class="break">jane@b.c</bdi>'
    assert words.address("<i>\u202e\0\u00a0\n@b.c") == (
        '<bdi class="break">&lt;i&gt;\\u202e\\u0000<span class=tag>a no-break space</span>'
        "<span class=tag>a line break</span>@b.c</bdi>"
    )
    assert words.address("") == "<span class=quiet>(nothing)</span>"
    assert words.address("  ") == "<span class=quiet>(spaces)</span>"
    assert words.visible("zoë lark@bücher.shop") == "zoë lark@bücher.shop"
