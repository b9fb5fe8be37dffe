"""What holds for every call: bodies, paths, methods, and answers that are JSON whatever happens."""

from __future__ import annotations

import gzip
import io
import re
from typing import Any

import pytest
from yarl import URL

from tests.contract.served import Served
from tests.support.daemon import Reply
from tickd.web.routes import Route
from tickd.web.server import all_routes

JOB = {"name": "nightly", "schedule": "0 2 * * *", "endpoint": "http://127.0.0.1:9/"}
MIB = 1 << 20
ROUTES = all_routes()
NATIVE = [route for route in ROUTES if route.path.startswith(("/v1/", "/x/", "/healthz", "/readyz"))]
WITH_BODY = [
    route for route in NATIVE if route.request is not None and route.path.startswith(("/v1/jobs", "/v1/keys"))
]


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def send(served: Served, route: Route, data: bytes, **headers: str) -> Reply:
    """Call `route` on a job that exists."""
    job = served.call("POST", "/v1/jobs", JOB).json
    return served.call(
        route.method, route.path.replace("{id}", job["id"]), data=io.BytesIO(data), headers=headers
    )


@pytest.mark.parametrize("route", WITH_BODY, ids=name_of)
def test_a_body_that_is_no_json_object(served: Served, route: Route) -> None:
    for data in (
        b"{",
        b"nul",
        b"{'name': 1}",
        b"\xff",
        b'{"name": "\xff"}',
        b'{"a": NaN}',
        b"{}{}",
        b"[" * 100_000,
    ):
        reply = send(served, route, data)
        assert reply.status == 400, data[:20]
        assert reply.json["error"].startswith("the body is not valid JSON: ")
    for data in (b"[]", b"[{}]", b"null", b'"name"', b"1", b"true"):
        reply = send(served, route, data)
        assert (reply.status, reply.json) == (400, {"error": "the body must be a JSON object"})


@pytest.mark.parametrize("route", WITH_BODY, ids=name_of)
def test_an_empty_body_is_an_empty_object(served: Served, route: Route) -> None:
    empty = send(served, route, b"{}")
    assert empty.status in (200, 400)
    for data in (b"", b"  \r\n"):
        for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense"):
            reply = send(served, route, data, **{"Content-Type": kind})
            assert (reply.status, reply.json) == (empty.status, empty.json)


def test_the_content_type_of_a_body_does_not_matter(served: Served) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"):
        data = b'{"name": "curl", "schedule": "@daily", "endpoint": "http://127.0.0.1:9/"}'
        reply = served.call("POST", "/v1/jobs", data=data, headers={"Content-Type": kind})
        assert reply.status in (200, 201)


def test_a_body_where_none_is_needed_is_ignored(served: Served) -> None:
    job = served.call("POST", "/v1/jobs", JOB).json
    path = f"/v1/jobs/{job['id']}"
    for method, tail in (("POST", "/pause"), ("PATCH", "/resume"), ("GET", ""), ("GET", "/executions")):
        for data in (b"", b"{}", b"not json"):
            reply = served.call(method, path + tail, data=data, headers={"Content-Type": "application/json"})
            assert reply.status == 200, (method, tail, data)


@pytest.mark.parametrize("route", WITH_BODY, ids=name_of)
def test_a_body_over_a_mebibyte_is_413(served: Served, route: Route) -> None:
    padding = b'{"unknown": "' + b"x" * (MIB - 15) + b'"}'
    assert len(padding) == MIB
    assert send(served, route, padding).status in (200, 400)
    reply = send(served, route, padding + b" ")
    assert (reply.status, reply.json) == (413, {"error": "the body is larger than 1 MiB"})


def test_a_compressed_body_is_read_and_a_bomb_is_not(served: Served) -> None:
    route = next(route for route in WITH_BODY if name_of(route) == "PATCH /v1/jobs/{id}")
    packed = {"Content-Encoding": "gzip"}
    assert send(served, route, gzip.compress(b'{"retries": 4}'), **packed).json["retries"] == 4
    assert send(served, route, gzip.compress(b" " * 8 * MIB), **packed).status == 413


def test_a_body_that_is_not_what_its_encoding_says(served: Served) -> None:
    for route in WITH_BODY:
        reply = send(served, route, b"plain", **{"Content-Encoding": "gzip"})
        assert (reply.status, reply.json) == (
            400,
            {"error": "the body is not what its Content-Encoding says"},
        )
        assert reply.headers["Connection"] == "close"


def test_an_unknown_path_is_404(served: Served) -> None:
    for path in (
        "/nothing",
        "/v1",
        "/v1/",
        "/v1/jobs/",
        "/v1//jobs",
        "/v2/jobs",
        "/v1/jobs/a/b/c",
        "/static/",
        "/x/",
    ):
        for key in (None, served.harness.key):
            reply = served.call("GET", path, key=key)
            assert (reply.status, reply.json) == (404, {"error": f"no such path: {path}"})
    for path in ("/static/..%2F..%2Fapp.py", "/%3Cscript%3E"):
        reply = served.run(get(served, path))
        assert reply.status == 404
        assert reply.headers["Content-Type"] == "application/json; charset=utf-8"


async def get(served: Served, path: str) -> Any:
    async with served.harness._session.get(URL(served.url + path, encoded=True)) as answer:
        return answer


def _matches(pattern: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path) is not None


def test_a_wrong_method_is_405_and_says_which_are_right(served: Served) -> None:
    allowed: dict[str, set[str]] = {}
    for route in NATIVE:
        allowed.setdefault(route.path, set()).add(route.method)
        if route.method == "GET" and route.scope is None and not route.path.startswith("/x/"):
            allowed[route.path].add("HEAD")
    for path in allowed:
        # A path may be another route's too, such as one whose last part is an id there.
        methods = set().union(*(allowed[other] for other in allowed if _matches(other, path)))
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - methods:
            reply = served.call(method, path.replace("{", "").replace("}", ""), key=None)
            words = ", ".join(sorted(methods))
            assert (reply.status, reply.headers["Allow"]) == (405, words), (method, path)
            assert reply.json == {"error": f"{method} is not allowed here; allowed: {words}"}
    assert served.call("HEAD", "/v1/jobs").headers["Allow"] == "GET, POST"


def test_paths_and_queries_that_no_one_expects(served: Served) -> None:
    for tail in ("%00", "%FF", "%ED%A0%80", "%2e%2e", "%7Bid%7D", "a" * 7000, "%F0%9F%8C%99"):
        for base in (
            "/v1/jobs/",
            "/v1/keys/",
            "/v1/executions/",
            "/v1/executions?job_id=",
            "/v1/jobs?tag=",
            "/x/",
        ):
            status = served.run(status_of(served, base + tail))
            assert status in (200, 404), (base, tail)


async def status_of(served: Served, path: str) -> int:
    headers = {"X-API-Key": served.harness.key}
    async with served.harness._session.get(URL(served.url + path, encoded=True), headers=headers) as answer:
        return answer.status
