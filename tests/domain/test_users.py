"""Users: roles, passwords, and the life of a session."""

from __future__ import annotations

import pytest
from msgspec import structs

from tickd.domain import users
from tickd.domain.times import DAY, HOUR, MINUTE
from tickd.domain.users import IDLE, LONGEST, Role, UserChange, UserCreation
from tickd.errors import Forbidden, Invalid

NOON = 1_772_539_200_000
GOOD = "correct horse battery"


def made(**fields: object) -> users.User:
    said = {"email": "ada@example.com", "password": GOOD} | fields
    return users.create(UserCreation(**said), account_id="acc_1", now=NOON)  # type: ignore[arg-type]


def test_an_address_is_tidied_and_a_name_may_be_left_out() -> None:
    user = made(email="  Ada@Example.COM ", name=" Ada ")
    assert (user.email, user.name, user.label, user.role) == ("ada@example.com", "Ada", "Ada", "member")
    assert made().label == "ada@example.com"
    assert user.id.startswith("usr_")


@pytest.mark.parametrize(
    "email", ["", "ada", "a b@c.d", "a@b\x00.c", "a@b\nc", "\udcff@b.c", "a" * 400 + "@b.c"]
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(Invalid, match=r"^email .*is not an e-mail address"):
        made(email=email)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "password must have at least 10 characters"),
        ("123456789", "password must have at least 10 characters"),
        ("1234567890", None),
        ("ж" * 200, None),
        ("x" * 201, "password must have at most 200 characters"),
        ("ADA@example.com", "password must not be the e-mail address"),
        ("tab\tand\x00nul", None),
        ("\udcff" * 10, None),
    ],
)
def test_a_password_has_a_length_and_is_not_the_address(password: str, said: str | None) -> None:
    if said is None:
        made(password=password)
        assert users.secret_bytes(password)
    else:
        with pytest.raises(Invalid) as refused:
            made(password=password)
        assert refused.value.message == said


def test_one_password_typed_on_two_keyboards_is_the_same() -> None:
    assert users.secret_bytes("cafe\u0301") == users.secret_bytes("caf\u00e9")
    assert users.secret_bytes("Caf\u00e9") != users.secret_bytes("caf\u00e9")


@pytest.mark.parametrize("name", ["a\nb", "\x1b[0m", "x" * 201])
def test_a_name_is_printable_and_short(name: str) -> None:
    with pytest.raises(Invalid, match=r"^name must be at most 200 printable characters"):
        made(name=name)


def test_only_what_is_said_changes() -> None:
    user = made(name="Ada")
    assert users.change(user, UserChange()) == user
    assert users.change(user, UserChange(role="reader")) == structs.replace(user, role="reader")
    assert users.change(user, UserChange(name="")).label == "ada@example.com"
    with pytest.raises(Invalid, match=r"^role must be one of owner, member, reader"):
        users.change(user, UserChange(role="king"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        ("owner", {"read", "write", "heartbeat:write", "admin"}),
        ("member", {"read", "write", "heartbeat:write"}),
        ("reader", {"read"}),
    ],
)
def test_each_role_may_do_what_it_is_for(role: Role, scopes: set[str]) -> None:
    principal = users.principal(made(role=role))
    assert (principal.account_id, principal.key_id) == ("acc_1", None)
    assert principal.scopes == frozenset(scopes)
    if "admin" not in scopes:
        with pytest.raises(Forbidden):
            principal.require("admin")


@pytest.mark.parametrize("email", ["a" * 400, "\udcff@b.c", "a\x00@b.c", ""])
def test_nobody_is_looked_up_under_what_cant_be_an_address(email: str) -> None:
    assert users.known_as(email) == ""


def test_an_unused_session_ends_after_thirty_days_and_a_used_one_after_ninety() -> None:
    session = users.session("usr_1", now=NOON, source="::1", agent="curl")
    assert users.is_alive(session, NOON + IDLE - 1)
    assert not users.is_alive(session, NOON + IDLE)
    now = NOON
    while users.is_alive(session, now):
        session = users.touched(session, now)
        now += DAY
    assert now == NOON + LONGEST


def test_a_use_is_noted_once_a_minute() -> None:
    session = users.session("usr_1", now=NOON, source="", agent="")
    assert users.touched(session, NOON + MINUTE - 1) is session
    later = users.touched(session, NOON + MINUTE)
    assert (later.seen_at, later.expires_at) == (NOON + MINUTE, NOON + MINUTE + IDLE)


def test_a_session_of_a_clock_that_was_put_back_lives_no_longer_than_others() -> None:
    ahead = users.session("usr_1", now=NOON + 365 * DAY, source="", agent="")
    assert users.is_alive(ahead, NOON)
    back = users.touched(ahead, NOON)
    assert (back.created_at, back.seen_at, back.expires_at) == (NOON, NOON, NOON + IDLE)
    small = users.touched(users.session("usr_1", now=NOON, source="", agent=""), NOON - HOUR)
    assert small.expires_at == NOON - HOUR + IDLE


def test_what_a_browser_says_of_itself_can_be_stored_and_shown() -> None:
    session = users.session("usr_1", now=NOON, source="\udcff" * 200, agent="a\x1b[31m\udce4" + "x" * 999)
    assert session.user_agent.startswith("a\ufffd[31m\ufffdxxx")
    assert (len(session.user_agent), len(session.source_ip)) == (300, 100)
