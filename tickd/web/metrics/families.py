"""Families: how a number becomes what Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from tickd.domain.histogram import Histogram

Kind = type[GaugeMetricFamily] | type[CounterMetricFamily]


def gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    """A number that goes up and down."""
    return GaugeMetricFamily(name, words, value=value)


def maybe(name: str, words: str, value: float | None) -> GaugeMetricFamily:
    """The same where it is known; a family without a number where it is not."""
    family = GaugeMetricFamily(name, words)
    if value is not None:
        family.add_metric([], value)
    return family


def counter(name: str, words: str, value: float) -> CounterMetricFamily:
    """A number that only grows; `_total` is added to its name."""
    return CounterMetricFamily(name, words, value=value)


def labelled(kind: Kind, name: str, words: str, label: str, values: Mapping[Any, Any]) -> Metric:
    """One number for each value of `label`."""
    return table(kind, name, words, (label,), (((word,), value) for word, value in values.items()))


def table(
    kind: Kind, name: str, words: str, labels: Iterable[str], rows: Iterable[tuple[Iterable[Any], Any]]
) -> Metric:
    """One number for each row, which is its labels' values and the number."""
    family = kind(name, words, labels=list(labels))
    for values, number in rows:
        family.add_metric([str(one) for one in values], number)
    return family


def histogram(name: str, words: str, values: Histogram) -> HistogramMetricFamily:
    """How often a value came, by its size."""
    buckets: list[Any] = values.cumulative()
    return HistogramMetricFamily(name, words, buckets=buckets, sum_value=values.total)


def histograms(name: str, words: str, label: str, values: Mapping[str, Histogram]) -> Metric:
    """The same for each value of `label`."""
    family = HistogramMetricFamily(name, words, labels=[label])
    for word, one in values.items():
        buckets: list[Any] = one.cumulative()
        family.add_metric([word], buckets=buckets, sum_value=one.total)
    return family
