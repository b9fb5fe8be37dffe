"""Every recipe for heartbeats runs as it stands, against a real daemon; what can't run is called by hand."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.served import Served, serving_beside
from tests.docs.pages import page
from tests.docs.recipes import FOLDER, PLACE, SAID, Beat, beat, job, ran, recipe
from tickd.domain import cron

HEARTBEATS = page("docs/heartbeats.md")
UNKNOWN = "0" * 16
"""A token that no heartbeat has: a ping by it fails at once."""

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
each_status = pytest.mark.parametrize("status", [0, 3])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving_beside(tmp_path_factory.mktemp("recipes") / "tickd.db") as made:
        yield made


def ended(status: int) -> tuple[str, int]:
    return ("fail" if status else "success"), status


def yaml(text: str) -> Any:
    return pytest.importorskip("yaml").safe_load(text)


def unknown(one: Beat) -> str:
    return f"{one.served.url}/p/{UNKNOWN}"


# The files and the page.


def test_the_page_shows_every_recipe_as_it_is_in_its_file() -> None:
    blocks = set(HEARTBEATS.blocks("text", "bash", "ini", "yaml", "python", "js", "go", "powershell"))
    for path in FOLDER.iterdir():
        assert path.read_text("utf-8") in blocks, path.name


def test_the_list_of_recipes_is_complete() -> None:
    rows = page("examples/README.md").tables("recipe", "for")
    listed = [name for row in rows for name in re.findall(r"\(heartbeats/([^)]+)\)", row["recipe"])]
    assert sorted(listed) == sorted(path.name for path in FOLDER.iterdir())


def test_every_curl_gives_up_in_time_and_says_only_errors() -> None:
    for path in FOLDER.iterdir():
        for line in re.findall(r"(?<![\w{])curl [^&|;\n]*", path.read_text("utf-8")):
            assert line.startswith(("curl -fsS -m 10 --retry 5 -o /dev/null", "curl -fsS -m 10 -o /dev/null"))
            assert ("--retry" not in line) == ("/start" in line), f"{path.name}: {line}"


# crontab.


def cron_lines() -> list[tuple[str, str]]:
    lines = [line for line in recipe("crontab").splitlines() if line and not line.startswith("#")]
    return [(" ".join(line.split()[:5]), line.split(maxsplit=5)[5]) for line in lines]


def test_the_crontab_is_one() -> None:
    lines = cron_lines()
    assert len(lines) == 4
    for schedule, command in lines:
        cron.parse(schedule)
        assert "%" not in command
        assert PLACE in command
    quick = [block for block in HEARTBEATS.blocks("text") if block.count("\n") == 1 and "0 2 * * *" in block]
    assert quick == [f"0 2 * * * {lines[0][1]}\n"]


@needs_curl
@each_status
@pytest.mark.parametrize("number", range(4))
def test_crontab(number: int, status: int, served: Served, tmp_path: Path) -> None:
    one, script = beat(served), job(tmp_path, status)
    command = cron_lines()[number][1].replace("/usr/local/bin/backup.sh", str(script))
    command = command.replace("/opt/tickd/.venv/bin/tickd", str(Path(sys.executable).parent / "tickd"))
    done = ran(["sh", "-c", command.replace(PLACE, one.url)], tmp_path)
    # cron mails whatever is printed: nothing but the job's own words.
    assert (done.stdout, done.stderr) == (f"{SAID}\n", "")
    assert (
        one.told()
        == [
            [("success", None)] * (status == 0),
            [ended(status)],
            [("start", None), ended(status)],
            [("start", None), ended(status)],
        ][number]
    )
    if number == 3:
        assert (done.returncode, one.body()) == (status, f"{SAID}\n")


# Shell.


@needs_curl
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@each_status
def test_bash(status: int, served: Served, tmp_path: Path) -> None:
    one, script = beat(served), job(tmp_path, status)
    command = ["bash", str(FOLDER / "with_output.bash"), str(script)]
    done = ran(command, tmp_path, {"PING_URL": one.url})
    assert (done.returncode, done.stdout, done.stderr) == (status, f"{SAID}\n", "")
    assert one.told() == [("start", None), ended(status)]
    assert one.body() == f"{SAID}\n"
    for url in (unknown(one), ""):
        lost = ran(command, tmp_path, {"PING_URL": url})
        assert (lost.returncode, lost.stdout) == (status, f"{SAID}\n")


# systemd.


def unit(name: str) -> dict[str, str]:
    """The settings of a unit, each of which has one line."""
    return dict(re.findall(r"^(\w+)=(.*)$", recipe(name), re.MULTILINE))


def command_of(setting: str, variables: dict[str, str]) -> list[str]:
    """A command line as systemd reads it."""
    words = shlex.split(setting.removeprefix("-"))
    words[0] = words[0].replace("/usr/bin/curl", shutil.which("curl") or "")
    named = r"\$\$|\$\{(\w+)\}"
    return [re.sub(named, lambda found: variables[found[1]] if found[1] else "$", word) for word in words]


@needs_curl
@pytest.mark.parametrize(
    ("code", "status", "end"),
    [
        ("exited", "0", ("success", 0)),
        ("exited", "203", ("fail", 203)),
        ("killed", "TERM", ("fail", None)),
        ("dumped", "SEGV", ("fail", None)),
    ],
)
def test_systemd_service(
    code: str, status: str, end: tuple[str, int | None], served: Served, tmp_path: Path
) -> None:
    one, settings = beat(served), unit("backup.service")
    variables = {"PING_URL": one.url, "INVOCATION_ID": "0f" * 16, "EXIT_CODE": code, "EXIT_STATUS": status}
    for name in ("ExecStartPre", "ExecStopPost"):
        assert settings[name].startswith("-"), "a ping that fails would fail the unit"
        done = ran(command_of(settings[name], variables), tmp_path, variables)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert one.told() == [("start", None), end]


@needs_curl
def test_systemd_on_failure(served: Served, tmp_path: Path) -> None:
    one = beat(served)
    variables = {"PING_URL": one.url}
    ran(command_of(unit("heartbeat-failed@.service")["ExecStart"], variables), tmp_path, variables)
    assert one.told() == [("fail", None)]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    names = {name: name.replace("@.", "@shop.") for name in os.listdir(FOLDER) if "." in name}
    units = [name for name in names if name.endswith((".service", ".timer"))]
    script = job(tmp_path, 0)
    for name in units:
        text = recipe(name).replace("/usr/local/bin/backup.sh", str(script))
        (tmp_path / names[name]).write_text(text.replace("/usr/bin/curl", "/bin/sh"), "utf-8")
    for name in units:
        done = ran(["systemd-analyze", "verify", "--man=no", f"./{names[name]}"], tmp_path)
        found = [line for line in done.stderr.splitlines() if names[name] in line]
        assert not found, done.stderr


# CI and clusters.


def _github(text: str, beat: Beat, status: str = "success") -> str:
    known = {"secrets.BACKUP_PING_URL": beat.url, "github.run_id": "77", "github.run_attempt": "2"}
    known["job.status"] = status
    return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: known[found[1]], text)


def run_workflow(one: Beat, folder: Path) -> str:
    """The steps as the runner takes them; how the job has ended."""
    (work,) = yaml(recipe("github-actions.yml"))["jobs"].values()
    outcome = "success"
    for step in work["steps"]:
        if "run" not in step or (outcome != "success" and step.get("if") != "always()"):
            continue
        assert "${{" not in step["run"], "an expression there is pasted into the script"
        variables = work["env"] | step.get("env", {})
        variables = {name: _github(text, one, outcome) for name, text in variables.items()}
        done = ran(["bash", "-e", "-c", step["run"]], folder, variables)
        outcome = "failure" if done.returncode else outcome
    return outcome


@needs_curl
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@each_status
def test_github_actions(status: int, served: Served, tmp_path: Path) -> None:
    one = beat(served)
    job(tmp_path, status)
    outcome = "failure" if status else "success"
    assert run_workflow(one, tmp_path) == outcome
    assert one.told() == [("start", None), ("fail", None) if status else ("success", 0)]
    assert ((one.pings())[-1]["rid"], one.body()) == ("77-2", outcome)
    assert run_workflow(Beat(served, one.id, unknown(one)), tmp_path) == outcome


def container(text: str) -> Any:
    (found,) = yaml(text)["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return found


@needs_curl
@each_status
def test_kubernetes(status: int, served: Served, tmp_path: Path) -> None:
    one, script = beat(served), job(tmp_path, status)
    found = container(recipe("kubernetes-cronjob.yaml"))
    assert {variable["name"] for variable in found["env"]} == {"PING_URL", "RID"}
    assert {"secretKeyRef"} == set(found["env"][0]["valueFrom"]), "the URL is a secret"
    command = [*found["command"], found["args"][0].replace("/scripts/backup.sh", str(script))]
    done = ran(command, tmp_path, {"PING_URL": one.url, "RID": "backup-29"})
    assert (done.returncode, done.stdout, done.stderr) == (status, f"{SAID}\n", "")
    assert one.told() == [("start", None), ended(status)]
    lost = ran(command, tmp_path, {"PING_URL": unknown(one), "RID": "backup-29"})
    assert (lost.returncode, lost.stdout) == (status, f"{SAID}\n")


@needs_curl
def test_a_block_of_lines_pings_after_a_failure_unless_it_is_told_to_stop(
    served: Served, tmp_path: Path
) -> None:
    (block,) = [block for block in HEARTBEATS.blocks("yaml") if block.startswith("command:")]
    found, script = yaml(block), job(tmp_path, 3)
    text = found["args"][0].replace("/scripts/backup.sh", str(script))
    for first, status, told in (("", 0, [("success", None)]), ("set -e\n", 3, [])):
        one = beat(served)
        done = ran([*found["command"], first + text], tmp_path, {"PING_URL": one.url})
        assert (done.returncode, one.told()) == (status, told)


# Languages.

GOOD_AND_BAD = {
    "heartbeat.py": (f'print("{SAID}")', 'raise RuntimeError("disk full")'),
    "heartbeat.mjs": (f'console.log("{SAID}");', 'throw new Error("disk full");'),
    "heartbeat.go": (f'fmt.Println("{SAID}")\n\t\treturn nil', 'return fmt.Errorf("disk full")'),
    "heartbeat.ps1": (f"Write-Output '{SAID}'", "throw 'disk full'"),
}
PROGRAMS = {
    "heartbeat.py": [sys.executable],
    "heartbeat.mjs": ["node"],
    "heartbeat.go": ["go", "run"],
    "heartbeat.ps1": ["pwsh", "-NoProfile", "-File"],
}
PATHS = {
    "heartbeat.py": r"\{url\}([/\w{} ']*)\?rid=",
    "heartbeat.mjs": r"\$\{url\}([/\w]*)\?rid=",
    "heartbeat.go": r'url\+"([/\w]*)\?rid=',
    "heartbeat.ps1": r"Send-Ping '([/\w]*)'",
}
each_language = pytest.mark.parametrize("name", sorted(PROGRAMS))


@each_language
def test_a_program_reports_its_run(name: str, served: Served, tmp_path: Path) -> None:
    if shutil.which(PROGRAMS[name][0]) is None:
        pytest.skip(f"needs {PROGRAMS[name][0]}")
    good, bad = GOOD_AND_BAD[name]
    text = recipe(name)
    assert text.count(good) == 1
    path = tmp_path / name
    # Go keeps what it has compiled at home, and fetches nothing.
    variables = {"HOME": os.environ.get("HOME", str(tmp_path)), "GOTOOLCHAIN": "local"}
    for job_text, fails in ((good, False), (bad, True)):
        path.write_text(text.replace(good, job_text), "utf-8")
        one = beat(served)
        command = [*PROGRAMS[name], str(path)]
        done = ran(command, tmp_path, variables | {"PING_URL": one.url}, secs=120)
        assert (done.returncode != 0) == fails, done.stderr
        assert SAID in done.stdout or fails
        assert [kind for kind, _ in one.told()] == ["start", "fail" if fails else "success"]
        assert ("disk full" in one.body()) == fails
    # A report that is lost does not fail the run.
    path.write_text(text, "utf-8")
    lost = ran(command, tmp_path, variables | {"PING_URL": unknown(one)}, secs=120)
    assert (lost.returncode, SAID in lost.stdout) == (0, True), lost.stderr


@each_language
def test_a_program_calls_addresses_that_are_there(name: str, served: Served) -> None:
    def paths() -> Iterator[str]:
        for found in re.findall(PATHS[name], recipe(name)):
            # Python chooses between two.
            yield from [f"/{end}" for end in ("0", "fail")] if "{" in found else [found]

    one = beat(served)
    called = list(dict.fromkeys(paths()))
    assert called[0] == "/start"
    for path in called:
        reply = served.call("POST", f"{one.url.removeprefix(served.url)}{path}?rid=7", key=None)
        assert (reply.status, reply.json) == (200, {"ok": True}), path
    assert {ping["kind"] for ping in one.pings()} == {"start", "fail", "success"}


@pytest.mark.parametrize(("exit_with", "end"), [("0", ("success", 0)), ("3", ("fail", None))])
def test_a_python_run_that_exits_is_judged_by_its_status(
    exit_with: str, end: tuple[str, int | None], served: Served, tmp_path: Path
) -> None:
    one = beat(served)
    script = f"import sys\nfrom heartbeat import reported\nwith reported({one.url!r}): sys.exit({exit_with})"
    done = ran([sys.executable, "-B", "-c", script], tmp_path, {"PYTHONPATH": str(FOLDER)})
    assert done.returncode == int(exit_with)
    assert one.told() == [("start", None), end]
