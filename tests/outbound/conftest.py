"""What the tests of this layer share: names that lead here, and whom to trust."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.authority import Authority
from tickd.clock import SystemClock
from tickd.outbound.dns import Resolver
from tickd.outbound.guard import Guard
from tickd.outbound.http import HttpClient
from tickd.outbound.prober import Prober


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def authority_tls(authority: Authority) -> ssl.SSLContext:
    return authority.client()


@pytest.fixture(scope="session")
def default_tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    """Every name leads to this machine."""
    with closing(Resolver(system=lambda _: ["127.0.0.1"])) as made:
        yield made


@pytest.fixture
def client(resolver: Resolver, default_tls: ssl.SSLContext) -> HttpClient:
    """Trusts whom the system trusts."""
    return HttpClient(resolver, Guard(), user_agent="tickd/test", tls=default_tls)


@pytest.fixture
def trusting(resolver: Resolver, authority_tls: ssl.SSLContext) -> HttpClient:
    """Trusts the tests' authority and no other."""
    return HttpClient(resolver, Guard(), user_agent="tickd/test", tls=authority_tls)


@pytest.fixture
def prober(resolver: Resolver, authority_tls: ssl.SSLContext) -> Prober:
    """Trusts the tests' authority and no other."""
    return Prober(resolver, Guard(), user_agent="tickd/test", clock=SystemClock(), tls=authority_tls)
