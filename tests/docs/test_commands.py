"""Every shell block of the documentation runs, page by page and in its order, against a real daemon."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import textwrap
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.mailing import answer as mail_answer
from tests.docs.elsewhere import elsewhere
from tests.docs.forks import forking
from tests.docs.pages import ROOT, Page, page, pages
from tests.docs.sandbox import Sandbox, free_port
from tests.support.clock import FakeClock
from tests.support.daemon import KEY, Harness, running
from tests.support.dns import naming
from tests.support.endpoint import Endpoint, serving
from tickd.clock import SystemClock

REACHES = "asks another service, with a key of the reader's"
FETCHES = "fetches packages, which no test does; the build and smoke steps of .ci/run make the same install"
ROOTS = "needs root, and changes the machine"
TESTS = "is the tests themselves"
TERMINAL = "needs a terminal, and goes on until q"
MINUTES = "takes minutes; it is run by hand"

NOT_RUN: Mapping[tuple[str, str], str] = {
    ("README.md", "python3 -m venv .venv && .venv/bin/pip install -q . &&"): FETCHES,
    ("README.md", "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]'"): TESTS,
    ("examples/README.md", ".venv/bin/pip install tickstem"): FETCHES,
    ("docs/contributing.md", "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]'"): TESTS,
    ("docs/contributing.md", ".venv/bin/ruff check"): TESTS,
    ("docs/contributing.md", ".venv/bin/pytest tests/browser"): TESTS,
    ("docs/contributing.md", ".venv/bin/python -m tests.benchmarks.store"): MINUTES,
    ("docs/install.md", "sudo "): ROOTS,
    ("docs/logs.md", "journalctl"): "needs systemd's journal",
    ("docs/install.md", "systemctl status tickd"): ROOTS,
    ("docs/install.md", "docker compose"): "needs a container engine",
    ("docs/install.md", ".ci/build"): MINUTES,
    ("docs/install.md", "python3 -m venv .venv"): FETCHES,
    ("docs/how-to/move.md", "sudo systemctl stop"): ROOTS,
    ("docs/cli.md", "tickd top"): TERMINAL,
    ("docs/terminal.md", "tickd top\n"): TERMINAL,
    ("docs/terminal.md", 'eval "$(tickd completion zsh)"'): "is for zsh",
    ("docs/migrating/crontab.md", "crontab -l"): "is about the reader's own crontab",
    ("docs/migrating/crontab.md", "diff crontab crontab.new"): "changes the crontab of whoever runs it",
    ("docs/migrating/uptime-kuma.md", "docker stop"): "needs a container engine, and an Uptime Kuma in it",
    ("docs/migrating/healthchecks.md", "curl -fsS https://healthchecks.io"): REACHES,
    ("docs/install.md", "kill $(cat tickd.db.lock)"): "ends the daemon that this page's other commands need",
}
"""Blocks that can't run here, by page and how they begin, and why. They are parsed all the same."""

BESIDE: Mapping[tuple[str, str], str] = {
    ("examples/README.md", "SIGNING_SECRET=not-so-secret python3 examples/receiver.py"): "listening on",
    ("examples/README.md", "export TICKD_API_KEY=dev\naccount="): "listening on",
    ("README.md", "mkdir -p /tmp/hello"): "Serving HTTP",
}
"""Blocks that go on beside the next ones, as in another terminal, and what they say when they are ready."""

