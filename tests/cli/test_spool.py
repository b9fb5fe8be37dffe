"""Pings that could not be delivered: kept safely, sent once, with their time, or told."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.executed import TOKEN, Home
from tests.support.process import eventually
from tests.support.receiver import BUSY, CUT, HELD, TAKEN, UNKNOWN, Received, Receiver, Reply, nobody
from tickd.cli import spool
from tickd.cli.pings import Ping
from tickd.cli.spool import Spool, Tried
from tickd.domain import times

HOUR = times.HOUR
OVER = Tried(over=True)


class Taking:
    """Takes every ping that is replayed."""

    def __init__(self) -> None:
        self.pings: list[Ping] = []

    def __call__(self, ping: Ping) -> Tried:
        self.pings.append(ping)
        return OVER


def _now() -> int:
    return time.time_ns() // 1_000_000


def _ping(at: int, **fields: str) -> Ping:
    plain = {"url": "http://127.0.0.1:9", "token": TOKEN, "kind": "0", "rid": f"run-{at}", "body": ""}
    return Ping(at=at, **plain | fields)


# A file a ping.


def test_files_are_for_their_user_alone(home: Home) -> None:
    umask = os.umask(0)
    try:
        home.spool.mkdir(parents=True)
        with nobody() as url:
            home.run(TOKEN, "--url", url, "--max-wait-secs", "0", "--", "sh", "-c", "echo é; exit 3")
    finally:
        os.umask(umask)
    assert home.spool.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in home.spool.iterdir()] == [0o600] * 2
    start, end = home.kept()
    assert (end["url"], end["token"], end["kind"], end["body"]) == (url, TOKEN, "3", "é\n")
    assert (start["kind"], start["body"], start["rid"]) == ("start", "", end["rid"])
    at = datetime.fromisoformat(start["at"])
    assert datetime.now(UTC) - timedelta(minutes=1) < at <= datetime.fromisoformat(end["at"])


def test_a_ping_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Spool(str(tmp_path / "spool")).keep(_ping(1))
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_start_comes_before_its_end(tmp_path: Path) -> None:
    kept = Spool(str(tmp_path))
    for at, kind in ((5, "0"), (5, "start"), (10**12, "1"), (4, "255")):
        kept.keep(_ping(at, kind=kind, rid="r"))
    taking = Taking()
    kept.replay(taking, 5)
    assert [(one.at, one.kind) for one in taking.pings] == [(4, "255"), (5, "start"), (5, "0"), (10**12, "1")]


def test_no_more_than_a_thousand_are_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    kept = Spool(str(tmp_path))
    for at in range(1, spool.MOST + 1):
        (tmp_path / f"{at:013d}-x-0.{'bad' if at == 2 else 'json'}").touch()
    kept.keep(_ping(5_000))
    assert capfd.readouterr().err == f"tickd: {tmp_path} keeps 1,000 pings; the oldest was dropped\n"
    (tmp_path / "0000000000000-x-0.json").touch()
    kept.keep(_ping(4_999))
    assert capfd.readouterr().err == f"tickd: {tmp_path} keeps 1,000 pings; the oldest was dropped (2)\n"
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == spool.MOST
    assert names[0].startswith("0000000000003-")
    assert names[-1].startswith("0000000005000-")


@pytest.mark.parametrize(
    ("environment", "meant"),
    [
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/tickd/spool"),
        ({"XDG_STATE_HOME": "s", "HOME": "/h"}, "/h/.local/state/tickd/spool"),
        ({"XDG_STATE_HOME": "", "HOME": "/h"}, "/h/.local/state/tickd/spool"),
        ({}, "/of/the/user/.local/state/tickd/spool"),
        ({"HOME": ""}, "/of/the/user/.local/state/tickd/spool"),
    ],
)
def test_where_it_is(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], meant: str) -> None:
    class User:
        pw_dir = "/of/the/user"

    monkeypatch.setattr(pwd, "getpwuid", lambda _: User)
    assert spool.folder(environment) == meant


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(OSError, match="set HOME or XDG_STATE_HOME"):
        spool.folder({})


# Replay.


def test_what_was_kept_is_sent_with_its_time_and_then_forgotten(home: Home, receiver: Receiver) -> None:
    receiver.otherwise = BUSY
    home.run(TOKEN, "--url", receiver.url, "--", "sh", "-c", "echo said; exit 3")
    kept = home.kept()
    receiver.otherwise = TAKEN
    del receiver.pings[:]
    ended = home.run("--replay")
    assert (ended.status, ended.out, ended.err) == (0, b"", "")
    assert receiver.whats == ["start@", "3@"]
    for ping, file in zip(receiver.pings, kept, strict=True):
        assert (ping.token, ping.query) == (TOKEN, {"rid": file["rid"], "at": file["at"]})
        assert ping.headers["User-Agent"].startswith("tickd-exec/")
    assert [one.body for one in receiver.pings] == [b"", b"said\n"]
    assert home.files() == []
    assert (home.run("--replay").status, len(receiver.pings)) == (0, 2)


def test_there_is_nothing_to_replay_where_nothing_was_kept(home: Home) -> None:
    assert (home.run("--replay").status, home.spool.exists()) == (0, False)


def test_a_run_that_was_reported_sends_what_was_kept_for_the_same_tickd(
    home: Home, receiver: Receiver
) -> None:
    now = _now()
    home.put(now - HOUR, url=receiver.url, rid="b", kind="1")
    home.put(now - 2 * HOUR, url=receiver.url, rid="a", token="another")
    with nobody() as url:
        home.put(now - 3 * HOUR, url=url)
        ended = home.run(TOKEN, "--url", receiver.url, "--", "true")
        assert (ended.status, ended.err) == (0, "")
        assert receiver.whats == ["start", "0", "0@", "1@"]
        assert [one.query["rid"] for one in receiver.pings[2:]] == ["a", "b"]
        assert receiver.pings[2].query["at"] == times.rfc3339(now - 2 * HOUR)
        assert [one["url"] for one in home.kept()] == [url]


def test_what_is_left_is_told_and_is_status_1(home: Home, receiver: Receiver) -> None:
    now = _now()
    with nobody() as url:
        for number in range(3):
            home.put(now - HOUR + number, url=url)
        home.put(now, url=receiver.url)
        ended = home.run("--replay")
    assert ended.status == 1
    # One that can't be reached is asked once.
    assert ended.err == f"tickd: 3 kept pings are left: {url} can't be reached: Connection refused\n"
    assert (receiver.whats, len(home.files())) == (["0@"], 3)


def test_a_heartbeat_that_gets_too_many_waits_and_the_others_do_not(home: Home, receiver: Receiver) -> None:
    for number, token in enumerate(("slow", "slow", "quick", "slow", "quick")):
        home.put(_now() - HOUR + number, url=receiver.url, token=token)
    slow = Reply(429, b'{"error": "too many pings"}', {"Retry-After": "30"})
    receiver.answer = lambda ping: slow if ping.token == "slow" else TAKEN
    ended = home.run("--replay")
    assert (ended.status, [one.token for one in receiver.pings]) == (1, ["slow", "quick", "quick"])
    assert ended.err == f"tickd: 3 kept pings are left: {receiver.url} answered 429, too many pings\n"
    assert len(home.files()) == 3


def test_a_busy_tickd_is_left_alone(home: Home, receiver: Receiver) -> None:
    for number in range(3):
        home.put(_now() - HOUR + number, url=receiver.url, token=f"token-{number}")
    receiver.otherwise = BUSY
    assert home.run("--replay").status == 1
    assert (len(receiver.pings), len(home.files())) == (1, 3)


def test_a_refusal_is_told_and_final(home: Home, receiver: Receiver) -> None:
    home.put(_now() - 2, url=receiver.url)
    home.put(_now() - 1, url=receiver.url)
    receiver.replies = [UNKNOWN]
    ended = home.run("--replay")
    assert ended.status == 0
    said = f"tickd: {receiver.url} refuses a kept ping for abcd…: answered 404, no such heartbeat\n"
    assert (ended.err, len(receiver.pings), home.files()) == (said, 2, [])


def test_a_replay_whose_answer_was_lost_is_repeated_alike(home: Home, receiver: Receiver) -> None:
    home.put(_now(), url=receiver.url)
    receiver.replies = [CUT]
    assert home.run("--replay").status == 1
    assert home.run("--replay").status == 0
    first, second = receiver.pings
    assert (first.token, first.kind, first.query, first.body) == (
        second.token,
        second.kind,
        second.query,
        second.body,
    )


def test_what_is_over_a_day_old_is_dropped_with_a_word(home: Home, receiver: Receiver) -> None:
    now = _now()
    for number in range(3):
        home.put(now - 24 * HOUR - 1000 - number, url=receiver.url)
    home.put(now - 24 * HOUR + 60_000, url=receiver.url)
    (home.spool / f"{now - 30 * HOUR:013d}-x-0.json.1.1.tmp").touch()
    (home.spool / f"{now:013d}-x-0.json.1.1.tmp").touch()
    ended = home.run("--replay")
    assert ended.err == "tickd: 3 undelivered pings dropped after 24 hours\n"
    assert (ended.status, receiver.whats) == (0, ["0@"])
    assert home.files() == [f"{now:013d}-x-0.json.1.1.tmp"]


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b"{}",
        {"url": "ftp://127.0.0.1"},
        {"url": 1},
        {"kind": "256"},
        {"kind": "fail"},
        {"kind": "²"},
        {"at": "yesterday"},
        {"at": "2026-03-03T12:00:00"},
        {"token": ""},
        {"body": None},
    ],
    ids=range(15),
)
def test_a_file_that_holds_no_ping_is_set_aside(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], wrong: bytes | dict[str, object]
) -> None:
    kept = Spool(str(tmp_path))
    for at in (1, 2):
        kept.keep(_ping(at))
    file = sorted(tmp_path.glob("*.json"))[0]
    if isinstance(wrong, dict):
        wrong = json.dumps(json.loads(file.read_bytes()) | wrong).encode()
    file.write_bytes(wrong)
    taking = Taking()
    assert kept.replay(taking, 5).left == 0
    assert [one.at for one in taking.pings] == [2]
    assert capfd.readouterr().err == f"tickd: {file} holds no ping that can be read; it is now called .bad\n"
    assert [path.name for path in tmp_path.glob("[!.]*")] == [f"{file.stem}.bad"]
    kept.replay(Taking(), 5)
    assert capfd.readouterr().err == ""


def test_corruption_costs_a_run_nothing(home: Home, receiver: Receiver) -> None:
    (home.spool / home.put(_now(), url=receiver.url)).write_text("{")
    ended = home.run(TOKEN, "--url", receiver.url, "--", "sh", "-c", "exit 3")
    assert (ended.status, receiver.whats, len(ended.err.splitlines())) == (3, ["start", "3"], 1)


def test_a_spool_that_cant_be_used_costs_a_run_a_line(home: Home, receiver: Receiver) -> None:
    home.put(_now(), url=receiver.url)
    (home.spool / ".lock").mkdir()
    ended = home.run(TOKEN, "--url", receiver.url, "--", "sh", "-c", "exit 3")
    assert (ended.status, receiver.whats) == (3, ["start", "3"])
    (line,) = ended.err.splitlines()
    assert line.startswith("tickd: kept pings can't be sent: [Errno 21] Is a directory: ")
    assert home.run("--replay").status == 1


# Two at once.


def test_two_replays_do_not_get_in_each_others_way(home: Home, receiver: Receiver) -> None:
    for number in range(3):
        home.put(_now() - HOUR + number, url=receiver.url)
    receiver.replies = [HELD]
    with home.running("--replay") as first:
        eventually(lambda: receiver.whats == ["0@"])
        second = home.run("--replay")
        assert (second.status, len(receiver.pings)) == (1, 1)
        assert second.err == "tickd: 3 kept pings are left: another process is sending them\n"
        # A run takes no notice, and is reported beside it.
        ended = home.run(TOKEN, "--url", receiver.url, "--", "true")
        assert (ended.status, ended.err, receiver.whats[1:]) == (0, "", ["start", "0"])
        receiver.released.set()
        assert first.wait(10) == 0
    assert sorted(receiver.whats) == ["0", "0@", "0@", "0@", "start"]
    assert home.files() == []


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    kept = Spool(str(tmp_path))
    kept.keep(_ping(1))
    with open(tmp_path / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert kept.replay(Taking(), 5) == (1, True)
    assert kept.replay(Taking(), 5) == (0, False)


def test_a_file_that_another_process_dropped_is_no_error(tmp_path: Path) -> None:
    kept = Spool(str(tmp_path))
    for at in (1, 2):
        kept.keep(_ping(at))

    def send(ping: Ping) -> Tried:
        for path in tmp_path.glob("*.json"):
            path.unlink()
        return OVER

    assert kept.replay(send, 5).left == 0


def test_a_replay_ends_when_its_time_is_over(tmp_path: Path) -> None:
    kept = Spool(str(tmp_path))
    for at in range(5):
        kept.keep(_ping(at))
    taking = Taking()
    found = kept.replay(taking, 5, enough=lambda: len(taking.pings) == 2)
    assert ([one.at for one in taking.pings], found.left) == ([0, 1], 3)


def test_a_run_does_not_wait_long_for_what_is_kept(home: Home, receiver: Receiver) -> None:
    for number in range(3):
        home.put(_now() - HOUR + number, url=receiver.url)

    def answer(ping: Received) -> Reply:
        return HELD if "at" in ping.query else TAKEN

    receiver.answer = answer
    ended = home.run(TOKEN, "--url", receiver.url, "--max-wait-secs", "1", "--", "true")
    assert (ended.status, ended.err) == (0, "")
    assert ended.secs < 4
    assert receiver.whats == ["start", "0", "0@"]
    assert len(home.files()) == 3


def test_what_is_no_file_is_set_aside_unread(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    kept = Spool(str(tmp_path))
    at = _now()
    os.mkfifo(tmp_path / f"{at}-pipe.json")
    (tmp_path / f"{at}-link.json").symlink_to("/dev/zero")
    (tmp_path / f"{at}-long.json").write_bytes(b" " * (spool.LONGEST + 1))
    kept.keep(_ping(at))
    taking = Taking()
    assert kept.replay(taking, at).left == 0
    assert [ping.at for ping in taking.pings] == [at]
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.name != ".lock") == [".bad"] * 3
    assert capfd.readouterr().err.count("holds no ping that can be read") == 3
