"""A local name server that knows which domains take mail."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Collection, Iterator

import dns.message
import dns.rcode
import dns.rrset

from tests.support.dns import ServedNames, naming

TAKING = ("gmail.com", "tickd.dev", "mailinator.com")
"""Domains that take mail; the last one is disposable."""


@contextlib.asynccontextmanager
async def mail_domains(
    taking: Collection[str] = TAKING, *, failing: Collection[str] = (), silent: Collection[str] = ()
) -> AsyncIterator[ServedNames]:
    """Serve MX records of the domains in `taking`; no other one exists.

    Those `failing` get SERVFAIL, and those `silent` no answer at all.
    """

    def answer(query: dns.message.Message) -> dns.message.Message | None:
        name = query.question[0].name
        domain = name.to_text(omit_final_dot=True).lower()
        if domain in silent:
            return None
        response = dns.message.make_response(query)
        if domain in failing:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif domain not in taking:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif query.question[0].rdtype.name == "MX":
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "MX", f"10 mx.{domain}."))
        return response

    async with naming(answer) as served:
        yield served


@contextlib.contextmanager
def mail_domains_apart(
    taking: Collection[str] = TAKING, *, failing: Collection[str] = (), silent: Collection[str] = ()
) -> Iterator[ServedNames]:
    """The same on a thread of its own, for a command that has its own event loop."""
    ready, end = threading.Event(), asyncio.Event()
    found: list[ServedNames] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with mail_domains(taking, failing=failing, silent=silent) as names:
            found.append(names)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield found[0]
    finally:
        loops[0].call_soon_threadsafe(end.set)
        thread.join(10)
