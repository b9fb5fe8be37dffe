"""Lists of addresses: where the addresses are in what people have, and how results are written."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain.address_lists import (
    RESULT_COLUMNS,
    address_in,
    addresses,
    column_of,
    delimiter_of,
    harmless,
    is_headed,
    quoted,
    result_cells,
    result_names,
    unquoted,
)
from tickd.domain.verification import Verdict


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("  ada@b.com\t", "ada@b.com"),
        ("Ada <ada@b.com>", "ada@b.com"),
        ('"Lovelace, Ada" < ada@b.com > ', "ada@b.com"),
        ("<ada@b.com>", "ada@b.com"),
        ("<a> <b>", "<a> <b>"),
        ("ada@b.com>", "ada@b.com>"),
        ("", ""),
    ],
)
def test_an_address_is_taken_out_of_its_cell(cell: str, address: str) -> None:
    assert address_in(cell) == address


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["name,email", "Ada,ada@b.com"], ","),
        (["name;email", "Ada;ada@b.com"], ";"),
        (["name\temail", "Ada\tada@b.com"], "\t"),
        (["name|email", "Ada|ada@b.com"], "|"),
        # A comma in every row, but none beside an address.
        (["Lovelace, Ada;ada@b.com", "Babbage, Charles;cb@b.com"], ";"),
        (["name,note", '"a;b;c@d",x@y', '"a;b;c@d",x@y'], ","),
        # Rows of different lengths.
        (["1;ada@b.com", "2;bob@b.com;x"], ";"),
        (["ada@b.com", "bob@b.com"], ""),
        (["ada@b.com", "bob@b.com", "one, two"], ""),
        ([], ""),
        (['"not closed', "a,b"], ""),
        # A header that names a column of addresses decides.
        (["email,a,b", "ada@b.com", "bob@b.com,1", "cleo@b.com,1,2"], ","),
        (["name, first;e-mail (private)", "Ada", "Bob"], ";"),
        (["my email", "ada@b.com", "Bob, bob@b.com"], ""),
        (["email,x", '"ada@b.com,1'], ","),
        # A quote that is not closed hides nothing.
        (['"ada@b.com;1', "bob@b.com;2"], ";"),
    ],
)
def test_the_delimiter_is_found(lines: list[str], delimiter: str) -> None:
    assert delimiter_of([f"{line}\n" for line in lines]) == delimiter


@pytest.mark.parametrize(
    ("rows", "headed"),
    [
        ([["name", "email"], ["Ada", "a@b.c"]], True),
        ([["Ada", "a@b.c"], ["Bob", "b@b.c"]], False),
        ([["", ""], ["Bob", "b@b.c"]], False),
        ([["Email"], ["a@b.c"]], True),
        # A list may begin with a wrong address.
        ([["ada.b.com"], ["a@b.c"]], False),
        ([["ada.email.com"], ["a@b.c"]], False),
        ([["user.email"], ["a@b.c"]], True),
        ([["ada", ""], ["a@b.c", ""]], False),
        ([["email", ""], ["a@b.c", ""]], True),
        ([["1", "ada.b.com"], ["2", "a@b.c"]], False),
        ([["no.", "contact"], ["2", "a@b.c"]], True),
        ([], False),
    ],
)
def test_a_header_is_told_from_a_row(rows: list[list[str]], headed: bool) -> None:
    assert is_headed(rows) is headed


@pytest.mark.parametrize(
    ("header", "rows", "column"),
    [
        (["id", "E-Mail"], [["1", "a@b.c"]], 1),
        (["twitter", "email"], [["@ada", "a@b.c"], ["@bob", ""]], 1),
        (["email", "contact"], [["", "a@b.c"]], 1),
        (["note", "x", "y"], [["see a@b", "a@b.c", "d@e.f"], ["", "b@b.c", ""]], 1),
        (["work email", "e-mail (private)"], [["a@b.c", "a@b.d"]], 0),
        (["id", "email"], [], 1),
        ([], [["1", "a@b.c"]], 1),
        (["id", "name"], [["1", "Ada"]], None),
        ([], [], None),
    ],
)
def test_the_column_of_addresses_is_found(
    header: list[str], rows: list[list[str]], column: int | None
) -> None:
    assert column_of(header, rows) == column


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@b.c\r\n\r\nwrong\nb@b.c", ["a@b.c", "wrong", "b@b.c"]),
        ("\ufeffEmail\na@b.c\n", ["a@b.c"]),
        ("a@b.c, b@b.c; c@b.c", ["a@b.c", "b@b.c", "c@b.c"]),
        ("a@b.c,b@b.c\nc@b.c\n", ["a@b.c", "b@b.c", "c@b.c"]),
        ("Ada <a@b.c>, Bob <b@b.c>", ["a@b.c", "b@b.c"]),
        ("Lovelace, Ada <a@b.c>\nBob <b@b.c>", ["a@b.c", "b@b.c"]),
        ("name;email\nAda;a@b.c\nBob;b@b.c\n;\n", ["a@b.c", "b@b.c"]),
        ('"a@b.c"\n"""x y""@b.c"\n"x y"@b.c', ["a@b.c", '"x y"@b.c', '"x y"@b.c']),
        ("name,city\nAda,Paris\n", []),
        ("a@b.c\tb@b.c\n\tc@b.c\n", ["a@b.c", "b@b.c", "c@b.c"]),
        ("a@b.c\t\n\tb@b.c\n", ["a@b.c", "b@b.c"]),
        ("a@b.c b@b.c\nc@b.c  wrong d@b.c", ["a@b.c", "b@b.c", "c@b.c", "wrong", "d@b.c"]),
        ('"x y"@b.c a@b.c', ['"x y"@b.c', "a@b.c"]),
        ("a@b.c\u00a0b@b.c", ["a@b.c", "b@b.c"]),
        ("a@b.c\rwrong\rb@b.c\r", ["a@b.c", "wrong", "b@b.c"]),
        ("Ada <a@b.c> Bob <b@b.c>", ["a@b.c", "b@b.c"]),
        ("Lovelace, Ada <a@b.c>, Bob <b@b.c>", ["a@b.c", "b@b.c"]),
        ('"a@b.c", "b@b.c"', ["a@b.c", "b@b.c"]),
        ("ada.b.com\na@b.c", ["ada.b.com", "a@b.c"]),
        ("wrong,\na@b.c,\nb@b.c,", ["wrong", "a@b.c", "b@b.c"]),
        ("wrong;too\na@b.c;b@b.c", ["wrong", "too", "a@b.c", "b@b.c"]),
        ("email,x\na@b.c; b@b.c,1\n", ["a@b.c", "b@b.c"]),
        ("email,a,b\na@b.c\nb@b.c,1\nc@b.c,1,2\n", ["a@b.c", "b@b.c", "c@b.c"]),
        ('email,x\n"a@b.c,1\nb@b.c,2\n', ["a@b.c", "b@b.c"]),
        (f"name,email\n{'x' * 140_000},a@b.c\nBob,b@b.c\n", ["a@b.c", "b@b.c"]),
        (" \n", []),
    ],
)
def test_addresses_are_read_from_what_is_pasted(text: str, found: list[str]) -> None:
    assert addresses(text) == found


