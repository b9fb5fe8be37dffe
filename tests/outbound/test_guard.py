"""What may be called, in the open and in every disguise."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.outbound.guard import Guard, Refused

PUBLIC = ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:830::200e", "64:ff9b::1.1.1.1"]

LINK_LOCAL = [
    "169.254.169.254",
    "169.254.0.0",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "2002:a9fe:a9fe::1",  # 6to4
    "2001:0:a9fe:a9fe::1",  # Teredo: the server
    "2001:0:102:304:0:0:5601:5601",  # Teredo: the client, inverted
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::169.254.169.254",  # RFC 8215, read as a /96
    "64:ff9b:1:a9fe:a9:fe00::",  # the same as a /48 …
    "64:ff9b:1:a9:fe:a9fe::",  # … as a /56 …
    "64:ff9b:1:0:a9:fea9:fe00:0",  # … and as a /64
]

NOT_PUBLIC = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "172.16.0.1",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "233.252.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "::1.1.1.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1.1.1.1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str) -> None:
    Guard().check(address)
    Guard(block_private=True).check(address)


@pytest.mark.parametrize("address", LINK_LOCAL)
@pytest.mark.parametrize("block_private", [False, True])
def test_link_local_is_refused_always(address: str, block_private: bool) -> None:
    with pytest.raises(Refused, match="link-local"):
        Guard(block_private=block_private).check(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_private_addresses_are_refused_where_that_is_set(address: str) -> None:
    Guard().check(address)
    guard = Guard(block_private=True)
    for _ in range(2):  # the second answer comes from memory
        with pytest.raises(Refused, match="not a public address"):
            guard.check(address)


@pytest.mark.parametrize(
    ("allow", "address", "may"),
    [
        ("169.254.169.254", "169.254.169.254", True),
        ("169.254.169.254", "::ffff:169.254.169.254", True),
        ("169.254.169.254", "169.254.169.253", False),
        ("169.254.169.254", "64:ff9b::169.254.169.254", False),
        ("10.0.0.0/8", "10.255.0.1", True),
        ("10.0.0.7/8", "10.255.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", True),
        ("10.0.0.0/8", "172.16.0.1", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("fe80::/10", "169.254.0.1", False),
        ("::1", "::1", True),
        ("2001::/32", "2001:0:102:304:0:0:5601:5601", True),
    ],
)
def test_what_is_allowed_is_allowed_in_spite_of_the_rules(allow: str, address: str, may: bool) -> None:
    guard = Guard(block_private=True, allow=[allow])
    if may:
        guard.check(address)
    else:
        with pytest.raises(Refused):
            guard.check(address)


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "0x7f000001", "2130706433"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="not an IP address"):
        Guard().check(text)


def test_an_allowance_that_makes_no_sense_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Guard(allow=["nonsense"])


@given(st.ip_addresses(v=4))
def test_no_disguise_changes_the_verdict_on_a_v4_address(address: ipaddress.IPv4Address) -> None:
    guard = Guard(block_private=True)

    def refused(text: str) -> bool:
        try:
            guard.check(text)
        except Refused:
            return True
        return False

    plain = refused(str(address))
    assert refused(f"::ffff:{address}") is plain
    assert refused(f"64:ff9b::{address}") is plain
    assert refused(str(ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80)))) or not plain


def test_the_memory_of_verdicts_is_bounded() -> None:
    guard = Guard()
    for number in range(10_000):
        guard.check(str(ipaddress.IPv4Address(0x0B000000 + number)))
    assert len(guard._verdicts) <= 4096
