"""`tickd exec` as a process: what it runs is not changed by it, and what it reports is true."""

from __future__ import annotations

import hashlib
import os
import pty
import random
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from tests.support.authority import Authority
from tests.support.executed import PYTHON, TOKEN, Home, python
from tests.support.process import eventually
from tests.support.receiver import BUSY, HELD, TAKEN, UNKNOWN, Receiver, Reply, nobody, receiving
from tickd.cli import tickd
from tickd.cli.pings import BODY_BYTES, target, text_of
from tickd.errors import Invalid

STUBBORN = """
import os, select, signal, sys
for number in map(int, sys.argv[1:]):
    # One write each: another signal may come in between.
    signal.signal(number, lambda got, _: os.write(1, f"{signal.Signals(got).name}\\n".encode()))
print("ready", flush=True)
# In steps, because Python may note a signal just before it begins to wait.
while not select.select([0], [], [], 0.01)[0]:
    pass
sys.exit(7)
"""
"""Says which signals it gets, and ends with 7 after a line on its standard input."""


def _line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def _tell(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.flush()


# The report.


def test_a_run_is_reported_with_its_start_its_end_and_its_output(home: Home, receiver: Receiver) -> None:
    ended = home.run(TOKEN, "--url", receiver.url, "--", "sh", "-c", "echo done; echo oops >&2")
    assert (ended.status, ended.out, ended.err) == (0, b"done\n", "oops\n")
    start, end = receiver.pings
    assert (start.token, start.what, start.body) == (TOKEN, "start", b"")
    assert (end.token, end.what) == (TOKEN, "0")
    assert sorted(end.body.splitlines()) == [b"done", b"oops"]
    assert start.query == end.query
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", start.query["rid"])
    assert start.headers["User-Agent"].startswith("tickd-exec/")
    assert not home.spool.exists()
    home.run(TOKEN, "--url", receiver.url, "--", "true")
    assert receiver.pings[2].query != start.query


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("exit 0", 0),
        ("exit 255", 255),
        ("kill -KILL $$", 137),
        ("kill -PIPE $$", 141),
    ],
)
def test_the_exit_status_is_the_commands(home: Home, receiver: Receiver, command: str, status: int) -> None:
    ended = home.run(TOKEN, "--url", receiver.url, "--", "sh", "-c", command)
    assert (ended.status, ended.out, ended.err) == (status, b"", "")
    assert receiver.whats == ["start", str(status)]


@pytest.mark.parametrize(
    ("command", "status", "why"),
    [("nope", 127, "No such file or directory"), ("/etc/passwd", 126, "Permission denied")],
)
def test_what_cant_be_run_is_a_failure(
    home: Home, receiver: Receiver, command: str, status: int, why: str
) -> None:
    ended = home.run(TOKEN, "--url", receiver.url, "--", command)
    assert (ended.status, ended.out, ended.err) == (status, b"", f"tickd: can't run {command}: {why}\n")
    assert receiver.whats == ["start", str(status)]
    assert receiver.pings[1].body.decode() == f"can't run {command}: {why}"


def test_a_script_without_its_first_line_runs_as_it_does_in_a_shell(home: Home, receiver: Receiver) -> None:
    script = home.folder / "job"
    script.write_text('echo "$0 $1"\nexit 4\n')
    script.chmod(0o700)
    ended = home.run(TOKEN, "--url", receiver.url, "--", str(script), "a b")
    assert (ended.status, ended.out.decode(), ended.err) == (4, f"{script} a b\n", "")


def test_where_to_report_may_be_a_ping_url_or_come_from_the_environment(
    home: Home, receiver: Receiver
) -> None:
    for arguments, variables in (
        ((f"{receiver.url}/p/{TOKEN}",), {}),
        ((f"{receiver.url}/below/p/{TOKEN}?x=1", "--url", "http://127.0.0.1:9"), {}),
        (("-",), {"TICKD_URL": f"{receiver.url}/", "TICKD_EXEC_TOKEN": TOKEN}),
    ):
        ended = home.run(*arguments, "--", "true", variables={**variables})
        assert (ended.status, ended.err) == (0, "")
    assert receiver.whats == ["start", "0"] * 3
    assert {one.token for one in receiver.pings} == {TOKEN}


