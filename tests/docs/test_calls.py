"""The shell blocks of a page, run one after the other as a reader would, against a real daemon."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import page
from tests.support.clock import FakeClock
from tests.support.daemon import running
from tests.support.endpoint import Endpoint
from tickd.clock import SystemClock

NOWHERE = (("127.0.0.1", 9),)
"""A name server that isn't there: no test asks the world for a name."""


def _script(name: str, tickd: str, endpoint: str) -> str:
    """The page's blocks but those that start a daemon, with this daemon and endpoint in them."""
    blocks = [block for block in page(name).blocks("sh") if "tickd serve" not in block]
    script = "\n".join(blocks)
    assert "export TICKD_URL=http://127.0.0.1:8090\n" in script
    script = script.replace("http://127.0.0.1:8090", tickd)
    # A refusal is an error here, and its sentence what the test shows.
    script = re.sub(r"\bcurl (?!-fsS )", "curl --no-progress-meter --fail-with-body ", script)
    script = re.sub(r"https://[a-z.]*example\.com", endpoint, script)
    return "set -eux\n" + script


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize(
    ("name", "path", "left_over"),
    [
        ("docs/jobs.md", "/v1/jobs", 2),
        ("docs/monitors.md", "/v1/monitors", 2),
        ("docs/heartbeats.md", "/v1/heartbeats", 0),
        ("docs/rooster.md", "/api/v1/monitors", 2),
        ("docs/maintenance.md", "/v1/maintenance", 2),
        ("docs/incidents.md", "/v1/heartbeats", 1),
        ("docs/status-pages.md", "/v1/status-pages", 1),
        ("docs/alerts.md", "/v1/channels", 8),
    ],
)
async def test_the_commands_of_a_page_work_in_their_order(
    name: str, path: str, left_over: int, tmp_path: Path, endpoint: Endpoint
) -> None:
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    # A late ping says the time of the machine.
    clock = FakeClock(SystemClock().now())

    def run(script: str) -> subprocess.CompletedProcess[str]:
        command = ["sh", "-c", script]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )

    async with running(tmp_path / "tickd.db", clock=clock, dns_server=NOWHERE) as tickd:
        done = await asyncio.to_thread(run, _script(name, tickd.url, endpoint.url))
        left = (await tickd.call("GET", path)).json
    assert done.returncode == 0, done.stderr + done.stdout
    # The one whose id was kept is gone at the end, and was none of the others.
    (found,) = (value for value in left.values() if isinstance(value, list))
    names = {one.get("name") or one["slug"] for one in found}
    assert len(names) >= left_over
    assert names.isdisjoint({"nightly-backup", "Shop", "backup", "My Website", "restart", "acme"})
