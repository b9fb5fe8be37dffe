"""Alerts by mail: one connection a message, over TLS where the server or the setting has it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, parseaddr
from functools import cache
from typing import Final, cast
from urllib.parse import unquote, urlsplit

import aiosmtplib

from tickd.domain import mails, messages
from tickd.domain.alerts import Message
from tickd.domain.channels import Options
from tickd.outbound.dns import ascii_host, is_literal
from tickd.outbound.tls import explain_tls
from tickd.outbound.undelivered import Undelivered, excerpt

TIMEOUT_SECS: Final = 30.0
"""How long a mail has, from the look-up of the server's name until the server has taken it."""
GOODBYE_SECS: Final = 1.0
MANY: Final = 50
"""From so many stories on, a mail is put together on a thread of its own."""

_PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_TOO_LARGE: Final = 552
_NO_SERVER: Final = "no mail server is set: start tickd with --smtp-url"

log = logging.getLogger("tickd.email")


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server as its URL names it."""

    scheme: str
    host: str
    port: int
    username: str | None
    password: str | None

    @property
    def place(self) -> str:
        """Where it is, without what is secret."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A mail as it is handed over."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def options(self) -> list[str]:
        """What the server must be able to do."""
        return [] if all(one.isascii() for one in (self.sender, *self.recipients)) else ["SMTPUTF8"]


def server_of(url: str) -> Server:
    """Take an address such as `smtps://user:password@mail.example.com` apart; both are percent-decoded."""
    parts = urlsplit(url)
    return Server(
        parts.scheme,
        parts.hostname or "localhost",
        parts.port or _PORTS[parts.scheme],
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
    )


class Mailer:
    """Sends messages by way of one mail server.

    `tls` is whom its certificate must come from; None: whom the system trusts. What `smtp://` finds without
    asking for it, and without a password, is not verified: in the clear it would not be either.
    """

    def __init__(
        self,
        smtp_url: str,
        mail_from: str,
        base_url: Callable[[], str],
        *,
        tls: ssl.SSLContext | None = None,
        timeout_secs: float = TIMEOUT_SECS,
    ) -> None:
        self._server = server_of(smtp_url) if smtp_url else None
        self._mail_from = mail_from
        self._base_url = base_url
        self._tls = tls
        self._timeout_secs = timeout_secs

    async def send(self, options: Options, message: Message) -> None:
        """Send one mail to all of the channel's addresses; raises Undelivered when none was taken."""
        if self._server is None:
            raise Undelivered(_NO_SERVER)
        host = mail_host(self._base_url())
        sender = self._mail_from or f"tickd <tickd@{host}>"
        recipients = [ascii_address(address) for address in options.to]

        for address in recipients:
            if not address.isprintable() or any(mark in address for mark in " ,<>"):
                raise Undelivered(f"{excerpt(address)} is not an address that a mail can go to")

        def write() -> bytes:
            return written(message, sender, recipients, host)

        raw = await asyncio.to_thread(write) if len(message.told) > MANY else write()
        envelope = Envelope(ascii_address(parseaddr(sender)[1]), recipients, raw)
        await self._converse(self._server, host, envelope)

    async def knock(self) -> str:
        """Connect, encrypt and log in as for a mail, and send none; where. Raises Undelivered."""
        if self._server is None:
            raise Undelivered(_NO_SERVER)
        await self._converse(self._server, mail_host(self._base_url()), None)
        return self._server.place

    async def _converse(self, server: Server, host: str, envelope: Envelope | None) -> None:
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.scheme == "smtps",
            start_tls=False,
            tls_context=await self._trust(server),
            local_hostname=host,
            timeout=None,
        )
        try:
            await self._deliver(client, server, envelope)
        finally:
            transport = client.transport
            client.close()
            if transport is not None:
                # A server that hangs would keep the socket, since a close waits for its goodbye.
                cast(asyncio.Transport, transport).abort()

    async def _deliver(self, client: aiosmtplib.SMTP, server: Server, envelope: Envelope | None) -> None:
        refused: Mapping[str, object] = {}
        step = "let us connect"
        try:
            async with asyncio.timeout(self._timeout_secs):
                await client.connect()
                await client.ehlo()
                if _has_starttls(client, server):
                    await client.starttls()
                if server.username is not None:
                    step = "let us log in"
                    await client.login(server.username, server.password or "")
                step = "take the message"
                if envelope is not None:
                    refused, _ = await client.sendmail(
                        envelope.sender, envelope.recipients, envelope.raw, mail_options=envelope.options
                    )
        except Exception as fault:
            # Whatever it is, the alert was not taken: whoever sends it records that, and tries again.
            raise told(fault, server, f"did not {step} within {self._timeout_secs:g} s") from fault
        if refused:
            _note(refused)
        # It is taken: nothing that goes wrong from here on may send it again.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(GOODBYE_SECS):
                await client.quit()

    async def _trust(self, server: Server) -> ssl.SSLContext:
        if self._tls is not None:
            return self._tls
        # Reading the roots takes 40 ms the first time.
        if server.scheme == "smtp" and server.password is None:
            return await asyncio.to_thread(_encrypting)
        return await asyncio.to_thread(_verifying)


def _has_starttls(client: aiosmtplib.SMTP, server: Server) -> bool:
    if server.scheme == "smtp+starttls":
        return True  # asked for where it is not offered, it fails, and that is meant
    return server.scheme == "smtp" and client.supports_extension("starttls")