def test_addresses_far_down_are_found() -> None:
    assert addresses("1,\n" * 2_000 + "2,a@b.c\n") == ["a@b.c"]


@given(st.text(alphabet=st.sampled_from("a@b.,;\t|\"<> \r\n'")))
def test_whatever_is_pasted_is_read(text: str) -> None:
    assert all(one == one.strip() != "" for one in addresses(text))


def test_the_results_columns_never_have_a_name_that_is_taken() -> None:
    assert result_names(["email", "name"]) == list(RESULT_COLUMNS)
    second = result_names(["email", " Valid "])
    assert second == [f"verify_{name}" for name in RESULT_COLUMNS]
    assert result_names(["valid", *second]) == [f"verify2_{name}" for name in RESULT_COLUMNS]


def test_no_result_begins_like_a_formula() -> None:
    assert [harmless(text) for text in ("=1", "+1", "-1", "@x", "\tx", "\nx", "\uff1d1", "a=1", "")] == [
        "'=1", "'+1", "'-1", "'@x", "'\tx", "'\nx", "'\uff1d1", "a=1", "",
    ]  # fmt: skip
    assert [harmless(text) for text in ("a;=1", "a,@b", '"a";"=1', "\t=1", '"a b"@c.de', "a; b-c")] == [
        "a;'=1", "a,'@b", "\"a\";\"'=1", "'\t'=1", '"a b"@c.de', "a; b-c",
    ]  # fmt: skip
    verdict = Verdict(valid=False, mx_found=True, reason="-x.com is one", suggestion="@")
    assert result_cells(verdict) == ["false", "true", "false", "false", "'-x.com is one", "'@"]
    assert result_cells("=nobody knows") == ["", "", "", "", "'=nobody knows", ""]


@given(st.lists(st.text(), min_size=2), st.sampled_from(",;\t|"))
def test_a_cell_that_is_written_is_read_again_as_it_was(cells: list[str], delimiter: str) -> None:
    line = delimiter.join(quoted(cell, delimiter) for cell in cells)
    assert next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter), cells) == cells


@given(st.text())
def test_quotes_around_a_line_are_taken_off_only_where_they_are_around_all_of_it(text: str) -> None:
    line = text.strip()
    assert unquoted('"' + line.replace('"', '""') + '"') == line
