"""Limits of an account, at every door: what is refused, in which words, and what stays as it is."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.contract.people import stranger
from tests.contract.watching import NOWHERE, monitor, rooster, rooster_monitor
from tests.support.browsing import Shown, owner
from tests.support.daemon import Harness, Reply, eventually
from tests.support.endpoint import Endpoint
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.limits import LimitsChange

JOB: dict[str, Any] = {"name": "new", "schedule": "0 0 1 1 *", "endpoint": "http://127.0.0.1:9/"}
MONITOR: dict[str, Any] = {"name": "new", "url": NOWHERE}
HEARTBEAT: dict[str, Any] = {"name": "new", "interval_secs": 3600}
BODIES = {"jobs": JOB, "monitors": MONITOR, "heartbeats": HEARTBEAT}
NOUNS = sorted(BODIES)

ROOSTERS: dict[str, dict[str, Any]] = {
    "http": {"name": "new", "url": NOWHERE},
    "json_api": {"name": "new", "monitor_type": "json_api", "url": NOWHERE},
    "ssl": {"name": "new", "monitor_type": "ssl", "ssl_domain": "example.com"},
    "heartbeat": {"name": "new", "monitor_type": "heartbeat"},
}


async def limited(tickd: Harness, **limits: Any) -> None:
    """Set limits of the owner's account."""
    await tickd.daemon.services.limits.set(DEFAULT_ACCOUNT, LimitsChange(**limits))


async def made(tickd: Harness, noun: str, name: str) -> Reply:
    """One more, on the native face."""
    return await tickd.call("POST", f"/v1/{noun}", BODIES[noun] | {"name": name})


async def used(tickd: Harness) -> dict[str, int]:
    """What the account says that it uses."""
    found: dict[str, int] = (await tickd.call("GET", "/v1/account")).json["use"]
    return found


def words(noun: str, most: int) -> str:
    return f"max_{noun}: this account may have {most or 'no'} {noun if most != 1 else noun[:-1]}"


@pytest.mark.parametrize("noun", NOUNS)
async def test_the_native_face_refuses_one_over_the_limit_with_402(tickd: Harness, noun: str) -> None:
    await limited(tickd, **{f"max_{noun}": 2})
    assert [(await made(tickd, noun, name)).status for name in "ab"] == [201, 201]
    refused = await made(tickd, noun, "c")
    assert (refused.status, refused.json) == (402, {"error": words(noun, 2)})
    assert (await used(tickd))[noun] == 2
    assert (await tickd.call("GET", f"/v1/{noun}")).json["total"] == 2


@pytest.mark.parametrize("noun", NOUNS)
async def test_nothing_is_limited_on_a_fresh_install(tickd: Harness, noun: str) -> None:
    assert [(await made(tickd, noun, f"number {number}")).status for number in range(25)] == [201] * 25
    limits = (await tickd.call("GET", "/v1/account")).json["limits"]
    assert limits.pop("retention_days") == 90
    assert set(limits.values()) == {None}


@pytest.mark.parametrize("noun", NOUNS)
async def test_two_at_once_do_not_both_get_the_last_place(tickd: Harness, noun: str) -> None:
    await limited(tickd, **{f"max_{noun}": 3})
    answers = await asyncio.gather(*(made(tickd, noun, f"at once {number}") for number in range(12)))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [402] * 9
    assert (await used(tickd))[noun] == 3


@pytest.mark.parametrize("noun", NOUNS)
async def test_a_limit_below_the_use_deletes_nothing_and_lets_it_be_edited(tickd: Harness, noun: str) -> None:
    made_ones = [(await made(tickd, noun, name)).json for name in "abc"]
    await limited(tickd, **{f"max_{noun}": 1})
    assert (await tickd.call("GET", f"/v1/{noun}")).json["total"] == 3
    path = f"/v1/{noun}/{made_ones[0]['id']}"
    assert (await tickd.call("PATCH", path, {"name": "renamed"})).status == 200
    assert (await tickd.call("POST", f"{path}/pause")).status == 200
    assert (await tickd.call("POST", f"{path}/resume")).status == 200
    assert (await made(tickd, noun, "d")).json == {"error": words(noun, 1)}
    # There is room again only when there are fewer than the limit.
    for one in made_ones:
        assert (await tickd.call("DELETE", f"/v1/{noun}/{one['id']}")).status == 204
    assert [(await made(tickd, noun, name)).status for name in "ef"] == [201, 402]


