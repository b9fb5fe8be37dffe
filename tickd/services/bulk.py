"""Bulk: one action on many jobs, monitors and heartbeats, and what could not be done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, NamedTuple

from tickd.domain.heartbeats import HeartbeatChange
from tickd.domain.jobs import JobChange
from tickd.domain.monitors import MonitorChange
from tickd.errors import Invalid, TickdError
from tickd.services.heartbeats import Heartbeats
from tickd.services.jobs import Jobs
from tickd.services.monitors import Monitors

Action = Literal["pause", "resume", "run", "tag", "untag", "delete"]

MOST = 500
"""How many items one request changes at most."""


class Outcome(NamedTuple):
    """How many were changed, and of each other its id and why not."""

    done: int
    failed: list[tuple[str, str]]


class Bulk:
    """The same use cases as for one, for many at once."""

    def __init__(self, jobs: Jobs, monitors: Monitors, heartbeats: Heartbeats) -> None:
        self._jobs = jobs
        self._monitors = monitors
        self._heartbeats = heartbeats

    async def do(self, account_id: str, items: Sequence[str], action: Action, tag: str = "") -> Outcome:
        """Do it to all of these ids; each is done or not by itself. Invalid when it can't be done to any."""
        if not items:
            raise Invalid("item", "must name what is meant: nothing was chosen")
        if len(items) > MOST:
            raise Invalid("item", f"must be at most {MOST}")
        if action in ("tag", "untag") and not 1 <= len(tag.strip()) <= 50:
            raise Invalid("tag", "must be 1 to 50 characters")
        # All at once: the writer commits together what comes together.
        results = await asyncio.gather(
            *(self._one(account_id, item, action, tag.strip()) for item in dict.fromkeys(items))
        )
        failed = [found for found in results if found is not None]
        return Outcome(len(results) - len(failed), failed)

    async def _one(self, account_id: str, item: str, action: Action, tag: str) -> tuple[str, str] | None:
        try:
            await self._way(item, action, tag)(account_id, item)
        except TickdError as error:
            return item, error.message
        return None

    def _way(self, item: str, action: Action, tag: str) -> Callable[[str, str], Awaitable[object]]:
        is_job = item.startswith("job_")
        if action in ("tag", "untag"):

            async def retag(account_id: str, item: str) -> None:
                await self._retag(account_id, item, tag, action == "tag")

            return retag
        if action == "run":
            if not is_job:
                raise Invalid("do", "only jobs can be run")
            return self._jobs.trigger
        service = self._jobs if is_job else self._heartbeats if item.startswith("hb_") else self._monitors
        ways = {"pause": service.pause, "resume": service.resume, "delete": service.delete}
        return ways[action]

    async def _retag(self, account_id: str, item: str, tag: str, is_added: bool) -> None:
        if item.startswith("job_"):
            tags = _changed((await self._jobs.get(account_id, item)).tags, tag, is_added)
            await self._jobs.change(account_id, item, JobChange(tags=tags))
        elif item.startswith("hb_"):
            tags = _changed((await self._heartbeats.get(account_id, item)).tags, tag, is_added)
            await self._heartbeats.change(account_id, item, HeartbeatChange(tags=tags))
        else:
            tags = _changed((await self._monitors.get(account_id, item)).monitor.tags, tag, is_added)
            await self._monitors.change(account_id, item, MonitorChange(tags=tags))


def _changed(tags: Sequence[str], tag: str, is_added: bool) -> list[str]:
    """The tags with one more or one less."""
    if len(tags) >= 50 and is_added and tag not in tags:
        raise Invalid("tags", "must be at most 50")
    return [*tags, tag] if is_added and tag not in tags else [has for has in tags if is_added or has != tag]
