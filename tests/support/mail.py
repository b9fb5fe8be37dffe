"""A real SMTP server on a thread of its own: plain, with TLS of both kinds, with accounts, and in trouble."""

from __future__ import annotations

import asyncio
import email
import ssl
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any, Literal, TypeVar, cast

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, LoginPassword, Session

T = TypeVar("T")
Step = Literal["connect", "ehlo", "login", "mail", "rcpt", "data", "quit"]


@dataclass(slots=True)
class Taken:
    """A mail as the server took it: its envelope, its bytes, and how it came."""

    sender: str
    recipients: list[str]
    raw: bytes
    tls: bool
    user: str | None
    options: list[str]

    @property
    def mail(self) -> EmailMessage:
        """The mail itself."""
        return email.message_from_bytes(self.raw, policy=SMTP_POLICY)

    def part(self, subtype: str) -> str:
        """The text of its `plain` or `html` part."""
        part = self.mail.get_body((subtype,))
        assert part is not None
        return str(part.get_content())


@dataclass(slots=True)
class MailServer:
    """What it does with the next mails; `answers` is what it says at a step instead of taking it.

    At `hangs_at` it says nothing, at `drops_at` it hangs up. `refuses` are recipients that it doesn't know.
    """

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    answers: dict[Step, str] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    hangs_at: Step | None = None
    drops_at: Step | None = None
    connections: int = 0
    open: int = 0
    logins: list[tuple[str, str]] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, scheme: str = "smtp", login: str = "") -> str:
        """Its address, with `USER:PASSWORD@` before the host where there is a login."""
        return f"{scheme}://{login}localhost:{self.port}"


class _Handler:
    def __init__(self, server: MailServer) -> None:
        self.server = server

    async def handle_EHLO(
        self, smtp: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        said = await self._at("ehlo", smtp)
        return [said] if said else responses

    async def handle_AUTH(self, smtp: SMTP, _session: Session, _envelope: Envelope, _words: list[str]) -> Any:
        return await self._at("login", smtp) or MISSING

    async def handle_MAIL(
        self, smtp: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        said = await self._at("mail", smtp)
        if said:
            return said
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, smtp: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        said = self.server.refuses.get(address) or await self._at("rcpt", smtp)
        if said:
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:
        said = await self._at("data", smtp)
        if said:
            return said
        user = cast(bytes, session.auth_data).decode() if session.authenticated else None
        content, sender = envelope.content, envelope.mail_from
        assert isinstance(content, bytes) and sender is not None
        self.server.taken.append(
            Taken(sender, envelope.rcpt_tos, content, session.ssl is not None, user, envelope.mail_options)
        )
        return "250 taken"

    async def handle_QUIT(self, smtp: SMTP, _session: Session, _envelope: Envelope) -> str:
        return await self._at("quit", smtp) or "221 Bye"

    async def _at(self, step: Step, smtp: SMTP) -> str | None:
        if self.server.hangs_at == step:
            await self.server.released.wait()
        if self.server.drops_at == step:
            cast(asyncio.Transport, smtp.transport).abort()
            return "421 nobody hears this"
        return self.server.answers.get(step)


class _Conversation(SMTP):
    """One conversation, counted, and silent from its beginning where the server is."""

    def __init__(self, server: MailServer, handler: _Handler, **given: Any) -> None:
        super().__init__(handler, **given)
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # After STARTTLS it is called again, for the same connection.
        if not self._over_tls():
            self._server.connections += 1
            self._server.open += 1
        if self._server.drops_at == "connect":
            cast(asyncio.Transport, transport).abort()
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._server.open -= 1
        super().connection_lost(error)

    def eof_received(self) -> bool:
        # Whoever hangs would not notice that nobody listens any more.
        super().eof_received()
        return False

    def _over_tls(self) -> bool:
        return self._tls_protocol is not None

    async def push(self, status: str | bytes) -> None:
        text = status if isinstance(status, str) else status.decode()
        if text.startswith("220 ") and "connect" in self._server.answers:
            text = self._server.answers["connect"]
        if text.startswith("220 ") and self._server.hangs_at == "connect":
            await self._server.released.wait()
        await super().push(text)


@contextmanager
def mail_server(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
    utf8: bool = True,
) -> Iterator[MailServer]:
    """A server on a free port of this machine; with `login`, it takes mail from that account alone."""
    loop = asyncio.new_event_loop()
    server = MailServer()
    handler = _Handler(server)

    def authenticate(_smtp: SMTP, _s: Session, _e: Envelope, _mechanism: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        server.logins.append(given)
        return AuthResult(success=given == login, handled=False, auth_data=data.login)

    def converse() -> _Conversation:
        return _Conversation(
            server,
            handler,
            loop=loop,
            hostname="mail.test",
            tls_context=starttls,
            enable_SMTPUTF8=utf8,
            auth_required=login is not None and starttls is not None,
            auth_require_tls=starttls is not None,
            authenticator=authenticate if login else None,
        )

    thread = threading.Thread(target=loop.run_forever, name="mail server")
    thread.start()
    try:
        listener = _there(loop, loop.create_server(converse, "127.0.0.1", 0, ssl=tls))
        server.port = listener.sockets[0].getsockname()[1]
        yield server
        loop.call_soon_threadsafe(server.released.set)
        _there(loop, _close(listener))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _there(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, loop).result(5)


async def _close(listener: asyncio.Server) -> None:
    listener.close()
    mine = asyncio.current_task()
    for _ in range(3):
        left = [task for task in asyncio.all_tasks() if task is not mine]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)
