"""Server-sent events: tell an open page that something has changed."""

from __future__ import annotations

from contextlib import aclosing

from aiohttp import web

from tickd.services.news import Story
from tickd.web import server_events
from tickd.web.pages import site
from tickd.web.pages.visit import SESSION, Page, Visit


async def events(visit: Visit) -> web.StreamResponse:
    """`GET /events`: `state` when something has changed, `tick` every ten seconds, until the session ends."""
    response = web.StreamResponse(headers=site.HEADERS | server_events.HEADERS)
    if visit.request.method == "HEAD":
        await response.prepare(visit.request)
        return response
    session = visit.signed.session.id if visit.signed else ""
    with visit.services.overview.seat(
        visit.account_id, session, lambda: server_events.is_gone(visit.request)
    ):
        return await _tell(visit, response)


async def _tell(visit: Visit, response: web.StreamResponse) -> web.StreamResponse:
    await response.prepare(visit.request)
    await response.write(server_events.RETRY)
    # What the page was drawn from; after a cut the browser names what it heard last.
    known = visit.request.headers.get("Last-Event-ID") or visit.request.query.get("since", "")
    async with aclosing(visit.services.overview.watch(visit.account_id)) as news:
        async for story in news:
            # What is written to one who has gone is not always refused.
            if server_events.is_gone(visit.request) or not await may_hear(visit):
                break
            await response.write(_written(story, known))
            known = story.version
    return response


async def may_hear(visit: Visit) -> bool:
    """Whether the one who listens is signed in still."""
    signed = await visit.services.users.signed(visit.request.cookies.get(SESSION, ""))
    return signed is not None and signed.principal.account_id == visit.account_id


def _written(story: Story, known: str) -> bytes:
    """The event: a page that was just loaded hears where it begins, one that was cut off what it missed."""
    event = "hello" if story.event == "state" and known in ("", story.version) else story.event
    return server_events.written(event, story.version, story.version)


PAGES = (Page("GET", "/events", events),)
