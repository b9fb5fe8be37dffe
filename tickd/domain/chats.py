"""Alerts as chats take them: Slack, Discord, Telegram and ntfy, each with its own escapes and limits."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import msgspec

from tickd.domain import messages, times
from tickd.domain.alerts import Message, Story, Told
from tickd.domain.messages import Fact

_STEPS = (800, 200, 40)
"""How many letters of what others wrote are shown; the next where all together is too long."""
_HEADING = 200
_MARKDOWN = re.compile(r"([\\*_~`|\[\]<]|^[#>\-]|:(?=//))")
_AT = re.compile(r"(?<!\w)@(?=\w)")
_MRKDWN = re.compile(r"(?<![^\W_])[*_~`]|[*_~`](?![^\W_])")


@dataclass(frozen=True, slots=True)
class Medium:
    """How a chat writes: what is escaped and how, what a text takes, and how much there may be.

    `escape` serves our own words too; `literal` shows what somebody else wrote.
    """

    room: int
    size: Callable[[str], int]
    escape: Callable[[str], str]
    literal: Callable[[str], str]
    bold: Callable[[str], str]
    anchor: Callable[[str, str], str]


def _units(text: str) -> int:
    """The length in UTF-16, which is what chats count in; never less than the number of letters."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _json_bytes(text: str) -> int:
    return len(msgspec.json.encode(text)) - 2


def _unmentioned(text: str) -> str:
    """The text with a word joiner behind each @ that could call somebody."""
    return _AT.sub("@\N{WORD JOINER}", text)


def _slack_escape(text: str) -> str:
    escaped = html.escape(_unmentioned(text), quote=False)
    return _MRKDWN.sub(lambda found: f"\N{ZERO WIDTH SPACE}{found[0]}\N{ZERO WIDTH SPACE}", escaped)


def _slack_code(text: str) -> str:
    return html.escape(_code(_unmentioned(text)), quote=False)


def _code(text: str) -> str:
    """The text between backticks, which it can't end."""
    return f"`{text.replace('`', chr(39))}`"


def _discord_escape(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _telegram_escape(text: str) -> str:
    return html.escape(_unmentioned(text), quote=False)


def _address(url: str) -> str:
    """An address that no markup can take apart."""
    return quote(url, safe=":/?#@[]%&=+,;~")


SLACK = Medium(
    room=2900,
    size=_units,
    escape=_slack_escape,
    literal=_slack_code,
    bold=lambda text: f"*{text}*",
    anchor=lambda url, text: f"<{html.escape(_address(url))}|{text}>",
)
DISCORD = Medium(
    room=4000,
    size=_units,
    escape=_discord_escape,
    literal=_code,
    bold=lambda text: f"**{text}**",
    anchor=lambda url, _text: f"<{_address(url)}>",
)
TELEGRAM = Medium(
    room=4000,
    size=_units,
    escape=_telegram_escape,
    literal=lambda text: f"<code>{html.escape(text, quote=False)}</code>",
    bold=lambda text: f"<b>{text}</b>",
    anchor=lambda url, text: f'<a href="{html.escape(_address(url))}">{text}</a>',
)
PLAIN = Medium(
    room=3800,
    size=_json_bytes,
    escape=str,
    literal=str,
    bold=str,
    anchor=lambda url, _text: url,
)
"""For ntfy."""
UNKNOWN = replace(PLAIN, escape=_unmentioned, literal=_unmentioned)
"""For what nothing else is known of."""


def slack(message: Message) -> dict[str, Any]:
    """The JSON for an incoming webhook."""
    text = body(message, SLACK)
    section = {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": text}}
    return {
        "text": _slack_escape(heading(message)),
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "attachments": [{"color": f"#{_colour(message):06x}", "blocks": [section]}],
    }


def discord(message: Message) -> dict[str, Any]:
    """The JSON for a Discord webhook, which can call nobody."""
    embed: dict[str, Any] = {
        "description": body(message, DISCORD),
        "color": _colour(message),
        "timestamp": times.rfc3339(message.moment if message.is_digest else message.story.at),
    }
    content = _cut(_discord_escape, heading(message), 1900)
    return {"content": content, "embeds": [embed], "allowed_mentions": {"parse": []}}


def telegram(message: Message, chat_id: str) -> dict[str, Any]:
    """The JSON for the Bot API's sendMessage."""
    bold = TELEGRAM.bold(_telegram_escape(heading(message)))
    room = TELEGRAM.room - _units(bold) - 2
    return {
        "chat_id": chat_id,
        "parse_mode": "HTML",
        "text": f"{bold}\n\n{body(message, TELEGRAM, room)}",
        "link_preview_options": {"is_disabled": True},
    }


def ntfy(message: Message, topic: str, priority: int = 0) -> dict[str, Any]:
    """The JSON for ntfy; `priority` is the channel's own, 1 to 5, or 0 to go by the events."""
    first = messages.grouped(message.told)[0][1][0].story
    said: dict[str, Any] = {
        "topic": topic,
        "title": messages.line(messages.heading(message), _HEADING),
        "message": body(message, PLAIN),
        "priority": priority or max(_priority(told.story) for told in message.told),
        "tags": [messages.style(first).tone],
    }
    click = messages.link(message, message.story) if not message.is_digest else message.link
    return said | {"click": click} if click else said


def plain(message: Message) -> tuple[str, str]:
    """Title and text for whatever takes plain text."""
    return _unmentioned(heading(message)), body(message, UNKNOWN)


def heading(message: Message) -> str:
    """The message in a line, behind the sign of the worst of it."""
    return f"{messages.grouped(message.told)[0][0].sign} {messages.heading(message)}"


def body(message: Message, medium: Medium, room: int = 0) -> str:
    """What stands below the heading, escaped, and within what the chat takes."""
    room = room or medium.room
    if message.is_digest:
        told = [one for _, some in messages.grouped(message.told) for one in some]
        return messages.fitted([_line(one, medium) for one in told], room, medium.size)
    written = ""
    for most in _STEPS:
        written = "\n".join(_lines(message, message.story, medium, most))
        if medium.size(written) <= room:
            break
    return written


def _lines(message: Message, story: Story, medium: Medium, most: int) -> list[str]:
    known = [_fact(fact, medium) for fact in messages.facts(story, most)]
    lines = [medium.escape(messages.lead(story, most)), *known]
    if story.note:
        lines.append(medium.escape(messages.note(story, most)))
    if link := messages.link(message, story):
        lines.append(medium.anchor(link, "Open the incident"))
    return lines


def _fact(fact: Fact, medium: Medium) -> str:
    text = medium.literal(fact.text) if fact.literal else medium.escape(fact.text)
    return f"{medium.bold(fact.label)}: {text}"


def _line(told: Told, medium: Medium) -> str:
    return medium.escape(f"{messages.style(told.story).sign} {messages.one_line(told.story)}")


def _cut(escape: Callable[[str], str], text: str, room: int) -> str:
    escaped = escape(text)
    return escaped if _units(escaped) <= room else escape(messages.line(text, room // 4))


def _colour(message: Message) -> int:
    return messages.grouped(message.told)[0][0].colour


def _priority(story: Story) -> int:
    if story.event in ("down", "job_failed", "reminder"):
        return {"minor": 3, "major": 4, "critical": 5}[story.severity]
    return 4 if story.event == "delivery" else 3
