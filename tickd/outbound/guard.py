"""Which addresses the daemon may call at all: asked before every connection, for every candidate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

_REMEMBERED: Final = 4096

_COMPATIBLE: Final = IPv6Network("::/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")
_GLOBAL_V6: Final = IPv6Network("2000::/3")
# Addresses that `is_global` lets through, or did in some version of Python that we run on.
_NOT_PUBLIC: Final = tuple(
    ip_network(text)
    for text in ("100.64.0.0/10", "192.88.99.0/24", "192.0.0.0/24", "240.0.0.0/4", "2001::/32", "3fff::/20")
)


class Refused(Exception):
    """The guard forbids the address; `sentence` says why in words for the owner of the target."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Guard:
    """Refuses link-local addresses always and, with `block_private`, everything that is not public.

    `allow` holds addresses and CIDR ranges that may be called in spite of both rules; ValueError when
    one of them can't be read.
    """

    def __init__(self, *, block_private: bool = False, allow: Sequence[str] = ()) -> None:
        self._block_private = block_private
        self._allow: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(text, strict=False) for text in allow
        )
        self._verdicts: dict[str, str | None] = {}

    def check(self, address: str) -> None:
        """Raise `Refused` unless this IP address (with or without a zone) may be called."""
        try:
            verdict = self._verdicts[address]
        except KeyError:
            verdict = self._judge(address)
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()
            self._verdicts[address] = verdict
        if verdict is not None:
            raise Refused(verdict)

    def _judge(self, text: str) -> str | None:
        try:
            address = ip_address(text)
        except ValueError:
            return f"{text} is not an IP address"
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            # The kernel sends these over IPv4: it is the same target, also for `allow`.
            address = address.ipv4_mapped
        if any(address in network for network in self._allow):
            return None
        if any(one.is_link_local for one in _forms(address)):
            return f"{text} is a link-local address, which tickd never calls"
        if self._block_private and not all(_is_public(one) for one in _forms(address)):
            return f"{text} is not a public address, and only public ones may be called"
        return None


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        # Of the rest, only NAT64 leads to the public network; its IPv4 side is judged as another form.
        return address in _NAT64
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _NOT_PUBLIC)
    )


def _forms(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """Give the address and every IPv4 address that a gateway on the way may read out of it."""
    yield address
    if isinstance(address, IPv4Address):
        return
    if address in _COMPATIBLE or address in _NAT64:
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64_LOCAL:
        # RFC 8215 leaves the length of the prefix to the network, so read it as each of RFC 6052's.
        raw = address.packed
        yield IPv4Address(raw[6:8] + raw[9:11])
        yield IPv4Address(raw[7:8] + raw[9:12])
        yield IPv4Address(raw[9:13])
        yield IPv4Address(raw[12:16])
