"""What docs/verification.md says of batches is what the code does."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.contract.mailing import verifying
from tests.docs.pages import codes, page, tables_of
from tests.support.daemon import KEY
from tickd.domain.verification import BATCH_MOST
from tickd.services import verification
from tickd.services import verification_batches as service
from tickd.services import verification_runs as runs
from tickd.web.native import verification as single
from tickd.web.native import verification_batches as face
from tickd.web.native.verification_batches import BatchAnswer, BatchResult

PAGE = page("docs/verification.md")
SECTION = PAGE.sections()["Batches"]
TEXT = " ".join(PAGE.text.split())


def names(column: str, other: str) -> list[str]:
    return [name for row in tables_of(SECTION, column, other) for name in codes(row[column])]


def test_every_field_is_described_and_shown() -> None:
    assert names("field", "meaning") == list(BatchAnswer.__struct_fields__)
    own = {"index", "error"}
    assert set(BatchResult.__struct_fields__) == own | set(single.COLUMNS)
    blocks = re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)
    shown = msgspec.json.decode(blocks[0], type=BatchAnswer, strict=True)
    assert isinstance(shown.results, list)
    assert shown.done == shown.total == len(shown.results) == shown.valid + shown.invalid
    said: dict[str, Any] = json.loads(blocks[0])
    for one in said["results"]:
        assert set(one) == {"index", *single.COLUMNS} - {"suggestion"}


def test_every_event_is_described() -> None:
    assert names("event", "data") == ["progress", "done", "error"]
    assert f"every {service.NEWS_SECS * 1000:g} ms at most" in TEXT
    assert service.TICK_SECS == 10
    assert "When nothing happens for ten seconds a comment comes" in TEXT


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"Up to {BATCH_MOST:,} addresses at once" in TEXT
    assert service.AT_ONCE == 4
    assert service.OF_ACCOUNT == 2
    said = (
        f"Four batches are worked off at a time, two of an account at most, {runs.LOOKUPS} addresses of each"
    )
    assert said in TEXT
    assert f"asked about {verification.UNDER_WAY_MOST} addresses of an account, one more is 429" in TEXT
    assert f"An account can have {service.OPEN_MOST} batches that have not ended" in TEXT
    assert f"and {service.LISTENERS_MOST} connections that follow one" in TEXT
    assert f"`limit` is 1 to {BATCH_MOST:,}, {face.ResultsPage().limit} by default" in TEXT
    assert f"`limit` is 1 to 500, {face.BatchPage().limit} by default" in TEXT


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_the_commands_of_the_section_work_in_their_order(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
    script = "set -eux\n" + "\n".join(blocks)
    script = re.sub(r"\bcurl ", "curl --no-progress-meter --fail-with-body ", script)

    def run(url: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "TICKD_URL": url, "TICKD_API_KEY": KEY}
        return subprocess.run(
            ["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=30
        )

    async with verifying(tmp_path / "tickd.db") as (tickd, _):
        done = await asyncio.to_thread(run, tickd.url)
        left = (await tickd.call("GET", "/v1/verify/batch")).json["total"]
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("event: done\n") == 2
    assert done.stdout.count('"status":"done","total":2,"done":2,"tried":2,"valid":1,"invalid":1,') >= 2
    assert left == 2  # the third was deleted
