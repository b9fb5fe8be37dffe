"""The rules of executions: outcomes, retries, overlap, standing, restarts."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.test_jobs import NOON, job
from tickd.domain import executions as rules
from tickd.domain import jobs, times
from tickd.domain.executions import Execution, Outcome


@pytest.mark.parametrize(
    ("status", "fate"),
    [(200, "success"), (204, "success"), (299, "success"), (301, "failed"), (404, "failed"), (500, "failed")],
)
def test_only_two_hundreds_are_success(status: int, fate: str) -> None:
    assert rules.answered(status, "", 5, b"").fate == fate


def test_a_redirect_says_that_it_is_not_followed() -> None:
    assert rules.answered(302, "Found", 5, b"").error == (
        "the endpoint answered 302 Found; redirects are not followed"
    )


@given(st.binary(max_size=9000))
def test_any_body_is_kept_as_text_that_can_be_stored(body: bytes) -> None:
    kept = rules.answered(200, "OK", 1, body).response_body
    assert len(kept) <= rules.BODY_LETTERS
    assert "\0" not in kept
    kept.encode()


@pytest.mark.parametrize(
    ("retry_on", "kind", "attempt", "again"),
    [
        (["network"], "network", 1, True),
        (["network"], "network", 2, True),
        (["network"], "network", 3, False),
        (["network"], "timeout", 1, False),
        (["timeout", "status"], "status", 1, True),
        ([], "network", 1, False),
        (["network"], None, 1, False),
    ],
)
def test_retries_are_of_the_kinds_the_job_names(
    retry_on: list[Any], kind: Any, attempt: int, again: bool
) -> None:
    outcome = Outcome("failed", retry_on=kind)
    assert rules.wants_retry(job(retry_on=retry_on, retries=2), attempt, outcome) is again


@given(st.integers(1, 40), st.floats(0, 1, exclude_max=True))
def test_backoff_is_full_jitter_below_a_cap(attempt: int, jitter: float) -> None:
    pause = rules.backoff_secs(attempt, jitter)
    assert 0 <= pause <= min(rules.RETRY_CAP_SECS, 2 ** (attempt - 1))


@pytest.mark.parametrize(
    ("overlap", "open_runs", "verdict"),
    [
        ("allow", 5, "run"),
        ("skip", 0, "run"),
        ("skip", 1, "skip"),
        ("queue", 0, "run"),
        ("queue", 1, "wait"),
        ("queue", rules.QUEUE_MOST, "wait"),
        ("queue", rules.QUEUE_MOST + 1, "skip"),
    ],
)
def test_overlap(overlap: Any, open_runs: int, verdict: str) -> None:
    assert rules.admit(overlap, open_runs) == verdict


def test_a_job_fails_at_its_threshold_and_recovers_at_once() -> None:
    first = rules.standing("failed", failures=0, failing=False, threshold=2)
    assert (first.consecutive_failures, first.failing, first.flipped) == (1, False, None)
    second = rules.standing("timeout", failures=1, failing=False, threshold=2)
    assert (second.consecutive_failures, second.failing, second.flipped) == (2, True, "failing")
    third = rules.standing("failed", failures=2, failing=True, threshold=2)
    assert third.flipped is None
    healed = rules.standing("success", failures=3, failing=True, threshold=2)
    assert (healed.consecutive_failures, healed.failing, healed.flipped) == (0, False, "recovered")


def execution(**fields: Any) -> Execution:
    plain: dict[str, Any] = {
        "row": 1,
        "job_row": 1,
        "job_id": "job_1",
        "scheduled_at": NOON,
        "trigger": "schedule",
    }
    return Execution(**(plain | {"status": "pending"} | fields))


@pytest.mark.parametrize(
    ("fields", "catch_up", "later", "verdict"),
    [
        ({}, "last", times.DAY, "run"),
        ({}, "none", 59_000, "run"),
        ({}, "none", 60_000, "miss"),
        ({"trigger": "manual"}, "none", times.DAY, "run"),
        ({"status": "running"}, "last", times.DAY, "again"),
        ({"status": "running"}, "all", 0, "again"),
        ({"status": "running"}, "none", 0, "close"),
        ({"status": "running", "trigger": "manual"}, "none", 0, "close"),
        ({"status": "running", "interruptions": rules.REDELIVERIES_MOST}, "last", 0, "close"),
        ({"status": "running", "deadline_at": NOON}, "none", times.DAY, "keep"),
        ({"deferred_until": NOON}, "none", times.DAY, "keep"),
        ({"deferred_until": NOON, "trigger": "catch_up"}, "last", 0, "keep"),
    ],
)
def test_what_a_restart_does(fields: dict[str, Any], catch_up: Any, later: int, verdict: str) -> None:
    assert rules.after_restart(execution(**fields), catch_up, NOON + later) == verdict


def test_the_open_states_are_states() -> None:
    assert set(rules.OPEN) < set(get_args(rules.Fate))
    assert set(get_args(jobs.Overlap)) == {"allow", "skip", "queue"}
