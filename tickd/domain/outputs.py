"""Outputs: what is kept of the text that a job sends along."""

from __future__ import annotations

import codecs

HEAD, TAIL = 10_000, 2_000
"""How many characters are kept of the beginning and of the end."""


class Keeper:
    """Takes a text in pieces, and holds no more of it than is kept."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head = ""
        self._tail = ""
        self._letters = 0

    def add(self, piece: bytes, *, last: bool = False) -> None:
        """Take the next piece."""
        text = self._decoder.decode(piece, last)
        self._letters += len(text)
        room = HEAD - len(self._head)
        self._head += text[:room]
        self._tail = (self._tail + text[room:])[-TAIL:]

    def text(self) -> str:
        """The first 10,000 and the last 2,000 characters, and between them how many are left out."""
        self.add(b"", last=True)
        left_out = self._letters - len(self._head) - len(self._tail)
        between = f"\n… {left_out} characters left out …\n" if left_out else ""
        return (self._head + between + self._tail).replace("\0", "\N{REPLACEMENT CHARACTER}")


def kept(body: bytes) -> str:
    """What is kept of a text that is there at once."""
    keeper = Keeper()
    keeper.add(body)
    return keeper.text()
