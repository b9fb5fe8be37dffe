"""The overview: everything of the account in one list, what needs attention first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from aiohttp import web
from markupsafe import Markup
from msgspec import Struct

from tickd.domain import bars, overview, times
from tickd.domain.overview import Filters, Health, Item, Last
from tickd.services.bulk import Action, Outcome
from tickd.web import fields
from tickd.web.pages import words
from tickd.web.pages.visit import Page, Visit

LIMIT = 100
"""Items on one page."""
TOLD = 5
"""How many of what could not be done are named."""
NAMED = 10
"""How many of what is to be deleted are named."""

_TONES = {"down": "bad", "degraded": "warn", "late": "warn"}
_DONE = {
    "pause": "Paused",
    "resume": "Resumed",
    "run": "Started",
    "tag": "Tagged",
    "untag": "Took the tag from",
    "delete": "Deleted",
}


class Wanted(Filters, frozen=True, kw_only=True):
    """Which part of the list is wanted."""

    offset: int = 0


class Chosen(Struct, kw_only=True):
    """What is to be done with the items that are checked; `back` is the list's query."""

    do: Action
    item: list[str] = []
    tag: str = ""
    back: str = ""
    sure: Literal["", "yes"] = ""


async def page(visit: Visit) -> web.Response:
    """`GET /`"""
    wanted = visit.query(Wanted)
    template = "overview/list.html" if visit.is_fragment else "overview/page.html"
    return visit.page(template, **await _shown(visit, wanted))


async def _shown(visit: Visit, wanted: Wanted) -> dict[str, Any]:
    service, account_id = visit.services.overview, visit.account_id
    filters = Filters(**{name: getattr(wanted, name) for name in Filters.__struct_fields__})
    offset = max(0, min(1 << 53, wanted.offset))
    found = await service.page(account_id, filters, limit=LIMIT, offset=offset)
    tags, groups = await service.names(account_id)
    health = await service.health(account_id)
    states = _by_state(found, wanted)
    drawn = await service.bars(found.items, bars.SMALL_DAYS)
    return {
        "wanted": wanted,
        "limit": LIMIT,
        "offset": offset,
        "found": found,
        "bars": {item.id: Markup(bars.small(drawn[item.id])) for item in found.items},  # noqa: S704
        "tags": tags,
        "groups": groups,
        "health": health,
        "worst": _TONES.get(health.worst or "", "good"),
        "kinds": _by_kind(health),
        "states": states,
        "trouble": sum(count for state, count in states if state in overview.TROUBLE),
        "link": linker(wanted),
        "target": target,
        "result": result,
        "nowhere": await visit.services.channels.warning(account_id),
        "runs_again": await visit.services.limits.runs_again(account_id),
    }


def linker(wanted: Wanted) -> Callable[..., str]:
    """A function that makes the list's address with other filters; what is the default is left out."""
    plain = msgspec.structs.asdict(Wanted())

    def link(**changes: object) -> str:
        said = msgspec.structs.asdict(wanted) | {"offset": 0} | changes
        query = urlencode({name: value for name, value in said.items() if value != plain[name]})
        return f"/?{query}" if query else "/"

    return link


def target(item: Item) -> str:
    """Where the page of an item is."""
    return f"/{item.kind}s/{item.id}"


def result(last: Last) -> str:
    """The latest result in a few words: `200 · 34 ms`."""
    took = "" if last.took is None else _took(last.took)
    return " · ".join(part for part in (last.text, took, last.more) if part)


def _took(milliseconds: float) -> str:
    if milliseconds < times.MINUTE:
        return words.milliseconds(milliseconds)
    return words.duration(milliseconds / times.SECOND)


def _by_kind(health: Health) -> dict[str, int]:
    return {
        kind: sum(count for (has, _), count in health.counts.items() if has == kind)
        for kind in overview.KINDS
    }


def _by_state(found: overview.Page, wanted: Wanted) -> list[tuple[str, int]]:
    """How many there are of each state in the kinds that are wanted; a state that none has is left out."""
    counts = [
        (state, sum(found.counts.get((kind, state), 0) for kind in wanted.wanted_kinds))
        for state in overview.STATES
    ]
    return [(state, count) for state, count in counts if count or state == wanted.state]


async def bulk(visit: Visit) -> web.Response:
    """`POST /bulk`: one action on all that is checked; a delete is asked for once more."""
    said: dict[str, object] = {name: visit.text(name) for name in ("do", "tag", "back", "sure")}
    items = [value for value in visit.data.getall("item", []) if isinstance(value, str)]
    chosen = fields.convert(said | {"item": items}, Chosen)
    back = f"/?{chosen.back}" if chosen.back else "/"
    if not chosen.item:
        return visit.go(back, "Nothing was chosen.", tone="warn")
    if chosen.do == "delete" and not chosen.sure:
        return await _asked(visit, chosen, back)
    outcome = await visit.services.bulk.do(visit.account_id, chosen.item, chosen.do, chosen.tag)
    return visit.go(back, told(chosen.do, outcome), tone="warn" if outcome.failed else "good")


async def _asked(visit: Visit, chosen: Chosen, back: str) -> web.Response:
    hidden = [("do", "delete"), ("sure", "yes"), ("back", chosen.back)]
    count = words.plural(len(chosen.item), "item")
    return visit.page(
        "confirm.html",
        title=f"Delete {count}?",
        message=gone(await visit.services.overview.called(visit.account_id, chosen.item)),
        action="/bulk",
        label=f"Delete {count}",
        keep="Keep it" if len(chosen.item) == 1 else "Keep them",
        back=back,
        hidden=hidden + [("item", item) for item in chosen.item],
    )


def gone(names: Sequence[str]) -> str:
    """What a delete of these takes away: the first of them by name."""
    named = ", ".join(names[:NAMED])
    if len(names) > NAMED:
        named += f" and {words.number(len(names) - NAMED)} more"
    return f"This will be gone, with all its history: {named}. It can't be undone."


def told(action: Action, outcome: Outcome) -> str:
    """What was done, and why the rest was not."""
    said = f"{_DONE[action]} {words.plural(outcome.done, 'item')}."
    if not outcome.failed:
        return said
    named = "; ".join(f"{item}: {why}" for item, why in outcome.failed[:TOLD])
    more = len(outcome.failed) - TOLD
    return (
        f"{said} {len(outcome.failed)} could not be done: {named}{f'; and {more} more' if more > 0 else ''}."
    )


def _of_kind(kind: str) -> Callable[[Visit], Any]:
    async def there(visit: Visit) -> web.Response:
        """`GET /jobs`, `/monitors`, `/heartbeats`: the list of one kind."""
        return visit.go(f"/?kind={kind}")

    return there


PAGES: tuple[Page, ...] = (
    Page("GET", "/", page),
    Page("POST", "/bulk", bulk, "write"),
    *(Page("GET", f"/{kind}s", _of_kind(kind)) for kind in overview.KINDS),
)
