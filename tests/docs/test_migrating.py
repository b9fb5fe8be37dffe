"""What the scripts of examples/migrate bring along, from services that answer as documented."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.elsewhere import ROOSTER, TICKSTEM, TOKEN, elsewhere
from tests.docs.pages import ROOT, page
from tests.docs.recipes import ran
from tests.support.daemon import KEY, Harness

ASSERTED = ("source", "comparison", "target")
FOLDER = ROOT / "examples" / "migrate"


async def _ended(tmp_path: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(ran, [sys.executable, *command], tmp_path, variables)


async def _applied(tmp_path: Path, tickd: Harness, text: str, *more: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "manifest.yaml"
    file.write_text(text, "utf-8")
    variables = {"TICKD_URL": tickd.url, "TICKD_API_KEY": KEY, "PYTHONPATH": str(ROOT)}
    return await _ended(tmp_path, "-m", "tickd", "apply", str(file), *more, **variables)


async def _listed(tickd: Harness, noun: str) -> dict[str, dict[str, Any]]:
    found = (await tickd.call("GET", f"/v1/{noun}")).json[noun]
    return {one.get("slug") or one["name"]: one for one in found}


def test_the_list_of_scripts_is_complete() -> None:
    rows = page("examples/README.md").tables("migrating", "for")
    listed = [name for row in rows for name in re.findall(r"\(migrate/([^)]+)\)", row["migrating"])]
    assert sorted(listed) == sorted(path.name for path in FOLDER.glob("*.py"))


async def test_all_of_tickstem_comes_along(tickd: Harness, tmp_path: Path) -> None:
    async with elsewhere() as url:
        variables = {"TICKSTEM_API_KEY": "tsk_live_1", "TICKSTEM_URL": f"{url}/v1"}
        said = await _ended(tmp_path, str(FOLDER / "tickstem.py"), **variables)
    assert said.returncode == 0, said.stderr
    assert said.stderr == "job send-digest: its headers were not answered; add them by hand\n"
    done = await _applied(tmp_path, tickd, said.stdout, "--yes")
    assert done.returncode == 0, done.stderr
    again = await _applied(tmp_path, tickd, said.stdout, "--check")
    assert again.returncode == 0, again.stdout

    jobs = await _listed(tickd, "jobs")
    for one in TICKSTEM["jobs"]:
        made = jobs[one["name"]]
        for name, value in one.items():
            assert name == "id" or made[name] == value, name
    monitors = await _listed(tickd, "monitors")
    assert set(monitors) == {"production-api", "production-api-2"}
    (assertion,) = monitors["production-api"]["assertions"]
    assert TICKSTEM["monitors"][0]["assertions"] == [{name: assertion[name] for name in ASSERTED}]
    assert monitors["production-api-2"]["interval_secs"] == 300
    (heartbeat,) = (await _listed(tickd, "heartbeats")).values()
    assert (heartbeat["token"], heartbeat["interval_secs"], heartbeat["grace_secs"]) == (TOKEN, 86400, 3600)
    # Whatever pings goes on with the token that it has.
    ping = await tickd.call("POST", f"/v1/heartbeats/{TOKEN}/ping", key=None)
    assert (ping.status, ping.json) == (200, {"status": "ok"})


async def test_all_of_statusrooster_comes_along_once(tickd: Harness, tmp_path: Path) -> None:
    async with elsewhere() as url:
        variables = {
            "ROOSTER_API_KEY": "sr_1",
            "ROOSTER_URL": url,
            "TICKD_API_KEY": KEY,
            "TICKD_URL": tickd.url,
        }
        said = await _ended(tmp_path, str(FOLDER / "statusrooster.py"), **variables)
        again = await _ended(tmp_path, str(FOLDER / "statusrooster.py"), **variables)
        refused = await _ended(
            tmp_path, str(FOLDER / "statusrooster.py"), **variables | {"ROOSTER_API_KEY": "x"}
        )
    assert said.returncode == 0, said.stderr
    assert again.stdout == "".join(f"{one['name']}: is here already\n" for one in ROOSTER)
    assert (refused.returncode, refused.stderr.partition(": ")[0]) == (1, f"{url} answered 401")
    found = {one["name"]: one for one in (await tickd.call("GET", "/api/v1/monitors")).json["data"]}
    own = {"id", "status", "url", "ping_url", "slug", "created_at", "last_response_by_region"}
    own |= {name for name in ROOSTER[0] if name.startswith(("checks_", "last_", "uptime_", "ssl_expiry"))}
    own -= {"ssl_expiry_threshold_days"}
    for one in ROOSTER:
        made = found[one["name"]]
        for name in set(one) - own - {"ssl_expiry", "ssl_issuer"}:
            if one[name] is not None:
                assert made[name] == one[name], (one["name"], name)
    assert f"  becomes {found['Nightly Backup Job']['ping_url']}\n" in said.stdout
    assert found["My Website"]["url"] == "https://example.com"


@pytest.mark.parametrize(
    "row",
    [
        "name,schedule\n,24h\n",
        "name,schedule\na,24h\na,6h\n",
        "name,color\na,red\n",
        "x\n",
        "",
        "name,interval_secs\na,often\n",
        "name,grace_minutes\na,1.5\n",
        "name,schedule\na,24h,more\n",
        "schedule,name\n24h\n",
        "name\n\xff\n",
    ],
)
async def test_a_table_that_is_wrong_is_told(row: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(row, "latin-1")
    done = await _ended(tmp_path, str(FOLDER / "heartbeats.py"), "a.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"a\.csv.*: .*\n", done.stderr)


TEXTS = {path: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.py"))}


@pytest.mark.parametrize("script", TEXTS, ids=lambda path: path.stem)
async def test_a_script_says_what_it_wants(script: Path, tmp_path: Path) -> None:
    told = await _ended(tmp_path, str(script), "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.strip() in TEXTS[script]
    wrong = await _ended(tmp_path, str(script), "a", "b")
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)
    assert "--help" in wrong.stderr


async def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = await _ended(tmp_path, str(FOLDER / "heartbeats.py"), "a.csv")
    assert (done.returncode, done.stderr) == (1, "a.csv: No such file or directory\n")


@pytest.mark.parametrize("script", ["tickstem", "statusrooster"])
@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("http://nowhere.invalid", "tsk_live_1", "can't be reached"),
        ("http://127.0.0.1:9", "tsk_live_1", "can't be reached"),
        ("nonsense", "tsk_live_1", "nonsense: "),
        ("{others}/v1", "wrong", "answered 40"),
        ("{others}/v1", "t\nk", "{others}/v1: "),
        ("{tickd}/healthz?", "tsk_live_1", "answered what is not"),
    ],
)
async def test_a_service_that_can_t_be_asked_is_told(
    script: str, url: str, key: str, said: str, tickd: Harness, tmp_path: Path
) -> None:
    async with elsewhere() as others:
        places = {"others": others, "tickd": tickd.url}
        variables = {
            **dict.fromkeys(("TICKSTEM_URL", "ROOSTER_URL", "TICKD_URL"), url.format(**places)),
            **dict.fromkeys(("TICKSTEM_API_KEY", "ROOSTER_API_KEY", "TICKD_API_KEY"), key),
        }
        done = await _ended(tmp_path, str(FOLDER / f"{script}.py"), **variables)
    assert (done.returncode, done.stdout) == (1, "")
    assert said.format(**places) in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


async def test_a_table_becomes_heartbeats(tickd: Harness, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "name,token,schedule,interval_secs,grace_minutes,grace_multiplier,allowed_ips,timezone\n"
        "db backup,a1B2c3D4e5F6g7H8,24h,,30,,127.0.0.1 10.0.0.0/8,\n"
        "report,,0 9 * * 1,,60,,,Europe/Berlin\n"
        "worker,,,300,,2,,\n",
        "utf-8",
    )
    said = await _ended(tmp_path, str(FOLDER / "heartbeats.py"), "a.csv")
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["version"] == 1
    done = await _applied(tmp_path, tickd, said.stdout, "--yes")
    assert done.returncode == 0, done.stderr
    made = await _listed(tickd, "heartbeats")
    assert made["db-backup"]["allowed_ips"] == ["127.0.0.1", "10.0.0.0/8"]
    assert made["db-backup"]["grace_secs"] == 1800
    assert (made["report"]["timezone"], made["report"]["grace_secs"]) == ("Europe/Berlin", 3600)
    assert (made["worker"]["interval_secs"], made["worker"]["grace_secs"]) == (300, 300)
    assert (await tickd.call("GET", "/p/a1B2c3D4e5F6g7H8", key=None)).json == {"ok": True}
