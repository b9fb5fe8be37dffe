"""Name servers that are asked for verification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from prometheus_client.core import CounterMetricFamily, Metric

from tickd.domain.verification import Exchange
from tickd.services.health import Health
from tickd.web.metrics.families import counter, labelled


def of_verifying(health: Health) -> Iterator[Metric]:
    """What was asked for, and what came of it."""
    results = dict.fromkeys((*get_args(Exchange), "failed"), 0) | health.exchanges.asked
    yield labelled(
        CounterMetricFamily,
        "tickd_dns_mx_lookups",
        "Domains whose MX records were asked for since the start, by what came of it.",
        "result",
        results,
    )
    yield counter(
        "tickd_dns_mx_remembered",
        "Questions for MX records since the start that were answered from memory.",
        health.exchanges.remembered,
    )
