"""Forms as nobody's browser sends them: refused or read, quickly, and never a fault of ours."""

from __future__ import annotations

import asyncio
import logging
from base64 import urlsafe_b64encode
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from tests.support.browsing import browser, owner
from tests.support.daemon import running

PLAIN = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=X"
SLOW = b"x" * 300_000 + b"-" + b"a" * 300_000
FIELD = b'Content-Disposition: form-data; name="email"'


def part(*headers: bytes, content: bytes = b"a") -> bytes:
    return (
        b"--X\r\n" + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + content + b"\r\n--X--\r\n"
    )


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (PLAIN + "; charset=punycode", SLOW),
        (PLAIN + "; charset=idna", SLOW),
        (PLAIN + "; charset=unicode_escape", b"email=%5Cud800"),
        (PLAIN + "; charset=utf-7", b"email=+2AA-"),
        (PLAIN, b"email=%ED%A0%80&csrf=%00"),
        (PLAIN, b"&" * 3_000),
        (PLAIN, b"x" * (1 << 20) + b"x"),
        ("text/plain", b"email=a"),
        ("application/json", b"{}"),
        ("multipart/form-data", b"--X--"),
        (PARTS, part(FIELD, b"Content-Type: text/plain; charset=punycode", content=SLOW)),
        (PARTS, part(b'Content-Disposition: form-data; name="_charset_"', content=b"punycode")),
        (PARTS, part(FIELD, b"Content-Transfer-Encoding: foo")),
        (PARTS, part(b"no colon")),
        (PARTS, part(b": no name")),
        (PARTS, part(b"Content-Disposition: form-data; name=\x00")),
        (PARTS, part(FIELD, b"X: " + b"y" * 9_000)),
        (PARTS, part(FIELD, *[b"X: y"] * 1_000)),
        (PARTS, part(b"Content-Disposition: form-data")),
        (PARTS, part(FIELD, content=b"x" * (1 << 20))),
        (PARTS, part(FIELD, b"Content-Type: multipart/mixed; boundary=Y", content=b"--Y\r\n\r\na\r\n--Y--")),
    ],
)
async def test_a_form_from_nowhere_is_refused_at_once(
    tmp_path: Path, kind: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    async with running(tmp_path / "t.db") as tickd, aiohttp.ClientSession() as session, asyncio.timeout(5):
        async with session.post(
            tickd.url + "/sign-in", data=BytesIO(body), headers={"Content-Type": kind}
        ) as answer:
            assert answer.status in (400, 403, 413)
            assert "<h1>" in await answer.text()
        assert (await tickd.call("GET", "/healthz", key=None)).status == 200
    assert caplog.records == []


async def test_what_is_no_utf_8_is_replaced(tmp_path: Path) -> None:
    async with running(tmp_path / "t.db") as tickd, owner(tickd) as me:
        said = {"csrf": await me.token("/settings/security"), "name": "Shop \ud800"}
        body = "&".join(f"{name}={value}" for name, value in said.items()).encode("utf-8", "surrogatepass")
        url = tickd.url + "/monitors/new"
        async with me._session.post(url, data=body, headers={"Content-Type": PLAIN}) as answer:
            assert answer.status == 422
            assert "Shop �" in await answer.text()


async def test_a_flash_cookie_that_somebody_else_wrote_does_no_harm(tmp_path: Path) -> None:
    nested = urlsafe_b64encode(b'["good",' + b"[" * 1_500 + b"]" * 1_500 + b"]").decode()
    async with running(tmp_path / "t.db") as tickd, browser(tickd) as visitor:
        for cookie in (nested, "x" * 8_000, "W10=", "bnVsbA=="):
            shown = await visitor.get("/sign-in", headers={"Cookie": f"tickd_flash={cookie}"})
            assert shown.status == 200
