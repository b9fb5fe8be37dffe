"""Tables of addresses as files: read row by row, looked through first, and never changed."""

from __future__ import annotations

import codecs
import csv
import os
import shutil
import stat
import string
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from itertools import islice
from typing import BinaryIO, NamedTuple

from tickd.cli.results import Access
from tickd.domain import address_lists
from tickd.errors import Malformed, TickdError

LINE_MOST = 1_000_000
"""How many characters a line may have; a cell may have `csv.field_size_limit()`."""
CHANGED_ROWS = 1_000
"""After how many rows it is looked whether the file is still the same."""
LOOKED_AT_LINES, LOOKED_AT_ROWS = 200, 1_000
"""How far the delimiter and the column of the addresses are looked for."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# A codec that writes a mark would write one into every row.
_UNMARKED = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
# What tables and addresses are made of.
_PLAIN = string.ascii_letters + string.digits + "\t\r\n ,;|\"'@.+-_<>"
_BYTES_MOST = 4


class Row(NamedTuple):
    """A row: the line it begins on, its text without the line's end, that end, and the cells."""

    line: int
    text: str
    end: str
    cells: list[str]

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing in it."""
        return not any(cell.strip() for cell in self.cells)


class Table:
    """A file of addresses that can be read again and again; Malformed names the line that can't be.

    `delimiter` is empty for a list of one column, `header` for a table without one. `width` is the number
    of its columns, `count` that of the rows that are not blank, `column` where the addresses are.
    """

    def __init__(self, name: str, file: BinaryIO, encoding: str = "") -> None:
        self.name = name
        self.delimiter = ""
        self.header: list[str] = []
        self.column = 0
        self.width = 1
        self.count = 0
        self._file = file
        self._seen = self._state()
        head = file.read(4)
        marks = [one for one in _MARKS if head.startswith(one[0])]
        self.mark, found = marks[0] if marks else (b"", "")
        self.encoding = found or encoding or "utf-8"
        # Bytes that are no UTF-8 come through as they are; in another encoding nothing is known of them.
        self.errors = "surrogateescape" if self.encoding == "utf-8" else "strict"

    @property
    def access(self) -> Access:
        """Who may read it; the owner alone where it is no file."""
        seen = os.fstat(self._file.fileno())
        return Access(stat.S_IMODE(seen.st_mode) & 0o666 | 0o600, seen.st_uid, seen.st_gid)

    def check_unchanged(self) -> None:
        """Raise Malformed when it was written to since it was opened: its rows may be others."""
        if self._state() != self._seen:
            raise Malformed(f"{self.name} has changed meanwhile")

    def _state(self) -> tuple[int, int]:
        seen = os.fstat(self._file.fileno())
        return seen.st_size, seen.st_mtime_ns

    def is_file(self, path: str) -> bool:
        """Whether `path` leads to the same file."""
        return os.path.samestat(os.stat(path), os.fstat(self._file.fileno()))

    def look_through(self, *, delimiter: str = "", column: str = "", headed: bool | None = None) -> None:
        """Find out how it is written and whether all of it can be read; what is given is not guessed."""
        lines = [line for line in islice(self._lines(), LOOKED_AT_LINES) if line.strip()]
        if not lines:
            raise Malformed(f"{self.name} is empty")
        self.delimiter = delimiter or address_lists.delimiter_of(lines)
        some = [row.cells for row in islice(self._all_rows(), LOOKED_AT_ROWS) if not row.is_blank]
        if headed if headed is not None else address_lists.is_headed(some):
            self.header = some.pop(0)
        self.width = len(self.header)
        self.column = self._named(column) if column else self._found(some)
        for row in self.rows():
            if self.header and len(row.cells) > self.width:
                raise Malformed(
                    f"line {row.line} of {self.name} has {len(row.cells)} columns, and the header has "
                    f"{self.width}: is a cell with a {_spoken(self.delimiter)} not in quotes?"
                )
            self.width = max(self.width, len(row.cells))
            self.count += not row.is_blank
        if self.column >= self.width:
            raise Malformed(f"there is no column {column} in {self.name}; it has {self.width}")

    def _found(self, some: list[list[str]]) -> int:
        if not self.delimiter:
            return 0
        column = address_lists.column_of(self.header, some)
        if column is None:
            columns = f" Its columns are: {', '.join(self.header)}." if self.header else ""
            raise Malformed(
                f"no column of {self.name} has e-mail addresses.{columns} Name one with --column, or what is "
                "between the columns with --delimiter"
            )
        return column

    def _named(self, column: str) -> int:
        wanted = column.strip().casefold()
        for place, name in enumerate(self.header):
            if name.strip().casefold() == wanted:
                return place
        if column.isascii() and column.isdigit() and int(column) > 0:
            return int(column) - 1
        columns = f"its columns are: {', '.join(self.header)}" if self.header else "it has no header"
        raise Malformed(f"there is no column {column} in {self.name}; {columns}")

    def top(self) -> Iterator[Row]:
        """The header, and what blank lines come before it; nothing where there is none."""
        if self.header:
            for row in self._all_rows():
                yield row
                if not row.is_blank:
                    return

    def rows(self) -> Iterator[Row]:
        """Every row below the header, the blank ones too; Malformed when the file changes meanwhile."""
        rows = self._all_rows()
        if self.header:
            for row in rows:
                if not row.is_blank:
                    break
        for number, row in enumerate(rows):
            # Now and then: a file that somebody writes to might have no end.
            if number % CHANGED_ROWS == 0:
                self.check_unchanged()
            yield row

    def address(self, row: Row) -> str:
        """The address of a row, empty where the row is too short."""
        return address_lists.address_in(row.cells[self.column]) if self.column < len(row.cells) else ""

    def _all_rows(self) -> Iterator[Row]:
        if not self.delimiter:
            for number, line in enumerate(self._lines(), 1):
                text = line.rstrip("\r\n")
                yield Row(number, text, line[len(text) :], [address_lists.unquoted(text)])
            return
        taken: list[str] = []

        def lines() -> Iterator[str]:
            for line in self._lines():
                taken.append(line)
                yield line

        reader = csv.reader(lines(), delimiter=self.delimiter, strict=True)
        while True:
            begins = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise Malformed(f"line {begins} of {self.name} can't be read: {_reason(error)}") from None
            whole = "".join(taken)
            taken.clear()
            text = whole.rstrip("\r\n")
            yield Row(begins, text, whole[len(text) :], cells)

    def _lines(self) -> Iterator[str]:
        self._file.seek(len(self.mark))
        text = TextIOWrapper(self._file, self.encoding, self.errors, newline="")
        number = 0
        try:
            while line := text.readline(LINE_MOST):
                number += 1
                if len(line) >= LINE_MOST:
                    raise Malformed(f"line {number} of {self.name} has over {LINE_MOST:,} characters")
                if "\0" in line:
                    raise Malformed(
                        f"line {number} of {self.name} has a NUL byte, so this is no text: save a "
                        "spreadsheet as CSV, or say with --encoding how it is written"
                    )
                yield line
        except UnicodeError as error:
            # Where, is not known: it is read in larger pieces than lines.
            raise Malformed(
                f"{self.name} is not {self.encoding}; --encoding says how it is written"
            ) from error
        except OSError as error:
            raise TickdError(f"can't read {self.name}: {error.strerror}") from error
        finally:
            # An interrupt can leave a reader behind, which ends only when the file is closed.
            if not self._file.closed:
                text.detach()


def encoding_of(name: str) -> str | None:
    """The encoding of that name as a table takes it, without a mark; None for what is none of text.

    In one of text, each letter of a table is itself wherever it stands: those of escapes, as in `idna` and
    `unicode_escape`, would write other bytes than were read.
    """
    try:
        named = codecs.lookup(name).name
        named = _UNMARKED.get(named, named)
        each = [letter.encode(named) for letter in _PLAIN]
        whole = b"".join(each)
        is_plain = (
            len(set(map(len, each))) == 1
            and _PLAIN.encode(named) == whole
            and whole.decode(named) == _PLAIN
            and len("\U0010ffff".encode(named, "replace")) <= _BYTES_MOST
        )
    except (LookupError, ValueError):
        return None
    return named if is_plain else None


@contextmanager
def opened(name: str, encoding: str = "") -> Iterator[Table]:
    """The file of that name, or standard input for `-`; TickdError when it can't be read.

    What can be read only once is copied into a file without a name, which is gone at the end.
    """
    shown = "standard input" if name == "-" else name
    with ExitStack() as stack:
        try:
            source = sys.stdin.buffer if name == "-" else stack.enter_context(open(name, "rb"))
            if name == "-" or not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
                copy = stack.enter_context(tempfile.TemporaryFile(prefix="tickd-"))
                shutil.copyfileobj(source, copy)
                copy.seek(0)
                source = copy
            table = Table(shown, source, encoding)
        except OSError as error:
            raise TickdError(f"can't read {shown}: {error.strerror}") from error
        yield table


def _spoken(delimiter: str) -> str:
    return {",": "comma", ";": "semicolon", "\t": "tab"}.get(delimiter, delimiter)


def _reason(error: csv.Error) -> str:
    said = str(error)
    if "field limit" in said:
        return f"a cell has over {csv.field_size_limit():,} characters; is a quote not closed?"
    if "unexpected end of data" in said:
        return "a quote is not closed"
    if "expected after" in said:
        return 'something comes between a closing quote and the end of the cell; a quote inside is written ""'
    return said