def test_a_command_runs_even_where_there_is_nowhere_to_report(home: Home) -> None:
    ended = home.run("-", "--", "sh", "-c", "echo done; exit 3")
    assert (ended.status, ended.out) == (3, b"done\n")
    (line,) = ended.err.splitlines()
    assert line.startswith("tickd: TOKEN must not be empty")
    assert line.endswith("; the run is not reported")


@pytest.mark.parametrize(
    ("token", "url", "said"),
    [
        ("", "http://127.0.0.1:9", "TOKEN must not be empty"),
        ("a b\n", "http://127.0.0.1:9", "TOKEN must not be empty"),
        ("é", "http://127.0.0.1:9", "TOKEN must not be empty"),
        ("http://127.0.0.1:9/pong/abc", "", "TOKEN is an address without /p/TOKEN"),
        ("http://127.0.0.1:9/p/", "", "TOKEN is an address without /p/TOKEN"),
        (TOKEN, "localhost:8090", "--url must be an address such as https://tickd.example.com"),
        (TOKEN, "http://", "--url must be an address"),
        (TOKEN, "http://127.0.0.1:99999", "--url must be an address"),
        (TOKEN, "http://127.0.0.1:9/?a=1", "--url must be an address"),
        (TOKEN, "http://127.0.0.1:9/a b", "--url must be an address"),
        (TOKEN, "http://a:b@127.0.0.1:9", "--url must have no user name"),
    ],
)
def test_where_no_ping_can_go_is_said(token: str, url: str, said: str) -> None:
    with pytest.raises(Invalid) as found:
        target(token, url)
    assert found.value.message.startswith(said)


@pytest.mark.parametrize(
    "arguments",
    [[], [TOKEN], ["--", "true"], ["--nope", TOKEN, "--", "true"], ["--replay", TOKEN, "--", "true"]],
    ids=" ".join,
)
def test_a_command_line_that_cant_be_read_ends_with_2(arguments: list[str]) -> None:
    ended = CliRunner().invoke(tickd, ["exec", *arguments])
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "Error: " in ended.stderr


# The output.


