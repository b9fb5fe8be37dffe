"""A local name server that answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import cast

import dns.flags
import dns.message
import dns.rrset

Answering = Callable[[dns.message.Message], dns.message.Message | None]


class _DnsServer(asyncio.DatagramProtocol):
    def __init__(self, answer: Answering, asked: list[tuple[str, str]]) -> None:
        self._answer = answer
        self._asked = asked
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        self._asked.append((question.name.to_text(omit_final_dot=True), question.rdtype.name))
        response = self._answer(query)
        if response is not None and self._transport is not None:
            response.flags |= dns.flags.RA
            self._transport.sendto(response.to_wire(), addr)


@dataclass
class ServedNames:
    """A name server that runs: its port on 127.0.0.1 and the (name, type) pairs it was asked for."""

    port: int
    asked: list[tuple[str, str]]


@contextlib.asynccontextmanager
async def naming(answer: Answering) -> AsyncIterator[ServedNames]:
    """Serve DNS over UDP; `answer` may give None to stay silent."""
    asked: list[tuple[str, str]] = []
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _DnsServer(answer, asked), local_addr=("127.0.0.1", 0)
    )
    try:
        yield ServedNames(transport.get_extra_info("sockname")[1], asked)
    finally:
        transport.close()


def with_addresses(query: dns.message.Message, *addresses: str, ttl: int = 60) -> dns.message.Message:
    """Answer a query with those of the addresses that are of the family it asks for."""
    response = dns.message.make_response(query)
    question = query.question[0]
    fitting = [one for one in addresses if (":" in one) == (question.rdtype.name == "AAAA")]
    if fitting:
        response.answer.append(dns.rrset.from_text(question.name, ttl, "IN", question.rdtype.name, *fitting))
    return response
