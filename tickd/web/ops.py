"""What operators ask: `/healthz`, `/readyz`, `/metrics` and the OpenAPI document."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args

from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from tickd import __version__
from tickd.domain.alerts import WAITING
from tickd.domain.checks import STATUSES
from tickd.domain.histogram import Histogram
from tickd.domain.verification import Exchange
from tickd.services.health import Health, Ledger, Outbox
from tickd.web import openapi
from tickd.web.answers import Answer
from tickd.web.routes import Call, Handler, Route


class Healthy(Struct):
    """The process runs."""

    status: str
    version: str


class Readiness(Struct):
    """Whether the daemon does its work, and what keeps it from it."""

    status: str
    faults: list[str]


async def healthz(_call: Call) -> Answer:
    """`GET /healthz`"""
    return Answer(Healthy("ok", __version__))


async def readyz(call: Call) -> Answer:
    """`GET /readyz`: 503 with the reasons where the daemon can't do its work."""
    faults = call.services.health.faults()
    if faults:
        return Answer(Readiness("not ready", faults), 503, {"Retry-After": "5"})
    return Answer(Readiness("ready", []))


async def metrics(call: Call) -> Answer:
    """`GET /metrics`, in Prometheus' text format."""
    health = call.services.health
    ledger = await health.ledger()
    states = await health.heartbeat_states()
    families = [*_ledger(ledger), *_firing(health), *_checking(health), *_waiting(health, states)]
    families += [*_telling(health, await health.outbox()), *_verifying(health), *_daemon(health)]
    families.append(_limits(await call.services.limits.reached()))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    return Answer(generate_latest(registry), content_type="text/plain")


class _Families:
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)


def _counter(name: str, words: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, words, value=value)