@pytest.mark.parametrize("noun", NOUNS)
async def test_of_none_there_can_be_none_and_none_is_no_limit(tickd: Harness, noun: str) -> None:
    await limited(tickd, **{f"max_{noun}": 0})
    assert (await made(tickd, noun, "a")).json == {"error": words(noun, 0)}
    await limited(tickd, **{f"max_{noun}": None})
    assert (await made(tickd, noun, "a")).status == 201


async def test_a_limit_is_one_account_s_own(tickd: Harness) -> None:
    key = await stranger(tickd)
    await limited(tickd, max_jobs=0, max_monitors=0, max_heartbeats=0, executions_per_month=0)
    for noun in NOUNS:
        reply = await tickd.call("POST", f"/v1/{noun}", BODIES[noun], key=key)
        assert reply.status == 201, reply.json
    job = (await tickd.call("GET", "/v1/jobs", key=key)).json["jobs"][0]
    assert (await tickd.call("POST", f"/v1/jobs/{job['id']}/run", key=key)).status == 202
    assert set((await used(tickd)).values()) == {0}


async def test_a_job_that_is_registered_again_takes_no_place(tickd: Harness) -> None:
    job = await tickd.job(**JOB)
    await limited(tickd, max_jobs=1)
    again = await tickd.call("POST", "/v1/jobs", JOB | {"schedule": "0 1 1 1 *"})
    assert (again.status, again.json["id"], again.json["schedule"]) == (200, job["id"], "0 1 1 1 *")
    assert (await made(tickd, "jobs", "another")).status == 402


@pytest.mark.parametrize("kind", ROOSTERS)
async def test_the_rooster_face_refuses_one_over_the_limit_with_403(tickd: Harness, kind: str) -> None:
    noun = "heartbeats" if kind == "heartbeat" else "monitors"
    await limited(tickd, **{f"max_{noun}": 1})
    assert (await rooster(tickd, "POST", "/monitors", ROOSTERS[kind])).status == 201
    refused = await rooster(tickd, "POST", "/monitors", ROOSTERS[kind])
    said = {"data": None, "error": words(noun, 1)}
    assert (refused.status, refused.json) == (403, said | {"detail": said})
    other = ROOSTERS["http" if kind == "heartbeat" else "heartbeat"]
    assert (await rooster(tickd, "POST", "/monitors", other)).status == 201


# The shortest interval.

TOO_SHORT = "min_interval_secs: the shortest interval of this account is 120 seconds"


async def test_a_monitor_s_interval_under_the_minimum_is_refused_where_it_is_set(tickd: Harness) -> None:
    old = await monitor(tickd, interval_secs=60)
    await limited(tickd, min_interval_secs=120)
    refused = await tickd.call("POST", "/v1/monitors", MONITOR | {"interval_secs": 119})
    assert (refused.status, refused.json) == (402, {"error": TOO_SHORT})
    path = f"/v1/monitors/{old['id']}"
    # What there is keeps its interval, also when it is said again, and may be edited otherwise.
    for change in ({"name": "other"}, {"interval_secs": 60, "tags": ["a"]}, {"status": "paused"}):
        reply = await tickd.call("PATCH", path, change)
        assert (reply.status, reply.json["interval_secs"]) == (200, 60)
    refused = await tickd.call("PATCH", path, {"interval_secs": 90, "name": "lost"})
    assert (refused.status, refused.json) == (402, {"error": TOO_SHORT})
    assert (await tickd.call("GET", path)).json["name"] == "other"
    assert (await tickd.call("PATCH", path, {"interval_secs": 120})).json["interval_secs"] == 120


@pytest.mark.parametrize(("least", "given"), [(None, 60), (30, 60), (61, 61), (86_400, 86_400)])
async def test_a_monitor_that_says_no_interval_gets_one_that_may_be(
    tickd: Harness, least: int | None, given: int
) -> None:
    await limited(tickd, min_interval_secs=least)
    assert (await monitor(tickd))["interval_secs"] == given
    assert (await rooster_monitor(tickd))["check_interval"] == given


