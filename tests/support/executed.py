"""A real `tickd exec` in a process of its own, with a state directory of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.process import environment

TOKEN = "abcd0123456789ef"
"""A token whose first four letters may be shown."""
PYTHON = sys.executable


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended, and how many seconds that took."""

    status: int
    out: bytes
    err: str
    secs: float


class Home:
    """Where a user's state is, and whose command lines these are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool = folder / "state" / "tickd" / "spool"

    def files(self) -> list[str]:
        """What the spool holds, but for its lock."""
        return sorted(path.name for path in self.spool.glob("[!.]*"))

    def kept(self) -> list[dict[str, Any]]:
        """The pings in the spool, oldest first."""
        return [json.loads((self.spool / name).read_bytes()) for name in self.files()]

    def put(self, at: int, **fields: Any) -> str:
        """Put a ping into the spool that was to be sent at `at`; the file's name."""
        from tickd.cli.pings import Ping
        from tickd.cli.spool import Spool

        plain: dict[str, Any] = {"url": "", "token": TOKEN, "kind": "0", "rid": f"run-{at}", "body": "said"}
        before = set(self.files())
        Spool(str(self.spool)).keep(Ping(at=at, **plain | fields))
        (name,) = set(self.files()) - before
        return name

    def variables(self, **more: str | None) -> dict[str, str]:
        """The environment; None takes a variable out."""
        plain = environment() | {"XDG_STATE_HOME": str(self.folder / "state")} | more
        return {name: value for name, value in plain.items() if value is not None}

    @contextmanager
    def running(
        self, *arguments: str, variables: dict[str, str | None] | None = None, **options: Any
    ) -> Iterator[subprocess.Popen[bytes]]:
        """`tickd exec` with these arguments; it is gone at the end."""
        plain: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": -1, "stderr": -1}
        process = subprocess.Popen(
            [PYTHON, "-W", "error", "-m", "tickd", "exec", *arguments],
            cwd=self.folder,
            env=self.variables(**variables or {}),
            **plain | options,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(5)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

    def run(
        self,
        *arguments: str,
        given: bytes | None = None,
        variables: dict[str, str | None] | None = None,
        **options: Any,
    ) -> Ended:
        """How `tickd exec` ends with these arguments, and `given` on its standard input."""
        begun = time.monotonic()
        if given is not None:
            options["stdin"] = subprocess.PIPE
        with self.running(*arguments, variables=variables, **options) as process:
            out, err = process.communicate(given, timeout=20)
            secs = time.monotonic() - begun
            return Ended(process.returncode, out or b"", (err or b"").decode(), secs)


def python(source: str, *arguments: str) -> Sequence[str]:
    """The command that runs this program."""
    return PYTHON, "-c", source, *arguments
