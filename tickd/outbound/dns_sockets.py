"""The sockets of dnspython's queries: always closed, and no answer that would take long to be parsed."""

from __future__ import annotations

import asyncio
import struct
from typing import Any, Final

import dns.asyncbackend
import dns.exception

MOST_BYTES: Final = 4096
"""How many bytes an answer may have."""
MOST_WEIGHT: Final = 40_000
"""How heavy an answer may be: this takes some 12 ms to be parsed, while the event loop stands still."""
# What dnspython takes, in units of some 0.3 microseconds: so much for each record and each label of its
# owner, and for a name in its data the square of the labels. One of 126 takes 4 ms, and two bytes can point
# to it.
_RECORD: Final = 300
_LABEL: Final = 10
_MOST_LABELS: Final = 128
# Where in the data of a record names begin, by its type, and how many.
_NAMES: Final = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1), 33: (6, 1), 39: (0, 1), 46: (18, 1)}
_NAMES[47] = (0, 1)
# A, TXT, AAAA, OPT, DS, DNSKEY, NSEC3: they have none. What is not known may have the longest.
_NAMELESS: Final = frozenset((1, 16, 28, 41, 43, 48, 50))
_TRUNCATED: Final = 0x02


class TooLarge(dns.exception.FormError):
    """An answer has more than tickd parses."""

    msg = "its answer is too large"


class Sockets:
    """dnspython's own, but none is left open when a query is cancelled while its socket is being made.

    The library forgets such a socket. A loop of uvloop that has one can't be closed: it waits for ever.
    What is too heavy to be parsed raises `TooLarge` from a stream; a datagram is cut off, and marked so.
    """

    def __init__(self) -> None:
        self._own: Any = dns.asyncbackend.get_backend("asyncio")

    def name(self) -> str:
        """The backend's name."""
        return "asyncio"

    async def make_socket(self, *args: Any, **named: Any) -> Any:
        """Make a socket as dnspython does."""
        making = asyncio.get_running_loop().create_task(self._own.make_socket(*args, **named))
        try:
            return _Weighed(await asyncio.shield(making))
        except asyncio.CancelledError:
            making.add_done_callback(_close)
            raise

    def datagram_connection_required(self) -> bool:
        """Whether datagram sockets are connected."""
        return bool(self._own.datagram_connection_required())

    async def sleep(self, interval: float) -> None:
        """Sleep so many seconds."""
        await self._own.sleep(interval)

    async def wait_for(self, awaitable: Any, timeout: float | None) -> Any:  # noqa: ASYNC109 - dnspython's
        """Wait so many seconds at most."""
        return await self._own.wait_for(awaitable, timeout)


class _Weighed:
    """A socket of dnspython's that looks at what comes before it is parsed."""

    def __init__(self, own: Any) -> None:
        self._own = own
        self._came = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    async def __aenter__(self) -> _Weighed:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._own.close()

    async def recv(self, size: int, timeout: float | None) -> bytes:  # noqa: ASYNC109 - dnspython's
        # dnspython asks for two bytes that are the length, and then for all that is still to come.
        if size > MOST_BYTES:
            raise TooLarge
        came: bytes = await self._own.recv(size, timeout)
        self._came += came
        if len(came) == size and _light(self._came[2:]) < len(self._came) - 2:
            raise TooLarge
        return came

    async def recvfrom(self, size: int, timeout: float | None) -> tuple[bytes, Any]:  # noqa: ASYNC109
        came, sender = await self._own.recvfrom(size, timeout)
        light = _light(came[:MOST_BYTES])
        if light < len(came):
            came = came[:2] + bytes([came[2] | _TRUNCATED]) + came[3:light]
        return came, sender


def _light(wire: bytes) -> int:
    """How many bytes of a message may be parsed: all of them, unless its records get too heavy before."""
    if len(wire) < 12:
        return len(wire)
    questions, *records = struct.unpack_from("!HHHH", wire, 4)
    at, weight = 12, 0
    try:
        for place in range(questions + sum(records)):
            begins = at
            labels, at = _name(wire, at)
            weight += _RECORD + _LABEL * labels
            if place < questions:
                at += 4
            else:
                kind, length = struct.unpack_from("!H6xH", wire, at)
                at += 10
                weight += _data_weight(wire, at, kind)
                at += length
            if weight > MOST_WEIGHT:
                return begins
    except (IndexError, ValueError, struct.error):
        pass  # malformed or cut off: here dnspython stops too, and says so
    return len(wire)


def _data_weight(wire: bytes, at: int, kind: int) -> int:
    if kind in _NAMELESS:
        return 0
    if kind not in _NAMES:
        return _MOST_LABELS * _MOST_LABELS
    offset, count = _NAMES[kind]
    at += offset
    weight = 0
    for _ in range(count):
        labels, at = _name(wire, at)
        weight += labels * labels
    return weight


def _name(wire: bytes, at: int) -> tuple[int, int]:
    """Count the labels and the pointers of the name at `at`, and tell where it ends; ValueError for none."""
    labels, end, least = 0, 0, at
    while wire[at]:
        labels += 1
        if labels > _MOST_LABELS:
            raise ValueError("too long for a name")
        if wire[at] < 0xC0:
            at += wire[at] + 1
            continue
        end = end or at + 2
        at = (wire[at] & 0x3F) << 8 | wire[at + 1]
        if at >= least:
            raise ValueError("it points to what comes later")
        least = at
    return labels, end or at + 1


def _close(making: asyncio.Task[Any]) -> None:
    if not making.cancelled() and making.exception() is None:
        asyncio.get_running_loop().create_task(making.result().close())
