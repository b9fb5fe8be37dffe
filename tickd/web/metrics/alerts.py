"""Incidents, and what is told of them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tickd.domain.alerts import WAITING
from tickd.services.health import Health, Outbox
from tickd.web.metrics.families import gauge, histogram, labelled


def of_telling(health: Health, outbox: Outbox) -> Iterator[Metric]:
    """Open incidents, the outbox, and what was delivered."""
    delivery = health.delivery
    yield gauge("tickd_incidents_open", "Incidents that are open.", outbox.open_incidents)
    waiting = dict.fromkeys(WAITING, 0) | outbox.waiting
    yield labelled(GaugeMetricFamily, "tickd_alerts_waiting", "Alerts that wait, by state.", "state", waiting)
    yield gauge(
        "tickd_alerts_held", "Alerts that wait for their time: delayed, gathered or put off.", outbox.held
    )
    yield gauge("tickd_lanes_failing", "Channels whose last attempt has failed.", outbox.failing_lanes)
    yield gauge(
        "tickd_alert_oldest_seconds",
        "How long the oldest alert waits that should have been sent; 0 when well.",
        outbox.oldest_secs,
    )
    outcomes = dict.fromkeys(("sent", "retrying", "failed"), 0) | delivery.sent
    yield labelled(
        CounterMetricFamily,
        "tickd_alerts",
        "Alerts since the start, by what became of them; retrying counts attempts.",
        "outcome",
        outcomes,
    )
    yield gauge("tickd_deliveries_in_flight", "Channels that are sent to now.", delivery.in_flight)
    yield histogram(
        "tickd_alert_lateness_seconds", "How long after they were due alerts were taken.", delivery.lateness
    )
