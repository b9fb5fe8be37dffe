"""The OpenAPI document: valid, complete, and true of what the daemon answers."""

from __future__ import annotations

import copy
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from tests.contract.people import key_with
from tests.contract.served import Served
from tickd import ids
from tickd.domain import signing
from tickd.store import accounts
from tickd.web import openapi
from tickd.web.answers import NATIVE
from tickd.web.pings import Late, Push, Token
from tickd.web.rooster.checks import Limit
from tickd.web.routes import Route
from tickd.web.server import all_routes

HERE = "http://127.0.0.1:9"
ROUTES = all_routes()
SHOWN = {f"{route.method} {route.path}": route for route in ROUTES if route.documented}
DOCUMENT = openapi.document(ROUTES, HERE)
OPERATIONS = {
    operation.label: operation
    for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
    if isinstance(found, Ok)
    for operation in [found.ok()]
}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
WAITING = {"heartbeats", "heartbeat", "p", "ping", "push"}
SEEDED = {"jobs", "executions", "monitors", "keys", "maintenance", "x"} | WAITING
SEEDED |= {"incidents", "alerts", "channels", "status-pages", "verify"}
WITHOUT_ID = {"schedules", "account", "healthz", "readyz"}
"""These nouns have something to show here; of the others only what is refused is looked at."""
# What a monitor can be as it is, where only the type would be right; its port refuses at once.
MONITOR: dict[str, Any] = {"url": HERE, "type": "http", "monitor_type": "http", "interval_secs": 60}
MONITOR |= {"timeout_secs": 10, "check_interval": 60, "timeout": 10, "ssl_domain": "127.0.0.1"}
MONITOR |= {"assertions": [], "json_assertions": [], "maintenance_windows": [], "custom_headers": []}
MONITOR |= dict.fromkeys(("keyword", "response_threshold_ms", "webhook_url", "alert_slack_webhook"), "")
MONITOR |= {"allowed_ips": [], "heartbeat_interval": 300, "heartbeat_grace_period": 60}
MONITOR |= dict.fromkeys(("bearer_token", "auth_header", "request_content_type"), "")
MAINTENANCE: dict[str, Any] = {
    "name": "seeded",
    "tags": ["a"],
    "day": "daily",
    "start": "22:00",
    "end": "02:00",
}
CHANNEL: dict[str, Any] = {"kind": "webhook", "url": HERE, "default": False}
"""A channel that nothing is told by."""


def status_page() -> dict[str, Any]:
    """A status page that there is not yet."""
    return {"slug": ids.secret(9), "title": "seeded", "groups": [{"name": "a", "tags": ["b"]}]}


POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE


def test_the_document_is_valid() -> None:
    OPENAPI_31_VALIDATOR.validate(DOCUMENT)
    broken = copy.deepcopy(DOCUMENT)
    del broken["info"]["title"]
    with pytest.raises(jsonschema_rs.ValidationError):
        OPENAPI_31_VALIDATOR.validate(broken)


def test_it_is_served_as_it_is(served: Served) -> None:
    reply = served.call("GET", "/v1/openapi.json", key=None)
    assert reply.status == 200
    assert reply.json == DOCUMENT | {"servers": [{"url": served.url}]}


def test_every_route_is_in_it_or_says_that_it_is_not() -> None:
    described = {f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item}
    assert described == set(SHOWN) == set(OPERATIONS)
    hidden = {route.path: route for route in ROUTES if not route.documented}
    assert hidden.pop("/v1/openapi.json").answers == {200: dict}
    assert "/metrics" in hidden
    assert all(set(route.answers.values()) == {None} for route in hidden.values()), "one of them answers JSON"


def test_every_operation_is_told_apart() -> None:
    operations = [operation for item in DOCUMENT["paths"].values() for operation in item.values()]
    identifiers = [operation["operationId"] for operation in operations]
    assert len(set(identifiers)) == len(identifiers)
    for operation in operations:
        assert operation["summary"]
        assert all(answer["description"] for answer in operation["responses"].values())
        assert set(operation["responses"]) <= {"200", "201", "202", "204", "422", *map(str, NATIVE.values())}
        keyed = {"401", "403", "429"} & set(operation["responses"])
        # A ping needs no key, but may come from a wrong address or too often.
        assert keyed == {"401", "403", "429"} if operation["security"] else keyed <= {"403", "429"}


def test_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    found = set(re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(DOCUMENT)))
    assert found == set(schemas)
    for name, schema in schemas.items():
        assert schema["description"], name


def test_ranges_are_those_that_are_enforced() -> None:
    job = DOCUMENT["components"]["schemas"]["JobRegistration"]
    assert set(job["required"]) == {"name", "schedule", "endpoint"}
    assert job["properties"]["timeout_secs"] == {"type": "integer", "minimum": 1, "maximum": 300}
    assert "signing_secret" in job["properties"]
    assert "signing_secret" not in DOCUMENT["components"]["schemas"]["JobAnswer"]["properties"]
    preview = DOCUMENT["paths"]["/v1/schedules/preview"]["get"]["parameters"]
    assert {one["name"]: one["required"] for one in preview} == {
        "schedule": True,
        "timezone": False,
        "count": False,
    }


