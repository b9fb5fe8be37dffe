"""Verification of e-mail addresses: what an address is, as far as its text and its domain's records tell."""

from __future__ import annotations

from typing import Literal

import idna
from msgspec import Struct

from tickd.domain.addresses import Address, Mistake
from tickd.domain.disposable import Disposable
from tickd.domain.mailboxes import is_role
from tickd.domain.providers import meant

Exchange = Literal["some", "none", "null", "no_domain"]
"""What a domain's MX records say: mail is taken, there are none, none is taken (RFC 7505), no such domain."""

BATCH_MOST = 1_000
"""How many addresses a batch has at most."""
SHOWN_MOST = 320
"""How many characters are kept of what was given as an address."""


class Verdict(Struct, frozen=True, kw_only=True):
    """What was found out about an address.

    `valid` is: its syntax is right, its domain takes mail, and is not disposable. `reason` names the first
    thing that is wrong, or is empty. `suggestion` is the domain that was probably meant, or empty.
    """

    valid: bool
    mx_found: bool = False
    disposable: bool = False
    role_based: bool = False
    reason: str = ""
    suggestion: str = ""


class Verification(Struct, frozen=True, kw_only=True):
    """An address that was verified, as the history keeps it; `row` is 0 until it is stored.

    `batch` and `position` (from 0 on) say where it stood, when it came in a batch.
    """

    row: int
    id: str
    account_id: str
    email: str
    valid: bool
    mx_found: bool
    disposable: bool
    role_based: bool
    reason: str
    suggestion: str
    created_at: int
    batch: int | None = None
    position: int | None = None


class Unknown(Struct, frozen=True):
    """An address of a batch that nothing could be found out about: its place, and why."""

    position: int
    email: str
    error: str


class Batch(Struct, frozen=True, kw_only=True):
    """A batch of addresses: how many, how many are done, and how they came out.

    `done` is `valid` + `invalid` + `unknown`: how many came out so, whatever of it was deleted since.
    `tried` is how many were looked at once at least: those that are done, and those to be looked at again.
    """

    row: int
    id: str
    account_id: str
    total: int
    created_at: int
    finished_at: int | None
    valid: int = 0
    invalid: int = 0
    unknown: int = 0
    tried: int = 0

    @property
    def done(self) -> int:
        """How many addresses have been looked at."""
        return self.valid + self.invalid + self.unknown


def judge(address: Address | Mistake, exchange: Exchange, disposable: Disposable) -> Verdict:
    """Decide what an address is worth; `exchange` is that of its domain, and of no account for a mistake."""
    if isinstance(address, Mistake):
        return Verdict(valid=False, reason=address.reason)
    mx_found = exchange == "some"
    is_disposable = disposable.has(address.domain)
    return Verdict(
        valid=mx_found and not is_disposable,
        mx_found=mx_found,
        disposable=is_disposable,
        role_based=is_role(address.local),
        reason=_reason(address.typed, exchange, is_disposable),
        suggestion=meant(address.typed),
    )


def _reason(domain: str, exchange: Exchange, disposable: bool) -> str:
    if exchange == "no_domain":
        return f"there is no domain {domain}"
    if exchange == "none":
        return f"{domain} has no MX record: it takes no mail"
    if exchange == "null":
        return f"{domain} says that it takes no mail (null MX)"
    return f"{domain} is a domain of throw-away mailboxes" if disposable else ""


def shown(email: str) -> str:
    """What is kept of a text that was given as an address: cut where it is too long, and valid Unicode."""
    # A lone surrogate can be in a text, but neither in the database nor in an answer.
    text = email[: SHOWN_MOST + 1].encode("utf-8", "replace").decode()
    return text if len(text) <= SHOWN_MOST else text[: SHOWN_MOST - 1] + "…"


def made(
    verdict: Verdict,
    *,
    identifier: str,
    account_id: str,
    email: str,
    now: int,
    batch: int | None = None,
    position: int | None = None,
) -> Verification:
    """The entry of the history that a verdict becomes, not stored yet."""
    return Verification(
        row=0,
        id=identifier,
        account_id=account_id,
        email=shown(email),
        valid=verdict.valid,
        mx_found=verdict.mx_found,
        disposable=verdict.disposable,
        role_based=verdict.role_based,
        reason=verdict.reason,
        suggestion=verdict.suggestion,
        created_at=now,
        batch=batch,
        position=position,
    )


def known_as(email: str) -> str:
    """What an address is compared by: the same in whatever case, and in either alphabet of its domain."""
    # Not casefold(): it takes ß for ss, and those may be two people.
    local, at, domain = shown(email).lower().rpartition("@")
    if not domain.isascii() or "xn--" in domain:
        try:
            domain = idna.encode(domain, uts46=True, std3_rules=False, transitional=False).decode()
        except UnicodeError:  # IDNAError is one
            return f"{local}{at}{domain}"
    return f"{local}{at}{domain}"


def is_same(kept: str, email: str) -> bool:
    """Whether an address of the history is `email`."""
    return known_as(kept) == known_as(email)


def is_meant(one: Unknown, email: str | None) -> bool:
    """Whether an entry is to be blanked when `email`, or everything, is deleted; not a second time."""
    return one.email != "" and (email is None or is_same(one.email, email))


def blanked(one: Unknown) -> Unknown:
    """What is left of an entry whose address was deleted: that it had a place."""
    return Unknown(one.position, "", "deleted from the history")
