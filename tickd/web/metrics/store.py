"""The database."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric

from tickd.services.health import Health
from tickd.web.metrics.families import counter, gauge, labelled


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


def of_volume(volume: tuple[int, int, int | None], reusable: int) -> Iterator[Metric]:
    """How large the file and its log are, and what room is left."""
    size, log, free = volume
    yield gauge("tickd_database_bytes", "Size of the database file; 0 in memory.", size)
    yield gauge("tickd_database_free_bytes", "What of it is free for what comes.", reusable)
    yield gauge("tickd_database_wal_bytes", "Size of its write-ahead log.", log)
    room = GaugeMetricFamily("tickd_disk_free_bytes", "What is free on the disk of the database.")
    if free is not None:
        room.add_metric([], free)
    yield room
