"""MX records asked of a local name server: what is there, what is proven, what is remembered and how long."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.support.clock import FakeClock
from tests.support.dns import ServedNames, naming, with_exchanges
from tests.support.servers import both_loops, our_loop
from tickd.domain.verification import Exchange
from tickd.outbound.dns import LookupFailed, LookupKind
from tickd.outbound.exchanges import (
    FAILURE_SECS,
    LOOK_SECS,
    MAX_NEGATIVE_SECS,
    MAX_TTL_SECS,
    PAYLOAD_BYTES,
    Exchanges,
)

Message = dns.message.Message
Answer = Callable[[Message], Message | bytes | None]
DOMAIN = "x.example"
NOBODY: tuple[LookupKind, ...] = ("server", "timeout")
"""How it shows that nobody listens: uvloop does not tell that a datagram was refused."""


@asynccontextmanager
async def asked(answer: Answer, *, limit_secs: float = 3.0) -> AsyncIterator[tuple[Exchanges, ServedNames]]:
    async with naming(answer) as served:
        yield Exchanges([served.server], limit_secs=limit_secs, clock=FakeClock(0)), served


async def failing(
    exchanges: Exchanges, kinds: LookupKind | tuple[LookupKind, ...], *words: str, domain: str = DOMAIN
) -> None:
    with pytest.raises(LookupFailed) as caught:
        await exchanges.found(domain)
    assert caught.value.kind in ((kinds,) if isinstance(kinds, str) else kinds), caught.value.sentence
    assert all(word in caught.value.sentence for word in words), caught.value.sentence


def some(query: Message) -> Message:
    return with_exchanges(query, "10 mail.x.example.")


def with_rcode(query: Message, rcode: dns.rcode.Rcode) -> Message:
    response = with_exchanges(query)
    response.set_rcode(rcode)
    return response


def refusing(query: Message) -> Message:
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.REFUSED)
    return response


def servfail(query: Message) -> Message:
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.SERVFAIL)
    return response


def alias(query: Message, name: str, target: str, response: Message | None = None) -> Message:
    response = response or dns.message.make_response(query)
    response.answer.insert(0, dns.rrset.from_text(name, 60, "IN", "CNAME", target))
    return response


@pytest.mark.parametrize(
    ("records", "exchange"),
    [
        (["10 mail.x.example."], "some"),
        (["10 a.x.example.", "20 b.x.example.", "20 c.other.example."], "some"),
        (["0 mail.x.example."], "some"),
        (["0 ."], "null"),
        (["0 .", "10 mail.x.example."], "some"),
        ([], "none"),
    ],
    ids=["one", "several", "preference 0", "null", "null beside a real one", "none"],
)
@both_loops
async def test_the_records_of_a_domain_are_told_apart(records: list[str], exchange: Exchange) -> None:
    async with asked(lambda query: with_exchanges(query, *records)) as (exchanges, served):
        assert await exchanges.found(DOMAIN) == exchange
        assert served.asked == [(DOMAIN, "MX")]


@our_loop
async def test_an_address_record_alone_is_no_exchange() -> None:
    def answer(query: Message) -> Message:
        response = with_exchanges(query)
        response.additional.append(dns.rrset.from_text("x.example.", 60, "IN", "A", "192.0.2.1"))
        return response

    async with asked(answer) as (exchanges, served):
        assert await exchanges.found(DOMAIN) == "none"
        assert served.asked == [(DOMAIN, "MX")]


@our_loop
async def test_a_domain_that_does_not_exist_is_told_from_one_without_records() -> None:
    async with asked(lambda query: with_rcode(query, dns.rcode.NXDOMAIN)) as (exchanges, _):
        assert await exchanges.found(DOMAIN) == "no_domain"


@our_loop
async def test_no_search_list_is_tried() -> None:
    async with asked(lambda query: with_rcode(query, dns.rcode.NXDOMAIN)) as (exchanges, served):
        assert await exchanges.found("single") == "no_domain"
        assert served.asked == [("single", "MX")]


@our_loop
async def test_an_alias_is_followed_in_one_answer() -> None:
    def answer(query: Message) -> Message:
        response = alias(query, "x.example.", "y.example.")
        response.answer.append(dns.rrset.from_text("y.example.", 60, "IN", "MX", "10 mail.y.example."))
        return response

    async with asked(answer) as (exchanges, served):
        assert await exchanges.found(DOMAIN) == "some"
        assert len(served.asked) == 1


@pytest.mark.parametrize(("records", "exchange"), [(["10 m.y.example."], "some"), ([], "none")])
@our_loop
async def test_an_alias_that_the_server_does_not_follow_is_asked_for(
    records: list[str], exchange: Exchange
) -> None:
    def answer(query: Message) -> Message:
        if query.question[0].name.to_text() == "x.example.":
            return alias(query, "x.example.", "y.example.")
        return with_exchanges(query, *records)

    async with asked(answer) as (exchanges, served):
        assert await exchanges.found(DOMAIN) == exchange
        assert served.asked == [(DOMAIN, "MX"), ("y.example", "MX")]


@our_loop
async def test_an_alias_that_leads_nowhere_is_a_domain_without_records() -> None:
    async with asked(
        lambda query: alias(query, "x.example.", "y.example.", with_rcode(query, dns.rcode.NXDOMAIN))
    ) as (exchanges, _):
        assert await exchanges.found(DOMAIN) == "none"


@our_loop
async def test_aliases_in_a_circle_prove_nothing() -> None:
    def answer(query: Message) -> Message:
        return alias(query, "y.example.", "x.example.", alias(query, "x.example.", "y.example."))

    async with asked(answer) as (exchanges, _):
        await failing(exchanges, "server")


@our_loop
async def test_aliases_that_lead_on_and_on_prove_nothing() -> None:
    def answer(query: Message) -> Message:
        name = query.question[0].name.to_text()
        return alias(query, name, f"x{name}")

    async with asked(answer) as (exchanges, served):
        await failing(exchanges, "server", "on and on")
        assert len(served.asked) == 8


@our_loop
async def test_a_referral_to_other_servers_proves_nothing() -> None:
    def answer(query: Message) -> Message:
        response = dns.message.make_response(query)
        response.authority.append(dns.rrset.from_text("example.", 60, "IN", "NS", "ns.example."))
        return response

    async with asked(answer) as (exchanges, _):
        await failing(exchanges, "server", "other servers")


@pytest.mark.parametrize(("answer", "word"), [(servfail, "SERVFAIL"), (refusing, "REFUSED")])
@both_loops
async def test_a_server_that_fails_proves_nothing(answer: Answer, word: str) -> None:
    async with asked(answer) as (exchanges, _):
        await failing(exchanges, "server", word)
        assert exchanges.asked == {"failed": 1}


@pytest.mark.parametrize("first", [refusing, servfail, lambda query: None, lambda query: b"\x00\x01nonsense"])
@our_loop
async def test_when_one_server_fails_the_next_is_asked(first: Answer) -> None:
    async with naming(first) as bad, naming(some) as good:
        exchanges = Exchanges([bad.server, good.server], limit_secs=0.6)
        assert await exchanges.found(DOMAIN) == "some"
        assert len(bad.asked) == len(good.asked) == 1


@both_loops
async def test_a_silent_server_is_asked_again_until_the_limit() -> None:
    async with asked(lambda query: None, limit_secs=0.6) as (exchanges, served):
        await failing(exchanges, "timeout", "within 0.6 s")
        assert len(served.asked) > 1


@pytest.mark.parametrize(("servers", "share"), [(1, 2 / 3), (2, 1 / 2), (3, 1 / 3)])
@our_loop
async def test_a_server_that_is_slow_has_its_share_of_the_time(servers: int, share: float) -> None:
    asked_at: list[float] = []

    def silent(_: Message) -> None:
        asked_at.append(asyncio.get_running_loop().time())

    async with naming(silent) as one, naming(silent) as two, naming(silent) as three:
        addresses = [one.server, two.server, three.server][:servers]
        with closing(Exchanges(addresses, limit_secs=0.6)) as exchanges:
            await failing(exchanges, "timeout")
    assert len(asked_at) == max(2, servers)
    assert asked_at[1] - asked_at[0] > 0.6 * share - 0.02


@pytest.mark.parametrize("amiss", [dns.rcode.FORMERR, None], ids=["refused", "dropped"])
@our_loop
async def test_a_server_that_knows_no_edns_is_asked_without_it(amiss: dns.rcode.Rcode | None) -> None:
    payloads: list[int] = []

    def answer(query: Message) -> Message | None:
        payloads.append(query.payload)
        if query.edns < 0:
            return some(query)
        return None if amiss is None else with_rcode(query, amiss)

    async with asked(answer, limit_secs=0.6) as (exchanges, _):
        assert await exchanges.found(DOMAIN) == "some"
        assert payloads == [PAYLOAD_BYTES, 0]


@both_loops
async def test_an_answer_that_fits_into_a_datagram_needs_no_tcp() -> None:
    many = [f"{place} mail-number-{place}.a-rather-long-name.x.example." for place in range(1, 30)]
    async with asked(lambda query: with_exchanges(query, *many)) as (exchanges, served):
        assert await exchanges.found(DOMAIN) == "some"
        assert served.over == ["udp"]


@our_loop
async def test_nobody_there_proves_nothing() -> None:
    async with naming(some) as served:
        pass
    await failing(Exchanges([served.server], limit_secs=0.1), NOBODY)


@both_loops
async def test_a_truncated_answer_is_asked_for_over_tcp() -> None:
    huge = [f"{place} mail-number-{place}.a-rather-long-name-to-fill-it.x.example." for place in range(1, 60)]
    async with asked(lambda query: with_exchanges(query, *huge)) as (exchanges, served):
        assert await exchanges.found(DOMAIN) == "some"
        assert served.over == ["udp", "tcp"]


@our_loop
async def test_an_answer_that_is_truncated_over_tcp_too_proves_nothing() -> None:
    def answer(query: Message) -> bytes:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return response.to_wire()

    async with asked(answer, limit_secs=0.5) as (exchanges, served):
        await failing(exchanges, "server")
        assert served.over == ["udp", "tcp"]


def wrong_id(query: Message) -> bytes:
    response = some(query)
    response.id = query.id ^ 1
    return response.to_wire()


def other_question(query: Message) -> bytes:
    return with_exchanges(
        dns.message.make_query("other.example", "MX", id=query.id), "1 m.example."
    ).to_wire()


def pointing_at_itself(query: Message) -> bytes:
    return some(query).to_wire()[:12] + b"\xc0\x0c\x00\x0f\x00\x01"


@pytest.mark.parametrize(
    "answer",
    [
        lambda query: b"",
        lambda query: b"\x00",
        lambda query: b"\xff" * 600,
        lambda query: some(query).to_wire()[:-3],
        lambda query: query.to_wire(),
        wrong_id,
        other_question,
        pointing_at_itself,
    ],
    ids=["empty", "one byte", "noise", "cut off", "echo", "wrong id", "other question", "loop"],
)
@both_loops
async def test_a_malformed_answer_proves_nothing(answer: Answer) -> None:
    async with asked(answer, limit_secs=0.15) as (exchanges, served):
        await failing(exchanges, NOBODY)
        assert served.asked


@pytest.mark.parametrize(
    ("ttl", "secs"), [(60, 60), (0, 1), (86_400, MAX_TTL_SECS)], ids=["its own", "a second", "an hour"]
)
@our_loop
async def test_records_are_remembered_by_their_time_to_live(ttl: int, secs: float) -> None:
    clock = FakeClock(0)
    async with naming(lambda query: with_exchanges(query, "10 m.example.", ttl=ttl)) as served:
        with closing(Exchanges([served.server], clock=clock)) as exchanges:
            await remembered_for(exchanges, served, clock, secs)


@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN])
@pytest.mark.parametrize(("ttl", "secs"), [(300, 300), (0, 1), (86_400, MAX_NEGATIVE_SECS)])
@our_loop
async def test_that_there_is_nothing_is_remembered_as_the_start_of_authority_says(
    rcode: dns.rcode.Rcode, ttl: int, secs: float
) -> None:
    def answer(query: Message) -> Message:
        response = with_exchanges(query, ttl=ttl)
        response.set_rcode(rcode)
        return response

    clock = FakeClock(0)
    async with naming(answer) as served:
        with closing(Exchanges([served.server], clock=clock)) as exchanges:
            await remembered_for(exchanges, served, clock, secs)


@our_loop
async def test_without_a_start_of_authority_nothing_is_remembered_for_long() -> None:
    clock = FakeClock(0)
    async with naming(dns.message.make_response) as served:
        with closing(Exchanges([served.server], clock=clock)) as exchanges:
            await remembered_for(exchanges, served, clock, FAILURE_SECS)


async def remembered_for(exchanges: Exchanges, served: ServedNames, clock: FakeClock, secs: float) -> None:
    first = await exchanges.found(DOMAIN)
    await clock.advance(secs - 0.01)
    assert await exchanges.found(DOMAIN) == first
    assert (len(served.asked), exchanges.remembered) == (1, 1)
    await clock.advance(0.02)
    assert await exchanges.found(DOMAIN) == first
    assert (len(served.asked), exchanges.asked) == (2, {first: 2})


@our_loop
async def test_a_failure_is_remembered_for_seconds() -> None:
    answers = [servfail, some]
    clock = FakeClock(0)
    async with naming(lambda query: answers.pop(0)(query)) as served:
        with closing(Exchanges([served.server], clock=clock)) as exchanges:
            await failing(exchanges, "server")
            await failing(exchanges, "server")
            assert len(served.asked) == 1
            await clock.advance(FAILURE_SECS)
            assert await exchanges.found(DOMAIN) == "some"


@our_loop
async def test_the_oldest_name_is_forgotten_first() -> None:
    async with naming(some) as served:
        with closing(Exchanges([served.server], names=2)) as exchanges:
            for domain in ("a.example", "b.example", "c.example", "c.example", "b.example", "a.example"):
                await exchanges.found(domain)
    assert [name for name, _ in served.asked] == ["a.example", "b.example", "c.example", "a.example"]


class Gate:
    """Answers nobody until it is opened, and knows how many wait."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.waiting = 0
        self.most = 0
        self._came = asyncio.Event()

    async def answer(self, query: Message) -> Message:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        self._came.set()
        await self.opened.wait()
        self.waiting -= 1
        return some(query)

    async def holds(self, count: int) -> None:
        """Return as soon as so many wait."""
        async with asyncio.timeout(5):
            while self.waiting < count:
                self._came.clear()
                await self._came.wait()


