"""`tickd dev` as its user meets it: what of `tickd serve` it has."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import Run
from tests.support.mail_domains import mail_domains_apart
from tests.support.process import environment


@contextmanager
def developing(folder: Path, *arguments: str) -> Iterator[int]:
    """`tickd dev` with these arguments, and the port it serves on."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tickd", "dev", "--listen", "127.0.0.1:0", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            greeting = process.stdout.readline()
            found = re.fullmatch(r"tickd serves on http://127\.0\.0\.1:(\d+)\n", greeting)
            assert found, greeting
            yield int(found[1])
        finally:
            process.kill()


def test_it_verifies_as_it_is_told(tmp_path: Path) -> None:
    with mail_domains_apart(("tickd.dev", "mailinator.com")) as names:
        told = (f"--dns-server=127.0.0.1:{names.port}", "--disposable-domain=tickd.dev")
        with developing(tmp_path, *told, "--allowed-domain=mailinator.com", "--reference=none") as port:
            found = {}
            for email in ("a@tickd.dev", "a@mailinator.com", "a@gone.example"):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                body = json.dumps({"email": email})
                connection.request("POST", "/v1/verify", body, {"Authorization": "Bearer any"})
                verdict = json.loads(connection.getresponse().read())
                connection.close()
                found[email] = (verdict["valid"], verdict["disposable"])
    assert found == {
        "a@tickd.dev": (False, True),
        "a@mailinator.com": (True, False),
        "a@gone.example": (False, False),
    }
    assert ("tickd.dev", "MX") in names.asked


@pytest.mark.parametrize(
    "option", ["--dns-server", "--disposable-domain", "--reference", "--smtp-url", "--mail-from"]
)
def test_a_wrong_setting_is_named(run: Run, option: str) -> None:
    ended = run("dev", option, "a b")
    assert (ended.status, ended.out) == (1, "")
    assert re.match(f"tickd: {option} ('a b' )?must be ", ended.err)
