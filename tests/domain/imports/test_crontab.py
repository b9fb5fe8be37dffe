"""A crontab as jobs and heartbeats."""

from __future__ import annotations

from typing import Any

import pytest

from tickd.domain.imports import crontab
from tickd.domain.imports.draft import Draft
from tickd.errors import Malformed

TOKEN = "t" * 64


def converted(*lines: str, **said: Any) -> tuple[Draft, list[str]]:
    draft, text = crontab.convert(
        "".join(f"{line}\n" for line in lines), 0, **({"timezone": "Europe/Berlin"} | said)
    )
    return draft, text.removesuffix("\n").split("\n")


def job(command: str) -> dict[str, Any]:
    draft, _ = converted(f"0 2 * * * {command}")
    (made,) = draft.manifest["jobs"].values()
    return {name: value for name, value in made.items() if name not in ("schedule", "timezone")}


GET = {"endpoint": "https://example.com/", "method": "GET", "retries": 0, "timeout_secs": 300}
POST = GET | {"method": "POST"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("curl https://example.com/", GET),
        ("/usr/bin/curl -fsS https://example.com/ > /dev/null 2>&1", GET),
        (
            "curl -fsSo /dev/null 'https://example.com/?a=1&b=2' &>/dev/null",
            GET | {"endpoint": "https://example.com/?a=1&b=2"},
        ),
        ("curl -m 10 --retry 3 https://example.com/", GET | {"timeout_secs": 10, "retries": 3}),
        ("curl --max-time=2.5 https://example.com/", GET | {"timeout_secs": 3}),
        ("curl -m10 https://example.com/", GET | {"timeout_secs": 10}),
        ("curl -X PUT https://example.com/", GET | {"method": "PUT"}),
        ("curl -sXDELETE https://example.com/", GET | {"method": "DELETE"}),
        ("curl -I https://example.com/", GET | {"method": "HEAD"}),
        ('curl -H "Accept: a/b" https://example.com/', GET | {"headers": {"Accept": "a/b"}}),
        ("curl -d a=1 -d b=2 https://example.com/", POST | {"body": "a=1&b=2", "headers": FORM}),
        (
            "curl --json '{\"a\": 1}' https://example.com/",
            POST
            | {
                "body": '{"a": 1}',
                "headers": {"Content-Type": "application/json", "Accept": "application/json"},
            },
        ),
        ("curl -A me https://example.com/", GET | {"headers": {"User-Agent": "me"}}),
        ("curl example.com", GET | {"endpoint": "http://example.com"}),
        (r"curl https://example.com/?d=\%Y", GET | {"endpoint": "https://example.com/?d=%Y"}),
        ("wget -qO- https://example.com/", GET),
        ("wget -q -O /dev/null -T 20 -t 3 https://example.com/", GET | {"timeout_secs": 20, "retries": 2}),
        ("wget --post-data=a=1 https://example.com/", POST | {"body": "a=1", "headers": FORM}),
        ("wget --spider https://example.com/", GET | {"method": "HEAD"}),
    ],
)
def test_calls_become_jobs(command: str, expected: dict[str, Any]) -> None:
    assert job(command) == expected


def test_credentials_become_references() -> None:
    draft, _ = converted('0 2 * * * curl -u me:secret -H "X-Token: t0k" https://example.com/')
    (made,) = draft.manifest["jobs"].values()
    assert set(made["headers"]) == {"Authorization", "X-Token"}
    assert set(draft.secrets.values()) == {"Basic bWU6c2VjcmV0", "t0k"}
    assert "t0k" not in str(draft.items)


@pytest.mark.parametrize(
    "command",
    [
        "curl https://me:s%2Fw@example.com/a",
        "curl -u me:s/w https://example.com/a/k3y0123456789abcdef",
    ],
)
def test_credentials_are_in_no_name_and_no_address(command: str) -> None:
    draft, _ = converted(f"0 2 * * * {command.replace('%', chr(92) + '%')}")
    ((name, made),) = draft.manifest["jobs"].items()
    assert name == "example.com/a"
    assert made["endpoint"].startswith("https://example.com/a")
    assert list(draft.secrets.values()) == ["Basic bWU6cy93"]
    assert "s/w" not in f"{draft.manifest} {draft.items}"


