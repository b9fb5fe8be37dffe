"""Heartbeats: what may be said of one, what follows from it, and who may ping it."""

from __future__ import annotations

import ipaddress
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tickd.domain import expiry
from tickd.domain import heartbeats as rules
from tickd.domain.heartbeats import Heartbeat, HeartbeatChange, HeartbeatCreation
from tickd.domain.times import DAY, HOUR, MINUTE
from tickd.errors import Invalid

NOON = 1_772_539_200_000


def made(**fields: Any) -> Heartbeat:
    """A heartbeat of that kind, named Backup where nothing else is said."""
    spec = HeartbeatCreation(**({"name": "Backup"} | fields))
    return rules.create(
        spec, identifier="hb_0123456789abcdef", account_id="acc", token="t" * 64, short_token="s", now=NOON
    )


def changed(heartbeat: Heartbeat, now: int = NOON + MINUTE, **fields: Any) -> Heartbeat:
    return rules.change(heartbeat, HeartbeatChange(**fields), now)


def pinged(heartbeat: Heartbeat, at: int = NOON) -> Heartbeat:
    standing, _ = expiry.pinged(heartbeat.rhythm, heartbeat.standing, "success", at)
    return structs.replace(heartbeat, standing=standing)


def refused(**fields: Any) -> str:
    with pytest.raises(Invalid) as error:
        made(**fields)
    return error.value.message


# Made.


def test_a_heartbeat_has_the_documented_defaults() -> None:
    heartbeat = made()
    assert (heartbeat.interval_secs, heartbeat.grace_secs, heartbeat.failure_threshold) == (3600, 300, 2)
    assert (heartbeat.schedule, heartbeat.timezone, heartbeat.max_pings_per_minute) == ("", "UTC", 0)
    assert (heartbeat.options.severity, heartbeat.status, heartbeat.standing.state) == (
        "minor",
        "active",
        "pending",
    )
    assert heartbeat.slug == "backup-abcdef"
    assert heartbeat.created_at == heartbeat.updated_at == NOON
    assert heartbeat.standing.due_at is None


@pytest.mark.parametrize("schedule", ["0 2 * * *", "6h", " 30m "])
def test_one_that_is_made_with_a_schedule_has_tymos_defaults(schedule: str) -> None:
    heartbeat = made(schedule=schedule)
    assert (heartbeat.grace_secs, heartbeat.failure_threshold) == (1800, 1)
    said = made(schedule=schedule, grace_secs=60, failure_threshold=3)
    assert (said.grace_secs, said.failure_threshold) == (60, 3)


@pytest.mark.parametrize("schedule", ["", "  "])
def test_an_empty_schedule_is_none(schedule: str) -> None:
    heartbeat = made(schedule=schedule)
    assert (heartbeat.schedule, heartbeat.grace_secs, heartbeat.failure_threshold) == ("", 300, 2)


def test_a_schedule_that_comes_by_an_edit_leaves_grace_and_threshold_alone() -> None:
    heartbeat = changed(made(), schedule="0 2 * * *")
    assert (heartbeat.grace_secs, heartbeat.failure_threshold) == (300, 2)


def test_one_may_be_made_paused_by_either_word() -> None:
    assert made(status="paused").status == "paused"
    assert made(paused=True).status == "paused"
    assert made(status="active", paused=True).status == "active"
    assert made(paused=False).status == "active"


# The period.


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1m", 60),
        ("30m", 1800),
        ("6h", 21_600),
        ("7d", 604_800),
        ("366d", 31_622_400),
        ("007d", 604_800),
        ("", None),
        ("30s", None),
        ("m", None),
        ("1.5h", None),
        ("-1h", None),
        ("1h30m", None),
        ("1H", None),
        ("1 h", None),
        ("٣h", None),
        ("1h\n", None),
        ("0 2 * * *", None),
    ],
)
def test_a_span_is_minutes_hours_or_days(text: str, seconds: int | None) -> None:
    assert rules.seconds_of(text) == seconds


