"""Metrics for Prometheus: of the daemon as a whole, and of each subject of an account."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric

from tickd.web.answers import Answer
from tickd.web.metrics import (
    accounts,
    alerts,
    backups,
    daemon,
    heartbeats,
    jobs,
    monitors,
    process,
    requests,
    store,
    subjects,
    verification,
)
from tickd.web.routes import Call, Route
from tickd.web.traffic import TRAFFIC


async def metrics(call: Call) -> Answer:
    """`GET /metrics`, in Prometheus' text format."""
    families = await _families(call)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    return Answer(generate_latest(registry), content_type="text/plain")


class _Families:
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


async def _families(call: Call) -> list[Metric]:
    services, health = call.services, call.services.health
    return [
        *jobs.of_ledger(await health.ledger()),
        *jobs.of_firing(health),
        *monitors.of_checking(health),
        *heartbeats.of_waiting(health, await health.heartbeat_states()),
        *alerts.of_telling(health, await health.outbox()),
        *verification.of_verifying(health),
        accounts.of_limits(await services.limits.reached()),
        *daemon.of_daemon(health),
        *daemon.of_own_heartbeat(services.own_heartbeat),
        daemon.of_listeners(services),
        *backups.of_backups(services.backups),
        *store.of_writer(health),
        *await store.of_volume(health),
        *requests.of_traffic(call.request.app[TRAFFIC]),
        *process.of_process(),
    ]


ROUTES = (
    Route("GET", "/metrics", metrics, "Metrics for Prometheus", {200: None}, scope=None, documented=False),
    Route(
        "GET",
        "/v1/metrics",
        subjects.subject_metrics,
        "Metrics of each subject",
        {200: None},
        also=("text/plain",),
    ),
)
