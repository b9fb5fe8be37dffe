"""The receivers of docs/alerts.md and examples/alerts verify what is sent, and take each alert once."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession, web

from tests.docs.test_alerts import ALERTS, DOWN, FOLDER, SECRET, pinged
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, running
from tests.support.endpoint import Endpoint
from tickd.clock import SystemClock
from tickd.domain import payloads, signing
from tickd.domain.alerts import Told

# Signatures.


async def _signed(tickd: Harness, endpoint: Endpoint, secret: str) -> tuple[dict[str, str], bytes]:
    """The headers, by lower case names, and the body of a test as it arrives."""
    body = {"kind": "webhook", "name": "signed", "url": endpoint.url, "secret": secret}
    channel = (await tickd.call("POST", "/v1/channels", body)).json
    reply = await tickd.call("POST", f"/v1/channels/{channel['id']}/test")
    assert reply.json["status"] == "sent"
    call = endpoint.calls[-1]
    return {name.lower(): text for name, text in call.headers.items()}, call.body


@pytest.mark.parametrize("secret", [SECRET, "plain"])
async def test_the_python_verifies_what_is_sent(secret: str, tickd: Harness, endpoint: Endpoint) -> None:
    headers, body = await _signed(tickd, endpoint, secret)
    (snippet,) = ALERTS.blocks("python")
    names: dict[str, Any] = {}
    exec(compile(snippet, "docs/alerts.md", "exec"), names)  # noqa: S102 - it is ours
    names["time"] = SimpleNamespace(time=lambda: NOON / 1000)
    verified = names["verified"]
    assert verified(secret, headers, body)
    assert not verified("another", headers, body)
    assert not verified(secret, headers, body + b" ")
    names["time"] = SimpleNamespace(time=lambda: NOON / 1000 + 301)
    assert not verified(secret, headers, body)


_CALLS = """
import { readFileSync } from "node:fs";
import { verified } from "./verify.mjs";
for (const { now, secret, headers, body } of JSON.parse(readFileSync(0))) {
  Date.now = () => now;
  console.log(verified(secret, headers, Buffer.from(body)));
}
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
@pytest.mark.parametrize("secret", [SECRET, "plain"])
async def test_the_node_verifies_what_is_sent(
    secret: str, tickd: Harness, endpoint: Endpoint, tmp_path: Path
) -> None:
    headers, body = await _signed(tickd, endpoint, secret)
    (snippet,) = ALERTS.blocks("js")
    (tmp_path / "verify.mjs").write_text(snippet)
    (tmp_path / "calls.mjs").write_text(_CALLS)
    good = {"now": NOON, "secret": secret, "headers": headers, "body": body.decode()}
    calls = [
        good,
        good | {"secret": "another"},
        good | {"body": body.decode() + " "},
        good | {"now": NOON + 301_000},
    ]

    def run() -> subprocess.CompletedProcess[str]:
        command = ["node", "calls.mjs"]
        given = json.dumps(calls)
        return subprocess.run(command, cwd=tmp_path, input=given, capture_output=True, text=True, timeout=30)

    done = await asyncio.to_thread(run)
    assert done.stdout.split() == ["true", "false", "false", "false"], done.stderr


# The receiver.


class Running:
    """A running examples/alerts/receiver.py: its address, and what it has printed."""

    def __init__(self, process: subprocess.Popen[str], url: str, output: Path) -> None:
        self.process = process
        self.url = url
        self._output = output

    @property
    def lines(self) -> list[str]:
        """What it printed behind its address."""
        return self._output.read_text().splitlines()[1:]


