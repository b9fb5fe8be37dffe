"""`tickd status` against a daemon, and what tables and texts look like in a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.cli.speaking import ANSI, Said, Speaking, speaking
from tests.contract.people import key_with, stranger
from tests.support.commands import Run
from tests.support.daemon import NOON
from tickd import __version__
from tickd.cli import listing, status, terminal
from tickd.cli.terminal import NOTHING, Cell, Column, Screen
from tickd.domain import overview

EVIL = "\x1b]0;owned\x07\x9b2Jshop\u202e\nnext"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speaking]:
    with speaking(tmp_path_factory.mktemp("there") / "tickd.db") as made:
        yield made


@pytest.fixture
def tickd(run: Run, there: Speaking) -> Said:
    return Said(run, there.served.url)


def _screen(width: int = 80, *, colour: bool = False) -> Screen:
    return Screen(True, colour, width, NOON)


# The command; these follow one another on one daemon.


def test_all_is_well_where_there_is_nothing(tickd: Said) -> None:
    ended = tickd("status")
    assert (ended.status, ended.err) == (0, "")
    first, *rest = ended.out.splitlines()
    assert first.startswith(f"tickd {__version__} at {tickd.url}, ready, 2026-03-03 ")
    assert "Nothing is down, degraded or late." in rest
    assert rest[-1].split(maxsplit=1) == ["Alerts", "none waits"]


def test_what_is_healthy_is_counted_and_what_comes_next_is_named(tickd: Said, there: Speaking) -> None:
    there.job("yearly")
    ended = tickd("status")
    assert ended.status == 0
    assert "jobs           0         0     0        1   0       0" in ended.out.splitlines()
    assert ended.out.splitlines()[-1].split() == ["Next", "yearly", "in", "303", "d"]


def test_a_failure_is_named_with_its_reason_and_ends_with_5(tickd: Said, there: Speaking) -> None:
    made = there.heartbeat("backup")
    assert there.served.call("POST", f"/p/{made['token']}/fail", key=None).status == 200
    ended = tickd("status")
    assert ended.status == 5
    lines = [line.split() for line in ended.out.splitlines()]
    assert ["down", "heartbeat", "backup", "0", "s", "failed"] in lines
    assert ["Open", "incidents:", "1"] in lines
    quiet = tickd("status", "--quiet")
    assert (quiet.status, quiet.out) == (5, "")


def test_json_is_what_the_api_says(tickd: Said, there: Speaking) -> None:
    ended = tickd("status", "--json")
    assert ended.status == 5
    assert json.loads(ended.out) == there.served.call("GET", "/v1/overview").json


def test_a_run_under_way_is_named(tickd: Said, there: Speaking) -> None:
    made = there.job("slow")
    there.endpoint.gate.clear()
    try:
        run = there.served.call("POST", f"/v1/jobs/{made['id']}/trigger").json["execution_id"]
        said = there.served.call("GET", "/v1/overview").json
        assert [(one["execution_id"], one["name"]) for one in said["running"]] == [(run, "slow")]
        assert any(line.split()[:2] == ["Running", "slow"] for line in tickd("status").out.splitlines())
    finally:
        there.served._loop.call_soon_threadsafe(there.endpoint.gate.set)


def test_nothing_of_a_name_reaches_the_terminal(tickd: Said, there: Speaking) -> None:
    made = there.heartbeat("evil")
    body = EVIL.encode()
    reply = there.served.call("POST", f"/p/{made['token']}/fail?msg=x", key=None, data=body)
    assert reply.status == 200
    for arguments in (
        ["status"],
        ["status", "--json"],
        ["heartbeats", "list"],
        ["incidents", "list", "--json"],
    ):
        said = tickd(*arguments).out
        assert all(one == "\n" or one == "\t" or one.isprintable() for one in said), arguments


def test_a_stranger_sees_nothing_of_it(tickd: Said, there: Speaking) -> None:
    key = there.served.run(stranger(there.served.harness))
    ended = tickd("status", key=key)
    assert ended.status == 0
    assert "yearly" not in ended.out


def test_a_key_that_may_only_read_is_enough_and_a_wrong_one_ends_with_1(tickd: Said, there: Speaking) -> None:
    assert tickd("status", key=there.served.run(key_with(there.served.harness, "read"))).status == 5
    refused = tickd("status", key="tk_wrong")
    assert (refused.status, refused.out) == (1, "")
    assert "tickd key create" in refused.err
    beats = there.served.run(key_with(there.served.harness, "heartbeat:write"))
    assert tickd("status", key=beats).status == 1


def test_the_states_are_those_of_the_domain() -> None:
    assert (terminal.STATES, terminal.SORTS) == (overview.STATES, overview.SORTS)


# The screen.


def _overview(**more: object) -> dict[str, object]:
    counts = dict.fromkeys(("down", "degraded", "late", "pending", "up", "paused"), 0)
    plain: dict[str, object] = {
        "at": "2026-03-03T12:00:00Z", "version": "1", "ready": True, "faults": [],
        "counts": {noun: counts for noun in ("jobs", "monitors", "heartbeats")},
        "failing": [], "failing_total": 0, "incidents": [], "incidents_total": 0,
        "running": [], "running_total": 0, "next": [], "recent": [],
        "alerts": {"queued": 0, "retrying": 0, "oldest_at": None}, "maintenance": [],
    }  # fmt: skip
    return plain | more


def _failing(count: int) -> list[dict[str, object]]:
    last = {"result": "refused " * 9, "duration_ms": None, "message": ""}
    plain: dict[str, object] = {
        "kind": "monitor",
        "state": "down",
        "since": "2026-03-03T11:00:00Z",
        "last": last,
    }
    return [plain | {"name": f"shop {number} 商店🛒" + "x" * 50} for number in range(count)]


@pytest.mark.parametrize("width", [40, 50, 60, 80, 120, 200])
def test_every_line_fits(width: int) -> None:
    name = {"name": "商店" * 40, "since": "2026-03-03T11:00:00Z", "next_at": "2026-03-03T13:00:00Z"}
    shown = _overview(
        failing=_failing(12), failing_total=30_000, running=[name], running_total=1, next=[name]
    )
    found = list(status.lines(shown, "https://tickd.example.com", _screen(width)))
    assert max(terminal.width_of(line) for line in found) <= width
    assert "  and 29,990 more" in found


def test_the_first_line_is_several_where_it_does_not_fit() -> None:
    def first(width: int, *, colour: bool = False) -> list[str]:
        return list(status.head(_overview(), "http://127.0.0.1:8090", _screen(width, colour=colour)))

    (whole,) = first(80)
    at = terminal.local("2026-03-03T12:00:00Z")
    assert whole == f"tickd 1 at http://127.0.0.1:8090, ready, {at}"
    assert first(len(whole)) == [whole]
    assert first(len(whole) - 1) == ["tickd 1 at http://127.0.0.1:8090, ready,", at]
    assert first(30) == ["tickd 1", "at http://127.0.0.1:8090,", f"ready, {at}"]
    assert [ANSI.sub("", line) for line in first(30, colour=True)] == first(30)
    (piped,) = status.head(_overview(), "http://" + "a" * 90, Screen(False, False, 80, NOON))
    assert piped == f"tickd 1 at http://{'a' * 90}, ready, {at}"


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("state", ["open", "resolved"])
def test_the_id_of_an_incident_is_whole(width: int, state: str) -> None:
    item = {
        "id": "inc_672dmwda287px2cc", "status": state, "severity": "critical", "kind": "down",
        "subject": {"kind": "heartbeat", "name": "cold store " * 9}, "started_at": "2026-03-03T11:00:00Z",
        "resolved_at": None, "duration_secs": None, "acknowledged_at": None, "cause": {"error": "x" * 99},
    }  # fmt: skip
    lines = _screen(width).table(listing.INCIDENTS, [listing.incident(item, NOON)])
    assert lines[1].startswith(f"inc_672dmwda287px2cc  {state}  ")
    assert "cold" in lines[1]
    assert max(map(terminal.width_of, lines)) <= width


def test_a_daemon_that_is_not_ready_says_why_and_fails() -> None:
    shown = _overview(ready=False, faults=["the cron loop does not run"])
    assert status.is_failing(shown)
    found = list(status.lines(shown, "http://a", _screen(colour=True)))
    assert ANSI.sub("", found[1]) == "  the cron loop does not run"
    assert "\x1b[33mnot ready\x1b[0m" in found[0]


def test_colour_is_beside_the_word() -> None:
    shown = _overview(failing=_failing(1), failing_total=1)
    coloured = list(status.lines(shown, "http://a", _screen(colour=True)))
    assert [ANSI.sub("", line) for line in coloured] == list(status.lines(shown, "http://a", _screen()))


def test_columns_are_cut_and_then_left_out() -> None:
    columns = (Column("a", least=8), Column("b", drop=1), Column("c", drop=2))
    rows = [[Cell("x" * 20), Cell("y" * 10), Cell("z" * 10)]]
    assert terminal.fitted(columns, rows, 44) == {0: 20, 1: 10, 2: 10}
    assert terminal.fitted(columns, rows, 40) == {0: 16, 1: 10, 2: 10}
    assert terminal.fitted(columns, rows, 30) == {0: 18, 1: 10}
    assert terminal.fitted(columns, rows, 12) == {0: 12}


def test_a_column_that_says_nothing_is_left_out() -> None:
    columns = (Column("a"), Column("b", drop=1))
    assert terminal.fitted(columns, [[Cell("x"), Cell(NOTHING)]], 80) == {0: 1}


def test_wide_characters_count_twice() -> None:
    assert terminal.width_of("商店🛒") == 6
    assert terminal.cut("商店🛒", 4) == "商…"
    lines = _screen(20).table((Column("a", least=5), Column("b")), [[Cell("商店" * 9), Cell("x")]])
    assert terminal.width_of(lines[1]) <= 20


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a\ufffd[2Jb"),
        ("a\nb\tc\xa0d", "a b c d"),
        ("\u202eab", "\ufffdab"),
        ("\ud800", "\ufffd"),
        ("é 商 👩\u200d🚀", "é 商 👩\u200d🚀"),
        ("\u0645\u200c\u0645", "\u0645\u200c\u0645"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert terminal.safe(text) == shown


def test_json_escapes_what_a_terminal_would_obey() -> None:
    value = {"name": "\x9b2J\x1b \u202e é \U000e0001"}
    text = terminal.as_json(value)
    assert json.loads(text) == value
    assert text.replace("\n", "").isprintable()
    assert "é" in text


def test_times_are_told_as_people_do() -> None:
    def at(seconds: int) -> str:
        return datetime.fromtimestamp(NOON / 1000 + seconds, UTC).isoformat()

    shown = [terminal.ago(at(-one), NOON) for one in (0, 5, 119, 120, 7_199, 7_200, 3 * 86_400, -300)]
    assert shown == [
        "now",
        "5 s ago",
        "119 s ago",
        "2 min ago",
        "119 min ago",
        "2 h ago",
        "3 d ago",
        "in 5 min",
    ]
    assert terminal.ago(None, NOON) == terminal.ago("never", NOON) == NOTHING


def test_exact_times_are_in_the_reader_s_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert terminal.local("2026-03-03T12:00:00Z") == "2026-03-03 17:30:00 IST"
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colour_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Screen.current().colour
    monkeypatch.setenv(name, value)
    assert not Screen.current().colour