async def test_the_operator_s_floor_stays_a_400(tickd: Harness) -> None:
    await limited(tickd, min_interval_secs=120)
    refused = await tickd.call("POST", "/v1/monitors", MONITOR | {"interval_secs": 29})
    assert (refused.status, refused.json) == (400, {"error": "interval_secs must be between 30 and 86400"})


def under(least: int) -> str:
    """What the rooster face says of a `check_interval` below the account's minimum."""
    return f"min_interval_secs: check_interval must be at least {least} seconds for this account"


@pytest.mark.parametrize("kind", ROOSTERS)
@pytest.mark.parametrize(
    ("least", "wrong", "over"),
    [
        (120, (119, 60, 59, 0, -1), {301: "between 120 and 300", 1 << 70: "between 120 and 300"}),
        (600, (599, 300, 60, 59), {601: "600", 86_400: "600"}),
    ],
)
async def test_a_check_interval_is_of_one_range_whatever_the_account_s_minimum(
    tickd: Harness, kind: str, least: int, wrong: tuple[int, ...], over: dict[int, str]
) -> None:
    old = (await rooster(tickd, "POST", "/monitors", ROOSTERS[kind])).json["data"]
    await limited(tickd, min_interval_secs=least)
    doors = (("POST", "/monitors"), ("PUT", f"/monitors/{old['id']}"), ("PATCH", f"/monitors/{old['id']}"))
    for method, path in doors:
        # The 60 that it has may be sent back; a new one may not say it.
        for value in (one for one in wrong if method == "POST" or one != 60):
            refused = await rooster(tickd, method, path, ROOSTERS[kind] | {"check_interval": value})
            said = {"data": None, "error": under(least)}
            assert (refused.status, refused.json) == (403, said | {"detail": said})
        for value, words_of_range in over.items():
            refused = await rooster(tickd, method, path, ROOSTERS[kind] | {"check_interval": value})
            sentence = f"check_interval must be {words_of_range} seconds"
            assert (refused.status, refused.json["error"]) == (422, sentence)
        taken = await rooster(tickd, method, path, ROOSTERS[kind] | {"check_interval": least})
        assert taken.json["data"]["check_interval"] == least


def _settings(monitor: dict[str, Any]) -> dict[str, Any]:
    """What of a monitor no check changes: the first one is made meanwhile."""
    seen = {"status", "uptime_percent", "checks_total", "checks_failed", "ssl_expiry", "ssl_issuer"}
    return {
        name: value for name, value in monitor.items() if name not in seen and not name.startswith("last_")
    }


@pytest.mark.parametrize("kind", ROOSTERS)
@pytest.mark.parametrize("least", [120, 600])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_monitor_as_it_was_read_may_always_be_sent_back(
    tickd: Harness, kind: str, least: int, method: str
) -> None:
    made = (await rooster(tickd, "POST", "/monitors", ROOSTERS[kind])).json["data"]
    noun = "heartbeats" if kind == "heartbeat" else "monitors"
    field = "check_interval_secs" if kind == "heartbeat" else "interval_secs"
    path = f"/monitors/{made['id']}"
    # Set before the limit was raised, and on the other face, whose range is wider.
    for before in (60, 3600):
        await limited(tickd, min_interval_secs=None)
        await tickd.call("PATCH", f"/v1/{noun}/{made['id']}", {field: before})
        await limited(tickd, min_interval_secs=least)
        read = (await rooster(tickd, "GET", path)).json["data"]
        assert read["check_interval"] == before
        sent = {name: value for name, value in read.items() if value is not None}
        back = await rooster(tickd, method, path, sent | {"name": f"edited {before}"})
        assert (back.status, back.json["error"]) == (200, None)
        assert _settings(back.json["data"]) | {"name": read["name"]} == _settings(read)


@pytest.mark.parametrize("kind", ROOSTERS)
@pytest.mark.parametrize(("least", "given"), [(None, 60), (30, 60), (120, 120), (600, 600)])
async def test_who_says_no_check_interval_gets_one_that_may_be(
    tickd: Harness, kind: str, least: int | None, given: int
) -> None:
    await limited(tickd, min_interval_secs=least)
    made = await rooster(tickd, "POST", "/monitors", ROOSTERS[kind])
    assert (made.status, made.json["data"]["check_interval"]) == (201, given)


