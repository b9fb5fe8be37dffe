"""Feeds: what a status page shows, as JSON and as RSS 2.0."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import formatdate
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import msgspec

from tickd.domain import texts, times, uptime
from tickd.domain.status_views import WELL, Line, Note, Planned, View
from tickd.web.pages import words

ITEMS_MOST = 50
"""How many items a feed has at most, the newest ones."""

_CHANNEL = """\
<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
<channel>
<title>{title}</title>
<link>{link}</link>
<description>{description}</description>
<language>en</language>
<ttl>5</ttl>
<generator>tickd</generator>
<atom:link href="{here}" rel="self" type="application/rss+xml"/>
{items}</channel>
</rss>
"""
_ITEM = """\
<item>
<title>{title}</title>
<link>{link}</link>
<description>{description}</description>
<pubDate>{at}</pubDate>
<guid isPermaLink="false">{guid}</guid>
</item>
"""


class _Item(NamedTuple):
    at: int
    guid: str
    title: str
    text: str
    anchor: str


def as_json(view: View, link: str) -> str:
    """A status page as JSON; `link` is the page's own address."""
    page = view.page
    said = {
        "page": {"title": page.heading, "description": page.description, "url": link},
        "status": {"banner": view.banner, "ok": view.banner == WELL},
        "sections": [
            {
                "title": section.title,
                "groups": [
                    {"name": group.name, "items": [_line(line) for line in group.lines]}
                    for group in section.groups
                ],
            }
            for section in view.sections
        ],
        "incidents": [_note(one) for one in view.current],
        "history": [_note(one) for one in view.past],
        "maintenance": [_planned(one) for one in view.planned],
    }
    return msgspec.json.encode(said).decode()


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "kind": line.kind,
        "status": line.word,
        "in_maintenance": line.in_maintenance,
        "uptime_percent": line.uptime_percent,
        "last_seen_at": times.optional(line.last_seen_at),
        "days": [{"date": uptime.date_text(day.day), "state": day.state} for day in line.days],
    }


def _note(note: Note) -> dict[str, Any]:
    return {
        "id": note.id,
        "title": note.title,
        "name": note.name,
        "status": "open" if note.is_open else "resolved",
        "started_at": times.rfc3339(note.started_at),
        "resolved_at": times.optional(note.resolved_at),
        "updates": [
            {"status": one.status, "message": one.message, "created_at": times.rfc3339(one.at)}
            for one in note.updates
        ],
    }


def _planned(one: Planned) -> dict[str, Any]:
    return {
        "name": one.name,
        "status": "active" if one.is_active else "planned",
        "starts_at": times.optional(one.starts_at),
        "ends_at": times.optional(one.ends_at),
        "subjects": list(one.subjects),
    }


def as_rss(view: View, link: str, here: str) -> str:
    """The incidents of a status page and what was said of them; `here` is the feed's own address."""
    # Of what was said in the same moment, the later comes first too.
    items = [item for note in (*view.current, *view.past) for item in reversed([*_items(note)])]
    newest = sorted(items, key=lambda item: -item.at)[:ITEMS_MOST]
    return _CHANNEL.format(
        title=_xml(f"{view.page.heading} status"),
        link=_xml(link),
        description=_xml(view.page.description or f"Incidents of {view.page.heading}"),
        here=_xml(here),
        items="".join(_drawn(item, link) for item in newest),
    )


def _items(note: Note) -> Iterator[_Item]:
    """One for its beginning, one for each update, one for its end: each has the same text for ever."""
    opened = f"{note.name} is {note.trouble}"
    yield _Item(note.started_at, note.id, opened, opened, note.id)
    for number, update in enumerate(reversed(note.updates), 1):
        title = f"{update.status.capitalize()}: {opened}"
        yield _Item(update.at, f"{note.id}-{number}", title, update.message or title, note.id)
    if note.resolved_at is not None:
        ended = f"{note.name} is well again"
        span = words.duration((note.resolved_at - note.started_at) / 1000)
        text = f"{note.name} was {note.trouble} for {span}."
        yield _Item(note.resolved_at, f"{note.id}-resolved", ended, text, note.id)


def _drawn(item: _Item, link: str) -> str:
    return _ITEM.format(
        title=_xml(item.title),
        link=_xml(f"{link}#{item.anchor}"),
        # Readers take a description for HTML: a text with < in it has to say so twice.
        description=_xml(escape(item.text).replace("\n", "<br>")),
        at=formatdate(item.at / 1000, usegmt=True),
        guid=_xml(item.guid),
    )


def _xml(text: str) -> str:
    """Text for an XML file, without what none may hold."""
    return escape("".join(letter for letter in text if texts.is_printable(letter) or letter in "\t\n"))
