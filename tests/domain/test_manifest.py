"""Manifests: names of variables, references, what is left out, and the plan that follows."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain import manifest, plans
from tickd.domain.headers import MASK
from tickd.domain.manifest import SECTIONS, Variables
from tickd.domain.manifest_checks import shape
from tickd.domain.manifest_views import Names, defaults, led_to, trimmed
from tickd.domain.plans import Thing, Wanted, made


def test_a_variable_says_what_it_is_of() -> None:
    names = Variables()
    assert names.name("channels", "ops mail", "url") == "TICKD_CHANNEL_OPS_MAIL_URL"
    assert names.name("channels", "Ops-Mail", "url") == "TICKD_CHANNEL_OPS_MAIL_URL_2"
    assert names.name("jobs", "über", "headers", "X-Api-Key") == "TICKD_JOB_UBER_HEADER_X_API_KEY"
    assert names.name("account", "", "webhook_secret") == "TICKD_ACCOUNT_WEBHOOK_SECRET"


@given(st.lists(st.text(min_size=1, max_size=10), max_size=8))
def test_a_variable_is_one_and_a_shell_can_have_it(keys: list[str]) -> None:
    names = Variables()
    found = [names.name("jobs", key, "signing_secret") for key in keys]
    assert len(set(found)) == len(keys)
    assert all(re.fullmatch(r"TICKD_[A-Z0-9_]+", name) for name in found)


@pytest.mark.parametrize(
    ("text", "field", "places"),
    [
        ("monitor:shop", "depends_on", [("monitors", "shop")]),
        ("job:a:b", "depends_on", [("jobs", "a:b")]),
        ("shop", "depends_on", []),
        ("channel:ops", "depends_on", []),
        ("monitor:", "depends_on", []),
        ("shop", "requires", [("monitors", "shop"), ("heartbeats", "shop")]),
        ("job:nightly", "requires", []),
        ("a: b", "channels", [("channels", "a: b")]),
    ],
)
def test_what_a_reference_may_mean(text: str, field: str, places: list[tuple[str, str]]) -> None:
    assert led_to(text, SECTIONS["jobs"].refers[field]) == places


def test_a_default_follows_from_the_other_fields() -> None:
    heartbeats = SECTIONS["heartbeats"]
    assert defaults(heartbeats, {"name": "a", "slug": "a", "schedule": ""})["grace_secs"] == 300
    spanned = defaults(heartbeats, {"name": "a", "slug": "a", "schedule": "6h"})
    assert (spanned["grace_secs"], spanned["interval_secs"]) == (1800, 21_600)
    said = {"name": "a", "slug": "a", "schedule": "6h", "interval_secs": 21_600, "grace_secs": 300}
    assert trimmed(heartbeats, "a", said) == {"schedule": "6h", "grace_secs": 300}


@pytest.mark.parametrize(
    "wrong", [{"version": True}, {"jobs": []}, {"jobs": {"a": None}}, {"account": {"id": "x"}}, {"": {}}]
)
def test_a_shape_that_is_wrong(wrong: dict[str, Any]) -> None:
    assert len(list(shape(wrong))) == 1


def test_an_empty_section_is_none() -> None:
    assert list(shape({"version": 1, "jobs": None, "channels": {}, "account": None})) == []
    assert manifest.ordered({"jobs": {}, "account": None}) == manifest.empty()


def window(key: str, day: str) -> Wanted:
    return Wanted("maintenance", key, {"name": "m", "day": day})


def test_windows_of_one_name_are_told_apart_by_what_they_say() -> None:
    there = [Thing("maintenance", "m", "1", {"name": "m", "day": "friday"})]
    there.append(Thing("maintenance", "m #2", "2", {"name": "m", "day": "monday"}))
    plan = made([window("m", "monday"), window("m #2", "friday")], there, prune=set(), renew=False)
    assert (plan.changes, plan.unchanged) == ((), 2)
    three = [window("m", "monday"), window("m #2", "sunday"), window("m #3", "friday")]
    changes = made(three, there, prune={"maintenance"}, renew=False).changes
    assert [(one.action, one.key) for one in changes] == [("create", "m #2")]
    one_left = made([window("m", "monday")], there, prune={"maintenance"}, renew=False).changes
    assert [(one.action, one.id) for one in one_left] == [("delete", "1")]


@pytest.mark.parametrize(
    ("old", "new", "renew", "found"),
    [
        ("", "a", False, (1, 0)),
        ("a", "b", False, (1, 0)),
        ("a", "a", True, (0, 0)),
        ("a", MASK, True, (0, 0)),
        (MASK, MASK, True, (0, 0)),
        (MASK, "a", False, (0, 1)),
        (MASK, "a", True, (1, 0)),
        (MASK, "", False, (1, 0)),
    ],
)
def test_which_secrets_differ(old: str, new: str, renew: bool, found: tuple[int, int]) -> None:
    differences, hidden = plans.compared("channels", {"token": old}, {"token": new}, renew=renew)
    assert (len(differences), hidden) == found
    assert all((one.old, one.new, one.is_secret) == (None, None, True) for one in differences)
    inside = ({"headers": {"Cookie": old}}, {"headers": {"Cookie": new}})
    assert [one.name for one in plans.compared("jobs", *inside, renew=renew)[0]] == [
        "headers.Cookie"
    ] * found[0]


def test_what_is_not_there_yet_is_sent_later() -> None:
    names = Names()
    names.add("monitors", "a", "mon_1")
    fields = {"depends_on": ["monitor:a", "job:b"], "tags": ["x"], "token": MASK}
    assert plans.body(fields, "heartbeats", names) == {"depends_on": ["mon_1"], "tags": ["x"]}
    assert plans.waits(fields, "heartbeats", names)
    names.add("jobs", "b", "job_1")
    assert not plans.waits(fields, "heartbeats", names)