def test_a_span_is_kept_as_it_was_written_and_as_seconds() -> None:
    heartbeat = made(schedule="6h")
    assert (heartbeat.schedule, heartbeat.interval_secs) == ("6h", 21_600)
    assert heartbeat.rhythm.schedule == ""
    assert made(schedule="6h", interval_secs=21_600) == heartbeat


def test_a_cron_expression_is_kept_with_single_spaces() -> None:
    heartbeat = made(schedule="  0  2 * *\t* ", timezone="Europe/Berlin")
    assert heartbeat.schedule == heartbeat.rhythm.schedule == "0 2 * * *"
    assert heartbeat.rhythm.timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"schedule": "6h", "interval_secs": 60}, "interval_secs must be 21600, as schedule says"),
        ({"schedule": "0m"}, "schedule must be between 1m and 366d"),
        ({"schedule": "367d"}, "schedule must be between 1m and 366d"),
        ({"schedule": "999999d"}, "schedule must be between 1m and 366d"),
        ({"schedule": "30s"}, "schedule must be a cron expression, or minutes, hours or days"),
        ({"schedule": "1234567m"}, "schedule must be a cron expression, or minutes, hours or days"),
        ({"schedule": "0 25 * * *"}, "schedule"),
        ({"schedule": "0 0 31 2 *"}, "schedule never fires"),
        ({"schedule": "nightly"}, "schedule"),
        ({"timezone": "Berlin"}, "timezone must be an IANA time zone"),
        ({"timezone": "right/UTC"}, "timezone must be an IANA time zone"),
        ({"name": "   "}, "name must be 1 to 200 printable characters"),
        ({"name": "a\nb"}, "name must be 1 to 200 printable characters"),
        ({"slug": "---"}, "slug must hold at least one letter"),
        ({"webhook_url": "ftp://x"}, "webhook_url"),
        ({"allowed_ips": ["10.0.0.1", "10.0.0.0/33"]}, "allowed_ips has a mistake in number 2"),
        ({"allowed_ips": ["localhost"]}, "allowed_ips has a mistake in number 1"),
        ({"allowed_ips": [""]}, "allowed_ips has a mistake in number 1"),
        ({"grace_multiplier": 2.0, "grace_secs": 60}, "grace_multiplier can't be used with grace_secs"),
        ({"grace_multiplier": 2.0, "schedule": "0 2 * * *"}, "grace_multiplier can't be used with a cron"),
        (
            {"grace_multiplier": 10.0, "interval_secs": 86_400},
            "grace_multiplier must make a grace of at most",
        ),
    ],
)
def test_what_can_not_be_is_refused_by_name(fields: dict[str, Any], sentence: str) -> None:
    assert refused(**fields).startswith(sentence)


@given(st.text(max_size=12) | st.text(string.digits + "mhdsw */,-", max_size=12))
def test_any_schedule_is_a_span_a_cron_expression_or_invalid(text: str) -> None:
    try:
        heartbeat = made(schedule=text)
    except Invalid as error:
        assert error.field == "schedule"
        return
    assert expiry.expected_after(heartbeat.rhythm, NOON) > NOON
    assert made(schedule=heartbeat.schedule).rhythm == heartbeat.rhythm


@pytest.mark.parametrize(
    ("before", "fields", "schedule", "interval"),
    [
        # An interval alone ends a cron schedule or another span, and leaves its own span as written.
        ({"schedule": "0 2 * * *"}, {"interval_secs": 600}, "", 600),
        ({"schedule": "6h"}, {"interval_secs": 600}, "", 600),
        ({"schedule": "6h"}, {"interval_secs": 21_600}, "6h", 21_600),
        ({"schedule": "0 2 * * *", "interval_secs": 600}, {"interval_secs": 600}, "", 600),
        ({"interval_secs": 600}, {"schedule": "2h"}, "2h", 7200),
        ({"interval_secs": 600}, {"schedule": "0 2 * * *"}, "0 2 * * *", 600),
        ({"schedule": "6h"}, {"schedule": ""}, "", 21_600),
        ({"schedule": "0 2 * * *"}, {"schedule": ""}, "", 3600),
        ({"schedule": "0 2 * * *"}, {"schedule": "", "interval_secs": 90}, "", 90),
        ({"schedule": "6h"}, {"schedule": "0 2 * * *", "interval_secs": 90}, "0 2 * * *", 90),
        ({"schedule": "6h"}, {"name": "other"}, "6h", 21_600),
    ],
)
def test_interval_and_schedule_follow_from_each_other(
    before: dict[str, Any], fields: dict[str, Any], schedule: str, interval: int
) -> None:
    heartbeat = changed(made(**before), **fields)
    assert (heartbeat.schedule, heartbeat.interval_secs) == (schedule, interval)


