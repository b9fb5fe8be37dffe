"""The files that others run tickd with, held against tickd: units, proxies, containers, replication."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import ROOT, page
from tests.support.daemon import running
from tickd.config import SETTINGS

EXAMPLES = ROOT / "examples"
UNIT = EXAMPLES / "systemd" / "tickd.service"
CONTAINERFILE = (EXAMPLES / "container" / "Containerfile").read_text()
COMPOSE = yaml.safe_load((EXAMPLES / "container" / "compose.yaml").read_text())
VARIABLES = {setting.env for setting in SETTINGS} | {"TICKD_CONFIG"}
STOPS_WITHIN_SECS = 10
STATE = "/var/lib/tickd"

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
needs_nginx = pytest.mark.skipif(
    shutil.which("nginx") is None or os.geteuid() != 0, reason="needs nginx, and root to run it as it runs"
)
needs_caddy = pytest.mark.skipif(shutil.which("caddy") is None, reason="needs Caddy, which is not installed")


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _unit(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


# systemd


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_unit_and_its_drop_in(tmp_path: Path) -> None:
    # It looks whether the programs are there; here it is another one.
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/tickd", sys.executable))
    drop_in = (EXAMPLES / "systemd" / "venv.conf").read_text().replace("/opt/tickd/bin/tickd", sys.executable)
    for text in (None, drop_in):
        if text is not None:
            (tmp_path / "tickd.service.d").mkdir()
            (tmp_path / "tickd.service.d" / "venv.conf").write_text(text)
        verified = _run("systemd-analyze", "verify", "--man=no", unit)
        assert (verified.returncode, verified.stderr) == (0, "")


@needs_systemd
def test_the_score_of_the_unit_is_the_one_that_is_written_down() -> None:
    told = _run("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT).stdout
    found = re.search(r"Overall exposure level for tickd\.service: ([0-9.]+)", told)
    assert found, told
    assert f"gives it {found[1]} of 10" in UNIT.read_text()
    assert re.search(rf"unit {re.escape(found[1])} of 10", page("docs/install.md").text)


def test_the_unit_names_settings_that_there_are() -> None:
    assignments = dict(line.split("=", 1) for line in _unit("Environment"))
    assert set(assignments) <= VARIABLES
    assert Path(assignments["TICKD_DB"]).parent == Path(STATE)
    assert _unit("StateDirectory") == ["tickd tickd-backups"]


def test_the_unit_waits_longer_than_tickd_takes_to_stop() -> None:
    assert int(_unit("TimeoutStopSec")[0]) > STOPS_WITHIN_SECS
    seconds = re.fullmatch(r"(\d+)s", COMPOSE["services"]["tickd"]["stop_grace_period"])
    assert seconds and int(seconds[1]) > STOPS_WITHIN_SECS


# Containers


def test_the_image_is_made_of_files_that_there_are() -> None:
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
    kept = (EXAMPLES / "container" / "Containerfile.dockerignore").read_text().split()
    for source in ("pyproject.toml", "README.md", "LICENSE", "tickd"):
        assert f"!{source}" in kept


def test_the_image_runs_as_nobody_in_particular_with_settings_that_there_are() -> None:
    assert re.findall(r"^USER (.*)$", CONTAINERFILE, re.MULTILINE) == ["10001:10001"]
    assert set(re.findall(r"\bTICKD_\w+(?==)", CONTAINERFILE)) <= VARIABLES
    assert CONTAINERFILE.index("\nUSER ") < CONTAINERFILE.index("\nENTRYPOINT ")


async def test_the_image_s_health_is_that_of_the_daemon(tmp_path: Path) -> None:
    written = re.search(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", CONTAINERFILE, re.MULTILINE)
    assert written
    _, option, source = ast.literal_eval(written[1])

    async def healthy(url: str) -> bool:
        text = source.replace("http://127.0.0.1:8090", url)
        assert text != source
        done = await asyncio.to_thread(_run, sys.executable, option, text)
        return done.returncode == 0

    async with running(tmp_path / "tickd.db") as tickd:
        assert await healthy(tickd.url)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert not await healthy(f"http://127.0.0.1:{free.getsockname()[1]}")


def test_compose_keeps_the_database_and_names_settings_that_there_are() -> None:
    service = COMPOSE["services"]["tickd"]
    assert set(service["environment"]) <= VARIABLES
    assert service["volumes"] == [f"tickd:{STATE}", f"backups:{STATE}-backups"]
    assert set(COMPOSE["volumes"]) == {"tickd", "backups"}
    assert service["environment"]["TICKD_BACKUP_DIR"] == f"{STATE}-backups"
    assert service["read_only"] is True and service["init"] is True
    build = service["build"]
    context = (EXAMPLES / "container" / build["context"]).resolve()
    assert context == ROOT and (context / build["dockerfile"]).is_file()


# Proxies


@needs_nginx
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = _run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=tickd.example.com"),
        *("-days", "1", "-keyout", key, "-out", certificate),
    )
    assert made.returncode == 0, made.stderr
    text = (EXAMPLES / "nginx" / "tickd.conf").read_text()
    for there, here in (
        ("/etc/ssl/certs/tickd.example.com.pem", certificate),
        ("/etc/ssl/private/tickd.example.com.key", key),
        ("snippets/tickd-proxy.conf", EXAMPLES / "nginx" / "tickd-proxy.conf"),
    ):
        assert there in text
        text = text.replace(there, str(here))
    # `nginx -t` takes the ports, which may be somebody else's here.
    text = re.sub(r"listen \[::\]:\d+[^;]*;", "", text)
    text = re.sub(r"listen (80|443)\b", r"listen unix:" + str(tmp_path) + r"/\1", text)
    (tmp_path / "site.conf").write_text(text)
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/errors; events {{}}\n"
        f"http {{ access_log off; include {tmp_path}/site.conf; }}\n"
    )
    tested = _run("nginx", "-t", "-q", "-e", tmp_path / "errors", "-c", whole)
    assert (tested.returncode, tested.stderr) == (0, "")


@needs_caddy
def test_caddy_takes_its_configuration() -> None:
    adapted = _run("caddy", "adapt", "--config", EXAMPLES / "caddy" / "Caddyfile")
    assert adapted.returncode == 0 and "warn" not in adapted.stderr.lower(), adapted.stderr
    assert '"flush_interval":-1' in adapted.stdout


def test_the_proxies_pass_on_what_tickd_reads() -> None:
    proxy = (EXAMPLES / "nginx" / "tickd-proxy.conf").read_text()
    assert "X-Forwarded-For $proxy_add_x_forwarded_for" in proxy
    assert "X-Forwarded-Proto $scheme" in proxy and "Host $host" in proxy
    events = re.search(
        r"location = /events \{.*?\}", (EXAMPLES / "nginx" / "tickd.conf").read_text(), re.DOTALL
    )
    assert events and "proxy_buffering off;" in events[0]


# Replication


async def test_litestream_copies_the_unit_s_database_and_its_tables_are_left_alone(tmp_path: Path) -> None:
    configuration = yaml.safe_load((EXAMPLES / "litestream" / "litestream.yml").read_text())
    assert [one["path"] for one in configuration["dbs"]] == [f"{STATE}/tickd.db"]
    database = tmp_path / "tickd.db"
    async with running(database) as tickd:
        made = await asyncio.to_thread(_like_litestream, database)
        assert made == "wal"
        assert (await tickd.call("GET", "/readyz")).status == 200
    async with running(database) as tickd:
        assert (await tickd.call("GET", "/readyz")).status == 200
    assert await asyncio.to_thread(_like_litestream, database) == "wal"


def _like_litestream(database: Path) -> str:
    connection = sqlite3.connect(database, timeout=1)
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
        connection.execute("CREATE TABLE IF NOT EXISTS _litestream_lock (id INTEGER)")
        connection.execute(
            "INSERT INTO _litestream_seq VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET seq = seq + 1"
        )
        connection.commit()
        mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
        return mode
    finally:
        connection.close()
