"""TLS servers whose certificates a daemon trusts; against the real time, as TLS itself takes no other."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import trustme

from tests.support.clock import FakeClock
from tests.support.servers import Talk
from tickd.outbound.tls import trusting


def now() -> datetime:
    """The real time in whole seconds, as certificates have it."""
    return datetime.now(UTC).replace(microsecond=0)


def clock() -> FakeClock:
    """A clock that stands at the real time."""
    return FakeClock(int(now().timestamp() * 1000))


def served_by(authority: trustme.CA, name: str, *, not_after: datetime) -> ssl.SSLContext:
    """The TLS side of a server whose certificate this authority issued."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=not_after).configure_cert(context)
    return context


async def until_closed(talk: Talk) -> None:
    """A server that only shakes hands."""
    await talk.until_closed()


@contextmanager
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """An authority that daemons which are started now trust, and no other."""
    made = trustme.CA()
    with made.cert_pem.tempfile() as roots:
        monkeypatch.setenv("SSL_CERT_FILE", roots)
        trusting.cache_clear()
        try:
            yield made
        finally:
            trusting.cache_clear()
