"""Certificates of every kind: good, expired, not valid yet, self-signed, from a broken chain."""

from __future__ import annotations

import contextlib
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from typing import Final

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Pair = tuple[x509.Certificate, Key]
DAY: Final = timedelta(days=1)


class Authority:
    """A certificate authority for one test run."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def server(
        self, *names: str, not_before: datetime | None = None, not_after: datetime | None = None
    ) -> ssl.SSLContext:
        """Give the TLS side of a server whose certificate is for `names`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self._authority.issue_cert(*names, not_before=not_before, not_after=not_after)
        certificate.configure_cert(context)
        return context

    def client(self) -> ssl.SSLContext:
        """Give the context of a client that trusts this authority and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._authority.configure_trust(context)
        return context

    def behind(self, intermediate: Pair, *names: str) -> ssl.SSLContext:
        """Give a server whose certificate was signed by this intermediate, which it sends too."""
        return _server(made(*names, signer=intermediate), intermediate)

    def intermediate(self, not_before: datetime, not_after: datetime) -> Pair:
        """Give an authority below this one."""
        root = x509.load_pem_x509_certificate(self._authority.cert_pem.bytes())
        key = serialization.load_pem_private_key(self._authority.private_key_pem.bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        return made(signer=(root, key), authority=True, not_before=not_before, not_after=not_after)

    def weak(self, *names: str) -> ssl.SSLContext:
        """Give a server whose key is too short for anybody."""
        root = x509.load_pem_x509_certificate(self._authority.cert_pem.bytes())
        key = serialization.load_pem_private_key(self._authority.private_key_pem.bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        short = rsa.generate_private_key(65_537, 1024)  # noqa: S505 - that is the point
        return _server(made(*names, signer=(root, key), key=short))


def self_signed(*names: str) -> ssl.SSLContext:
    """Give a server that has signed its certificate itself."""
    return _server(made(*names))


def made(
    *names: str,
    signer: Pair | None = None,
    key: Key | None = None,
    authority: bool = False,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    organization: str = "Made for Tests",
) -> Pair:
    """Make a certificate for `names`, signed by itself unless there is a signer."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, names[0] if names else "Intermediate"),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer[0].subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before or now - DAY)
        .not_valid_after(not_after or now + 90 * DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        known = [x509.DNSName(name) for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(known), critical=False)
    return builder.sign(signer[1] if signer else key, hashes.SHA256()), key


def _server(pair: Pair, *chain: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(tempfile.NamedTemporaryFile(suffix=".pem"))
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        file.write(pair[1].private_bytes(*form))
        for certificate, _ in (pair, *chain):
            file.write(certificate.public_bytes(serialization.Encoding.PEM))
        file.flush()
        context.load_cert_chain(file.name)
    return context
