"""The command line as its user meets it: what it prints where, and how it ends."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import click
import pytest

from tests.support.commands import Ended, Run
from tickd import __version__, cli


def _sentence(ended: Ended) -> str:
    """The one line of a command that failed: no traceback, nothing on standard output."""
    assert (ended.status, ended.out) == (1, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("tickd: ")
    return line.removeprefix("tickd: ")


def _paths(command: click.Command, *above: str) -> list[tuple[str, ...]]:
    """Every command below this one, as the words that lead to it."""
    below = command.commands if isinstance(command, click.Group) else {}
    return [above, *(path for name, one in below.items() for path in _paths(one, *above, name))]


# Help.


@pytest.mark.parametrize("path", _paths(cli.tickd), ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help(run: Run, path: tuple[str, ...], option: str) -> None:
    ended = run(*path, option)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: {' '.join(('tickd', *path))} ")
    assert "--help" in ended.out


def test_help_begins_with_all_that_it_does_on_one_line(run: Run) -> None:
    does = run("--help").out.splitlines()[2]
    assert does == "  Fires cron jobs, watches services and heartbeats, verifies e-mail addresses."


def test_the_version(run: Run) -> None:
    assert run("--version") == Ended(0, f"tickd, version {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["nope"], ["next"], ["key", "revoke"], ["serve", "--nope"]])
def test_a_command_line_that_cant_be_read_ends_with_2(run: Run, arguments: list[str]) -> None:
    ended = run(*arguments)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("Usage: tickd")
    assert "Error: " in ended.err


# Keys.


def test_the_key_alone_is_on_standard_output(run: Run, folder: Path) -> None:
    made = run("key", "create", "--name", "laptop", "--scope", "admin")
    assert made.status == 0
    assert re.fullmatch(r"tk_\w{40}\n", made.out)
    new, kept = made.err.splitlines()
    assert new.startswith(f"{folder / 'tickd.db'} is a new database. ")
    assert re.fullmatch(r"key_\w{16} 'laptop', admin; keep the key, it is not shown again\.", kept)


def test_only_a_new_file_is_announced(run: Run, folder: Path) -> None:
    assert "new database" in run("key", "create", "--name", "a").err
    assert "new database" not in run("key", "create", "--name", "b").err
    assert f"{folder / 'other.db'} is a new" in run("key", "create", "--name", "c", "--db", "other.db").err
    listed = run("key", "list", "--db", "other.db")
    assert (len(listed.out.splitlines()), listed.err) == (1, "")


def test_a_key_is_listed_until_it_is_revoked(run: Run) -> None:
    secret = run("key", "create", "--name", "laptop").out.strip()
    listed = run("key", "list")
    assert (listed.status, listed.err) == (0, "")
    identifier, start, scopes, used, name = re.split(r" {2,}", listed.out.strip())
    assert (scopes, used, name) == ("read,write", "never used", "laptop")
    assert secret.startswith(start.rstrip("…"))
    assert secret not in listed.out
    assert run("key", "revoke", identifier) == Ended(0, f"{identifier} is revoked.\n", "")
    gone = run("key", "list")
    assert (gone.status, gone.out) == (0, "")
    assert gone.err.startswith("No keys. Make one with: tickd key create ")
    assert _sentence(run("key", "revoke", identifier)) == f"no key {identifier}"


def test_the_database_may_come_from_the_environment(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKD_DB", "mine.db")
    run("key", "create", "--name", "a")
    assert Path(folder, "mine.db").exists()
    assert not Path(folder, "tickd.db").exists()


def test_a_key_without_a_good_name_or_scope_is_refused(run: Run) -> None:
    run("key", "create", "--name", "a")
    assert _sentence(run("key", "create", "--name", "")) == "name must be 1 to 100 printable characters"
    ended = run("key", "create", "--name", "a", "--scope", "root")
    assert (ended.status, "'root' is not one of 'read', 'write'" in ended.err) == (2, True)


# The database that is not there.


@pytest.mark.parametrize("arguments", [["key", "list"], ["key", "revoke", "key_1"]])
def test_no_file_is_made_to_look_into_it(run: Run, folder: Path, arguments: list[str]) -> None:
    said = _sentence(run(*arguments))
    assert said == f"there is no database {folder / 'tickd.db'}; name it with --db"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["key", "create", "--name", "a"], ["key", "list"], ["key", "revoke", "key_1"], ["serve"]],
    ids=" ".join,
)
@pytest.mark.parametrize(
    ("db", "said"),
    [
        ("nope/x.db", "the directory nope of the database nope/x.db does not exist; make it first"),
        ("folder", "folder is a directory; --db names a file, such as folder/tickd.db"),
        ("file/x.db", "file is not a directory, so file/x.db can't be the database"),
    ],
)
def test_a_path_that_cant_be_a_database_is_explained(
    run: Run, folder: Path, arguments: list[str], db: str, said: str
) -> None:
    Path(folder, "folder").mkdir()
    Path(folder, "file").touch()
    assert _sentence(run(*arguments, "--db", db)) == said
    assert sorted(path.name for path in folder.rglob("*")) == ["file", "folder"]


@pytest.mark.parametrize("arguments", [["key", "list"], ["key", "create", "--name", "a"], ["serve"]])
def test_a_file_that_is_no_database_is_named(run: Run, folder: Path, arguments: list[str]) -> None:
    Path(folder, "notes.txt").write_text("not a database at all, but longer than its header is\n" * 20)
    assert _sentence(run(*arguments, "--db", "notes.txt")) == "notes.txt is not a database"


# Settings.


@pytest.mark.parametrize(
    ("arguments", "environment", "file", "said"),
    [
        (["--max-calls", "0"], {}, "", "--max-calls must be a whole number between 1 and 5000"),
        ([], {"TICKD_MAX_CALLS": "0"}, "", "TICKD_MAX_CALLS must be a whole number between 1 and 5000"),
        ([], {}, "max_calls = 0", "max_calls in my.toml must be a whole number between 1 and 5000"),
        ([], {}, "nope = 1", "my.toml has an unknown setting: nope"),
        ([], {}, "nope", "my.toml is not valid TOML: "),
        (
            ["--trusted-proxy", "::1", "--trusted-proxy", "proxy"],
            {},
            "",
            "--trusted-proxy 'proxy' must be an IP address or a CIDR range",
        ),
        (
            [],
            {"TICKD_DISPOSABLE_DOMAIN": "a.com, b c.com"},
            "",
            "TICKD_DISPOSABLE_DOMAIN 'b c.com' must be a domain name",
        ),
        (
            [],
            {},
            'allowed_domain = ["a.com", "-b.com"]',
            "allowed_domain in my.toml '-b.com' must be a domain name",
        ),
        (["--base-url", "tickd.example.com"], {}, "", "--base-url must be an address such as https://"),
    ],
)
def test_a_wrong_setting_is_named_as_it_was_given(
    run: Run,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: dict[str, str],
    file: str,
    said: str,
) -> None:
    Path(folder, "my.toml").write_text(file)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _sentence(run("serve", "--config", "my.toml", *arguments)).startswith(said)
    assert not Path(folder, "tickd.db").exists()


def test_a_file_of_settings_that_is_missing_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "can't read nope.toml: No such file or directory"
    assert _sentence(run("serve", "--config", "nope.toml")) == said
    monkeypatch.setenv("TICKD_CONFIG", "nope.toml")
    assert _sentence(run("serve")) == said


def test_dev_listens_on_this_machine_alone(run: Run) -> None:
    ended = run("dev", "--listen", "0.0.0.0:0")
    assert (ended.status, ended.out) == (2, "")
    assert "listens on this machine alone: 127.0.0.1" in ended.err


# Schedules.


def test_next_says_when_in_words_and_in_both_zones(run: Run) -> None:
    ended = run("next", "30 2 * * 1-5", "--timezone", "Europe/Berlin", "--count", "3")
    assert (ended.status, ended.err) == (0, "")
    words, *lines = ended.out.splitlines()
    assert words == "At 02:30, Monday through Friday (Europe/Berlin)"
    assert len(lines) == 3
    for line in lines:
        here, there = line.split("  ")
        assert datetime.strptime(here, "%a %Y-%m-%d %H:%M:%S %z") == datetime.fromisoformat(there)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "schedule has 1 field, but needs five: minute hour day-of-month month day-of-week"),
        (["0 0 30 2 *"], "schedule never fires: "),
        (["@reboot"], "schedule "),
        (
            ["@daily", "--timezone", "Mars/Olympus"],
            "timezone must be an IANA time zone such as Europe/Berlin",
        ),
    ],
)
def test_next_refuses_in_a_sentence(run: Run, arguments: list[str], said: str) -> None:
    assert _sentence(run("next", *arguments)).startswith(said)


@pytest.mark.parametrize("timezone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_next_ends_where_the_calendar_does(run: Run, timezone: str) -> None:
    ended = run("next", "0 0 29 2 */7", "--timezone", timezone, "--count", "1000")
    assert ended.status == 1
    assert len(ended.out.splitlines()) > 100
    assert ended.err == "tickd: schedule has no further occurrence before the year 10000\n"


@pytest.mark.parametrize("count", ["0", "1001", "x"])
def test_next_has_a_most(run: Run, count: str) -> None:
    ended = run("next", "@daily", "--count", count)
    assert (ended.status, ended.out) == (2, "")
    assert "Invalid value for '--count'" in ended.err
