"""`tickd user`: who may sign in, from the command line."""

from __future__ import annotations

import asyncio
import io
import json
import re
from functools import partial
from pathlib import Path

import pytest

from tests.support.clock import FakeClock
from tests.support.commands import Ended, Run
from tests.support.daemon import NOON, running
from tests.support.process import served
from tickd import app
from tickd.domain.users import UserCreation
from tickd.errors import Unauthorized
from tickd.services.accounts import Accounts
from tickd.services.users import Users

GOOD = "correct horse battery"


class Terminal(io.StringIO):
    """Standard input that somebody types at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(run: Run) -> Run:
    """Runs `tickd user` with these arguments in the folder, with `typed` on standard input."""
    return partial(run, "user")


def signs_in(folder: Path, email: str, password: str) -> bool:
    """Whether a daemon on the folder's file would let in."""

    async def sign_in() -> bool:
        async with app.opened(str(folder / "tickd.db"), Users) as users:
            try:
                await users.sign_in(email, password, source="192.0.2.1", agent="")
            except Unauthorized:
                return False
            return True

    return asyncio.run(sign_in())


def refusal(ended: Ended) -> str:
    """The sentence of a command that failed."""
    assert (ended.status, ended.out) == (1, "")
    return ended.err.splitlines()[-1].removeprefix("tickd: ")


def test_a_user_is_added_and_signs_in(run: Run, folder: Path) -> None:
    made = run("add", "Ada@Example.com", "--name", "Ada", "--password-stdin", typed=f"{GOOD}\nmore\n")
    assert (made.status, made.out) == (0, "ada@example.com is added, as an owner.\n")
    assert made.err.startswith(f"{folder / 'tickd.db'} is a new database. ")
    assert signs_in(folder, "ada@example.com", GOOD)
    assert not signs_in(folder, "ada@example.com", "wrong password")


def test_a_made_password_is_alone_on_standard_output(run: Run, folder: Path) -> None:
    made = run("add", "ada@example.com", "--generate")
    assert re.fullmatch(r"[0-9a-z]{20}\n", made.out)
    assert made.err.endswith("ada@example.com is added, as an owner.\n")
    assert signs_in(folder, "ada@example.com", made.out.strip())
    other = run("password", "ADA@example.com", "--generate")
    assert other.err == "ada@example.com has a new password; all sessions are ended.\n"
    assert signs_in(folder, "ada@example.com", other.out.strip())
    assert not signs_in(folder, "ada@example.com", made.out.strip())


def test_a_password_is_asked_for_twice(run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    typed = iter([GOOD, "something else", GOOD, GOOD])
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda *_: next(typed))
    made = run("add", "ada@example.com", stdin=Terminal)
    assert made.status == 0, made.err
    assert next(typed, None) is None


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (["add", "ada", "--generate"], "", "email has 'ada', which is not an e-mail address"),
        (["add", "a@b.c", "--password-stdin"], "short\n", "password must have at least 10 characters"),
        (["add", "a@b.c", "--password-stdin"], "x" * 300, "password must have at most 200 characters"),
        (["add", "a@b.c", "--generate", "--account", "acc_2"], "", "no account acc_2"),
        (
            ["add", "a@b.c", "--generate", "--role", "reader"],
            "",
            "role must be owner: the account has no owner",
        ),
    ],
)
def test_what_cant_be_is_refused_in_a_sentence(run: Run, arguments: list[str], typed: str, said: str) -> None:
    assert refusal(run(*arguments, typed=typed)).startswith(said)


@pytest.mark.parametrize(
    "arguments", [["add", "a@b.c"], ["password", "a@b.c"], ["add", "a@b.c", "--generate", "--password-stdin"]]
)
def test_without_a_password_the_command_line_cant_be_read(run: Run, arguments: list[str]) -> None:
    ended = run(*arguments)
    assert (ended.status, ended.out) == (2, "")
    assert "--password-stdin" in ended.err


@pytest.mark.parametrize("arguments", [["list"], ["password", "a@b.c", "--generate"], ["delete", "a@b.c"]])
def test_no_file_is_made_to_look_into_it(run: Run, folder: Path, arguments: list[str]) -> None:
    assert refusal(run(*arguments)) == f"there is no database {folder / 'tickd.db'}; name it with --db"
    assert list(folder.iterdir()) == []


def test_users_are_listed_and_deleted(run: Run) -> None:
    run("add", "zoe@example.com", "--generate")
    run("add", "bob@example.com", "--generate", "--name", "Bob")
    listed = run("list")
    assert (listed.status, listed.err) == (0, "")
    assert [re.split(r" {2,}", line) for line in listed.out.splitlines()] == [
        ["bob@example.com", "member", "password only", "never seen", "Bob"],
        ["zoe@example.com", "owner", "password only", "never seen"],
    ]
    (bob, zoe) = json.loads(run("list", "--json").out)
    assert (bob["email"], bob["role"], zoe["role"], bob["last_seen_at"]) == (
        *("bob@example.com", "member", "owner"),
        None,
    )
    assert "password" not in str(bob)
    assert run("delete", "Bob@example.com").out == "bob@example.com is deleted.\n"
    assert refusal(run("delete", "bob@example.com")) == "no user bob@example.com"
    assert "is the account's only owner" in refusal(run("delete", "zoe@example.com"))
    assert refusal(run("list", "--account", "acc_2")) == "no account acc_2"


def test_an_account_without_users_says_how_one_is_added(run: Run) -> None:
    run("add", "zoe@example.com", "--generate")
    path = str(Path("tickd.db").absolute())

    async def make() -> str:
        async with app.opened(path, Accounts) as accounts:
            return (await accounts.create("other")).id

    other = asyncio.run(make())
    none = run("list", "--account", other)
    assert (none.status, none.out) == (0, "")
    assert none.err == f"No users. Add one with: tickd user add you@example.com --account {other}\n"


async def test_a_running_daemon_sees_a_new_password_at_once(tmp_path: Path) -> None:
    path = tmp_path / "tickd.db"
    async with running(path, clock=FakeClock(NOON)) as tickd, app.opened(str(path), Users) as beside:
        users = tickd.daemon.services.users
        from_link = users.setup_token or ""
        creation = UserCreation(email="ada@example.com", password=GOOD)
        token, signed = await users.set_up(from_link, creation, source="", agent="")
        assert await users.signed(token) is not None
        await beside.set_password(signed.user.id, "another good password")
        assert await users.signed(token) is None


def test_the_set_up_link_is_printed_until_there_is_a_user(tmp_path: Path, run: Run) -> None:
    db = tmp_path / "tickd.db"
    with served(db) as tickd:
        (line,) = [line for line in tickd.out.splitlines() if line.startswith("Set up the dashboard: ")]
        assert re.fullmatch(
            rf"Set up the dashboard: {re.escape(tickd.url)}/setup\?token=[0-9a-z]{{40}}", line
        )
        assert line.partition("token=")[2] not in tickd.log
        assert run("add", "ada@example.com", "--generate", "--db", str(db)).status == 0
        assert tickd.stop()[0] == 0
    with served(db) as tickd:
        assert "Set up the dashboard" not in tickd.out
