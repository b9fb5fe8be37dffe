"""Jobs and runs."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tickd.services.health import Health, Ledger
from tickd.web.metrics.families import counter, gauge, histogram, labelled


def of_ledger(ledger: Ledger) -> Iterator[Metric]:
    """The ledger, and what is open of it."""
    yield labelled(GaugeMetricFamily, "tickd_jobs", "Jobs by status.", "status", ledger.jobs)
    yield counter(
        "tickd_occurrences_scheduled",
        "Occurrences that the schedules of all jobs have had.",
        ledger.scheduled,
    )
    yield counter("tickd_occurrences_accounted", "Occurrences that have their row.", ledger.accounted)
    yield gauge(
        "tickd_occurrences_unaccounted",
        "Occurrences without a row; always 0.",
        ledger.scheduled - ledger.accounted,
    )
    yield gauge("tickd_jobs_overdue", "Jobs that are due for over 10 s; 0 when well.", ledger.overdue_jobs)
    yield labelled(
        GaugeMetricFamily,
        "tickd_executions_open",
        "Executions that have not ended, by status.",
        "status",
        {"pending": 0, "running": 0} | ledger.open_executions,
    )
    yield gauge(
        "tickd_executions_deferred",
        "Pending executions that wait for what their job requires.",
        ledger.deferred_executions,
    )


def of_firing(health: Health) -> Iterator[Metric]:
    """What was called since the start."""
    firing = health.firing
    yield labelled(
        CounterMetricFamily,
        "tickd_executions_finished",
        "Executions that ended since the start, by status.",
        "status",
        {"success": 0, "failed": 0, "timeout": 0} | firing.finished,
    )
    yield counter("tickd_retries", "Attempts that were followed by another since the start.", firing.retries)
    yield gauge("tickd_calls_in_flight", "Job calls under way.", firing.in_flight)
    yield gauge("tickd_calls_waiting", "Recorded runs that wait for a free place.", firing.waiting)
    yield histogram("tickd_firing_lateness_seconds", "How late scheduled runs began.", firing.lateness)
