"""The second step: codes by the clock, against the RFC's vectors, and codes for when it is lost."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from tickd.domain import second_step
from tickd.domain.second_step import STEP

SECRET = base64.b32encode(b"12345678901234567890").decode()
"""The key of RFC 6238's appendix B."""


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    assert second_step.accepted(SECRET, code, now=seconds * 1000, last=0) == seconds // 30


def code_of(step: int) -> str:
    return pyotp.TOTP(SECRET).generate_otp(step)


def test_a_clock_may_be_one_step_off_either_way_and_no_more() -> None:
    now = 1000 * STEP + 7
    taken = [second_step.accepted(SECRET, code_of(step), now=now, last=0) for step in range(997, 1004)]
    assert taken == [None, None, 999, 1000, 1001, None, None]


def test_a_step_is_accepted_once_and_those_before_it_no_more() -> None:
    now = 1000 * STEP
    assert second_step.accepted(SECRET, code_of(1000), now=now, last=1000) is None
    assert second_step.accepted(SECRET, code_of(999), now=now, last=1000) is None
    assert second_step.accepted(SECRET, code_of(1001), now=now, last=1000) == 1001


def test_a_clock_that_was_put_back_locks_nobody_out() -> None:
    now = 1000 * STEP
    assert second_step.accepted(SECRET, code_of(1000), now=now, last=5000) == 1000
    assert second_step.accepted(SECRET, code_of(1000), now=now, last=1000) is None


@pytest.mark.parametrize("text", ["287 082", " 287082\n", "287-082"])
def test_space_in_a_code_does_not_count(text: str) -> None:
    assert second_step.accepted(SECRET, text, now=59_000, last=0) == 1


@pytest.mark.parametrize(
    "text", ["", "28708", "2870822", "abcdef", "٢٨٧٠٨٢", "28708\x00", "\udcff" * 6, "1" * 100_000]
)
@pytest.mark.parametrize("now", [-1, 0, 59_000])
def test_what_is_no_code_is_only_wrong(text: str, now: int) -> None:
    assert second_step.accepted(SECRET, text, now=now, last=0) is None
    assert len(second_step.recovery_digest("usr_1", text)) == 32


def test_a_secret_is_one_that_authenticators_take() -> None:
    secret = second_step.new_secret()
    assert second_step.is_secret(secret)
    assert not second_step.is_secret("")
    assert not second_step.is_secret(secret + "=")
    assert not second_step.is_secret(secret[:-1] + "1")
    address = urlsplit(second_step.uri(secret, "ada+x@example.com"))
    assert (address.scheme, address.netloc, address.path) == (
        "otpauth",
        "totp",
        "/tickd:ada%2Bx%40example.com",
    )
    assert parse_qs(address.query) == {"secret": [secret], "issuer": ["tickd"]}


def test_a_recovery_code_may_be_misread_but_is_one_users_alone() -> None:
    codes = second_step.new_recovery_codes()
    assert len(set(codes)) == 10
    known = second_step.recovery_digest("usr_1", "0123-1bcd-efgh")
    for typed in ("0123-1bcd-efgh", "O123 IBCD EFGH", " o1231bcdefgh", "ol23-lbcd-efgh"):
        assert second_step.recovery_digest("usr_1", typed) == known
    assert second_step.recovery_digest("usr_2", "0123-1bcd-efgh") != known
    assert not any(second_step.is_code(code) for code in codes)
    assert second_step.is_code("287 082")
