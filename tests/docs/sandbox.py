"""Runs the shell blocks of a page as a reader would: one after the other, in one shell, in an empty folder.

What a reader puts in the place of an example is put there here too: the addresses, the ports, the ids.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import ROOT

MOST_SECS = 20.0
"""How long a block may take."""

_SHIM = """#!/bin/sh
# Starts daemons on a free port and a file of their own, and ends them when they serve. Says yes, or a
# key, where a command asks. A no is an answer too, but for a script that goes by it.
case "$1" in
  serve|dev) exec {python} -IS {folder}/serve-once {folder}/tickd-itself "$@" ;;
  user) case "$2 $*" in
      add*--generate*|password*--generate*|*--password-stdin*) ;;
      add*|password*) exec {folder}/tickd-itself "$@" --generate ;;
    esac ;;
  restore|apply) case " $* " in
      *" --yes "*|*" --check "*|*" --help "*) ;;
      *) exec {folder}/tickd-itself "$@" --yes ;;
    esac ;;
  profile) if [ "$2" = add ]; then echo "$TICKD_API_KEY" | {folder}/tickd-itself "$@"; exit; fi ;;
  doctor|status|jobs|monitors) case " $* " in
      *" --quiet "*) ;;
      *) {folder}/tickd-itself "$@" || [ $? = 5 ]; exit ;;
    esac ;;
esac
exec {folder}/tickd-itself "$@"
"""
_SERVE_ONCE = """
import os, signal, subprocess, sys, tempfile
words = sys.argv[2:] + ["--listen", "127.0.0.1:0"]
if words[0] == "serve":
    words += ["--db", os.path.join(tempfile.mkdtemp(), "tickd.db")]
served = subprocess.Popen([sys.argv[1], *words], stdout=subprocess.PIPE, text=True)
signal.signal(signal.SIGTERM, lambda *_: served.terminate())
for line in served.stdout:
    sys.stdout.write(line)
    sys.stdout.flush()
    if line.startswith("tickd serves on "):
        served.terminate()
