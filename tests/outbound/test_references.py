"""The machine's own references: its resolvers and its default gateway, as its files tell them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tickd.outbound.references import defaults

HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
pytestmark = pytest.mark.usefixtures("little_endian")


@pytest.fixture
def little_endian() -> None:
    """The addresses below are written as such a machine writes them."""
    assert sys.byteorder == "little"


def found(folder: Path, resolvers: str, routes: str) -> list[str]:
    """What files of this content give."""
    (folder / "resolv.conf").write_bytes(resolvers.encode("latin-1"))
    (folder / "route").write_text(HEAD + routes)
    return defaults(folder / "resolv.conf", folder / "route")


def test_resolvers_and_gateway(tmp_path: Path) -> None:
    resolvers = "# by hand\nsearch example.com\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n"
    routes = (
        "eth0\t00000000\t0102000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
        "eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    )
    assert found(tmp_path, resolvers, routes) == ["192.0.2.53:53", "[2001:db8::53]:53", "10.0.2.1:80"]


@pytest.mark.parametrize(
    ("resolvers", "routes", "expected"),
    [
        ("", "", []),
        ("nameserver 127.0.0.53\nnameserver ::1\n", "", []),
        ("nameserver\nnameserver resolver.example\nnameserver 1.2.3\nnot\xe9 a line\n", "", []),
        ("nameserver 192.0.2.1\nnameserver 192.0.2.1\n", "", ["192.0.2.1:53"]),
        ("  nameserver   192.0.2.1  # the first\n", "", ["192.0.2.1:53"]),
        ("", "eth0\t00000000\t00000000\t0001\n", []),  # a point-to-point line has no gateway
        ("", "eth0\t00000000\tnonsense\t0003\n\neth0\n", []),
        ("", "eth0\t00000000\t0100A8C0\neth1\t00000000\t0100A8C0\n", ["192.168.0.1:80"]),
    ],
)
def test_what_is_no_reference(tmp_path: Path, resolvers: str, routes: str, expected: list[str]) -> None:
    assert found(tmp_path, resolvers, routes) == expected


def test_a_machine_without_these_files_has_none(tmp_path: Path) -> None:
    assert defaults(tmp_path / "none", tmp_path / "neither") == []
