"""Runs `tickd` in a process that has imported it already: thirty commands then take no thirty starts.

`python -m tests.docs.forks SOCKET` forks for every caller that connects to SOCKET; `CALLER` is the program
that stands in the place of `tickd` on a page's PATH. It hands over arguments, folder, environment and
streams, passes on the signals that it gets, and ends as the command ended.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tickd import cli

CALLER = """#!{python} -IS
import json, os, signal, socket, sys
caller = socket.socket(socket.AF_UNIX)
caller.connect({path!r})
said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(caller, [len(said).to_bytes(4, "big")], [0, 1, 2])
caller.sendall(said)
child = int.from_bytes(caller.recv(4), "big")
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda got, _: os.kill(child, got))
sys.exit(int.from_bytes(caller.recv(4), "big"))
"""
READY = "ready"


def _become(words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    """Be the command, in a process that was forked for it; never returns."""
    status = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["tickd", *words]
        cli.main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
    finally:
        for written in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                written.flush()
        os._exit(status)


def _answer(caller: socket.socket) -> None:
    """Run one command, and tell its caller the process and the exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(caller, 4, 3)
    rest = bytearray()
    while len(rest) < int.from_bytes(head, "big"):
        rest += caller.recv(65536)
    words, folder, environment = json.loads(rest)
    child = os.fork()
    if child == 0:
        caller.close()
        _become(words, folder, environment, streams)
    for stream in streams:
        os.close(stream)
    caller.sendall(child.to_bytes(4, "big"))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    caller.sendall((status if status >= 0 else 128 - status).to_bytes(4, "big"))


def main(path: str) -> None:
    """Serve until the standard input ends."""
    for name in (*(where.partition(":")[0] for where in cli.COMMANDS.values()), "tickd.app", "rich.table"):
        importlib.import_module(name)
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    # Whom it has forked ends by itself, and is not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    while sys.stdin not in (ready := select.select([listener, sys.stdin], [], [])[0]):
        assert ready
        caller, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            with contextlib.suppress(OSError), caller:
                _answer(caller)
            os._exit(0)
        caller.close()


@contextlib.contextmanager
def forking(folder: Path) -> Iterator[str]:
    """The text of a program that is `tickd`, while this lasts."""
    path = str(folder / "s")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.docs.forks", path],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == f"{READY}\n"
        yield CALLER.format(python=sys.executable, path=path)
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


if __name__ == "__main__":
    main(sys.argv[1])
