"""Accounts."""

from __future__ import annotations

from prometheus_client.core import GaugeMetricFamily, Metric

from tickd.web.metrics.families import labelled


def of_limits(reached: dict[str, int]) -> Metric:
    """Who has no room left."""
    words = "Accounts that have reached a limit, by the limit."
    return labelled(GaugeMetricFamily, "tickd_accounts_at_limit", words, "limit", reached)
