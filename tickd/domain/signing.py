"""Signatures: Standard Webhooks on what goes out, and the tokens that tickd makes itself."""

from __future__ import annotations

import base64
import hashlib
import hmac

from tickd import ids


def webhook_headers(secret: str, identifier: str, moment: int, body: bytes) -> tuple[tuple[str, str], ...]:
    """The three headers of Standard Webhooks 1.0 for `body` sent at `moment` (milliseconds).

    A secret that begins with `whsec_` is base64 behind it, as the specification has it; any other is
    used as its UTF-8 bytes.
    """
    key = secret.encode()
    if secret.startswith("whsec_"):
        key = base64.b64decode(secret.removeprefix("whsec_"))
    seconds = str(moment // 1000)
    signed = f"{identifier}.{seconds}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return (
        ("webhook-id", identifier),
        ("webhook-timestamp", seconds),
        ("webhook-signature", f"v1,{signature}"),
    )


def run_token(secret: bytes, row: int) -> str:
    """The credential of one execution: its id's letters and a MAC, so that nothing is stored for it."""
    letters = ids.row_id("exec", row).removeprefix("exec_")
    return letters + _mac(secret, letters)


def run_of(secret: bytes, token: str) -> int | None:
    """The execution's row that `token` is good for, or None."""
    letters, mac = token[:13], token[13:]
    row = ids.row_of("exec", f"exec_{letters}")
    if row is None or not hmac.compare_digest(mac.encode(), _mac(secret, letters).encode()):
        return None
    return row


def _mac(secret: bytes, letters: str) -> str:
    return hmac.digest(secret, b"run " + letters.encode(), hashlib.sha256)[:16].hex()
