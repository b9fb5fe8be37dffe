"""TLS: the contexts we connect with, the handshake, and what its failures mean in words."""

from __future__ import annotations

import asyncio
import ssl
from functools import cache
from typing import Final

from tickd.outbound.handshakes import Handshakes
from tickd.outbound.progress import Failure
from tickd.outbound.secure import SecureLayer


@cache
def trusting(roots: str | None = None) -> ssl.SSLContext:
    """The context that trusts the system's roots, or those in the file `roots` alone; it is shared."""
    # Reading the roots takes 40 ms and more, and as much memory again: once is enough.
    context = ssl.create_default_context(cafile=roots)
    context.set_alpn_protocols(["http/1.1"])
    # Python 3.13 sets this by default; browsers don't, and it refuses many a company's own authority.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def unverified() -> ssl.SSLContext:
    """Make a context that accepts anything: for reading a certificate that was refused, and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # A key too short is a reason to refuse a certificate, and must not keep us from reading it.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


async def start_tls(
    raw: asyncio.Transport,
    protocol: asyncio.Protocol,
    tls: ssl.SSLContext,
    server_name: str,
    handshakes: Handshakes,
) -> asyncio.Transport:
    """Shake hands over `raw` and connect `protocol`; raises `Failure`, and then `raw` is aborted."""
    layer = SecureLayer(raw, protocol, tls, server_name, handshakes)
    failure: Exception | None = EOFError()
    try:
        failure = await layer.shake()
    finally:
        if failure is not None:
            # A turn later: uvloop would drop the alert that tells the server what is wrong.
            asyncio.get_running_loop().call_soon(raw.abort)
    if failure is None:
        return layer
    try:
        raise _told(failure, server_name) from failure
    finally:
        del failure  # else it keeps this frame, and this frame keeps it


def _told(failure: Exception, server_name: str) -> Failure:
    if isinstance(failure, ssl.SSLCertVerificationError):
        return Failure("tls", explain_tls(failure, server_name), verify_code=failure.verify_code)
    if isinstance(failure, ssl.SSLError):
        return Failure("tls", explain_tls(failure, server_name))
    if isinstance(failure, OSError | EOFError):
        return Failure("tls", "the server closed the connection during the TLS handshake")
    raise failure


_VERIFY: Final = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is self-signed",
    19: "the certificate chain ends in a self-signed certificate that is not trusted here",
    20: "the certificate's issuer is not trusted here, or the server sends no intermediate certificate",
    21: "the certificate's issuer is not trusted here, or the server sends no intermediate certificate",
    23: "the certificate has been revoked",
    66: "the certificate's key is too short",
    67: "the key of the certificate's issuer is too short",
    68: "the certificate's signature is too weak",
}
_WRONG_NAME: Final = (62, 64)
_REASONS: Final = {
    "WRONG_VERSION_NUMBER": "the server does not speak TLS on this port",
    "HTTP_REQUEST": "the server does not speak TLS on this port",
    "UNSUPPORTED_PROTOCOL": "the server speaks only old versions of TLS",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the server does not accept our versions of TLS",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the server refused the TLS handshake (no common cipher?)",
    "TLSV1_UNRECOGNIZED_NAME": "the server does not know this host name (TLS unrecognized name)",
    "TLSV1_ALERT_INTERNAL_ERROR": "the server failed during the TLS handshake (internal error)",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server asks for a client certificate",
    "UNEXPECTED_EOF_WHILE_READING": "the server closed the connection during the TLS handshake",
    "DH_KEY_TOO_SMALL": "the server's TLS key exchange is too weak",
    "EE_KEY_TOO_SMALL": "the certificate's key is too short",
    "CA_MD_TOO_WEAK": "the certificate's signature is too weak",
}


def explain_tls(failure: ssl.SSLError, server_name: str) -> str:
    """Say in a sentence why the TLS handshake with `server_name` failed."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        if failure.verify_code in _WRONG_NAME:
            return f"the certificate is not for {server_name}"
        return _VERIFY.get(
            failure.verify_code, f"the certificate was not accepted: {failure.verify_message.rstrip('.')}"
        )
    if isinstance(failure, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "the server closed the connection during the TLS handshake"
    if failure.reason in _REASONS:
        return _REASONS[failure.reason]
    return f"the TLS handshake failed: {(failure.reason or str(failure)).replace('_', ' ').lower()}"
