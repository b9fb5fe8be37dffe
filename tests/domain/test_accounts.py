"""Keys and scopes: what is stored of a key, and what it may do."""

from __future__ import annotations

import base64
import hashlib
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd import ids
from tickd.domain import accounts
from tickd.domain.accounts import ApiKey, KeyRequest, Principal, Scope
from tickd.errors import Forbidden, Invalid

SCOPES: tuple[Scope, ...] = get_args(Scope)


def key(*scopes: Scope, name: str = "laptop", text: str = "tk_" + "0" * 40) -> ApiKey:
    request = KeyRequest(name=name, scopes=list(scopes) or ["read"])
    return accounts.make_key(request, text, account_id="acc_1", now=5)


def test_a_new_key_is_long_and_random() -> None:
    made = {accounts.new_key() for _ in range(100)}
    assert len(made) == 100
    for one in made:
        assert one.startswith("tk_")
        assert len(one) == 43
        assert set(one[3:]) <= set(ids.ALPHABET)


def test_what_is_stored_is_the_hash() -> None:
    text = accounts.new_key()
    stored = key(text=text)
    assert stored.hash == hashlib.sha256(text.encode()).digest()
    assert stored.start == text[:8]
    assert (stored.account_id, stored.created_at) == ("acc_1", 5)
    assert (stored.last_used_at, stored.revoked_at) == (None, None)
    assert stored.id.startswith("key_")
    assert text not in repr(stored)


def test_a_new_account_signs_its_webhooks_with_a_secret_of_its_own() -> None:
    one, other = (accounts.create("team", now=5) for _ in range(2))
    assert one.webhook_secret != other.webhook_secret
    assert len(base64.b64decode(one.webhook_secret.removeprefix("whsec_"), validate=True)) >= 24


@pytest.mark.parametrize(
    ("text", "start"), [("", ""), ("abc", ""), ("hunter2", "h"), ("x" * 31, "x" * 7), ("x" * 32, "x" * 8)]
)
def test_no_more_than_a_quarter_of_a_key_is_shown(text: str, start: str) -> None:
    assert key(text=text).start == start


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_key_matches_itself_alone(one: str, other: str) -> None:
    stored = key(text=one)
    assert stored.matches(one)
    assert stored.matches(other) == (one == other)


def test_a_key_of_lone_surrogates_has_a_digest() -> None:
    assert accounts.digest("\udcff") != accounts.digest("\udcfe")


def test_scopes_are_kept_once_and_in_order() -> None:
    assert key("write", "read", "write").scopes == ["write", "read"]


def test_a_request_reads_and_writes_unless_it_says_otherwise() -> None:
    first, second = KeyRequest(name="a"), KeyRequest(name="b")
    assert first.scopes == second.scopes == ["read", "write"]
    first.scopes.append("admin")
    assert second.scopes == ["read", "write"]


@pytest.mark.parametrize("name", ["  laptop ", "laptop"])
def test_names_are_stripped(name: str) -> None:
    assert key(name=name).name == "laptop"


@pytest.mark.parametrize("name", [" ", "a\nb", "a\0", "\u202e", "\t"])
def test_names_are_printable(name: str) -> None:
    with pytest.raises(Invalid, match=r"^name must be 1 to 100 printable characters$"):
        key(name=name)


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        (("read",), {"read"}),
        (("write",), {"read", "write", "heartbeat:write"}),
        (("heartbeat:write",), {"heartbeat:write"}),
        (("admin",), {"read", "write", "heartbeat:write", "admin"}),
        (("read", "heartbeat:write"), {"read", "heartbeat:write"}),
        (("write", "heartbeat:write"), {"read", "write", "heartbeat:write"}),
    ],
    ids=lambda value: "-".join(sorted(value)),
)
def test_what_a_key_may_do(scopes: tuple[Scope, ...], may: set[str]) -> None:
    stored = key(*scopes)
    who = accounts.principal(stored)
    assert (who.account_id, who.key_id) == ("acc_1", stored.id)
    assert {scope for scope in SCOPES if who.may(scope)} == may
    for scope in SCOPES:
        if scope in may:
            who.require(scope)
        else:
            with pytest.raises(Forbidden, match=f"^this key lacks the scope {scope}$"):
                who.require(scope)


def test_a_credential_that_is_no_key_has_no_key_id() -> None:
    assert Principal("acc_1", frozenset()).key_id is None
