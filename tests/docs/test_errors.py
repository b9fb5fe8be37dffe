"""The page of errors has every error of the code, its status on each face, and sentences that are said."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.docs.pages import codes, page
from tests.support.daemon import Harness
from tickd import errors
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.limits import LimitsChange
from tickd.web import answers
from tickd.web.rooster import envelope

PAGE = page("docs/errors.md")
ROWS = {codes(row["error"])[0]: row for row in PAGE.tables("error", "native", "rooster")}
JOB = {"name": "a", "schedule": "* * * * *", "endpoint": "http://127.0.0.1:9/"}
TARGET = {"name": "a", "url": "http://127.0.0.1:9/"}


def test_every_error_is_described_with_its_status_on_each_face() -> None:
    said = {code: (int(row["native"]), int(row["rooster"])) for code, row in ROWS.items()}
    known = [kind for kind in answers.NATIVE if kind is not errors.StartupError]
    assert said == {kind.code: (answers.NATIVE[kind], envelope.STATUS[kind]) for kind in known}
    assert all(row["what to do"] for row in ROWS.values())


async def test_the_sentences_are_said(tickd: Harness) -> None:
    await tickd.job(name="a")
    other = (await tickd.job(name="b"))["id"]
    reader = (await tickd.call("POST", "/v1/keys", {"name": "a", "scopes": ["read"]})).json["key"]
    await tickd.daemon.services.limits.set(DEFAULT_ACCOUNT, LimitsChange(max_monitors=0))
    cases: dict[str, list[Any]] = {
        "invalid": ["POST", "/v1/jobs", JOB | {"retries": 11}],
        "malformed": ["POST", "/v1/jobs", []],
        "unauthorized": ["GET", "/v1/jobs"],
        "forbidden": ["POST", "/v1/jobs", JOB],
        "limit_reached": ["POST", "/v1/monitors", TARGET],
        "not_found": ["GET", "/v1/jobs/job_2srrd4vk53w5n18n"],
        "method_not_allowed": ["DELETE", "/v1/account"],
        "conflict": ["PATCH", f"/v1/jobs/{other}", {"name": "a"}],
    }
    for code, call in cases.items():
        keys = {"unauthorized": None, "forbidden": reader}
        more = {"key": keys[code]} if code in keys else {}
        reply = await tickd.call(*call, **more)
        shown = codes(ROWS[code]["as in"])[0]
        assert (reply.status, reply.json) == (int(ROWS[code]["native"]), {"error": shown}), code


async def test_a_body_that_is_too_large(tickd: Harness) -> None:
    def sent() -> bytes:
        at = urlsplit(tickd.url)
        with socket.create_connection((at.hostname or "", at.port or 0), 5) as connection:
            lines = ("POST /v1/jobs HTTP/1.1", "Host: a", f"X-API-Key: {tickd.key}", "Connection: close")
            connection.sendall("\r\n".join((*lines, f"Content-Length: {1 << 21}", "", "")).encode())
            with contextlib.suppress(ConnectionError):
                connection.sendall(b" " * (1 << 21))
            return b"".join(iter(lambda: connection.recv(4096), b""))

    said = await asyncio.to_thread(sent)
    shown = {"error": codes(ROWS["too_large"]["as in"])[0]}
    assert said.startswith(b"HTTP/1.1 413 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2]) == shown


@pytest.mark.parametrize("kind", [errors.TooMany, errors.Unavailable])
def test_what_says_when_to_come_again(kind: Any) -> None:
    assert "Retry-After" in answers.native_refusal(kind("a", 7)).headers
    assert "Retry-After" in ROWS[kind.code]["what to do"]
