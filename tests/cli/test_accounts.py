"""`tickd account`: several accounts on one daemon, from the command line."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.support.commands import Ended, Run
from tests.support.process import eventually, served


@pytest.fixture
def acme(run: Run) -> str:
    """The id of a second account."""
    return run("account", "create", "Acme GmbH").out.strip()


def test_an_account_is_made_and_what_comes_next_is_said(run: Run) -> None:
    made = run("account", "create", " Acme GmbH ")
    assert made.status == 0
    assert re.fullmatch(r"acc_[0-9a-z]{16}\n", made.out)
    identifier = made.out.strip()
    assert f"tickd key create --account {identifier} --name first --scope admin" in made.err
    assert f"tickd user add EMAIL --account {identifier}" in made.err
    assert "is a new database" in made.err
    key = run("key", "create", "--account", identifier, "--name", "first", "--scope", "admin")
    assert (key.status, key.out.startswith("tk_")) == (0, True)
    user = run("user", "add", "ada@example.com", "--account", identifier, "--generate")
    assert (user.status, "as an owner" in user.err) == (0, True)
    listed = run("key", "list", "--account", identifier)
    assert [line.split()[0][:4] for line in listed.out.splitlines()] == ["key_"]
    assert run("key", "list").out == ""
    key_id = listed.out.split()[0]
    assert run("key", "revoke", key_id).status == 1
    assert run("key", "revoke", "--account", identifier, key_id).out == f"{key_id} is revoked.\n"


@pytest.mark.parametrize("name", ["", " ", "a\tb", "x" * 201, "a\nb"])
def test_a_name_that_can_not_be(run: Run, name: str) -> None:
    refused = run("account", "create", name)
    assert (refused.status, refused.out) == (1, "")
    assert refused.err.endswith("tickd: name must be 1 to 200 printable characters\n")


def test_two_accounts_may_have_one_name(run: Run, acme: str) -> None:
    again = run("account", "create", "Acme GmbH").out.strip()
    assert again != acme
    assert run("account", "list").out.count("Acme GmbH") == 2


def test_the_list_fits_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("account", "create", "A name of some length " * 9)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for columns in (80, 100, 200):
        lines = run("account", "list", columns=columns).out.splitlines()
        assert max(map(len, lines)) <= columns
        assert len(lines) == 3
        assert lines[0].split() == ["ID", "STATE", "JOBS", "MONITORS", "HEARTBEATS", "CREATED", "NAME"]
    assert lines[2].endswith("A name of some length …") or "…" in lines[2]
    first = lines[1].split()
    assert [first[0], *first[1:5], first[6]] == ["acc_default", "active", "0", "0", "0", "default"]


def test_a_list_that_goes_elsewhere_than_to_a_terminal_is_whole(run: Run) -> None:
    name = ("A name of some length " * 9).strip()
    run("account", "create", name)
    assert run("account", "list", columns=80).out.splitlines()[2].endswith(f"  {name}")


def test_a_key_of_a_suspended_account_is_said_to_be_refused(run: Run, acme: str) -> None:
    def made() -> Ended:
        return run("key", "create", "--account", acme, "--name", "a")

    said = f"{acme} is suspended: the key is refused until you run tickd account resume {acme}\n"
    assert "suspended" not in made().err
    run("account", "suspend", acme)
    late = made()
    assert (late.status, late.out.startswith("tk_"), late.err.endswith(said)) == (0, True, True)
    run("account", "resume", acme)
    assert "suspended" not in made().err


def test_help_says_what_suspension_leaves_and_when_it_begins(run: Run, acme: str) -> None:
    words = " ".join(run("account", "suspend", "--help").out.split())
    assert "Pings are still answered with 200" in words
    for command in ("suspend", "resume"):
        words = " ".join(run("account", command, "--help").out.split())
        assert "A running daemon heeds it within about a second." in words
        assert run("account", command, acme).out.endswith(
            "; a running daemon heeds it within about a second.\n"
        )
    assert "limits" in run("account", "--help").out.splitlines()[2]


def test_the_list_as_json(run: Run, acme: str) -> None:
    run("account", "suspend", acme)
    first, second = json.loads(run("account", "list", "--json").out)
    assert (first["id"], first["state"], first["suspended_at"]) == ("acc_default", "active", None)
    assert (second["id"], second["name"], second["state"]) == (acme, "Acme GmbH", "suspended")
    assert second["suspended_at"] >= second["created_at"]
    assert (second["jobs"], second["monitors"], second["heartbeats"]) == (0, 0, 0)


def test_suspending_twice_is_as_once(run: Run, acme: str) -> None:
    for _ in range(2):
        assert run("account", "suspend", acme).status == 0
    since = json.loads(run("account", "list", "--json").out)[1]["suspended_at"]
    run("account", "suspend", acme)
    assert json.loads(run("account", "list", "--json").out)[1]["suspended_at"] == since
    for _ in range(2):
        resumed = run("account", "resume", acme)
        assert (resumed.status, resumed.out.startswith(f"{acme} is active")) == (0, True)
    assert "suspended" not in run("account", "list").out


def test_the_first_account_is_not_suspended(run: Run, acme: str) -> None:
    refused = run("account", "suspend", "acc_default")
    sentence = "tickd: acc_default is the daemon's own account; it can't be suspended\n"
    assert (refused.status, refused.err) == (1, sentence)
    assert run("account", "resume", "acc_default").status == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("account", "suspend", "acc_none"),
        ("account", "resume", "acc_none"),
        ("account", "limits", "acc_none"),
        ("key", "create", "--account", "acc_none", "--name", "a"),
        ("key", "list", "--account", "acc_none"),
        ("user", "list", "--account", "acc_none"),
        ("user", "add", "ada@example.com", "--account", "acc_none", "--generate"),
    ],
    ids=" ".join,
)
def test_an_account_that_is_not_there(run: Run, acme: str, arguments: tuple[str, ...]) -> None:
    refused = run(*arguments)
    assert (refused.status, refused.out, refused.err) == (1, "", "tickd: no account acc_none\n")


def test_nothing_but_making_begins_a_file(run: Run, folder: Path) -> None:
    for command in (("list",), ("suspend", "acc_none"), ("resume", "acc_none")):
        refused = run("account", *command)
        assert (refused.status, "there is no database" in refused.err) == (1, True)
    assert list(folder.iterdir()) == []


def test_a_running_daemon_heeds_it(run: Run, folder: Path) -> None:
    db = folder / "tickd.db"
    with served(db) as child:
        acme = run("account", "create", "Acme").out.strip()
        key = run("key", "create", "--account", acme, "--name", "a").out.strip()
        job = {"name": "j", "schedule": "* * * * *", "endpoint": "http://127.0.0.1:9/"}
        page = {"slug": "open", "visibility": "public"}
        assert child.call("POST", "/v1/jobs", job, key=key).status == 201
        assert child.call("POST", "/v1/status-pages", page, key=key).status == 201
        assert child.call("GET", "/status/open", key=None).status == 200
        run("account", "suspend", acme)
        refused = child.call("GET", "/v1/jobs", key=key)
        assert (refused.status, refused.json) == (403, {"error": "this account is suspended"})
        eventually(lambda: child.call("GET", "/status/open", key=None).status == 404, 3.0)
        assert child.call("GET", "/v1/jobs").status == 200
        run("account", "resume", acme)
        assert child.call("GET", "/v1/jobs", key=key).status == 200
        eventually(lambda: child.call("GET", "/status/open", key=None).status == 200, 3.0)
