"""Requests that were answered."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric

from tickd.web.metrics.families import histograms, table
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
    yield histograms("tickd_http_request_seconds", "How long the answers took.", "route", traffic.durations)
