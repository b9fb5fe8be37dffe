"""`tickd doctor`: what it finds, what it advises, its exit status, and that it changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.commands import Ended, Run
from tests.support.daemon import running
from tests.support.process import served
from tickd.clock import SystemClock
from tickd.domain import rotation
from tickd.domain.times import DAY
from tickd.services import surroundings
from tickd.store.lock import FileLock


@pytest.fixture
def db(folder: Path) -> Path:
    """A database in the current directory; its daemon has ended."""

    async def make() -> None:
        async with running(folder / "tickd.db"):
            pass

    asyncio.run(make())
    return folder / "tickd.db"


def found(run: Run, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit status, and the findings by their check."""
    done = run("doctor", "--json", *arguments)
    told = json.loads(done.out)
    assert told["ok"] is (done.status == 0)
    assert all(one["advice"] for one in told["findings"] if one["level"] != "ok")
    return done.status, {one["check"]: one for one in told["findings"]}


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and content."""
    return {
        path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir() if path.is_file()
    }


def test_a_database_without_a_daemon_is_looked_at_and_left_as_it_is(run: Run, db: Path, folder: Path) -> None:
    before = files(folder)
    done: Ended = run("doctor", "--full")
    assert done.status == 0, done.out
    lines = done.out.splitlines()
    assert lines[0].startswith("ok       database: ") and "(schema " in lines[0]
    assert "ok       integrity: pages, indexes and references are sound" in lines
    assert "warning  daemon: no daemon runs on this database" in lines
    assert "         → start it: tickd serve" in lines
    assert lines[-1].endswith("warnings") and "no errors" in lines[-1]
    assert files(folder) == before


def test_a_running_daemon_is_asked(run: Run, folder: Path) -> None:
    backups = folder / "backups"
    backups.mkdir()
    with served(folder / "tickd.db", reference="none", backup_dir=backups) as tickd:
        listen = tickd.url.removeprefix("http://")
        status, lines = found(run, "--listen", listen, "--base-url", tickd.url, "--backup-dir", str(backups))
        assert status == 0
        assert lines["daemon"]["message"] == f"a daemon runs on it (pid {tickd.process.pid})"
        assert lines["readiness"]["message"] == f"{tickd.url} is ready"
        assert lines["base_url"]["message"] == f"{tickd.url} leads here"
        assert lines["pragmas"]["message"].startswith("journal_mode wal, auto_vacuum incremental, ")
        assert lines["backups"]["level"] == "warning"
        assert run("backup", "-q", "other.db").status == 0
        with closing(sqlite3.connect("other.db", isolation_level=None)) as connection:
            connection.execute("UPDATE facts SET value = randomblob(32) WHERE name = 'secret'")
        status, lines = found(run, "--db", "other.db", "--base-url", tickd.url)
        assert (status, lines["base_url"]["level"]) == (5, "error")
        assert lines["base_url"]["message"] == f"{tickd.url} leads to another tickd"
        with socket.create_server(("127.0.0.1", 0)) as silent:
            gone = f"127.0.0.1:{silent.getsockname()[1]}"
        status, lines = found(run, "--listen", gone)
        assert (status, lines["readiness"]["level"]) == (5, "error")
        assert lines["readiness"]["message"].startswith(f"nothing answers at http://{gone}: ")
        assert "the settings of the daemon" in lines["readiness"]["advice"]


def test_what_is_wrong_with_the_file_is_red(run: Run, db: Path) -> None:
    status, lines = found(run, "--db", "missing.db")
    assert (status, lines["database"]["message"]) == (5, "there is no database missing.db")
    assert not Path("missing.db").exists()
    content = bytearray(db.read_bytes())
    Path("text.db").write_text("name,phone\n" * 100)
    Path("broken.db").write_bytes(content[:-4096] + b"\x0a" + bytes(4095))
    assert found(run, "--db", "text.db")[1]["database"]["message"].endswith("text.db is not a database")
    status, lines = found(run, "--db", "broken.db")
    (wrong,) = [one for one in lines.values() if one["level"] == "error"]
    assert status == 5 and wrong["check"] in ("database", "integrity")
    assert "tickd restore FILE" in wrong["advice"]
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version=5")
    assert found(run)[1]["database"]["level"] == "warning"
    os.chmod(db, 0o644)
    lines = found(run)[1]
    assert lines["permissions"]["level"] == "warning" and lines["permissions"]["advice"] == f"chmod 600 {db}"


def test_backups_that_stay_away_are_red(run: Run, db: Path) -> None:
    os.mkdir("backups")
    now = SystemClock().now()
    assert found(run, "--backup-dir", "backups")[1]["backups"]["level"] == "warning"
    assert run("backup", f"backups/{rotation.name_of(now - 3 * DAY, '0123abcd')}").status == 0
    status, lines = found(run, "--backup-dir", "backups")
    assert (status, lines["backups"]["level"]) == (5, "error")
    assert lines["backups"]["message"].startswith("the last backup is 3 d")
    assert found(run, "--backup-dir", "backups", "--backup-schedule", "0 0 * * 0")[1]["backups"]["level"] in (
        "ok",
        "error",
    )
    assert run("backup", f"backups/{rotation.name_of(now, '0123abcd')}").status == 0
    assert found(run, "--backup-dir", "backups")[1]["backups"]["level"] == "ok"
    status, lines = found(run, "--backup-dir", "nowhere")
    assert (status, lines["backups"]["message"]) == (5, "backup_dir nowhere does not exist; make it first")


def test_a_clock_behind_the_last_sign_of_life_is_red(run: Run, db: Path) -> None:
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE facts SET value = ? WHERE name = 'alive_at'", (SystemClock().now() + 2 * DAY,)
        )
    status, lines = found(run)
    assert (status, lines["clock"]["level"]) == (5, "error")
    assert "behind the database's last sign of life" in lines["clock"]["message"]


def test_names_and_mail_servers_that_do_not_answer_are_red(run: Run, db: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    status, lines = found(run, "--smtp-url", f"smtp://ada:pa55word@127.0.0.1:{port}")
    assert (status, lines["smtp"]["level"]) == (5, "error")
    assert lines["smtp"]["message"] == f"connection refused by the mail server 127.0.0.1:{port}"
    assert "pa55word" not in json.dumps(lines)
    status, lines = found(run, "--base-url", "http://tickd..example")
    assert (status, lines["dns"]["level"], lines["base_url"]["level"]) == (5, "error", "warning")
    assert lines["dns"]["message"].startswith("base_url: ")


def test_a_machine_without_root_certificates_is_red(
    run: Run, db: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, str(folder / "roots"))
    status, lines = found(run)
    assert (status, lines["root certificates"]["level"]) == (5, "error")
    assert "ca-certificates" in lines["root certificates"]["advice"]
    authority = trustme.CA()
    authority.cert_pem.write_to_path("one.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "one.pem"))
    assert found(run)[1]["root certificates"]["message"] == f"1 in {folder / 'one.pem'}"
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "none.pem"))
    (folder / "roots").mkdir()
    assert found(run)[1]["root certificates"]["level"] == "error"
    os.rename("one.pem", "roots/0a775a30.0")
    assert found(run)[1]["root certificates"]["message"] == f"in {folder / 'roots'}"


def test_few_open_files_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (256, 256))
    finding = surroundings.findings(None, 500, 500)[2]
    assert finding.level == "warning"
    assert finding.message == "256 files may be open: room for 64 calls and 64 checks, not 500 and 500"


def test_a_holder_is_named_without_the_lock_being_touched(folder: Path) -> None:
    lock = FileLock(str(folder / "t.db"))
    assert lock.held_by() is None and os.listdir(folder) == []
    assert lock.acquire() and FileLock(str(folder / "t.db")).held_by() == os.getpid()
    lock.release()
    assert lock.held_by() is None
