"""Shading: when tickd was blind to a subject or it was in maintenance, for its chart."""

from __future__ import annotations

from collections.abc import Sequence

from tickd.domain import shading as rules
from tickd.domain.maintenance import Window
from tickd.domain.shading import Band
from tickd.store import days, maintenance
from tickd.store.database import Database


async def bands(
    db: Database,
    account_id: str,
    identifier: str,
    tags: Sequence[str],
    windows: Sequence[Window],
    since: int,
    until: int,
) -> list[Band]:
    """What is shaded from `since` to `until` (milliseconds) on the chart of that subject with these tags."""
    blind = await days.blind(db, since, until)
    every = await maintenance.of_account(db, account_id)
    covering = [one for one in every if one.covers(identifier, tags)]
    return rules.bands(blind, covering, windows, since, until)
