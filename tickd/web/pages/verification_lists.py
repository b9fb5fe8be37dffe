"""Lists of addresses as a form brings them: pasted from anywhere, or in a file that a spreadsheet wrote."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Iterable
from typing import NamedTuple

from tickd.domain.address_lists import addresses
from tickd.domain.verification import BATCH_MOST
from tickd.errors import Invalid
from tickd.web.pages import words
from tickd.web.pages.receiving import Upload

PARTS_MOST = 100_000
"""How many lines and cells are taken apart at most, for the addresses that a batch may have."""
_BETWEEN = ",;\t|\r\n"
_MORE = "For more, run tickd verify FILE, or give them to POST /v1/verify/batch in parts"


class Addresses(NamedTuple):
    """The addresses of a list, each once, in order; and how often one was there again."""

    emails: list[str]
    repeated: int


async def read(text: str, upload: Upload | None) -> Addresses:
    """What was pasted and what is in the file; Invalid where there is nothing, too much, or no text."""
    texts = [text]
    if upload is not None and upload.filename:
        texts.append(_text(upload.content))
    most = words.number(BATCH_MOST)
    if sum(one.count(between) for one in texts for between in _BETWEEN) > PARTS_MOST:
        raise Invalid("emails", f"has too many lines or cells: {most} addresses is the most at once. {_MORE}")
    # In a thread: even so it can take a second.
    found = await asyncio.to_thread(lambda: _once(email for one in texts for email in addresses(one)))
    if not found.emails:
        raise Invalid("emails", "has no address in it")
    if len(found.emails) > BATCH_MOST:
        count = words.number(len(found.emails))
        raise Invalid("emails", f"has {count} addresses, and {most} is the most at once. {_MORE}")
    return found


def _text(content: bytes) -> str:
    """The file's text, in UTF-8 or as Windows and its spreadsheets write it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    if b"\0" in content:
        raise Invalid("file", "is no text; save the table as CSV first")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _once(items: Iterable[str]) -> Addresses:
    """Each address once; the case of a domain makes no other of it, that of a mailbox may."""
    seen: dict[tuple[str, str], str] = {}
    count = 0
    for item in items:
        local, _, domain = item.rpartition("@")
        # Not casefold(): it takes ß for ss, and those are two domains.
        seen.setdefault((local, domain.lower()), item)
        count += 1
    return Addresses(list(seen.values()), count - len(seen))
