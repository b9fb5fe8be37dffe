"""`tickd import`: another service's file as a manifest, applied to a daemon, and told of in full."""

from __future__ import annotations

import json
import shlex
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.served import Served, serving_beside
from tests.support.commands import Ended, Run
from tests.support.daemon import KEY
from tests.support.importing import EXAMPLES, kuma, with_rows

Env = pytest.MonkeyPatch
SOURCES = {
    "uptime-kuma": ("kuma.db",),
    "healthchecks": (str(EXAMPLES / "checks.json"),),
    "gatus": (str(EXAMPLES / "gatus.yaml"),),
    "crontab": (str(EXAMPLES / "crontab"), "--timezone", "UTC"),
}
MADE = {
    "uptime-kuma": {"channels": 2, "monitors": 5, "heartbeats": 1, "maintenance": 2, "status_pages": 1},
    "healthchecks": {"heartbeats": 3},
    "gatus": {"channels": 1, "monitors": 6, "heartbeats": 1, "maintenance": 2},
    "crontab": {"channels": 1, "jobs": 2, "heartbeats": 3},
}


@pytest.fixture
def database(folder: Path) -> Path:
    """The sample of an Uptime Kuma, as kuma.db in the current directory."""
    return kuma(folder / "kuma.db")


@pytest.fixture
def served(folder: Path, monkeypatch: Env) -> Iterator[Served]:
    """A daemon without anything in it, which the commands talk to."""
    with serving_beside(folder / "tickd.db") as made:
        monkeypatch.setenv("TICKD_API_KEY", KEY)
        monkeypatch.setenv("TICKD_URL", made.url)
        yield made


def believe(path: Path, monkeypatch: Env) -> dict[str, str]:
    """The secrets of a file, put into the environment."""
    found = dict(line.split("=", 1) for line in shlex.split(path.read_text()))
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def report(run: Run, *arguments: str) -> dict[str, Any]:
    """The report of an import as it is for programs."""
    ended = run("import", *arguments, "--json")
    assert ended.status == 0, ended.err
    found: dict[str, Any] = json.loads(ended.err)
    return found


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", ["toml", "yaml"])
def test_what_is_imported_is_what_the_daemon_then_has(
    database: Path, served: Served, run: Run, folder: Path, monkeypatch: Env, source: str, kind: str
) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK", "https://hooks.slack.com/services/x")
    monkeypatch.setenv("SHOP_TOKEN", "shop-token")
    ended = run("import", source, *SOURCES[source], "--output", f"all.{kind}", "--secrets", "all.env")
    assert (ended.status, ended.out) == (0, ""), ended.err
    assert ended.err.splitlines()[-1] == f"Next: set -a; . ./all.env; set +a; tickd apply all.{kind}"
    believe(folder / "all.env", monkeypatch)
    applied = run("apply", f"all.{kind}", "--yes")
    assert applied.status == 0, applied.err
    for section, count in MADE[source].items():
        path = section.replace("_", "-")
        assert served.call("GET", f"/v1/{path}").json["total"] == count, section
    again = run("apply", f"all.{kind}", "--check")
    assert again.status == 0, again.out


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("uptime-kuma", "/api/push/aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY?status=up&msg=OK&ping="),
        ("healthchecks", "/ping/6f2a1c8e-3b7d-4c55-9a0e-2d4f7b8c1e93"),
        ("healthchecks", "/ping/6f2a1c8e-3b7d-4c55-9a0e-2d4f7b8c1e93/start"),
        ("gatus", "/p/gatus-token-of-nightly"),
    ],
)
def test_pings_of_there_arrive_here(
    database: Path, served: Served, run: Run, folder: Path, monkeypatch: Env, source: str, path: str
) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK", "https://hooks.slack.com/services/x")
    monkeypatch.setenv("SHOP_TOKEN", "shop-token")
    run("import", source, *SOURCES[source], "--output", "all.toml", "--secrets", "all.env")
    believe(folder / "all.env", monkeypatch)
    assert served.call("GET", path, key=None).status == 404
    assert run("apply", "all.toml", "--yes").status == 0
    assert served.call("GET", path, key=None).status == 200


