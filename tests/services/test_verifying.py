"""One address verified against real name servers: who is asked, what for, and what is said of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import dns.message
import dns.rcode
import pytest

from tests.support.dns import ServedNames, naming, with_exchanges
from tickd import app, assembly
from tickd.clock import SystemClock
from tickd.config import Settings
from tickd.domain.verification import Verdict
from tickd.errors import Unavailable
from tickd.outbound.exchanges import Exchanges
from tickd.services.verifying import Verifier

RECORDS = {
    "x.example": ["10 mail.x.example."],
    "protomail.com": ["10 mail.protomail.com."],
    "mailinator.com": ["1 mail.mailinator.com."],
    "xn--bcher-kva.example": ["1 mail.example."],
    "nothing.example": [],
    "null.example": ["0 ."],
}


def _answer(query: dns.message.Message) -> dns.message.Message:
    domain = query.question[0].name.to_text(omit_final_dot=True)
    response = with_exchanges(query, *RECORDS.get(domain, []))
    if domain == "broken.example":
        response.set_rcode(dns.rcode.SERVFAIL)
    elif domain not in RECORDS:
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response


def _fail(query: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.SERVFAIL)
    return response


@pytest.fixture
async def names() -> AsyncIterator[ServedNames]:
    async with naming(_answer) as served:
        yield served


@pytest.mark.parametrize(
    ("email", "verdict"),
    [
        ("ann@x.example", Verdict(valid=True, mx_found=True)),
        ("Sales+eu@X.EXAMPLE", Verdict(valid=True, mx_found=True, role_based=True)),
        ('"a b"@x.example', Verdict(valid=True, mx_found=True)),
        ("ü@bücher.example", Verdict(valid=True, mx_found=True)),
        (
            "ann@müll.example",
            Verdict(valid=False, reason="there is no domain müll.example"),
        ),
        (
            "ann@nothing.example",
            Verdict(valid=False, reason="nothing.example has no MX record: it takes no mail"),
        ),
        (
            "ann@null.example",
            Verdict(valid=False, reason="null.example says that it takes no mail (null MX)"),
        ),
        (
            "noreply@gmail.con",
            Verdict(
                valid=False,
                role_based=True,
                reason="there is no domain gmail.con",
                suggestion="gmail.com",
            ),
        ),
        ("ann@protomail.com", Verdict(valid=True, mx_found=True, suggestion="protonmail.com")),
        (
            "ann@mailinator.com",
            Verdict(
                valid=False,
                mx_found=True,
                disposable=True,
                reason="mailinator.com is a domain of throw-away mailboxes",
            ),
        ),
    ],
)
async def test_an_address_gets_its_verdict(email: str, verdict: Verdict, names: ServedNames) -> None:
    assert await Verifier(Exchanges([names.server])).verdict(email) == verdict


async def test_what_can_t_be_asked_about_is_named_as_it_was_typed() -> None:
    async with naming(_fail) as served:
        with pytest.raises(Unavailable, match=r"asked about müll\.example "):
            await Verifier(Exchanges([served.server])).verdict("ann@müll.example")


async def test_a_hundred_addresses_are_looked_up_at_once() -> None:
    came: set[str] = set()
    opened = asyncio.Event()

    async def answer(query: dns.message.Message) -> dns.message.Message:
        came.add(str(query.question[0].name))
        if len(came) == 128:
            opened.set()
        await opened.wait()
        return with_exchanges(query, "10 mail.x.example.")

    async with naming(answer) as served:
        verifier = assembly.verifier(Settings(dns_server=(served.server,)), SystemClock())
        emails = [f"ann@{place}.example" for place in range(128)]
        assert all(verdict.valid for verdict in await asyncio.gather(*map(verifier.verdict, emails)))


@pytest.mark.parametrize(
    "email", ["", "ann", "ann@@x.example", "ann@x.example\r\nBcc: b@y.example", "a" * 10_000]
)
async def test_nobody_is_asked_about_a_mistake(email: str, names: ServedNames) -> None:
    verdict = await Verifier(Exchanges([names.server])).verdict(email)
    assert not verdict.valid and verdict.reason
    assert names.asked == []


async def test_the_domain_is_all_that_the_name_servers_hear(names: ServedNames) -> None:
    await Verifier(Exchanges([names.server])).verdict("ann.secret@x.example")
    assert names.asked == [("x.example", "MX")]


async def test_servers_that_prove_nothing_make_it_unavailable(names: ServedNames) -> None:
    verifier = Verifier(Exchanges([names.server]))
    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            await verifier.verdict("ann@broken.example")
        assert caught.value.message == (
            "the name servers could not be asked about broken.example (SERVFAIL): try again"
        )
        assert 1 <= caught.value.retry_after <= 10
    assert len(names.asked) == 1


async def test_the_operator_adds_domains_and_makes_exceptions(names: ServedNames) -> None:
    verifier = Verifier(Exchanges([names.server]), disposable=["x.example"], allowed=["mailinator.com"])
    assert (await verifier.verdict("ann@x.example")).disposable
    assert (await verifier.verdict("ann@mailinator.com")).valid


async def test_the_settings_reach_the_verifier(names: ServedNames) -> None:
    settings = Settings(
        dns_server=(names.server,), disposable_domain=("example",), allowed_domain=("x.example",)
    )
    async with app.verifying(settings) as verifier:
        assert (await verifier.verdict("ann@x.example")).valid
        assert (await verifier.verdict("ann@xn--bcher-kva.example")).disposable
        assert verifier.exchanges.asked == {"some": 2}
