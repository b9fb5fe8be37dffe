"""The rules of monitors: what may be said of them, what a check makes of them, when they are due."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from tickd.domain import monitors, times
from tickd.domain.assertions import Assertion, JsonAssertion
from tickd.domain.checks import STATUSES, Check, CheckStatus
from tickd.domain.monitors import Flip, Monitor, MonitorChange, MonitorCreation, Standing
from tickd.errors import Invalid

NOON = 1_772_539_200_000
MINUTES = st.integers(0, 50 * 365 * 24 * 60).map(lambda minute: minute * times.MINUTE)


def monitor(**fields: Any) -> Monitor:
    plain = {"name": "My Website", "url": "https://example.com/"}
    return monitors.create(
        MonitorCreation(**(plain | fields)), identifier="mon_0123456789abcdef", account_id="acc_1", now=NOON
    )


def test_a_new_monitor_has_the_defaults_of_the_contract() -> None:
    made = monitor()
    options = made.options
    assert (made.type, options.interval_secs, options.timeout_secs, options.method) == ("http", 60, 10, "GET")
    assert (options.failure_threshold, options.recovery_threshold, options.cooldown_secs) == (2, 1, 0)
    assert (options.follow_redirects, options.severity, made.public) == (False, "major", True)
    assert (made.status, made.standing, made.slug) == ("active", Standing(), "my-website-abcdef")
    assert (made.created_at, made.updated_at) == (NOON, NOON)


@pytest.mark.parametrize(
    ("kind", "url", "kept"),
    [
        ("http", " https://example.com/a?b#c ", "https://example.com/a?b#c"),
        ("json", "http://[::1]:9/", "http://[::1]:9/"),
        ("tcp", "DB.example.com:5432", "db.example.com:5432"),
        ("tcp", "[::1]:5432", "[::1]:5432"),
        ("ssl", "Example.com.", "example.com"),
        ("ssl", "example.com:8443", "example.com:8443"),
        ("ssl", "127.0.0.1", "127.0.0.1"),
        ("ssl", "[::1]", "[::1]"),
        ("ssl", "::1", "::1"),
        ("ssl", "[::1]:8443", "[::1]:8443"),
        ("ssl", "bücher.example", "bücher.example"),
        ("dns", "example.com", "example.com"),
        ("dns", "_dmarc.example.com", "_dmarc.example.com"),
    ],
)
def test_each_type_has_its_own_kind_of_address(kind: monitors.Type, url: str, kept: str) -> None:
    assert monitor(type=kind, url=url).options.url == kept


HTTP = "url must be an http or https address such as https://example.com/path"
BARE = "url must be a bare host name such as example.com, without https:// or a path"
PORT = "url must be HOST:PORT with a port between 1 and 65535"


@pytest.mark.parametrize(
    ("kind", "url", "sentence"),
    [
        ("http", "example.com", HTTP),
        ("json", "example.com:80", HTTP),
        ("tcp", "example.com", PORT),
        ("tcp", "example.com:0", PORT),
        ("tcp", "example.com:65536", PORT),
        ("tcp", "example.com:http", PORT),
        ("tcp", "https://example.com:443", PORT),
        ("tcp", ":443", BARE),
        ("ssl", "https://example.com", BARE),
        ("ssl", "example.com:x", PORT),
        ("ssl", "example.com/path", BARE),
        ("ssl", "", BARE),
        ("ssl", "a b", BARE),
        ("dns", "https://example.com", BARE),
        ("dns", "example.com:53", BARE),
        ("dns", "-a.example.com", BARE),
        ("dns", "a..b", BARE),
        ("dns", "x" * 64 + ".example.com", BARE),
    ],
)
def test_an_address_of_another_kind_is_refused(kind: monitors.Type, url: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        monitor(type=kind, url=url)
    assert refused.value.message == sentence


@pytest.mark.parametrize("kind", ["ssl", "dns"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("assertions", [Assertion(source="status_code", comparison="eq", target="200")]),
        ("keyword", "ok"),
        ("json_assertions", [JsonAssertion(path="a", operator="exists")]),
    ],
)
def test_what_reads_an_answer_needs_http(kind: monitors.Type, field: str, value: Any) -> None:
    sentence = f"{field} can't be used with type {kind}; only with http and json"
    with pytest.raises(Invalid) as refused:
        monitor(type=kind, url="example.com", **{field: value})
    assert refused.value.message == sentence
    http = monitor(**{field: value})
    with pytest.raises(Invalid) as refused:
        monitors.change(http, MonitorChange(type=kind, url="example.com"), NOON)
    assert refused.value.message == sentence


def test_a_short_interval_needs_no_short_timeout() -> None:
    assert monitor(interval_secs=5).options.timeout_secs == 10


def test_a_change_of_nothing_is_the_same_monitor() -> None:
    made = monitor(keyword="OK", tags=["a"])
    for spec in (MonitorChange(), MonitorChange(keyword=" OK ", tags=["a", "a"], status="active")):
        assert monitors.change(made, spec, NOON + 1) is made
    changed = monitors.change(made, MonitorChange(keyword=""), NOON + 1)
    assert (changed.options.keyword, changed.updated_at) == ("", NOON + 1)
    assert structs.replace(changed, options=made.options, updated_at=NOON) == made


@pytest.mark.parametrize(
    ("fields", "fresh"),
    [
        ({"url": "https://example.org/"}, True),
        ({"keyword": "OK"}, True),
        ({"expected_status_code": 200}, True),
        ({"status": "paused"}, True),
        ({"type": "json"}, True),
        ({"name": "other"}, False),
        ({"interval_secs": 300}, False),
        ({"failure_threshold": 1}, False),
        ({"tags": ["a"]}, False),
        ({"webhook_url": "https://example.org/hook"}, False),
    ],
)
def test_counts_begin_anew_for_another_target_only(fields: dict[str, Any], fresh: bool) -> None:
    standing = Standing(state="down", failing=True, consecutive_failures=7, changed_at=NOON)
    made = structs.replace(monitor(), standing=standing)
    after = monitors.change(made, MonitorChange(**fields), NOON + 1).standing
    assert after == structs.replace(standing, consecutive_failures=0 if fresh else 7)


def test_paused_before_failing_before_active() -> None:
    made = monitor()
    failing = structs.replace(made, standing=Standing(state="down", failing=True))
    paused = monitors.change(failing, MonitorChange(status="paused"), NOON)
    assert [one.status for one in (made, failing, paused)] == ["active", "failing", "paused"]
    assert monitors.change(paused, MonitorChange(status="active"), NOON).status == "failing"


# What a check makes of a monitor.


def judged(standing: Standing, status: CheckStatus, **more: Any) -> tuple[Standing, Flip | None]:
    plain: dict[str, Any] = {"failure_threshold": 2, "recovery_threshold": 1, "now": NOON}
    return monitors.judge(standing, status, **(plain | more))


@dataclass
class Obvious:
    """The judgement as the contract words it, with all that happened kept."""

    failure_threshold: int
    recovery_threshold: int
    state: str = "pending"
    failing: bool = False
    flips: list[str | None] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def run_of(self, *statuses: str) -> int:
        """How many of the latest known checks have one of these statuses."""
        count = 0
        for status in reversed(self.seen):
            if status not in statuses:
                break
            count += 1
        return count

    def take(self, status: str) -> None:
        flip = None
        if status != "unknown":
            self.seen.append(status)
            if status in ("down", "timeout"):
                enough = self.run_of("down", "timeout") >= self.failure_threshold
                if enough and not self.failing:
                    self.failing, self.state, flip = True, "down", "failing"
            elif not self.failing or self.run_of("up", "degraded") >= self.recovery_threshold:
                before, self.state = self.state, "degraded" if status == "degraded" else "up"
                if self.failing:
                    flip = "recovered"
                elif self.state == "degraded" and before != "degraded":
                    flip = "degraded"
                elif before == "degraded" and self.state == "up":
                    flip = "restored"
                self.failing = False
        self.flips.append(flip)


@given(
    st.lists(st.sampled_from(STATUSES), max_size=60),
    st.integers(1, 10),
    st.integers(1, 10),
)
@example(["down", "unknown", "down", "up"], 2, 1)
@example(["down"] * 4 + ["degraded"], 2, 2)
def test_checks_are_judged_as_the_contract_words_it(
    checks: list[CheckStatus], failure_threshold: int, recovery_threshold: int
) -> None:
    standing, obvious = Standing(), Obvious(failure_threshold, recovery_threshold)
    for number, status in enumerate(checks):
        before = standing
        standing, flip = monitors.judge(
            before,
            status,
            failure_threshold=failure_threshold,
            recovery_threshold=recovery_threshold,
            now=NOON + number,
        )
        obvious.take(status)
        assert (standing.state, standing.failing, flip) == (
            obvious.state,
            obvious.failing,
            obvious.flips[-1],
        )
        assert standing.consecutive_failures == obvious.run_of("down", "timeout")
        assert (standing.state == "down") == standing.failing
        if status != "unknown":
            changed = NOON + number if standing.state != before.state else before.changed_at
            assert standing.changed_at == changed
    # Flips come in pairs, with nothing lost in between.
    loud = [flip for flip in obvious.flips if flip in ("failing", "recovered")]
    assert loud == ["failing", "recovered"] * (len(loud) // 2) + ["failing"] * (len(loud) % 2)


def test_every_flip_can_come() -> None:
    found: set[Flip | None] = set()
    standing = Standing()
    for status in ("up", "degraded", "up", "down", "down", "up"):
        standing, flip = judged(standing, status)
        found.add(flip)
    assert found == {None, *get_args(Flip)}


def test_what_goes_on_being_well_is_one_and_the_same_standing() -> None:
    standing = Standing()
    for _ in range(10):
        standing, _ = judged(standing, "up")
    assert judged(standing, "up", now=NOON + 1) == (standing, None)


@pytest.mark.parametrize(
    ("before", "after", "worth"),
    [
        (Standing(state="up"), Standing(state="up", consecutive_successes=5), False),
        (Standing(state="up"), Standing(state="degraded"), True),
        (Standing(state="up"), Standing(state="up", consecutive_failures=1), True),
        (Standing(state="up", consecutive_failures=1), Standing(state="up"), True),
        (Standing(state="down", failing=True), Standing(state="up"), True),
        (
            Standing(state="down", failing=True, consecutive_failures=8),
            Standing(state="down", failing=True, consecutive_failures=9),
            False,
        ),
        (
            Standing(state="down", failing=True),
            Standing(state="down", failing=True, consecutive_successes=1),
            True,
        ),
    ],
)
def test_what_is_worth_a_row(before: Standing, after: Standing, worth: bool) -> None:
    made = monitor(failure_threshold=3, recovery_threshold=2)
    old, new = (structs.replace(made, standing=standing) for standing in (before, after))
    assert monitors.is_worth_a_row(old, new) is worth
    assert monitors.is_worth_a_row(old, structs.replace(new, ssl_expires_at=NOON)) is True


def test_an_edit_keeps_what_the_checks_found_meanwhile() -> None:
    row = monitor()
    standing = Standing(state="down", failing=True, consecutive_failures=3)
    known = monitors.seen(row, standing, NOON, "Made for Tests", None)
    renamed = monitors.edited(known, monitors.change(row, MonitorChange(name="other"), NOON + 1))
    assert (renamed.name, renamed.standing, renamed.ssl_expires_at) == ("other", standing, NOON)
    moved = monitors.edited(known, monitors.change(row, MonitorChange(url="https://example.org/"), NOON + 1))
    assert moved.standing == structs.replace(standing, consecutive_failures=0)
    assert moved.ssl_issuer == "Made for Tests"


@pytest.mark.parametrize(
    ("kind", "status", "code", "ms"),
    [
        ("http", "up", 200, 12.5),
        ("http", "down", 500, 12.5),
        ("json", "down", 200, 12.5),
        ("http", "timeout", 200, None),
        ("http", "timeout", None, None),
        ("http", "down", None, None),
        ("http", "unknown", None, None),
        ("tcp", "up", None, 12.5),
        ("tcp", "down", None, None),
        ("dns", "up", None, 12.5),
        ("ssl", "up", None, None),
        ("ssl", "degraded", None, None),
    ],
)
def test_a_response_time_is_that_of_a_response(
    kind: monitors.Type, status: CheckStatus, code: int | None, ms: float | None
) -> None:
    check = Check(monitor=1, at=NOON, status=status, status_code=code, duration_ms=12.5)
    assert monitors.response_ms(kind, check) == ms


# When it is due.


@given(MINUTES, st.integers(1, 86_400), st.integers(0, 1 << 62), st.integers(0, times.DAY))
def test_the_next_check_is_within_one_interval(now: int, secs: int, seed: int, after: int) -> None:
    interval = secs * times.SECOND
    phase, now = seed % interval, now + after
    due = monitors.next_due(phase, interval, now)
    assert now < due <= now + interval
    assert due % interval == phase


@given(
    MINUTES,
    st.integers(1, 3600),
    st.integers(0, 1 << 62),
    st.lists(st.integers(0, 7_200_000), min_size=1, max_size=20),
)
def test_a_schedule_never_drifts(now: int, secs: int, seed: int, lateness: list[int]) -> None:
    interval = secs * times.SECOND
    phase = seed % interval
    due = first = monitors.next_due(phase, interval, now)
    for late in lateness:
        # However late a check begins, the next one is the first moment of the same grid after it.
        following = monitors.next_due(phase, interval, due + late)
        assert (following - first) % interval == 0
        assert following - interval <= due + late < following
        due = following


def test_phases_spread_over_the_interval() -> None:
    made = monitor(interval_secs=60)
    phases = [structs.replace(made, id=f"mon_{number:016d}").phase for number in range(1_000)]
    assert all(0 <= phase < 60_000 for phase in phases)
    by_second = [sum(phase // 6_000 == tenth for phase in phases) for tenth in range(10)]
    assert min(by_second) > 60, by_second
    assert structs.replace(made, id=f"mon_{0:016d}").phase == phases[0]