def test_large_binary_output_is_passed_through_byte_by_byte(home: Home, receiver: Receiver) -> None:
    source = """
import os, random, sys, threading
def write(number):
    data = random.Random(number).randbytes(3_000_001)
    while data:
        data = data[os.write(number, data):]
threads = [threading.Thread(target=write, args=(number,)) for number in (1, 2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    err = home.folder / "err"
    with err.open("wb") as file:
        ended = home.run(TOKEN, "--url", receiver.url, "--", *python(source), stderr=file)
    meant = [random.Random(number).randbytes(3_000_001) for number in (1, 2)]
    assert ended.status == 0
    assert [hashlib.sha256(data).digest() for data in (ended.out, err.read_bytes())] == [
        hashlib.sha256(data).digest() for data in meant
    ]
    body = receiver.pings[1].body
    assert 9_990 < len(body) <= BODY_BYTES
    assert "\0" not in body.decode()


def test_standard_input_is_the_commands(home: Home, receiver: Receiver) -> None:
    given = os.urandom(2_000_000)
    ended = home.run(TOKEN, "--url", receiver.url, "--", "cat", given=given)
    assert (ended.status, ended.out == given, ended.err) == (0, True, "")


def test_the_end_of_the_output_is_reported(home: Home, receiver: Receiver) -> None:
    source = "for n in range(100_000): print('é', n)"
    variables: dict[str, str | None] = {"PYTHONIOENCODING": "utf-8"}
    ended = home.run(TOKEN, "--url", receiver.url, "--", *python(source), variables=variables)
    assert ended.out.count(b"\n") == 100_000
    body = receiver.pings[1].body
    assert BODY_BYTES - 4 < len(body) <= BODY_BYTES
    assert ended.out.endswith(body)
    assert "\ufffd" not in body.decode()


@pytest.mark.parametrize(
    ("tail", "text"),
    [
        (b"", ""),
        (b"a\0b\xff", "a\ufffdb\ufffd"),
        ("é".encode() * 5_001, "é" * 5_000),
        (b"x" + "é".encode() * 5_001 + b"y", "é" * 4_999 + "y"),
        ("😀".encode() * 2_500 + b"ab", "😀" * 2_499 + "ab"),
        (b"\x80" * 20_000, "\ufffd" * 3_333),
    ],
    ids=range(6),
)
def test_the_tail_begins_with_a_whole_letter(tail: bytes, text: str) -> None:
    assert text_of(tail[-BODY_BYTES - 4 :]) == text


def test_streams_that_lead_to_one_place_keep_their_order(home: Home, receiver: Receiver) -> None:
    source = "import os\nfor n in range(2000): os.write(1 + n % 2, b'%d\\n' % n)"
    ended = home.run(TOKEN, "--url", receiver.url, "--", *python(source), stderr=subprocess.STDOUT)
    assert ended.out == b"".join(b"%d\n" % n for n in range(2000))
    assert ended.out.endswith(receiver.pings[1].body)


def test_what_the_command_wrote_is_passed_on_to_a_slow_reader(home: Home, receiver: Receiver) -> None:
    source = "import os; os.write(1, b'x' * 65_536)"
    inner = " ".join(
        [
            "exec",
            PYTHON,
            "-m",
            "tickd",
            "exec",
            TOKEN,
            "--url",
            receiver.url,
            "--",
            PYTHON,
            "-c",
            f'"{source}"',
        ]
    )
    # The pipe holds no more than one page, and nobody reads until the run has been reported.
    small = f"""
import fcntl, os, subprocess, sys
inlet, outlet = os.pipe()
fcntl.fcntl(outlet, fcntl.F_SETPIPE_SZ, 4096)
run = subprocess.Popen(["sh", "-c", {inner!r}], stdout=outlet)
os.close(outlet)
sys.stdin.readline()
found = 0
while chunk := os.read(inlet, 1000):
    found += len(chunk)
print(found, run.wait())
"""
    with subprocess.Popen(
        python(small), stdin=-1, stdout=-1, cwd=home.folder, env=home.variables()
    ) as process:
        eventually(lambda: receiver.whats == ["start", "0"])
        out, _ = process.communicate(b"\n", timeout=10)
    assert out.split() == [b"65536", b"0"]


def test_a_process_left_behind_does_not_hold_up_the_end(home: Home, receiver: Receiver) -> None:
    left = home.folder / "left"
    source = f"""
import os, sys, time
sys.stdout.write("x" * 50_000)
sys.stdout.flush()
if os.fork() == 0:
    os.setsid()
    open({str(left)!r}, "w").write(str(os.getpid()))
    time.sleep(60)
"""
    with home.running(TOKEN, "--url", receiver.url, "--", *python(source)) as process:
        assert process.wait(10) == 0
        assert process.stdout is not None
        # Its own descriptor is closed with the process, so this ends.
        assert len(process.stdout.read()) == 50_000
    assert receiver.pings[1].body == b"x" * BODY_BYTES
    os.kill(int(eventually(lambda: left.exists() and left.read_text())), signal.SIGKILL)


def test_a_process_left_behind_that_writes_on_and_on_does_not_either(home: Home, receiver: Receiver) -> None:
    source = """
import os
if os.fork() == 0:
    while True:
        os.write(1, b"on and on")
