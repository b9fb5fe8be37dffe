"""The start: what it refuses in one sentence, whose setting wins, and what it leaves alone."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import fill, query, refused, served
from tickd.domain import times

ODD = 3 * times.DAY + 12_345
"""No schedule has an occurrence at such a moment: whoever computed it again would change it."""


def test_a_second_daemon_on_the_file_is_refused(db: Path) -> None:
    with served(db) as tickd:
        line = refused(db.parent, "--db", str(db), "--listen", "127.0.0.1:0")
        assert line == f"tickd: {db} is in use by another tickd (pid {tickd.process.pid})"
        assert tickd.call("GET", "/readyz").status == 200


def test_a_port_in_use_is_refused(db: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "{}:{}".format(*taken.getsockname())
        line = refused(db.parent, "--db", str(db), "--listen", address)
    assert line.startswith(f"tickd: can't listen on {address}: ")
    assert "in use" in line


@pytest.mark.parametrize(
    ("arguments", "environment", "file", "line"),
    [
        (["--listen", "8090"], {}, "", "--listen must be HOST:PORT with a port between 0 and 65535"),
        ([], {"max_calls": "0"}, "", "TICKD_MAX_CALLS must be a whole number between 1 and 5000"),
        ([], {}, 'log_format = "xml"', "log_format in tickd.toml must be one of text, json"),
        ([], {}, "lissten = 1", "tickd.toml has an unknown setting: lissten"),
    ],
)
def test_a_bad_setting_is_named(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], file: str, line: str
) -> None:
    Path(tmp_path, "tickd.toml").write_text(file)
    assert refused(tmp_path, "--config", "tickd.toml", *arguments, **environment).startswith("tickd: " + line)


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('listen = "127.0.0.2:0"\nlog_format = "text"\ndb = "named.db"\n')
    settings: dict[str, Any] = {"config": file, "listen": "127.0.0.3:0", "log_format": "json", "db": ""}
    with served(tmp_path / "unused.db", "--listen", "127.0.0.4:0", **settings) as tickd:
        assert tickd.url.startswith("http://127.0.0.4:")
        assert tickd.log.startswith('{"time"')
        assert Path(tmp_path, "named.db").exists()


def test_a_start_plans_nothing_again(db: Path) -> None:
    due_at = time.time_ns() // 1_000_000 // times.DAY * times.DAY + ODD
    asyncio.run(fill(db, 5_000, due_at=due_at))
    planned = "SELECT min(next_run_at), max(next_run_at), count(*), sum(scheduled_count) FROM jobs"
    assert query(db, planned) == [(due_at, due_at, 5_000, 0)]
    with served(db) as tickd:
        assert tickd.call("GET", "/readyz").status == 200
        assert tickd.call("GET", "/v1/jobs?limit=1").json["total"] == 5_000
        assert tickd.stop()[0] == 0
    assert query(db, planned) == [(due_at, due_at, 5_000, 0)]
