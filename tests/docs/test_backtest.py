"""What docs/monitors.md says of back-tests is what can be sent and what is answered."""

from __future__ import annotations

import json

from msgspec import inspect

from tests.docs.kinds import words_of
from tests.docs.pages import codes, page, tables_of
from tickd.domain import backtest
from tickd.domain.backtest import BacktestRequest
from tickd.web.native.checks import BacktestAnswer, BacktestIncident, BacktestSide, HeldBack

SECTION = page("docs/monitors.md").sections()["Alert back-test"]
TEXT = " ".join(SECTION.split())


def test_everything_that_can_be_sent_is_described() -> None:
    rows = tables_of(SECTION, "what to send", "default", "what it may be")
    said = {codes(row["what to send"])[0]: row for row in rows}
    info = inspect.type_info(BacktestRequest)
    assert isinstance(info, inspect.StructType)
    assert list(said) == [field.name for field in info.fields]
    for field in info.fields:
        if field.name == "days":
            assert said["days"]["default"] == f"`{json.dumps(field.default)}`"
        else:
            assert said[field.name]["default"] == "the monitor's own"
        for word in words_of(field.type):
            assert word in said[field.name]["what it may be"], field.name


def test_everything_that_is_answered_is_described() -> None:
    rows = tables_of(SECTION, "in the answer", "meaning")
    said = {name for row in rows for name in codes(row["in the answer"])}
    kinds = (BacktestAnswer, BacktestSide, BacktestIncident)
    assert said == {name for kind in kinds for name in kind.__struct_encode_fields__}
    (held,) = (row for row in rows if row["in the answer"] == "`held_back`")
    assert set(codes(held["meaning"])) == set(HeldBack.__struct_fields__)
    assert f"the first {backtest.MOST} of them" in TEXT


def test_the_sentence_is_one_that_is_said() -> None:
    made = backtest.Backtest
    assert made.summary.__doc__
    start = "With failure_threshold 3 and cooldown_secs 600 the last 30 days would have sent "
    assert f"`{start}4 alerts instead of 61.`" in TEXT