@our_loop
async def test_one_question_serves_all_that_ask_at_once() -> None:
    gate = Gate()
    async with naming(gate.answer) as served:
        with closing(Exchanges([served.server])) as exchanges:
            asking = [asyncio.create_task(exchanges.found(DOMAIN)) for _ in range(20)]
            await gate.holds(1)
            gate.opened.set()
            assert await asyncio.gather(*asking) == ["some"] * 20
            assert len(served.asked) == 1


@our_loop
async def test_one_that_gives_up_does_not_take_the_answer_from_the_others() -> None:
    gate = Gate()
    async with naming(gate.answer) as served:
        with closing(Exchanges([served.server])) as exchanges:
            first = asyncio.create_task(exchanges.found(DOMAIN))
            second = asyncio.create_task(exchanges.found(DOMAIN))
            await gate.holds(1)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            gate.opened.set()
            assert await second == "some"
            assert len(served.asked) == 1


@our_loop
async def test_so_many_are_asked_at_once_and_no_more() -> None:
    gate = Gate()
    async with naming(gate.answer) as served:
        with closing(Exchanges([served.server], most=3)) as exchanges:
            asking = [asyncio.create_task(exchanges.found(f"{place}.example")) for place in range(9)]
            await gate.holds(3)
            await asyncio.sleep(0.02)
            gate.opened.set()
            assert await asyncio.gather(*asking) == ["some"] * 9
    assert gate.most == 3


