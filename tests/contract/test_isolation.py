"""Every route that asks for a key, out of the table of routes: what its owner, a key that may only read, one
that may only report beats, a stranger and nobody get there, and that none of them changes what is not theirs.

A route that is added is held to all of it by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.contract.people import key_with, stranger
from tests.contract.served import Served, serving_beside
from tests.support.daemon import KEY, Reply
from tests.support.endpoint import Endpoint, serving
from tests.web.household import Household, household, plain, snapshot
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.web.routes import Route
from tickd.web.server import all_routes

PARAMETERS = {
    "/v1/jobs/": "job",
    "/v1/executions/": "execution",
    "/v1/monitors/": "monitor",
    "/v1/heartbeats/": "heartbeat",
    "/v1/heartbeats/{id}/pings/": "ping",
    "/v1/incidents/": "incident",
    "/v1/alerts/": "alert",
    "/v1/channels/": "channel",
    "/v1/maintenance/": "maintenance",
    "/v1/status-pages/": "status_page",
    "/v1/keys/": "key",
    "/v1/verify/history/": "verification",
    "/v1/verify/batch/": "verification_batch",
    "/api/heartbeat/": "heartbeat",
    "/api/v1/monitors/": "monitor",
    "/api/v1/incidents/": "incident",
}
"""What stands where a path has a variable, by the path before it."""
BODIES: dict[str, Any] = {
    "/v1/incidents/{id}/updates": {"status": "monitoring", "message": "Mine now."},
    "/api/heartbeat/{id}": {"status": "down", "message": "Mine now."},
    "/v1/monitors/{id}/backtest": {"name": "Mine now."},
}
"""What is sent where `{"name": …}` would not do."""
NAMED = {"name": "Mine now."}
QUERIES = {"/v1/executions": "job_id={job}", "/v1/schedules/preview": "schedule=@daily"}
"""What has to be asked behind a path."""
QUESTIONS = {"/v1/monitors/{id}/backtest"}
"""What is asked with a POST, and changes nothing."""
REPORTS = {"/api/heartbeat/{id}"}
"""What a key may call that may only report beats."""
MOVING = {"facts", "api_keys"}
"""Tables that say when something was last used, or is alive."""

_VARIABLE = re.compile(r"\{(\w+)\}")
KEYED = [route for route in all_routes() if route.scope is not None]
OF_ONE = [route for route in KEYED if _VARIABLE.search(route.path)]
OF_ALL = [route for route in KEYED if route.method == "GET" and not _VARIABLE.search(route.path)]


@dataclass(slots=True)
class House:
    """A running household, and the keys of those who call."""

    served: Served
    made: Household
    keys: dict[str, str] = field(default_factory=dict)

    def call(self, route: Route, key: str | None) -> Reply:
        """Call a route about what the household has."""
        path = route.path
        for match in _VARIABLE.finditer(route.path):
            noun = PARAMETERS[route.path[: match.start()]]
            path = path.replace(match[0], self.made.known[noun], 1)
        if route.path in QUERIES:
            path += "?" + QUERIES[route.path].format(**self.made.known)
        body = None if route.method in ("GET", "DELETE") else BODIES.get(route.path, NAMED)
        return self.served.run(_call(self.made, route.method, path, body, key))

    def rows(self, account_id: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
        """What the store holds, but for what moves by itself."""
        found = self.served.run(snapshot(self.served.harness, account_id))
        return {table: rows for table, rows in found.items() if table not in MOVING}


async def _call(house: Household, method: str, path: str, body: object, key: str | None) -> Reply:
    """The answer; one that is no JSON is its text, and one that has no end is only looked at from outside."""
    headers = {"Accept": "application/json"} | ({} if key is None else {"Authorization": f"Bearer {key}"})
    more: dict[str, Any] = {} if body is None else {"json": body}
    async with house.tickd._session.request(
        method, house.tickd.url + path, headers=headers, **more
    ) as answer:
        if answer.content_type == "text/event-stream":
            return Reply(answer.status, answer.headers, None)
        is_json = answer.content_type == "application/json" and await answer.read()
        return Reply(answer.status, answer.headers, await answer.json() if is_json else await answer.text())


def name(route: Route) -> str:
    """What a route is called among the tests."""
    return f"{route.method} {route.path}"


def writes(route: Route) -> bool:
    """Whether a route changes anything."""
    return route.method != "GET" and route.path not in QUESTIONS


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One of everything, and a stranger beside it."""
    with serving_beside(tmp_path_factory.mktemp("house") / "tickd.db") as served:
        opened = serving()
        endpoint: Endpoint = served.run(opened.__aenter__())
        try:
            tickd = served.harness
            made = House(served, served.run(household(tickd, endpoint, plain)))
            made.keys = {
                "reader": served.run(key_with(tickd, "read")),
                "beater": served.run(key_with(tickd, "heartbeat:write")),
                "stranger": served.run(stranger(tickd)),
            }
            yield made
        finally:
            served.run(opened.__aexit__(None, None, None))


