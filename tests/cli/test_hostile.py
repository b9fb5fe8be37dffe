"""Commands before a daemon that is none, or means harm: a sentence ends them, and the terminal is safe."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_remote import Scripted, answer, scripted
from tests.cli.test_status import EVIL, _overview
from tests.support.commands import Ended, Run
from tests.support.daemon import NOON
from tests.support.servers import free_port
from tickd.cli import exchange, top
from tickd.cli.remote import Refused, Remote, Unreachable
from tickd.cli.terminal import Cell, Column, Screen

NO_TICKD = "but not as tickd does"
SHOP: dict[str, Any] = {
    "id": EVIL, "state": EVIL, "name": EVIL, "slug": EVIL, "since": EVIL, "last": None, "next_at": EVIL,
    "running": False, "group": EVIL, "tags": [EVIL], "target": EVIL, "kind": EVIL,
}  # fmt: skip
RUN = {
    "id": EVIL, "status": "success", "triggered_at": EVIL, "trigger": EVIL, "duration_ms": 1,
    "status_code": EVIL, "error": EVIL, "reason": EVIL, "output": EVIL, "execution_id": "exec_1",
}  # fmt: skip
INCIDENT = {
    "id": EVIL, "status": EVIL, "severity": EVIL, "subject": {"kind": EVIL, "name": "shop"},
    "started_at": EVIL, "resolved_at": EVIL, "duration_secs": 1, "acknowledged_at": None,
    "cause": {"error": EVIL},
}  # fmt: skip


def said(value: object, status: str = "200 OK") -> bytes:
    """An answer of this value as JSON."""
    return answer(status, json.dumps(value).encode())


def page(noun: str, *items: object) -> bytes:
    """A list of these."""
    return said({noun: items, "total": len(items)})


def asked(run: Run, server: Scripted, *arguments: str) -> Ended:
    """How the command ends that asks this server."""
    return run(*arguments, "--url", f"http://127.0.0.1:{server.port}")


# What the terminal would obey.


@pytest.mark.parametrize(
    ("arguments", "script"),
    [
        (["jobs", "list"], [page("subjects", SHOP, SHOP)]),
        (["jobs", "pause", EVIL], [page("subjects", SHOP, SHOP)]),
        (["jobs", "pause", "x"], [page("subjects", SHOP)]),
        (["jobs", "runs", "job_12345678"], [said({}), page("executions", RUN, RUN)]),
        (["jobs", "run", "job_12345678"], [said({}), said({"execution_id": "exec_1"}), said(RUN)]),
        (["jobs", "run", "job_12345678", "--wait"], [said({}), said({"execution_id": "exec_1"}), said(RUN)]),
        (["monitors", "check", "mon_12345678"], [said({}), said(RUN | {"status": EVIL})]),
        (["incidents", "list"], [page("incidents", INCIDENT, INCIDENT)]),
        (["incidents", "show", "shop"], [page("incidents", INCIDENT, INCIDENT)]),
        (["incidents", "show", "inc_1"], [said(INCIDENT | {"related": {EVIL: [RUN | {"name": EVIL}]}})]),
        (["status"], [said(_overview(version=EVIL, at=EVIL, faults=[EVIL], counts={EVIL: {}}))]),
        (["status"], [b"HTTP/1.1 \x1b[2Jshop\r\n\r\n"]),
        (["status"], [answer("302 Found", b"", "Location: \x1b[2J")]),
    ],
)  # fmt: skip
def test_nothing_that_a_terminal_obeys_reaches_it(
    run: Run, arguments: list[str], script: list[bytes]
) -> None:
    with scripted(*script) as server:
        ended = asked(run, server, *arguments)
        assert "Traceback" not in ended.err
        shown = (ended.out + ended.err).replace("\n", "").replace("\t", "")
        assert shown.isprintable(), shown
        assert "shop" in shown or "2J" in shown
        assert len(server.heard) == len(script)


def test_no_value_makes_a_second_row_in_a_pipe(run: Run) -> None:
    evil = "a\nb\tc"
    shop = {name: evil if text == EVIL else text for name, text in SHOP.items()}
    with scripted(page("subjects", shop)) as server:
        _, *rows = asked(run, server, "jobs", "list").out.splitlines()
    assert [row.count("\t") for row in rows] == [9]
    assert rows[0].startswith("a b c\ta b c\t")


def test_all_of_a_table_is_safe_and_as_wide_as_it_is_shown() -> None:
    lines = Screen(True, False, 40, NOON).table((Column("a"), Column("b")), [[Cell("\x07" * 9), Cell("b")]])
    assert lines == ["A          B", "\N{REPLACEMENT CHARACTER}" * 9 + "  b"]
    runs = [{"name": EVIL, "status": EVIL, "since": EVIL, "execution_id": EVIL}]
    recent = [{"kind": EVIL, "name": EVIL, "at": EVIL, "outcome": "good", "result": EVIL}]
    overview = _overview(running=runs, running_total=1, recent=recent)
    shown = top.page(overview, Screen(True, False, 100, NOON), 50, "")
    assert all(line.isprintable() for line in shown)


# What is no answer of tickd's.


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"null", b'"x"', b"7", b"NaN", b"", b'{"a":' * 50_000, b"9" * 9_000]
)
@pytest.mark.parametrize(
    "arguments",
    [["status"], ["jobs", "list"], ["jobs", "list", "--limit", "0"], ["incidents", "list"],
     ["monitors", "show", "x"]],
)  # fmt: skip
def test_what_is_no_answer_of_tickd_ends_with_3(run: Run, arguments: list[str], body: bytes) -> None:
    with scripted(answer("200 OK", body)) as server:
        ended = asked(run, server, *arguments)
    assert (ended.status, ended.out) == (3, "")
    assert NO_TICKD in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'"x"', b""])
@pytest.mark.parametrize(
    "arguments",
    [["jobs", "pause"], ["jobs", "run"], ["monitors", "check"], ["heartbeats", "pings"]],
)
def test_an_act_that_is_not_answered_as_tickd_does_ends_with_3(
    run: Run, arguments: list[str], body: bytes
) -> None:
    kind = {"jobs": "job", "monitors": "mon", "heartbeats": "hb"}[arguments[0]]
    with scripted(said({}), answer("200 OK", body)) as server:
        ended = asked(run, server, *arguments, f"{kind}_12345678")
    assert (ended.status, ended.out) == (3, "")
    assert NO_TICKD in ended.err


@pytest.mark.parametrize("lacking", ["at", "counts", "failing", "alerts", "next", "ready"])
def test_an_overview_that_lacks_something_ends_with_3(run: Run, lacking: str) -> None:
    overview = _overview()
    del overview[lacking]
    with scripted(said(overview)) as server:
        ended = asked(run, server, "status")
    assert ended.status == 3
    assert f"{NO_TICKD} (KeyError: '{lacking}')" in ended.err


@pytest.mark.parametrize(
    "more", [{"incidents_total": "many"}, {"next": 7}, {"alerts": []}, {"running": [{}]},
             {"counts": {"jobs": {"up": "x"}}}],
)  # fmt: skip
def test_top_takes_no_overview_that_it_can_t_show(more: dict[str, Any]) -> None:
    with scripted(said(_overview(**more))) as server, pytest.raises(Unreachable, match=NO_TICKD):
        top.looked(Remote(f"http://127.0.0.1:{server.port}", "", 2.0))


def test_a_fault_of_our_own_is_not_put_on_the_daemon(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: dict[str, object] = {}
    monkeypatch.setattr("tickd.cli.status.read", lambda _daemon: nothing["fault"])
    with pytest.raises(KeyError, match="fault"):
        run("status", "--url", f"http://127.0.0.1:{free_port()}")


def test_a_sentence_without_end_is_cut() -> None:
    with scripted(said({"error": "x" * 100_000}, "400 Bad")) as server, pytest.raises(Refused) as error:
        Remote(f"http://127.0.0.1:{server.port}", "", 2.0).call("GET", "/v1/x")
    assert error.value.message == "x" * (exchange.SAID_MOST - 1) + "…"


# How long and how much.


@contextmanager
def dripping(head: bytes) -> Iterator[str]:
    """The address of a server that says a letter every 20 ms, after this, as long as it is listened to."""
    code = (
        "import socket, sys, time\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "print(listener.getsockname()[1], flush=True)\n"
        "peer, _ = listener.accept()\n"
        "peer.recv(65536)\n"
        f"peer.sendall({head!r})\n"
        "while True:\n"
        "    peer.sendall(b'x')\n"
        "    time.sleep(0.02)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        # It ends because the connection has been hung up.
        process.wait(5.0)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n",
             b"HTTP/1.1 200 OK\r\n\r\n"],
)  # fmt: skip
def test_an_answer_that_drips_is_waited_for_as_long_as_one_that_does_not_come(head: bytes) -> None:
    with dripping(head) as url, pytest.raises(Unreachable, match=r"does not answer within 0 s"):
        Remote(url, "", 0.2).call("GET", "/v1/x")


def test_a_name_that_is_looked_up_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Event

    asked = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: asked.wait(5.0) and [])
    try:
        with pytest.raises(Unreachable, match="does not answer within"):
            Remote("http://slow.invalid", "", 0.05).call("GET", "/v1/x")
    finally:
        asked.set()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\n12345\r\n" * 300 + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "reply", [answer("200 OK", b" " * 1_001), CHUNKED, b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 5_000,
              b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"],
)  # fmt: skip
def test_a_large_answer_is_not_read(reply: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "ANSWER_MOST", 1_000)
    with scripted(reply) as server, pytest.raises(Unreachable, match="answers with more than 0 MB"):
        Remote(f"http://127.0.0.1:{server.port}", "", 2.0).call("GET", "/v1/x")


def test_a_check_is_waited_for_longer(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def note(_url: str, _key: str, call: exchange.Call, seconds: float) -> exchange.Answer:
        waited.append(seconds)
        raise Unreachable(f"{call.method} goes nowhere")

    monkeypatch.setattr("tickd.cli.remote.exchange", note)
    monkeypatch.setattr("tickd.cli.subjects.find", lambda *_: "mon_1")
    assert run("monitors", "check", "x", "--url", "http://a").status == 3
    assert waited == [120.0]


# Where the output can't be written.


def tickd(*arguments: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, in a shell that does something with its output."""
    line = " ".join((sys.executable, "-m", "tickd", *arguments, shell))
    return subprocess.run(
        ["sh", "-c", line], env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | environment,
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip


@pytest.mark.parametrize("closed", [">&-", "<&- >&-"])
def test_top_without_an_output_is_refused(closed: str) -> None:
    ended = tickd("top", shell=closed)
    assert (ended.returncode, ended.stderr) == (1, "tickd: standard output is closed\n")


@pytest.mark.parametrize("what", [["status"], ["status", "--json"], ["jobs", "list"]])
@pytest.mark.parametrize(
    ("shell", "sentence"),
    [(">&-", "tickd: standard output is closed"),
     ("> /dev/full", "tickd: can't write to standard output: No space left on device")],
)  # fmt: skip
def test_an_output_that_is_closed_or_full_is_said(what: list[str], shell: str, sentence: str) -> None:
    reply = said(_overview() | {"subjects": [], "total": 0})
    with scripted(reply) as server:
        ended = tickd(*what, "--url", f"http://127.0.0.1:{server.port}", shell=shell)
    assert (ended.returncode, ended.stderr) == (1, f"{sentence}\n")


def test_letters_that_the_output_lacks_are_said_in_a_pipe_and_escaped_in_json() -> None:
    shop = {name: "ü" if text == EVIL else text for name, text in SHOP.items()} | {"name": "商店"}
    latin = {"PYTHONIOENCODING": "latin-1"}
    with scripted(page("subjects", shop), page("subjects", shop)) as server:
        url = f"http://127.0.0.1:{server.port}"
        ended = tickd("jobs", "list", "--url", url, **latin)
        assert ended.returncode == 1
        said_of_it = "iso8859-1 has no letter for '\\u5546'; set PYTHONIOENCODING=utf-8"
        assert ended.stderr == f"tickd: can't write to standard output: {said_of_it}\n"
        ended = tickd("jobs", "list", "--json", "--url", url, **latin)
    assert json.loads(ended.stdout)[0]["name"] == "商店"


def test_a_terminal_that_lacks_letters_shows_what_it_has(tmp_path: Path) -> None:
    code = (
        "import sys; from tickd.cli.terminal import Screen; sys.stdout.isatty = lambda: True; "
        "Screen.current(); print('商 x'); sys.stdout.flush()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONIOENCODING": "latin-1"}, capture_output=True, timeout=30
    )
    assert (ended.returncode, ended.stdout) == (0, b"? x\n"), ended.stderr
