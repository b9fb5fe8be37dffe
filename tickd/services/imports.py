"""Imports: what another service keeps in a database, read for `domain/imports`."""

from __future__ import annotations

from pathlib import Path

from tickd.domain.imports import uptime_kuma as rules
from tickd.domain.imports.kuma_rows import Tables
from tickd.store import imports as store


def uptime_kuma(path: Path) -> Tables:
    """The tables of an Uptime Kuma's kuma.db; StartupError where it is none, or can't be read."""
    return store.read(path, rules.TABLES, "monitor", "Uptime Kuma")