FIRST: Mapping[str, str] = {
    "docs/cli.md": """
        tickd key create --name first --db /var/lib/tickd/tickd.db
        cp examples/tickd.toml /etc/tickd.toml
        curl "$TICKD_URL/v1/heartbeats" -H "X-API-Key: $TICKD_API_KEY" -d '{"name": "shop"}'
        curl "$TICKD_URL/v1/heartbeats" -H "X-API-Key: $TICKD_API_KEY" -d '{"name": "backup"}'
        curl "$TICKD_URL/v1/monitors" -H "X-API-Key: $TICKD_API_KEY" -d '{"name": "shop", "url": "http://127.0.0.1:9/"}'
        curl "$TICKD_URL/v1/jobs" -H "X-API-Key: $TICKD_API_KEY" \\
          -d '{"name": "nightly", "schedule": "@daily", "endpoint": "https://example.com/"}'
        curl "$TICKD_URL/p/TOKEN/fail" -d "the disk is full"
        curl "$TICKD_URL/v1/incidents" -H "X-API-Key: $TICKD_API_KEY"
        printf 'email,Work e-mail,e-mail\\na@gmail.com,b@gmail.com,c@gmail.com\\n' > people.csv
        cp people.csv export.csv
        printf '#!/bin/sh\\nexit 0\\n' > bin/pg_dump && chmod +x bin/pg_dump
        python3 -c "import sqlite3; sqlite3.connect('kuma.db').executescript(
            open('examples/import/uptime-kuma.sql').read())"
    """,
    "docs/backup.md": """
        tickd key create --name first --db /var/lib/tickd/tickd.db
        mkdir /var/backups/tickd
        tickd backup /var/backups/tickd/tickd-20260303T031500Z-1f0c6a52.db --db /var/lib/tickd/tickd.db
    """,
    "docs/terminal.md": """
        printf '#!/bin/sh\\nexec cat\\n' > bin/mail && chmod +x bin/mail
        curl "$TICKD_URL/v1/monitors" -H "X-API-Key: $TICKD_API_KEY" \\
          -d '{"name": "shop", "url": "https://example.com/"}'
        curl "$TICKD_URL/v1/monitors" -H "X-API-Key: $TICKD_API_KEY" \\
          -d '{"name": "search", "url": "http://127.0.0.1:9/", "failure_threshold": 1}'
        curl "$TICKD_URL/v1/jobs" -H "X-API-Key: $TICKD_API_KEY" \\
          -d '{"name": "nightly dump", "schedule": "@daily", "endpoint": "https://example.com/"}'
        tickd monitors check search
    """,
    "docs/how-to/rotate-keys.md": """
        tickd key create --name "deploys 2026"
        curl "$TICKD_URL/v1/heartbeats" -H "X-API-Key: $TICKD_API_KEY" -d '{"name": "backup"}'
        curl "$TICKD_URL/v1/jobs" -H "X-API-Key: $TICKD_API_KEY" \\
          -d '{"name": "nightly", "schedule": "@daily", "endpoint": "https://example.com/"}'
        curl "$TICKD_URL/v1/channels" -H "X-API-Key: $TICKD_API_KEY" \\
          -d '{"kind": "webhook", "name": "pager", "url": "https://example.com/pager"}'
    """,
    "docs/how-to/lost-password.md": "tickd user add ada@example.com --generate",
    "docs/doctor.md": "cp examples/tickd.toml /etc/tickd.toml",
    "docs/verification.md": "echo someone@gmail.com > people.csv",
    "docs/configuration.md": "cp examples/tickd.toml /etc/tickd.toml",
}
"""What there is before a page begins, where that is not nothing."""

GONE = {
    "docs/jobs.md": "nightly-backup",
    "docs/monitors.md": "Shop",
    "docs/heartbeats.md": "backup",
    "docs/clients/statusrooster.md": "My Website",
    "docs/maintenance.md": "restart",
}
"""Names of what a page deletes at its end, by the id that it has kept, and of nothing else."""
SHOWN = {"docs/terminal.md": "search: paused"}
"""How the block begins whose every line is seen, but for numbers."""
LISTS = ("/v1/jobs", "/v1/monitors", "/v1/heartbeats", "/v1/maintenance")


@dataclass(frozen=True, slots=True)
class Block:
    """A shell block of a page."""

    page: str
    line: int
    text: str

    def of(self, table: Mapping[tuple[str, str], str]) -> str | None:
        """What the table says of it."""
        for (name, begins), said in table.items():
            if name == self.page and self.text.startswith(begins):
                return said
        return None


def blocks_of(one: Page) -> list[Block]:
    """Its shell blocks, with the line that each begins in."""
    found = re.finditer(r"^```(?:sh|shell|console)\n(.*?)^```$", one.text, re.MULTILINE | re.DOTALL)
    name = str(one.path.relative_to(ROOT))
    return [Block(name, one.text[: block.start()].count("\n") + 2, block[1]) for block in found]