"""
    with home.running(
        TOKEN, "--url", receiver.url, "--", *python(source), stdout=subprocess.DEVNULL
    ) as process:
        assert process.wait(10) == 0
    assert receiver.whats == ["start", "0"]


def test_a_reader_that_has_enough_ends_the_command_as_without_us(home: Home, receiver: Receiver) -> None:
    with home.running(TOKEN, "--url", receiver.url, "--", "yes") as process:
        assert _line(process) == "y"
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(10) == 128 + signal.SIGPIPE
    assert receiver.whats == ["start", "141"]


def test_a_command_sees_at_once_that_its_reader_has_gone(home: Home, receiver: Receiver) -> None:
    source = """
import os, select, sys
os.write(1, b"once\\n")
poll = select.poll()
poll.register(1, 0)
gone = poll.poll(10_000)
try:
    os.write(1, b"twice\\n")
except BrokenPipeError:
    sys.exit(9 if gone else 8)
"""
    with home.running(TOKEN, "--url", receiver.url, "--", *python(source)) as process:
        assert _line(process) == "once"
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(10) == 9


def test_output_that_cant_be_written_is_a_failure_that_is_told(home: Home, receiver: Receiver) -> None:
    with open("/dev/full", "wb") as full:
        ended = home.run(TOKEN, "--url", receiver.url, "--", "echo", "done", stdout=full)
    assert (ended.status, ended.err) == (0, "tickd: output was lost: No space left on device\n")
    assert receiver.whats == ["start", "74"]
    assert receiver.pings[1].body == b"done\n\ntickd: output was lost: No space left on device\n"


def test_closed_streams_are_closed_for_the_command_as_well(home: Home, receiver: Receiver) -> None:
    look = """
import os
closed = ""
for number in range(3):
    try:
        os.fstat(number)
    except OSError:
        closed += str(number)
