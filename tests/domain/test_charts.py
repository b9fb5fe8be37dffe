"""The response time chart: what it draws, what it says, and that it is a picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickd.domain import charts, times
from tickd.domain.charts import Point

SVG = "{http://www.w3.org/2000/svg}"
NOON = 1_772_539_200_000
STATUSES = ("up", "down", "timeout", "degraded", "unknown")


def drawn(points: list[Point], span: int = times.DAY, **size: int) -> ElementTree.Element:
    picture = charts.latency(points, since=NOON - span, until=NOON, **size)
    root = ElementTree.fromstring(picture)  # noqa: S314
    assert root.get("aria-label") == root.findtext(f"{SVG}title")
    assert root.get("role") == "img"
    return root


def labels(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.findall(f"{SVG}text")]


def lines(root: ElementTree.Element) -> list[str]:
    """The strokes of the line of medians."""
    return [
        stroke
        for path in root.findall(f"{SVG}path")
        if path.get("stroke-width") == "1.5"
        for stroke in path.attrib["d"].split("M")[1:]
    ]


def every(step: int, span: int, ms: float | None = 100.0, status: str = "up") -> list[Point]:
    return [(at, ms, status) for at in range(NOON - span, NOON, step)]


def test_the_summary_says_what_is_drawn() -> None:
    points = every(5 * times.MINUTE, times.DAY, 120.0)
    points[-1] = (points[-1][0], None, "timeout")
    points[-2] = (points[-2][0], 310.0, "down")
    said = drawn(points).get("aria-label")
    assert said == "Response time over the last 24 h: median 120 ms, 95 % within 120 ms, 2 failures"


@pytest.mark.parametrize(
    ("points", "span", "summary"),
    [
        ([], times.DAY, "No checks in this time"),
        ([(NOON - 5, None, "unknown")], times.DAY, "No checks in this time"),
        (
            [(NOON - 5, None, "down")],
            times.HOUR,
            "Response time over the last 60 min: no responses, 1 failure",
        ),
        (
            [(NOON, 0.42, "up")],
            7 * times.DAY,
            "over the last 7 days: median 0.4 ms, 95 % within 0.4 ms, no failures",
        ),
        (
            [(NOON, 12_045.2, "up")],
            times.MINUTE,
            "over the last 60 s: median 12.0 s, 95 % within 12.0 s, no failures",
        ),
        ([(NOON - 2 * times.DAY, 5.0, "up"), (NOON + 1, 5.0, "up")], times.DAY, "No checks in this time"),
    ],
)
def test_the_summary(points: list[Point], span: int, summary: str) -> None:
    assert str(drawn(points, span).get("aria-label")).endswith(summary)


def test_nothing_is_said_in_the_middle() -> None:
    assert "No checks in this time" in labels(drawn([]))
    assert not lines(drawn([]))


def test_a_gap_and_a_failure_break_the_line() -> None:
    points = every(5 * times.MINUTE, times.DAY)
    assert len(lines(drawn(points))) == 1
    assert len(lines(drawn([point for number, point in enumerate(points) if number != 9]))) == 1
    assert len(lines(drawn(points[:100] + points[140:]))) == 2
    failed: list[Point] = [(at, None, "down") for at, _, _ in points[100:140]]
    root = drawn(points[:100] + failed + points[140:])
    assert len(lines(root)) == 2
    marks = [path.attrib["d"] for path in root.findall(f"{SVG}path") if path.get("fill") == charts._RED]
    assert [mark.count("M") for mark in marks] == [1]
    blind: list[Point] = [(at, None, "unknown") for at, _, _ in points[100:140]]
    assert len(lines(drawn(points[:100] + blind + points[140:]))) == 2


def test_few_points_are_drawn_of_many() -> None:
    points: list[Point] = [(at, 50.0 + at // 1000 % 7, "up") for at in range(NOON - times.DAY, NOON, 5_000)]
    picture = charts.latency(points, since=NOON - times.DAY, until=NOON)
    assert sum(len(line.split("L")) for line in lines(drawn(points))) <= charts.DRAWN_MOST
    assert len(picture) < 25_000


@pytest.mark.parametrize(
    ("ms", "scale"),
    [
        (0.5, ["0.4 ms", "0.8 ms", "1.2 ms"]),
        (100, ["40 ms", "80 ms", "120 ms"]),
        (310, ["150 ms", "300 ms", "450 ms"]),
        (900, ["300 ms", "600 ms", "900 ms"]),
        (1000, ["0.4 s", "0.8 s", "1.2 s"]),
        (29_000, ["10 s", "20 s", "30 s"]),
    ],
)
def test_the_scale_has_three_round_steps(ms: float, scale: list[str]) -> None:
    assert labels(drawn(every(times.HOUR, times.DAY, ms)))[:3] == scale


def test_a_spike_does_not_flatten_the_rest() -> None:
    points = every(5 * times.MINUTE, times.DAY)
    points[50] = (points[50][0], 30_000.0, "up")
    root = drawn(points)
    assert labels(root)[:3] == ["80 ms", "160 ms", "240 ms"]
    cut = [path for path in root.findall(f"{SVG}path") if "l3 5h-6z" in path.attrib["d"]]
    assert len(cut) == 1


@pytest.mark.parametrize("shift", [0, 1_234_567, 7 * times.HOUR])
@pytest.mark.parametrize("hours", [1, 3, 6, 12, 24, 48, 72, 168, 720, 2160, 8760])
def test_there_are_four_to_six_times(hours: int, shift: int) -> None:
    until = NOON + shift
    picture = charts.latency([], since=until - hours * times.HOUR, until=until)
    found = re.findall(r">(\d\d:\d\d|\d{1,2} [A-Z][a-z]{2})<", picture)
    assert 4 <= len(found) <= 6


def test_times_are_of_the_clock() -> None:
    assert labels(drawn([]))[1:] == ["UTC", "16:00", "20:00", "3 Mar", "04:00", "08:00", "12:00"]


taken = st.tuples(
    st.integers(NOON - times.DAY, NOON), st.none() | st.floats(0, 90_000), st.sampled_from(STATUSES)
)


@settings(max_examples=25)
@given(st.lists(taken, max_size=30), st.integers(160, 1200), st.integers(80, 400))
def test_whatever_happened_is_drawn_inside_the_picture(points: list[Point], width: int, height: int) -> None:
    root = drawn(points, width=width, height=height)
    for path in root.findall(f"{SVG}path"):
        for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.attrib["d"]):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height


@given(st.integers(-(10**6), 10**6), st.integers(0, 400 * 24 * 60))
def test_any_span_has_its_times(minutes: int, length: int) -> None:
    since = NOON + minutes * times.MINUTE + 7
    found = charts._moments(since, since + length * times.MINUTE, 6)
    assert len(found) <= 6
    assert all(since <= at <= since + length * times.MINUTE for at in found)
    assert length < 8 or len(found) >= 2
