"""Heartbeats and pings."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tickd.services.health import Health
from tickd.web.metrics.families import counter, histogram, labelled


def of_waiting(health: Health, states: dict[str, int]) -> Iterator[Metric]:
    """Heartbeats by state, and their pings."""
    expiry, pinging = health.expiry, health.expiry.pinging
    shown = dict.fromkeys(("pending", "up", "late", "degraded", "down", "paused"), 0) | states
    yield labelled(GaugeMetricFamily, "tickd_heartbeats", "Heartbeats by state.", "state", shown)
    kinds = dict.fromkeys(("success", "start", "fail", "log", "paused"), 0) | pinging.taken
    yield labelled(CounterMetricFamily, "tickd_pings", "Pings taken since the start, by kind.", "kind", kinds)
    reasons = dict.fromkeys(("address", "rate", "unavailable"), 0) | pinging.refused
    yield labelled(
        CounterMetricFamily, "tickd_pings_refused", "Pings refused since the start.", "reason", reasons
    )
    yield counter("tickd_heartbeat_misses", "Silences that became a miss since the start.", expiry.misses)
    yield counter(
        "tickd_deadlines_moved",
        "Deadlines put off since the start, because tickd could not hear a ping.",
        expiry.moved,
    )
    yield histogram("tickd_expiry_lateness_seconds", "How late silences became misses.", expiry.lateness)
