"""What the tests of the command line share: an empty folder, commands in it, and for `tickd exec` a tickd."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Ended, Run
from tests.support.executed import Home
from tests.support.receiver import Receiver, receiving
from tickd import cli


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory, without settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TICKD_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `tickd` with these arguments in the folder, with `typed` on standard input, in so many columns."""

    def invoke(
        *arguments: str, typed: str = "", stdin: type[io.StringIO] = io.StringIO, columns: int = 80
    ) -> Ended:
        monkeypatch.setattr(sys, "argv", ["tickd", *arguments])
        monkeypatch.setattr(sys, "stdin", stdin(typed))
        monkeypatch.setenv("COLUMNS", str(columns))
        status = 0
        try:
            cli.main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        said = capsys.readouterr()
        return Ended(status, said.out, said.err)

    return invoke


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes pings, as tickd does."""
    with receiving() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A user who has run nothing yet."""
    return Home(tmp_path)
