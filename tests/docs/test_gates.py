"""What the page on jobs says of gates is what the ledger says of them."""

from __future__ import annotations

from typing import get_args

from tests.docs.pages import codes, page, tables_of
from tests.domain.test_jobs import job
from tickd.domain import gates, jobs
from tickd.domain.gates import Target
from tickd.domain.times import MINUTE

SECTION = "When what a job needs is down"


def test_the_words_of_when_down_are_described() -> None:
    rows = tables_of(page("docs/jobs.md").sections()[SECTION], "value", "what becomes of it")
    assert tuple(codes(row["value"])[0] for row in rows) == get_args(jobs.WhenDown)


def test_the_reasons_are_the_ledgers() -> None:
    shop = [Target("mon_1", "Shop")]
    rows = tables_of(page("docs/jobs.md").sections()[SECTION], "`status`", "`reason`")
    assert {codes(row["`reason`"])[0] for row in rows} == {
        gates.deferred(shop),
        gates.waited(shop, 12 * MINUTE),
        gates.gave_up(shop, job()),
        gates.LATER,
        gates.skipped(shop),
        gates.fired(shop),
    }


def test_the_numbers_are_the_rules() -> None:
    text = page("docs/jobs.md").sections()[SECTION]
    assert f"the latest {jobs.CATCH_UP_MOST} of them" in text
    assert f"`{gates.PAUSED}`" in text
