"""Verdicts: what an answer or a certificate says, by all that the owner asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tickd.domain import times, verdicts
from tickd.domain.assertions import Answer, Assertion, JsonAssertion
from tickd.domain.monitors import Options, Type
from tickd.domain.verdicts import Certificate

NOON = 1_772_539_200_000


def of(answer: Answer, kind: Type = "http", **fields: Any) -> tuple[str, str]:
    return verdicts.of_answer(kind, Options(url="https://example.com/", **fields), answer)


def answer(code: int = 200, body: str = "", ms: float = 12.0) -> Answer:
    return Answer(code, ms, {"x-a": "b"}, body)


def asserts(source: Any, comparison: Any, target: str = "", **more: str) -> tuple[Assertion, ...]:
    return (Assertion(source=source, comparison=comparison, target=target, **more),)


def holds(path: str, operator: Any, value: str = "") -> tuple[JsonAssertion, ...]:
    return (JsonAssertion(path=path, operator=operator, value=value),)


@pytest.mark.parametrize("code", [200, 204, 299, 301, 304, 399])
def test_2xx_and_3xx_are_up(code: int) -> None:
    assert of(answer(code)) == ("up", "")


@pytest.mark.parametrize("code", [100, 199, 400, 404, 429, 500, 503, 599, 999])
def test_all_else_is_down(code: int) -> None:
    assert of(answer(code)) == ("down", f"status code {code}")


def test_assertions_alone_decide() -> None:
    assert of(answer(503), assertions=asserts("status_code", "eq", "503")) == ("up", "")
    assert of(answer(503, "fine"), assertions=asserts("body", "contains", "fine")) == ("up", "")
    assert of(answer(200), assertions=asserts("status_code", "eq", "503")) == (
        "down",
        "status code 200 is not 503",
    )


def test_an_expected_status_holds_beside_assertions() -> None:
    fields: dict[str, Any] = {
        "expected_status_code": 201,
        "assertions": asserts("response_time", "lt", "500"),
    }
    assert of(answer(201), **fields) == ("up", "")
    assert of(answer(200), **fields) == ("down", "status code 200 is not 201")
    assert of(answer(201, ms=500), **fields) == ("down", "response took 500 ms, not less than 500 ms")


@pytest.mark.parametrize(
    ("fields", "given", "wrong"),
    [
        ({"expected_status_code": 401}, answer(401), ""),
        ({"expected_status_code": 200}, answer(204), "status code 204 is not 200"),
        ({"expected_status_code": 301}, answer(302), "status code 302 is not 301"),
        ({"response_threshold_ms": "> 2000"}, answer(ms=2000), ""),
        ({"response_threshold_ms": "> 2000"}, answer(ms=2001), "response took 2001 ms, more than 2000 ms"),
        ({"response_threshold_ms": "< 50"}, answer(ms=12), "response took 12 ms, less than 50 ms"),
        ({"response_threshold_ms": "10-20"}, answer(ms=21), "response took 21 ms, not 10 to 20 ms"),
        ({"keyword": "OK AND !error"}, answer(body="all OK"), ""),
        ({"keyword": "OK AND !error"}, answer(body="OK, no error"), "keyword 'error' is present"),
        ({"keyword": "Welcome"}, answer(body="Goodbye"), "keyword 'Welcome' is missing"),
        ({"json_assertions": holds("a", "equals", "1")}, answer(body='{"a": 1}'), ""),
        ({"json_assertions": holds("a", "equals", "1")}, answer(body='{"a": 2}'), "a is 2, not 1"),
        ({"json_assertions": holds("a", "exists")}, answer(body="a"), "the body is not JSON"),
        ({"assertions": asserts("header", "eq", "b", name="X-A")}, answer(), ""),
        ({"assertions": asserts("json", "gt", "1", path="a")}, answer(body='{"a": 2}'), ""),
    ],
)
def test_each_option_decides(fields: dict[str, Any], given: Answer, wrong: str) -> None:
    assert of(given, **fields) == (("down", wrong) if wrong else ("up", ""))


def test_the_first_thing_wrong_is_named() -> None:
    fields: dict[str, Any] = {
        "expected_status_code": 200,
        "assertions": asserts("body", "contains", "fine"),
        "response_threshold_ms": "> 10",
        "keyword": "OK",
        "json_assertions": holds("a", "exists"),
    }
    steps = [
        (answer(500, ms=20), "status code 500 is not 200"),
        (answer(200, ms=20), "body does not contain 'fine'"),
        (answer(200, "fine", ms=20), "response took 20 ms, more than 10 ms"),
        (answer(200, "fine", ms=5), "keyword 'OK' is missing"),
        (answer(200, '"fine OK"', ms=5), "a is missing"),
        (answer(200, '{"a": "fine OK"}', ms=5), ""),
    ]
    for given, wrong in steps:
        assert of(given, **fields)[1] == wrong


@pytest.mark.parametrize(("body", "wrong"), [("{}", ""), ("null", ""), ("", "the body is not JSON"), ("<p>",
    "the body is not JSON")])  # fmt: skip
def test_a_json_monitor_wants_json(body: str, wrong: str) -> None:
    assert of(answer(body=body), "json")[1] == wrong
    assert of(answer(body=body)) == ("up", "")


@pytest.mark.parametrize(
    ("left", "status", "error"),
    [
        (30 * times.DAY + 1, "up", ""),
        (30 * times.DAY, "degraded", "certificate expires in 30 d"),
        (2 * times.HOUR, "degraded", "certificate expires in 2 h"),
        (1, "degraded", "certificate expires in 0 s"),
        (0, "down", "certificate expired 0 s ago"),
        (-5 * times.DAY, "down", "certificate expired 5 d ago"),
    ],
)
def test_a_certificate_is_up_soon_to_expire_or_expired(left: int, status: str, error: str) -> None:
    assert verdicts.of_certificate(Certificate(NOON + left, "CA"), 30, NOON) == (status, error)


def test_a_bad_certificate_is_down_however_long_it_holds() -> None:
    bad = Certificate(NOON + 300 * times.DAY, "CA", "certificate is not for example.com")
    assert verdicts.of_certificate(bad, 1, NOON) == ("down", "certificate is not for example.com")


@pytest.mark.parametrize(
    ("kind", "fields", "wants"),
    [
        ("http", {}, False),
        ("json", {}, True),
        ("http", {"keyword": "OK"}, True),
        ("http", {"json_assertions": holds("a", "exists")}, True),
        ("http", {"assertions": asserts("body", "eq", "OK")}, True),
        ("http", {"assertions": asserts("json", "exists", path="a")}, True),
        ("http", {"assertions": asserts("status_code", "eq", "200")}, False),
        ("http", {"assertions": asserts("header", "exists", name="X-A")}, False),
        ("http", {"expected_status_code": 200, "response_threshold_ms": "> 10"}, False),
    ],
)
def test_a_body_is_read_only_where_it_counts(kind: Type, fields: dict[str, Any], wants: bool) -> None:
    assert verdicts.wants_body(kind, Options(url="https://example.com/", **fields)) is wants