APART = {"docs/tutorial.md"}
"""Pages with a test of their own: see test_tutorial."""
ALL = [(one, blocks_of(one)) for one in pages()]
RUN = [blocks for _, blocks in ALL if blocks and blocks[0].page not in APART]
each_page = pytest.mark.parametrize("blocks", RUN, ids=lambda blocks: blocks[0].page)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The text of a program that is `tickd`."""
    with forking(tmp_path_factory.mktemp("forks")) as text:
        yield text


@asynccontextmanager
async def _served(folder: Path) -> AsyncIterator[tuple[Harness, Endpoint, dict[str, str]]]:
    """A daemon, an endpoint in the place of every outside host, and where the other services are."""
    clock = FakeClock(SystemClock().now())
    async with naming(mail_answer) as names, serving() as endpoint, elsewhere() as others:
        server = (("127.0.0.1", names.port),)
        async with running(folder / "tickd.db", clock=clock, dns_server=server) as tickd:
            yield (
                tickd,
                endpoint,
                {
                    "TICKD_DNS_SERVER": f"127.0.0.1:{names.port}",
                    "TICKSTEM_URL": f"{others}/v1",
                    "ROOSTER_URL": others,
                },
            )


def _places(tickd: str, endpoint: str, folder: Path) -> dict[str, str]:
    """What stands in pages, and what it is here."""
    web, alerts = free_port(), free_port()
    return {
        r"(?<=TICKD_API_KEY=)dev\b": KEY,
        r"(?=python3 examples/receiver\.py)": f"PORT={web} ",
        r"(?=python3 examples/alerts/receiver\.py)": f"PORT={alerts} ",
        r"(?=sh examples/)": f"ENDPOINT=http://127.0.0.1:{web}/ ",
        r"https://tickd\.example\.com": tickd,
        r"\bhttps?://[a-z.-]*example\.(?:com|org)": endpoint,
        r"(?<!listen )\b127\.0\.0\.1:8090\b": tickd.removeprefix("http://"),
        r"(?<=[:= ])3000\b": web,
        r"(?<=[:= ])3001\b": alerts,
        r"(?<![\w./])(?=/(?:etc|opt|srv|tmp|var/lib|var/backups)/)": str(folder),
    }


def _without_numbers(text: str) -> list[str]:
    return re.sub(r"\d+", "0", text).splitlines()


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@each_page
async def test_the_commands_of_a_page_run_in_their_order(
    blocks: list[Block], program: str, tmp_path: Path
) -> None:
    def read(sandbox: Sandbox) -> None:
        with sandbox.open():
            if FIRST.get(blocks[0].page):
                sandbox.run(textwrap.dedent(FIRST[blocks[0].page]))
            for block in blocks:
                if block.of(NOT_RUN) is None:
                    sandbox.run(block.text, beside=block.of(BESIDE) or "")

    async with _served(tmp_path) as (tickd, endpoint, others):
        sandbox = Sandbox(
            tmp_path / "reader",
            _places(tickd.url, endpoint.url, tmp_path / "reader"),
            others
            | {
                "TICKD_URL": tickd.url,
                "TICKD_API_KEY": KEY,
                "TICKD_DB": str(tmp_path / "tickd.db"),
            },
        )
        sandbox.furnish(program)
        await asyncio.to_thread(read, sandbox)
        left = [found for path in LISTS for found in (await tickd.call("GET", path)).json.values()]
    for shown in page(blocks[0].page).blocks("text"):
        if shown.startswith(SHOWN.get(blocks[0].page, "nothing")):
            assert set(_without_numbers(shown)) <= set(_without_numbers(sandbox.seen))
    names = {one["name"] for found in left if isinstance(found, list) for one in found}
    assert GONE.get(blocks[0].page) not in names


PROGRAMS = (
    "tickd sudo curl wget systemctl journalctl docker podman git ssh scp rsync crontab litestream "
    "python python3 pip pipx apt apt-get sqlite3 openssl npm npx cd cp mv rm "
    "mkdir kill sh bash install echo cat diff eval set"
)
COMMAND = re.compile(
    rf"(?:[$] |[A-Z_]+=\S+ )*(?:(?:[\w./~-]*/)?(?:{PROGRAMS.replace(' ', '|')})(?: |$)|export [A-Z_]+=|\. )"
)
"""How a line begins that somebody is to type."""
OUTPUT = re.compile(r"tickd (?:\d+\.\d+\.\d+ |serves on )")
"""How lines of tickd's own begin that look so."""


def test_no_command_hides_in_a_block_that_is_not_run() -> None:
    # The recipes are files, with tests of their own: see test_recipes.
    files = [path.read_text("utf-8") for path in (ROOT / "examples").rglob("*") if path.suffix == ".bash"]
    for one in pages():
        name = one.path.relative_to(ROOT)
        fences = re.findall(r"^[ \t]*(?:```|~~~).*$", one.text, re.MULTILINE)
        assert not [fence for fence in fences if not re.fullmatch(r"```\w*", fence)], name
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", one.text, re.MULTILINE | re.DOTALL):
            assert language, f"{name}: a block says no language:\n{block}"
            if language not in ("sh", "shell", "console") and block not in files:
                hidden = [
                    line for line in block.splitlines() if COMMAND.match(line) and not OUTPUT.match(line)
                ]
                assert not hidden, f"{name}: in a block of {language}"


def test_what_is_not_run_is_there_and_can_be_parsed() -> None:
    every = [block for _, blocks in ALL for block in blocks]
    for table in (NOT_RUN, BESIDE):
        for entry in table:
            found = [block for block in every if block.of({entry: "found"})]
            assert found, f"{entry} is not there any more"
    for block in every:
        parsed = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True)
        assert parsed.returncode == 0, (block, parsed.stderr)
