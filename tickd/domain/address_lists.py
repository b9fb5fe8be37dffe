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
LOOKED_AT = 1_000
"""How many lines and rows of a pasted text are looked at to find out how it is written."""

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
# A spreadsheet goes by the semicolon where the comma is in numbers, whatever quotes there are.
_FORMULA = re.compile(r"""^(?=[\t\r\n])|(^|[,;|\t\r\n]"*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])""")
_IN_BRACKETS = re.compile(r"[^<>]*<([^<>]*)>\Z")
# What reads like an address, or the domain of one, whose @ is missing.
_DOTTED = re.compile(r"[^\s@]+\.[a-z]{2,}", re.IGNORECASE)
# A part of a line up to what comes between addresses; a quote that is not closed is a character like any.
_PART = re.compile(r'(?:"[^"]*"|[^,;\t\r\n])+')
_WORD = re.compile(r'(?:"[^"]*"|\S)+')


def address_in(cell: str) -> str:
    """The address of a cell: without the space around it, and without the name in `Ada <ada@b.com>`."""
    text = cell.strip()
    found = _IN_BRACKETS.match(text)
    return found[1].strip() if found else text


def delimiter_of(lines: Sequence[str]) -> str:
    """What is between the cells of a table that begins with these lines; empty for a list of one column.

    A header that names the column of the addresses decides, whatever the rows below it look like.
    """
    titled = [found for one in DELIMITERS if (found := _titled(lines, one))]
    if titled:
        return min(titled)[2]
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
    if not delimiter and any(line.count('"') % 2 for line in lines):
        # A quote that is not closed swallows what comes after it.
        return delimiter_of([line.replace('"', "") for line in lines])
    return delimiter


def _titled(lines: Iterable[str], delimiter: str) -> tuple[int, int, str] | None:
    header = next(iter(_rows(lines, delimiter)), [])
    if len(header) < 2 or any("@" in cell for cell in header):
        return None
    others = set(DELIMITERS) - {delimiter}
    rank = min((_rank(cell) for cell in header if others.isdisjoint(cell)), default=len(_NAMES))
    return (rank, -len(header), delimiter) if rank < len(_NAMES) else None


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

    Where only one column is filled, and where it has an address without its @, it is a header only if it
    reads like one.
    """
    if not rows or any("@" in cell for cell in rows[0]):
        return False
    if any(_rank(cell) < len(_NAMES) for cell in rows[0]):
        return True
    filled = {place for row in rows for place, cell in enumerate(row) if cell.strip()}
    if len(filled) < 2 or not any(cell.strip() for cell in rows[0]):
        return False
    column = column_of((), rows[1:])
    return column is None or column >= len(rows[0]) or not _DOTTED.fullmatch(rows[0][column].strip())


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
    if (letters := _letters(name)) in _NAMES:
        return _NAMES.index(letters)
    if _DOTTED.fullmatch(name.strip()) and _letters(name.rpartition(".")[2]) not in _NAMES:
        return len(_NAMES)
    # "E-mail (private)" comes behind every name that is known.
    return len(_NAMES) - 1 if "email" in letters else len(_NAMES)


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalpha())


def addresses(text: str) -> list[str]:
    """The addresses of a pasted text or of a file, in their order; empty lines and cells are left out.

    One a line, several a line with a comma, semicolon, tab or space between them, or a table with a column
    of them.
    """
    lines = [line for line in text.removeprefix("\ufeff").splitlines(keepends=True) if line.strip()]
    delimiter = delimiter_of(lines[:LOOKED_AT])
    if delimiter:
        found = _of_table(_whole_rows(lines, delimiter), delimiter)
    else:
        found = [unquoted(line) for line in lines]
        if is_headed([[one] for one in found[:1]]):
            del found[0]
    # No table, as `ada@a.com, bob@b.com` on one line and one address on the next are none.
    parts = (part for cell in found for part in _apart(cell))
    return [one for part in parts if (one := address_in(unquoted(part)))]


def _of_table(rows: list[list[str]], delimiter: str) -> Iterable[str]:
    headed = is_headed(rows[:LOOKED_AT])
    below = rows[headed:]
    named = headed and any(_rank(cell) < len(_NAMES) for cell in rows[0])
    if not named and any(sum("@" in cell for cell in row) > 1 for row in below):
        # No column of them, but a list with several on a line: nothing of it is left out.
        return (cell for row in rows for cell in _cells(row, delimiter))
    column = column_of(rows[0] if headed else (), below)
    if column is None:
        return ()
    if headed:
        return (row[column] for row in below if column < len(row))
    # Without a header nothing says that the others stand in the same column.
    return (cell for row in below for cell in [c for c in row if "@" in c] or row[column : column + 1])


def _cells(row: list[str], delimiter: str) -> list[str]:
    # The comma of `Lovelace, Ada <ada@b.com>, Bob <bob@b.com>` is one of a name.
    whole = delimiter.join(row)
    return [whole] if _all_in_brackets(whole) else row


def _whole_rows(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(lines, delimiter=delimiter, strict=True) if row]
    except csv.Error:
        # Each line by itself, so that a quote that is not closed swallows no other.
        closed = (line.replace('"', "") if line.count('"') % 2 else line for line in lines)
        return [row for line in closed for row in _rows([line], delimiter) or [line.split(delimiter)]]


def _apart(text: str) -> list[str]:
    """The addresses of a line or cell, each with its name; a local part in quotes may have anything in it."""
    if text.count("@") < 2:
        return [text]
    if _all_in_brackets(text):
        return [part.strip(",; \t\r\n") for part in re.split("(?<=>)", text)]
    found: list[str] = []
    for part in _PART.findall(text):
        several = part.count("@") > 1 and not _IN_BRACKETS.match(part.strip())
        found.extend(_WORD.findall(part) if several else [part])
    return found


def _all_in_brackets(text: str) -> bool:
    return "@" in text and "@" not in re.sub("<[^<>]*>", "", text)


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
    """The text with an apostrophe before whatever a spreadsheet would take for the beginning of a formula.

    That is at the beginning, and behind what some spreadsheet takes for the end of a cell.
    """
    return _FORMULA.sub(r"\1'", text)


def quoted(cell: str, delimiter: str) -> str:
    """A cell as it is written into a table: in quotes where it has to be."""
    if cell and not any(one in cell for one in (delimiter, '"', "\r", "\n")) and cell == cell.strip():
        return cell
    return '"' + cell.replace('"', '""') + '"' if cell else cell