sys.exit(served.wait())
"""
_CURL = """#!/bin/sh
# A refusal is an error here, and its sentence what the test shows.
case " $* " in *" -f"*|*" --fail"*) exec {curl} "$@" ;; esac
exec {curl} --no-progress-meter --fail-with-body "$@"
"""
_AS_ROOT = '#!/bin/sh\nexec "$@"\n'
_ID = re.compile(r"\b(job|mon|ssl|hb|inc|chn|key|acc|exec|ver|bat|mnt|stp|alt|usr)_[a-z0-9]{12,}\b")
_PLACE = re.compile(r"(?<![\w${])([A-Z]+)_ID\b(?!=)")
_TOKEN = re.compile(r"(?<=/p/)TOKEN\b|(?<= exec )TOKEN\b|\b(?:k2v9x0c4m7q1w8ez|YOUR_TOKEN)\b")
_PREFIXES = {
    **{"JOB": "job", "MONITOR": "mon", "HEARTBEAT": "hb", "INCIDENT": "inc", "CHANNEL": "chn", "KEY": "key"},
    **{"ACCOUNT": "acc", "VERIFICATION": "ver", "PAGE": "stp", "MAINTENANCE": "mnt"},
}


class Stopped(AssertionError):
    """A block that did not end well; the text says which, and what was seen."""


@dataclass(slots=True)
class Sandbox:
    """A folder, a PATH, a shell, and all that it has said."""

    folder: Path
    places: Mapping[str, str]
    """What stands in a page, and what it is here."""
    variables: dict[str, str] = field(default_factory=dict)
    _shell: subprocess.Popen[bytes] | None = None
    _told: int = -1

    @property
    def seen(self) -> str:
        """All that the blocks have printed, and their errors."""
        return (self.folder / ".seen").read_text("utf-8", "replace")

    def furnish(self, tickd: str, *, lasting: bool = False) -> None:
        """Fill the folder: commands, and what a clone has. Daemons end at once, unless `lasting`."""
        bin_ = self.folder / "bin"
        bin_.mkdir(parents=True)
        python = sys.executable
        programs = {
            "tickd": tickd if lasting else _SHIM.format(python=python, folder=bin_),
            "tickd-itself": tickd,
            "serve-once": _SERVE_ONCE,
            "curl": _CURL.format(curl=shutil.which("curl")),
            "sudo": _AS_ROOT,
            **dict.fromkeys(("python", "python3"), f'#!/bin/sh\nexec {python} "$@"\n'),
        }
        for name, text in programs.items():
            (bin_ / name).write_text(text, "utf-8")
            (bin_ / name).chmod(0o755)
        (bin_ / "activate").touch()
        venv = self.folder / ".venv"
        venv.mkdir()
        (venv / "bin").symlink_to(bin_)
        (self.folder / "examples").symlink_to(ROOT / "examples")
        for name in ("etc", "var/lib/tickd", "var/backups", "srv", "home", "tmp", "opt/tickd/.venv"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "opt" / "tickd" / ".venv" / "bin").symlink_to(bin_)
        (self.folder / ".seen").touch()

    @contextmanager
    def open(self) -> Iterator[None]:
        """A shell, and an end to all that it has started."""
        told, tell = os.pipe()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TICKD_")}
        environment = inherited | {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "home" / ".local" / "state"),
            "XDG_CONFIG_HOME": str(self.folder / "home" / ".config"),
            "COLUMNS": "100",
            # What would leave this machine ends at a port where nobody listens.
            **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9"),
            "no_proxy": "127.0.0.1,localhost",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with (self.folder / ".seen").open("ab") as seen:
            self._shell = subprocess.Popen(
                ["bash"],
                cwd=self.folder,
                env=environment | self.variables | {"TELL": str(tell)},
                stdin=subprocess.PIPE,
                stdout=seen,
                stderr=seen,
                pass_fds=(tell,),
                start_new_session=True,
            )
        os.close(tell)
        self._told = told
        try:
            yield
        finally:
            assert self._shell.stdin is not None
            # What runs beside the blocks ends with them.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._shell.pid, signal.SIGTERM)
            self._shell.wait(10)
            with contextlib.suppress(BrokenPipeError):
                self._shell.stdin.close()
            os.close(told)

    def last(self, pattern: str) -> str:
        """What was seen last of what fits the pattern: its group, where it has one."""
        found = re.findall(pattern, self.seen)
        if not found:
            raise Stopped(f"nothing like {pattern} was seen before\n{self.seen[-2000:]}")
        return str(found[-1])

    def filled(self, block: str) -> str:
        """The block with what a reader puts into it."""
        names = {f"_{number}": here for number, here in enumerate(self.places.values())}
        places = "|".join(f"(?P<_{number}>{there})" for number, there in enumerate(self.places))
        block = re.sub(places, lambda found: names[found.lastgroup or ""], block)
        block = _PLACE.sub(
            lambda place: self.last(rf"\b{_PREFIXES.get(place[1], '?')}_[a-z0-9]{{12,}}\b"), block
        )
        block = _ID.sub(lambda one: self.last(rf"\b{one[1]}_[a-z0-9]{{12,}}\b"), block)
        return _TOKEN.sub(lambda _: self.last(r"/p/([a-z0-9]{16})\b"), block)

    def run(self, block: str, *, beside: str = "") -> str:
        """What one block prints. With `beside`, it goes on beside the next ones once that is printed."""
        before = len(self.seen)
        # An id that a command prints may stand in the next one.
        *first, block = re.split(r"^(?=curl |tickd )", block, flags=re.MULTILINE) if not beside else [block]
        for part in first:
            if part.strip():
                self._source(part)
        self._source(block, beside)
        return self.seen[before:]

    def _source(self, block: str, beside: str = "") -> None:
        """Let the shell run a piece of a block."""
        assert self._shell is not None
        assert self._shell.stdin is not None
        before = len(self.seen)
        file = self.folder / f".block-{time.monotonic_ns()}"
        text = self.filled(block)
        if beside and not text.rstrip().endswith("&"):
            text = "{\n" + text + "\n} &\n"
        file.write_text(text, "utf-8")
        begin = "trap 'echo failed >&$TELL' EXIT; set -e"
        line = f"{begin}; . {shlex.quote(str(file))} < /dev/null; echo ended >&$TELL\n"
        self._shell.stdin.write(line.encode())
        self._shell.stdin.flush()
        until = time.monotonic() + MOST_SECS
        ready, _, _ = select.select([self._told], [], [], MOST_SECS)
        if not ready or not os.read(self._told, 100).endswith(b"ended\n"):
            why = "did not end" if not ready else "failed"
            raise Stopped(f"this block {why}:\n{text}\nafter:\n{self.seen[-3000:]}")
        while beside and not re.search(beside, self.seen[before:]):
            if time.monotonic() > until:
                raise Stopped(f"{beside} was not said by:\n{text}\nafter:\n{self.seen[-3000:]}")
            time.sleep(0.01)


def free_port() -> str:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        return str(made.getsockname()[1])