def test_the_crontab_that_comes_out_pings(served: Served, run: Run, folder: Path, monkeypatch: Env) -> None:
    ended = run(
        *("import", "crontab", str(EXAMPLES / "crontab"), "--output", "all.toml", "--secrets", "all.env"),
        *("--crontab", "new.cron", "--base-url", served.url + "/"),
    )
    assert ended.status == 0, ended.err
    believe(folder / "all.env", monkeypatch)
    assert run("apply", "all.toml", "--yes").status == 0
    text = (folder / "new.cron").read_text()
    pings = [word.removesuffix("/$?") for word in text.split() if word.startswith(f"{served.url}/p/")]
    assert len(pings) == 3
    for url in pings:
        assert served.call("GET", url.removeprefix(served.url) + "/0", key=None).status == 200
    assert text.count("# tickd calls this: ") == 2
    assert "@reboot /usr/local/bin/warm-up" in text


def test_secrets_are_in_their_own_file_alone(database: Path, run: Run, folder: Path) -> None:
    ended = run("import", "uptime-kuma", "kuma.db", "--output", "all.toml", "--secrets", "all.env")
    secrets = ["2f9c", "api/webhooks/1/secret", "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY"]
    kept = (folder / "all.env").read_text()
    for secret in secrets:
        assert secret in kept
        assert secret not in (folder / "all.toml").read_text() + ended.err + ended.out
    assert stat.S_IMODE((folder / "all.env").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "all.toml").stat().st_mode) == 0o644
    assert [one.name for one in folder.iterdir() if ".tmp" in one.name] == []


def test_without_a_file_the_manifest_goes_to_standard_output(database: Path, run: Run) -> None:
    toml = run("import", "uptime-kuma", "kuma.db")
    as_yaml = run("import", "uptime-kuma", "kuma.db", "--format", "yaml")
    assert tomllib.loads(toml.out) == yaml.safe_load(as_yaml.out)
    assert "Secrets: 3 are named, and not written; --secrets FILE does." in toml.err


def test_standard_input_is_read(run: Run) -> None:
    ended = run("import", "crontab", "-", "--timezone", "Asia/Tokyo", typed="0 2 * * * backup\n")
    assert tomllib.loads(ended.out)["heartbeats"]["backup"]["timezone"] == "Asia/Tokyo"
    ended = run("import", "healthchecks", "-", typed='[{"name": "x", "timeout": 60}]')
    assert tomllib.loads(ended.out)["heartbeats"]["x"]["interval_secs"] == 60


def test_the_zone_of_the_machine_is_taken(run: Run, monkeypatch: Env) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    ended = run("import", "crontab", "-", typed="0 2 * * * backup\n")
    assert tomllib.loads(ended.out)["heartbeats"]["backup"]["timezone"] == "America/New_York"


@pytest.mark.parametrize("source", SOURCES)
def test_every_item_of_the_source_is_in_the_report(database: Path, run: Run, source: str) -> None:
    found = report(run, source, *SOURCES[source])
    assert found["source"] == source
    assert all(item["became"] or item["lost"] for item in found["items"])
    names = {item["name"] for item in found["items"]}
    wanted = {
        "uptime-kuma": {"Production", "Shop", "Router", "Pager", "Deploys"},
        "healthchecks": {"Nightly backup", "Invoices", "Reports"},
        "gatus": {"shop", "router", "pagerduty", "nightly"},
        "crontab": {"MAILTO", "CRON_TZ", "backup.sh", "warm-up"},
    }
    assert wanted[source] <= names


def test_the_report_in_words(database: Path, run: Run) -> None:
    lines = run("import", "uptime-kuma", "kuma.db", "--output", "all.toml").err.splitlines()
    assert lines[0] == "NOT CARRIED OVER"
    assert "  monitor Router" in lines
    assert "  monitor Shop -> monitors.shop" in lines
    assert "    changed: interval_secs: 30 s, not 20 s, as tickd takes 30 to 86400 s" in lines
    made = "Made: 2 channels, 5 monitors, 1 heartbeat, 2 maintenance, 1 status page."
    assert any(line.startswith(made) for line in lines)


