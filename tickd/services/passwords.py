"""Passwords: hashes and verifies them with Argon2id, in a thread, one at a time."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from tickd.domain import users as rules
from tickd.errors import Unavailable
from tickd.services.attempts import neighbours

T = TypeVar("T")

WAITING_MOST = 64
"""Passwords that wait for their turn; each takes some 25 ms of one processor."""
NEIGHBOURS_MOST = 8
"""How many of them come from one network, so that others find room."""

# OWASP's second choice: 19 MiB is what a machine with 512 MB can give, and one at a time is all it gives.
_TIME, _MEMORY_KIB, _LANES = 2, 19 * 1024, 1


def _encoded(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


class Passwords:
    """The hasher; all of it holds one password's memory."""

    def __init__(self, *, memory_kib: int = _MEMORY_KIB) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=_TIME, memory_cost=memory_kib, parallelism=_LANES)
        parameters = f"$argon2id$v=19$m={memory_kib},t={_TIME},p={_LANES}"
        # The hash of no password: whoever asks with an unknown address waits as long as with a wrong one.
        self._nobodys = f"{parameters}${_encoded(b'nobody has this!')}${_encoded(bytes(32))}"
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._neighbours: Counter[str] = Counter()

    async def hash(self, password: str) -> str:
        """What is stored of a password; Unavailable when too many others wait."""
        return await self._in_turn(lambda: self._hasher.hash(rules.secret_bytes(password)))

    async def is_right(self, password: str, stored: str | None, source: str = "") -> bool:
        """Whether `stored` (None: nobody's) is of this password; Unavailable when too many others wait.

        It takes the same time whatever is wrong. `source` is the address of a stranger who asks.
        """
        too_long = len(password) > rules.PASSWORD_MOST
        secret = rules.secret_bytes("" if too_long else password)
        with self._among(neighbours(source)):
            right = await self._in_turn(lambda: self._verify(stored or self._nobodys, secret))
        return right and stored is not None and not too_long

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str, secret: bytes) -> bool:
        try:
            return self._hasher.verify(stored, secret)
        except (VerificationError, InvalidHashError):
            return False

    @contextmanager
    def _among(self, network: str) -> Iterator[None]:
        """A place in the queue for one of that network; somebody who is known already has none."""
        if network and self._neighbours[network] >= NEIGHBOURS_MOST:
            raise Unavailable("too many people sign in at once from your network")
        self._neighbours[network] += 1
        try:
            yield
        finally:
            self._neighbours[network] -= 1
            if not self._neighbours[network]:
                del self._neighbours[network]

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_MOST:
            raise Unavailable("too many people sign in at once")
        self._waiting += 1
        try:
            # Shielded: a caller that goes away must not let the next one in while the thread still works.
            return await asyncio.shield(asyncio.ensure_future(self._alone(work)))
        finally:
            self._waiting -= 1

    async def _alone(self, work: Callable[[], T]) -> T:
        async with self._turn:
            # A thread of its own, that ends with the work: sign-ins are rare, and nobody has to stop it.
            thread = ThreadPoolExecutor(1, thread_name_prefix="tickd-password")
            try:
                return await asyncio.get_running_loop().run_in_executor(thread, work)
            finally:
                thread.shutdown(wait=False)
