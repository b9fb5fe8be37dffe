"""What the pages of a job, a monitor and a heartbeat have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tickd.domain import overview
from tickd.domain.overview import State
from tickd.errors import NotFound
from tickd.web.pages import words
from tickd.web.pages.visit import Visit

INCIDENTS = 5
"""How many incidents a page lists."""
CHANNELS_MOST = 500


class Other(NamedTuple):
    """Something that is required or depended on; without a `name` it is not there any more."""

    id: str
    name: str = ""
    href: str = ""
    state: str = ""


def stands(name: str, state: State) -> dict[str, str]:
    """The state as the page, its icon and its window's title say it: "Down: Shop"."""
    tone = words.TONES.get(state, "good")
    is_trouble = state in overview.TROUBLE
    return {
        "state": state,
        "worst": tone if is_trouble else "good",
        "window": f"{words.STATES[state]}: {name}" if is_trouble else name,
    }


async def incidents(visit: Visit, identifier: str) -> dict[str, Any]:
    """The latest incidents of a job, a monitor or a heartbeat, and how many there are."""
    filters: dict[str, str | None] = {"status": None, "kind": None, "subject": identifier}
    found, many = await visit.services.incidents.page(visit.account_id, filters, limit=INCIDENTS)
    return {"incidents": [one.incident for one in found], "incident_count": many}


async def channels(visit: Visit, chosen: Sequence[str]) -> list[str]:
    """The names of the channels that are told; an empty list means the default ones."""
    if not chosen:
        return []
    found, _ = await visit.services.channels.page(visit.account_id, limit=CHANNELS_MOST, offset=0)
    named = {one.channel.id: one.channel.name for one in found}
    return [named.get(one, one) for one in chosen]


async def other(visit: Visit, identifier: str) -> Other:
    """What has that id; the account's own alone."""
    services, account = visit.services, visit.account_id
    try:
        if identifier.startswith("job_"):
            job = await services.jobs.get(account, identifier)
            return Other(identifier, job.name, f"/jobs/{identifier}", overview.of_job(job))
        if identifier.startswith("hb_"):
            awaited = await services.heartbeats.get(account, identifier)
            state = overview.of_heartbeat(awaited, services.heartbeats.pinging.now())
            return Other(identifier, awaited.name, f"/heartbeats/{identifier}", state)
        monitor = (await services.monitors.get(account, identifier)).monitor
    except NotFound:
        return Other(identifier)
    return Other(identifier, monitor.name, f"/monitors/{identifier}", overview.of_monitor(monitor))
