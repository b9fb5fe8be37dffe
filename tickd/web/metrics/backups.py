"""Scheduled backups."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tickd.services.backups import Backups


def of_backups(backups: Backups) -> Iterator[Metric]:
    """When, how large, how long, how often in vain; without a plan no numbers, so that no rule takes a 0."""
    families: tuple[tuple[GaugeMetricFamily | CounterMetricFamily, float], ...] = (
        (
            GaugeMetricFamily(
                "tickd_backup_last_success_timestamp_seconds", "When the last backup was made; 0 without one."
            ),
            (backups.last_at or 0) / 1000,
        ),
        (
            CounterMetricFamily("tickd_backup_failures", "Backups that failed since the start."),
            backups.failed_total,
        ),
        (
            GaugeMetricFamily(
                "tickd_backup_overdue_seconds", "How long the schedule waits for a newer backup; 0 when well."
            ),
            backups.overdue_secs,
        ),
        (GaugeMetricFamily("tickd_backup_size_bytes", "The size of the last backup."), backups.last_size),
        (
            GaugeMetricFamily(
                "tickd_backup_duration_seconds", "How long the last backup took; 0 until there was one."
            ),
            backups.last_secs,
        ),
    )
    for family, value in families:
        if backups.plan is not None:
            family.add_metric([], value)
        yield family
