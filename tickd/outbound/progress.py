"""How far a request has come, how long each step took, and the failure that ended it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Literal

Kind = Literal["url", "dns", "blocked", "refused", "connect", "tls", "timeout", "protocol", "reset", "local"]
Step = Literal["dns", "connect", "tls", "request", "headers", "body"]


@dataclass(slots=True)
class Timings:
    """How long each step took, in milliseconds; None for a step that was not taken or not finished.

    `first_byte_ms` runs from the request written to the first byte of the answer; `total_ms` over all.
    """

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    total_ms: float | None = None


class Failure(Exception):
    """There is no usable answer: `message` is a sentence for the owner of the target.

    Kinds: url (can't be called as written), dns, blocked (by the guard), refused (connection refused),
    connect (no way there), tls, timeout, protocol (not HTTP, or broken), reset (the other side went
    away), local (this machine lacks descriptors or memory: it says nothing about the target).
    `responded` is True when a status line had been received; `verify_code` is OpenSSL's, when it was the
    certificate that was refused.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        timings: Timings | None = None,
        address: str | None = None,
        responded: bool = False,
        verify_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message
        self.timings = timings or Timings()
        self.address = address
        self.responded = responded
        self.verify_code = verify_code


@dataclass(slots=True)
class Progress:
    """How far one request has come: what a timeout or a failure reports.

    `status` is known once a status line has been read, `tls` once the handshake has succeeded.
    """

    timings: Timings
    step: Step = "dns"
    address: str | None = None
    status: int | None = None
    tls: ssl.SSLObject | None = None


def timed_out(progress: Progress, limit_secs: float) -> Failure:
    """Say in which step the time ran out."""
    limit = f"{limit_secs:g} s"
    match progress.step:
        case "dns":
            sentence = f"the host name was not resolved within {limit}"
        case "connect":
            sentence = f"no connection to {progress.address} within {limit}"
        case "tls":
            sentence = f"the TLS handshake was not finished within {limit}"
        case "request":
            sentence = f"no response within {limit}"
        case "headers":
            sentence = f"the response headers were not complete within {limit}"
        case "body":
            sentence = f"the response body did not end within {limit}"
    return Failure("timeout", sentence)
