"""What is shaded on a chart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tickd.domain.maintenance import Window
from tickd.domain.shading import bands
from tickd.domain.weekly import Weekly
from tickd.domain.windows import Maintenance


def ms(text: str) -> int:
    """A time of March 2026 in UTC, such as `03 12:00`, in ms."""
    return int(datetime.fromisoformat(f"2026-03-{text}:00+00:00").timestamp() * 1000)


def planned(**said: Any) -> Maintenance:
    """A maintenance of everything."""
    plain: dict[str, Any] = {
        "row": 1,
        "id": "mnt_1",
        "account_id": "acc",
        "name": "m",
        "created_at": 0,
        "updated_at": 0,
    }
    return Maintenance(**(plain | said), all=True)


def shown(blind: Any, planned: Any, own: Any) -> list[tuple[str, str, str]]:
    """The bands of 2 to 5 March as (since, until, kind)."""
    found = bands(blind, planned, own, ms("02 00:00"), ms("05 00:00"))
    return [(_text(one.since), _text(one.until), one.kind) for one in found]


def _text(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).strftime("%d %H:%M")


def test_blind_times_are_clipped_and_those_that_touch_are_one() -> None:
    blind = [
        (ms("01 10:00"), ms("02 01:00")),
        (ms("02 01:00"), ms("02 02:00")),
        (ms("04 23:00"), ms("06 00:00")),
    ]
    assert shown(blind, [], []) == [
        ("02 00:00", "02 02:00", "blind"),
        ("04 23:00", "05 00:00", "blind"),
    ]


def test_a_maintenance_is_shaded_once_or_as_often_as_it_came() -> None:
    once = planned(starts_at=ms("03 10:00"), ends_at=ms("03 12:00"))
    daily = planned(weekly=Weekly("daily", "22:00", "01:00", "Europe/Berlin"))
    assert shown([], [once, daily], []) == [
        ("02 21:00", "03 00:00", "maintenance"),
        ("03 10:00", "03 12:00", "maintenance"),
        ("03 21:00", "04 00:00", "maintenance"),
        ("04 21:00", "05 00:00", "maintenance"),
    ]


def test_nothing_is_shaded_before_it_was_planned() -> None:
    late = planned(weekly=Weekly("daily", "10:00", "12:00"), created_at=ms("03 11:00"))
    assert shown([], [late], [])[0] == ("03 11:00", "03 12:00", "maintenance")


def test_own_windows_are_shaded_too() -> None:
    assert shown([], [], [Window("tuesday", "23:00", "24:00")]) == [("03 23:00", "04 00:00", "maintenance")]