@pytest.mark.parametrize(
    ("before", "fields", "grace"),
    [
        ({}, {"grace_multiplier": 1.0}, 0),
        ({}, {"grace_multiplier": 2.0}, 3600),
        ({}, {"grace_multiplier": 1.5, "interval_secs": 61}, 30),
        ({"schedule": "1h"}, {"grace_multiplier": 3.0}, 7200),
        ({"schedule": "0 2 * * *"}, {"grace_multiplier": 2.0, "schedule": "30m"}, 1800),
        ({"schedule": "0 2 * * *"}, {"grace_multiplier": 2.0, "interval_secs": 600}, 600),
        ({"interval_secs": 86_400}, {"grace_multiplier": 2.0}, 86_400),
    ],
)
def test_a_grace_multiplier_counts_the_interval_itself(
    before: dict[str, Any], fields: dict[str, Any], grace: int
) -> None:
    assert changed(made(**before), **fields).grace_secs == grace


def test_a_multiplier_is_not_kept() -> None:
    heartbeat = changed(made(grace_multiplier=2.0), interval_secs=60)
    assert heartbeat.grace_secs == 3600


# Changed.


def test_nothing_said_changes_nothing() -> None:
    heartbeat = pinged(made(schedule="6h", allowed_ips=["10.0.0.0/8"]))
    assert changed(heartbeat) is heartbeat
    same: dict[str, Any] = {
        "schedule": " 6h",
        "allowed_ips": ["10.1.2.3/8"],
        "status": "active",
        "name": " Backup ",
    }
    assert changed(heartbeat, **same) is heartbeat


def test_a_change_that_has_nothing_to_do_with_time_leaves_the_deadline() -> None:
    heartbeat = pinged(made())
    other = changed(heartbeat, name="Nightly", tags=["a", "a", "b"], severity="critical", public=False)
    assert other.standing is heartbeat.standing
    assert (other.name, other.tags, other.options.severity, other.slug) == (
        "Nightly",
        ("a", "b"),
        "critical",
        "backup-abcdef",
    )
    assert (other.created_at, other.updated_at) == (NOON, NOON + MINUTE)


def test_pause_and_resume_expect_nothing_and_a_whole_period() -> None:
    paused = changed(pinged(made()), status="paused")
    assert (paused.status, paused.standing.due_at) == ("paused", None)
    edited = changed(paused, interval_secs=60)
    assert edited.standing.due_at is None
    resumed = changed(edited, NOON + DAY, paused=False)
    assert (resumed.status, resumed.standing.expected_at) == ("active", NOON + DAY + MINUTE)


def test_resumed_and_edited_in_one_it_begins_by_the_new_schedule() -> None:
    paused = changed(pinged(made()), status="paused")
    resumed = changed(paused, NOON + 10 * MINUTE, status="active", schedule="0 15 * * *", grace_secs=60)
    assert resumed.standing.expected_at == NOON + 3 * HOUR
    assert resumed.standing.due_at == NOON + 3 * HOUR + MINUTE


def test_paused_comes_before_failing() -> None:
    heartbeat = made()
    standing, _ = expiry.pinged(heartbeat.rhythm, heartbeat.standing, "fail", NOON)
    failing = structs.replace(heartbeat, standing=standing)
    assert failing.status == "failing"
    assert changed(failing, status="paused").status == "paused"
    assert changed(changed(failing, status="paused"), status="active").status == "failing"


def test_a_refused_change_leaves_all_as_it_was() -> None:
    heartbeat = made()
    with pytest.raises(Invalid):
        changed(heartbeat, name="other", timezone="Nowhere")
    assert heartbeat == made()


