"""The pings of `tickd exec`: what one is, where it goes, and how it is spoken of. Imports little."""

from __future__ import annotations

import contextlib
import os
import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from tickd.domain import times
from tickd.errors import Invalid

BODY_BYTES = 10_000
"""How much of the end of the output a ping carries."""


class Target(NamedTuple):
    """A heartbeat: the address of its tickd, without a slash at the end, and its token."""

    url: str
    token: str


class Ping(NamedTuple):
    """What is told of a run; `kind` is `start` or an exit status, `at` its time in milliseconds."""

    url: str
    token: str
    kind: str
    rid: str
    at: int
    body: str = ""

    def path(self, *, replay: bool) -> str:
        """Path and query, below the address; a replay says when the ping was to be sent."""
        path = f"{urlsplit(self.url).path}/p/{quote(self.token, safe='')}/{self.kind}?rid={quote(self.rid)}"
        return f"{path}&at={times.rfc3339(self.at)}" if replay else path

    def masked(self, text: str) -> str:
        """The text without the token, which is a credential: its first four letters are left."""
        for form in (self.token, quote(self.token, safe="")):
            text = text.replace(form, mask(self.token))
        return text


_PING_URL = re.compile(r"(.*?)/(?:(?:p|ping)/([^/]+)(?:/[^/]*)?|v1/heartbeats/([^/]+)/ping)")


def mask(token: str) -> str:
    """A token as it may be shown: who knows it can guess which one it is."""
    return f"{token[:4]}…"


def target(token: str, url: str) -> Target:
    """Where a run is reported; TOKEN may be a whole ping URL, which wins. Invalid for what is neither."""
    if token.startswith(("http://", "https://")):
        found = _PING_URL.fullmatch(token.partition("?")[0])
        if found is None:
            raise Invalid("TOKEN", "is an address without /p/TOKEN in it")
        url, token = found[1], found[2] or found[3]
    if not token or not token.isprintable() or not token.isascii():
        raise Invalid("TOKEN", "must not be empty, and have nothing but printable ASCII characters")
    return Target(address(url), token)


def address(url: str) -> str:
    """The address without a slash at its end; Invalid for what no ping can be sent to."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or not (url.isprintable() and url.isascii()) or " " in url:
        raise Invalid("--url", "must be an address such as https://tickd.example.com")
    if parts.username is not None:
        raise Invalid("--url", "must have no user name and password in it")
    return url.rstrip("/")


def text_of(tail: bytes) -> str:
    """The end of a command's output as text of at most `BODY_BYTES` bytes."""
    text = _cut(tail).decode("utf-8", "replace").replace("\0", "\ufffd")
    # A byte that is no text becomes three.
    return _cut(text.encode()).decode("utf-8", "ignore")


def _cut(data: bytes) -> bytes:
    """The last `BODY_BYTES` bytes, not beginning in the middle of a letter."""
    if len(data) <= BODY_BYTES:
        return data
    data = data[-BODY_BYTES:]
    start = next((place for place in range(4) if data[place] & 0xC0 != 0x80), 0)
    return data[start:]


def say(text: str) -> None:
    """One line on stderr; where that is closed or full, none: the command's run is not about us."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    with contextlib.suppress(OSError):
        os.write(2, f"tickd: {line}\n".encode(errors="replace"))
