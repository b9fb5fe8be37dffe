"""`tickd verify`: what becomes of a file of addresses, and what is left where something goes wrong."""

from __future__ import annotations

import asyncio
import codecs
import csv
import io
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clock import FakeClock
from tests.support.daemon import NOON
from tests.support.dns import ServedNames
from tests.support.mail_domains import mail_domains_apart
from tests.support.process import environment, eventually
from tickd import cli
from tickd.cli import judging, tables
from tickd.cli.judging import Judge, Progress, Tally, in_order
from tickd.domain.verification import Verdict
from tickd.errors import Unavailable
from tickd.services.verifying import Verifier

Run = Callable[..., "Ended"]

OURS = "valid,mx_found,disposable,role_based,reason,suggestion"
GOOD = "true,true,false,false,,"
GONE = "false,false,false,false,there is no domain gone.example,"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int
    out: bytes
    err: str

    @property
    def sentence(self) -> str:
        """The one line of a command that failed."""
        assert (self.status, self.out) == (1, b"")
        return self.err.splitlines()[-1].removeprefix("tickd: ")


def served(
    *, failing: tuple[str, ...] = (), silent: tuple[str, ...] = ()
) -> AbstractContextManager[ServedNames]:
    """A name server for a command, with domains enough."""
    taking = ("tickd.dev", "gmail.con", "mailinator.com", *(f"d{n}.dev" for n in range(50)))
    return mail_domains_apart(taking, failing=failing, silent=silent)


@pytest.fixture
def names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedNames]:
    """The name server that is asked: it fails on fail.dev, and knows nothing of gone.example."""
    with served(failing=("fail.dev",)) as found:
        monkeypatch.setenv("TICKD_DNS_SERVER", f"127.0.0.1:{found.port}")
        monkeypatch.setattr("tickd.cli.verify.PAUSE_SECS", 0.0)
        yield found


