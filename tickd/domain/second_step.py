"""The second step of a sign-in: codes that change with the time (RFC 6238), and recovery codes."""

from __future__ import annotations

import hashlib
import hmac
import re

import pyotp

from tickd import ids
from tickd.domain import times

STEP = 30 * times.SECOND
"""How long an authenticator shows one code."""
TOLERANCE = 1
"""Steps that an authenticator's clock may be ahead or behind."""
ISSUER = "tickd"
RECOVERY_CODES = 10
"""How many recovery codes one gets, each good once."""

_SECRET = re.compile(r"[A-Z2-7]{32}")
_CODE = re.compile(r"[0-9]{6}")
_GROUPS = (4, 4, 4)
_MISREAD = str.maketrans("oil", "011")


def new_secret() -> str:
    """A new secret for an authenticator: 32 letters of base 32 (160 bits)."""
    return pyotp.random_base32()


def is_secret(text: str) -> bool:
    """Whether `text` can be one of `new_secret`'s."""
    return _SECRET.fullmatch(text) is not None


def uri(secret: str, email: str) -> str:
    """The address that an authenticator reads out of the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def is_code(text: str) -> bool:
    """Whether `text` looks like an authenticator's code rather than a recovery code."""
    return _CODE.fullmatch(_tidy(text)) is not None


def accepted(secret: str, text: str, *, now: int, last: int) -> int | None:
    """The step whose code `text` is, or None where it is none that may be used now.

    `last` is the step that was accepted last: it and those before it are used up. One that lies further
    ahead than any could be was accepted before the clock was put back, and only itself counts as used.
    """
    code = _tidy(text)
    current = now // STEP
    if not _CODE.fullmatch(code):
        return None
    is_ahead = last > current + TOLERANCE
    codes = pyotp.TOTP(secret)
    for step in range(max(0, current - TOLERANCE), current + TOLERANCE + 1):
        is_used = step == last if is_ahead else step <= last
        if not is_used and hmac.compare_digest(codes.generate_otp(step), code):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Ten new recovery codes such as `k2v9-x0c4-m7q1` (60 bits each)."""
    return ["-".join(ids.secret(letters) for letters in _GROUPS) for _ in range(RECOVERY_CODES)]


def recovery_digest(user_id: str, text: str) -> bytes:
    """What is stored of a recovery code: space, case, hyphens and misread letters don't count."""
    code = _tidy(text).lower().translate(_MISREAD)
    return hashlib.sha256(f"{user_id}:{code}".encode("utf-8", "surrogatepass")).digest()


def _tidy(text: str) -> str:
    return re.sub(r"[\s-]", "", text[:100])
