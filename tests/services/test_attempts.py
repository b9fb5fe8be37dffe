"""Attempts: whose guesses are counted together, and for how long."""

from __future__ import annotations

import pytest

from tests.support.clock import FakeClock
from tickd.errors import TooMany
from tickd.services.attempts import GUESSERS_MOST, Attempts, network


@pytest.fixture
def attempts(clock: FakeClock) -> Attempts:
    return Attempts(clock, most=2, within=60_000, sentence="too many")


@pytest.mark.parametrize(
    ("source", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("usr_1", "usr_1"),
        ("", ""),
    ],
)
def test_who_counts_as_one(source: str, counted: str) -> None:
    assert network(source) == counted


async def test_one_too_many_waits_for_the_rest_of_the_time(attempts: Attempts, clock: FakeClock) -> None:
    attempts.count("a")
    await clock.advance(20.5)
    attempts.count("a")
    attempts.count("b")
    with pytest.raises(TooMany) as refused:
        attempts.count("a")
    assert refused.value.retry_after == 40
    await clock.advance(39.5)
    attempts.count("a")


async def test_what_is_forgiven_was_never_counted(attempts: Attempts) -> None:
    attempts.forgive("a")
    for _ in range(10):
        attempts.count("a")
        attempts.forgive("a")
    attempts.count("a")
    attempts.count("a")
    attempts.forgive("a")
    attempts.count("a")
    with pytest.raises(TooMany):
        attempts.count("a")


async def test_a_wall_clock_that_steps_changes_nothing(attempts: Attempts, clock: FakeClock) -> None:
    attempts.count("a")
    attempts.count("a")
    clock.step(-3_600_000)
    await clock.advance(59)
    with pytest.raises(TooMany):
        attempts.count("a")
    clock.step(7_200_000)
    with pytest.raises(TooMany):
        attempts.count("a")
    await clock.advance(1)
    attempts.count("a")


async def test_guessers_are_forgotten_when_there_are_too_many(attempts: Attempts) -> None:
    for _ in range(2):
        attempts.count("first")
    for number in range(GUESSERS_MOST):
        attempts.count(f"guesser {number}")
    attempts.count("first")
