"""Outputs: what is kept of the text that a job sends along."""

from __future__ import annotations

HEAD, TAIL = 10_000, 2_000
"""How many characters are kept of the beginning and of the end."""


def kept(body: bytes) -> str:
    """The first 10,000 and the last 2,000 characters, with a line between that says what is left out."""
    text = body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    if len(text) <= HEAD + TAIL:
        return text
    left_out = len(text) - HEAD - TAIL
    return f"{text[:HEAD]}\n… {left_out} characters left out …\n{text[-TAIL:]}"