@our_loop
async def test_waiting_for_a_place_counts_and_says_nothing_about_the_domain() -> None:
    gate = Gate()
    async with naming(gate.answer) as served:
        with closing(Exchanges([served.server], most=0, limit_secs=0.05)) as exchanges:
            for _ in range(2):
                await failing(exchanges, "local", "look-ups are under way")
            assert (exchanges.remembered, served.asked) == (0, [])


@our_loop
async def test_closing_ends_what_is_under_way() -> None:
    gate = Gate()
    async with naming(gate.answer) as served:
        exchanges = Exchanges([served.server])
        asking = asyncio.create_task(exchanges.found(DOMAIN))
        await gate.holds(1)
        exchanges.close()
        with pytest.raises(LookupFailed, match="stopping"):
            await asking


@our_loop
async def test_a_machine_without_descriptors_says_nothing_about_the_domain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import dns.asyncbackend

    async with naming(some) as served:
        with closing(Exchanges([served.server])) as exchanges:
            backend = dns.asyncbackend.get_default_backend()

            async def none_left(*_: object, **__: object) -> None:
                raise OSError(24, "Too many open files")

            with monkeypatch.context() as lacking:
                lacking.setattr(type(backend), "make_socket", none_left)
                await failing(exchanges, "local", "too many open files")
            assert await exchanges.found(DOMAIN) == "some"


