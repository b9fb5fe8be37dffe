"""An alert as a mail: plain text, and HTML that a phone shows well, in the light and in the dark."""

from __future__ import annotations

import html
from collections.abc import Iterator

from tickd.domain import messages
from tickd.domain.alerts import Message, Story
from tickd.domain.messages import Style

_STYLE = (
    "body{margin:0;padding:0;background:#f4f4f5;color:#18181b}"
    "h1{font-size:20px;line-height:1.3;margin:0 0 12px}h2{font-size:16px;margin:20px 0 4px}"
    "p{margin:0 0 12px}a{color:#1565c0}.quiet{color:#71717a;font-size:14px}"
    "code{font:15px/1.4 ui-monospace,Menlo,Consolas,monospace}"
    ".card{background:#fff;border-radius:8px;padding:16px;margin:0 0 12px;border-left:6px solid #616161}"
    "@media(prefers-color-scheme:dark){body{background:#18181b;color:#f4f4f5}.card{background:#27272a}"
    "a{color:#90caf9}.quiet{color:#a1a1aa}}"
)
# In the element itself: some clients drop what stands in the head.
_COLUMN = (
    '<div style="max-width:36em;margin:0 auto;padding:16px;overflow-wrap:anywhere;'
    "font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">\n"
)
_HEAD = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta name="color-scheme" content="light dark">\n'
    '<meta name="supported-color-schemes" content="light dark">\n'
)


def text(message: Message) -> str:
    """The mail as plain text."""
    return "\n".join(_digest_text(message) if message.is_digest else _text(message, message.story)) + "\n"


def markup(message: Message) -> str:
    """The mail as HTML; all that comes from elsewhere is escaped."""
    inner = _digest_markup(message) if message.is_digest else _markup(message, message.story)
    title = f"<title>{html.escape(messages.subject(message))}</title>"
    foot = f'<p class="quiet">Sent by tickd{_at(message)}.</p>'
    head = f"{_HEAD}{title}<style>{_STYLE}</style></head>\n"
    return f"{head}<body>{_COLUMN}{''.join(inner)}{foot}\n</div></body></html>\n"


def _text(message: Message, story: Story) -> Iterator[str]:
    yield messages.title(story)
    yield ""
    yield messages.lead(story)
    yield ""
    yield from (f"{fact.label}: {fact.text}" for fact in messages.facts(story))
    if story.note:
        yield messages.note(story)
    if link := messages.link(message, story):
        yield ""
        yield link


def _digest_text(message: Message) -> Iterator[str]:
    yield messages.heading(message)
    for style, told in messages.grouped(message.told):
        yield ""
        yield f"{style.heading} ({len(told)})"
        for one in told:
            story = one.story
            yield f"- {messages.name(story)}: {_told(story)}"
            yield from (f"  {extra}" for extra in _extras(message, story))


def _told(story: Story) -> str:
    """One story of a digest behind its name: since when, and why."""
    known = (fact for fact in messages.facts(story, 300) if fact.label.startswith("Why"))
    return " ".join((messages.lead(story), *(f"{fact.label}: {fact.text}" for fact in known)))


def _extras(message: Message, story: Story) -> list[str]:
    return [extra for extra in (messages.note(story, 300), messages.link(message, story)) if extra]


def _markup(message: Message, story: Story) -> Iterator[str]:
    style = messages.style(story)
    yield _card(style)
    yield f"<h1>{style.sign} {html.escape(messages.title(story))}</h1>\n"
    yield f"<p>{html.escape(messages.lead(story))}</p>\n"
    for fact in messages.facts(story):
        said = html.escape(fact.text)
        said = f"<code>{said}</code>" if fact.literal else said
        yield f"<p><b>{fact.label}:</b> {said}</p>\n"
    if story.note:
        yield f"<p>{html.escape(messages.note(story))}</p>\n"
    if link := messages.link(message, story):
        yield f'<p><a href="{html.escape(link)}">Open the incident</a></p>\n'
    yield "</div>\n"


def _digest_markup(message: Message) -> Iterator[str]:
    yield f"<h1>{html.escape(messages.heading(message))}</h1>\n"
    for style, told in messages.grouped(message.told):
        yield f"<h2>{style.sign} {style.heading} ({len(told)})</h2>\n{_card(style)}"
        for one in told:
            story = one.story
            shown = f"<b>{html.escape(messages.name(story))}</b>"
            if link := messages.link(message, story):
                shown = f'<a href="{html.escape(link)}">{shown}</a>'
            added = f"<br>{html.escape(messages.note(story, 300))}" if story.note else ""
            yield f"<p>{shown}<br>{html.escape(_told(story))}{added}</p>\n"
        yield "</div>\n"


def _card(style: Style) -> str:
    return f'<div class="card" style="border-left-color:#{style.colour:06x}">\n'


def _at(message: Message) -> str:
    if not message.link.startswith(("http://", "https://")):
        return ""
    return f' at <a href="{html.escape(message.link)}">{html.escape(message.link)}</a>'
