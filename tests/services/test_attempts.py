"""Attempts: whose guesses are counted together, and for how long."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.support.clock import FakeClock
from tickd.errors import TooMany
from tickd.services.attempts import GUESSERS_MOST, WIDER, Attempts, neighbours, network


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


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("192.0.2.9", "192.0.2.0/24"),
        ("::ffff:192.0.2.9", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("usr_1", "usr_1"),
        ("", ""),
    ],
)
def test_who_are_neighbours(source: str, network: str) -> None:
    assert neighbours(source) == network


async def test_a_site_has_more_attempts_and_no_network_takes_them_all(attempts: Attempts) -> None:
    for _ in range(50):
        with suppress(TooMany):
            attempts.count("2001:db8::1")
    # Two of the site's ten are used, and no more.
    for number in range(1, 2 * WIDER - 1):
        attempts.count(f"2001:db8:0:{number:x}::1")
    attempts.forgive("2001:db8:0:1::1")
    attempts.count("2001:db8:0:eeee::1")
    with pytest.raises(TooMany):
        attempts.count("2001:db8:0:ffff::1")
    attempts.count("2001:db8:1::1")


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
