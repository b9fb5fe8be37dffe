"""Which texts can be shown, and which names there may be."""

from __future__ import annotations

import pytest

from tickd.domain import status_pages, subjects, texts
from tickd.errors import Invalid

FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"


@pytest.mark.parametrize("text", ["", "shop", "商店", FAMILY, PERSIAN])
def test_joiners_are_letters_of_a_text(text: str) -> None:
    assert texts.is_printable(text)


@pytest.mark.parametrize(
    "text", ["a\nb", "\x1b[2J", "\u202eab", "a\u200bb", "a\u2060b", "\ufeffa", "a\xad", "\ud800"]
)
def test_what_hides_or_turns_letters_is_none(text: str) -> None:
    assert not texts.is_printable(text)


@pytest.mark.parametrize("text", ["", " ", "\u200d", "\u200c \u200d"])
def test_a_text_of_joiners_alone_is_empty(text: str) -> None:
    assert texts.is_empty(text)
    assert not texts.is_empty(text + FAMILY)


@pytest.mark.parametrize("name", [FAMILY, f" {PERSIAN} "])
def test_a_name_may_be_a_family_or_persian(name: str) -> None:
    assert subjects.name(name) == name.strip()
    assert status_pages._RULES["title"](name) == name.strip()


@pytest.mark.parametrize("name", ["\u200d", "a\u200bb", "a\u202eb"])
def test_a_name_that_is_not_to_be_seen_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="must be 1 to 200 printable characters"):
        subjects.name(name)
