"""Users and their sessions, on a real file: signing in, the second step, and what ends a session."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import argon2
import pyotp
import pytest

from tests.support.clock import FakeClock
from tests.support.daemon import CHEAP_KIB, NOON, opened
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.domain.times import DAY, HOUR, MINUTE
from tickd.domain.users import IDLE, LONGEST, User, UserChange, UserCreation
from tickd.errors import Conflict, Invalid, NotFound, TickdError, TooMany, Unauthorized, Unavailable
from tickd.services.passwords import NEIGHBOURS_MOST, WAITING_MOST, Passwords
from tickd.services.upkeep import REST, Upkeep
from tickd.services.users import Pending, Signed, Users
from tickd.store.database import Database

ADA = "ada@example.com"
GOOD = "correct horse battery"
OTHER = "another good password"
HERE: dict[str, Any] = {"source": "192.0.2.1", "agent": "Firefox"}
ELSEWHERE: dict[str, Any] = {"source": "198.51.100.7", "agent": "curl"}


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = await opened(tmp_path / "t.db")
    yield made
    await made.close()


@pytest.fixture
def passwords() -> Passwords | None:
    return Passwords(memory_kib=CHEAP_KIB)


as_served = pytest.mark.parametrize("passwords", [None], ids=["as served"])
"""For tests of what a password costs a daemon; the others are about something else."""


@pytest.fixture
def people(db: Database, clock: FakeClock, passwords: Passwords | None) -> Users:
    return Users(db, clock, passwords)


@pytest.fixture
async def ada(people: Users) -> User:
    return await people.create(DEFAULT_ACCOUNT, UserCreation(email=ADA, password=GOOD, role="owner"))


async def signed_in(people: Users, email: str = ADA, password: str = GOOD, **at: Any) -> tuple[str, Signed]:
    found = await people.sign_in(email, password, **(HERE | at))
    assert not isinstance(found, Pending)
    return found


async def said(refused: Awaitable[object], kind: type[TickdError]) -> str:
    """The sentence of a call that is refused."""
    with pytest.raises(kind) as raised:
        await refused
    return raised.value.message


async def with_totp(people: Users, user: User, clock: FakeClock) -> tuple[pyotp.TOTP, list[str]]:
    """Switches the second step on; the authenticator and the recovery codes."""
    secret, uri = await people.begin_totp(user.id)
    assert uri.startswith("otpauth://totp/tickd:")
    device = pyotp.TOTP(secret)
    codes = await people.confirm_totp(user.id, secret, device.at(clock.now() // 1000))
    await clock.advance(30)
    return device, codes


async def pending(people: Users, password: str = GOOD) -> str:
    found = await people.sign_in(ADA, password, **HERE)
    assert isinstance(found, Pending)
    return found.token


# The first user.


async def test_the_set_up_link_makes_an_owner_once_and_signs_in(people: Users, db: Database) -> None:
    await people.begin()
    link = people.setup_token
    assert link is not None
    creation = UserCreation(email="Ada@Example.com", password=GOOD, role="reader")
    for wrong in ("", "nope", link[:-1], "\udcff"):
        assert "set-up link" in await said(people.set_up(wrong, creation, **HERE), NotFound)
    assert not await people.any()
    token, signed = await people.set_up(link, creation, **HERE)
    assert (signed.user.email, signed.user.role, people.setup_token) == (ADA, "owner", None)
    assert signed.principal.may("admin")
    held = await people.signed(token)
    assert held is not None
    assert held.user.id == signed.user.id
    assert [row[0] for row in await db.fetch("SELECT owner_email FROM accounts")] == [ADA]
    again = UserCreation(email="eve@example.com", password=GOOD)
    assert "set-up link" in await said(people.set_up(link, again, **HERE), NotFound)


async def test_a_link_that_two_use_at_once_makes_one_user(people: Users, db: Database) -> None:
    await people.begin()
    link = people.setup_token or ""
    tries = [people.set_up(link, UserCreation(email=f"u{n}@b.c", password=GOOD), **HERE) for n in range(3)]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(isinstance(one, NotFound) for one in ended) == [False, True, True]
    assert [row[0] for row in await db.fetch("SELECT count(*) FROM users")] == [1]


async def test_a_user_from_the_command_line_ends_the_link(
    people: Users, db: Database, clock: FakeClock
) -> None:
    await people.begin()
    link = people.setup_token or ""
    beside = Users(db, clock)
    await beside.create(DEFAULT_ACCOUNT, UserCreation(email=ADA, password=GOOD, role="owner"))
    creation = UserCreation(email="eve@example.com", password=GOOD)
    await said(people.set_up(link, creation, **HERE), NotFound)
    assert await people.any()
    assert people.setup_token is None
    await people.begin()
    assert people.setup_token is None


async def test_an_owners_address_that_is_known_stays(people: Users, db: Database) -> None:
    await db.write(lambda tx: tx.execute("UPDATE accounts SET owner_email = 'boss@example.com'").rowcount)
    await people.begin()
    await people.set_up(people.setup_token or "", UserCreation(email=ADA, password=GOOD), **HERE)
    assert [row[0] for row in await db.fetch("SELECT owner_email FROM accounts")] == ["boss@example.com"]


async def test_dev_is_an_owner_without_signing_in(db: Database, clock: FakeClock) -> None:
    people = Users(db, clock, signed_in_as_owner=True)
    await people.begin()
    assert people.setup_token is None
    signed = await people.signed("")
    assert signed is not None
    assert (signed.principal.account_id, signed.principal.may("admin")) == (DEFAULT_ACCOUNT, True)


# Signing in.


@as_served
async def test_the_file_has_neither_the_password_nor_the_token(
    people: Users, ada: User, db: Database
) -> None:
    token, _ = await signed_in(people)
    rows = [*await db.fetch("SELECT * FROM users"), *await db.fetch("SELECT * FROM sessions")]
    stored = " ".join(str(tuple(row)) for row in rows)
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in stored
    assert GOOD not in stored
    assert token not in stored


async def test_a_wrong_password_and_an_unknown_address_are_told_alike(people: Users, ada: User) -> None:
    words = "the e-mail address or the password is wrong"
    assert await said(people.sign_in(ADA, "wrong password", **HERE), Unauthorized) == words
    assert await said(people.sign_in("eve@example.com", GOOD, **HERE), Unauthorized) == words
    _, signed = await signed_in(people, email="  ADA@example.COM")
    assert signed.user.id == ada.id


@as_served
async def test_an_unknown_address_costs_a_hash_too(
    people: Users, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes: list[str] = []
    real = argon2.PasswordHasher.verify

    def verify(hasher: argon2.PasswordHasher, stored: str, secret: bytes) -> bool:
        hashes.append(stored.rpartition("$")[0].rpartition("$")[0])
        return real(hasher, stored, secret)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)
    for email, password in ((ADA, "wrong password"), ("eve@example.com", GOOD), (ADA, "x" * 5000)):
        await said(people.sign_in(email, password, **HERE), Unauthorized)
    assert hashes == ["$argon2id$v=19$m=19456,t=2,p=1"] * 3


@pytest.mark.parametrize("text", ["", "\x00", "\udcff\udcfe", "a" * 100_000, "' OR 1=1 --", "\x1b[0m\n"])
async def test_odd_input_is_only_wrong(people: Users, ada: User, text: str) -> None:
    await said(people.sign_in(text, GOOD, **HERE), Unauthorized)
    await said(people.sign_in(ADA, text, **HERE), Unauthorized)
    await said(people.second_step(text, text, **HERE), NotFound)
    assert await people.signed(text) is None
    await people.sign_out(text)
    token, signed = await signed_in(people, source=text, agent=text)
    assert await people.signed(token) is not None
    assert len(signed.session.user_agent) <= 300


async def test_every_sign_in_has_its_own_token(people: Users, ada: User) -> None:
    tokens = {(await signed_in(people))[0] for _ in range(3)}
    assert len(tokens) == 3
    assert min(map(len, tokens)) == 64


async def test_a_source_that_guesses_too_often_waits_and_the_others_dont(
    people: Users, ada: User, clock: FakeClock
) -> None:
    for _ in range(4):
        guesses = [people.sign_in(ADA, f"wrong password {n}", **HERE) for n in range(5)]
        ended = await asyncio.gather(*guesses, return_exceptions=True)
        assert {type(one) for one in ended} == {Unauthorized}
    with pytest.raises(TooMany) as refused:
        await people.sign_in(ADA, GOOD, **HERE)
    assert refused.value.retry_after == 300
    assert refused.value.message.startswith("too many failed sign-ins from this address")
    await signed_in(people, **ELSEWHERE)
    clock.step(-HOUR)
    await clock.advance(299)
    await said(people.sign_in(ADA, GOOD, **HERE), TooMany)
    await clock.advance(1)
    await signed_in(people)


async def test_an_ipv6_network_counts_as_one_source(people: Users, ada: User) -> None:
    for number in range(20):
        guess = people.sign_in(ADA, "wrong password", source=f"2001:db8::{number:x}", agent="")
        await said(guess, Unauthorized)
    await said(people.sign_in(ADA, GOOD, source="2001:db8::ffff", agent=""), TooMany)
    await signed_in(people, source="2001:db8:0:1::1")


async def test_good_passwords_are_no_guesses(people: Users, ada: User) -> None:
    for _ in range(25):
        await signed_in(people)


@as_served
async def test_a_queue_of_passwords_has_an_end(people: Users, ada: User) -> None:
    tries = [
        people.sign_in(ADA, GOOD, source=f"192.0.{number}.1", agent="") for number in range(WAITING_MOST + 3)
    ]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, Unavailable) for one in ended) == 3
    assert sum(isinstance(one, tuple) for one in ended) == WAITING_MOST


@as_served
@pytest.mark.parametrize("crowd", ["2001:db8:0:{:x}::1", "192.0.2.{}"])
async def test_one_network_leaves_room_in_the_queue(people: Users, ada: User, crowd: str) -> None:
    tries = [people.sign_in(ADA, GOOD, source=crowd.format(number), agent="") for number in range(70)]
    waiting = [asyncio.ensure_future(one) for one in tries]
    await asyncio.sleep(0)
    await signed_in(people, **ELSEWHERE)
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(one, Unavailable) for one in ended) == 70 - NEIGHBOURS_MOST
    assert sum(isinstance(one, tuple) for one in ended) == NEIGHBOURS_MOST
    # Whoever found no room has not guessed.
    await signed_in(people, source=crowd.format(69))


async def test_a_site_of_ipv6_networks_has_five_times_as_many_guesses(people: Users, ada: User) -> None:
    for number in range(100):
        guess = people.sign_in(ADA, "wrong password", source=f"2001:db8:0:{number:x}::1", agent="")
        await said(guess, Unauthorized)
    await said(people.sign_in(ADA, GOOD, source="2001:db8:0:ffff::1", agent=""), TooMany)
    await signed_in(people, source="2001:db8:1::1")


@as_served
async def test_a_hash_with_older_parameters_is_made_anew(people: Users, ada: User, db: Database) -> None:
    older = argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(GOOD)
    await db.write(lambda tx: tx.execute("UPDATE users SET password_hash = ?", (older,)).rowcount)
    token, _ = await signed_in(people)
    ((stored,),) = [tuple(row) for row in await db.fetch("SELECT password_hash FROM users")]
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await people.signed(token) is not None
    await signed_in(people)


# Sessions.


async def test_a_session_ends_unused_or_old(people: Users, ada: User, clock: FakeClock) -> None:
    token, _ = await signed_in(people)
    await clock.advance(IDLE / 1000)
    assert await people.signed(token) is None
    assert await people.sessions(ada.id) == []
    token, _ = await signed_in(people)
    for _ in range(LONGEST // DAY):
        signed = await people.signed(token)
        assert signed is not None
        await clock.advance(DAY / 1000)
        await people.sign_out("")  # an urgent write, which takes the lazy note with it
    assert await people.signed(token) is None


async def test_a_use_is_written_once_a_minute(
    people: Users, ada: User, db: Database, clock: FakeClock
) -> None:
    token, _ = await signed_in(people)
    seen = []
    for seconds in (59, 1, 30):
        await clock.advance(seconds)
        await people.signed(token)
        await people.sign_out("")
        ((at, user),) = await db.fetch("SELECT seen_at, last_seen_at FROM sessions JOIN users")
        assert at == user
        seen.append(at - NOON)
    assert seen == [0, MINUTE, MINUTE]


async def test_a_clock_that_steps_back_signs_nobody_out(people: Users, ada: User, clock: FakeClock) -> None:
    token, _ = await signed_in(people)
    clock.step(-400 * DAY)
    assert await people.signed(token) is not None
    await people.sign_out("")
    await clock.advance(IDLE / 1000)
    assert await people.signed(token) is None


async def test_signing_out_ends_that_session_at_once(people: Users, ada: User) -> None:
    (one, _), (other, kept) = await signed_in(people), await signed_in(people, **ELSEWHERE)
    await people.sign_out(one)
    assert await people.signed(one) is None
    (left,) = await people.sessions(ada.id)
    assert (left.id, left.source_ip, left.user_agent) == (kept.session.id, "198.51.100.7", "curl")
    await people.end_session(ada.id, kept.session.id)
    assert await people.signed(other) is None
    await said(people.end_session(ada.id, kept.session.id), NotFound)


async def test_signing_out_everywhere_may_leave_the_session_that_asks(people: Users, ada: User) -> None:
    held = [await signed_in(people) for _ in range(3)]
    assert await people.sign_out_everywhere(ada.id, but=held[1][1].session.id) == 2
    assert [await people.signed(token) is not None for token, _ in held] == [False, True, False]
    assert await people.sign_out_everywhere(ada.id) == 1
    assert await people.signed(held[1][0]) is None


async def test_nobody_ends_the_session_of_another(people: Users, ada: User) -> None:
    bob = await people.create(DEFAULT_ACCOUNT, UserCreation(email="bob@b.c", password=GOOD))
    token, signed = await signed_in(people)
    await said(people.end_session(bob.id, signed.session.id), NotFound)
    assert await people.signed(token) is not None


async def test_a_renewed_session_has_another_token(people: Users, ada: User) -> None:
    token, signed = await signed_in(people)
    given = await people.renew(token)
    assert await people.signed(token) is None
    held = await people.signed(given)
    assert held is not None
    assert held.session == signed.session
    await said(people.renew(token), NotFound)


async def test_a_user_has_so_many_sessions_and_no_more(
    people: Users, ada: User, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickd.store.users.SESSIONS_MOST", 3)
    held = []
    for _ in range(3):
        held.append((await signed_in(people))[0])
        await clock.advance(60)
    await people.signed(held[0])
    await people.sign_out("")
    held.append((await signed_in(people))[0])
    assert [await people.signed(token) is not None for token in held] == [True, False, True, True]
    assert len(await people.sessions(ada.id)) == 3


async def test_upkeep_removes_sessions_that_have_ended(
    people: Users, ada: User, db: Database, clock: FakeClock
) -> None:
    await signed_in(people)
    await clock.advance(DAY / 1000)
    token, _ = await signed_in(people)
    await clock.advance((IDLE - DAY) / 1000)
    upkeep, following = Upkeep(db), 0
    while following < clock.now() + REST:
        following = await upkeep.tick(clock.now())
    assert [row[0] for row in await db.fetch("SELECT count(*) FROM sessions")] == [1]
    assert await people.signed(token) is not None


# Passwords.


async def test_a_new_password_ends_all_other_sessions(people: Users, ada: User) -> None:
    (mine, signed), (other, _) = await signed_in(people), await signed_in(people)
    await people.change_password(ada.id, GOOD, OTHER, but=signed.session.id)
    assert await people.signed(mine) is not None
    assert await people.signed(other) is None
    await said(people.sign_in(ADA, GOOD, **HERE), Unauthorized)
    await signed_in(people, password=OTHER)


async def test_a_password_is_changed_by_whoever_knows_it(people: Users, ada: User, clock: FakeClock) -> None:
    for _ in range(5):
        words = await said(people.change_password(ada.id, "wrong password", OTHER), Invalid)
        assert words == "current_password is wrong"
    await said(people.change_password(ada.id, GOOD, OTHER), TooMany)
    await clock.advance(300)
    words = await said(people.change_password(ada.id, GOOD, "short"), Invalid)
    assert words == "password must have at least 10 characters"
    words = await said(people.change_password(ada.id, GOOD, ADA.upper()), Invalid)
    assert words == "password must not be the e-mail address"
    await people.change_password(ada.id, GOOD, OTHER)


async def test_a_password_set_by_another_process_is_seen_at_once(
    people: Users, ada: User, tmp_path: Path, clock: FakeClock
) -> None:
    token, _ = await signed_in(people)
    assert await people.signed(token) is not None
    other = await Database.open(str(tmp_path / "t.db"), exclusive=False, readers=1)
    try:
        await Users(other, clock).set_password(ada.id, OTHER)
    finally:
        await other.close()
    assert await people.signed(token) is None
    await said(people.sign_in(ADA, GOOD, **HERE), Unauthorized)
    await signed_in(people, password=OTHER)


# The second step.


async def test_with_a_second_step_a_password_alone_is_not_enough(
    people: Users, ada: User, clock: FakeClock, db: Database
) -> None:
    device, _ = await with_totp(people, ada, clock)
    ticket = await pending(people)
    assert await people.sessions(ada.id) == []
    assert await people.signed(ticket) is None
    token, signed = await people.second_step(ticket, device.at(clock.now() // 1000), **HERE)
    assert signed.user.totp
    assert await people.signed(token) is not None
    await said(people.second_step(ticket, device.at(clock.now() // 1000), **HERE), NotFound)


async def test_a_code_is_good_once(people: Users, ada: User, clock: FakeClock) -> None:
    device, _ = await with_totp(people, ada, clock)
    code = device.at(clock.now() // 1000)
    await people.second_step(await pending(people), code, **HERE)
    again = people.second_step(await pending(people), code, **HERE)
    assert await said(again, Unauthorized) == "this code is wrong, or was used already"
    both = [await pending(people), await pending(people)]
    await clock.advance(30)
    code = device.at(clock.now() // 1000)
    tries = [people.second_step(ticket, code, **HERE) for ticket in both]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(isinstance(one, Unauthorized) for one in ended) == [False, True]


async def test_the_code_that_switched_it_on_is_used(people: Users, ada: User, clock: FakeClock) -> None:
    secret, _ = await people.begin_totp(ada.id)
    code = pyotp.TOTP(secret).at(clock.now() // 1000)
    await people.confirm_totp(ada.id, secret, code)
    await said(people.second_step(await pending(people), code, **HERE), Unauthorized)


async def test_a_recovery_code_is_good_once(people: Users, ada: User, clock: FakeClock) -> None:
    _, codes = await with_totp(people, ada, clock)
    assert (len(codes), await people.recovery_codes_left(ada.id)) == (10, 10)
    await people.second_step(await pending(people), codes[3].upper().replace("-", " "), **HERE)
    assert await people.recovery_codes_left(ada.id) == 9
    await said(people.second_step(await pending(people), codes[3], **HERE), Unauthorized)
    fresh = await people.new_recovery_codes(ada.id, GOOD)
    await said(people.second_step(await pending(people), codes[4], **HERE), Unauthorized)
    await people.second_step(await pending(people), fresh[4], **HERE)
    await said(people.new_recovery_codes(ada.id, "wrong password"), Invalid)


async def test_five_wrong_codes_are_enough_from_wherever(people: Users, ada: User, clock: FakeClock) -> None:
    device, codes = await with_totp(people, ada, clock)
    for number in range(5):
        ticket = await people.sign_in(ADA, GOOD, source=f"192.0.2.{number}", agent="")
        assert isinstance(ticket, Pending)
        guess = people.second_step(ticket.token, "000000", source=f"192.0.2.{number}", agent="")
        await said(guess, Unauthorized)
    for code in (device.at(clock.now() // 1000), codes[0]):
        words = await said(people.second_step(await pending(people), code, **ELSEWHERE), TooMany)
        assert words.startswith("too many wrong codes")
    await clock.advance(300)
    await people.second_step(await pending(people), device.at(clock.now() // 1000), **HERE)


async def test_a_ticket_is_good_for_five_minutes_and_one_password(
    people: Users, ada: User, clock: FakeClock
) -> None:
    device, _ = await with_totp(people, ada, clock)
    late, early = await pending(people), await pending(people)
    await people.set_password(ada.id, OTHER)
    await said(people.second_step(early, device.at(clock.now() // 1000), **HERE), NotFound)
    late = await pending(people, OTHER)
    await clock.advance(300)
    await said(people.second_step(late, device.at(clock.now() // 1000), **HERE), NotFound)


async def limit_pages(db: Database, more: int) -> None:
    def task(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + more}").fetchall()

    await db.alone(task)


async def test_a_right_code_on_a_full_disk_is_no_wrong_one(
    people: Users, ada: User, clock: FakeClock, db: Database
) -> None:
    await people.create(DEFAULT_ACCOUNT, UserCreation(email="bob@example.com", password=GOOD))
    device, _ = await with_totp(people, ada, clock)
    ticket = await pending(people)
    await limit_pages(db, 0)
    with pytest.raises(Unavailable, match="disk is full"):
        for _ in range(100):
            await signed_in(people, "bob@example.com", agent="a" * 150)
    code, here = device.at(clock.now() // 1000), HERE | {"agent": "a" * 200}
    for _ in range(8):
        await said(people.second_step(ticket, code, **here), Unavailable)
    for _ in range(4):
        await said(people.second_step(ticket, "000000", **here), Unauthorized)
    await limit_pages(db, 1000)
    await people.second_step(ticket, code, **here)


async def test_sessions_that_began_without_the_second_step_end_when_it_goes_on(
    people: Users, ada: User, clock: FakeClock
) -> None:
    (own, signed), (other, _) = await signed_in(people), await signed_in(people, **ELSEWHERE)
    secret, _uri = await people.begin_totp(ada.id)
    code = pyotp.TOTP(secret).at(clock.now() // 1000)
    await people.confirm_totp(ada.id, secret, code, but=signed.session.id)
    assert await people.signed(own) is not None
    assert await people.signed(other) is None


async def test_the_second_step_goes_on_with_a_right_code_and_off_with_the_password(
    people: Users, ada: User, clock: FakeClock, db: Database
) -> None:
    secret, _ = await people.begin_totp(ada.id)
    for wrong in ("", "000000", "\udcff"):
        assert (await said(people.confirm_totp(ada.id, secret, wrong), Invalid)).startswith("code ")
    for odd in ("", "MYOWN", "a" * 32, "\x00" * 32):
        assert (await said(people.confirm_totp(ada.id, odd, "000000"), Invalid)).startswith("secret ")
    await signed_in(people)
    await with_totp(people, ada, clock)
    await said(people.begin_totp(ada.id), Conflict)
    code = pyotp.TOTP(secret).at(clock.now() // 1000)
    await said(people.confirm_totp(ada.id, secret, code), Conflict)
    assert await said(people.end_totp(ada.id, "wrong password"), Invalid) == "password is wrong"
    await people.end_totp(ada.id, GOOD)
    await signed_in(people)
    assert [row[0] for row in await db.fetch("SELECT count(*) FROM recovery_codes")] == [0]
    await said(people.new_recovery_codes(ada.id, GOOD), Conflict)


async def test_the_command_line_can_switch_a_lost_second_step_off(
    people: Users, ada: User, clock: FakeClock
) -> None:
    await with_totp(people, ada, clock)
    await people.set_password(ada.id, OTHER)
    await pending(people, OTHER)
    await people.set_password(ada.id, GOOD, end_totp=True)
    await signed_in(people)


# People.


async def test_addresses_are_taken_in_whatever_case(people: Users, ada: User) -> None:
    twin = UserCreation(email="ADA@example.com", password=GOOD)
    words = await said(people.create(DEFAULT_ACCOUNT, twin), Conflict)
    assert words == "email is taken: there is a user ada@example.com"
    assert (await people.by_email("Ada@Example.com")).id == ada.id
    await said(people.by_email("\udcff"), NotFound)


async def test_an_account_begins_with_an_owner_and_must_be_there(people: Users) -> None:
    bob = UserCreation(email="bob@b.c", password=GOOD)
    words = await said(people.create(DEFAULT_ACCOUNT, bob), Invalid)
    assert words == "role must be owner: the account has no owner yet"
    assert await said(people.create("acc_none", bob), NotFound) == "no account acc_none"


async def test_the_last_owner_stays(people: Users, ada: User) -> None:
    words = "ada@example.com is the account's only owner; make another user an owner first"
    assert await said(people.change(DEFAULT_ACCOUNT, ada.id, UserChange(role="reader")), Conflict) == words
    assert await said(people.delete(DEFAULT_ACCOUNT, ada.id), Conflict) == words
    renamed = await people.change(DEFAULT_ACCOUNT, ada.id, UserChange(name="Ada", role="owner"))
    assert (renamed.name, renamed.role) == ("Ada", "owner")
    bob = await people.create(DEFAULT_ACCOUNT, UserCreation(email="bob@b.c", password=GOOD, role="owner"))
    both = [people.delete(DEFAULT_ACCOUNT, one.id) for one in (ada, bob)]
    ended = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(isinstance(one, Conflict) for one in ended) == [False, True]


async def test_a_role_changes_what_a_session_may_do_at_once(people: Users, ada: User) -> None:
    bob = await people.create(DEFAULT_ACCOUNT, UserCreation(email="bob@b.c", password=GOOD))
    token, signed = await signed_in(people, email="bob@b.c")
    assert signed.principal.may("write")
    await people.change(DEFAULT_ACCOUNT, bob.id, UserChange(role="reader"))
    held = await people.signed(token)
    assert held is not None
    assert not held.principal.may("write")
    await people.delete(DEFAULT_ACCOUNT, bob.id)
    assert await people.signed(token) is None


async def test_a_stranger_finds_nobody(people: Users, ada: User, db: Database) -> None:
    def unit(tx: sqlite3.Connection) -> None:
        tx.execute("INSERT INTO accounts (id, name, created_at) VALUES ('acc_2', 'other', 0)")

    await db.write(unit)
    await said(people.get("acc_2", ada.id), NotFound)
    await said(people.change("acc_2", ada.id, UserChange(name="x")), NotFound)
    await said(people.delete("acc_2", ada.id), NotFound)
    assert await people.page("acc_2") == ([], 0)
    assert await people.page(DEFAULT_ACCOUNT) == ([ada], 1)
