"""The network of the host taken away and given back: no incident, and one notice."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import ROOT, environment

APART = ("unshare", "--map-root-user", "--net")


def can_be_apart() -> bool:
    """Whether this system lets us have a network of our own to take away."""
    if not all(map(shutil.which, ("unshare", "ip"))):
        return False
    return subprocess.run([*APART, "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_be_apart(), reason="no network namespace can be made here")
def test_a_lost_network_opens_no_incident_and_is_told_once(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*APART, sys.executable, "-m", "tests.process.lost_network", str(tmp_path)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
