"""The tutorial, command by command, against a real `tickd serve`; what it shows is what is seen."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.docs.pages import page
from tests.docs.sandbox import Sandbox, free_port
from tests.support.process import environment

PAGE = page("docs/tutorial.md")
INSTALL = "python3 -m venv .venv && .venv/bin/pip install -q .\n"
"""Fetches packages; the build and smoke steps of .ci/run make the same install."""


def _shape(text: str) -> set[str]:
    """The lines of an output, without ids, times and numbers."""
    text = re.sub(r"\b([a-z]+)_[a-z0-9]{12,}\b", r"\1_", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    return set(re.sub(r"\b[\d.]+\b", "0", text).splitlines())


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_tutorial_works_and_shows_what_is_seen(tmp_path: Path) -> None:
    ports = {port: free_port() for port in ("8090", "3000", "3001")}
    places = {rf"(?<=[:= ]){port}\b": here for port, here in ports.items()}
    plain = {name: value for name, value in environment().items() if name == "PYTHONPATH"}
    sandbox = Sandbox(tmp_path, places, plain | {"TICKD_LISTEN": f"127.0.0.1:{ports['8090']}"})
    sandbox.furnish(f'#!/bin/sh\nexec {sys.executable} -m tickd "$@"\n', lasting=True)
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.text, re.MULTILINE | re.DOTALL)
    assert blocks.pop(0) == ("sh", INSTALL)
    shown = 0
    last = blocks.pop()
    before = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
    with sandbox.open():
        for language, block in blocks:
            if language == "sh":
                seen = sandbox.run(block)
                continue
            shown += 1
            missing = _shape(block) - _shape(seen)
            assert not missing, f"{missing}\nis not in\n{seen}"
        log = (tmp_path / "tickd-tutorial" / "tickd.log").read_text("utf-8")
        sandbox.run(last[1])
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == before
    assert shown >= 7
    assert "Traceback" not in log
    assert "stopped" in seen
