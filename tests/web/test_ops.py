"""What operators ask: the process, its readiness, its metrics."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.mailing import BROKEN, NO_MX, NOWHERE, NULL_MX, verifying
from tests.support.daemon import Harness, eventually
from tests.support.endpoint import Endpoint
from tickd import __version__
from tickd.errors import Unavailable
from tickd.loops.runner import BACKOFF_SECS
from tickd.services.health import Health
from tickd.store.volume import Volume


async def test_healthz(tickd: Harness) -> None:
    reply = await tickd.call("GET", "/healthz", key=None)
    assert (reply.status, reply.json) == (200, {"status": "ok", "version": __version__})


async def test_readyz_when_all_is_well(tickd: Harness) -> None:
    reply = await tickd.call("GET", "/readyz", key=None)
    assert (reply.status, reply.json) == (200, {"status": "ready", "faults": [], "warnings": []})


@pytest.fixture
async def health(tickd: Harness) -> Health:
    found = tickd.daemon.services.health

    async def begun() -> bool:
        return all(loop.ticks for loop in found.loops)

    await eventually(begun)
    return found


def faults_of(health: Health) -> list[tuple[object, dict[str, object], str]]:
    """What can be wrong: with which part, how, and the sentence for it."""
    writer = health._db._writer
    monotonic = health._clock.monotonic()
    loops = {loop.name: loop for loop in health.loops}
    stuck: dict[str, object] = {"ticking_since": monotonic - 121}
    locked = {"failing_since": 1, "last_error": "the database is locked"}
    return [
        (health, {"accepting": False}, "tickd is starting or stopping"),
        (writer, {"_last_error": "the disk is full"}, "the database can't be written: the disk is full"),
        (writer, {"_dead": True}, "the database writer does not run"),
        (loops["cron"], {"alive": False}, "the cron loop does not run"),
        (loops["uptime"], stuck, "the uptime loop has been at one tick for 121 s"),
        (loops["expiry"], locked, "the expiry loop fails: the database is locked"),
        (health.witness, {"last_lag_secs": 1.26}, "the event loop stalled for 1.3 s"),
    ]


def hurt(patch: pytest.MonkeyPatch, part: object, values: dict[str, object]) -> None:
    for name, value in values.items():
        patch.setattr(part, name, value)


async def test_readyz_says_each_fault(
    tickd: Harness, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part, values, sentence in faults_of(health):
        with monkeypatch.context() as patch:
            hurt(patch, part, values)
            reply = await tickd.call("GET", "/readyz", key=None)
            assert (reply.status, reply.json["status"]) == (503, "not ready")
            assert reply.json["faults"] == [sentence]
            assert reply.headers["Retry-After"] == "5"
            assert (await tickd.call("GET", "/healthz", key=None)).status == 200
        assert (await tickd.call("GET", "/readyz", key=None)).status == 200


async def test_readyz_says_all_faults_at_once(
    tickd: Harness, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = faults_of(health)
    with monkeypatch.context() as patch:
        for part, values, _ in faults:
            hurt(patch, part, values)
        reply = await tickd.call("GET", "/readyz", key=None)
    assert reply.json["faults"] == [sentence for *_, sentence in faults]


async def test_a_loop_that_fails_shows_and_recovers(
    tickd: Harness, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_now: int) -> None:
        raise OSError("secret detail")

    cron = tickd.daemon.loops[0]
    with monkeypatch.context() as patch:
        patch.setattr(cron, "_tick", broken)
        cron.wake()

        async def failing() -> bool:
            return bool(health.faults())

        await eventually(failing)
    reply = await tickd.call("GET", "/readyz", key=None)
    assert reply.json["faults"] == ["the cron loop fails: OSError"]
    assert value(await metrics(tickd), "tickd_ready") == 0
    await tickd.clock.advance(1.0)

    async def ready() -> bool:
        return (await tickd.call("GET", "/readyz", key=None)).status == 200

    await eventually(ready)
    assert value(await metrics(tickd), "tickd_loop_errors_total", loop="cron") == 1


async def test_a_loop_that_a_full_disk_has_stopped_goes_on_as_soon_as_there_is_room(
    tickd: Harness, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, cron = tickd.daemon._database._writer, tickd.daemon.loops[0]

    async def full(_now: int) -> None:
        raise Unavailable("the disk is full")

    async def failed(count: int) -> None:
        async def so() -> bool:
            return cron.state.errors == count and cron.state.ticking_since is None

        await eventually(so)

    with monkeypatch.context() as patch:
        patch.setattr(cron, "_tick", full)
        cron.wake()
        for count in range(1, 7):
            await failed(count)
            if count < 6:
                await tickd.clock.advance(BACKOFF_SECS[min(count, len(BACKOFF_SECS)) - 1])
    # It would rest for half a minute now.
    monkeypatch.setattr(writer, "_last_error", "the disk is full")

    async def ready() -> bool:
        await tickd.clock.advance(1.0)
        return (await tickd.call("GET", "/readyz", key=None)).status == 200

    begun = tickd.clock.monotonic()
    await eventually(ready)
    assert tickd.clock.monotonic() - begun < BACKOFF_SECS[-1] / 2


async def scrape(tickd: Harness) -> str:
    async with tickd._session.get(tickd.url + "/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        return await answer.text()


async def metrics(tickd: Harness) -> list[Metric]:
    return list(text_string_to_metric_families(await scrape(tickd)))


def value(families: list[Metric], name: str, **labels: str) -> float:
    """The one sample of that name and these labels."""
    samples = [one for family in families for one in family.samples]
    (found,) = [one.value for one in samples if one.name == name and one.labels == labels]
    return found


async def test_metrics_are_what_prometheus_reads(tickd: Harness) -> None:
    await tickd.job()
    families = await metrics(tickd)
    samples = [(one.name, tuple(sorted(one.labels.items()))) for family in families for one in family.samples]
    assert len(samples) == len(set(samples))
    for family in families:
        assert family.name.startswith(("tickd_", "process_", "python_gc_"))
        assert family.documentation.endswith("."), family.name
    assert len({family.documentation for family in families}) == len(families)
    assert value(families, "tickd_info", version=__version__) == 1
    assert value(families, "tickd_ready") == 1
    assert value(families, "tickd_jobs", status="active") == 1
    assert value(families, "tickd_start_time_seconds") == 1_772_539_200
    assert value(families, "tickd_store_commits_total") > 0


async def test_metrics_tell_what_name_servers_said(tmp_path: Path) -> None:
    async with verifying(tmp_path / "tickd.db") as (tickd, _):
        families = await metrics(tickd)
        for result in ("some", "none", "null", "no_domain", "failed"):
            assert value(families, "tickd_dns_mx_lookups_total", result=result) == 0
        for domain in ("x-mail.com", NO_MX, NULL_MX, NOWHERE, BROKEN, NO_MX, "y-mail.com"):
            await tickd.call("POST", "/v1/verify", {"email": f"ann@{domain}"})
        families = await metrics(tickd)
    for result, count in (("some", 2), ("none", 1), ("null", 1), ("no_domain", 1), ("failed", 1)):
        assert value(families, "tickd_dns_mx_lookups_total", result=result) == count
    assert value(families, "tickd_dns_mx_remembered_total") == 1


def bounds(family: Metric) -> list[str]:
    """The upper bounds of a histogram, as they are written."""
    return [one.labels["le"] for one in family.samples if one.name.endswith("_bucket")]


async def test_histograms_are_sound(tickd: Harness, endpoint: Endpoint) -> None:
    await fire(tickd, endpoint, minutes=2)
    histograms = [family for family in await metrics(tickd) if family.type == "histogram"]
    used = {"tickd_firing_lateness_seconds", "tickd_loop_lag_seconds", "tickd_store_commit_seconds"}
    assert used <= {family.name for family in histograms}
    # By route there are as many as routes that were called, each with the same bounds.
    for family in (one for one in histograms if one.name != "tickd_http_request_seconds"):
        written = bounds(family)
        assert written[-1] == "+Inf"
        assert "inf" not in written
        numbers = [float(bound) for bound in written]
        assert numbers == sorted(set(numbers)), family.name
        counts = [one.value for one in family.samples if one.name.endswith("_bucket")]
        assert counts == sorted(counts), family.name
        assert value([family], family.name + "_count") == counts[-1]
        assert value([family], family.name + "_sum") >= 0
        assert counts[-1] > 0 or family.name not in used, family.name


async def fire(tickd: Harness, endpoint: Endpoint, *, minutes: int) -> None:
    """Let a job of every minute run for so long."""
    job = await tickd.job(endpoint=endpoint.url)
    for number in range(minutes):
        await tickd.clock.advance(60.0)

        async def ended(number: int = number) -> bool:
            fates = [one["status"] for one in await tickd.executions(job["id"])]
            return fates == ["success"] * (number + 1)

        await eventually(ended)


async def test_the_ledger_is_always_whole(tickd: Harness, endpoint: Endpoint) -> None:
    await fire(tickd, endpoint, minutes=3)
    await tickd.job(name="late", endpoint=endpoint.url, catch_up="none", schedule="* * * * *")
    # Ten minutes in which nothing ran: the daemon's own clock was set forward.
    tickd.clock.step(600_000)
    await tickd.clock.advance(60.0)

    async def caught_up() -> bool:
        return value(await metrics(tickd), "tickd_occurrences_scheduled_total") == 3 + 11 + 11

    await eventually(caught_up)
    families = await metrics(tickd)
    assert value(families, "tickd_occurrences_accounted_total") == 25
    assert value(families, "tickd_occurrences_unaccounted") == 0
    assert value(families, "tickd_jobs_overdue") == 0
    assert value(families, "tickd_clock_steps_total") == 1


async def test_metrics_count_what_is_open_and_what_has_ended(tickd: Harness, endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    endpoint.statuses = [500]
    job = await tickd.job(endpoint=endpoint.url, overlap="queue", schedule="0 2 * * *")
    for _ in range(2):
        await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")

    async def called() -> bool:
        return bool(endpoint.calls)

    await eventually(called)
    families = await metrics(tickd)
    assert value(families, "tickd_executions_open", status="running") == 1
    assert value(families, "tickd_executions_open", status="pending") == 1
    assert value(families, "tickd_calls_in_flight") == 1
    endpoint.gate.set()

    async def ended() -> bool:
        return value(await metrics(tickd), "tickd_executions_finished_total", status="success") == 1

    await eventually(ended)
    families = await metrics(tickd)
    assert value(families, "tickd_executions_finished_total", status="failed") == 1
    assert value(families, "tickd_executions_open", status="running") == 0


async def test_metrics_tell_of_alerts_that_wait_and_that_were_sent(
    tickd: Harness, endpoint: Endpoint
) -> None:
    endpoint.status = 503
    made = await tickd.call("POST", "/v1/channels", {"name": "a", "kind": "webhook", "url": endpoint.url})
    assert made.status == 201
    beat = (await tickd.call("POST", "/v1/heartbeats", {"name": "backup"})).json
    await tickd.call("POST", f"/p/{beat['token']}/fail", key=None)

    async def counted(name: str, wanted: float, **labels: str) -> list[Metric]:
        async def so() -> list[Metric]:
            families = await metrics(tickd)
            return families if value(families, name, **labels) == wanted else []

        families: list[Metric] = await eventually(so)
        return families

    await counted("tickd_alerts_total", 1, outcome="retrying")
    # A counter is read after the file is: within one answer it may be ahead of what waits.
    families = await counted("tickd_alerts_waiting", 1, state="retrying")
    assert value(families, "tickd_incidents_open") == 1
    assert value(families, "tickd_alerts_waiting", state="queued") == 0
    assert value(families, "tickd_alert_oldest_seconds") == 0
    assert value(families, "tickd_alert_lateness_seconds_count") == 0

    endpoint.status = 200
    endpoint.gate.clear()
    await tickd.clock.advance(30)
    families = await counted("tickd_deliveries_in_flight", 1)
    assert value(families, "tickd_alert_oldest_seconds") == 30
    endpoint.gate.set()
    await counted("tickd_alerts_total", 1, outcome="sent")
    await counted("tickd_alert_oldest_seconds", 0)
    families = await counted("tickd_alerts_waiting", 0, state="retrying")
    assert value(families, "tickd_alert_lateness_seconds_count") == 1
    assert value(families, "tickd_alert_lateness_seconds_sum") == 30
    await tickd.call("POST", f"/p/{beat['token']}", key=None)
    await counted("tickd_incidents_open", 0)


async def test_readyz_warns_of_what_keeps_nobody_from_anything(
    tickd: Harness, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nearly_full() -> Volume:
        return Volume(1, 1, 5 << 20)

    async def dead() -> tuple[int, int]:
        raise Unavailable("the disk under the database reports an error")

    with monkeypatch.context() as patch:
        patch.setattr(health._db, "volume", nearly_full)
        patch.setattr(health.network, "blind_since", tickd.clock.now() - 7_000)
        reply = await tickd.call("GET", "/readyz", key=None)
    assert (reply.status, reply.json["faults"]) == (200, [])
    assert reply.json["warnings"] == [
        "tickd's own network has been lost for 7 s",
        "the disk under the database has 5 MiB left",
    ]
    with monkeypatch.context() as patch:
        patch.setattr(health._db, "size", dead)
        reply = await tickd.call("GET", "/readyz", key=None)
    assert (reply.status, reply.json["warnings"]) == (503, [])
    assert reply.json["faults"] == [
        "the database can't be read: the disk under the database reports an error"
    ]