def test_every_variable_of_a_path_is_known_here() -> None:
    before = {route.path[: one.start()] for route in KEYED for one in _VARIABLE.finditer(route.path)}
    assert before - PARAMETERS.keys() == set(), "say in PARAMETERS what stands there"


@pytest.mark.parametrize("route", OF_ONE, ids=name)
def test_to_a_stranger_it_is_not_there(house: House, route: Route) -> None:
    before = house.rows()
    reply = house.call(route, house.keys["stranger"])
    assert reply.status == 404, reply.json
    assert house.rows() == before


@pytest.mark.parametrize("route", OF_ALL, ids=name)
def test_a_stranger_s_lists_are_his_own(house: House, route: Route) -> None:
    reply = house.call(route, house.keys["stranger"])
    assert reply.status == (404 if route.path == "/v1/executions" else 200), reply.json
    if reply.status == 404:
        return
    said = str(reply.json)
    assert [one for one in house.made.known.values() if one.partition("_")[2] and one in said] == []
    owned = house.call(route, KEY)
    if isinstance(reply.json, dict) and owned.json != reply.json:
        total = reply.json.get("total", (reply.json.get("meta") or {}).get("total", 0))
        # The key that he calls with is his.
        assert total == (1 if route.path == "/v1/keys" else 0)


@pytest.mark.parametrize("route", [one for one in KEYED if one not in OF_ONE and writes(one)], ids=name)
def test_what_a_stranger_makes_is_his(house: House, route: Route) -> None:
    before = house.rows(DEFAULT_ACCOUNT)
    assert house.call(route, house.keys["stranger"]).status < 500
    assert house.rows(DEFAULT_ACCOUNT) == before


@pytest.mark.parametrize("route", KEYED, ids=name)
def test_a_key_that_may_only_read_changes_nothing(house: House, route: Route) -> None:
    before = house.rows()
    reply = house.call(route, house.keys["reader"])
    if writes(route) or route.scope != "read":
        assert reply.status == 403, reply.json
    else:
        assert reply.status in (200, 400), reply.json
    assert house.rows() == before


@pytest.mark.parametrize("route", [one for one in KEYED if one.path not in REPORTS], ids=name)
def test_a_key_for_beats_does_nothing_else(house: House, route: Route) -> None:
    before = house.rows()
    assert house.call(route, house.keys["beater"]).status == 403
    assert house.rows() == before


@pytest.mark.parametrize("route", KEYED, ids=name)
def test_nobody_gets_nothing(house: House, route: Route) -> None:
    before = house.rows()
    for key in (None, "tk_wrong" if route.method == "GET" and route.path == "/v1/jobs" else None):
        assert house.call(route, key).status == 401
    assert house.rows() == before


@pytest.mark.parametrize("route", [one for one in KEYED if not writes(one)], ids=name)
def test_the_owner_sees_all_of_it(house: House, route: Route) -> None:
    assert house.call(route, KEY).status in (200, 400)


def test_a_key_for_beats_reports_beats(house: House) -> None:
    """The last of this file: it changes what the others look at."""
    for route in (one for one in KEYED if one.path in REPORTS):
        assert house.call(route, house.keys["beater"]).status == 200
