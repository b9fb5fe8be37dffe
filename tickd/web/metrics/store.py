"""The database."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric

from tickd.errors import Unavailable
from tickd.services.health import Health
from tickd.web.metrics.families import counter, gauge, labelled, maybe


def of_writer(health: Health) -> Iterator[Metric]:
    """What the writer has done."""
    stats = health.writer
    yield counter("tickd_store_units", "Units of work committed.", stats.units)
    yield counter("tickd_store_failed_units", "Units of work answered with an error.", stats.failed_units)
    yield counter("tickd_store_commits", "Commits.", stats.commits)
    yield counter("tickd_store_failed_batches", "Batches that could not be committed.", stats.failed_batches)
    waiting = {"urgent": stats.urgent_waiting, "lazy": stats.lazy_waiting}
    yield labelled(GaugeMetricFamily, "tickd_store_waiting", "Units that wait, by lane.", "lane", waiting)
    buckets: list[Any] = [
        ("+Inf" if bound == math.inf else str(bound), count) for bound, count in stats.commit_histogram
    ]
    yield HistogramMetricFamily(
        "tickd_store_commit_seconds",
        "How long commits took.",
        buckets=buckets,
        sum_value=stats.total_commit_secs,
    )
    yield gauge(
        "tickd_store_busy_seconds", "For how long the batch under way has run; 0 between.", stats.busy_secs
    )
    yield gauge("tickd_store_reads_in_flight", "Queries that run or wait for a reader.", health.reads)


async def of_volume(health: Health) -> list[Metric]:
    """How large the file and its log are, and what room is left; no numbers where nobody says."""
    _, reusable = await health.database_size()
    try:
        found = await health.volume()
    except Unavailable:
        found = None
    numbers = (None, None, None) if found is None else found
    families = (
        ("tickd_database_bytes", "Size of the database file; 0 in memory.", numbers[0]),
        ("tickd_database_free_bytes", "What of it is free for what comes.", reusable),
        ("tickd_database_wal_bytes", "Size of its write-ahead log.", numbers[1]),
        ("tickd_disk_free_bytes", "What is free on the disk of the database.", numbers[2]),
    )
    return [maybe(name, words, number) for name, words, number in families]
