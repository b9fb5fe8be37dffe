"""Texts that people give: which of them can be shown."""

from __future__ import annotations

JOINERS = "\u200c\u200d"
"""Letters that join or part their neighbours: nothing is to be seen of them, but a family as one emoji, and
many words of Persian, are not written without them."""


def is_printable(text: str) -> bool:
    """Whether all of it can be seen on one line, and nothing in it hides or turns the rest around."""
    return text.isprintable() or all(one.isprintable() or one in JOINERS for one in text)


def is_empty(text: str) -> bool:
    """Whether there is nothing to be seen in it."""
    return not text.strip().strip(JOINERS + " ")
