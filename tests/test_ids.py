"""Ids: random where they name a resource, reversible where they name a row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd import ids


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_row_id_leads_back_to_its_row(row: int) -> None:
    assert ids.row_of("exec", ids.row_id("exec", row)) == row


@given(st.text(max_size=30))
def test_any_text_is_a_row_or_nothing(text: str) -> None:
    row = ids.row_of("exec", "exec_" + text)
    assert row is None or ids.row_id("exec", row) == "exec_" + text


@pytest.mark.parametrize("text", ["", "exec", "job_0000000000000", "exec_000000000000", "exec_zzzzzzzzzzzzu"])
def test_what_is_no_row_id_is_none(text: str) -> None:
    assert ids.row_of("exec", text) is None


def test_new_ids_differ_and_are_long_enough() -> None:
    made = {ids.new("job") for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(one) == len("job_") + 16 and set(one[4:]) <= set(ids.ALPHABET) for one in made)
