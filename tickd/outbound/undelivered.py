"""A message that was not taken, and how that is said without telling a secret."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote

from tickd.domain.headers import MASK

_SHOWN: Final = 200
_SHORT: Final = 6
"""So short a text is no secret, and to mask it would eat words."""
_LONG: Final = 16


class Undelivered(Exception):
    """The message was not taken; `sentence` says why, without any secret.

    `retry_after` is for how many seconds the receiver asks us to wait. `refused` says that it refuses this
    message for what it is, so that another one may pass; else the channel itself is in trouble.
    """

    def __init__(self, sentence: str, *, retry_after: float | None = None, refused: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.retry_after = retry_after
        self.refused = refused


def excerpt(answer: bytes | str, secrets: Iterable[str] = ()) -> str:
    """The beginning of what a receiver said, printable, on one line, and with `secrets` masked."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    # A receiver may show us the address or the token that we came with.
    for secret in sorted({form for one in secrets for form in _forms(one)}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def secrets_of(url: str) -> tuple[str, ...]:
    """What of an address may be a secret: everything behind its host, and each part that looks like one."""
    behind = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[1:]
    parts = [part for text in behind for part in re.split(r"[/?&=#]", text)]
    return (*behind, *(part for part in parts if len(part) >= _LONG or re.search(r"\d", part)))


def _forms(secret: str) -> tuple[str, ...]:
    """The secret, and how it looks where it was written into a URL, HTML or JSON."""
    if len(secret) < _SHORT:
        return ()
    return (secret, quote(secret), unquote(secret), html.escape(secret), secret.replace("/", "\\/"))
