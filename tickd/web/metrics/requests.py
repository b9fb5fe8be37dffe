"""Requests that were answered."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric

from tickd.web.metrics.families import counter, histograms, table
from tickd.web.traffic import Traffic


def of_traffic(traffic: Traffic) -> Iterator[Metric]:
    """How many, by route, method and status, and how long they took, by route."""
    yield table(
        CounterMetricFamily,
        "tickd_http_requests",
        "Requests answered since the start.",
        ("route", "method", "status"),
        traffic.answered.items(),
    )
    # Without labels it is 0 before the first one: a number that begins at 1 has not grown for Prometheus.
    failed = sum(count for (_, _, status), count in traffic.answered.items() if status == 500)
    yield counter(
        "tickd_http_errors", "Requests answered 500 since the start, mistakes of tickd's own.", failed
    )
    yield histograms("tickd_http_request_seconds", "How long the answers took.", "route", traffic.durations)