def test_files_that_are_there_are_kept_unless_forced(database: Path, run: Run, folder: Path) -> None:
    (folder / "all.env").write_text("mine")
    arguments = ("import", "uptime-kuma", "kuma.db", "--output", "all.toml", "--secrets", "all.env")
    ended = run(*arguments)
    assert (ended.status, ended.err) == (1, "tickd: all.env is there already; give --force to replace it\n")
    assert not (folder / "all.toml").exists()
    assert run(*arguments, "--force").status == 0
    assert (folder / "all.env").read_text() != "mine"
    assert stat.S_IMODE((folder / "all.env").stat().st_mode) == 0o600


def refused(run: Run, *arguments: str, **more: Any) -> str:
    """The sentence that a command ends with."""
    ended: Ended = run("import", *arguments, **more)
    assert ended.status == 1, ended
    assert ended.out == ""
    assert ended.err.startswith("tickd: ") and ended.err.count("\n") == 1, ended.err
    return ended.err


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 9,
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b"{" * 100_000,
        b"no\n",
        b"SQLite format 3\0" + b"x" * 5000,
    ],
    ids=["empty", "zeros", "not utf-8", "deep", "deeper", "no", "false database"],
)
def test_a_file_of_something_else_is_refused_in_a_sentence(
    run: Run, folder: Path, source: str, content: bytes
) -> None:
    (folder / "file").write_bytes(content)
    assert "file" in refused(run, source, "file")


@pytest.mark.parametrize("source", SOURCES)
def test_a_file_that_is_not_there(run: Run, source: str) -> None:
    assert "nowhere" in refused(run, source, "nowhere")


def test_a_bomb_of_aliases(run: Run, folder: Path) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
    (folder / "bomb.yaml").write_text("\n".join(lines) + "\nendpoints: *a11\n")
    assert "over 500,000 values" in refused(run, "gatus", "bomb.yaml")


def test_what_the_terminal_would_obey_is_not_printed(run: Run, database: Path) -> None:
    name = "\x1b]0;owned\x07\x1b[2J\u202eevil" + "x" * 1000
    with_rows(database, "monitor", {"name": name, "type": "http", "url": name, "interval": 60})
    ended = run("import", "uptime-kuma", "kuma.db")
    assert ended.status == 0
    assert all(letter.isprintable() or letter == "\n" for letter in ended.err + ended.out)
    assert max(map(len, ended.err.splitlines())) < 400


@pytest.mark.parametrize("value", [None, -1, 1e300, "x", b"\xff\x00", "", "[", "{}", '"', 2**62])
def test_columns_of_the_wrong_type_end_in_no_fault(run: Run, database: Path, value: object) -> None:
    names = [
        *(
            "name",
            "active",
            "interval",
            "url",
            "maxretries",
            "timeout",
            "accepted_statuscodes_json",
            "headers",
        ),
        *("retry_interval", "parent", "maxredirects", "method", "body", "port", "push_token", "conditions"),
    ]
    for number, column in enumerate(names):
        row: dict[str, Any] = {
            "id": 100 + number,
            "name": column,
            "type": "http",
            "url": "https://example.com/",
        }
        usable = value if value is not None or column in ("name", "url", "body") else ""
        with_rows(database, "monitor", row | {column: usable})
    found = report(run, "uptime-kuma", "kuma.db")
    assert all(item["became"] or item["lost"] for item in found["items"])


def test_crontab_needs_an_address_for_its_pings(run: Run) -> None:
    ended = run("import", "crontab", str(EXAMPLES / "crontab"), "--crontab", "new.cron")
    assert ended.status == 2
    assert "--crontab needs --base-url" in ended.err


def test_two_files_of_one_name(run: Run, database: Path) -> None:
    ended = run("import", "uptime-kuma", "kuma.db", "--output", "a.toml", "--secrets", "a.toml")
    assert ended.status == 2
    assert not Path("a.toml").exists()


def test_forced_files_keep_their_links_and_permissions(run: Run, database: Path, folder: Path) -> None:
    (folder / "real.toml").write_text("old")
    (folder / "real.toml").chmod(0o640)
    (folder / "a.toml").symlink_to("real.toml")
    assert run("import", "uptime-kuma", "kuma.db", "--output", "a.toml", "--force").status == 0
    assert (folder / "a.toml").is_symlink()
    assert "[monitors." in (folder / "real.toml").read_text()
    assert stat.S_IMODE((folder / "real.toml").stat().st_mode) == 0o640