open("closed", "w").write(closed)
"""
    command = f"exec {PYTHON} -W error -m tickd exec {TOKEN} --url {receiver.url} -- {PYTHON} look.py"
    (home.folder / "look.py").write_text(look)
    for closing, closed in ((">&-", "1"), ("<&- >&- 2>&-", "012")):
        done = subprocess.run(
            ["sh", "-c", f"{command} {closing}"], cwd=home.folder, env=home.variables(), timeout=20
        )
        assert done.returncode == 0
        found = home.folder / "closed"
        assert found.read_text() == closed
        found.unlink()
    assert receiver.whats == ["start", "0"] * 2


def test_other_descriptors_are_inherited(home: Home, receiver: Receiver) -> None:
    there = home.folder / "there"
    with there.open("wb") as file:
        command = python(f"import os; os.write({file.fileno()}, b'there')")
        ended = home.run(TOKEN, "--url", receiver.url, "--", *command, pass_fds=(file.fileno(),))
    assert (ended.status, there.read_bytes()) == (0, b"there")


# The terminal.


@contextmanager
def _on_terminal(home: Home, *arguments: str) -> Iterator[tuple[int, int]]:
    """`tickd exec` in the foreground of a terminal: its process id and the other side of the terminal."""
    pid, master = pty.fork()
    if pid == 0:
        command = [PYTHON, "-W", "error", "-m", "tickd", "exec", *arguments]
        os.execvpe(PYTHON, command, home.variables())  # noqa: S606
    try:
        yield pid, master
    finally:
        os.close(master)


def _until(master: int, text: str, seconds: float = 10.0) -> str:
    """What comes from the terminal, up to `text`."""
    found, until = "", time.monotonic() + seconds
    while text not in found:
        ready, _, _ = select.select([master], [], [], max(0.0, until - time.monotonic()))
        assert ready, found
        found += os.read(master, 1000).decode()
    return found


def _ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize(("option", "terminal"), [([], False), (["--no-output"], True)])
def test_without_output_the_command_has_the_terminal(
    home: Home, receiver: Receiver, option: list[str], terminal: bool
) -> None:
    source = "import sys; print([sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty()], 'said')"
    command = (TOKEN, "--url", receiver.url, *option, "--", *python(source))
    with _on_terminal(home, *command) as (pid, master):
        assert str([True, terminal, terminal]) in _until(master, "said")
        assert _ended(pid) == 0
    assert receiver.whats == ["start", "0"]
    assert (b"said" in receiver.pings[1].body) is not terminal


def test_ctrl_c_reaches_the_command_once(home: Home, receiver: Receiver) -> None:
    numbers = (str(int(one)) for one in (signal.SIGINT, signal.SIGUSR1))
    with _on_terminal(home, TOKEN, "--url", receiver.url, "--", *python(STUBBORN, *numbers)) as (pid, master):
        _until(master, "ready")
        os.write(master, b"\x03")
        said = _until(master, "SIGINT")
        # One that is passed on would come before this one, which goes the same way.
        os.kill(pid, signal.SIGUSR1)
        said += _until(master, "SIGUSR1")
        assert said.count("SIGINT") == 1
        # What is sent to us alone is passed on.
        os.kill(pid, signal.SIGINT)
        _until(master, "SIGINT")
        os.write(master, b"\n")
        assert _ended(pid) == 7
    assert receiver.whats == ["start", "7"]
    assert receiver.pings[1].body.decode().split() == ["ready", "SIGINT", "SIGUSR1", "SIGINT"]


# Signals.


def test_signals_are_passed_on(home: Home, receiver: Receiver) -> None:
    names = ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "CONT", "WINCH")
    numbers = [signal.Signals[f"SIG{name}"] for name in names]
    command = (TOKEN, "--url", receiver.url, "--", *python(STUBBORN, *(str(int(one)) for one in numbers)))
    with home.running(*command, stdin=-1) as process:
        assert _line(process) == "ready"
        for one in numbers:
            process.send_signal(one)
            assert _line(process) == one.name
        _tell(process)
        assert process.wait(10) == 7
    assert receiver.whats == ["start", "7"]


def test_a_signal_that_ends_the_command_is_reported(home: Home, receiver: Receiver) -> None:
    with home.running(TOKEN, "--url", receiver.url, "--", *python(STUBBORN), stdin=-1) as process:
        assert _line(process) == "ready"
        process.terminate()
        assert process.wait(10) == 143
    assert receiver.whats == ["start", "143"]


def test_a_signal_that_was_ignored_stays_so(home: Home, receiver: Receiver) -> None:
    source = """
