"""Seats: how many may listen at once, where each of them holds a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tickd.errors import TooMany

_WAIT_SECS = 30


class _Seat(NamedTuple):
    session: str
    is_gone: Callable[[], bool]


class Seats:
    """So many an account at most, and of these so many a session."""

    def __init__(self, *, account_most: int, session_most: int, sentence: str) -> None:
        self._account_most = account_most
        self._session_most = session_most
        self._sentence = sentence
        self._seats: dict[str, dict[object, _Seat]] = {}

    @property
    def held(self) -> int:
        """How many have a seat, those included that have gone without having been noticed."""
        return sum(map(len, self._seats.values()))

    @property
    def taken(self) -> int:
        """How many of them are still there."""
        return sum(not one.is_gone() for seats in self._seats.values() for one in seats.values())

    @contextmanager
    def seat(self, account_id: str, session: str, is_gone: Callable[[], bool]) -> Iterator[None]:
        """A place among those who listen; TooMany where the session or the account has no more of them.

        Whoever `is_gone` counts no more, though it is not noticed before the next that is to be told.
        """
        seats = self._seats.setdefault(account_id, {})
        taken = [one.session for one in seats.values() if not one.is_gone()]
        if taken.count(session) >= self._session_most or len(taken) >= self._account_most:
            raise TooMany(self._sentence, _WAIT_SECS)
        own = object()
        seats[own] = _Seat(session, is_gone)
        try:
            yield
        finally:
            del seats[own]
            if not seats:
                self._seats.pop(account_id, None)
