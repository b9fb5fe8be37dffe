"""Values that came by reference, out of the environment or a file: nothing that is printed may tell them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tickd.domain.headers import MASK

NOT_TOLD = "is refused; the reason would tell its value, which came by reference"
"""What is said of a field in the place of a sentence that quotes it."""
LONGEST_IN_PARTS = 2000
"""Of longer texts, such as a body, single words give nothing away."""

_BETWEEN = re.compile(r"[\s/:@?&=#,;\"'\\<>()\[\]{}|]+")
_SHORTEST_PART = 4
_KNOWN = ("http", "https")


def other(text: str) -> str:
    """A text of the same shape, with other letters and digits in it."""
    return "".join(_next(letter) for letter in text)


def _next(letter: str) -> str:
    if not letter.isascii():
        return "x" if letter.isalpha() else letter
    for first, last in ("az", "AZ", "09"):
        if first <= letter <= last:
            return first if letter == last else chr(ord(letter) + 1)
    return letter


def tells(sentence: str, texts: Iterable[str]) -> bool:
    """Whether a sentence has one of the texts in it, or a part of one, such as the host of an address."""
    said = sentence.casefold()
    return any(part in said for text in texts if text and text != MASK for part in _parts(text.casefold()))


def _parts(text: str) -> list[str]:
    whole = text.strip()
    parts = _BETWEEN.split(whole) if len(whole) <= LONGEST_IN_PARTS else []
    return [whole, *(one for one in parts if len(one) >= _SHORTEST_PART and one not in _KNOWN)]


def untold(sentence: str, texts: Iterable[str]) -> str:
    """The sentence, which begins with its field; or that it can't be told."""
    return f"{sentence.partition(' ')[0]} {NOT_TOLD}" if tells(sentence, texts) else sentence