def written(message: Message, sender: str, to: Sequence[str], host: str) -> bytes:
    """The mail: text and HTML, threaded by incident, with the same Message-ID each time it is written."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["Date"] = format_datetime(datetime.fromtimestamp(message.moment / 1000, UTC))
    mail["Message-ID"] = f"<{message.id}@{host}>"
    incidents = {one.story.incident_id for one in message.told}
    if len(incidents) == 1 and incidents != {""}:
        thread = f"<{incidents.pop()}@{host}>"
        mail["In-Reply-To"] = thread
        mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Tickd-Alert-Id"] = message.id if message.is_digest else message.told[0].id
    mail.set_content(mails.text(message), cte="quoted-printable")
    mail.add_alternative(mails.markup(message), subtype="html", cte="quoted-printable")
    return _head(messages.subject(message), sender, to) + mail.as_bytes()


def _head(subject: str, sender: str, to: Sequence[str]) -> bytes:
    """The lines that EmailMessage gets wrong: it loses spaces in subjects, and chokes on odd addresses."""
    charset = "us-ascii" if subject.isascii() else "utf-8"
    folded = Header(subject, charset, header_name="Subject").encode(linesep="\r\n")
    name, address = parseaddr(sender)
    address = ascii_address(address)
    if name:
        quoted = formataddr((name, "a@b")).removesuffix("<a@b>")
        address = f"{quoted}<{address}>"
    lines = (f"Subject: {folded}", f"From: {address}", "To: " + ",\r\n ".join(to), "")
    return "\r\n".join(lines).encode()


def mail_host(base_url: str) -> str:
    """The host of this daemon as it may stand behind an @: a name, or an address in brackets."""
    host = urlsplit(base_url).hostname or "localhost"
    if is_literal(host):
        return f"[IPv6:{host}]" if ":" in host else f"[{host}]"
    try:
        return ascii_host(host)
    except ValueError:
        return "localhost"


def ascii_address(address: str) -> str:
    """The address with its domain as it travels; a name before the @ that is not ASCII stays as it is."""
    local, at, domain = address.rpartition("@")
    if not at or domain.isascii():
        return address
    try:
        return f"{local}@{ascii_host(domain)}"
    except ValueError:
        return address


def told(fault: Exception, server: Server, timeout: str) -> Undelivered:
    """What went wrong, in words, and whether it is this message that the server refuses."""
    match fault:
        case aiosmtplib.SMTPRecipientsRefused():
            refusals = fault.recipients
            said = f"refused {refusals[0].recipient}: {_said(refusals[0], server)}"
            more = f" (and {len(refusals) - 1} more)" if len(refusals) > 1 else ""
            return Undelivered(
                f"the mail server {said}{more}", refused=all(one.code >= 500 for one in refusals)
            )
        case aiosmtplib.SMTPAuthenticationError():
            return Undelivered(f"the mail server refused user name and password: {_said(fault, server)}")
        case aiosmtplib.SMTPSenderRefused():
            sentence = f"the mail server refused the sender {fault.sender}: {_said(fault, server)}"
            return Undelivered(sentence, refused=fault.code == _TOO_LARGE)
        case aiosmtplib.SMTPDataError():
            return Undelivered(f"the mail server answered {_said(fault, server)}", refused=fault.code >= 500)
        case aiosmtplib.SMTPResponseException():
            return Undelivered(f"the mail server answered {_said(fault, server)}")
        case TimeoutError():
            return Undelivered(f"the mail server {server.place} {timeout}")
    return Undelivered(_trouble(fault, server))


def _trouble(fault: BaseException, server: Server) -> str:
    """Why there is no conversation with the server."""
    match fault:
        case aiosmtplib.SMTPConnectError() if fault.__cause__ is not None:
            return _trouble(fault.__cause__, server)
        case ssl.SSLError():
            return f"no TLS with the mail server {server.place}: {explain_tls(fault, server.host)}"
        case socket.gaierror():
            return f"the name of the mail server can't be resolved: {server.host}"
        case ConnectionRefusedError():
            return f"connection refused by the mail server {server.place}"
        case aiosmtplib.SMTPException() | ConnectionError() if isinstance(fault, ConnectionError):
            return f"the mail server {server.place} closed the connection"
        case OSError():
            return f"can't connect to the mail server {server.place}: {fault.strerror or 'no way there'}"
        case aiosmtplib.SMTPException():
            return f"the mail server {server.place}: {excerpt(fault.message, (server.password or '',))}"
    return f"the mail can't be sent: {excerpt(str(fault), (server.password or '',))}"


def _said(answer: aiosmtplib.SMTPResponseException, server: Server) -> str:
    return f"{answer.code} {excerpt(answer.message, (server.password or '',))}".rstrip()


def _note(refused: Mapping[str, object]) -> None:
    for address, answer in refused.items():
        words = {"to": address, "answer": excerpt(str(answer))}
        log.warning("the mail server refused one of several addresses", extra={"fields": words})


@cache
def _verifying() -> ssl.SSLContext:
    """Trusts the system's roots. Without the HTTP client's ALPN, for which some mail servers hang up."""
    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


@cache
def _encrypting() -> ssl.SSLContext:
    """Encrypts, for whoever is at the other end."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
