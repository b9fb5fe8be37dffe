"""Monitors and checks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tickd.domain.checks import STATUSES
from tickd.services.health import Health
from tickd.web.metrics.families import counter, gauge, histogram, labelled


def of_checking(health: Health) -> Iterator[Metric]:
    """Monitors, their checks, and tickd's own network."""
    checking = health.checking
    states = dict.fromkeys(("pending", "up", "degraded", "down", "paused"), 0) | checking.states()
    yield labelled(GaugeMetricFamily, "tickd_monitors", "Monitors by state.", "state", states)
    checks = dict.fromkeys(STATUSES, 0) | checking.checked
    yield labelled(
        CounterMetricFamily, "tickd_checks", "Checks recorded since the start, by status.", "status", checks
    )
    yield gauge("tickd_checks_in_flight", "Checks under way.", checking.in_flight)
    yield gauge("tickd_checks_waiting", "Checks that are due and wait for a free place.", checking.waiting)
    yield histogram("tickd_check_lateness_seconds", "How late due checks began.", checking.lateness)
    yield gauge("tickd_history_waiting", "Checks that are not on disk yet.", health.history.waiting)
    yield counter(
        "tickd_history_dropped",
        "Checks lost since the start: the disk refused them for too long.",
        health.history.dropped,
    )
    yield gauge(
        "tickd_blind", "1 while our own network is lost.", 0 if health.network.blind_since is None else 1
    )
    yield gauge(
        "tickd_blind_seconds", "For how long our own network has been lost; 0 when well.", health.blind_secs
    )
