"""Signatures: Standard Webhooks to the letter, and tokens that nobody can make up."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd import ids
from tickd.domain import signing

# The example of the Standard Webhooks specification and its reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
MOMENT = 1_614_265_330_999
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

rows = st.integers(min_value=1, max_value=(1 << 63) - 1)
keys = st.binary(min_size=32, max_size=32)


def test_the_specifications_example() -> None:
    assert signing.webhook_headers(SECRET, MESSAGE, MOMENT, BODY) == (
        ("webhook-id", MESSAGE),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", SIGNATURE),
    )


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=200), st.integers(0, 1 << 45))
def test_a_receiver_can_verify_it(key: bytes, body: bytes, moment: int) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = dict(signing.webhook_headers(secret, "exec_1", moment, body))
    signed = b".".join([b"exec_1", headers["webhook-timestamp"].encode(), body])
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert base64.b64decode(signature) == hmac.new(key, signed, hashlib.sha256).digest()


@pytest.mark.parametrize("secret", ["hunter2", "schlüssel", "WHSEC_MfKQ"])
def test_a_secret_without_the_prefix_is_its_own_bytes(secret: str) -> None:
    prefixed = "whsec_" + base64.b64encode(secret.encode()).decode()
    plain = signing.webhook_headers(secret, MESSAGE, MOMENT, BODY)
    assert plain == signing.webhook_headers(prefixed, MESSAGE, MOMENT, BODY)


def test_every_part_is_signed() -> None:
    calls = [
        (SECRET, MESSAGE, MOMENT, BODY),
        ("whsec_AAAA", MESSAGE, MOMENT, BODY),
        (SECRET, "msg_other", MOMENT, BODY),
        (SECRET, MESSAGE, MOMENT + 1000, BODY),
        (SECRET, MESSAGE, MOMENT, BODY + b" "),
    ]
    assert len({signing.webhook_headers(*call)[2] for call in calls}) == len(calls)


@given(keys, rows)
def test_a_token_leads_back_to_its_row(secret: bytes, row: int) -> None:
    token = signing.run_token(secret, row)
    assert signing.run_of(secret, token) == row
    assert token.isascii()
    assert token.isalnum()
    assert ids.row_id("exec", row) == f"exec_{token[:13]}"


@given(keys, keys, rows)
def test_a_token_is_of_one_daemon_alone(secret: bytes, other: bytes, row: int) -> None:
    found = signing.run_of(other, signing.run_token(secret, row))
    assert found == (row if secret == other else None)


@given(rows, st.integers(0, 44), st.sampled_from("0123456789abcdefz"))
def test_a_token_with_one_letter_changed_is_no_good(row: int, place: int, letter: str) -> None:
    secret = bytes(32)
    token = signing.run_token(secret, row)
    changed = token[:place] + letter + token[place + 1 :]
    assert signing.run_of(secret, changed) == (row if changed == token else None)


@given(st.text(max_size=60))
def test_made_up_tokens_are_no_good(token: str) -> None:
    assert signing.run_of(bytes(32), token) is None


def test_a_token_is_as_long_as_it_is() -> None:
    token = signing.run_token(bytes(32), 7)
    assert len(token) == 13 + 32
    for changed in (token[:-1], token + "0", token[1:], token.upper(), "", "0" * 13):
        assert signing.run_of(bytes(32), changed) is None
