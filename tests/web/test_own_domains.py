"""A status page's own domain: however the name is written, it is that page and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.daemon import Harness, running

PAGE = {"slug": "shop", "title": "Shop", "visibility": "public", "custom_domain": "status.example.com"}


async def ask(tickd: Harness, path: str, host: str) -> tuple[int, str]:
    async with tickd._session.get(tickd.url + path, headers={"Host": host}) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    "host", ["status.example.com", "STATUS.example.com.", "status.example.com:", "status.example.com:8443"]
)
async def test_every_spelling_of_the_name_is_the_page(tmp_path: Path, host: str) -> None:
    async with running(tmp_path / "t.db") as tickd:
        assert (await tickd.call("POST", "/v1/status-pages", PAGE)).status == 201
        status, text = await ask(tickd, "/", host)
        assert status == 200
        assert "<h1>Shop</h1>" in text.replace("\n", "")
        for path in ("/sign-in", "/v1/jobs", "/healthz"):
            assert (await ask(tickd, path, host))[0] == 404


@pytest.mark.parametrize("host", ["..", ":", "[::1]:80", "other.example.com"])
async def test_another_name_is_the_daemon(tmp_path: Path, host: str) -> None:
    async with running(tmp_path / "t.db") as tickd:
        assert (await tickd.call("POST", "/v1/status-pages", PAGE)).status == 201
        assert (await ask(tickd, "/healthz", host))[0] == 200


async def test_the_own_name_is_taken_however_it_is_written(tmp_path: Path) -> None:
    async with running(tmp_path / "t.db", base_url="https://tickd.example.com") as tickd:
        host, port = tickd.daemon.address
        tickd.url = f"http://{host}:{port}"
        for name in ("tickd.example.com", "TICKD.example.com.", "tickd\u3002example\uff0ecom\u3002"):
            reply = await tickd.call("POST", "/v1/status-pages", PAGE | {"custom_domain": name})
            assert (reply.status, reply.json["error"][:13]) == (400, "custom_domain"), name


async def test_dev_answers_to_this_machine_alone(tmp_path: Path) -> None:
    async with running(tmp_path / "t.db", dev=True) as tickd:
        assert (await tickd.call("POST", "/v1/status-pages", PAGE)).status == 201
        assert (await ask(tickd, "/", "status.example.com"))[0] == 403


async def test_a_page_far_behind_the_end_is_empty(tmp_path: Path) -> None:
    async with running(tmp_path / "t.db", dev=True) as tickd:
        assert (await ask(tickd, "/?offset=9223372036854775808", "localhost"))[0] == 200
