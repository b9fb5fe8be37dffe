"""The process and its loops."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tickd import __version__
from tickd.services.bundle import Services
from tickd.services.health import Health
from tickd.services.own_heartbeat import OwnHeartbeat
from tickd.web.metrics.families import counter, gauge, histogram, labelled, maybe


def of_daemon(health: Health) -> Iterator[Metric]:
    """The version, readiness, the clock, the loops."""
    info = GaugeMetricFamily("tickd_info", "The version that runs.", labels=["version"])
    info.add_metric([__version__], 1)
    yield info
    yield gauge("tickd_start_time_seconds", "When the daemon started.", health.started_at / 1000)
    yield gauge("tickd_ready", "1 when /readyz says ready.", 0 if health.faults() else 1)
    yield histogram(
        "tickd_loop_lag_seconds", "Lag of the event loop, once a second.", health.witness.loop_lag
    )
    yield counter("tickd_clock_steps", "Steps of the wall clock since the start.", health.witness.steps)
    loops = {loop.name: loop for loop in health.loops}
    for name, words, values in (
        ("tickd_loop_ticks", "Ticks that went well.", {name: loop.ticks for name, loop in loops.items()}),
        ("tickd_loop_errors", "Ticks that failed.", {name: loop.errors for name, loop in loops.items()}),
        (
            "tickd_loop_busy_seconds",
            "Time between the begin and the end of all ticks.",
            {name: loop.busy_secs for name, loop in loops.items()},
        ),
    ):
        yield labelled(CounterMetricFamily, name, words, "loop", values)
    late = {name: loop.late_secs for name, loop in loops.items()}
    yield labelled(GaugeMetricFamily, "tickd_loop_late_seconds", "Lateness of the last tick.", "loop", late)
    last = {name: (loop.last_tick_at or 0) / 1000 for name, loop in loops.items()}
    yield labelled(
        GaugeMetricFamily, "tickd_loop_tick_timestamp_seconds", "When a tick last went well.", "loop", last
    )
    yield gauge(
        "tickd_loop_hung",
        "Loops that have been at one tick for too long; 0 when well.",
        sum("loop" in words for words in health.hangs()),
    )


def of_own_heartbeat(own: OwnHeartbeat) -> Iterator[Metric]:
    """What was told to a heartbeat elsewhere."""
    yield labelled(
        CounterMetricFamily,
        "tickd_own_heartbeat_pings",
        "Pings of own_heartbeat_url since the start, by what became of them.",
        "outcome",
        own.sent,
    )
    yield gauge(
        "tickd_own_heartbeat_timestamp_seconds",
        "When one was last delivered; 0 when none was.",
        (own.delivered_at or 0) / 1000,
    )
    yield maybe(
        "tickd_own_heartbeat_overdue_seconds",
        "For how long one should have been delivered; 0 when well, absent without a URL.",
        own.overdue_secs if own.is_wanted else None,
    )


def of_listeners(services: Services) -> Metric:
    """Who holds a connection to be told of news."""
    open_ones = {
        "pages": services.overview.listeners,
        "batches": services.verification_batches.listeners,
    }
    words = "Connections that wait for server-sent events, by what they follow."
    return labelled(GaugeMetricFamily, "tickd_listeners", words, "kind", open_ones)