@our_loop
async def test_the_system_s_servers_are_read_again_when_the_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    clock = FakeClock(0)
    with closing(Exchanges(clock=clock, resolv_conf=str(file), limit_secs=0.1)) as exchanges:
        await failing(exchanges, "local", str(file))
        file.write_text("# nobody yet\nsearch example\n")
        await failing(exchanges, "local", str(file))
        file.write_text("nameserver nonsense\nnameserver 127.0.0.1\noptions timeout:9 edns0\n")
        await clock.advance(LOOK_SECS)
        await failing(exchanges, NOBODY, domain="a.example")
        file.unlink()
        await clock.advance(LOOK_SECS)
        await failing(exchanges, "local", str(file), domain="b.example")


@our_loop
async def test_the_file_is_not_looked_at_for_every_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 127.0.0.1\n")
    looked: list[object] = []
    stat = os.stat

    def counted(path: str, *given: object, **named: object) -> os.stat_result:
        if path == str(file):
            looked.append(path)
        return stat(path)

    monkeypatch.setattr("tickd.outbound.exchanges.os.stat", counted)
    clock = FakeClock(0)
    with closing(Exchanges(clock=clock, resolv_conf=str(file), limit_secs=0.1)) as exchanges:
        for place in range(3):
            await failing(exchanges, NOBODY, domain=f"{place}.example")
    assert len(looked) == 1
