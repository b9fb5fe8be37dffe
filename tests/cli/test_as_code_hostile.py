"""`tickd export` and `tickd apply`: what must not be told, overwritten, or left half done."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.cli.test_as_code import SMALL, Env, found, write
from tests.cli.test_as_code import served as served
from tests.contract.served import Served
from tests.support.commands import Run
from tickd.cli import planning

HIDDEN = """
[monitors.m]
url = { env = "PLACE" }
method = "POST"
body = { file = "body.txt" }
headers = { X-Plain = { env = "PLAIN" } }
alert_email = { env = "MAIL" }
"""


def test_what_came_by_reference_is_never_told(
    served: Served, run: Run, folder: Path, monkeypatch: Env
) -> None:
    said = {"PLACE": "https://a.example.com/k3y-1", "PLAIN": "pl41n-1", "MAIL": "m41l-1@example.com"}
    for name, text in said.items():
        monkeypatch.setenv(name, text)
    write(folder, "b0dy-1", "body.txt")
    assert run("apply", write(folder, HIDDEN), "--yes").status == 0
    for name, text in said.items():
        monkeypatch.setenv(name, text.replace("-1", "-2"))
    write(folder, "b0dy-2", "body.txt")
    planned = run("apply", "a.toml", "--check")
    assert planned.status == 5
    for field in ("url", "body", "headers.X-Plain", "alert_email"):
        assert f"    {field}: (by reference) changes\n" in planned.out
    for secret in ("k3y-", "b0dy-", "pl41n-", "m41l-"):
        assert secret not in planned.out + planned.err


def test_a_reason_quotes_nothing_that_came_by_reference(
    served: Served, run: Run, folder: Path, monkeypatch: Env
) -> None:
    for name, text in {"PLACE": "ftp://s3cret.example", "PLAIN": "x", "MAIL": "s3cret-two"}.items():
        monkeypatch.setenv(name, text)
    write(folder, "x", "body.txt")
    refused = run("apply", write(folder, HIDDEN + '[account]\nfallback_channel = { env = "MAIL" }'), "--yes")
    untold = "is refused; the reason would tell its value, which came by reference"
    assert f'monitors."m".alert_email {untold}' in refused.err
    assert f"account.fallback_channel {untold}" in refused.err
    # A reason that would be the same for any other value is told.
    assert 'monitors."m".url must be' in refused.err
    assert "s3cret" not in refused.err


def test_what_the_daemon_says_midway_quotes_nothing_either(
    served: Served, run: Run, folder: Path, monkeypatch: Env
) -> None:
    acme = run("account", "create", "Acme", "--db", "one.db").out.strip()
    key = run("key", "create", "--account", acme, "--name", "x", "--scope", "write", "--db", "one.db").out
    page = {"slug": "theirs", "custom_domain": "s3cret.example.com"}
    assert served.call("POST", "/v1/status-pages", page, key=key.strip()).status == 201
    monkeypatch.setenv("DOMAIN", "s3cret.example.com")
    stopped = run("apply", write(folder, '[status_pages.p]\ncustom_domain = { env = "DOMAIN" }'), "--yes")
    assert (stopped.status, "stopped at status page p" in stopped.err) == (1, True)
    assert "s3cret" not in stopped.err


# What only one may have.

BEAT = '[heartbeats.{}]\ninterval_secs = 3600\ntoken = "{}"\n'
ONE, TWO = "token-of-the-first", "token-of-the-second"


def beats(**tokens: str) -> str:
    return "".join(BEAT.format(slug, token) for slug, token in tokens.items())


def test_two_can_not_have_one_token_or_one_domain(served: Served, run: Run, folder: Path) -> None:
    run("apply", write(folder, beats(old=ONE)), "--yes")
    page = '[status_pages.{}]\ncustom_domain = "status.example.com"\n'
    text = beats(a=TWO, b=TWO, new=ONE) + page.format("p") + page.format("q")
    refused = run("apply", write(folder, text), "--yes")
    assert [line for line in refused.err.splitlines() if not line.startswith("warning")][1:] == [
        '  a.toml: heartbeats."b".token is that of heartbeat a already',
        '  a.toml: heartbeats."new".token is that of heartbeat old already; --prune would rename it',
        '  a.toml: status_pages."q".custom_domain is that of status page p already',
    ]
    assert list(found(served, "heartbeats")) == ["old"]


def test_a_heartbeat_with_the_same_token_is_renamed(served: Served, run: Run, folder: Path) -> None:
    run("apply", write(folder, beats(old=ONE)), "--yes")
    before = found(served, "heartbeats")["old"]["id"]
    job = '[jobs.j]\nschedule = "@daily"\nendpoint = "https://example.com"\nrequires = ["new"]\n'
    applied = run("apply", write(folder, beats(new=ONE) + job), "--yes", "--prune")
    assert applied.status == 0, applied.err
    assert '    slug: "old" → "new"\n' in applied.out
    assert {slug: one["id"] for slug, one in found(served, "heartbeats").items()} == {"new": before}
    assert found(served, "jobs")["j"]["requires"] == [before]
    assert run("apply", "a.toml", "--check", "--prune").status == 0


@pytest.mark.parametrize("after", [{"a": TWO, "b": ONE}, {"b": ONE}, {"a": "token-of-the-third", "b": ONE}])
def test_tokens_change_hands(served: Served, run: Run, folder: Path, after: dict[str, str]) -> None:
    run("apply", write(folder, beats(a=ONE, b=TWO)), "--yes")
    applied = run("apply", write(folder, beats(**after)), "--yes", "--prune")
    assert applied.status == 0, applied.err
    assert {slug: one["token"] for slug, one in found(served, "heartbeats").items()} == after


def test_domains_change_hands(served: Served, run: Run, folder: Path) -> None:
    page = '[status_pages.{}]\ncustom_domain = "{}.example.com"\n'
    run("apply", write(folder, page.format("p", "p") + page.format("q", "q")), "--yes")
    swapped = run("apply", write(folder, page.format("p", "q") + page.format("q", "p")), "--yes")
    assert swapped.status == 0, swapped.err
    assert {slug: one["custom_domain"] for slug, one in found(served, "status-pages").items()} == {
        "p": "q.example.com",
        "q": "p.example.com",
    }


# Deleting.


def test_what_still_names_the_deleted_is_said(served: Served, run: Run, folder: Path) -> None:
    run("apply", write(folder, SMALL + '[account]\nfallback_channel = "ops"\n'), "--yes")
    planned = run("apply", write(folder, "[channels]\n[monitors]\n"), "--check", "--prune")
    assert planned.out.splitlines()[:4] == [
        "- delete monitor shop",
        "    still named by job nightly (requires)",
        "- delete channel ops",
        "    still named by account (fallback_channel)",
    ]


def test_maintenance_of_what_was_deleted_is_left_alone(served: Served, run: Run, folder: Path) -> None:
    window = '[maintenance.mw]\nsubjects = ["monitor:shop"]\nday = "daily"\nstart = "02:00"\nend = "03:00"\n'
    run("apply", write(folder, SMALL + window), "--yes")
    assert served.call("DELETE", f"/v1/monitors/{found(served, 'monitors')['shop']['id']}").status == 204
    export = run("export").out + "[maintenance]\n"
    planned = run("apply", write(folder, export), "--check", "--prune")
    assert (planned.status, "mw" in planned.out) == (0, False)


# Files.


def test_an_export_keeps_links_and_permissions(served: Served, run: Run, folder: Path) -> None:
    target = folder / "real.toml"
    target.write_text("old")
    target.chmod(0o600)
    (folder / "link.toml").symlink_to("real.toml")
    assert run("export", "--output", "link.toml").status == 0
    assert (folder / "link.toml").is_symlink()
    assert target.read_text().startswith("# What this tickd account has")
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in folder.iterdir() if ".tmp" in one.name) == []


def test_an_export_is_written_into_a_pipe(served: Served, run: Run, folder: Path) -> None:
    os.mkfifo(folder / "pipe.toml")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((folder / "pipe.toml").read_text()))
    reader.start()
    assert run("export", "--output", "pipe.toml").status == 0
    reader.join(5.0)
    assert read[0].startswith("# What this tickd account has")
    assert (folder / "pipe.toml").is_fifo()


# The terminal.


def test_what_the_terminal_would_obey_is_not_printed(served: Served, run: Run, folder: Path) -> None:
    odd = "e\\u001b]0;owned\\u0007\\u009b2J\\u202evil"
    texts = [
        f'[jobs."{odd}"]\n"{odd}" = 1\n',
        f'[jobs."{odd}"]\nschedule = "{odd}"\nendpoint = "x"\n',
        f'"{odd}" = 1\n"{odd}" = 1\n',
        f'[jobs."{odd}"]\nx = 2026-04-01T20:00:00\n',
        f'[jobs.j]\nschedule = "@daily"\nendpoint = "https://example.com"\ntags = ["{odd}"]\n',
        f'[channels."{odd}"]\nkind = "slack"\nurl = "https://example.com"\n',
    ]
    for text in texts:
        ended = run("apply", write(folder, text), "--check")
        assert all(letter.isprintable() or letter == "\n" for letter in ended.out + ended.err), text
    run("apply", write(folder, texts[4].replace(odd, "a")), "--yes")
    changed = run("apply", write(folder, texts[4].replace(odd, "\\u009b\\u202e")), "--check")
    assert "tags:" in changed.out
    assert all(letter.isprintable() or letter == "\n" for letter in changed.out)


def test_a_large_file_gives_signs_of_life(served: Served, run: Run, folder: Path, monkeypatch: Env) -> None:
    monkeypatch.setattr(planning, "SMALL_BYTES", 10)
    monkeypatch.setattr(planning, "TOLD_OF", 2)
    assert run("apply", write(folder, SMALL), "--check").err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    told = run("apply", "a.toml", "--check").err.splitlines()
    assert told == ["reading a.toml …", "checking 0 of 4 …", "checking 2 of 4 …"]
