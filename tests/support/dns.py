"""A local name server that answers as it is told, over UDP and TCP on one port."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import cast

import dns.flags
import dns.message
import dns.rrset

Said = dns.message.Message | bytes | None
Answering = Callable[[dns.message.Message], Said | Awaitable[Said]]

PLAIN_BYTES = 512
"""What fits into a datagram where the query asks for no more; a longer answer is sent truncated."""


@dataclass
class ServedNames:
    """A name server that runs: its port on 127.0.0.1 and the (name, type) pairs it was asked for.

    `over` says for each of them how it was asked: "udp" or "tcp".
    """

    port: int
    asked: list[tuple[str, str]] = field(default_factory=list)
    over: list[str] = field(default_factory=list)

    @property
    def server(self) -> tuple[str, int]:
        """Where it is, as a resolver wants to be told."""
        return "127.0.0.1", self.port


class _Answerer:
    """Asks the test what to say, and notes what was asked."""

    def __init__(self, answer: Answering, served: ServedNames) -> None:
        self._answer = answer
        self._served = served

    async def wire(self, data: bytes, over: str) -> bytes | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        self._served.asked.append((question.name.to_text(omit_final_dot=True), question.rdtype.name))
        self._served.over.append(over)
        given = self._answer(query)
        response = await given if isawaitable(given) else given
        if not isinstance(response, dns.message.Message):
            return response
        response.flags |= dns.flags.RA
        fits = 65_535 if over == "tcp" else max(query.payload, PLAIN_BYTES)
        return response.to_wire(max_size=fits, prefer_truncation=True)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answerer: _Answerer, tasks: set[asyncio.Task[None]]) -> None:
        self._answerer = answerer
        self._tasks = tasks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.get_running_loop().create_task(self._reply(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, data: bytes, addr: tuple[str, int]) -> None:
        wire = await self._answerer.wire(data, "udp")
        if wire is not None:
            self._transport.sendto(wire, addr)


@contextlib.asynccontextmanager
async def naming(answer: Answering) -> AsyncIterator[ServedNames]:
    """Serve DNS; `answer` may give bytes to be sent as they are, None for silence, or something to await."""
    tasks: set[asyncio.Task[None]] = set()
    served = ServedNames(0)
    answerer = _Answerer(answer, served)

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                wire = await answerer.wire(await reader.readexactly(length), "tcp")
                if wire is not None:
                    writer.write(struct.pack("!H", len(wire)) + wire)
        writer.close()

    server, transport = await _bound(stream, lambda: _Datagrams(answerer, tasks))
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        transport.close()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _bound(
    stream: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    datagrams: Callable[[], asyncio.DatagramProtocol],
) -> tuple[asyncio.Server, asyncio.DatagramTransport]:
    """Bind both to one port: the system gives the first, and the second may be somebody else's."""
    loop = asyncio.get_running_loop()
    for _ in range(20):
        server = await asyncio.start_server(stream, "127.0.0.1", 0)
        try:
            transport, _ = await loop.create_datagram_endpoint(
                datagrams, local_addr=("127.0.0.1", server.sockets[0].getsockname()[1])
            )
        except OSError:
            server.close()
        else:
            return server, transport
    raise RuntimeError("no port is free for both UDP and TCP")


def with_addresses(query: dns.message.Message, *addresses: str, ttl: int = 60) -> dns.message.Message:
    """Answer a query with those of the addresses that are of the family it asks for."""
    response = dns.message.make_response(query)
    question = query.question[0]
    fitting = [one for one in addresses if (":" in one) == (question.rdtype.name == "AAAA")]
    if fitting:
        response.answer.append(dns.rrset.from_text(question.name, ttl, "IN", question.rdtype.name, *fitting))
    return response


def with_exchanges(query: dns.message.Message, *exchanges: str, ttl: int = 60) -> dns.message.Message:
    """Answer a query for MX records with these ("10 mail.example."), or with a start of authority alone.

    `ttl` is that of the records, or for how long it is true that there are none.
    """
    response = dns.message.make_response(query)
    question = query.question[0]
    if exchanges and question.rdtype.name == "MX":
        response.answer.append(dns.rrset.from_text(question.name, ttl, "IN", "MX", *exchanges))
    else:
        start = f"ns.example. hostmaster.example. 1 7200 900 1209600 {ttl}"
        response.authority.append(dns.rrset.from_text("example.", 3600, "IN", "SOA", start))
    return response
