"""Back-tests: what the replay makes of checks, case by case, and that slices and shortcuts change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect, structs

from tests.support.daemon import NOON
from tickd.domain import backtest as rules
from tickd.domain import incidents, monitors, times, windows
from tickd.domain.backtest import Backtest, BacktestRequest, Look, Replay
from tickd.domain.checks import CheckStatus
from tickd.domain.maintenance import Window
from tickd.domain.monitors import Monitor, MonitorChange, Options, Standing, Type
from tickd.domain.weekly import Weekly
from tickd.domain.windows import Maintenance
from tickd.errors import Invalid

STEP = times.MINUTE
LETTERS: dict[str, CheckStatus] = {
    "u": "up",
    "d": "down",
    "t": "timeout",
    "g": "degraded",
    "?": "unknown",
}
NOTHING = {"maintenance": 0, "cooldown": 0}


def looks(letters: str, *, start: int = NOON, took: int = 0, expires: int | None = None) -> list[Look]:
    """One check a minute, a letter each; its error says which minute it is of."""
    return [
        (start + n * STEP, LETTERS[letter], took, f"{letter}{n}", expires) for n, letter in enumerate(letters)
    ]


def monitor(kind: Type = "http", **fields: Any) -> Monitor:
    plain = {"failure_threshold": 1, "recovery_threshold": 1} | fields
    return Monitor(
        row=1,
        id="mon_1",
        account_id="acc",
        name="m",
        type=kind,
        options=Options(url="http://127.0.0.1:9/", **plain),
        created_at=0,
        updated_at=0,
    )


def replayed(
    checks: Sequence[Look], kind: Type = "http", planned: Sequence[Maintenance] = (), **fields: Any
) -> Replay:
    made = Replay(kind, monitor(kind, **fields).options, planned)
    made.feed(checks)
    made.finish(checks[-1][0] if checks else NOON)
    return made


def minute(moment: int | None) -> float | None:
    return None if moment is None else (moment - NOON) / STEP


def shown(replay: Replay) -> list[str]:
    """Each incident as the minutes it started, was opened and ended at, and its error."""
    return [
        f"{minute(one.started_at):g} {minute(one.opened_at):g} "
        f"{'-' if one.resolved_at is None else format(minute(one.resolved_at), 'g')} {one.error}"
        for one in replay.incidents
    ]


def daily(start: str, end: str) -> tuple[Window, ...]:
    return (Window("daily", start, end),)


@pytest.mark.parametrize(
    ("letters", "fields", "incidents", "alerts"),
    [
        ("", {}, [], 0),
        ("uuuu", {}, [], 0),
        ("uddu", {}, ["1 1 3 d1"], 2),
        ("uttu", {}, ["1 1 3 t1"], 2),
        ("ddd", {}, ["0 0 - d0"], 1),
        ("uddu", {"failure_threshold": 2}, ["1 2 3 d1"], 2),
        ("uduudd", {"failure_threshold": 2}, ["4 5 - d4"], 1),
        ("ududud", {"failure_threshold": 3}, [], 0),
        # What tickd could not know neither fails nor recovers, nor begins a failure anew.
        ("ud?d??u", {"failure_threshold": 2}, ["1 3 6 d1"], 2),
        ("????", {}, [], 0),
        ("duduu", {"recovery_threshold": 2}, ["0 0 4 d0"], 2),
        ("dudd", {"recovery_threshold": 2}, ["0 0 - d0"], 1),
        # Degraded is well, and told by itself.
        ("uggu", {}, [], 2),
        ("dgu", {}, ["0 0 1 d0"], 2),
        ("gdgu", {}, ["1 1 2 d1"], 4),
        # The cooldown runs from the end of the last incident; what fails still is told when it ends.
        ("dudu", {"cooldown_secs": 90}, ["0 0 1 d0", "2 2.5 3 d2"], 4),
        ("dudu", {"cooldown_secs": 180}, ["0 0 1 d0"], 2),
        ("duddddu", {"cooldown_secs": 90}, ["0 0 1 d0", "2 2.5 6 d2"], 4),
        ("dud", {"cooldown_secs": 60}, ["0 0 1 d0", "2 2 - d2"], 3),
        ("gugu", {"cooldown_secs": 600}, [], 2),
        # So does maintenance.
        ("uddddddu", {"maintenance_windows": daily("12:00", "12:04")}, ["1 4 7 d1"], 2),
        ("udduuu", {"maintenance_windows": daily("12:00", "12:04")}, [], 0),
        ("ddd", {"maintenance_windows": daily("00:00", "24:00")}, [], 0),
        ("dddduu", {"maintenance_windows": daily("12:02", "12:05")}, ["0 0 4 d0"], 2),
        # First the window, then the cooldown.
        (
            "du" + "d" * 10,
            {"maintenance_windows": daily("12:02", "12:05"), "cooldown_secs": 360},
            ["0 0 1 d0", "2 7 - d2"],
            3,
        ),
    ],
)
def test_what_would_have_been_told(
    letters: str, fields: dict[str, Any], incidents: list[str], alerts: int
) -> None:
    found = replayed(looks(letters), **fields)
    assert (shown(found), found.alerts) == (incidents, alerts)
    assert found.total == len(incidents)


@pytest.mark.parametrize(
    ("letters", "fields", "held_back"),
    [
        ("uddu", {}, {}),
        ("dududu", {"cooldown_secs": 600}, {"cooldown": 2}),
        ("gugugu", {"cooldown_secs": 600}, {"cooldown": 2}),
        ("dudu", {"maintenance_windows": daily("12:00", "12:10")}, {"maintenance": 2}),
        # Looked at again and again, it is still one thing that is held back.
        (
            "d" * 20,
            {"maintenance_windows": daily("12:00", "12:05") + daily("12:05", "12:10")},
            {"maintenance": 1},
        ),
        (
            "du" + "d" * 10,
            {"maintenance_windows": daily("12:02", "12:05"), "cooldown_secs": 360},
            {"maintenance": 1, "cooldown": 1},
        ),
    ],
)
def test_what_the_safeguards_hold_back_is_counted(
    letters: str, fields: dict[str, Any], held_back: dict[str, int]
) -> None:
    assert replayed(looks(letters), **fields).held_back == NOTHING | held_back


def test_the_accounts_maintenance_counts_too() -> None:
    weekly = Weekly("tuesday", "13:00", "13:03", "Europe/Berlin")
    plan = Maintenance(
        row=1, id="mnt_1", account_id="acc", name="p", all=True, weekly=weekly, created_at=0, updated_at=0
    )
    found = replayed(looks("ddddd"), planned=[plan])
    assert (shown(found), found.held_back) == (["0 3 - d0"], NOTHING | {"maintenance": 1})


def test_a_check_is_judged_when_it_has_ended() -> None:
    found = replayed(looks("uttu", took=30_000), failure_threshold=2)
    assert shown(found) == ["1 2.5 3 t1"]
    # A window that ends while the check is under way holds nothing back.
    found = replayed(looks("td", took=30_000), maintenance_windows=daily("11:00", "12:00"))
    assert shown(found) == ["0 0.5 - t0"]


def test_what_is_held_back_at_the_end_is_no_incident_until_it_is_due() -> None:
    made = Replay("http", monitor(maintenance_windows=daily("12:00", "12:10")).options, ())
    made.feed(looks("dd"))
    made.finish(NOON + 9 * STEP)
    assert (made.total, made.downtime) == (0, 0)
    made.finish(NOON + 10 * STEP)
    assert (shown(made), made.downtime) == (["0 10 - d0"], 10 * STEP)


def test_downtime_is_of_all_incidents_the_open_one_included() -> None:
    assert replayed(looks("udduudd")).downtime == 3 * STEP


@pytest.mark.parametrize(("left", "alerts"), [(30, 0), (25, 2)])
def test_a_certificates_warning_says_a_degradation_already(left: int, alerts: int) -> None:
    # The check that finds the thirtieth day begun is degraded, and warns.
    expires = NOON + left * times.DAY + 2 * STEP
    found = replayed(looks("uugguu", expires=expires), kind="ssl")
    assert found.alerts == alerts
    # A warning of maintenance is not given, and nothing else of another type.
    assert replayed(looks("uugguu", expires=expires)).alerts == 2


def test_a_monitor_that_is_first_seen_degraded_is_warned_of() -> None:
    assert replayed(looks("gg", expires=NOON + 20 * times.DAY), kind="ssl").alerts == 0
    within = daily("11:00", "12:30")
    held = replayed(looks("gg", expires=NOON + 20 * times.DAY), kind="ssl", maintenance_windows=within)
    assert (held.alerts, held.held_back["maintenance"]) == (0, 1)


def test_the_list_is_cut_but_not_the_counts() -> None:
    found = replayed(looks("du" * (rules.MOST + 7)))
    assert len(found.incidents) == rules.MOST
    assert (found.total, found.alerts) == (rules.MOST + 7, 2 * (rules.MOST + 7))
    assert found.incidents[0].started_at == NOON


# Both sides.


def compared(letters: str, own: dict[str, Any], **tried: Any) -> Backtest:
    subject = monitor(**own)
    made = Backtest(subject, rules.proposed(subject, BacktestRequest(**tried)), ())
    made.feed(looks(letters))
    made.finish(NOON + len(letters) * STEP)
    return made


@pytest.mark.parametrize(
    ("letters", "own", "tried", "minutes"),
    [
        ("uddddu", {}, {}, 0),
        ("uddddu", {}, {"failure_threshold": 3}, 2),
        ("ududdddu", {}, {"failure_threshold": 4}, 3),
        # What is never told has no delay, and what comes sooner none either.
        ("uddu", {}, {"failure_threshold": 3}, 0),
        ("uddddu", {"failure_threshold": 3}, {"failure_threshold": 1}, 0),
        ("du" + "d" * 20, {}, {"cooldown_secs": 600}, 9),
        ("uddddddu", {}, {"maintenance_windows": list(daily("12:00", "12:05"))}, 4),
    ],
)
def test_the_longest_delay(letters: str, own: dict[str, Any], tried: dict[str, Any], minutes: int) -> None:
    assert compared(letters, own, **tried).delay == minutes * STEP


@pytest.mark.parametrize(
    ("tried", "summary"),
    [
        ({}, "With its own settings the last 12 minutes would have sent 6 alerts."),
        (
            {"failure_threshold": 2},
            "With failure_threshold 2 the last 12 minutes would have sent 2 alerts instead of 6.",
        ),
        (
            {"failure_threshold": 3, "cooldown_secs": 600},
            "With failure_threshold 3 and cooldown_secs 600 the last 12 minutes "
            "would have sent 0 alerts instead of 6.",
        ),
        (
            {"failure_threshold": 1, "maintenance_windows": list(daily("12:00", "12:11"))},
            "With other maintenance_windows the last 12 minutes would have sent 0 alerts instead of 6.",
        ),
        (
            {"failure_threshold": 2, "recovery_threshold": 5, "cooldown_secs": 1},
            "With failure_threshold 2, recovery_threshold 5 and cooldown_secs 1 the last 12 minutes "
            "would have sent 1 alert instead of 6.",
        ),
    ],
)
def test_the_summary(tried: dict[str, Any], summary: str) -> None:
    made = compared("uduuduudduuu", {}, **tried)
    assert made.summary(NOON + 12 * STEP, 30) == summary


def test_the_summary_of_fewer_windows() -> None:
    made = compared("dud", {"maintenance_windows": daily("11:00", "13:00")}, maintenance_windows=[])
    assert made.summary(NOON + STEP, 30) == (
        "With no maintenance_windows the last minute would have sent 3 alerts instead of 0."
    )


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (0, "minute"),
        (89 * times.SECOND, "minute"),
        (90 * times.SECOND, "2 minutes"),
        (59 * times.MINUTE, "59 minutes"),
        (times.HOUR - 1, "hour"),
        (20 * times.HOUR, "20 hours"),
        (times.DAY - 1, "day"),
        (29 * times.DAY + 23 * times.HOUR, "30 days"),
    ],
)
def test_the_summary_says_how_far_back_it_looked(length: int, said: str) -> None:
    made = compared("u", {})
    assert (
        made.summary(NOON + length, 90) == f"With its own settings the last {said} would have sent 0 alerts."
    )


def test_the_summary_of_nothing() -> None:
    assert compared("", {}).summary(NOON, 7) == "There are no checks of the last 7 days to replay."
    assert compared("", {}).summary(NOON, 1) == "There are no checks of the last 1 day to replay."


# What can be asked.


def test_the_ranges_are_those_of_the_monitor() -> None:
    def kinds(kind: type) -> dict[str, Any]:
        info = inspect.type_info(kind)
        assert isinstance(info, inspect.StructType)
        return {field.name: field.type for field in info.fields}

    asked, own = kinds(BacktestRequest), kinds(MonitorChange)
    assert set(asked) == {"days", *rules.SETTINGS}
    assert {name: asked[name] for name in rules.SETTINGS} == {name: own[name] for name in rules.SETTINGS}


def test_what_is_left_out_is_the_monitors_own() -> None:
    own = monitor(failure_threshold=4, cooldown_secs=7, maintenance_windows=daily("01:00", "02:00"))
    assert rules.proposed(own, BacktestRequest()) == own.options
    tried = rules.proposed(own, BacktestRequest(recovery_threshold=3, maintenance_windows=[]))
    assert tried == structs.replace(own.options, recovery_threshold=3, maintenance_windows=())
    with pytest.raises(
        Invalid, match="maintenance_windows has a mistake in number 1: start_utc must be HH:MM"
    ):
        rules.proposed(own, BacktestRequest(maintenance_windows=[Window("daily", "25:00", "02:00")]))


# Any sequence.

LETTER = st.sampled_from("uuuuuddddtg?")
SETTINGS = st.fixed_dictionaries(
    {
        "failure_threshold": st.integers(1, 4),
        "recovery_threshold": st.integers(1, 4),
        "cooldown_secs": st.sampled_from((0, 60, 200, 1200)),
        "maintenance_windows": st.sampled_from(
            ((), daily("12:03", "12:09"), daily("12:20", "12:21") + daily("12:21", "12:40"))
        ),
    }
)


@given(st.text(LETTER, max_size=80), SETTINGS, SETTINGS, st.integers(1, 9))
def test_slices_change_nothing(letters: str, own: dict[str, Any], tried: dict[str, Any], size: int) -> None:
    subject = monitor(**own)
    whole, cut = (Backtest(subject, monitor(**tried).options, ()) for _ in range(2))
    checks = looks(letters)
    whole.feed(checks)
    for place in range(0, len(checks), size):
        cut.feed(checks[place : place + size])
    for made in (whole, cut):
        made.finish(NOON + 100 * STEP)
    for one, other in ((whole.current, cut.current), (whole.proposed, cut.proposed)):
        assert (one.alerts, one.held_back, one.downtime) == (other.alerts, other.held_back, other.downtime)
        assert one.incidents == other.incidents
    assert (whole.delay, whole.summary(NOON, 1)) == (cut.delay, cut.summary(NOON, 1))


class Slow:
    """A walk second by second that asks the safeguards at each of them, and takes no shortcut."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.options = monitor(**fields).options
        self.standing = Standing()
        self.first: tuple[int, str] | None = None
        self.held: tuple[int, str] | None = None
        self.open: list[str] | None = None
        self.ended: int | None = None
        self.found: list[list[str]] = []

    def look(self, now: int) -> None:
        verdict = incidents.judge(
            now,
            maintenance=windows.current((), self.options.maintenance_windows, now),
            is_open=self.open is not None,
            last_ended_at=self.ended,
            cooldown_secs=self.options.cooldown_secs,
        )
        if self.held is not None and isinstance(verdict, incidents.Open):
            began, error = self.held
            self.open = [f"{minute(began):g}", f"{minute(now):g}", "-", error]
            self.found.append(self.open)
            self.held = None

    def check(self, now: int, letter: str) -> None:
        self.standing, flip = monitors.judge(
            self.standing,
            LETTERS[letter],
            failure_threshold=self.options.failure_threshold,
            recovery_threshold=self.options.recovery_threshold,
            now=now,
        )
        if letter in "ug":
            self.first = None
        elif letter != "?" and self.first is None:
            self.first = (now, f"{letter}{minute(now):g}")
        if flip == "failing":
            self.held = self.first
        elif flip == "recovered":
            if self.open is not None:
                self.open[2], self.ended = f"{minute(now):g}", now
            self.open = self.held = None


def slow(letters: str, fields: dict[str, Any]) -> list[str]:
    """The incidents of such a walk."""
    walk = Slow(fields)
    for second in range(len(letters) * 60):
        now = NOON + second * times.SECOND
        walk.look(now)
        if second % 60 == 0:
            walk.check(now, letters[second // 60])
            walk.look(now)
    return [" ".join(one) for one in walk.found]


@given(st.text(LETTER, max_size=60), SETTINGS)
def test_it_finds_what_a_slow_walk_finds(letters: str, fields: dict[str, Any]) -> None:
    found = Replay("http", monitor(**fields).options, ())
    found.feed(looks(letters))
    found.finish(NOON + len(letters) * STEP - times.SECOND)
    assert shown(found) == slow(letters, fields)
