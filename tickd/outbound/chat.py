"""Alerts to people's chats: Slack, Discord, Telegram and ntfy."""

from __future__ import annotations

import re
from urllib.parse import quote

import msgspec

from tickd.clock import Clock
from tickd.domain import chats
from tickd.domain.alerts import Message
from tickd.domain.channels import SERVERS, Options
from tickd.outbound import posting
from tickd.outbound.http import HttpClient, Response
from tickd.outbound.undelivered import Undelivered, excerpt, secrets_of

_BEGINS_OK = re.compile(rb'\s*\{\s*"ok"\s*:\s*true\b')
_NOT_THE_MESSAGE = ("chat not found", "chat_id is empty", "peer_id_invalid", "upgraded to a supergroup")
"""What Telegram answers with 400 though it is the channel that is wrong."""


async def slack(http: HttpClient, clock: Clock, options: Options, message: Message) -> None:
    """Post to Slack's incoming webhook; raises Undelivered."""
    body = msgspec.json.encode(chats.slack(message))
    await posting.post(http, clock, options.url, body, secrets=secrets_of(options.url))


async def discord(http: HttpClient, clock: Clock, options: Options, message: Message) -> None:
    """Post to a Discord webhook; raises Undelivered."""
    body = msgspec.json.encode(chats.discord(message))
    await posting.post(http, clock, options.url, body, secrets=secrets_of(options.url))


async def telegram(http: HttpClient, clock: Clock, options: Options, message: Message) -> None:
    """Send by Telegram's Bot API; raises Undelivered."""
    server = options.server or SERVERS["telegram"]
    url = f"{server}/bot{quote(options.token, safe=':')}/sendMessage"
    body = msgspec.json.encode(chats.telegram(message, options.chat_id))
    secrets = (options.token, *secrets_of(url))
    try:
        answer = await posting.post(http, clock, url, body, secrets=secrets)
    except Undelivered as failure:
        if failure.refused and any(word in failure.sentence.lower() for word in _NOT_THE_MESSAGE):
            failure.refused = False
        raise
    if not _is_ok(answer):
        raise Undelivered(f"Telegram did not take it: {excerpt(answer.body, secrets)}")


async def ntfy(http: HttpClient, clock: Clock, options: Options, message: Message) -> None:
    """Publish to an ntfy server; raises Undelivered."""
    body = msgspec.json.encode(chats.ntfy(message, options.topic, options.priority))
    authorization = (("Authorization", f"Bearer {options.token}"),) if options.token else ()
    server = options.server or SERVERS["ntfy"]
    headers = (posting.JSON, *authorization)
    await posting.post(http, clock, f"{server}/", body, headers, (options.token, *secrets_of(server)))


class _Answer(msgspec.Struct):
    ok: bool


def _is_ok(answer: Response) -> bool:
    if answer.truncated:
        # It repeats the message, and a long one is over what is read.
        return _BEGINS_OK.match(answer.body) is not None
    try:
        return msgspec.json.decode(answer.body, type=_Answer).ok
    except msgspec.DecodeError:
        return False
