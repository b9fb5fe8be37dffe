"""The rules of jobs: what may be said of them, and what becomes of each occurrence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain import cron, headers, jobs, times
from tickd.domain.jobs import Job, JobChange, JobRegistration
from tickd.errors import Invalid

NOON = 1_772_539_200_000
FAR_BACK = 0


def job(**fields: Any) -> Job:
    plain = {"name": "nightly", "schedule": "* * * * *", "endpoint": "https://example.com/run"}
    return jobs.register(
        JobRegistration(**(plain | fields)), identifier="job_1", account_id="acc_1", now=NOON
    )


def stored(made: Job) -> Job:
    """As the store gives it back, with its row."""
    return jobs.change(_with_row(made), JobChange(), NOON)


def _with_row(made: Job) -> Job:
    return msgspec.structs.replace(made, row=1)


def test_a_new_job_has_the_defaults_of_the_contract() -> None:
    made = job()
    assert (made.method, made.timezone, made.timeout_secs, made.retries) == ("POST", "UTC", 30, 2)
    assert (made.retry_on, made.overlap, made.catch_up) == (["network"], "allow", "last")
    assert (made.failure_threshold, made.completion, made.max_runtime_secs) == (1, "response", 3600)
    assert (made.when_down, made.defer_max_secs, made.status) == ("defer", 7200, "active")
    assert made.next_run_at == NOON + times.MINUTE


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "  "}, "name must be 1 to 200 printable characters"),
        ({"name": "a\nb"}, "name must be 1 to 200 printable characters"),
        ({"endpoint": "ftp://example.com"}, "endpoint must be an http or https address"),
        ({"endpoint": "example.com/run"}, "endpoint must be an http or https address"),
        ({"endpoint": "https://"}, "endpoint must be an http or https address"),
        ({"endpoint": "https://example.com:99999/"}, "endpoint must be an http or https address"),
        ({"endpoint": "https://exa mple.com/"}, "endpoint must be an http or https address"),
        ({"endpoint": "https://u:p@example.com/"}, "endpoint must not hold a user name or password"),
        ({"headers": {"a b": "x"}}, "headers has 'a b', which is not a header name"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "headers has a line break or control character in X-A"),
        ({"headers": {"Content-Length": "3"}}, "headers has Content-Length, which tickd sets itself"),
        ({"headers": {"x-tickd-attempt": "3"}}, "headers has x-tickd-attempt, which tickd sets itself"),
        ({"headers": {"A": "1", "a": "2"}}, "headers has a name twice"),
        ({"headers": {f"X-{n}": "" for n in range(51)}}, "headers must be at most 50 headers"),
        ({"signing_secret": "whsec_%%%"}, "signing_secret must be base64 after whsec_"),
        ({"timezone": "Mars/Olympus"}, "timezone must be an IANA time zone"),
        ({"schedule": "0 0 31 2 *"}, "schedule "),
        ({"schedule": "0 0 * * * *"}, "schedule "),
    ],
)
def test_what_can_not_be_is_refused_by_name(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        job(**fields)
    assert refused.value.message.startswith(sentence)


def test_a_secret_of_the_jobs_own_may_be_sent() -> None:
    assert job(headers={"X-Tickstem-Secret": "s"}).headers == {"X-Tickstem-Secret": "s"}


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("Authorization", True),
        ("X-My-Secret", True),
        ("X-API-Key", True),
        ("Cookie", True),
        ("Accept", False),
    ],
)
def test_secret_looking_headers(name: str, hidden: bool) -> None:
    assert headers.is_secret(name) is hidden


def test_registering_the_same_again_keeps_the_plan() -> None:
    made = stored(job(schedule="0 * * * *"))
    later = made.next_run_at or 0
    again = jobs.change(made, JobChange(schedule="0 * * * *", timezone="UTC"), later + 1)
    assert again is made


def test_a_new_schedule_is_planned_at_once() -> None:
    changed = jobs.change(stored(job()), JobChange(schedule="30 12 * * *"), NOON)
    assert changed.next_run_at == NOON + 30 * times.MINUTE


def test_another_field_keeps_the_plan_and_moves_the_change() -> None:
    made = stored(job())
    changed = jobs.change(made, JobChange(body="x"), NOON + 59_000)
    assert changed.next_run_at == made.next_run_at
    assert changed.updated_at == NOON + 59_000


def test_pause_and_resume_are_idempotent() -> None:
    made = stored(job())
    paused = jobs.pause(made, NOON)
    assert (paused.status, paused.next_run_at) == ("paused", None)
    assert jobs.pause(paused, NOON) is paused
    back = jobs.resume(paused, NOON + 90_000)
    assert (back.status, back.next_run_at) == ("active", NOON + 2 * times.MINUTE)
    assert jobs.resume(back, NOON) is back
    assert jobs.change(made, JobChange(status="paused"), NOON).next_run_at is None


def test_one_that_is_on_time_runs() -> None:
    plan = jobs.due(stored(job()), NOON + times.MINUTE + 200, horizon=FAR_BACK)
    (only,) = plan.occurrences
    assert (only.at, only.fate, only.trigger) == (NOON + times.MINUTE, "pending", "schedule")
    assert plan.next_run_at == NOON + 2 * times.MINUTE


@pytest.mark.parametrize(
    ("catch_up", "fates"),
    [
        ("last", ["missed"] * 4 + ["pending"]),
        ("none", ["missed"] * 5),
        ("all", ["pending"] * 5),
    ],
)
def test_missed_hours_are_caught_up_as_the_job_says(catch_up: Any, fates: list[str]) -> None:
    made = stored(job(schedule="0 * * * *", catch_up=catch_up))
    plan = jobs.due(made, NOON + 5 * times.HOUR + 10 * times.MINUTE, horizon=FAR_BACK)
    assert [one.fate for one in plan.occurrences] == fates
    assert {one.trigger for one in plan.occurrences if one.fate == "pending"} <= {"catch_up"}


def test_catching_up_all_stops_at_a_hundred() -> None:
    plan = jobs.due(stored(job(catch_up="all")), NOON + 300 * times.MINUTE, horizon=FAR_BACK)
    assert [one.fate for one in plan.occurrences].count("pending") == jobs.CATCH_UP_MOST
    assert plan.occurrences[-1].trigger == "schedule"  # that one is on time
    assert all(one.fate == "missed" for one in plan.occurrences[:200])


def test_with_none_an_occurrence_within_its_minute_still_runs() -> None:
    made = stored(job(schedule="0 * * * *", catch_up="none"))
    due = made.next_run_at or 0
    assert jobs.due(made, due + 59_999, horizon=FAR_BACK).occurrences[0].fate == "pending"
    assert jobs.due(made, due + 60_000, horizon=FAR_BACK).occurrences[0].fate == "missed"


def test_what_is_past_its_retention_gets_no_row() -> None:
    now = NOON + 10 * times.DAY
    plan = jobs.due(stored(job(schedule="0 0 * * *")), now, horizon=now - 3 * times.DAY)
    assert len(plan.occurrences) == 3


@given(minutes=st.integers(1, 5000), catch_up=st.sampled_from(["last", "none", "all"]))
def test_slices_account_for_every_occurrence_once(minutes: int, catch_up: Any) -> None:
    made = stored(job(catch_up=catch_up))
    now = NOON + minutes * times.MINUTE + 61_000
    seen: list[jobs.Occurrence] = []
    current: int | None = made.next_run_at
    while current is not None and current <= now:
        plan = jobs.due(_planned(made, current), now, horizon=FAR_BACK)
        assert len(plan.occurrences) <= jobs.SLICE + jobs.CATCH_UP_MOST
        seen += plan.occurrences
        current = plan.next_run_at
    expected = list(cron.occurrences("* * * * *", "UTC", NOON, now))
    assert [one.at for one in seen] == expected
    late = [one for one in seen if one.fate == "pending" and now - one.at >= jobs.FRESH]
    most = {"last": 0, "none": 0, "all": jobs.CATCH_UP_MOST}[catch_up]
    assert len(late) <= most
    assert current == cron.next_after("* * * * *", "UTC", now)


def _planned(made: Job, next_run_at: int) -> Job:
    return msgspec.structs.replace(made, next_run_at=next_run_at)