@asynccontextmanager
async def _receiver(folder: Path, secret: str, number: int = 0) -> AsyncIterator[Running]:
    output = folder / f"receiver-{number}.txt"

    def start() -> subprocess.Popen[str]:
        environment = {"PATH": os.environ["PATH"], "WEBHOOK_SECRET": secret, "PORT": "0"}
        with output.open("w") as out:
            command = [sys.executable, str(FOLDER / "receiver.py")]
            return subprocess.Popen(
                command, cwd=folder, env=environment, stdout=out, stderr=subprocess.DEVNULL, text=True
            )

    process = await asyncio.to_thread(start)

    async def listening() -> re.Match[str] | None:
        return re.match(r"listening on (http://127\.0\.0\.1:\d+/)\n", output.read_text())

    try:
        found = await eventually(listening, 20)
        yield Running(process, found[1], output)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 10)


@asynccontextmanager
async def _losing_answers(url: str, lost: int) -> AsyncIterator[tuple[str, list[str]]]:
    """A way to `url` on which the first answers are lost, and the ids of the messages that went by it."""
    went: list[str] = []
    async with ClientSession() as session:

        async def forward(request: web.Request) -> web.Response:
            went.append(request.headers["webhook-id"])
            headers = {name: text for name, text in request.headers.items() if name.startswith("webhook-")}
            async with session.post(url, data=await request.read(), headers=headers) as answer:
                status = 504 if len(went) <= lost else answer.status
            return web.Response(status=status)

        app = web.Application()
        app.router.add_post("/", forward)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/", went
        finally:
            await runner.cleanup()


async def test_the_receiver_takes_each_alert_once(tmp_path: Path) -> None:
    # Signatures carry the time, and the receiver looks at its own clock.
    clock, tokens = FakeClock(SystemClock().now()), dict[str, str]()
    async with running(tmp_path / "tickd.db", clock=clock) as tickd:
        secret = (await tickd.call("GET", "/v1/account")).json["webhook_secret"]
        async with _receiver(tmp_path, secret) as receiver, _losing_answers(receiver.url, 1) as (way, went):
            await tickd.call("POST", "/v1/channels", {"kind": "webhook", "name": "a", "url": way})
            await pinged(tickd, tokens, "backup", "/fail")

            async def refused() -> Any:
                return (await tickd.call("GET", "/v1/alerts?status=retrying")).json["total"]

            await eventually(refused)

            async def sent() -> Any:
                await clock.advance(0.5)
                return (await tickd.call("GET", "/v1/alerts?status=sent")).json["total"]

            await eventually(sent)
            await pinged(tickd, tokens, "backup", "")

            async def both() -> bool:
                return (await sent()) == 2  # type: ignore[no-any-return]

            await eventually(both)
            assert went[0] == went[1] != went[2]
            assert receiver.lines == [
                "monitor.down backup: the job reported a failure",
                "monitor.up backup: the job reported a failure",
            ]
        # Another process, the same file; a digest of one that was taken and one that was not.
        async with _receiver(tmp_path, secret, 1) as receiver, ClientSession() as session:
            old, new = payloads.alert(Told(went[0], DOWN)), payloads.alert(Told("alt_new", DOWN))
            digest = json.dumps({"event": "digest", "count": 2, "alerts": [old, new]}).encode()
            now = SystemClock().now()
            for moment, body, status in (
                (now, digest, 200),
                (now, digest + b" ", 401),
                (now - 301_000, digest, 401),
            ):
                headers = dict(signing.webhook_headers(secret, "alt_digest", moment, digest))
                async with session.post(receiver.url, data=body, headers=headers) as answer:
                    assert answer.status == status
            assert receiver.lines == ["monitor.down Shop: status 503, expected 200"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "WEBHOOK_SECRET is not set."),
        (
            {"WEBHOOK_SECRET": "whsec_?"},
            "WEBHOOK_SECRET begins with whsec_, so the rest of it must be base64",
        ),
        ({"WEBHOOK_SECRET": "a", "PORT": "x"}, "PORT must be a number between 0 and 65535, and not x"),
    ],
)
def test_the_receiver_says_what_it_lacks(variables: dict[str, str], said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / "receiver.py")],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]} | variables,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(said)
