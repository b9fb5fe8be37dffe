"""Errors: each has its status, each is JSON, and none says what a caller must not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient

from tests.support.daemon import Harness
from tickd import errors
from tickd.errors import TickdError
from tickd.web.answers import NATIVE
from tickd.web.middleware import say_errors

EXAMPLES: dict[TickdError, int] = {
    errors.Invalid("retries", "must be between 0 and 10"): 400,
    errors.Malformed("the body must be a JSON object"): 400,
    errors.Unauthorized("an API key is missing"): 401,
    errors.Forbidden("this key lacks the scope write"): 403,
    errors.NotFound("no job job_1"): 404,
    errors.MethodNotAllowed("PUT", ["GET", "POST"]): 405,
    errors.Conflict("name is taken"): 409,
    errors.TooLarge("the body is larger than 1 MiB"): 413,
    errors.TooMany("too many", 7): 429,
    errors.Unavailable("the disk is full", 30): 503,
    errors.StartupError("can't listen"): 500,
}


def below(kind: type[Exception]) -> Iterator[type[Exception]]:
    """Every class below `kind`."""
    for one in kind.__subclasses__():
        yield one
        yield from below(one)


def without_row(root: type[Exception], table: Mapping[Any, int]) -> set[str]:
    """The errors below `root` that `table` does not know; those of the command line are on no face."""
    found = {kind.__name__ for kind in below(root) if not kind.__module__.startswith("tickd.cli.")}
    return found - {kind.__name__ for kind in table}


def test_every_error_has_a_row() -> None:
    assert without_row(TickdError, NATIVE) == set()
    assert {type(error): status for error, status in EXAMPLES.items()}.items() <= NATIVE.items()


def test_an_error_without_a_row_would_be_found() -> None:
    class Root(Exception):
        pass

    class Known(Root):
        pass

    class Deep(Known):
        pass

    assert without_row(Root, {Known: 400}) == {"Deep"}


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in NATIVE]
    assert len({*codes, TickdError.code}) == len(codes) + 1


async def _no_page(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=404, text="no such page")


async def answer_to(error: Exception, aiohttp_client: AiohttpClient) -> Any:
    async def fail(_request: web.Request) -> web.StreamResponse:
        raise error

    app = web.Application(middlewares=[say_errors(_no_page)])
    app.router.add_get("/", fail)
    client = await aiohttp_client(app)
    return await client.get("/", headers={"Accept": "text/html"})


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.code)
async def test_an_error_is_its_sentence(error: TickdError, aiohttp_client: AiohttpClient) -> None:
    answer = await answer_to(error, aiohttp_client)
    assert answer.status == EXAMPLES[error]
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert await answer.json() == {"error": error.message}
    named = {name: answer.headers.get(name) for name in ("Retry-After", "Allow", "WWW-Authenticate")}
    assert named == {
        "Retry-After": {429: "7", 503: "30"}.get(answer.status),
        "Allow": "GET, POST" if answer.status == 405 else None,
        "WWW-Authenticate": "Bearer" if answer.status == 401 else None,
    }


@pytest.mark.parametrize(
    ("error", "status"), [(web.HTTPForbidden(), 403), (web.HTTPBadRequest(text="<b>bad</b>"), 400)], ids=str
)
async def test_the_servers_own_errors_are_json(
    error: Exception, status: int, aiohttp_client: AiohttpClient
) -> None:
    answer = await answer_to(error, aiohttp_client)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert list(await answer.json()) == ["error"]


async def test_a_mistake_of_ours_tells_the_log_and_not_the_caller(
    aiohttp_client: AiohttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await answer_to(RuntimeError("<b>the secret</b>"), aiohttp_client)
    assert answer.status == 500
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert await answer.text() == '{"error":"tickd has failed; its log says why"}'
    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("tickd.web", "request failed")
    assert "the secret" in caplog.text


async def test_a_log_has_no_token_out_of_a_path(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_arguments: object, **_more: object) -> None:
        raise ZeroDivisionError("in a service")

    monkeypatch.setattr(tickd.daemon.services.firing, "check_token", lambda _token: None)
    monkeypatch.setattr(tickd.daemon.services.firing, "report", fail)
    reply = await tickd.call("POST", "/x/the-token-of-a-run/fail", key=None)
    assert reply.status == 500
    (record,) = (one for one in caplog.records if one.getMessage() == "request failed")
    assert record.__dict__["fields"] == {"method": "POST", "path": "/x/{token}/{kind}"}
    assert "the-token" not in caplog.text


async def test_a_failing_call_leaves_the_others_alone(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_arguments: object, **_more: object) -> None:
        raise ZeroDivisionError("in a service")

    monkeypatch.setattr(tickd.daemon.services.jobs, "page", fail)
    for _ in range(2):
        reply = await tickd.call("GET", "/v1/jobs", headers={"Accept": "text/html"})
        named = f"(request {reply.headers['X-Request-Id']})"
        assert (reply.status, reply.json) == (500, {"error": f"tickd has failed; its log says why {named}"})
    assert (await tickd.call("GET", "/v1/account")).status == 200
    assert caplog.text.count("ZeroDivisionError: in a service") == 2


async def test_what_can_not_be_done_now_says_when_to_come_back(
    tickd: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_arguments: object) -> None:
        raise errors.Unavailable("the disk is full", 30)

    monkeypatch.setattr(tickd.daemon._database, "write", full)
    reply = await tickd.call(
        "POST", "/v1/jobs", {"name": "a", "schedule": "@daily", "endpoint": "http://127.0.0.1:9/"}
    )
    assert (reply.status, reply.json) == (503, {"error": "the disk is full"})
    assert reply.headers["Retry-After"] == "30"
    monkeypatch.undo()
