"""Certificates: captured when they are good, read and explained when they are not."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.outbound.answers import OK
from tests.support.authority import DAY, Authority, made, self_signed
from tests.support.clock import FakeClock
from tests.support.servers import Talk, answering, both_loops, free_port, our_loop, serving
from tickd.clock import SystemClock
from tickd.outbound.certificates import Certificate, read_refused, refused
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.prober import Prober, Target

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = 3_600_000
DAYS = 24 * HOUR


def millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@pytest.mark.parametrize("kind", ["http", "ssl"])
@both_loops
async def test_a_good_certificate_is_captured_on_every_look(
    prober: Prober, authority: Authority, kind: str
) -> None:
    tls = authority.server("a.example", "*.a.example", "::1", not_before=NOW - DAY, not_after=NOW + 3 * DAY)
    async with answering(OK, tls=tls) as server:
        url = f"a.example:{server.port}"
        target = Target("ssl", url) if kind == "ssl" else Target("http", f"https://{url}/")
        first, second = await prober.probe(target), await prober.probe(target)
        assert await server.deserted()
    assert (first.fault, first.error) == ("", "")
    certificate = first.certificate
    assert certificate is not None and second.certificate is certificate
    assert certificate.not_before == millis(NOW - DAY) and certificate.not_after == millis(NOW + 3 * DAY)
    assert certificate.names == ("a.example", "*.a.example", "::1") and certificate.fault == ""
    assert certificate.issuer.startswith("trustme") and len(certificate.fingerprint) == 64
    timings = first.timings
    assert timings.tls_ms is not None and timings.connect_ms is not None and timings.total_ms is not None
    assert 0 < timings.connect_ms + timings.tls_ms <= timings.total_ms
    assert (first.status_code, first.address) == (None if kind == "ssl" else 200, "127.0.0.1")


@pytest.mark.parametrize("written", ["a.example", "127.0.0.1", "[::1]", "bücher.example"])
@our_loop
async def test_how_a_host_may_be_written(prober: Prober, authority: Authority, written: str) -> None:
    tls = authority.server("a.example", "127.0.0.1", "::1", "xn--bcher-kva.example")
    async with answering(OK, tls=tls, host="::1" if ":" in written else "127.0.0.1") as server:
        seen = await prober.probe(Target("ssl", f"{written}:{server.port}"))
        assert await server.deserted()
    assert (seen.fault, seen.error) == ("", "")


def bad(authority: Authority) -> dict[str, tuple[ssl.SSLContext, str]]:
    expired = authority.server("a.example", not_before=NOW - 9 * DAY, not_after=NOW - 3 * DAY - DAY / 2)
    future = authority.server("a.example", not_before=NOW + 40 * DAY, not_after=NOW + 90 * DAY)
    many = [f"{number}.example" for number in range(5)]
    old = authority.intermediate(NOW - 9 * DAY, NOW - DAY)
    new = authority.intermediate(NOW + DAY, NOW + 9 * DAY)
    unknown = f"certificate's issuer (trustme v{version('trustme')}) is not trusted, or the server sends no"
    return {
        "expired": (expired, "certificate expired 3 days ago"),
        "future": (future, f"certificate is not valid yet, from {NOW + 40 * DAY:%Y-%m-%d}"),
        "other": (authority.server("b.example"), "certificate is for b.example, not a.example"),
        "many": (
            authority.server(*many),
            "certificate is for 0.example, 1.example, 2.example and 2 more, not a.example",
        ),
        "self": (self_signed("a.example"), "certificate is self-signed"),
        "stranger": (Authority().server("a.example"), f"{unknown} intermediate certificate"),
        "chain": (
            authority.behind(authority.intermediate(NOW - DAY, NOW + DAY), "b.example"),
            "certificate is for b.example, not a.example",
        ),
        "old chain": (authority.behind(old, "a.example"), "certificate is signed by one that has expired"),
        "new chain": (
            authority.behind(new, "a.example"),
            "certificate is signed by one that is not valid yet",
        ),
        "weak": (authority.weak("a.example"), "certificate's key is too short"),
    }


@pytest.fixture(scope="module")
def cases(authority: Authority) -> dict[str, tuple[ssl.SSLContext, str]]:
    return bad(authority)


@pytest.mark.parametrize("kind", ["http", "ssl"])
@pytest.mark.parametrize(
    "case",
    ["expired", "future", "other", "many", "self", "stranger", "chain", "old chain", "new chain", "weak"],
)
@both_loops
async def test_a_bad_certificate_is_read_and_explained(
    prober: Prober, cases: dict[str, tuple[ssl.SSLContext, str]], kind: str, case: str
) -> None:
    tls, fault = cases[case]
    async with answering(OK, tls=tls) as server:
        url = f"a.example:{server.port}"
        seen = await prober.probe(Target("ssl", url) if kind == "ssl" else Target("http", f"https://{url}/"))
        assert await server.deserted()
    assert (seen.fault, seen.error) == ("down", f"the {fault}")
    assert seen.certificate is not None and seen.certificate.fault == fault
    assert seen.certificate.not_before < seen.certificate.not_after and seen.certificate.issuer
    # The server counts whom it has shaken hands with: that one only wanted to read.
    assert not server.requests and server.accepted == 1
    assert seen.timings.tls_ms is None and seen.status_code is None and seen.address == "127.0.0.1"


@both_loops
async def test_a_good_chain_is_good(prober: Prober, authority: Authority) -> None:
    tls = authority.behind(authority.intermediate(NOW - DAY, NOW + DAY), "a.example")
    async with answering(OK, tls=tls) as server:
        seen = await prober.probe(Target("ssl", f"a.example:{server.port}"))
    assert seen.fault == "" and seen.certificate is not None
    assert (seen.certificate.issuer, seen.certificate.subject) == ("Made for Tests", "a.example")


@both_loops
async def test_a_refused_certificate_that_cannot_be_read_is_still_refused(
    prober: Prober, authority: Authority
) -> None:
    tls = authority.server("b.example")

    async def once(talk: Talk) -> None:
        await talk.until_closed()

    handshakes = itertools.count()

    def second(*_: object) -> int | None:
        return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE if next(handshakes) else None

    tls.sni_callback = second
    async with serving(once, tls=tls) as server:
        seen = await prober.probe(Target("ssl", f"a.example:{server.port}"))
        assert await server.deserted()
    assert (seen.fault, seen.error) == ("down", "the certificate is not for a.example")
    assert seen.certificate is None


@our_loop
async def test_reading_a_refused_certificate_takes_no_longer_than_the_limit(authority: Authority) -> None:
    """The second connection is accepted, and nothing comes."""
    inside = authority.server("b.example")

    async def relay(talk: Talk) -> None:
        if front.accepted > 1:
            await talk.until_closed()
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", behind.port)

        async def back() -> None:
            while data := await reader.read(65_536):
                await talk.send(data)

        task = asyncio.create_task(back())
        while data := await talk.reader.read(65_536):
            writer.write(data)
        task.cancel()
        writer.transport.abort()

    with closing(Resolver(system=lambda _: ["127.0.0.1"])) as resolver:
        clock = SystemClock()
        prober = Prober(resolver, Guard(), user_agent="t", clock=clock, tls=authority.client())
        async with answering(OK, tls=inside) as behind, serving(relay) as front:
            begun = clock.monotonic()
            seen = await prober.probe(Target("ssl", f"a.example:{front.port}", timeout_secs=0.15))
            assert 0.1 < clock.monotonic() - begun < 1
            assert await front.deserted()
    assert (seen.fault, seen.error, front.accepted) == ("down", "the certificate is not for a.example", 2)
    assert seen.timings.total_ms is not None and seen.timings.total_ms < 150


@both_loops
async def test_hosts_that_give_no_certificate(prober: Prober) -> None:
    port = free_port()
    seen = await prober.probe(Target("ssl", f"a.example:{port}"))
    assert (seen.fault, seen.error) == ("down", f"connection refused by 127.0.0.1:{port}")
    async with answering(linger=True) as server:
        seen = await prober.probe(Target("ssl", f"a.example:{server.port}", timeout_secs=0.06))
        assert (seen.fault, seen.error) == ("timeout", "the TLS handshake was not finished within 0.06 s")
        assert await server.deserted()
    async with serving(lambda talk: talk.send(b"220 mail.example ESMTP\r\n")) as server:
        seen = await prober.probe(Target("ssl", f"a.example:{server.port}"))
        assert (seen.fault, seen.error) == ("down", "the server does not speak TLS on this port")
    assert seen.certificate is None


@both_loops
async def test_a_certificate_is_captured_though_the_answer_fails(
    prober: Prober, authority: Authority
) -> None:
    async with answering(linger=True, tls=authority.server("a.example")) as server:
        seen = await prober.probe(Target("http", f"https://a.example:{server.port}/", timeout_secs=0.08))
        assert await server.deserted()
    assert seen.fault == "timeout" and seen.certificate is not None


# Reading and saying


@our_loop
async def test_both_readers_read_the_same(prober: Prober, authority: Authority) -> None:
    addresses = ("127.0.0.1", "2001:db8::a")
    contexts = [
        authority.server("a.example", *addresses),
        authority.behind(authority.intermediate(NOW - DAY, NOW + DAY), "a.example", "c.example"),
    ]
    for tls in contexts:
        async with answering(OK, tls=tls) as server:
            good = (await prober.probe(Target("ssl", f"a.example:{server.port}"))).certificate
            refused = (await prober.probe(Target("ssl", f"b.example:{server.port}"))).certificate
        assert good is not None and refused is not None
        for name in Certificate.__slots__:
            assert name == "fault" or getattr(good, name) == getattr(refused, name), name


def shown(not_before: int = 0, not_after: int = 0, names: tuple[str, ...] = ()) -> Certificate:
    return Certificate(not_before, not_after, "", "", names, "1", "00")


@pytest.mark.parametrize(
    ("code", "certificate", "fault"),
    [
        (10, shown(not_after=100 * DAYS - 1), "certificate expired just now"),
        (10, shown(not_after=100 * DAYS - 60_000), "certificate expired 1 minute ago"),
        (10, shown(not_after=100 * DAYS - 5 * HOUR), "certificate expired 5 hours ago"),
        (10, shown(not_after=99 * DAYS), "certificate expired 1 day ago"),
        (9, shown(not_before=105 * DAYS), "certificate is not valid yet, from 1970-04-16"),
        (9, shown(not_before=100 * DAYS + HOUR), "certificate is not valid yet, from 1970-04-11 01:00 UTC"),
        (62, shown(), "certificate is for no host at all, not a.example"),
        (
            20,
            shown(),
            "certificate's issuer is not trusted, or the server sends no intermediate certificate",
        ),
        (99, shown(), "other words"),
    ],
)
def test_faults_in_words(code: int, certificate: Certificate, fault: str) -> None:
    clock = FakeClock(100 * DAYS)
    assert refused(certificate, code, "a.example", clock.now(), "other words").fault == fault


def test_certificates_of_every_shape_are_read() -> None:
    bare, _ = made(organization="ü & Co.", not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    certificate = read_refused(bare.public_bytes(Encoding.DER))
    assert certificate is not None
    assert (certificate.issuer, certificate.subject, certificate.names) == ("ü & Co.", "Intermediate", ())
    assert certificate.not_after == millis(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    for at in range(0, 60, 7):
        assert read_refused(bare.public_bytes(Encoding.DER)[at + 1 :]) is None
