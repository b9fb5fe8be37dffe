"""The process, under the names that Prometheus' own libraries have."""

from __future__ import annotations

import gc
from collections.abc import Iterator

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, Metric

from tickd.web.metrics.families import labelled


def of_process() -> Iterator[Metric]:
    """Memory, processor time, descriptors and the start, as the kernel counts them."""
    yield from ProcessCollector(registry=None).collect()
    runs = {number: stats["collections"] for number, stats in enumerate(gc.get_stats())}
    yield labelled(
        CounterMetricFamily,
        "python_gc_collections",
        "Runs of the garbage collector, by generation.",
        "generation",
        runs,
    )
