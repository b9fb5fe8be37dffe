"""Shell completion: the scripts, and a real shell that takes one."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.support.commands import Run
from tickd import cli
from tickd.cli.completion import HOW

COMPLETED = """
eval "$(tickd completion bash)"
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_tickd_completion tickd
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A search path with a `tickd` on it."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "tickd"

    # The shell's script looks for _TICKD_COMPLETE, which the name of the program makes.
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom tickd.cli import main\nsys.argv[0] = 'tickd'\nmain()\n"
    )
    script.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def _completed(path: str, words: str) -> list[str]:
    done = subprocess.run(
        ["bash", "--norc", "-c", COMPLETED.format(words=words)],
        env={"PATH": path, "PYTHONPATH": str(Path(cli.__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tickd mon", ["monitors"]),
        ("tickd jobs pa", ["pause"]),
        ("tickd jobs list --sta", ["--state"]),
        ("tickd jobs list --state de", ["degraded"]),
        ("tickd completion z", ["zsh"]),
    ],
)
def test_bash_completes(path: str, words: str, expected: list[str]) -> None:
    assert _completed(path, words) == expected


@pytest.mark.parametrize("shell", HOW)
def test_a_script_says_where_it_goes(run: Run, shell: str) -> None:
    ended = run("completion", shell)
    assert (ended.status, ended.err) == (0, "")
    first, *script = ended.out.splitlines()
    assert first == HOW[shell]
    assert f"_TICKD_COMPLETE={shell}_complete" in "\n".join(script)


@pytest.mark.parametrize("shell", ["zsh", "fish", "bash"])
def test_a_shell_can_read_its_script(run: Run, shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    script = tmp_path / "script"
    script.write_text(run("completion", shell).out)
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, timeout=10)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_shell_is_refused(run: Run) -> None:
    assert run("completion", "tcsh").status == 2


def test_commands_are_completed_without_importing_them() -> None:
    script = (
        "import sys\nfrom tickd.cli import tickd\n"
        "names = [one.value for one in tickd.shell_complete(tickd.make_context('tickd', [], "
        "resilient_parsing=True), '')]\n"
        "assert 'status' in names and 'serve' in names, names\n"
        "assert not {'aiohttp', 'rich', 'yaml', 'tomli_w'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=20)


@pytest.mark.parametrize("command", ["exec", "status", "jobs"])
def test_what_has_to_be_quick_imports_little(command: str) -> None:
    script = (
        f"import sys\nfrom tickd.cli import tickd\ntickd.commands[{command!r}]\n"
        "heavy = {'aiohttp', 'rich', 'rich.console', 'yaml', 'tomli_w', 'tickd.app', 'sqlite3'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=20)


# Help.

OURS = ("status", "top", "jobs", "monitors", "heartbeats", "incidents", "profile", "completion")


def _below(command: click.Command) -> list[click.Command]:
    if not isinstance(command, click.Group):
        return [command]
    return [found for one in command.commands.values() for found in _below(one)]


@pytest.mark.parametrize("name", OURS)
def test_every_command_has_an_example(name: str) -> None:
    for command in _below(cli.tickd.commands[name]):
        said = inspect.cleandoc(command.help or "")
        assert f"\n  tickd {name}" in said or f"$(tickd {name}" in said, command


def test_help_has_sections(run: Run) -> None:
    said = run("--help").out.splitlines()
    titles = [line for line in said if line.endswith(":") and not line.startswith(" ")]
    assert titles[:3] == ["Options:", "Run:", "Look and act:"]
    assert "More:" not in titles, "put the command under a heading of SECTIONS"
    shown = [line.split()[0] for line in said if line.startswith("  ")]
    assert set(cli.COMMANDS) <= set(shown)