import signal
print(signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGTERM), flush=True)
input()
"""
    command = (TOKEN, "--url", receiver.url, "--", *python(source))
    begin = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    with home.running(*command, stdin=-1, preexec_fn=begin) as process:
        assert _line(process) == f"{signal.SIG_IGN} {signal.SIG_DFL}"
        process.send_signal(signal.SIGHUP)
        _tell(process)
        assert process.wait(10) == 0


def test_an_exit_status_is_not_lost_where_ends_of_processes_are_ignored(
    home: Home, receiver: Receiver
) -> None:
    begin = lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # noqa: E731
    ended = home.run(TOKEN, "--url", receiver.url, "--", "sh", "-c", "exit 5", preexec_fn=begin)
    assert (ended.status, receiver.whats) == (5, ["start", "5"])


# A tickd that is slow, busy, gone, or none at all.


def test_a_tickd_that_hangs_holds_up_nothing_but_the_end_and_that_not_long(
    home: Home, receiver: Receiver
) -> None:
    receiver.otherwise = HELD
    command = (TOKEN, "--url", receiver.url, "--max-wait-secs", "1", "--", "sh", "-c", "echo done; exit 3")
    with home.running(*command) as process:
        assert _line(process) == "done"
        begun = time.monotonic()
        assert process.wait(10) == 3
        assert time.monotonic() - begun < 4
        assert process.stderr is not None
        said = process.stderr.read().decode()
    assert said == f"tickd: {receiver.url} does not answer; 2 pings are kept for later\n"
    assert [one["kind"] for one in home.kept()] == ["start", "3"]
    assert home.kept()[1]["body"] == "done\n"


def test_a_signal_after_the_end_hurries_delivery(home: Home, receiver: Receiver) -> None:
    receiver.replies = [TAKEN, HELD]
    with home.running(TOKEN, "--url", receiver.url, "--", "sh", "-c", "exit 3") as process:
        eventually(lambda: receiver.whats == ["start", "3"])
        begun = time.monotonic()
        process.terminate()
        assert process.wait(10) == 3
        assert time.monotonic() - begun < 4
    assert [one["kind"] for one in home.kept()] == ["3"]


def test_a_start_is_tried_again_while_the_command_runs(home: Home, receiver: Receiver) -> None:
    receiver.replies = [Reply(500, b"oops")]
    with home.running(TOKEN, "--url", receiver.url, "--", "cat", stdin=-1) as process:
        eventually(lambda: receiver.whats == ["start"] * 2)
        process.communicate(b"", timeout=10)
        assert process.returncode == 0
    assert receiver.whats == ["start", "start", "0"]
    assert len({one.query["rid"] for one in receiver.pings}) == 1
    assert not home.spool.exists()


def test_a_start_that_fails_comes_later_and_with_its_time(home: Home, receiver: Receiver) -> None:
    receiver.replies = [BUSY]
    ended = home.run(TOKEN, "--url", receiver.url, "--", "true")
    assert (ended.status, receiver.whats) == (0, ["start", "0", "start@"])
    assert (
        ended.err == f"tickd: {receiver.url} answered 503, the database is locked; a ping is kept for later\n"
    )
    assert home.files() == []


def test_what_could_not_be_delivered_is_kept(home: Home) -> None:
    with nobody() as url:
        ended = home.run(TOKEN, "--url", url, "--max-wait-secs", "1", "--", "false")
    assert ended.status == 1
    assert ended.err == f"tickd: {url} can't be reached: Connection refused; 2 pings are kept for later\n"
    start, end = home.kept()
    assert (start["kind"], end["kind"]) == ("start", "1")
    assert start["rid"] == end["rid"]
    assert start["at"] <= end["at"]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (UNKNOWN, "answered 404, no such heartbeat"),
        (Reply(403, b"<html>"), "answered 403"),
    ],
)
def test_a_refusal_is_told_once_and_final(home: Home, receiver: Receiver, reply: Reply, said: str) -> None:
    receiver.otherwise = reply
    ended = home.run(TOKEN, "--url", receiver.url, "--", "sh", "-c", "exit 3")
    assert ended.status == 3
    assert ended.err == f"tickd: {receiver.url} refuses the ping for abcd…: {said}\n"
    assert receiver.whats == ["start", "3"]
    assert not home.spool.exists()


def test_a_redirect_is_named_and_not_followed(home: Home, receiver: Receiver) -> None:
    with receiving() as other:
        there = f"{other.url}/p/{TOKEN}/start"
        receiver.otherwise = Reply(301, b"", {"Location": there})
        ended = home.run(TOKEN, "--url", receiver.url, "--", "true")
        assert other.pings == []
    said = there.replace(TOKEN, "abcd…")
    assert ended.status == 0
    assert f"redirects to {said}: give --url as that has it" in ended.err
    assert TOKEN not in ended.err
    assert receiver.whats == ["start", "0"]
    assert len(home.kept()) == 2


@pytest.mark.parametrize("body", [b'{"ok": false}', b"[" * 4000])
def test_an_answer_that_is_not_tickds_delivers_nothing(home: Home, receiver: Receiver, body: bytes) -> None:
    receiver.otherwise = Reply(200, body)
    ended = home.run(TOKEN, "--url", receiver.url, "--", "true")
    assert ended.status == 0
    assert "answered 200, but not as tickd does; 2 pings are kept for later" in ended.err
    assert len(home.kept()) == 2


def test_the_system_proxy_is_not_asked(home: Home, receiver: Receiver) -> None:
    with nobody() as proxy:
        variables: dict[str, str | None] = {"http_proxy": proxy, "HTTP_PROXY": proxy, "ALL_PROXY": proxy}
        ended = home.run(TOKEN, "--url", receiver.url, "--", "true", variables=variables)
    assert (ended.err, receiver.whats) == ("", ["start", "0"])


def test_tls_is_verified(home: Home) -> None:
    authority = Authority()
    trusted = home.folder / "ca.pem"
    trusted.write_bytes(authority._authority.cert_pem.bytes())
    with receiving(authority.server("localhost")) as receiver:
        command = (TOKEN, "--url", receiver.url, "--max-wait-secs", "1", "--", "true")
        ended = home.run(*command, variables={"SSL_CERT_FILE": str(trusted)})
        assert (ended.err, receiver.whats) == ("", ["start", "0"])
        ended = home.run(*command)
        assert (ended.status, len(receiver.pings), len(home.kept())) == (0, 2, 2)
        assert "CERTIFICATE_VERIFY_FAILED" in ended.err or "certificate verify failed" in ended.err


# A home where nothing can be kept.


@pytest.mark.parametrize("place", ["file", "/proc"])
def test_a_state_directory_that_cant_be_written_costs_a_line(home: Home, place: str) -> None:
    (home.folder / "file").touch()
    state = str(home.folder / place)
    with nobody() as url:
        command = (TOKEN, "--url", url, "--max-wait-secs", "0", "--", "sh", "-c", "exit 3")
        ended = home.run(*command, variables={"XDG_STATE_HOME": state})
    assert ended.status == 3
    (line,) = ended.err.splitlines()
    assert ", and what it was to be told can't be kept: " in line
    assert TOKEN not in line


def test_no_home_is_no_obstacle(home: Home, receiver: Receiver) -> None:
    variables: dict[str, str | None] = {"XDG_STATE_HOME": None, "HOME": None}
    ended = home.run(TOKEN, "--url", receiver.url, "--", "true", variables=variables)
    assert (ended.status, ended.err, receiver.whats) == (0, "", ["start", "0"])


# What it costs to start.


def test_nothing_of_the_daemon_is_imported(home: Home, receiver: Receiver) -> None:
    command = [PYTHON, "-X", "importtime", "-m", "tickd", "exec", TOKEN, "--url", receiver.url, "--", "true"]
    done = subprocess.run(command, env=home.variables(), capture_output=True, text=True, timeout=20)
    found = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    # The command itself is imported by its name, which Python does not tell.
    assert {"tickd.cli.child", "tickd.cli.delivery", "http.client"} <= found
    ours = {name for name in found if name.startswith("tickd.") and not name.startswith("tickd.cli")}
    assert ours == {"tickd.clock", "tickd.errors", "tickd.domain", "tickd.domain.times"}
    assert not {"aiohttp", "uvloop", "sqlite3", "msgspec", "cryptography", "jinja2"} & found


@pytest.mark.parametrize(
    "words",
    [
        (TOKEN, "echo", "ran"),
        (TOKEN, "ls", "--help"),
        (TOKEN, "echo", "--url", "http://127.0.0.1:9"),
        (TOKEN,),
    ],
)
def test_without_the_dashes_nothing_is_run(home: Home, words: tuple[str, ...]) -> None:
    ran = home.run(*words)
    assert ran.status == 2
    assert "Put -- before the command" in ran.err
    assert ran.out == b""


def test_the_options_of_the_command_are_its_own(home: Home, receiver: Receiver) -> None:
    ran = home.run(TOKEN, "--url", receiver.url, "--", "echo", "--help", "--url", "http://127.0.0.1:9")
    assert (ran.status, ran.out) == (0, b"--help --url http://127.0.0.1:9\n")