async def test_the_period_of_a_heartbeat_may_be_as_short_as_it_likes(tickd: Harness) -> None:
    await limited(tickd, min_interval_secs=3600)
    assert (await tickd.call("POST", "/v1/heartbeats", HEARTBEAT | {"interval_secs": 60})).status == 201
    body = ROOSTERS["heartbeat"] | {"heartbeat_interval": 60}
    assert (await rooster(tickd, "POST", "/monitors", body)).status == 201


async def test_a_schedule_that_is_too_dense_is_refused_where_it_is_set(tickd: Harness) -> None:
    old = await tickd.job(name="old", schedule="*/2 * * * *")
    await limited(tickd, min_interval_secs=300)
    said = "min_interval_secs: the runs of a job in this account must be at least 300 seconds apart; "
    for schedule, gap in (("* * * * *", 60), ("0,4 2 * * *", 240), ("58 23 * * *", 0), ("0,57 * * * *", 180)):
        refused = await tickd.call("POST", "/v1/jobs", JOB | {"schedule": schedule})
        if not gap:
            assert refused.status == 201
            continue
        assert (refused.status, refused.json) == (
            402,
            {"error": f"{said}this schedule has runs {gap} seconds apart"},
        )
    path = f"/v1/jobs/{old['id']}"
    for change in ({"description": "still there"}, {"schedule": "*/2 * * * *", "timeout_secs": 5}):
        assert (await tickd.call("PATCH", path, change)).status == 200
    assert (
        await tickd.call("POST", "/v1/jobs", JOB | {"name": "old", "schedule": "*/2 * * * *"})
    ).status == 200
    assert (await tickd.call("PATCH", path, {"schedule": "*/4 * * * *"})).status == 402
    assert (
        await tickd.call("POST", "/v1/jobs", JOB | {"name": "old", "schedule": "*/4 * * * *"})
    ).status == 402
    assert (await tickd.call("PATCH", path, {"schedule": "*/5 * * * *"})).status == 200


async def test_a_short_day_makes_no_daily_schedule_too_dense(tickd: Harness) -> None:
    await limited(tickd, min_interval_secs=86_400)
    zone = {"timezone": "America/New_York"}  # whose 8 March, in five days, has 23 hours
    assert (await tickd.call("POST", "/v1/jobs", JOB | zone | {"schedule": "0 12 * * *"})).status == 201


# Runs.

USED_UP = "executions_per_month: this account may have 2 runs a month, and this month's are used up"


async def ended(tickd: Harness, job: dict[str, Any]) -> list[str]:
    """How the job's runs ended, once all of them have."""

    async def all_ended() -> list[str]:
        runs = await tickd.executions(job["id"])
        return [one["status"] for one in runs] if all(one["finished_at"] for one in runs) else []

    found: list[str] = await eventually(all_ended)
    return found


