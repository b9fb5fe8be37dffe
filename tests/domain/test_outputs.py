"""What is kept of a job's output."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tickd.domain import outputs


def test_a_long_output_keeps_its_head_and_tail() -> None:
    kept = outputs.kept(b"a" * 10_000 + b"b" * 50_000 + b"c" * 2_000)
    assert kept.startswith("a" * 10_000 + "\n… 50000 characters left out …\n")
    assert kept.endswith("\n" + "c" * 2_000)


@given(st.binary(max_size=15_000))
def test_any_output_is_kept_as_text_that_can_be_stored(body: bytes) -> None:
    kept = outputs.kept(body)
    assert "\0" not in kept
    kept.encode()
