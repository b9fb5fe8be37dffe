"""Reachability: the daemon's own address, its mail server and their names, as doctor sees them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tickd.clock import Clock
from tickd.domain.diagnosis import INSTANCE, Finding, error, instance_of, ok, warning
from tickd.outbound.dns import LookupFailed, Resolver, is_literal
from tickd.outbound.email import Mailer, server_of
from tickd.outbound.guard import Guard
from tickd.outbound.http import Failure, HttpClient, Request
from tickd.outbound.undelivered import Undelivered

WAIT_SECS = 5.0
"""How long an address gets to answer."""
SLOW_SECS = 1.0
"""A look-up that takes longer is slow."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the daemon listens, what others call it, and whom it asks."""

    local: str
    base_url: str
    dns_server: tuple[tuple[str, int], ...]
    smtp_url: str
    mail_from: str


async def findings(
    addresses: Addresses, holder: int | None, secret: bytes, clock: Clock
) -> AsyncIterator[Finding]:
    """Names, mail server, local address and base URL."""
    with contextlib.closing(Resolver(addresses.dns_server)) as resolver:
        async for finding in _names(addresses, resolver, clock):
            yield finding
        yield await _mail(addresses)
        http = HttpClient(resolver, Guard(), user_agent="tickd-doctor", clock=clock)
        asking = _Asking(http, instance_of(secret))
        if holder is not None:
            yield await asking.readiness(addresses.local)
        yield await asking.base_url(addresses.base_url, holder is not None)


async def _names(addresses: Addresses, resolver: Resolver, clock: Clock) -> AsyncIterator[Finding]:
    hosts = {}
    if addresses.base_url:
        hosts[urlsplit(addresses.base_url).hostname or ""] = "base_url"
    if addresses.smtp_url:
        hosts[server_of(addresses.smtp_url).host] = "smtp_url"
    named = {host: setting for host, setting in hosts.items() if not is_literal(host)}
    whom = "the name servers of dns_server" if addresses.dns_server else "the system's name servers"
    if not named:
        yield ok("dns", f"no name to look up; {whom} are asked")
    for host, setting in named.items():
        begun = clock.monotonic()
        try:
            found = await resolver.resolve_afresh(host)
        except LookupFailed as fault:
            yield error("dns", f"{setting}: {fault.sentence}", f"check the name, and whether {whom} answer")
            continue
        took = clock.monotonic() - begun
        message = f"{host} is {found[0]}"
        if took > SLOW_SECS:
            yield warning("dns", f"{message}, but that took {took:.1f} s", f"see whether {whom} all answer")
        else:
            yield ok("dns", message)


async def _mail(addresses: Addresses) -> Finding:
    if not addresses.smtp_url:
        return ok("smtp", "no mail server is set: channels of the kind email can't be used")
    mailer = Mailer(
        addresses.smtp_url, addresses.mail_from, lambda: addresses.base_url, timeout_secs=2 * WAIT_SECS
    )
    try:
        place = await mailer.knock()
    except Undelivered as fault:
        return error("smtp", str(fault), "check smtp_url: scheme, host, port, user name and password")
    logged_in = " and lets us in" if server_of(addresses.smtp_url).username is not None else ""
    return ok("smtp", f"{place} answers{logged_in}; nothing was sent")


class _Asking:
    def __init__(self, http: HttpClient, instance: str) -> None:
        self._http = http
        self._instance = instance

    async def readiness(self, local: str) -> Finding:
        """Whether the daemon answers where it listens, and does its work."""
        try:
            answer = await self._http.send(Request("GET", f"{local}/readyz", timeout_secs=WAIT_SECS))
        except Failure as fault:
            advice = "give doctor the settings of the daemon, --listen above all; or restart the daemon"
            return error("readiness", f"nothing answers at {local}: {fault}", advice)
        faults = _decoded(answer.body).get("faults")
        if answer.status == 200 and faults == []:
            return ok("readiness", f"{local} is ready")
        if isinstance(faults, list) and faults:
            return error("readiness", "; ".join(map(str, faults)), "see the daemon's log")
        advice = "give doctor the settings of the daemon, --listen above all"
        return error("readiness", f"something else than tickd answers at {local}", advice)

    async def base_url(self, base_url: str, is_running: bool) -> Finding:
        """Whether the address that others call leads to this daemon."""
        check = "base_url"
        if not base_url:
            message = "it is not set: links in alerts and ping URLs lead to this machine alone"
            return warning(check, message, "set base_url to the address that others reach tickd at")
        advice = "check the reverse proxy, the name and the certificate of base_url"
        try:
            answer = await self._http.send(Request("GET", f"{base_url}/healthz", timeout_secs=WAIT_SECS))
        except Failure as fault:
            words = f"{base_url} can't be reached from here: {fault}"
            return error(check, words, advice) if is_running else warning(check, words, "start the daemon")
        if answer.status != 200 or _decoded(answer.body).get("status") != "ok":
            return error(check, f"{base_url}/healthz answers {answer.status}, and not as tickd does", advice)
        if answer.header(INSTANCE) not in (None, self._instance):
            return error(check, f"{base_url} leads to another tickd", "let base_url lead to this daemon")
        return ok(check, f"{base_url} leads here")


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
