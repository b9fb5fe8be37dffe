"""What docs/maintenance.md says of maintenance is what the code does: fields, words, clock changes."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from msgspec import inspect

from tests.docs.kinds import words_of
from tests.docs.pages import codes, page
from tickd.domain import cron, times, weekly, windows
from tickd.domain.maintenance import Day
from tickd.domain.weekly import Weekly
from tickd.domain.windows import MaintenanceChange
from tickd.web.native.maintenance import MaintenanceAnswer

PAGE = page("docs/maintenance.md")
TEXT = " ".join(PAGE.text.split())


def test_every_field_is_described_with_its_range() -> None:
    said = {
        name: row for row in PAGE.tables("field", "what it may be") for name in codes(row["field"]) if name
    }
    info = inspect.type_info(MaintenanceChange)
    assert isinstance(info, inspect.StructType)
    kinds = {field.encode_name: field.type for field in info.fields}
    assert set(said) == set(kinds)
    for name, kind in kinds.items():
        for word in words_of(kind):
            assert word in said[name]["what it may be"], (name, word)
    answered = {name for row in PAGE.tables("field", "meaning") for name in codes(row["field"])}
    assert answered | set(said) == set(MaintenanceAnswer.__struct_fields__)
    assert answered & set(said) == set()


def test_every_word_is_described() -> None:
    (sentence,) = (line for line in PAGE.text.splitlines() if "takes `status`" in line)
    assert set(codes(sentence)[2:]) == set(get_args(windows.Status))
    assert f"{windows.LONGEST_DAYS} days at most" in TEXT


def test_the_table_of_clock_changes_is_computed() -> None:
    rows = PAGE.tables("time zone", "day", "start and end", "holds")
    assert len(rows) >= 8
    for row in rows:
        zone, (start, end) = cron.zone(row["time zone"]), row["start and end"].split(" to ")
        date = datetime.fromisoformat(row["day"]).replace(tzinfo=zone)
        day = get_args(Day)[date.weekday()]
        begin, until = weekly.upcoming(
            Weekly(day, start, end, zone.key), round(date.timestamp()) * 1000 - times.HOUR
        )
        shown = [datetime.fromtimestamp(one / 1000, zone) for one in (begin, until)]
        words = " to ".join(f"{one:%H:%M %z}" for one in shown)
        assert row["holds"] == (words if shown[0].date() == date.date() else "not on this day"), row
