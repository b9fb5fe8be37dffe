"""`tickd account limits`: shown and set on the database file, beside a daemon or without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Ended, Run
from tests.support.process import served

PLAIN = """\
LIMIT                        MOST  USED
max_jobs                 no limit     0
max_monitors             no limit     0
max_heartbeats           no limit     0
min_interval_secs        no limit
executions_per_month     no limit     0
verifications_per_month  no limit     0
retention_days                 90
"""


@pytest.fixture(autouse=True)
def database(run: Run) -> None:
    """There is one in the folder."""
    assert run("key", "create", "--name", "first").status == 0


def limits(ended: Ended) -> dict[str, Any]:
    """The limits of a command's JSON."""
    found: dict[str, Any] = json.loads(ended.out)["limits"]
    return found


def test_a_fresh_account_has_no_limits(run: Run) -> None:
    assert run("account", "limits") == Ended(0, PLAIN, "")
    assert run("account", "limits", "acc_default").out == PLAIN


def test_what_is_said_is_set_and_the_rest_stays(run: Run) -> None:
    counts = ("max-jobs", "max-monitors", "max-heartbeats", "executions-per-month", "verifications-per-month")
    for number, name in enumerate(counts):
        assert run("account", "limits", f"--{name}", f"{number}").status == 0
    set_ones = run("account", "limits", "--min-interval-secs", "60", "--retention-days", "365", "--json")
    assert json.loads(set_ones.out) == {
        "account_id": "acc_default",
        "limits": {
            "max_jobs": 0,
            "max_monitors": 1,
            "max_heartbeats": 2,
            "min_interval_secs": 60,
            "executions_per_month": 3,
            "verifications_per_month": 4,
            "retention_days": 365,
        },
        "use": {
            "jobs": 0,
            "monitors": 0,
            "heartbeats": 0,
            "executions_this_month": 0,
            "verifications_this_month": 0,
        },
    }
    lifted = run("account", "limits", "--max-jobs", "none", "--min-interval-secs", "None", "--json")
    assert limits(lifted) == limits(set_ones) | {"max_jobs": None, "min_interval_secs": None}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--max-jobs", "-1"),
        ("--max-monitors", "1000001"),
        ("--max-heartbeats", "many"),
        ("--max-heartbeats", "9" * 5_000),
        ("--min-interval-secs", "0"),
        ("--min-interval-secs", "86401"),
        ("--executions-per-month", ""),
        ("--verifications-per-month", "1.5"),
        ("--retention-days", "0"),
        ("--retention-days", "3651"),
        ("--retention-days", "none"),
    ],
)
def test_what_is_out_of_range_changes_nothing(run: Run, option: str, value: str) -> None:
    refused = run("account", "limits", "--max-jobs", "5", option, value)
    assert (refused.status, refused.out) == (2, "")
    assert f"Invalid value for '{option}': must be a whole number " in refused.err
    assert run("account", "limits").out == PLAIN


def test_what_may_be_said_of_a_limit_is_told(run: Run) -> None:
    for option, value, sentence in (
        ("--max-jobs", "many", "must be a whole number between 0 and 1000000, or none for no limit"),
        (
            "--min-interval-secs",
            "0",
            "must be a whole number of seconds between 1 and 86400, or none for no limit",
        ),
        (
            "--retention-days",
            "none",
            "must be a whole number of days between 1 and 3650; history is not kept without a limit",
        ),
    ):
        assert run("account", "limits", option, value).err.endswith(f": {sentence}\n")
    words = " ".join(run("account", "limits", "--help").out.split())
    assert "but a lower --retention-days removes history for ever" in words


def test_history_is_not_removed_unasked(run: Run) -> None:
    question = "History of acc_default older than 7 days is removed for ever. Go on? [y/N]: "
    for typed in ("n\n", ""):
        kept = run("account", "limits", "--retention-days", "7", "--max-jobs", "5", typed=typed)
        assert (kept.status, kept.out) == (1, "")
        assert kept.err.startswith(question)
    assert run("account", "limits").out == PLAIN
    for arguments, typed, days in ((("7",), "y\n", 7), (("1", "--yes"), "", 1), (("30",), "", 30)):
        assert run("account", "limits", "--retention-days", *arguments, typed=typed).status == 0
        assert limits(run("account", "limits", "--json"))["retention_days"] == days


def test_there_must_be_such_an_account_and_a_database(run: Run) -> None:
    for change in ((), ("--max-jobs", "1"), ("--retention-days", "1", "--yes")):
        assert run("account", "limits", "acc_none", *change) == Ended(1, "", "tickd: no account acc_none\n")
    missing = run("account", "limits", "--db", "none.db")
    assert (missing.status, missing.out) == (1, "")
    assert not Path("none.db").exists()


def test_a_daemon_heeds_it_at_once(run: Run, tmp_path: Path) -> None:
    db = str(tmp_path / "tickd.db")
    with served(Path(db)) as tickd:
        for name in "ab":
            body = {"name": name, "schedule": "0 0 29 2 *", "endpoint": "http://127.0.0.1:9/"}
            assert tickd.call("POST", "/v1/jobs", body).status == 201
        lowered = run("account", "limits", "--db", db, "--max-jobs", "1", "--json")
        assert json.loads(lowered.out)["use"]["jobs"] == 2
        refused = tickd.call("POST", "/v1/jobs", body | {"name": "c"})
        assert (refused.status, refused.json) == (402, {"error": "max_jobs: this account may have 1 job"})
        shown = tickd.call("GET", "/v1/account").json
        assert (shown["limits"]["max_jobs"], shown["use"]["jobs"]) == (1, 2)
        assert tickd.call("GET", "/v1/jobs").json["total"] == 2
        assert run("account", "limits", "--db", db, "--max-jobs", "none").status == 0
        assert tickd.call("POST", "/v1/jobs", body | {"name": "c"}).status == 201
