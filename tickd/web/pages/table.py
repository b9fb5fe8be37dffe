"""The table of all pages of the dashboard."""

from __future__ import annotations

from collections.abc import Sequence

from tickd.web.pages.visit import Page

ALL: Sequence[tuple[Page, ...]] = ()
"""The pages of each module, in the order of the menu."""


def pages() -> list[Page]:
    """Every page; paths without a variable first, so that `/jobs/new` is no job's id."""
    found = [page for group in ALL for page in group]
    return sorted(found, key=lambda page: "{" in page.path)
