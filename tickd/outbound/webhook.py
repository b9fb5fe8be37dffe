"""Alerts to a program: the rooster's JSON, signed as Standard Webhooks has it."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.domain import headers, payloads, signing
from tickd.domain.alerts import Message
from tickd.domain.channels import Options
from tickd.outbound import posting
from tickd.outbound.http import HttpClient
from tickd.outbound.undelivered import Undelivered, secrets_of


async def send(http: HttpClient, clock: Clock, options: Options, message: Message) -> None:
    """Post the message to the channel's address; raises Undelivered unless the answer is 2xx."""
    body = payloads.body(message)
    given = tuple(options.headers.items())
    sent = given if any(name.lower() == "content-type" for name, _ in given) else (posting.JSON, *given)
    secret = options.secret or message.secret
    if secret:
        try:
            sent += signing.webhook_headers(secret, message.id, message.moment, body)
        except ValueError as failed:
            raise Undelivered("the signing secret can't be read: behind whsec_ comes base64") from failed
    hidden = [text for name, text in given if headers.is_secret(name)]
    hidden += [text.rpartition(" ")[2] for text in hidden]
    await posting.post(http, clock, options.url, body, sent, (secret, *hidden, *secrets_of(options.url)))
