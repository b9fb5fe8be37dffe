"""What the tests of recipes share: a heartbeat to ping, a job to run, and what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.served import Served
from tests.docs.pages import ROOT

FOLDER = ROOT / "examples" / "heartbeats"
PLACE = "https://tickd.example.com/p/YOUR_TOKEN"
"""What a reader replaces by a `ping_url`."""
SAID = "42 files saved"


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat on a daemon."""

    served: Served
    id: str
    url: str

    def pings(self) -> list[dict[str, Any]]:
        """Its pings, oldest first."""
        reply = self.served.call("GET", f"/v1/heartbeats/{self.id}/pings")
        found: list[dict[str, Any]] = reply.json["pings"]
        return found[::-1]

    def told(self) -> list[tuple[str, int | None]]:
        """Kind and exit status of its pings, oldest first; those of a run have to belong together."""
        found = self.pings()
        assert all(one["accepted"] for one in found)
        if found and found[0]["kind"] == "start":
            assert len({one["rid"] for one in found}) == 1
            assert all(one["duration_ms"] is not None for one in found[1:]), "its end was not paired"
        return [(one["kind"], one["exit_status"]) for one in found]

    def body(self) -> str:
        """What its last ping brought."""
        last = (self.pings())[-1]["id"]
        body: str = (self.served.call("GET", f"/v1/heartbeats/{self.id}/pings/{last}")).json["body"]
        return body


def beat(served: Served) -> Beat:
    """A new heartbeat: each takes ten pings in a minute, and the clock stands still."""
    made = served.call("POST", "/v1/heartbeats", {"name": "backup"}).json
    assert made["ping_url"] == f"{served.url}/p/{made['short_token']}"
    return Beat(served, made["id"], made["ping_url"])


def recipe(name: str) -> str:
    """The text of a file."""
    return (FOLDER / name).read_text("utf-8")


def job(folder: Path, status: int) -> Path:
    """A job that says something and ends with that exit status."""
    path = folder / "backup.sh"
    path.write_text(f"#!/bin/sh\necho '{SAID}'\nexit {status}\n", "utf-8")
    path.chmod(0o755)
    return path


def ran(
    command: list[str], folder: Path, variables: Mapping[str, str] | None = None, *, secs: float = 30.0
) -> subprocess.CompletedProcess[str]:
    """How a command ended."""
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder)}
    environment |= variables or {}

    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=secs)