def test_the_reason_of_a_line_that_is_none_tells_nothing() -> None:
    draft, _ = converted("0 2 * * PASS=hunter2 x", "0 2 * * * good")
    assert draft.items[0].lost == ["it is no line of a crontab"]


@pytest.mark.parametrize(
    "command", ["exec /e", "set -e; a; b", "/f || exit 1", ". ./env && a", "cd /x && set -euo pipefail && a"]
)
def test_a_line_that_ends_its_shell_runs_in_one_of_its_own(command: str) -> None:
    _, lines = converted(f"0 2 * * * {command}%in", make_token=lambda: TOKEN, ping_url="https://t.example")
    assert lines == [f"0 2 * * * ( {command} ){PING}%in"]


def test_a_shell_with_other_signs_gets_no_ping() -> None:
    draft, lines = converted(
        *("SHELL=/usr/bin/fish", "0 2 * * * a", "SHELL=/bin/bash", "0 2 * * * b"),
        make_token=lambda: TOKEN,
        ping_url="https://t.example",
    )
    assert (lines[1], lines[3]) == ("0 2 * * * a", f"0 2 * * * b{PING}")
    assert any("SHELL is fish" in words for words in draft.items[0].lost)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("curl https://example.com/ && echo done", "the shell has more to do"),
        ("curl https://example.com/ | sh", "the shell has more to do"),
        ("curl https://example.com/?a=1&b=2", "the shell has more to do"),
        ("curl https://example.com/ > /var/log/x", "the shell has more to do"),
        ('curl "https://example.com/$TOKEN"', "something to fill in"),
        ("curl `cat url`", "something to fill in"),
        ("curl -o out.html https://example.com/", "saves what it gets"),
        ("curl -O https://example.com/a", "its option -O has no counterpart"),
        ("curl -F a=@b https://example.com/", "its option -F has no counterpart"),
        ("curl -d @file https://example.com/", "it sends a file"),
        ("curl https://a.example/ https://b.example/", "several addresses"),
        ("curl https://example.com/[1-9]", "stands for several"),
        ("curl 'https://example.com/", "quotes do not match"),
        ("curl -m", "lacks a value"),
        ("curl -m soon https://example.com/", "time limit"),
        ("curl", "it calls no address"),
        ("curl --data=x%y https://example.com/", "input after the %"),
    ],
)
def test_what_does_more_than_call_stays_a_command(command: str, why: str) -> None:
    draft, _ = converted(f"0 2 * * * {command}")
    assert "jobs" not in draft.manifest
    assert len(draft.manifest["heartbeats"]) == 1
    assert any(why in words for words in draft.items[0].changed), draft.items


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/local/bin/backup.sh --full", "backup.sh"),
        ("cd /srv && ./report weekly >/dev/null", "report weekly"),
        ("nice -n 10 /usr/bin/certbot renew -q", "certbot renew"),
        ("FOO=bar python3 /opt/jobs/sync.py", "python3 sync.py"),
        ("backup --token hunter2", "backup"),
        ("PASS='hunter2 x' backup full", "backup full"),
        ("export A='x;hunter2'; sudo -u hunter2 backup full 2>&1", "backup full"),
        ("backup 'hunter2", "command"),
        ("mysql://me:hunter2@db", "command"),
        ("test -x /usr/bin/x || { cd / && run-parts --report /etc/cron.daily; }", "run-parts"),
        ("curl -u me:hunter2 https://example.com/hunter2 -F a=b", "curl example.com"),
        ("curl --oauth2-bearer hunter2 https://me:hunter2@example.com/ -F a=b", "curl example.com"),
        ('wget "$BASE/hunter2" --password hunter2', "wget"),
    ],
)
def test_commands_become_heartbeats_with_a_name(command: str, name: str) -> None:
    draft, lines = converted(f"0 2 * * * {command}")
    (made,) = draft.manifest["heartbeats"].values()
    assert made == {"name": name, "schedule": "0 2 * * *", "timezone": "Europe/Berlin", "public": False}
    assert lines == [f"0 2 * * * {command}"]
    assert "hunter2" not in f"{draft.manifest} {draft.items} {draft.notes}"
    assert any("has yet to ping" in note for note in draft.notes)


