"""What the pages of clients say was tried is what is tried here, in the version that is installed."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.contract.served import Served, serving_beside
from tests.docs.pages import codes, page
from tests.docs.recipes import Beat, beat, job, ran
from tests.support.daemon import KEY

KODO, TYMO, TICKSTEM = (page(f"docs/clients/{name}.md") for name in ("kodo", "tymo", "tickstem"))
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving_beside(tmp_path_factory.mktemp("clients") / "tickd.db") as made:
        yield made


def _moved(text: str, one: Beat) -> str:
    """A snippet for that heartbeat."""
    text = text.replace("https://tickd.example.com/p/YOUR_TOKEN", one.url)
    return text.replace("https://tickd.example.com", one.served.url).replace("HEARTBEAT_ID", one.id)


def test_the_version_that_was_tried_is_the_one_that_is_installed() -> None:
    (row,) = (row for row in TICKSTEM.tables("client", "version", "how") if "`tickstem`" in row["client"])
    assert row["version"] == version("tickstem")
    examples = Path(__file__).parents[2] / "examples"
    used = {
        name
        for file in examples.glob("tickstem_*.py")
        for name in re.findall(r"\w+Client\b", file.read_text())
    }
    assert used == set(codes(row["how"]))


@needs_curl
@pytest.mark.parametrize("one", [KODO, TYMO], ids=["kodo", "tymo"])
@pytest.mark.parametrize("status", [0, 1])
def test_the_lines_of_a_crontab_ping_on_success_alone(
    one: object, status: int, served: Served, tmp_path: Path
) -> None:
    shown = KODO if one is KODO else TYMO
    script = job(tmp_path, status)
    lines = [line for block in shown.blocks("text") for line in block.splitlines()]
    assert lines
    for line in lines:
        made = beat(served)
        command = re.sub(
            r"/(?:scripts|path/to)/backup\.sh", str(script), _moved(line.split(maxsplit=5)[5], made)
        )
        ran(["sh", "-c", command], tmp_path, {"KODO_API_KEY": KEY})
        assert made.told() == [("success", None)] * (status == 0), line


def test_tymos_python_pings(served: Served, tmp_path: Path) -> None:
    made = beat(served)
    (snippet,) = TYMO.blocks("python")
    done = ran([sys.executable, "-c", _moved(snippet, made)], tmp_path)
    assert (done.returncode, made.told()) == (0, [("success", None)]), done.stderr
    broken = _moved(snippet, made).replace("    pass\n", "    raise RuntimeError('disk full')\n")
    assert ran([sys.executable, "-c", broken], tmp_path).returncode == 1
    assert len(made.pings()) == 1


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_tymos_node_pings(served: Served, tmp_path: Path) -> None:
    made = beat(served)
    (snippet,) = TYMO.blocks("js")
    # As the page says of a tickd without a proxy.
    script = _moved(snippet, made).replace("node:https", "node:http")
    done = ran(["node", "-e", script], tmp_path)
    assert (done.returncode, made.told()) == (0, [("success", None)]), done.stderr
