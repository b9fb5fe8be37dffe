"""Verification of e-mail addresses: what an address is, as far as its text and its domain's records tell."""

from __future__ import annotations

from msgspec import Struct

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

    `done` is `valid` + `invalid` + the number of `unknown`.
    """

    row: int
    id: str
    account_id: str
    total: int
    created_at: int
    finished_at: int | None
    valid: int = 0
    invalid: int = 0
    unknown: list[Unknown] = []

    @property
    def done(self) -> int:
        """How many addresses have been looked at."""
        return self.valid + self.invalid + len(self.unknown)
