"""Certificates that servers show: read cheaply when they are good, and explained when they were refused."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

_MANY: Final = 4096
_NAMED: Final = 3
_DAY: Final = 86_400_000
# OpenSSL's codes of verification errors.
_NOT_YET: Final = 9
_EXPIRED: Final = 10
_SELF_SIGNED: Final = 18
_NO_ISSUER: Final = (19, 20, 21)
_WRONG_NAME: Final = (62, 64)

log = logging.getLogger("tickd.outbound")


@dataclass(slots=True, frozen=True)
class Certificate:
    """A server's own certificate; times in milliseconds since 1970 UTC, numbers in hexadecimal.

    `issuer` is its organisation, else its common name. `fault` is "" when it was valid for the host and
    trusted, else a phrase like "certificate expired 3 days ago".
    """

    not_before: int
    not_after: int
    issuer: str
    subject: str
    names: tuple[str, ...]
    serial: str
    fingerprint: str
    fault: str = ""


class Certificates:
    """Reads certificates, each once: servers show the same one for weeks."""

    def __init__(self) -> None:
        self._read: dict[bytes, Certificate] = {}

    def verified(self, tls: ssl.SSLObject) -> Certificate | None:
        """Give the certificate that a handshake has verified; None when it can't be read."""
        der = tls.getpeercert(True)
        if der is None:
            return None
        digest = hashlib.sha256(der).digest()
        certificate = self._read.get(digest)
        if certificate is None:
            try:
                certificate = _from_verified(tls.getpeercert() or {}, digest)
            except (ValueError, KeyError):
                log.warning("a trusted certificate can't be read", exc_info=True)
                return None
            if len(self._read) >= _MANY:
                self._read.clear()
            self._read[digest] = certificate
        return certificate


def _from_verified(shown: dict[str, Any], digest: bytes) -> Certificate:
    """Take what `getpeercert` gives for verified certificates only, which spares us a parser."""
    issuer = _attributes(shown.get("issuer", ()))
    subject = _attributes(shown.get("subject", ()))
    alternatives = shown.get("subjectAltName", ())
    names = tuple(_name(value) for kind, value in alternatives if kind in ("DNS", "IP Address"))
    return Certificate(
        not_before=int(ssl.cert_time_to_seconds(shown["notBefore"])) * 1000,
        not_after=int(ssl.cert_time_to_seconds(shown["notAfter"])) * 1000,
        issuer=issuer.get("organizationName") or issuer.get("commonName") or "",
        subject=subject.get("commonName") or subject.get("organizationName") or "",
        names=names,
        serial=str(shown.get("serialNumber", "")).lower(),
        fingerprint=digest.hex(),
    )


def _attributes(name: tuple[tuple[tuple[str, str], ...], ...]) -> dict[str, str]:
    return {key: value for part in name for key, value in part}


def _name(written: str) -> str:
    """OpenSSL writes an IPv6 address in capitals and in full."""
    try:
        return str(ipaddress.ip_address(written.strip()))
    except ValueError:
        return written


def read_refused(der: bytes) -> Certificate | None:
    """Read a certificate that OpenSSL gives no words for since it refused it; None when it can't be read."""
    # Ten megabytes that a daemon whose targets are all in order never needs.
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    def first(name: x509.Name, *wanted: x509.ObjectIdentifier) -> str:
        found = [value.value for one in wanted for value in name.get_attributes_for_oid(one)]
        return next((value if isinstance(value, str) else value.decode("latin-1") for value in found), "")

    try:
        parsed = x509.load_der_x509_certificate(der)
        names: tuple[str, ...] = ()
        for extension in parsed.extensions:
            if isinstance(extension.value, x509.SubjectAlternativeName):
                names = tuple(
                    str(one.value)
                    for one in extension.value
                    if isinstance(one, x509.DNSName | x509.IPAddress)
                )
        serial = f"{parsed.serial_number:x}"
        return Certificate(
            not_before=round(parsed.not_valid_before_utc.timestamp() * 1000),
            not_after=round(parsed.not_valid_after_utc.timestamp() * 1000),
            issuer=first(parsed.issuer, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME),
            subject=first(parsed.subject, NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME),
            names=names,
            serial="0" * (len(serial) % 2) + serial,
            fingerprint=hashlib.sha256(der).hexdigest(),
        )
    except (ValueError, TypeError, x509.DuplicateExtension):
        log.info("a refused certificate can't be read", exc_info=True)
        return None


def refused(certificate: Certificate, code: int, host: str, now: int, otherwise: str) -> Certificate:
    """Give it with the reason why OpenSSL refused it with `code`; `otherwise` is for want of better words.

    Only the end of a chain can be read, so what it does not show itself must be in the rest of the chain.
    """
    fault = otherwise
    if code == _EXPIRED:
        fault = f"certificate expired {_ago(now - certificate.not_after)}"
        if certificate.not_after > now:
            fault = "certificate is signed by one that has expired"
    elif code == _NOT_YET:
        fault = f"certificate is not valid yet, from {_date(certificate.not_before, now)}"
        if certificate.not_before <= now:
            fault = "certificate is signed by one that is not valid yet"
    elif code in _WRONG_NAME:
        fault = f"certificate is for {_listed(certificate)}, not {host}"
    elif code == _SELF_SIGNED:
        fault = "certificate is self-signed"
    elif code in _NO_ISSUER:
        by = f" ({certificate.issuer})" if certificate.issuer else ""
        fault = f"certificate's issuer{by} is not trusted, or the server sends no intermediate certificate"
    return replace(certificate, fault=fault)


def _ago(milliseconds: int) -> str:
    minutes = milliseconds // 60_000
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def _date(at: int, now: int) -> str:
    written = datetime.fromtimestamp(at / 1000, UTC)
    return f"{written:%Y-%m-%d}" if at - now > _DAY else f"{written:%Y-%m-%d %H:%M} UTC"


def _listed(certificate: Certificate) -> str:
    names = certificate.names or ((certificate.subject,) if certificate.subject else ())
    if not names:
        return "no host at all"
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
