"""`tickd jobs`, `monitors`, `heartbeats` and `incidents` against a daemon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.cli.speaking import Said, Speaking, speaking
from tests.contract.people import key_with
from tests.docs.pages import ROOT
from tests.support.commands import Run
from tests.support.daemon import KEY
from tickd.cli.subjects import ANSWER_IS_NO


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speaking]:
    with speaking(tmp_path_factory.mktemp("there") / "tickd.db") as made:
        made.job("nightly", tags=["prod"])
        made.job("Report", schedule="0 0 2 1 *")
        made.monitor("shop", slug="the-shop", group="Web", tags=["prod"])
        for number in (1, 2):
            made.monitor("twin", slug=f"twin-{number}")
        made.heartbeat("backup", group="Data")
        yield made


@pytest.fixture
def tickd(run: Run, there: Speaking) -> Said:
    there.endpoint.status, there.endpoint.text = 200, "done"
    return Said(run, there.served.url)


def _names(out: str) -> list[str]:
    return [line.split("\t")[2] for line in out.splitlines()[1:]]


# Lists.


def test_a_list_in_a_pipe_is_lines_with_tabs(tickd: Said) -> None:
    ended = tickd("jobs", "list", "--sort", "name")
    assert (ended.status, ended.err) == (0, "")
    titles, first, _ = ended.out.splitlines()
    assert titles == "id\tstate\tname\tsince\tresult\twhen\tnext\tgroup\ttags\ttarget"
    cells = first.split("\t")
    assert cells[1:3] == ["pending", "nightly"]
    assert cells[6] == "2027-01-01T00:00:00Z"
    assert tickd("jobs", "list", "--sort", "name", "--no-header").out == ended.out.split("\n", 1)[1]


def test_a_list_is_filtered(tickd: Said) -> None:
    assert _names(tickd("monitors", "list", "--sort", "name").out) == ["shop", "twin", "twin"]
    assert _names(tickd("monitors", "list", "--group", "Web").out) == ["shop"]
    assert _names(tickd("monitors", "list", "--tag", "prod").out) == ["shop"]
    assert _names(tickd("monitors", "list", "--search", "the-sh").out) == ["shop"]
    assert _names(tickd("monitors", "list", "--state", "down").out) == []
    assert _names(tickd("jobs", "list", "--tag", "prod").out) == ["nightly"]


def test_a_wrong_filter_is_said_before_anything_is_asked(tickd: Said) -> None:
    assert tickd("monitors", "list", "--state", "ill").status == 2
    assert tickd("jobs", "list", "--group", "Web").status == 2


def test_how_many_more_there_are_is_said(tickd: Said) -> None:
    ended = tickd("monitors", "list", "--limit", "1")
    assert len(ended.out.splitlines()) == 2
    assert ended.err == "1 monitor of 3; 2 more: --limit 0 shows all.\n"
    assert tickd("monitors", "list", "--limit", "0").err == ""


def test_a_list_longer_than_a_page_comes_whole(tickd: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tickd.cli.remote.PAGE", 2)
    monkeypatch.setattr("tickd.cli.listing.PAGE", 2)
    assert len(json.loads(tickd("monitors", "list", "--json").out)) == 3
    cut = tickd("monitors", "list", "--limit", "3", "--json")
    assert (len(json.loads(cut.out)), cut.err) == (3, "")


# Naming.


@pytest.mark.parametrize("name", ["shop", "SHOP", "the-shop"])
def test_a_subject_is_named_by_name_or_slug(tickd: Said, name: str) -> None:
    assert json.loads(tickd("monitors", "show", name, "--json").out)["slug"] == "the-shop"


def test_a_subject_is_named_by_its_id(tickd: Said, there: Speaking) -> None:
    made = there.served.call("GET", "/v1/jobs").json["jobs"][0]
    assert json.loads(tickd("jobs", "show", made["id"], "--json").out) == made


def test_a_name_of_two_lists_them(tickd: Said) -> None:
    ended = tickd("monitors", "pause", "twin")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("tickd: 2 monitors are called twin; say which:\n  mon_")
    assert "(twin-1)" in ended.err


@pytest.mark.parametrize("name", ["twi", "mon_0123456789abcdef", "", "/../jobs", "%"])
def test_what_is_not_there_ends_with_4(tickd: Said, name: str) -> None:
    ended = tickd("monitors", "show", name)
    assert (ended.status, ended.out) == (4, "")
    assert ("twin-1" in ended.err) == (name == "twi")


def test_a_wrong_name_among_several_changes_nothing(tickd: Said, there: Speaking) -> None:
    assert tickd("jobs", "pause", "nightly", "nothing").status == 4
    assert {one["status"] for one in there.served.call("GET", "/v1/jobs").json["jobs"]} == {"active"}


# Show.


def test_show_has_every_field_and_no_secret(tickd: Said, there: Speaking) -> None:
    there.job("secret", headers={"Authorization": "Bearer hush", "X-Plain": "seen"})
    ended = tickd("jobs", "show", "secret", "nightly")
    assert ended.status == 0
    assert "hush" not in ended.out
    assert "X-Plain: seen" in ended.out
    lines = [line.split(maxsplit=1) for line in ended.out.splitlines()]
    assert ["name", "secret"] in lines
    assert ["name", "nightly"] in lines
    assert (
        json.loads(tickd("jobs", "show", "secret", "--json").out)["headers"]["Authorization"] == "Bearer hush"
    )


@pytest.mark.parametrize("name", ["\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}", "\u0645\u06cc\u200c\u062e"])
def test_a_name_with_joined_letters_is_shown_as_it_is(tickd: Said, there: Speaking, name: str) -> None:
    made = there.job(name)
    try:
        assert made["name"] == name
        assert name in _names(tickd("jobs", "list").out)
        assert name in tickd("jobs", "show", name).out
    finally:
        there.served.call("DELETE", f"/v1/jobs/{made['id']}")


# Acts.


def test_pausing_is_idempotent_and_takes_several(tickd: Said) -> None:
    for _ in range(2):
        ended = tickd("jobs", "pause", "nightly", "report")
        assert (ended.status, ended.out) == (0, "nightly: paused\nReport: paused\n")
    assert tickd("jobs", "list", "--state", "paused", "--no-header").out.count("\n") == 2
    for _ in range(2):
        assert tickd("jobs", "resume", "nightly", "report").out == "nightly: active\nReport: active\n"
    for noun, name in (("monitors", "shop"), ("heartbeats", "backup")):
        assert tickd(noun, "pause", name).out == f"{name}: paused\n"
        assert tickd(noun, "resume", name).status == 0


def test_a_key_that_may_only_read_changes_nothing(tickd: Said, there: Speaking) -> None:
    ended = tickd("jobs", "pause", "nightly", key=there.served.run(key_with(there.served.harness, "read")))
    assert (ended.status, ended.out) == (1, "")
    assert "scope" in ended.err


def test_a_run_that_is_waited_for_prints_its_output_and_ends_by_its_result(
    tickd: Said, there: Speaking
) -> None:
    there.endpoint.text = "first\nsecond\x1b[2J\n"
    ended = tickd("jobs", "run", "nightly", "--wait")
    assert (ended.status, ended.out) == (0, "first\nsecond\N{REPLACEMENT CHARACTER}[2J\n")
    assert ended.err.startswith("nightly: success  200")
    there.endpoint.status = 500
    ended = tickd("jobs", "run", "nightly", "--wait")
    assert ended.status == ANSWER_IS_NO
    assert ended.err.startswith("nightly: failed  500")


def test_a_run_that_takes_its_time_is_waited_for(tickd: Said, there: Speaking) -> None:
    there.endpoint.gate.clear()
    opener = threading.Timer(0.05, there.served._loop.call_soon_threadsafe, (there.endpoint.gate.set,))
    opener.start()
    assert tickd("jobs", "run", "nightly", "--wait").status == 0
    opener.join()


def test_a_run_that_is_not_waited_for_has_an_id(tickd: Said) -> None:
    ended = tickd("jobs", "run", "nightly", "report")
    assert ended.status == 0
    assert [line.split(": ")[0] for line in ended.out.splitlines()] == ["nightly", "report"]
    assert ended.out.count("  exec_") == 2


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_check_ends_by_its_result(tickd: Said, there: Speaking, verb: str) -> None:
    ended = tickd("monitors", verb, "shop")
    assert ended.status == 0
    assert ended.out.startswith("shop: up  200")
    there.endpoint.status = 503
    ended = tickd("monitors", verb, "shop", "--json")
    assert ended.status == ANSWER_IS_NO
    assert json.loads(ended.out)["status"] == "down"


def test_histories_are_listed_newest_first(tickd: Said, there: Speaking) -> None:
    tickd("monitors", "check", "shop")
    assert tickd("monitors", "checks", "shop", "--limit", "1").out.splitlines()[1].split("\t")[1] == "up"
    runs = json.loads(tickd("jobs", "runs", "nightly", "--json").out)
    assert len(runs) >= 3
    made = there.served.call("GET", "/v1/heartbeats").json["heartbeats"][0]
    there.served.call("POST", f"/p/{made['token']}", key=None, data=b"hello")
    kind = tickd("heartbeats", "pings", "backup", "--no-header").out.split("\t")[1]
    assert kind == "success"


# Incidents.


def test_an_incident_is_listed_shown_and_acknowledged(tickd: Said, there: Speaking) -> None:
    made = there.heartbeat("cold store")
    there.served.call("POST", f"/p/{made['token']}/fail", key=None, data=b"too warm")
    listed = json.loads(tickd("incidents", "list", "--status", "open", "--json").out)
    (mine,) = [one for one in listed if one["subject"]["name"] == "cold store"]
    assert _row(tickd("incidents", "list", "--subject", made["id"]).out)[1] == "open"
    shown = tickd("incidents", "show", mine["id"])
    assert shown.status == 0
    assert mine["id"] in shown.out
    ended = tickd("incidents", "acknowledge", "Cold Store")
    assert (ended.status, ended.out) == (0, "cold store: acknowledged\n")
    assert _row(tickd("incidents", "list", "--subject", made["id"]).out)[7] == "yes"
    there.served.call("POST", f"/p/{made['token']}", key=None)
    assert tickd("incidents", "list", "--status", "open", "--subject", made["id"], "--no-header").out == ""
    assert tickd("incidents", "acknowledge", "cold store").status == 4
    assert tickd("incidents", "acknowledge", mine["id"]).status == 1


def _row(out: str) -> list[str]:
    return out.splitlines()[1].split("\t")


# The example.


def _deploy(url: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "TICKD_URL": url, "TICKD_API_KEY": KEY}
    environment |= {"TICKD": f"{sys.executable} -m tickd", "BACKUP_JOB": "nightly"}
    script = str(ROOT / "examples" / "before_deploy.sh")
    return subprocess.run(["sh", script], env=environment, capture_output=True, text=True, timeout=30)


def test_the_example_goes_on_only_where_all_is_well(tickd: Said, there: Speaking) -> None:
    for job in ("nightly", "secret"):
        assert tickd("jobs", "run", job, "--wait").status == 0
    assert tickd("monitors", "check", "shop").status == 0
    done = _deploy(tickd.url)
    assert (done.returncode, done.stdout.splitlines()[:2]) == (0, ["all is well", "done"]), done.stderr
    assert done.stdout.splitlines()[-1].endswith(" jobs are active")
    there.endpoint.status = 500
    done = _deploy(tickd.url)
    assert done.returncode == 5
    assert "the backup did not succeed" in done.stderr
    done = _deploy(tickd.url)
    assert done.returncode == 5
    assert "something fails already" in done.stderr
    assert _deploy("http://127.0.0.1:9").returncode == 3
