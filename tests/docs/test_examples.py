"""Every example runs, against a real daemon."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.mailing import verifying
from tests.docs.pages import ROOT, codes, page
from tests.support.clock import FakeClock
from tests.support.daemon import KEY, Harness, eventually, running
from tests.support.endpoint import Endpoint
from tests.support.mail_domains import mail_domains
from tickd import config
from tickd.clock import SystemClock
from tickd.config import SETTINGS, Settings

EXAMPLES = ROOT / "examples"
SECRET = "not-so-secret"
WITH_KEY = sorted({path.name for path in EXAMPLES.glob("[bft]*_*")} - {"backup_and_restore.sh"})
"""The examples that call the API."""


async def _ended(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """How an example ends with these variables in its environment."""
    environment = {"PATH": os.environ["PATH"]} | variables

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)

    # On a thread: starting a process takes a moment, in which the daemon has to answer.
    return await asyncio.to_thread(run)


async def _run(tickd: Harness, endpoint: str, *command: str) -> str:
    """What an example prints; AssertionError when it fails."""
    done = await _ended(*command, TICKD_URL=tickd.url, TICKD_API_KEY=KEY, ENDPOINT=endpoint)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_list_of_examples_is_complete() -> None:
    listed = {
        codes(row["how to run it"])[0] for row in page("examples/README.md").tables("file", "what it shows")
    }
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()} - {"README.md"}
    assert {name for name in files for line in listed if name in line} == files
    assert len(listed) == len(files)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_first_job(tickd: Harness, endpoint: Endpoint) -> None:
    for _ in range(2):
        said = await _run(tickd, endpoint.url, "sh", str(EXAMPLES / "first_job.sh"))
        assert '"message":"triggered"' in said
        assert '"status":"success"' in said
        assert '"response_body":"done"' in said
    assert (await tickd.call("GET", "/v1/jobs")).json["total"] == 1


async def test_tickstem_python(tickd: Harness, endpoint: Endpoint) -> None:
    said = await _run(tickd, endpoint.url, sys.executable, str(EXAMPLES / "tickstem_python.py"))
    assert "the same job is True, schedule 0 * * * *" in said
    assert "changed: 30 2 * * *\njobs: sdk-job\n" in said
    assert "paused: paused, resumed: active" in said
    assert "deleted: 404 no job job_" in said


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_first_monitor(tmp_path: Path, endpoint: Endpoint) -> None:
    async with running(tmp_path / "tickd.db", reference=("none",)) as tickd:
        said = await _run(tickd, endpoint.url, "sh", str(EXAMPLES / "first_monitor.sh"))
        assert (await tickd.call("GET", "/v1/monitors")).json["total"] == 0
    assert '"status":"active","state":"pending"' in said
    assert '"status":"up","status_code":200,' in said
    assert '{"uptime_percent":100.0,"checks_total":' in said
    assert '"monitor_type":"http","name":"first-monitor",' in said
    assert '"is_up":true,"regions_checked":1,"regions_up":1,' in said
    assert "/status.svg says:\nstatus: up\n" in said
    assert '{"data":{"deleted":true,"monitor_id":"mon_' in said


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_first_backtest(tickd: Harness, endpoint: Endpoint) -> None:
    said = await _run(tickd, endpoint.url, "sh", str(EXAMPLES / "first_backtest.sh"))
    assert said.startswith("checked: status code 200 is not 418\n" * 3), said
    assert said.endswith(
        "\nin a sentence: With failure_threshold 5 the last minute would have sent 0 alerts instead of 1.\n"
    )
    assert (await tickd.call("GET", "/v1/monitors")).json["total"] == 0


async def test_tickstem_uptime(tmp_path: Path, endpoint: Endpoint) -> None:
    async with running(tmp_path / "tickd.db", reference=("none",)) as tickd:
        said = await _run(tickd, endpoint.url, sys.executable, str(EXAMPLES / "tickstem_uptime.py"))
    assert ", active, every 60 s\nchecked: up 200 in " in said
    assert "\nmonitors: sdk-monitor\n" in said
    assert "changed: every 300 s, 30 s at most\n" in said
    assert "paused: paused, resumed: active\n" in said
    assert "deleted: 404 no monitor mon_" in said


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_first_heartbeat(tickd: Harness, endpoint: Endpoint) -> None:
    said = await _run(tickd, endpoint.url, "sh", str(EXAMPLES / "first_heartbeat.sh"))
    assert '"grace_secs":1800,"failure_threshold":1,' in said
    assert '"kind":"success","accepted":true,"degraded":false,"exit_status":0,"duration_ms":' in said
    assert '"message":"42 files saved"' in said
    assert '"status":"active","state":"up"' in said
    assert '"kind":"fail","flip":"failing"' in said
    assert '"monitor_type":"heartbeat","name":"first-heartbeat",' in said
    assert said.endswith("\ndeleted\n")
    assert (await tickd.call("GET", "/v1/heartbeats")).json["total"] == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_first_status_page(tickd: Harness, endpoint: Endpoint) -> None:
    said = await _run(tickd, endpoint.url, "sh", str(EXAMPLES / "first_status_page.sh"))
    assert '"slug":"first-status-page","title":"First status page",' in said
    assert '"banner":"Some systems are experiencing issues"' in said
    titles = ("Identified: first-backup is missing", "first-backup is missing")
    assert "\n".join(f"<title>{title}</title>" for title in titles) in said
    assert "\nstatus: degraded\n" in said
    assert said.endswith("\ndeleted\n")
    assert (await tickd.call("GET", "/v1/status-pages")).json["total"] == 0


async def test_tickstem_heartbeat(tickd: Harness, endpoint: Endpoint) -> None:
    said = await _run(tickd, endpoint.url, sys.executable, str(EXAMPLES / "tickstem_heartbeat.py"))
    assert ", active, every 86400 s\npinged: ok\nlast ping 2026-03-03T12:00:00Z, " in said
    assert "the next one by 2026-03-04T12:00:00Z\npings: 1\nheartbeats: sdk-heartbeat\n" in said
    assert "paused: paused, pinged: paused, resumed: active\n" in said
    assert "deleted: 404 no heartbeat hb_" in said


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_first_verification(tmp_path: Path, endpoint: Endpoint) -> None:
    async with verifying(tmp_path / "tickd.db") as (tickd, _):
        said = await _run(tickd, endpoint.url, "sh", str(EXAMPLES / "first_verification.sh"))
        left = (await tickd.call("GET", "/v1/verify/history")).json["total"]
    good, role, typo, mistake, thrown = said.splitlines()[:5]
    assert '"email":"someone@gmail.com","valid":true,"mx_found":true,' in good
    assert '"valid":true,"mx_found":true,"disposable":false,"role_based":true,' in role
    assert typo.endswith('"suggestion":"gmail.com"}')
    assert '"valid":false,"mx_found":false,' in mistake
    assert '"valid":false,"mx_found":true,"disposable":true,' in thrown
    assert '"limit":5,"offset":0,"total":3}\n\nas CSV:\nid,email,valid,' in said
    assert said.endswith('deleted:\n{"deleted":1,"unknown":0}\n')
    assert left == 4


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_batch_verification(tmp_path: Path, endpoint: Endpoint) -> None:
    async with verifying(tmp_path / "tickd.db") as (tickd, _):
        said = await _run(tickd, endpoint.url, "sh", str(EXAMPLES / "batch_verification.sh"))
        left = (await tickd.call("GET", "/v1/verify/history")).json["total"]
    assert '"status":"running","total":4,"done":0,' in said
    followed, _, last = said.partition("\nfollowed:\n")[2].partition("\nthe last two:\n")
    assert 'event: done\ndata: {"id":"bat_' in followed
    assert '"status":"done","total":4,"done":4,"tried":4,"valid":2,"invalid":2,"unknown":0,' in followed
    assert [f'"index":{number},' in followed for number in range(5)] == [True] * 4 + [False]
    assert [f'"index":{number},' in last for number in range(4)] == [False, False, True, True]
    assert last.endswith("\n\ndeleted\n")
    assert left == 0


async def test_backup_and_restore(tickd: Harness) -> None:
    await tickd.job(name="kept")
    done = await _ended(
        "sh",
        str(EXAMPLES / "backup_and_restore.sh"),
        TICKD=str(Path(sys.executable).with_name("tickd")),
        TICKD_DB=tickd.daemon.settings.db,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("checked: 1 account, 0 users, 1 job, ") == 2
    assert done.stdout.endswith("the drill went well\n")


async def test_verify_file() -> None:
    async with mail_domains() as names:
        done = await _ended(
            "sh",
            str(EXAMPLES / "verify_file.sh"),
            TICKD=str(Path(sys.executable).with_name("tickd")),
            TICKD_DNS_SERVER=f"127.0.0.1:{names.port}",
        )
    assert done.returncode == 0, done.stderr
    header, ada, bob, cleo = done.stdout.splitlines()
    assert header == "name;email;city;valid;mx_found;disposable;role_based;reason;suggestion"
    assert ada == '"Lovelace, Ada";someone@gmail.com;London;true;true;false;false;;'
    assert bob.endswith(";Berlin;false;false;false;false;the address has more than one @-sign;")
    assert cleo.endswith(";mailinator.com is a domain of throw-away mailboxes;")


async def test_tickstem_verify(tmp_path: Path, endpoint: Endpoint) -> None:
    async with verifying(tmp_path / "tickd.db") as (tickd, _):
        said = await _run(tickd, endpoint.url, sys.executable, str(EXAMPLES / "tickstem_verify.py"))
    lines = said.splitlines()
    assert lines[:2] == ["someone@gmail.com is good", "info@gmail.com is good, shared"]
    assert lines[2].startswith("someone@@gmail.com is not: ")
    assert lines[3:] == [
        f"2026-03-03T12:00:00Z {email} {valid}"
        for email, valid in (
            ("someone@@gmail.com", False),
            ("info@gmail.com", True),
            ("someone@gmail.com", True),
        )
    ]


@pytest.mark.parametrize("name", WITH_KEY)
async def test_a_wrong_key_is_told_in_tickds_words(name: str, tickd: Harness, endpoint: Endpoint) -> None:
    program = "sh" if name.endswith(".sh") else sys.executable
    if shutil.which("curl") is None and program == "sh":
        pytest.skip("needs curl")
    tickd_itself = str(Path(sys.executable).with_name("tickd"))
    done = await _ended(
        program,
        str(EXAMPLES / name),
        TICKD=tickd_itself,
        TICKD_URL=tickd.url,
        TICKD_API_KEY="wrong",
        ENDPOINT=endpoint.url,
    )
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert "API key" in done.stderr
    # curl says the status, the command line where a key comes from.
    assert "401" in done.stderr or "tickd key create" in done.stderr
    assert "Traceback" not in done.stderr
    none = await _ended(program, str(EXAMPLES / name), TICKD=tickd_itself, TICKD_URL=tickd.url)
    assert none.returncode != 0
    assert "TICKD_API_KEY" in none.stderr
    assert "Traceback" not in none.stderr


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "SIGNING_SECRET is not set."),
        (
            {"SIGNING_SECRET": "whsec_?"},
            "SIGNING_SECRET begins with whsec_, so the rest of it must be base64",
        ),
        ({"SIGNING_SECRET": SECRET, "PORT": "x"}, "PORT must be a number between 0 and 65535, and not x"),
    ],
)
async def test_the_receiver_says_what_it_lacks(variables: dict[str, str], said: str) -> None:
    done = await _ended(sys.executable, str(EXAMPLES / "receiver.py"), **variables)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(said)


async def test_the_receiver_says_when_its_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = await _ended(sys.executable, str(EXAMPLES / "receiver.py"), SIGNING_SECRET=SECRET, PORT=port)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"can't listen on 127.0.0.1:{port}: Address already in use; ")


@asynccontextmanager
async def _receiver() -> AsyncIterator[str]:
    """The address of a running examples/receiver.py."""

    def start() -> subprocess.Popen[str]:
        environment = {"PATH": os.environ["PATH"], "SIGNING_SECRET": SECRET, "PORT": "0"}
        return subprocess.Popen(
            [sys.executable, str(EXAMPLES / "receiver.py")],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    process = await asyncio.to_thread(start)
    assert process.stdout is not None
    try:
        line = await asyncio.to_thread(process.stdout.readline)
        found = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+/)\n", line)
        assert found, line
        yield found[1]
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 10)
        process.stdout.close()


async def test_receiver(tmp_path: Path) -> None:
    # Signatures carry the time, and the receiver looks at its own clock.
    clock = FakeClock(SystemClock().now())
    async with running(tmp_path / "tickd.db", clock=clock) as tickd, _receiver() as url:

        async def ended(**fields: Any) -> dict[str, Any]:
            job = await tickd.job(endpoint=url, body="{}", **fields)
            triggered = await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")

            async def found() -> dict[str, Any] | None:
                run = (await tickd.call("GET", f"/v1/executions/{triggered.json['execution_id']}")).json
                return run if run["finished_at"] else None

            run: dict[str, Any] = await eventually(found)
            return run

        plain = await ended(name="plain", signing_secret=SECRET)
        assert (plain["status"], plain["status_code"]) == ("success", 200)
        assert plain["response_body"] == f"{plain['id']}: 3 reports written\n"

        long = await ended(name="long", signing_secret=SECRET, completion="callback")
        assert (long["status"], long["status_code"]) == ("success", 202)
        assert long["response_body"] == "accepted\n"
        assert long["output"] == f"{long['id']}: 3 reports written\n"

        for secret, said in (("another", ""), ("", "; the job has no signing_secret")):
            refused = await ended(name="refused", signing_secret=secret)
            assert (refused["status"], refused["status_code"]) == ("failed", 401)
            assert refused["response_body"] == f"wrong signature{said}\n"

        if shutil.which("curl") is not None:
            # In the order of examples/README.md, both scripts find the receiver where the job calls.
            said = await _run(tickd, url, "sh", str(EXAMPLES / "first_job.sh"))
            assert '"status":"success"' in said
            said = await _run(tickd, url, "sh", str(EXAMPLES / "first_monitor.sh"))
            assert '"status":"up","status_code":200,' in said


def test_the_file_has_every_setting_at_its_default() -> None:
    file = EXAMPLES / "tickd.toml"
    assert config.load({}, {}, file) == Settings()
    names = re.findall(r"^(\w+) = ", file.read_text("utf-8"), re.MULTILINE)
    assert names == [one.name for one in SETTINGS]


def test_the_page_on_configuration_has_a_file_that_loads(tmp_path: Path) -> None:
    (block,) = page("docs/configuration.md").blocks("toml")
    file = tmp_path / "tickd.toml"
    file.write_text(block)
    assert config.load({}, {}, file).max_calls == 200
