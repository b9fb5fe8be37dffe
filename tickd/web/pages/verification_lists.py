"""Lists of addresses as people have them: pasted from anywhere, or in a file that a spreadsheet wrote."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable
from io import StringIO
from typing import NamedTuple

from tickd.domain.verification import BATCH_MOST
from tickd.errors import Invalid
from tickd.web.pages import words
from tickd.web.pages.receiving import Upload

# No way through it is tried twice, so that a MiB of quotes takes as long as a MiB of letters.
_ITEM = re.compile(r'(?:"[^"\n]*"|[^,;\n"]|")+')
"""What stands between line breaks, commas and semicolons; what is quoted may have these in it."""
_NAMED = re.compile(r"[^<>]*<([^<>]*)>")
"""As mail programs write it: `Jane Doe <jane@example.com>`."""
_TITLES = frozenset({"email", "e-mail", "mail", "email address", "e-mail address", "mail address"})
_DELIMITERS = ",;\t|"
_TABLES = (".csv", ".tsv")


class Addresses(NamedTuple):
    """The addresses of a list, each once, in order; and how often one was there again."""

    emails: list[str]
    repeated: int


def read(text: str, upload: Upload | None) -> Addresses:
    """What was pasted and what is in the file; Invalid where there is nothing, too much, or no text."""
    items = pasted(text)
    if upload is not None and upload.filename:
        items += _of_file(upload)
    found = _once(items)
    if not found.emails:
        raise Invalid("emails", "has no address in it")
    if len(found.emails) > BATCH_MOST:
        count, most = words.number(len(found.emails)), words.number(BATCH_MOST)
        raise Invalid(
            "emails",
            f"has {count} addresses, and {most} is the most at once. For more, run tickd verify FILE, "
            "or give them to POST /v1/verify/batch in parts",
        )
    return found


def pasted(text: str) -> list[str]:
    """The addresses of a text, one a line or with commas or semicolons between them."""
    items = (item.strip() for item in _ITEM.findall(text.replace("\r", "\n")))
    return [address for item in items if (address := _bare(item))]


def tabled(text: str) -> list[str]:
    """The addresses of a table: its column that is called email, or else that with the most @ signs."""
    first = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        rows = [row for row in csv.reader(StringIO(text), delimiter=delimiter) if any(map(str.strip, row))]
    except csv.Error as error:
        raise Invalid("file", f"can't be read as a table: {error}") from None
    if not rows:
        return []
    titles = [title.strip().casefold() for title in rows[0]]
    titled = next((place for place, title in enumerate(titles) if title in _TITLES), None)
    column = _fullest(rows) if titled is None else titled
    cells = [row[column].strip() for row in rows if len(row) > column]
    if titled is not None or "@" not in cells[0]:
        del cells[0]
    return [address for cell in cells if (address := _bare(cell))]


def _fullest(rows: list[list[str]]) -> int:
    counts: dict[int, int] = {0: 0}
    for row in rows:
        for place, cell in enumerate(row):
            if "@" in cell:
                counts[place] = counts.get(place, 0) + 1
    return max(counts, key=lambda place: (counts[place], -place))


def _of_file(upload: Upload) -> list[str]:
    text = _text(upload.content)
    return tabled(text) if upload.filename.lower().endswith(_TABLES) else pasted(text)


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


def _bare(item: str) -> str:
    named = _NAMED.fullmatch(item)
    return named[1].strip() if named else item


def _once(items: Iterable[str]) -> Addresses:
    """Each address once; the case of a domain makes no other of it."""
    seen: dict[tuple[str, str], str] = {}
    count = 0
    for item in items:
        local, _, domain = item.rpartition("@")
        seen.setdefault((local, domain.casefold()), item)
        count += 1
    return Addresses(list(seen.values()), count - len(seen))
