"""The table of all pages of the dashboard."""

from __future__ import annotations

from collections.abc import Sequence

from tickd.web.pages import (
    alerts,
    channels,
    entrance,
    events,
    heartbeats,
    incidents,
    jobs,
    keys,
    maintenance,
    monitors,
    overview,
    security,
    settings,
    status,
    status_pages,
    users,
    verification,
    verification_batches,
    verification_history,
)
from tickd.web.pages.visit import Page

ALL: Sequence[tuple[Page, ...]] = (
    overview.PAGES,
    events.PAGES,
    jobs.PAGES,
    monitors.PAGES,
    heartbeats.PAGES,
    incidents.PAGES,
    alerts.PAGES,
    channels.PAGES,
    maintenance.PAGES,
    status_pages.PAGES,
    status.PAGES,
    verification.PAGES,
    verification_batches.PAGES,
    verification_history.PAGES,
    settings.PAGES,
    security.PAGES,
    users.PAGES,
    keys.PAGES,
    entrance.PAGES,
)
"""The pages of each module, in the order of the menu."""


def pages() -> list[Page]:
    """Every page; paths without a variable first, so that `/jobs/new` is no job's id."""
    found = [page for group in ALL for page in group]
    return sorted(found, key=lambda page: "{" in page.path)