PING = f"; curl -fsS -m 10 --retry 5 -o /dev/null https://t.example/p/{TOKEN}/$?"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 2 * * * backup", f"0 2 * * * backup{PING}"),
        ("@daily  a && b", f"@daily  a && b{PING}"),
        (r"0 2 * * * date +\%Y", rf"0 2 * * * date +\%Y{PING}"),
        ("0 2 * * * mail me%hello%you", f"0 2 * * * mail me{PING}%hello%you"),
        (
            "0 2 * * * curl -s https://example.com/",
            "# tickd calls this: 0 2 * * * curl -s https://example.com/",
        ),
        ("0 2 * * * backup # note", "0 2 * * * backup # note"),
        ("0 2 * * * backup &", "0 2 * * * backup &"),
        ("@reboot warm-up", "@reboot warm-up"),
        ("61 2 * * * never", "61 2 * * * never"),
        ("# 0 2 * * * off", "# 0 2 * * * off"),
        ("PATH=/bin", "PATH=/bin"),
        ("", ""),
    ],
)
def test_the_crontab_as_it_is_to_be(line: str, expected: str) -> None:
    _, lines = converted("0 0 * * * first", line, make_token=lambda: TOKEN, ping_url="https://t.example")
    assert lines[1] == expected


def test_the_users_name_of_a_system_crontab() -> None:
    draft, lines = converted(
        "17 * * * * root backup", is_system=True, make_token=lambda: TOKEN, ping_url="https://t.example"
    )
    assert list(draft.manifest["heartbeats"]) == ["backup"]
    assert lines == [f"17 * * * * root backup{PING}"]


def test_settings_count_from_their_line_on() -> None:
    draft, _ = converted(
        "0 1 * * * a",
        "CRON_TZ = Asia/Tokyo",
        "MAILTO='ops@example.com'",
        "FOO=bar",
        "0 2 * * * b",
        'MAILTO=""',
        "0 3 * * * c",
    )
    made = draft.manifest["heartbeats"]
    assert [made[name]["timezone"] for name in "abc"] == ["Europe/Berlin", "Asia/Tokyo", "Asia/Tokyo"]
    assert [made[name].get("channels") for name in "abc"] == [None, ["crontab ops@example.com"], None]
    assert draft.manifest["channels"]["crontab ops@example.com"]["to"] == ["ops@example.com"]
    assert any(note.startswith("FOO is set") for note in draft.notes)


@pytest.mark.parametrize("setting", ["MAILTO=root", "CRON_TZ=Mars/Olympus"])
def test_settings_that_tickd_cannot_take_are_named(setting: str) -> None:
    draft, _ = converted(setting, "0 2 * * * b")
    assert draft.items[0].lost
    assert draft.manifest["heartbeats"]["b"]["timezone"] == "Europe/Berlin"


@pytest.mark.parametrize(
    "line", ["61 2 * * * x", "0 2 30 2 * x", "@never x", "a b c d e f", "0 2 * * *", "@reboot x"]
)
def test_lines_that_are_left_out(line: str) -> None:
    draft, _ = converted(line, "0 2 * * * good")
    assert draft.items[0].lost
    assert list(draft.manifest["heartbeats"]) == ["good"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "A=b\n", "61 2 * * * x\n", "\0\0"])
def test_what_is_no_crontab(text: str) -> None:
    with pytest.raises(Malformed, match="no crontab"):
        crontab.convert(text, 0, timezone="UTC")


def test_too_many_lines() -> None:
    with pytest.raises(Malformed, match="over 20000 lines"):
        crontab.convert("0 2 * * * x\n" * 20_001, 0, timezone="UTC")
