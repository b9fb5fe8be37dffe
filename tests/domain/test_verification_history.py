"""What the history keeps of what was given as an address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain.verification import SHOWN_MOST, Unknown, Verdict, blanked, is_meant, is_same, made, shown


@given(st.text(st.characters(codec=None), max_size=SHOWN_MOST * 2))
def test_whatever_was_given_can_be_stored_and_is_cut_once(email: str) -> None:
    kept = shown(email)
    kept.encode()
    assert len(kept) <= SHOWN_MOST
    assert shown(kept) == kept
    assert is_same(kept, email)


@pytest.mark.parametrize("length", [0, 1, SHOWN_MOST - 1, SHOWN_MOST])
def test_what_fits_is_kept_as_it_is(length: int) -> None:
    assert shown("é" * length) == "é" * length
    assert shown("é" * (SHOWN_MOST + 1)) == "é" * (SHOWN_MOST - 1) + "…"


def test_an_entry_has_all_of_the_verdict() -> None:
    verdict = Verdict(valid=True, mx_found=True, disposable=True, role_based=True, reason="r", suggestion="s")
    entry = made(verdict, identifier="ver_1", account_id="acc_1", email="a@b.de", now=7, batch=3, position=0)
    assert {name: getattr(entry, name) for name in Verdict.__struct_fields__} == {
        name: getattr(verdict, name) for name in Verdict.__struct_fields__
    }
    assert (entry.row, entry.id, entry.account_id, entry.email) == (0, "ver_1", "acc_1", "a@b.de")
    assert (entry.created_at, entry.batch, entry.position) == (7, 3, 0)


@pytest.mark.parametrize(
    ("kept", "email", "same"),
    [
        ("Ann@B.de", "aNN@b.DE", True),
        ("JÖRG@b.de", "jörg@b.de", True),
        ("strasse@b.de", "straße@b.de", False),
        ("ann@b.de", "ann+x@b.de", False),
        ("ann@b.de", "ann@b.de ", False),
        ("ann@bücher.de", "ANN@XN--Bcher-kva.de", True),
        ("ann@xn--bcher-kva.de", "ann@Bücher.de", True),
        ("ann@bücher.de", "ann@bucher.de", False),
        ("ann@straße.de", "ann@strasse.de", False),
        ("ann@straße.de", "ann@xn--strae-oqa.de", True),
        ("ann@xn--.de", "Ann@XN--.de", True),
        ("bücher.de", "xn--bcher-kva.de", True),
        ("bücher.de@b.de", "xn--bcher-kva.de@b.de", False),
    ],
)
def test_an_address_is_the_same_however_it_is_written_and_no_other(kept: str, email: str, same: bool) -> None:
    assert is_same(kept, email) == same


def test_an_entry_without_a_verdict_is_blanked_once() -> None:
    entry = Unknown(4, "ann@b.de", "no answer")
    assert is_meant(entry, None)
    assert is_meant(entry, "ANN@b.de")
    assert not is_meant(entry, "bob@b.de")
    left = blanked(entry)
    assert (left.position, left.email) == (4, "")
    assert "ann" not in left.error
    assert not is_meant(left, None)
