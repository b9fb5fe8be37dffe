"""Lists of e-mail addresses as people have them: tables of every make, plain lists, pasted text."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from tickd.domain.verification import Verdict

DELIMITERS = (",", ";", "\t", "|")
"""What is looked for between the cells of a table."""
RESULT_COLUMNS = ("valid", "mx_found", "disposable", "role_based", "reason", "suggestion")
"""What is written behind the columns of a table."""

# Best first; as a header is compared: its letters alone, in lower case.
_NAMES = (
    "email",
    "emailaddress",
    "emailadresse",
    "mail",
    "mailaddress",
    "mailadresse",
    "courriel",
    "correo",
    "correoelectronico",
    "useremail",
    "contactemail",
    "primaryemail",
    "workemail",
    "emails",
    "address",
)
_IN_BRACKETS = re.compile(r"[^<>]*<([^<>]*)>\Z")


def address_in(cell: str) -> str:
    """The address of a cell: without the space around it, and without the name in `Ada <ada@b.com>`."""
    text = cell.strip()
    found = _IN_BRACKETS.match(text)
    return found[1].strip() if found else text


def delimiter_of(lines: Sequence[str]) -> str:
    """What is between the cells of a table that begins with these lines; empty for a list of one column."""
    best, delimiter = (0, 0.0), ""
    for one in DELIMITERS:
        rows = _rows(lines, one)
        widths = Counter(map(len, rows))
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        # `Lovelace, Ada;ada@b.com` has a comma in every row too, but no cell with the address alone.
        others = set(DELIMITERS) - {one}
        alone = sum(
            len(row) > 1 and any("@" in cell and others.isdisjoint(cell) for cell in row) for row in rows
        )
        # Two rows in three have to agree: a comma in a comment makes no table.
        agreeing = max(alone, count if width > 1 else 0)
        if agreeing * 3 >= len(rows) * 2 and (alone, agreeing / max(len(rows), 1)) > best:
            best, delimiter = (alone, agreeing / len(rows)), one
    return delimiter


def _rows(lines: Iterable[str], delimiter: str) -> list[list[str]]:
    found: list[list[str]] = []
    try:
        # The last row may be cut off in the middle, so this is not strict.
        found.extend(row for row in csv.reader(lines, delimiter=delimiter) if row)
    except csv.Error:
        return found
    return found


def unquoted(line: str) -> str:
    """A line of a list without the quotes around all of it; those of `"a b"@c.com` are its own."""
    text = line.strip()
    inner = text[1:-1]
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return text


def is_headed(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of these rows names the columns: there is no @ in it.

    A list of one column has a header only where it reads like one: it may begin with a wrong address.
    """
    if not rows or any("@" in cell for cell in rows[0]):
        return False
    if max(len(row) for row in rows) > 1:
        return any(cell.strip() for cell in rows[0])
    return _rank(rows[0][0]) < len(_NAMES)


def column_of(header: Sequence[str], rows: Iterable[Sequence[str]]) -> int | None:
    """Which column holds the addresses, from 0 on; None where none does.

    One with an @ in these rows, by preference one whose name in `header` (which may be empty) says so,
    then the one with the most. A name alone is enough where no cell has an @.
    """
    counts = Counter(place for row in rows for place, cell in enumerate(row) if "@" in cell)
    ranks = {place: _rank(name) for place, name in enumerate(header)}
    named = [place for place, rank in ranks.items() if rank < len(_NAMES)]
    return min(
        counts or named,
        key=lambda place: (ranks.get(place, len(_NAMES)), -counts[place], place),
        default=None,
    )


def _rank(name: str) -> int:
    letters = "".join(letter for letter in name.casefold() if letter.isalpha())
    if letters in _NAMES:
        return _NAMES.index(letters)
    # "E-mail (private)" comes behind every name that is known.
    return len(_NAMES) - 1 if "email" in letters else len(_NAMES)


def addresses(text: str) -> list[str]:
    """The addresses of a pasted text or of a file, in their order; empty lines and cells are left out.

    One a line, several a line with a comma, semicolon or tab between them, or a table with a column of them.
    """
    lines = [line for line in text.removeprefix("\ufeff").splitlines(keepends=True) if line.strip()]
    delimiter = delimiter_of(lines)
    if not delimiter:
        found = [unquoted(line) for line in lines]
        if is_headed([[one] for one in found[:1]]):
            del found[0]
        # No table, as `ada@a.com, bob@b.com` on one line and one address on the next are none.
        parts = (part for line in found for part in _apart(line))
        return [one for one in map(address_in, parts) if one]
    rows = _rows(lines, delimiter)
    headed = is_headed(rows)
    if not headed and any(sum("@" in cell for cell in row) > 1 for row in rows):
        cells = (part for row in rows for cell in row for part in _apart(cell))
        return [one for one in map(address_in, cells) if one]
    column = column_of(rows[0] if headed else (), rows[1:] if headed else rows)
    cells = (row[column] for row in rows[headed:] if column is not None and column < len(row))
    return [one for one in map(address_in, cells) if one]


def _apart(line: str) -> list[str]:
    # A local part in quotes may have anything in it.
    return [line] if '"' in line or line.count("@") < 2 else re.split(r"[,;\t]", line)


def result_names(header: Collection[str]) -> list[str]:
    """The names of the results' columns beside those of `header`: with `verify_` where one is taken."""
    taken = {name.strip().casefold() for name in header}
    number = 0
    while True:
        prefix = "" if not number else "verify_" if number == 1 else f"verify{number}_"
        names = [prefix + name for name in RESULT_COLUMNS]
        if taken.isdisjoint(names):
            return names
        number += 1


def result_cells(verdict: Verdict | str) -> list[str]:
    """A verdict as the cells of its columns, or the reason why there is none, with the others empty.

    None of them begins like a spreadsheet's formula.
    """
    if isinstance(verdict, str):
        return ["", "", "", "", harmless(verdict), ""]
    truths = (verdict.valid, verdict.mx_found, verdict.disposable, verdict.role_based)
    words = ["true" if one else "false" for one in truths]
    return [*words, harmless(verdict.reason), harmless(verdict.suggestion)]


def harmless(text: str) -> str:
    """The text with an apostrophe before it, where a spreadsheet would take it for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


def quoted(cell: str, delimiter: str) -> str:
    """A cell as it is written into a table: in quotes where it has to be."""
    if cell and not any(one in cell for one in (delimiter, '"', "\r", "\n")) and cell == cell.strip():
        return cell
    return '"' + cell.replace('"', '""') + '"' if cell else cell