def noun_of(path: str) -> str:
    """`jobs` for `/v1/jobs/{id}`, `monitors` for `/api/v1/monitors`, `x` for `/x/{token}`."""
    return path.strip("/").removeprefix("api/").removeprefix("v1/").partition("/")[0]


def keep_unchecked(case: Case[Any]) -> None:
    """Let no monitor of a made-up address be looked at: nothing may leave this machine."""
    body = case.body
    if noun_of(case.path) != "monitors" or not isinstance(body, dict):
        return
    if "ssl_domain" in body or body.get("url", HERE) != HERE:
        name, off = ("status", "paused") if case.path.startswith("/v1/") else ("paused", True)
        # A value that will be refused stays what it is.
        if body.get(name) in (None, "active", False):
            body[name] = off


@dataclass
class Caller:
    """Sends what schemathesis made, over real HTTP, and holds the answers to the document."""

    served: Served
    session: requests.Session
    secret: bytes
    job: dict[str, Any]

    def seeded(self, noun: str) -> str:
        """What stands behind `/v1/{noun}/` or `/x/`: a job, a monitor, a heartbeat, a maintenance, a
        status page, a key, a channel, a verified address, a batch of them, an open incident or its alert, a
        run under way or its token."""
        if noun == "keys":
            key: str = self.served.call("POST", "/v1/keys", {"name": "seeded"}).json["id"]
            return key
        if noun == "maintenance":
            planned: str = self.served.call("POST", "/v1/maintenance", MAINTENANCE).json["id"]
            return planned
        if noun == "status-pages":
            page: str = self.served.call("POST", "/v1/status-pages", status_page()).json["id"]
            return page
        if noun == "channels":
            channel: str = self.served.call("POST", "/v1/channels", CHANNEL | {"name": ids.secret(9)}).json[
                "id"
            ]
            return channel
        if noun in ("incidents", "alerts"):
            return self.failed(noun)
        if noun in WAITING:
            heartbeat: str = self.served.call("POST", "/v1/heartbeats", {"name": "seeded"}).json["id"]
            return heartbeat
        if noun == "verify":
            verified: str = self.served.call("POST", "/v1/verify", {"email": "nobody"}).json["id"]
            return verified
        if noun == "batch":
            batch: str = self.served.call("POST", "/v1/verify/batch", {"emails": ["nobody"]}).json["id"]
            return batch
        if noun == "monitors":
            body = {"name": "seeded", "url": HERE, "status": "paused"}
            monitor: str = self.served.call("POST", "/v1/monitors", body).json["id"]
            return monitor
        job: str = self.served.call("POST", "/v1/jobs", self.job).json["id"]
        if noun == "jobs":
            return job
        execution: str = self.served.call("POST", f"/v1/jobs/{job}/trigger").json["execution_id"]
        row = ids.row_of("exec", execution)
        assert row is not None
        return execution if noun == "executions" else signing.run_token(self.secret, row)

    def failed(self, noun: str) -> str:
        """The incident of a heartbeat that has just failed, or the alert of it."""
        made = self.served.call("POST", "/v1/heartbeats", {"name": "seeded"}).json
        self.served.call("POST", f"/p/{made['token']}/fail", key=None)
        (opened,) = self.served.call("GET", f"/v1/incidents?subject={made['id']}").json["incidents"]
        (alert,) = self.served.call("GET", f"/v1/alerts?incident={opened['id']}").json["alerts"]
        found: str = (opened if noun == "incidents" else alert)["id"]
        return found

    def pinged(self, heartbeat: str) -> dict[str, str]:
        """The heartbeat's token, and the id of a ping that it has got."""
        path = f"/v1/heartbeats/{heartbeat}"
        token: str = self.served.call("GET", path).json["token"]
        self.served.call("POST", f"/p/{token}", key=None)
        (ping,) = self.served.call("GET", path + "/pings").json["pings"]
        return {"token": token, "ping_id": ping["id"]}

    def make_good(self, case: Case[Any]) -> None:
        """Put what exists and what can be where the case has only something of the right type."""
        noun = noun_of(case.path)
        good = {"kind": "7", "id": "", "token": "", "ping_id": ""}
        if noun in SEEDED and {"id", "token"} & set(case.path_parameters):
            good["id"] = good["token"] = self.seeded("batch" if "/batch/" in case.path else noun)
            if noun in WAITING:
                good |= self.pinged(good["id"])
            case.path_parameters.update({name: good[name] for name in case.path_parameters})
            if case.path == "/api/ping/{id}":
                case.query["token"] = good["token"]
        said = MONITOR | self.job | {"timezone": "Asia/Tokyo", "headers": {}, "signing_secret": "s"}
        if isinstance(case.body, dict):
            case.body.update({name: said[name] for name in case.body if name in said})
            for name in ("slug", "grace_multiplier", "metrics"):
                case.body.pop(name, None)
            if noun == "monitors" and case.method == "POST":
                case.body |= {"url": HERE}
            if noun == "maintenance":
                case.body = dict(MAINTENANCE)
            if noun == "status-pages":
                case.body = status_page()
            if noun == "channels":
                case.body = (CHANNEL if case.method == "POST" else {}) | {"name": ids.secret(9)}
        if "job_id" in case.query:
            case.query["job_id"] = self.seeded("jobs")
        case.query.update({name: said[name] for name in case.query if name in ("schedule", "timezone")})
        case.query.update({name: "" for name in case.query if name in ("at", "rid")})
        case.query.pop("status", None)

    def send(self, case: Case[Any], key: str | None) -> int:
        """The status of the answer; AssertionError where the document doesn't have it so."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        keep_unchecked(case)
        response = case.call(self.served.url, self.session, headers=headers)
        case.validate_response(response, checks=CHECKS)
        return int(response.status_code)


@pytest.fixture(scope="module")
def caller(served: Served) -> Iterator[Caller]:
    secret = served.run(accounts.fact(served.harness.daemon._database, "secret"))
    assert isinstance(secret, bytes)
    # Its endpoint never answers, so that its runs don't end. Nor are they tried again: the daemon would
    # take its jitter from `random`, which Hypothesis watches while it makes cases on the other thread.
    with socket.create_server(("127.0.0.1", 0), backlog=200) as silent, requests.Session() as session:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        job = {"name": "seeded", "schedule": "@daily", "endpoint": endpoint, "retries": 0}
        yield Caller(served, session, secret, job)


def generated(examples: int) -> settings:
    """Settings that make the same cases at every run."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def is_shown(label: str) -> bool:
    return noun_of(SHOWN[label].path) in SEEDED | WITHOUT_ID


