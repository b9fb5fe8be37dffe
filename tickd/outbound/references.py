"""Reference targets: what tells a lost network of our own from a target that is down."""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

_RESOLVERS = Path("/etc/resolv.conf")
_ROUTES = Path("/proc/net/route")
_GATEWAY = re.compile("(?!0{8})[0-9A-Fa-f]{8}")


def defaults(resolvers: Path = _RESOLVERS, routes: Path = _ROUTES) -> list[str]:
    """`address:port` of the machine's resolvers and its default gateway, those on this machine left out."""
    found = [(address, 53) for address in _nameservers(resolvers)]
    found += [(address, 80) for address in _gateways(routes)]
    away = [(address, port) for address, port in found if not ipaddress.ip_address(address).is_loopback]
    return list(dict.fromkeys(_joined(address, port) for address, port in away))


def _joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("ascii", "replace").splitlines()
    except OSError:
        return []  # a machine without the file has no such reference


def _nameservers(path: Path) -> Iterable[str]:
    for line in _lines(path):
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                yield str(ipaddress.ip_address(words[1]))
            except ValueError:
                continue


def _gateways(path: Path) -> Iterable[str]:
    for line in _lines(path)[1:]:
        words = line.split()
        # Destination 00000000 is the default route; addresses are hexadecimal in the host's byte order.
        if len(words) >= 3 and words[1] == "00000000" and _GATEWAY.fullmatch(words[2]):
            yield socket.inet_ntoa(struct.pack("=L", int(words[2], 16)))