async def test_runs_by_hand_over_the_limit_are_refused_and_leave_no_row(
    tickd: Harness, endpoint: Endpoint
) -> None:
    job = await tickd.job(**JOB | {"endpoint": endpoint.url, "overlap": "allow"})
    await limited(tickd, executions_per_month=2)
    path = f"/v1/jobs/{job['id']}"
    answers = await asyncio.gather(*(tickd.call("POST", f"{path}/run") for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [202] * 2 + [402] * 6
    assert {answer.json["error"] for answer in answers if answer.status == 402} == {USED_UP}
    refused = await tickd.call("POST", f"{path}/trigger")
    assert (refused.status, refused.json) == (402, {"error": USED_UP})
    assert await ended(tickd, job) == ["success"] * 2
    assert (await used(tickd))["executions_this_month"] == 2
    # What was used stays used when the job and its history are gone.
    assert (await tickd.call("DELETE", path)).status == 204
    assert (await used(tickd))["executions_this_month"] == 2
    await limited(tickd, executions_per_month=3)
    other = await tickd.job(**JOB | {"endpoint": endpoint.url})
    assert (await tickd.call("POST", f"/v1/jobs/{other['id']}/run")).status == 202
    assert await ended(tickd, other) == ["success"]


# The dashboard.

FORMS: dict[str, tuple[str, dict[str, str]]] = {
    "jobs": ("/jobs/new", {"name": "typed by hand", "schedule": "0 0 1 1 *", "endpoint": "http://a.test/"}),
    "monitors": ("/monitors/new", {"name": "typed by hand", "type": "http", "url": "http://a.test/"}),
    "heartbeats": (
        "/heartbeats/new",
        {"name": "typed by hand", "rhythm": "interval", "interval_secs": "3600"},
    ),
}


def on_page(message: str) -> str:
    """A refusal as pages say it: without the name of the limit, as a sentence of its own."""
    sentence = message.partition(": ")[2]
    return f"{sentence[0].upper()}{sentence[1:]}."


def refused_form(shown: Shown, message: str) -> None:
    """A page with what was typed and why it was refused."""
    assert shown.status == 422
    assert on_page(message) in shown.words
    assert 'value="typed by hand"' in shown.text


@pytest.mark.parametrize("noun", NOUNS)
async def test_the_form_says_the_limit_and_keeps_what_was_typed(tickd: Harness, noun: str) -> None:
    path, values = FORMS[noun]
    first = (await made(tickd, noun, "first")).json
    await limited(tickd, **{f"max_{noun}": 1})
    async with owner(tickd) as me:
        refused_form(await me.send(path, values, page=path), words(noun, 1))
        copy = f"{path}?from={first['id']}"
        assert (await me.get(copy)).status == 200
        refused_form(await me.send(path, values, page=copy), words(noun, 1))
        await limited(tickd, **{f"max_{noun}": 2})
        assert (await me.send(path, values, page=path)).status == 303


async def test_the_forms_say_the_shortest_interval(tickd: Harness) -> None:
    await limited(tickd, min_interval_secs=120)
    async with owner(tickd) as me:
        path, values = FORMS["monitors"]
        refused_form(await me.send(path, values | {"interval_secs": "90"}, page=path), TOO_SHORT)
        path, values = FORMS["jobs"]
        dense = values | {"schedule": "* * * * *"}
        said = "min_interval_secs: the runs of a job in this account must be at least 120 seconds apart; "
        refused_form(await me.send(path, dense, page=path), f"{said}this schedule has runs 60 seconds apart")


async def test_the_run_button_says_the_limit(tickd: Harness, endpoint: Endpoint) -> None:
    job = await tickd.job(**JOB | {"endpoint": endpoint.url})
    await limited(tickd, executions_per_month=0)
    message = "executions_per_month: this account may have no runs"
    sentence = on_page(message)
    async with owner(tickd) as me:
        shown = await me.send(f"/jobs/{job['id']}/run")
        assert (shown.status, sentence in shown.words) == (402, True)
        chosen = {"item": job["id"], "do": "run"}
        assert sentence[1:-1] in (await me.send("/bulk", chosen, follow=True)).words
    assert await tickd.executions(job["id"]) == []


# What is said about it.


async def metric(tickd: Harness) -> dict[str, float]:
    """How many accounts have no room left, by the limit."""
    async with tickd._session.get(tickd.url + "/metrics") as answer:
        lines = (await answer.text()).splitlines()
    prefix = "tickd_accounts_at_limit{limit="
    pairs = (line.removeprefix(prefix).split("} ") for line in lines if line.startswith(prefix))
    return {json.loads(name): float(value) for name, value in pairs}


async def test_the_metrics_count_accounts_without_room(tickd: Harness) -> None:
    empty = dict.fromkeys(
        ("max_jobs", "max_monitors", "max_heartbeats", "executions_per_month", "verifications_per_month"), 0.0
    )
    await stranger(tickd)
    assert await metric(tickd) == empty
    await limited(tickd, max_jobs=1, max_monitors=1, executions_per_month=0)
    assert await metric(tickd) == empty | {"executions_per_month": 1.0}
    await made(tickd, "jobs", "a")
    assert await metric(tickd) == empty | {"executions_per_month": 1.0, "max_jobs": 1.0}
