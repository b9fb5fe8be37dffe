"""Plots: what a chart shows of single results and of rollups."""

from __future__ import annotations

import msgspec

from tickd.domain import plots, times
from tickd.domain.plots import Point
from tickd.domain.shading import Band
from tickd.domain.uptime import Bucket

NOW = 1_772_539_200_000


def bucket(*took: float, failed: int = 0) -> Bucket:
    """A rollup of good checks that took so long, and of failed ones."""
    made = Bucket()
    for ms in took:
        made.add("up", ms, 1000)
    for _ in range(failed):
        made.add("down", None, 1000)
    return made


def test_results_of_five_minutes_are_one_point_of_each_line() -> None:
    start = NOW - times.HOUR
    points = [Point(start + second * times.SECOND, float(second)) for second in range(1, 101)]
    drawn = plots.of_points("24h", points, (), NOW, times.SECOND)
    assert (drawn.p50, drawn.p95) == ([50.5], [95.0])
    assert drawn.times == [(start + 50_500) // 1000]
    assert (drawn.summary.p50, drawn.summary.p95, drawn.summary.failures) == (50.5, 95.0, 0)
    assert (drawn.since, drawn.until) == ((NOW - times.DAY) // 1000, NOW // 1000)


def test_a_failure_is_marked_and_one_without_a_time_is_no_point() -> None:
    points = [Point(NOW - 2000, None, failed=True), Point(NOW - 1000, 20.0, failed=True)]
    drawn = plots.of_points("24h", points, (), NOW, times.MINUTE)
    assert len(drawn.times) == 1
    # Both are within one pixel of a day; none is lost from the count.
    assert len(drawn.failed) == 1 and drawn.summary.failures == 2


def test_the_lines_break_where_checks_are_missing_and_nowhere_else() -> None:
    every = 10 * times.MINUTE
    begin = NOW - 3 * times.HOUR
    points = [Point(begin + number * every, 10.0) for number in range(18) if number not in (5, 9, 10, 11)]
    drawn = plots.of_points("24h", points, (), NOW, every)
    assert drawn.p50.count(None) == 1 and drawn.p95[drawn.p50.index(None)] is None
    assert drawn.times == sorted(drawn.times)


def test_nothing_makes_an_empty_plot() -> None:
    drawn = plots.of_points("24h", [], (), NOW, times.MINUTE)
    assert (drawn.times, drawn.failed, drawn.bands, drawn.summary.p50) == ([], [], [], None)
    assert plots.of_buckets("90d", [], times.DAY, (), NOW).summary.p95 is None


def test_rollups_give_the_lines_of_their_histograms() -> None:
    first, second = NOW - 2 * times.HOUR, NOW - times.HOUR
    rolled = [(first, bucket(*[100.0] * 99, 5000.0)), (second, bucket(failed=3))]
    drawn = plots.of_buckets("7d", rolled, times.HOUR, (), NOW)
    assert drawn.times == [(first + times.HOUR // 2) // 1000]
    assert drawn.p50[0] is not None and 60 < drawn.p50[0] <= 160
    assert drawn.p95[0] is not None and 60 < drawn.p95[0] <= 160
    assert drawn.failed == [(second + times.HOUR // 2) // 1000]
    assert drawn.summary.failures == 3


def test_the_last_rollup_is_drawn_where_it_ends_so_far() -> None:
    drawn = plots.of_buckets("90d", [(NOW - times.HOUR, bucket(10.0))], times.DAY, (), NOW)
    assert drawn.times == [(NOW - times.HOUR // 2) // 1000]


def test_bands_are_shaded_unless_maintenance_is_thinner_than_a_pixel() -> None:
    shaded = [
        Band(NOW - times.HOUR, NOW, "maintenance"),
        Band(NOW - times.MINUTE, NOW, "blind"),
    ]
    day = plots.of_points("24h", [], shaded, NOW, times.MINUTE)
    assert [(band.kind, band.to - band.from_) for band in day.bands] == [("maintenance", 3600), ("blind", 60)]
    season = plots.of_buckets("90d", [], times.DAY, shaded, NOW)
    assert [band.kind for band in season.bands] == ["blind"]
    assert b'"from":' in msgspec.json.encode(season.bands)


def test_the_median_of_a_rollup_lies_in_the_bin_of_the_middle_result() -> None:
    made = bucket(*[10.0] * 60, *[900.0] * 40)
    median = made.p50_ms()
    assert median is not None and median < 20
    assert Bucket().p50_ms() is None