def _labelled(
    kind: type[GaugeMetricFamily] | type[CounterMetricFamily],
    name: str,
    words: str,
    label: str,
    values: dict[str, Any],
) -> Metric:
    family = kind(name, words, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family


def _histogram(name: str, words: str, histogram: Histogram) -> HistogramMetricFamily:
    buckets: list[Any] = histogram.cumulative()
    return HistogramMetricFamily(name, words, buckets=buckets, sum_value=histogram.total)


def _ledger(ledger: Ledger) -> Iterator[Metric]:
    yield _labelled(GaugeMetricFamily, "tickd_jobs", "Jobs by status.", "status", ledger.jobs)
    yield _counter(
        "tickd_occurrences_scheduled",
        "Occurrences that the schedules of all jobs have had.",
        ledger.scheduled,
    )
    yield _counter("tickd_occurrences_accounted", "Occurrences that have their row.", ledger.accounted)
    yield _gauge(
        "tickd_occurrences_unaccounted",
        "Occurrences without a row; always 0.",
        ledger.scheduled - ledger.accounted,
    )
    yield _gauge("tickd_jobs_overdue", "Jobs that are due for over 10 s; 0 when well.", ledger.overdue_jobs)
    yield _labelled(
        GaugeMetricFamily,
        "tickd_executions_open",
        "Executions that have not ended, by status.",
        "status",
        {"pending": 0, "running": 0} | ledger.open_executions,
    )
    yield _gauge(
        "tickd_executions_deferred",
        "Pending executions that wait for what their job requires.",
        ledger.deferred_executions,
    )


def _limits(reached: dict[str, int]) -> Metric:
    words = "Accounts that have reached a limit, by the limit."
    return _labelled(GaugeMetricFamily, "tickd_accounts_at_limit", words, "limit", reached)


def _firing(health: Health) -> Iterator[Metric]:
    firing = health.firing
    yield _labelled(
        CounterMetricFamily,
        "tickd_executions_finished",
        "Executions that ended since the start, by status.",
        "status",
        {"success": 0, "failed": 0, "timeout": 0} | firing.finished,
    )
    yield _counter("tickd_retries", "Attempts that were followed by another since the start.", firing.retries)
    yield _gauge("tickd_calls_in_flight", "Job calls under way.", firing.in_flight)
    yield _gauge("tickd_calls_waiting", "Recorded runs that wait for a free place.", firing.waiting)
    yield _histogram("tickd_firing_lateness_seconds", "How late scheduled runs began.", firing.lateness)


def _checking(health: Health) -> Iterator[Metric]:
    checking = health.checking
    states = dict.fromkeys(("pending", "up", "degraded", "down", "paused"), 0) | checking.states()
    yield _labelled(GaugeMetricFamily, "tickd_monitors", "Monitors by state.", "state", states)
    checks = dict.fromkeys(STATUSES, 0) | checking.checked
    yield _labelled(
        CounterMetricFamily, "tickd_checks", "Checks recorded since the start, by status.", "status", checks
    )
    yield _gauge("tickd_checks_in_flight", "Checks under way.", checking.in_flight)
    yield _gauge("tickd_checks_waiting", "Checks that are due and wait for a free place.", checking.waiting)
    yield _histogram("tickd_check_lateness_seconds", "How late due checks began.", checking.lateness)
    yield _gauge("tickd_history_waiting", "Checks that are not on disk yet.", health.history.waiting)
    yield _counter(
        "tickd_history_dropped",
        "Checks lost since the start: the disk refused them for too long.",
        health.history.dropped,
    )
    yield _gauge(
        "tickd_blind", "1 while our own network is lost.", 0 if health.network.blind_since is None else 1
    )
    yield _gauge(
        "tickd_blind_seconds", "For how long our own network has been lost; 0 when well.", health.blind_secs
    )


def _waiting(health: Health, states: dict[str, int]) -> Iterator[Metric]:
    expiry, pinging = health.expiry, health.expiry.pinging
    shown = dict.fromkeys(("pending", "up", "late", "degraded", "down", "paused"), 0) | states
    yield _labelled(GaugeMetricFamily, "tickd_heartbeats", "Heartbeats by state.", "state", shown)
    kinds = dict.fromkeys(("success", "start", "fail", "log", "paused"), 0) | pinging.taken
    yield _labelled(
        CounterMetricFamily, "tickd_pings", "Pings taken since the start, by kind.", "kind", kinds
    )
    reasons = dict.fromkeys(("address", "rate", "unavailable"), 0) | pinging.refused
    yield _labelled(
        CounterMetricFamily, "tickd_pings_refused", "Pings refused since the start.", "reason", reasons
    )
    yield _counter("tickd_heartbeat_misses", "Silences that became a miss since the start.", expiry.misses)
    yield _counter(
        "tickd_deadlines_moved",
        "Deadlines put off since the start, because tickd could not hear a ping.",
        expiry.moved,
    )
    yield _histogram("tickd_expiry_lateness_seconds", "How late silences became misses.", expiry.lateness)


def _telling(health: Health, outbox: Outbox) -> Iterator[Metric]:
    delivery = health.delivery
    yield _gauge("tickd_incidents_open", "Incidents that are open.", outbox.open_incidents)
    waiting = dict.fromkeys(WAITING, 0) | outbox.waiting
    yield _labelled(
        GaugeMetricFamily, "tickd_alerts_waiting", "Alerts that wait, by state.", "state", waiting
    )
    yield _gauge(
        "tickd_alert_oldest_seconds",
        "How long the oldest alert waits that should have been sent; 0 when well.",
        outbox.oldest_secs,
    )
    outcomes = dict.fromkeys(("sent", "retrying", "failed"), 0) | delivery.sent
    yield _labelled(
        CounterMetricFamily,
        "tickd_alerts",
        "Alerts since the start, by what became of them; retrying counts attempts.",
        "outcome",
        outcomes,
    )
    yield _gauge("tickd_deliveries_in_flight", "Channels that are sent to now.", delivery.in_flight)
    yield _histogram(
        "tickd_alert_lateness_seconds", "How long after they were due alerts were taken.", delivery.lateness
    )


def _verifying(health: Health) -> Iterator[Metric]:
    results = dict.fromkeys((*get_args(Exchange), "failed"), 0) | health.exchanges.asked
    yield _labelled(
        CounterMetricFamily,
        "tickd_dns_mx_lookups",
        "Domains whose MX records were asked for since the start, by what came of it.",
        "result",
        results,
    )
    yield _counter(
        "tickd_dns_mx_remembered",
        "Questions for MX records since the start that were answered from memory.",
        health.exchanges.remembered,
    )


def _daemon(health: Health) -> Iterator[Metric]:
    info = GaugeMetricFamily("tickd_info", "The version that runs.", labels=["version"])
    info.add_metric([__version__], 1)
    yield info
    yield _gauge("tickd_start_time_seconds", "When the daemon started.", health.started_at / 1000)
    yield _gauge("tickd_ready", "1 when /readyz says ready.", 0 if health.faults() else 1)
    yield _histogram(
        "tickd_loop_lag_seconds", "Lag of the event loop, once a second.", health.witness.loop_lag
    )
    yield _counter("tickd_clock_steps", "Steps of the wall clock since the start.", health.witness.steps)
    loops = {loop.name: loop for loop in health.loops}
    for name, words, values in (
        ("tickd_loop_ticks", "Ticks that went well.", {name: loop.ticks for name, loop in loops.items()}),
        ("tickd_loop_errors", "Ticks that failed.", {name: loop.errors for name, loop in loops.items()}),
    ):
        yield _labelled(CounterMetricFamily, name, words, "loop", values)
    late = {name: loop.late_secs for name, loop in loops.items()}
    yield _labelled(GaugeMetricFamily, "tickd_loop_late_seconds", "Lateness of the last tick.", "loop", late)
    yield from _writer(health)


def _writer(health: Health) -> Iterator[Metric]:
    stats = health.writer
    yield _counter("tickd_store_units", "Units of work committed.", stats.units)
    yield _counter("tickd_store_failed_units", "Units of work answered with an error.", stats.failed_units)
    yield _counter("tickd_store_commits", "Commits.", stats.commits)
    yield _counter("tickd_store_failed_batches", "Batches that could not be committed.", stats.failed_batches)
    waiting = {"urgent": stats.urgent_waiting, "lazy": stats.lazy_waiting}
    yield _labelled(GaugeMetricFamily, "tickd_store_waiting", "Units that wait, by lane.", "lane", waiting)
    buckets: list[Any] = [
        ("+Inf" if bound == math.inf else str(bound), count) for bound, count in stats.commit_histogram
    ]
    yield HistogramMetricFamily(
        "tickd_store_commit_seconds",
        "How long commits took.",
        buckets=buckets,
        sum_value=stats.total_commit_secs,
    )


def _openapi(routes: Callable[[], list[Route]], base_url: Callable[[], str]) -> Handler:
    async def describe(_call: Call) -> Answer:
        """`GET /v1/openapi.json`"""
        return Answer(openapi.document(routes(), base_url()))

    return describe


def routes(all_routes: Callable[[], list[Route]], base_url: Callable[[], str]) -> tuple[Route, ...]:
    """The operators' calls; none needs a key."""
    return (
        Route("GET", "/healthz", healthz, "Say that the process runs", {200: Healthy}, scope=None),
        Route(
            "GET",
            "/readyz",
            readyz,
            "Say whether the daemon does its work",
            {200: Readiness, 503: Readiness},
            scope=None,
        ),
        Route(
            "GET", "/metrics", metrics, "Metrics for Prometheus", {200: None}, scope=None, documented=False
        ),
        Route(
            "GET",
            "/v1/openapi.json",
            _openapi(all_routes, base_url),
            "This document",
            {200: dict},
            scope=None,
            documented=False,
        ),
    )
