"""Incidents: the safeguards in their order, what is kept as evidence, and when a certificate is warned of."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain import times
from tickd.domain.alerts import About
from tickd.domain.incidents import (
    BODY_LETTERS,
    CERTIFICATE_DAYS,
    HEADERS_MOST,
    Cause,
    Incident,
    Open,
    Suppressed,
    certificate_warning,
    judge,
    shown_body,
    shown_headers,
)

NOW = 1_772_539_200_000
"""2026-03-03T12:00:00Z."""
MASK = "••••••"
WINDOW = ("router", NOW + 3_600_000)


def judged(
    *,
    maintenance: tuple[str, int] | None = None,
    is_open: bool = False,
    last_ended_at: int | None = None,
    cooldown_secs: int = 0,
) -> Open | Suppressed:
    return judge(
        NOW,
        maintenance=maintenance,
        is_open=is_open,
        last_ended_at=last_ended_at,
        cooldown_secs=cooldown_secs,
    )


def test_with_nothing_in_the_way_it_opens() -> None:
    assert judged() == Open()
    assert judged(cooldown_secs=600) == Open()
    assert judged(last_ended_at=NOW) == Open()


def test_each_safeguard_alone() -> None:
    assert judged(maintenance=WINDOW) == Suppressed(
        "maintenance", "in maintenance: router, until 2026-03-03T13:00:00Z", WINDOW[1]
    )
    assert judged(is_open=True) == Suppressed("duplicate", "an incident is open already")
    assert judged(last_ended_at=NOW - 60_000, cooldown_secs=600) == Suppressed(
        "cooldown", "within the cooldown until 2026-03-03T12:09:00Z", NOW + 540_000
    )


@pytest.mark.parametrize(
    ("ago", "opens"), [(0, False), (599_999, False), (600_000, True), (600_001, True), (1 << 40, True)]
)
def test_a_cooldown_ends_to_the_millisecond(ago: int, opens: bool) -> None:
    assert isinstance(judged(last_ended_at=NOW - ago, cooldown_secs=600), Open) == opens


@pytest.mark.parametrize(
    ("in_maintenance", "is_open", "in_cooldown", "reason"),
    [
        (True, True, True, "maintenance"),
        (True, True, False, "maintenance"),
        (True, False, True, "maintenance"),
        (True, False, False, "maintenance"),
        (False, True, True, "duplicate"),
        (False, True, False, "duplicate"),
        (False, False, True, "cooldown"),
        (False, False, False, None),
    ],
)
def test_the_safeguards_come_in_their_order(
    in_maintenance: bool, is_open: bool, in_cooldown: bool, reason: str | None
) -> None:
    verdict = judged(
        maintenance=WINDOW if in_maintenance else None,
        is_open=is_open,
        last_ended_at=NOW - 1000 if in_cooldown else None,
        cooldown_secs=60,
    )
    assert (verdict.reason if isinstance(verdict, Suppressed) else None) == reason


@given(
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(NOW - 700_000_000, NOW),
    st.integers(0, 604_800),
)
def test_what_is_held_back_has_an_end_unless_it_is_a_duplicate(
    in_maintenance: bool, is_open: bool, last_ended_at: int | None, cooldown_secs: int
) -> None:
    verdict = judged(
        maintenance=WINDOW if in_maintenance else None,
        is_open=is_open,
        last_ended_at=last_ended_at,
        cooldown_secs=cooldown_secs,
    )
    if isinstance(verdict, Suppressed):
        assert (verdict.until is None) == (verdict.reason == "duplicate")
        assert verdict.until is None or verdict.until > NOW


def test_headers_are_masked_and_bounded() -> None:
    given_headers = {"X-Thing": "1", "set-cookie": "a=b", "X-API-Key": "k", "x-csrf-TOKEN": "t"}
    shown = {"X-Thing": "1", "set-cookie": MASK, "X-API-Key": MASK, "x-csrf-TOKEN": MASK}
    assert shown_headers(given_headers) == shown
    assert shown_headers({}) is None
    many = shown_headers({f"X-{number}": "x" * 5000 for number in range(200)})
    assert many is not None
    assert len(many) == HEADERS_MOST
    assert {len(text) for text in many.values()} == {1000}


def test_a_body_is_cut_at_letters_not_bytes() -> None:
    assert shown_body("") is None
    assert shown_body("ü" * 3000) == "ü" * BODY_LETTERS
    assert shown_body("a\0b") == "a\N{REPLACEMENT CHARACTER}b"
    assert BODY_LETTERS == 2048


@pytest.mark.parametrize(
    ("lasted", "secs"), [(None, None), (0, 0), (999, 0), (1000, 1), (450_999, 450), (-5000, 0)]
)
def test_how_long_it_lasted_is_in_whole_seconds(lasted: int | None, secs: int | None) -> None:
    incident = Incident(
        row=1,
        id="inc_1",
        account_id="acc_1",
        about=About("monitor", "mon_1", "Shop"),
        subject=1,
        severity="major",
        started_at=NOW,
        opened_at=NOW,
        resolved_at=None if lasted is None else NOW + lasted,
        cause=Cause(error="", at=NOW),
    )
    assert incident.duration_secs == secs
    assert incident.kind == "monitor"


@pytest.mark.parametrize(
    ("days_left", "warned", "due"),
    [
        (365.0, None, None),
        (30.001, None, None),
        (30.0, None, 30),
        (29.0, None, 30),
        (29.0, 30, None),
        (14.001, 30, None),
        (14.0, 30, 14),
        (13.9, 14, None),
        (7.0, 14, 7),
        (6.0, 7, None),
        (3.0, 7, 3),
        (2.0, 3, None),
        (1.0, 3, 1),
        (0.001, 3, 1),
        (0.001, 1, None),
        # Seen late it gets one warning, not all that it has missed.
        (5.0, None, 7),
        (5.0, 30, 7),
        (0.5, None, 1),
        (0.5, 30, 1),
        # What has expired is down, and not warned of.
        (0.0, None, None),
        (0.0, 3, None),
        (-1.0, None, None),
        # A clock that was set back warns of nothing twice.
        (20.0, 7, None),
        (29.0, 1, None),
    ],
)
def test_when_a_certificate_is_warned_of(days_left: float, warned: int | None, due: int | None) -> None:
    assert certificate_warning(NOW + round(days_left * times.DAY), NOW, warned) == due


@given(st.lists(st.floats(0.001, 45.0), min_size=1, max_size=60))
def test_whenever_it_is_looked_at_each_warning_comes_once_and_in_order(looks: list[float]) -> None:
    expires, warned, said = NOW + 50 * times.DAY, None, []
    for left in sorted(looks, reverse=True):
        days = certificate_warning(expires, expires - round(left * times.DAY), warned)
        if days is not None:
            said.append(days)
            warned = days
    assert all(before > after for before, after in pairwise(said))
    assert set(said) <= set(CERTIFICATE_DAYS)
    # The one of the last look has been given by then.
    passed = [days for days in CERTIFICATE_DAYS if round(min(looks) * times.DAY) <= days * times.DAY]
    assert (said[-1] if said else None) == (passed[-1] if passed else None)
