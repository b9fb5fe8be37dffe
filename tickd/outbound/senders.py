"""The way out for alerts: one sender for each kind of channel."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable

from tickd.clock import Clock
from tickd.domain.alerts import Message
from tickd.domain.channels import Kind, Options
from tickd.outbound import apprise, chat, email, webhook
from tickd.outbound.http import HttpClient
from tickd.outbound.undelivered import Undelivered

__all__ = ["Senders", "Undelivered"]

_UNGUARDED = "Apprise can't be used where private targets are blocked: it would connect to any address"

log = logging.getLogger("tickd.senders")


class Senders:
    """Sends messages; each send is bounded: 10 s, and 30 s for mail.

    `base_url` says where people reach this daemon, `tls` whom the mail server's certificate must come from
    (None: whom the system trusts). `unguarded` says whether Apprise may be used, which opens sockets that
    no guard sees.
    """

    def __init__(
        self,
        http: HttpClient,
        clock: Clock,
        *,
        smtp_url: str,
        mail_from: str,
        base_url: Callable[[], str],
        tls: ssl.SSLContext | None = None,
        unguarded: bool = True,
    ) -> None:
        self._http = http
        self._clock = clock
        self._mailer = email.Mailer(smtp_url, mail_from, base_url, tls=tls)
        self._threads = apprise.Threads() if unguarded else None

    async def send(self, kind: Kind, options: Options, message: Message) -> None:
        """Send it; raises Undelivered when the receiver has not taken it."""
        try:
            await self._send(kind, options, message)
        except Undelivered:
            raise
        except Exception as fault:
            # Ours, and the next message may pass.
            log.exception("a message could not be sent")
            raise Undelivered("tickd failed to send it; its log says more", refused=True) from fault

    async def _send(self, kind: Kind, options: Options, message: Message) -> None:
        match kind:
            case "webhook":
                await webhook.send(self._http, self._clock, options, message)
            case "slack":
                await chat.slack(self._http, self._clock, options, message)
            case "discord":
                await chat.discord(self._http, self._clock, options, message)
            case "telegram":
                await chat.telegram(self._http, self._clock, options, message)
            case "ntfy":
                await chat.ntfy(self._http, self._clock, options, message)
            case "email":
                await self._mailer.send(options, message)
            case "apprise" if self._threads is None:
                raise Undelivered(_UNGUARDED)
            case "apprise":
                await apprise.send(self._threads, options, message)