@pytest.fixture
def run(
    names: ServedNames, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Run:
    """Runs `tickd verify` with these arguments in the folder, with `given` on standard input."""

    def invoke(*arguments: str, given: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "argv", ["tickd", "verify", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capfdbinary.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err.decode())

    return invoke


def dicts(folder: Path) -> list[dict[str, str]]:
    """The rows of a.verified.csv by column."""
    return list(csv.DictReader(io.StringIO((folder / "a.verified.csv").read_text())))


def only(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


# What is written.


def test_results_stand_beside_the_input_behind_its_own_columns(run: Run, folder: Path) -> None:
    rows = [
        "name;Email;city",
        '"Lovelace, Ada";ada@tickd.dev;Paris',
        'Bob;bob@gone.example;"Ber\nlin ""west"""',
        'Info;"Info <info@tickd.dev>"; x ',
        "",
        "Cleo;cleo@gmail.con;y",
        "Dee;dee@;z",
        "Fay;fay@mailinator.com;q",
        "Gus",
        ";;",
    ]
    (folder / "people.csv").write_text("\r\n".join(rows), newline="")
    ended = run("people.csv")
    assert (ended.status, ended.out) == (0, b"")
    assert (folder / "people.csv").read_text().splitlines() == "\n".join(rows).splitlines()
    written = (folder / "people.verified.csv").read_bytes().decode()
    assert written == "\r\n".join(
        [
            f"{rows[0]};{OURS.replace(',', ';')}",
            f"{rows[1]};true;true;false;false;;",
            f"{rows[2]};false;false;false;false;there is no domain gone.example;",
            f"{rows[3]};true;true;false;true;;",
            "",
            f"{rows[5]};true;true;false;false;;gmail.com",
            f"{rows[6]};false;false;false;false;there is nothing after the @-sign;",
            f"{rows[7]};false;true;true;false;mailinator.com is a domain of throw-away mailboxes;",
            "Gus;;;false;false;false;false;there is no address;",
            ";;",
            "",
        ]
    )
    first, second, *counts = ended.err.splitlines()
    assert first == "people.csv: 7 rows, with the address in column 2 (Email)"
    assert second.startswith("people.verified.csv: 7 rows in ")
    assert counts == [
        "  3 valid",
        "  4 not valid",
        "  2   because of wrong syntax",
        "  1   because of a domain that takes no mail",
        "  1   because of a disposable domain",
        "  1 role-based, valid or not",
        "  1 disposable, with mail or without",
    ]
    assert only(folder) == ["people.csv", "people.verified.csv"]


def test_a_list_becomes_a_table(run: Run, folder: Path) -> None:
    (folder / "people.txt").write_text(
        'ada@tickd.dev\n\n"a,b"@tickd.dev\nAda <ada@gone.example>\nada.tickd.dev'
    )
    assert run("people.txt", "--quiet") == Ended(0, b"", "")
    assert (folder / "people.verified.csv").read_text() == (
        f'email,{OURS}\nada@tickd.dev,{GOOD}\n\n"""a,b""@tickd.dev",{GOOD}\n'
        f"Ada <ada@gone.example>,{GONE}\nada.tickd.dev,false,false,false,false,the address has no @-sign,\n"
    )


def test_a_table_without_a_header_stays_without(run: Run, folder: Path) -> None:
    (folder / "a.tsv").write_text("1\tada@tickd.dev\n2\tbob@tickd.dev\textra\n")
    assert run("a.tsv").err.startswith("a.tsv: 2 rows, with the address in column 2, and no header\n")
    good = GOOD.replace(",", "\t")
    assert (
        folder / "a.verified.tsv"
    ).read_text() == f"1\tada@tickd.dev\t\t{good}\n2\tbob@tickd.dev\textra\t{good}\n"


def test_what_was_verified_can_be_verified_again(run: Run, folder: Path) -> None:
    (folder / "a.csv").write_text("id,email\n1,ada@tickd.dev\n")
    assert run("a.csv").status == 0
    assert run("a.verified.csv").status == 0
    again = (folder / "a.verified.verified.csv").read_text().splitlines()[0]
    assert again == f"id,email,{OURS}," + ",".join(f"verify_{name}" for name in OURS.split(","))


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_an_encoding_with_a_mark_is_kept(run: Run, folder: Path, mark: bytes, encoding: str) -> None:
    (folder / "a.csv").write_bytes(mark + "name,email\nJürgen,jürgen@tickd.dev\n".encode(encoding))
    assert run("a.csv").status == 0
    written = f"name,email,{OURS}\nJürgen,jürgen@tickd.dev,{GOOD}\n"
    assert (folder / "a.verified.csv").read_bytes() == mark + written.encode(encoding)


def test_bytes_that_are_no_utf_8_stay_as_they_are(run: Run, folder: Path) -> None:
    rows = b"name,email\nJ\xfcrgen,juergen@tickd.dev\nJ,j\xfcrgen@tickd.dev\n"
    (folder / "a.csv").write_bytes(rows)
    ended = run("a.csv")
    assert ended.status == 3
    _, first, second = (folder / "a.verified.csv").read_bytes().splitlines()
    assert first == b"J\xfcrgen,juergen@tickd.dev," + GOOD.encode()
    said = b"the address is not UTF-8: say with --encoding how the file is written"
    assert second == b"J,j\xfcrgen@tickd.dev,,,,," + said + b","
    assert run("a.csv", "--force", "--encoding", "windows-1252").status == 0
    assert (folder / "a.verified.csv").read_bytes().splitlines()[
        2
    ] == b"J,j\xfcrgen@tickd.dev," + GOOD.encode()


@pytest.mark.parametrize(
    "encoding", ["windows-1252", "utf-8-sig", "utf-16", "utf-32-be", "shift_jis", "gb18030", "cp037", "hz"]
)
def test_a_table_in_another_encoding_stays_in_it(run: Run, folder: Path, encoding: str) -> None:
    codec = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding)
    (folder / "a.csv").write_bytes('"a, b",email\r\n=1|+,ada@tickd.dev\r\n'.encode(codec))
    assert run("a.csv", "--encoding", encoding).status == 0
    written = f'"a, b",email,{OURS}\r\n=1|+,ada@tickd.dev,{GOOD}\r\n'
    assert (folder / "a.verified.csv").read_bytes() == written.encode(codec)


def test_the_header_decides_what_is_between_columns(run: Run, folder: Path) -> None:
    (folder / "a.csv").write_text("email,a,b\na@tickd.dev\nb@tickd.dev,1\nc@gone.example,1,2\n")
    assert run("a.csv").err.startswith("a.csv: 3 rows, with the address in column 1 (email)\n")
    assert (folder / "a.verified.csv").read_text() == (
        f"email,a,b,{OURS}\na@tickd.dev,,,{GOOD}\nb@tickd.dev,1,,{GOOD}\nc@gone.example,1,2,{GONE}\n"
    )


def test_the_column_and_how_it_is_written_may_be_said(run: Run, folder: Path) -> None:
    (folder / "a.csv").write_text("from^to\nada@tickd.dev^bob@gone.example\n")
    for options, reason in (
        (("--column", "TO"), GONE),
        (("--column", "2"), GONE),
        (("--column", "from"), GOOD),
        ((), GOOD),
    ):
        assert run("a.csv", "--delimiter", "^", "--force", *options).status == 0
        row = (folder / "a.verified.csv").read_text().splitlines()[1]
        assert row == f"ada@tickd.dev^bob@gone.example^{reason.replace(',', '^')}"
    assert run("a.csv", "--delimiter", "^", "--no-header", "--force").err.startswith("a.csv: 2 rows,")
    (folder / "b.csv").write_text("ada@tickd.dev,x\nbob@tickd.dev,y\n")
    assert run("b.csv", "--header").err.startswith(
        "b.csv: 1 row, with the address in column 1 (ada@tickd.dev)"
    )


def test_standard_input_goes_to_standard_output(run: Run, folder: Path) -> None:
    ended = run("-", given=b"email\nada@tickd.dev\n")
    assert (ended.status, ended.out.decode()) == (0, f"email,{OURS}\nada@tickd.dev,{GOOD}\n")
    assert ended.err.splitlines()[1].startswith("standard output: 1 row in ")
    assert run("-", "--out", "-", "--quiet", given=b"x").out.decode().endswith("has no @-sign,\n")
    assert only(folder) == []


def test_the_summary_as_json_is_alone_on_standard_output(run: Run, folder: Path) -> None:
    (folder / "a.csv").write_text("email\nadmin@tickd.dev\nx\nbob@fail.dev\nb@gone.example\n")
    ended = run("a.csv", "--json")
    summary = json.loads(ended.out)
    assert summary.pop("seconds") >= 0
    assert summary == {
        "input": "a.csv",
        "output": "a.verified.csv",
        "rows": 4,
        "valid": 1,
        "invalid": 2,
        "invalid_by": {"syntax": 1, "domain": 1, "disposable": 0},
        "unknown": 1,
        "disposable": 0,
        "role_based": 1,
    }
    assert ended.status == 3
    both = run("-", "--json", given=b"x")
    assert (both.status, both.out) == (2, b"")


def test_the_operators_own_domains_count(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.txt").write_text("a@d1.dev\na@mailinator.com\n")
    (folder / "tickd.toml").write_text('allowed_domain = ["mailinator.com"]\n')
    run("a.txt", "--disposable-domain", "d1.dev", "--config", "tickd.toml")
    rows = dicts(folder)
    assert [(row["valid"], row["disposable"]) for row in rows] == [("false", "true"), ("true", "false")]


def test_no_cell_of_ours_begins_like_a_formula_and_theirs_stay(run: Run, folder: Path) -> None:
    (folder / "a.csv").write_text('note,email\n=1+1,ada@tickd.dev\n@x,"=cmd|calc@tickd.dev"\n')
    run("a.csv")
    rows = [line.split(",") for line in (folder / "a.verified.csv").read_text().splitlines()]
    assert [row[0] for row in rows[1:]] == ["=1+1", "@x"]
    assert not [cell for row in rows for cell in row[2:] if cell[:1] in ("=", "+", "-", "@")]


@pytest.mark.parametrize(("mode", "result"), [(0o600, 0o600), (0o640, 0o640), (0o444, 0o644), (0o755, 0o644)])
def test_who_may_read_the_input_may_read_the_results(run: Run, folder: Path, mode: int, result: int) -> None:
    (folder / "a.txt").write_text("ada@tickd.dev\n")
    (folder / "a.txt").chmod(mode)
    run("a.txt")
    assert (folder / "a.verified.csv").stat().st_mode & 0o777 == result


@pytest.mark.parametrize("mode", [0o640, 0o664, 0o600])
def test_the_results_belong_to_whom_the_input_belongs_to(run: Run, folder: Path, mode: int) -> None:
    is_root = os.geteuid() == 0
    # Who is not root may give a file to groups of theirs alone, and may have no other one.
    mine = [one for one in os.getgroups() if one != os.getegid()] or [os.getegid()]
    owner, group = (12_346, 12_345) if is_root else (os.geteuid(), mine[0])
    (folder / "a.txt").write_text("ada@tickd.dev\n")
    (folder / "a.txt").chmod(mode)
    os.chown("a.txt", owner, group)
    run("a.txt")
    made = (folder / "a.verified.csv").stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (owner, group, mode)


@pytest.mark.parametrize(
    ("mode", "result"), [(0o640, 0o600), (0o664, 0o644), (0o604, 0o600), (0o644, 0o644), (0o600, 0o600)]
)
def test_a_group_that_cant_be_given_is_not_replaced_by_another(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, mode: int, result: int
) -> None:
    def refused(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    (folder / "a.txt").write_text("ada@tickd.dev\n")
    (folder / "a.txt").chmod(mode)
    monkeypatch.setattr(os, "fchown", refused)
    assert run("a.txt").status == 0
    assert (folder / "a.verified.csv").stat().st_mode & 0o777 == result


def test_results_of_standard_input_are_the_owners(run: Run, folder: Path) -> None:
    run("-", "--out", "a.csv", given=b"ada@tickd.dev\n")
    assert (folder / "a.csv").stat().st_mode & 0o777 == 0o600


# Many rows.


def test_the_order_is_kept_and_no_domain_is_asked_about_twice(
    run: Run, folder: Path, names: ServedNames
) -> None:
    emails = [f"p{number}@d{number * 7 % 50}.dev" for number in range(3_000)]
    (folder / "a.txt").write_text("\n".join(emails))
    assert run("a.txt", "--concurrency", "256").status == 0
    rows = dicts(folder)
    assert [row["email"] for row in rows] == emails
    assert {row["valid"] for row in rows} == {"true"}
    assert len(names.asked) == 50


async def test_so_many_are_under_way_and_no_more_wait_than_have_room() -> None:
    under_way, most, begun = 0, 0, 0
    go, seen = asyncio.Event(), []

    async def work(item: int) -> int:
        nonlocal under_way, most, begun
        under_way, begun = under_way + 1, begun + 1
        most = max(most, under_way)
        if item == 0:
            await go.wait()
        await asyncio.sleep(0)
        under_way -= 1
        return item * 2

    task = asyncio.create_task(
        in_order(iter(range(1_000)), work, lambda item, result: seen.append((item, result)), at_once=5)
    )
    before = -1
    while begun != before:
        before = begun
        for _ in range(20):
            await asyncio.sleep(0)
    assert seen == []
    assert begun <= 5 * judging.AHEAD + 5
    go.set()
    await task
    assert most == 5
    assert seen == [(item, item * 2) for item in range(1_000)]


async def test_what_fails_ends_all_of_it() -> None:
    async def work(item: int) -> int:
        if item == 3:
            raise Unavailable("no")
        await asyncio.Event().wait()
        return item

    with pytest.raises(Unavailable):
        await in_order(iter(range(10)), work, lambda _item, _result: None, at_once=5)


# What nothing is proven about.


def test_what_is_unknown_is_tried_twice_and_told(run: Run, folder: Path, names: ServedNames) -> None:
    (folder / "a.txt").write_text("ada@fail.dev\nbob@fail.dev\nbob..x@fail.dev\nada@tickd.dev\n")
    ended = run("a.txt", "--concurrency", "1")
    assert ended.status == 3
    ada, bob, wrong, good = dicts(folder)
    assert (ada["valid"], ada["mx_found"], ada["disposable"], ada["role_based"]) == ("", "", "", "")
    assert "fail.dev" in ada["reason"]
    assert bob["reason"] == ada["reason"]
    assert (wrong["valid"], good["valid"]) == ("false", "true")
    assert "  2 unknown: the name servers proved nothing" in ended.err.splitlines()
    asked = [name for name, _ in names.asked]
    assert asked.count("tickd.dev") == 1
    once = asked.index("tickd.dev")
    assert "fail.dev" in asked[:once] and "fail.dev" in asked[once:]


def test_what_is_known_at_the_second_try_counts_as_known(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Verifier.verdict
    failed: list[str] = []

    async def verdict(self: Verifier, email: str) -> Verdict:
        if not failed:
            failed.append(email)
            raise Unavailable("not now")
        return await real(self, email)

    monkeypatch.setattr(Verifier, "verdict", verdict)
    (folder / "a.txt").write_text("ada@tickd.dev\nbob@d1.dev\n")
    ended = run("a.txt")
    assert ended.status == 0, ended.err
    rows = dicts(folder)
    assert [(row["email"], row["valid"]) for row in rows] == [
        ("ada@tickd.dev", "true"),
        ("bob@d1.dev", "true"),
    ]
    assert "  2 valid" in ended.err.splitlines()


async def test_name_servers_that_never_answer_end_it() -> None:
    class Dead(Verifier):
        async def verdict(self, email: str) -> Verdict:
            raise Unavailable(f"no answer about {email}")

    async with _verifier(Dead) as dead:
        judge = Judge(dead)
        for number in range(judging.DEAD_AFTER - 1):
            assert isinstance(await judge.verdict(f"a@d{number}.dev"), str)
            # One domain counts once.
            assert isinstance(await judge.verdict(f"b@d{number}.dev"), str)
        with pytest.raises(Unavailable, match="the first 200 domains; no answer about a@last"):
            await judge.verdict("a@last.dev")


@asynccontextmanager
async def _verifier(kind: type[Verifier]) -> AsyncIterator[Verifier]:
    from tickd.outbound.exchanges import Exchanges

    made = kind(Exchanges((("127.0.0.1", 9),)))
    try:
        yield made
    finally:
        made.close()


# What can't be read.


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        (b"", (), "a.csv is empty"),
        (b"\n \n", (), "a.csv is empty"),
        (b"\xef\xbb\xbf", (), "a.csv is empty"),
        (
            b"name,city\nAda,Paris\n",
            (),
            "no column of a.csv has e-mail addresses. Its columns are: name, city. Name one with --column, "
            "or what is between the columns with --delimiter",
        ),
        (
            b"id,email\n1,a@b.c\n",
            ("--column", "mail"),
            "there is no column mail in a.csv; its columns are: id, email",
        ),
        (b"id,email\n1,a@b.c\n", ("--column", "3"), "there is no column 3 in a.csv; it has 2"),
        (b"a@b.c,1\nb@b.c,2\n", ("--column", "x"), "there is no column x in a.csv; it has no header"),
        (
            b"id,email\n1,a@b.c\n\n2,b@b.c,d\n",
            (),
            "line 4 of a.csv has 3 columns, and the header has 2: is a cell with a comma not in quotes?",
        ),
        (
            b'id,email\n1,a@b.c\n2,"b@b.c\n3,c@b.c\n',
            (),
            "line 3 of a.csv can't be read: a quote is not closed",
        ),
        (
            b'id,email\n1,"a" b@b.c\n',
            (),
            "line 2 of a.csv can't be read: something comes between a closing quote and the end of the cell; "
            'a quote inside is written ""',
        ),
        (
            b"id,email\n1," + b"a" * 140_000 + b"@b.c\n",
            ("--delimiter", "comma"),
            "line 2 of a.csv can't be read: a cell has over 131,072 characters; is a quote not closed?",
        ),
        (
            b"email,a,b\na@b.c\nb@b.c,1\nc@b.c,1,2,3\n",
            (),
            "line 4 of a.csv has 4 columns, and the header has 3: is a cell with a comma not in quotes?",
        ),
        (b'email,x\n"a@b.c,1\n', (), "line 2 of a.csv can't be read: a quote is not closed"),
        (b'"a@b.c;1\nb@b.c;2\n', (), "line 1 of a.csv can't be read: a quote is not closed"),
        (b"a@b.c\n" + b"x" * 1_000_000, (), "line 2 of a.csv has over 1,000,000 characters"),
        (
            "id,email\n1,a@b.c\n".encode("utf-16-le"),
            (),
            "line 1 of a.csv has a NUL byte, so this is no text: save a spreadsheet as CSV, or say with "
            "--encoding how it is written",
        ),
        (
            b"email\na@b.c\n\xff\n",
            ("--encoding", "ascii"),
            "a.csv is not ascii; --encoding says how it is written",
        ),
    ],
    ids=range(17),
)
def test_what_cant_be_read_is_told_before_anything_is_asked(
    run: Run, folder: Path, names: ServedNames, content: bytes, options: tuple[str, ...], sentence: str
) -> None:
    (folder / "a.csv").write_bytes(content)
    assert run("a.csv", *options).sentence == sentence
    assert names.asked == []
    assert only(folder) == ["a.csv"]


def test_a_header_alone_has_no_rows(run: Run, folder: Path) -> None:
    (folder / "a.csv").write_text("id,email\n")
    assert run("a.csv").status == 0
    assert (folder / "a.verified.csv").read_text() == f"id,email,{OURS}\n"


def test_what_is_no_file_is_told(run: Run, folder: Path) -> None:
    assert run("nope.csv").sentence == "can't read nope.csv: No such file or directory"
    assert run(".").sentence == "can't read .: Is a directory"
    (folder / "a.txt").write_text("a@tickd.dev")
    assert run("a.txt", "--out", "no/b.csv").sentence == "can't write no/b.csv: No such file or directory"
    assert run("a.txt", "--out", ".").sentence == "can't write .: it is a folder"
    assert run("a.txt", "--out", "a.txt", "--force").sentence == (
        "a.txt is the input itself; name another file with --out"
    )
    assert only(folder) == ["a.txt"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.csv", "--delimiter", "::"],
        ["a.csv", "--encoding", "nope"],
        ["a.csv", "--encoding", "base64"],
        ["a.csv", "--encoding", "idna"],
        ["a.csv", "--encoding", "punycode"],
        ["a.csv", "--encoding", "unicode_escape"],
        ["a.csv", "--encoding", "raw_unicode_escape"],
        ["a.csv", "--encoding", "utf-7"],
        ["a.csv", "--encoding", "undefined"],
        ["a.csv", "--concurrency", "0"],
        ["a.csv", "--concurrency", "257"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_cant_be_read_ends_with_2(run: Run, arguments: list[str]) -> None:
    Path("a.csv").write_text("a@tickd.dev\n")
    ended = run(*arguments)
    assert (ended.status, ended.out) == (2, b"")
    assert f"Error: Invalid value for '{arguments[1]}'" in ended.err if arguments else "Error: " in ended.err
    assert os.listdir() == ["a.csv"]


def test_a_file_that_changes_meanwhile_leaves_no_results(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "a.txt"
    path.write_text("a@tickd.dev\n")
    real = Verifier.verdict

    async def verdict(self: Verifier, email: str) -> Verdict:
        with path.open("a") as file:
            file.write("b@tickd.dev\n")
        return await real(self, email)

    monkeypatch.setattr(Verifier, "verdict", verdict)
    assert run("a.txt").sentence == "a.txt has changed meanwhile"
    assert only(folder) == ["a.txt"]


# What can't be written, and what ends in the middle.


def test_results_are_replaced_only_when_told_to(run: Run, folder: Path, names: ServedNames) -> None:
    (folder / "a.txt").write_text("a@tickd.dev\n")
    kept = folder / "a.verified.csv"
    kept.write_text("mine")
    said = "a.verified.csv exists already; --force replaces it, --out names another file"
    assert run("a.txt").sentence == said
    assert (kept.read_text(), names.asked) == ("mine", [])
    assert run("a.txt", "--force").status == 0
    assert kept.read_text() == f"email,{OURS}\na@tickd.dev,{GOOD}\n"


def test_what_comes_up_meanwhile_is_not_replaced(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.txt").write_text("a@tickd.dev\n")
    real = Verifier.verdict

    async def verdict(self: Verifier, email: str) -> Verdict:
        (folder / "a.verified.csv").write_text("another's")
        return await real(self, email)

    monkeypatch.setattr(Verifier, "verdict", verdict)
    assert run("a.txt").sentence.startswith("a.verified.csv exists already; ")
    assert (folder / "a.verified.csv").read_text() == "another's"
    assert only(folder) == ["a.txt", "a.verified.csv"]


def test_a_full_disk_leaves_nothing_half_written(run: Run, folder: Path) -> None:
    (folder / "a.txt").write_text("".join(f"{'x' * 50}{number}@tickd.dev\n" for number in range(2_000)))
    (folder / "a.verified.csv").write_text("mine")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        ended = run("a.txt", "--force")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ended.sentence == "can't write a.verified.csv: File too large"
    assert (folder / "a.verified.csv").read_text() == "mine"
    assert only(folder) == ["a.txt", "a.verified.csv"]


def test_a_full_device_is_told(run: Run, folder: Path) -> None:
    (folder / "a.txt").write_text("a@tickd.dev\n")
    assert run("a.txt", "--out", "/dev/full").sentence == "can't write /dev/full: No space left on device"
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_in_the_middle_leaves_nothing(folder: Path, number: signal.Signals) -> None:
    (folder / "a.txt").write_text("a@tickd.dev\nb@silent.dev\n" + "c@d1.dev\n" * 1_000)
    with served(silent=("silent.dev",)) as names:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tickd", "verify", "a.txt"],
            env=environment(dns_server=f"127.0.0.1:{names.port}"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            eventually(lambda: ("silent.dev", "MX") in names.asked)
            process.send_signal(number)
            out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (128 + number, "")
    assert err.splitlines()[1:] == ["", "tickd: interrupted; the results are not complete"]
    assert only(folder) == ["a.txt"]


def test_a_reader_that_has_enough_ends_it_without_a_word(folder: Path) -> None:
    (folder / "a.txt").write_text("x\n" * 20_000)
    with served() as names:
        done = subprocess.run(
            ["sh", "-c", f"{sys.executable} -W error -m tickd verify a.txt --out - --quiet | head -n 1"],
            env=environment(dns_server=f"127.0.0.1:{names.port}"),
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert (done.stdout, done.stderr) == (f"email,{OURS}\n", "")


# How far it has come.


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("quiet", [False, True])
async def test_progress_is_a_bar_on_a_terminal_and_a_line_now_and_then_elsewhere(quiet: bool) -> None:
    for to in (_Terminal(), io.StringIO()):
        clock, tally = FakeClock(NOON), Tally()
        with Progress("people.csv", 40, tally, clock, to=to, quiet=quiet) as progress:
            for number in range(40):
                await clock.advance(1)
                tally.add("a@b.c", Verdict(valid=number % 4 > 0) if number else "who knows")
                progress.advance()
        said = to.getvalue()
        if quiet:
            assert said == ""
        elif to.isatty():
            assert "people.csv  [####" in said
            assert "20/40  15 valid, 4 not, 1 unknown, 1/s" in said
            assert "40/40  30 valid, 9 not, 1 unknown, 1/s" in said
        else:
            assert said.splitlines() == [
                "people.csv: 10 of 40, 7 valid, 2 not, 1 unknown, 1/s, 30 s left",
                "people.csv: 20 of 40, 15 valid, 4 not, 1 unknown, 1/s, 20 s left",
                "people.csv: 30 of 40, 22 valid, 7 not, 1 unknown, 1/s, 10 s left",
                "people.csv: 40 of 40, 30 valid, 9 not, 1 unknown, 1/s, 0 s left",
            ]


def test_a_pipe_that_can_be_read_once_is_read_more_than_once(folder: Path) -> None:
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_text("a@b.c\nb@b.c\n"))
    writer.start()
    with tables.opened("pipe") as table:
        table.look_through()
        assert [[table.address(row) for row in table.rows()] for _ in range(2)] == [["a@b.c", "b@b.c"]] * 2
    writer.join(5)
