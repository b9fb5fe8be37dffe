"""Server-sent events: tell an open page that something has changed."""

from __future__ import annotations

from contextlib import aclosing

from aiohttp import web

from tickd.services.news import Story
from tickd.web.pages import site
from tickd.web.pages.visit import SESSION, Page, Visit

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # A proxy that gathers what is sent would keep the news from the page.
    "X-Accel-Buffering": "no",
}
_RETRY = b"retry: 3000\n\n"


async def events(visit: Visit) -> web.StreamResponse:
    """`GET /events`: `state` when something has changed, `tick` every ten seconds, until the session ends."""
    response = web.StreamResponse(headers=site.HEADERS | _HEADERS)
    if visit.request.method == "HEAD":
        await response.prepare(visit.request)
        return response
    session = visit.signed.session.id if visit.signed else ""
    with visit.services.overview.seat(visit.account_id, session, lambda: _is_gone(visit.request)):
        return await _tell(visit, response)


async def _tell(visit: Visit, response: web.StreamResponse) -> web.StreamResponse:
    await response.prepare(visit.request)
    await response.write(_RETRY)
    # What the page was drawn from; after a cut the browser names what it heard last.
    known = visit.request.headers.get("Last-Event-ID") or visit.request.query.get("since", "")
    async with aclosing(visit.services.overview.watch(visit.account_id)) as news:
        async for story in news:
            # What is written to one who has gone is not always refused.
            if _is_gone(visit.request) or not await _may_hear(visit):
                break
            await response.write(_written(story, known))
            known = story.version
    return response


def _is_gone(request: web.Request) -> bool:
    """Whether the one who listens has closed the connection."""
    return request.transport is None or request.transport.is_closing()


async def _may_hear(visit: Visit) -> bool:
    """Whether the one who listens is signed in still."""
    signed = await visit.services.users.signed(visit.request.cookies.get(SESSION, ""))
    return signed is not None and signed.principal.account_id == visit.account_id


def _written(story: Story, known: str) -> bytes:
    """The event: a page that was just loaded hears where it begins, one that was cut off what it missed."""
    event = "hello" if story.event == "state" and known in ("", story.version) else story.event
    return f"event: {event}\nid: {story.version}\ndata: {story.version}\n\n".encode()


PAGES = (Page("GET", "/events", events),)
