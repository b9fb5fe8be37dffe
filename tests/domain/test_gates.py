"""The rules of gates: what becomes of an occurrence while what it requires is down, and the sentences."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domain.test_jobs import NOON, job
from tickd.domain import gates, times
from tickd.domain.gates import Target

SHOP, STORE = Target("mon_1", "Shop"), Target("hb_2", "Store")
GONE = Target("mon_3", "")


@pytest.mark.parametrize(
    ("fields", "is_down", "after_deadline", "fate"),
    [
        ({}, True, -1, "defer"),
        ({}, True, 0, "give up"),
        ({}, True, times.DAY, "give up"),
        ({}, False, -1, "fire"),
        ({}, False, 0, "fire"),
        ({}, False, times.DAY, "fire"),
        ({"catch_up": "all"}, False, times.DAY, "fire"),
        ({"catch_up": "none"}, False, 59_999, "fire"),
        ({"catch_up": "none"}, False, 60_000, "miss"),
        ({"when_down": "skip"}, True, -1, "skip"),
        ({"when_down": "skip"}, False, -1, "fire"),
        ({"when_down": "fire"}, True, times.DAY, "fire"),
    ],
)
def test_what_becomes_of_an_occurrence(
    fields: dict[str, Any], is_down: bool, after_deadline: int, fate: str
) -> None:
    assert gates.fate(job(**fields), NOON, is_down, NOON + after_deadline) == fate


def test_a_deferral_is_counted_from_when_the_occurrence_was_due() -> None:
    made = job(defer_max_secs=600)
    late = NOON + times.HOUR
    assert gates.until(made, NOON, NOON + 30_000, "schedule") == NOON + 10 * times.MINUTE
    assert gates.until(made, NOON, late, "catch_up") == late + 10 * times.MINUTE


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        ([SHOP], "deferred: Shop (mon_1) is down"),
        ([SHOP, STORE], "deferred: Shop (mon_1) and Store (hb_2) are down"),
        ([SHOP, STORE, GONE], "deferred: Shop (mon_1), Store (hb_2) and mon_3 are down"),
        ([SHOP, STORE, GONE, SHOP, STORE], "deferred: Shop (mon_1), Store (hb_2), mon_3 and 2 more are down"),
    ],
)
def test_a_sentence_names_three_and_counts_the_rest(targets: list[Target], sentence: str) -> None:
    assert gates.deferred(targets) == sentence


def test_the_sentences() -> None:
    assert gates.waited([SHOP], 750_000) == "deferred 12 min: Shop (mon_1) was down"
    assert gates.waited([SHOP, GONE], 5_000) == "deferred 5 s: Shop (mon_1) and mon_3 were down"
    assert gates.gave_up([SHOP], job()) == "deferred for 2 h: Shop (mon_1) was still down"
    assert gates.gave_up([SHOP], job(defer_max_secs=0)) == "Shop (mon_1) is down (defer_max_secs: 0)"
    assert gates.skipped([SHOP, STORE]) == "Shop (mon_1) and Store (hb_2) are down (when_down: skip)"
    assert gates.fired([SHOP]) == "fired although Shop (mon_1) is down"


@pytest.mark.parametrize(
    ("trigger", "reason", "rest"),
    [
        ("schedule", "deferred: a; deferred: b (mon_1) is down", ""),
        ("catch_up", "caught up: away; deferred: a; deferred: b (mon_1) is down", "caught up: away"),
    ],
)
def test_what_else_a_reason_says_is_kept(trigger: Any, reason: str, rest: str) -> None:
    assert gates.before(trigger, reason) == rest


def test_parts_that_say_nothing_are_left_out() -> None:
    assert gates.joined("", "a", "", "b") == "a; b"
