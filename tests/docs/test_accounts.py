"""What docs/accounts.md shows of limits is what is answered; every benchmark is on the page of those."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

from tests.docs.pages import page
from tests.support.daemon import Harness
from tickd.domain.accounts import DEFAULT_ACCOUNT, SUSPENDED
from tickd.domain.limits import LimitsChange
from tickd.services import limits

ACCOUNTS = page("docs/accounts.md")
JOB = {"name": "a", "schedule": "* * * * *", "endpoint": "http://127.0.0.1:9/"}
MONITOR = {"name": "a", "url": "http://127.0.0.1:9/"}


async def test_the_refusals_that_are_shown_are_real(tickd: Harness) -> None:
    shown = [json.loads(line) for line in next(ACCOUNTS.blocks("json")).splitlines()]
    yearly = JOB | {"schedule": "@yearly"}
    job = (await tickd.call("POST", "/v1/jobs", yearly)).json
    now = tickd.clock.now()

    async def refused(limit: dict[str, Any], path: str, body: dict[str, Any] | None) -> object:
        """What is answered under that limit alone."""
        none = dict.fromkeys(("max_jobs", "max_monitors", "min_interval_secs", "executions_per_month"))
        change = LimitsChange(**(none | limit))  # type: ignore[arg-type]
        await tickd.daemon.services.limits.set(DEFAULT_ACCOUNT, change)
        reply = await tickd.call("POST", path, body)
        assert reply.status == 402
        return reply.json

    # As if the month had seen so many: nobody waits for that.
    await tickd.daemon._database.write(lambda tx: limits.verifications(tx, DEFAULT_ACCOUNT, 4_600, now))
    await tickd.daemon._database.write(lambda tx: _run(tx, 100_000))
    for number in range(49):
        made = await tickd.call("POST", "/v1/jobs", yearly | {"name": f"job {number}"})
        assert made.status == 201
    batch = {"emails": ["someone@gmail.com"] * 1000}
    cases: list[tuple[dict[str, Any], str, dict[str, Any] | None]] = [
        ({"max_jobs": 50}, "/v1/jobs", yearly | {"name": "one more"}),
        ({"max_monitors": 0}, "/v1/monitors", MONITOR),
        ({"min_interval_secs": 120}, "/v1/monitors", MONITOR | {"interval_secs": 60}),
        ({"min_interval_secs": 120}, "/v1/jobs", JOB),
        ({"executions_per_month": 100_000}, f"/v1/jobs/{job['id']}/run", None),
        ({"verifications_per_month": 5_000}, "/v1/verify/batch", batch),
    ]
    assert [await refused(*case) for case in cases] == shown


def _run(tx: sqlite3.Connection, count: int) -> None:
    tx.execute("UPDATE account_use SET executions = ?", (count,))


def test_the_sentence_of_a_suspension_is_that_of_the_ledger() -> None:
    said = re.findall(r'"(th\w+ account is suspended)"', ACCOUNTS.text)
    assert said
    assert set(said) == {SUSPENDED}


def test_every_benchmark_is_listed() -> None:
    listed = re.findall(r"tests\.benchmarks\.(\w+)", page("docs/contributing.md").text)
    files = Path(__file__).parents[1] / "benchmarks"
    assert sorted(listed) == sorted(path.stem for path in files.glob("[a-z]*.py"))