def test_rotated_tokens_change_nothing_else() -> None:
    heartbeat = pinged(made())
    other = rules.rotated(heartbeat, "u" * 64, "v", NOON + 1)
    assert (other.token, other.short_token, other.updated_at) == ("u" * 64, "v", NOON + 1)
    assert other.standing == heartbeat.standing


# Who may ping.


def test_an_allow_list_is_kept_plainly_and_each_once() -> None:
    given_list = [
        "10.1.2.3/8",
        " 192.168.0.1 ",
        "192.168.0.1/32",
        "2001:DB8::1",
        "2001:db8::/32",
        "10.0.0.0/8",
    ]
    assert made(allowed_ips=given_list).allowed_ips == (
        "10.0.0.0/8",
        "192.168.0.1",
        "2001:db8::1",
        "2001:db8::/32",
    )


@pytest.mark.parametrize(
    ("allowed", "source", "let_in"),
    [
        ([], "203.0.113.9", True),
        ([], "", True),
        ([], "junk", True),
        (["203.0.113.9"], "203.0.113.9", True),
        (["203.0.113.9"], "203.0.113.10", False),
        (["203.0.113.0/24"], "203.0.113.255", True),
        (["203.0.113.0/24"], "203.0.114.0", False),
        (["0.0.0.0/0"], "203.0.113.9", True),
        (["0.0.0.0/0"], "2001:db8::1", False),
        (["::/0"], "2001:db8::1", True),
        (["::/0"], "203.0.113.9", False),
        (["2001:db8::/32"], "2001:db8:ffff::1", True),
        (["2001:db8::/32"], "2001:db9::1", False),
        (["2001:db8::1"], "[2001:db8::1]", True),
        (["2001:db8::1"], "2001:0DB8:0::0001", True),
        (["fe80::/10"], "fe80::1%eth0", True),
        # A v4 address that came over a v6 socket.
        (["203.0.113.0/24"], "::ffff:203.0.113.9", True),
        (["203.0.113.0/24"], "::ffff:203.0.114.9", False),
        (["10.0.0.1", "203.0.113.0/24"], "203.0.113.9", True),
        (["203.0.113.9"], "", False),
        (["203.0.113.9"], "203.0.113.9, 10.0.0.1", False),
        (["203.0.113.9"], "203.0.113.9:80", False),
        (["203.0.113.9"], "0xCB007109", False),
        (["203.0.113.9"], "unix:", False),
        (["0.0.0.0/0", "::/0"], "junk", False),
    ],
)
def test_who_may_ping(allowed: list[str], source: str, let_in: bool) -> None:
    assert rules.may_ping(made(allowed_ips=allowed).allowed_ips, source) is let_in


@pytest.mark.parametrize("allowed", ["::ffff:203.0.113.9", "::ffff:203.0.113.0/120"])
def test_an_allow_list_may_name_a_v4_address_by_its_v6_form(allowed: str) -> None:
    assert rules.may_ping(made(allowed_ips=[allowed]).allowed_ips, "::ffff:203.0.113.9")


@given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 32))
def test_an_address_is_let_in_by_every_network_that_holds_it(
    source: ipaddress.IPv4Address | ipaddress.IPv6Address,
    other: ipaddress.IPv4Address | ipaddress.IPv6Address,
    bits: int,
) -> None:
    mapped = getattr(source, "ipv4_mapped", None)
    if mapped is None:
        assert rules.may_ping(made(allowed_ips=[f"{source}/{bits}"]).allowed_ips, str(source))
        network = ipaddress.ip_network(f"{other}/{bits}", strict=False)
        allowed = made(allowed_ips=[str(network)]).allowed_ips
        assert rules.may_ping(allowed, str(source)) is (source in network)


@given(st.text(max_size=40) | st.text("0123456789abcdef.:/%[] ", max_size=40))
def test_any_text_is_an_allowed_range_or_invalid_and_no_source_breaks_it(text: str) -> None:
    try:
        allowed = made(allowed_ips=[text]).allowed_ips
    except Invalid as error:
        assert error.field == "allowed_ips"
        allowed = ("10.0.0.0/8", "2001:db8::/32")
    assert rules.may_ping(allowed, text) in (True, False)
