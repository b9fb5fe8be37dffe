"""The real Tickstem SDK's VerifyClient against a real daemon: only its address and its key were changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tickstem import APIError, VerifyClient, is_quota_exceeded, is_unauthorized

from tests.contract.mailing import BROKEN, verifying
from tests.contract.test_native_verification import limited
from tests.support.daemon import Harness, running
from tests.support.dns import naming


class Sdk:
    """A VerifyClient whose blocking calls run on another thread than the daemon."""

    def __init__(self, client: Any, thread: Executor) -> None:
        self._client = client
        self._thread = thread

    async def __call__(self, name: str, *arguments: Any, **more: Any) -> Any:
        method: Callable[..., Any] = getattr(self._client, name)
        run = asyncio.get_running_loop().run_in_executor
        return await run(self._thread, lambda: method(*arguments, **more))

    async def fails(self, name: str, *arguments: Any) -> Any:
        """The APIError that the call ends in."""
        with pytest.raises(APIError) as caught:
            await self(name, *arguments)
        return caught.value


@contextmanager
def client(tickd: Harness, key: str | None = None) -> Iterator[Sdk]:
    """The SDK's client of that daemon."""
    with (
        ThreadPoolExecutor(1) as thread,
        VerifyClient(tickd.key if key is None else key, base_url=tickd.url + "/v1") as made,
    ):
        yield Sdk(made, thread)


@pytest.fixture
async def tickd(tmp_path: Path) -> AsyncIterator[Harness]:
    async with verifying(tmp_path / "tickd.db") as (made, _):
        yield made


@pytest.fixture
async def sdk(tickd: Harness) -> AsyncIterator[Sdk]:
    with client(tickd) as made:
        yield made


async def test_verify(sdk: Sdk) -> None:
    found = await sdk("verify", "ann@good-mail.com")
    assert asdict(found) == {
        "id": found.id,
        "email": "ann@good-mail.com",
        "valid": True,
        "mx_found": True,
        "disposable": False,
        "role_based": False,
        "reason": "",
        "created_at": "2026-03-03T12:00:00Z",
    }
    wrong = await sdk("verify", "user@@example")
    assert (wrong.valid, bool(wrong.reason)) == (False, True)
    thrown = await sdk("verify", "ann@mailinator.com")
    assert (thrown.valid, thrown.disposable) == (False, True)
    assert (await sdk("verify", "admin@good-mail.com")).role_based


async def test_history(tickd: Harness, sdk: Sdk) -> None:
    assert await sdk("history") == []
    made = []
    for name in ("ann", "bob", "cy"):
        made.append(await sdk("verify", f"{name}@good-mail.com"))
        await tickd.clock.advance(1.0)
    assert await sdk("history") == made[::-1]
    assert await sdk("history", limit=1, offset=1) == [made[1]]


async def test_errors_are_what_the_sdk_takes_them_for(tickd: Harness, sdk: Sdk) -> None:
    with client(tickd, "tk_unknown") as unknown:
        assert is_unauthorized(await unknown.fails("verify", "ann@good-mail.com"))
    await limited(tickd, 0)
    used_up = await sdk.fails("verify", "ann@good-mail.com")
    assert is_quota_exceeded(used_up)
    assert "verifications_per_month" in used_up.message


async def test_a_failing_name_server_is_an_error_and_no_verdict(sdk: Sdk) -> None:
    error = await sdk.fails("verify", f"ann@{BROKEN}")
    assert error.status == 503
    assert not (is_unauthorized(error) or is_quota_exceeded(error))


async def test_a_silent_name_server_is_answered_before_the_sdk_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        naming(lambda _query: None) as names,
        running(tmp_path / "tickd.db", dns_server=(("127.0.0.1", names.port),)) as tickd,
    ):
        exchanges = tickd.daemon._verifier.exchanges
        assert exchanges._limit_secs <= 3.0, "the SDK waits 5 s for an answer"
        monkeypatch.setattr(exchanges, "_limit_secs", 0.05)
        with client(tickd) as sdk:
            error = await sdk.fails("verify", "ann@good-mail.com")
        assert error.status == 503
        assert "no answer" in error.message