def has_input(route: Route) -> bool:
    return route.request is not None or route.query is not None


@pytest.mark.parametrize("label", SHOWN)
def test_what_the_document_allows_is_answered_as_it_says(caller: Caller, label: str) -> None:
    statuses: set[int] = set()

    @generated(6 if has_input(SHOWN[label]) and is_shown(label) else 3)
    @given(OPERATIONS[label].as_strategy(POSITIVE))
    def run(case: Case[Any]) -> None:
        statuses.add(caller.send(case, caller.served.harness.key))
        caller.make_good(case)
        statuses.add(caller.send(case, caller.served.harness.key))

    run()
    if is_shown(label):
        assert statuses & {200, 201, 202, 204}, statuses


# The limit of rooster's lists is clamped, whatever it is: nothing of it can be forbidden. And a ping with a
# token that is made up is unknown before anything else of it is looked at.
OPEN_QUERIES = {Limit, Late, Push, Token}
REFUSING = [label for label, route in SHOWN.items() if has_input(route) and route.query not in OPEN_QUERIES]


@pytest.mark.parametrize("label", REFUSING)
def test_what_the_document_forbids_is_refused_as_it_says(caller: Caller, label: str) -> None:
    statuses: set[int] = set()

    # Nearly every text is a good query: it takes longer to meet one that is none.
    @generated((16 if label.startswith("GET") else 8) if is_shown(label) else 3)
    @given(OPERATIONS[label].as_strategy(NEGATIVE))
    def run(case: Case[Any]) -> None:
        if (
            noun_of(case.path) in {"jobs", "monitors", "channels", "incidents"} | WAITING
            and "id" in case.path_parameters
        ):
            case.path_parameters["id"] = caller.seeded(noun_of(case.path))
        statuses.add(caller.send(case, caller.served.harness.key))

    run()
    assert statuses & {400, 422}, statuses


@pytest.fixture(scope="module")
def strangers_key(caller: Caller) -> str:
    """A key that may do nothing here; and this address has guessed too often."""
    for _ in range(20):
        caller.served.call("GET", "/v1/jobs", key="wrong")
    return caller.served.run(key_with(caller.served.harness, "heartbeat:write"))


@pytest.mark.parametrize(
    "label", [label for label, route in SHOWN.items() if route.scope and route.path.startswith("/v1/")]
)
def test_who_is_refused_is_refused_as_it_says(caller: Caller, strangers_key: str, label: str) -> None:
    @generated(1)
    @given(OPERATIONS[label].as_strategy(POSITIVE))
    def run(case: Case[Any]) -> None:
        case.headers.clear()
        statuses = [caller.send(case, key) for key in (None, strangers_key, "wrong")]
        assert statuses == [401, 403, 429]

    run()


def test_a_wrong_answer_would_be_found(caller: Caller) -> None:
    response = caller.session.get(caller.served.url + "/nothing", timeout=5)
    assert response.status_code == 404
    case = OPERATIONS["GET /healthz"].Case()
    with pytest.raises(FailureGroup) as caught:
        case.validate_response(response, checks=CHECKS)
    assert [failure.title for failure in caught.value.exceptions] == ["Undocumented status code"]
