"""Another service's SQLite file: read as it is, never written, and refused in a sentence."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.importing import kuma, with_rows
from tickd.errors import StartupError
from tickd.store import imports


def read(path: Path) -> dict[str, list[imports.Row]]:
    return imports.read(path, ("monitor", "tag", "missing"), "monitor", "Uptime Kuma")


def test_the_tables_that_there_are(tmp_path: Path) -> None:
    found = read(kuma(tmp_path / "kuma.db"))
    assert sorted(found) == ["monitor", "tag"]
    assert [row["name"] for row in found["tag"]] == ["team", "paid"]


def test_nothing_is_written_beside_it(tmp_path: Path) -> None:
    path = kuma(tmp_path / "kuma.db", wal=True)
    before = path.read_bytes()
    read(path)
    assert [one.name for one in tmp_path.iterdir()] == ["kuma.db"]
    assert path.read_bytes() == before


def test_what_is_still_in_the_log_is_read_too(tmp_path: Path) -> None:
    path = kuma(tmp_path / "kuma.db", wal=True)
    with closing(sqlite3.connect(path)) as running:
        running.execute("INSERT INTO tag (name) VALUES ('fresh')")
        running.commit()
        assert [row["name"] for row in read(path)["tag"]][-1] == "fresh"


def test_what_is_no_text_is_read_as_far_as_it_is(tmp_path: Path) -> None:
    path = with_rows(kuma(tmp_path / "kuma.db"), "tag", {"id": 9, "name": b"\xff\xfe"})
    assert read(path)["tag"][-1]["name"] == "\N{REPLACEMENT CHARACTER}" * 2


def test_what_is_no_database_of_it_is_refused(tmp_path: Path) -> None:
    cases = {"no SQLite database": b"x" * 5000, "no such file": None, "it has no table monitor": b""}
    for number, (words, content) in enumerate(cases.items()):
        path = tmp_path / f"{number}.db"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(StartupError, match=words):
            read(path)
    with pytest.raises(StartupError, match="no such file"):
        read(tmp_path)


@pytest.mark.parametrize("at", [100, 3000, 5000, 20_000])
def test_a_damaged_file_is_refused_or_read_but_never_a_fault(tmp_path: Path, at: int) -> None:
    path = kuma(tmp_path / "kuma.db")
    raw = bytearray(path.read_bytes())
    raw[at : at + 900] = b"\xff" * 900
    path.write_bytes(bytes(raw))
    try:
        read(path)
    except StartupError as error:
        assert str(path) in error.message


def test_a_file_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kuma(tmp_path / "kuma.db")
    with_rows(path, "tag", *({"name": str(number)} for number in range(3000)))
    monkeypatch.setattr(imports, "STEPS_MOST", 2)
    with pytest.raises(StartupError, match="takes too long"):
        read(path)


def test_too_many_rows_and_too_long_values_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kuma(tmp_path / "kuma.db")
    monkeypatch.setattr(imports, "ROWS_MOST", 1)
    with pytest.raises(StartupError, match="over 1 rows in"):
        read(path)
    monkeypatch.undo()
    with_rows(path, "tag", {"id": 9, "name": "x" * (imports.VALUE_MOST + 1)})
    with pytest.raises(StartupError, match="too big"):
        read(path)
