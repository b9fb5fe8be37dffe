"""Diagnosis: looks at a database and what is around it, beside a daemon or without one; changes nothing."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from tickd.clock import Clock
from tickd.domain import cron, times
from tickd.domain.contents import amount
from tickd.domain.diagnosis import Finding, error, ok, warning
from tickd.errors import StartupError, Unavailable
from tickd.services import backups, reachability, surroundings
from tickd.services.backups import Plan
from tickd.services.reachability import Addresses
from tickd.store import inspection
from tickd.store.inspection import Seen

LEAST_FREE = 64_000_000
"""Bytes of free disk under which every daemon is in danger."""
LARGE_LOG = 256_000_000
"""A write-ahead log of so many bytes is not emptied as it should be."""
PAGE_SIZES = (4096, 8192, 16384, 32768, 65536)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at: the daemon's settings, as far as they can be wrong."""

    db: str
    full: bool
    config: Path | None
    addresses: Addresses
    plan: Plan | None
    max_calls: int
    max_checks: int


async def examine(asked: Asked, clock: Clock) -> AsyncIterator[Finding]:
    """Every finding, as it is made."""
    begun = clock.now(), clock.monotonic()
    path = _real(asked.db)
    holder = await asyncio.to_thread(inspection.holder, path)
    seen, finding = await asyncio.to_thread(_open, path, asked.db, holder)
    yield finding
    if seen is not None:
        yield await asyncio.to_thread(_integrity, path, asked.full)
        for finding in _pragmas(seen):
            yield finding
    yield _daemon(holder)
    for finding in await asyncio.to_thread(_files, asked, path, seen, clock.now()):
        yield finding
    async for finding in reachability.findings(asked.addresses, holder, seen.secret if seen else b"", clock):
        yield finding
    for finding in await asyncio.to_thread(surroundings.findings, holder, asked.max_calls, asked.max_checks):
        yield finding
    yield surroundings.clock_finding(clock, begun, seen.alive_at if seen else None)


def _real(name: str) -> Path:
    return Path(os.path.realpath(name))


def _open(path: Path, name: str, holder: int | None) -> tuple[Seen | None, Finding]:
    if not path.exists():
        advice = "name it with --db, or start the daemon, which makes it"
        return None, error("database", f"there is no database {name}", advice)
    try:
        seen = inspection.look(path)
    except StartupError as fault:
        return None, error("database", fault.message, "put a backup in its place: tickd restore FILE")
    newest, schema = inspection.newest(), seen.contents.schema
    if schema == newest:
        return seen, ok("database", f"{path}: {amount(seen.contents.size)}, {seen.contents.words()}")
    message = f"{path} has schema {schema}, this program knows {newest}"
    if holder is not None:
        return seen, warning("database", message, "an older tickd runs on it: restart it with this one")
    return seen, warning("database", message, "back it up; the next start brings it up to date")


def _integrity(path: Path, full: bool) -> Finding:
    try:
        inspection.check(path, full=full)
    except (StartupError, Unavailable) as fault:
        advice = "stop the daemon and put a backup in its place: tickd restore FILE"
        return error("integrity", fault.message, advice)
    return ok("integrity", "pages, indexes and references are sound" if full else "pages are sound")


def _pragmas(seen: Seen) -> Iterator[Finding]:
    found = seen.pragmas
    if found["auto_vacuum"] != 2:
        message = f"auto_vacuum is {found['auto_vacuum']} instead of 2: the daemon won't start on this file"
        advice = "stop the daemon; with the program sqlite3 set auto_vacuum to 2, then run VACUUM"
        yield error("pragmas", message, advice)
    elif found["page_size"] not in PAGE_SIZES:
        message = f"pages of {found['page_size']} bytes make it slow"
        yield warning("pragmas", message, "back it up and restore it into a new file")
    else:
        mode = "wal" if seen.has_log else "delete (the daemon sets wal at its start)"
        pages, free = found["page_count"], found["freelist_count"]
        shown = f"journal_mode {mode}, auto_vacuum incremental, {free} of {pages} pages free"
        yield ok("pragmas", shown)
    if seen.log_size > LARGE_LOG:
        message = f"the write-ahead log has {amount(seen.log_size)}"
        yield warning("log", message, "a program keeps the database open for long: find and end it")


def _daemon(holder: int | None) -> Finding:
    if holder is None:
        return warning("daemon", "no daemon runs on this database", "start it: tickd serve")
    return ok("daemon", f"a daemon runs on it (pid {holder})" if holder else "a daemon runs on it")


def _files(asked: Asked, path: Path, seen: Seen | None, now: int) -> list[Finding]:
    size = seen.contents.size + seen.log_size if seen else 0
    found = [*_permissions(asked, path, seen), _room("disk", path.parent, size // 4)]
    temporary = Path(tempfile.gettempdir())
    if os.stat(temporary).st_dev != os.stat(path.parent if path.parent.is_dir() else "/").st_dev:
        found.append(_room("temporary files", temporary, 0))
    return [*found, *_backups(asked, seen, size, now)]


def _permissions(asked: Asked, path: Path, seen: Seen | None) -> Iterator[Finding]:
    wrong = []
    for one in (path, asked.config):
        if one is not None and one.exists() and one.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            wrong.append(one)
    if seen is not None and not os.access(path, os.R_OK | os.W_OK):
        yield error(
            "permissions", f"{path} can't be written to by this user", "run doctor as the daemon's user"
        )
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        yield error(
            "permissions", f"{path.parent} can't be written to", "the daemon keeps its log beside the file"
        )
    elif wrong:
        names = " ".join(map(str, wrong))
        yield warning("permissions", f"others can get at {names}, which holds secrets", f"chmod 600 {names}")
    else:
        yield ok("permissions", "nobody but its owner gets at the database")


def _room(check: str, folder: Path, wanted: int) -> Finding:
    try:
        disk = os.statvfs(folder)
    except OSError as fault:
        return error(check, f"{folder}: {fault.strerror}", "make the directory, or name another")
    free, whole = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    message = f"{folder} has {amount(free)} free of {amount(whole)}"
    if free < LEAST_FREE or disk.f_favail == 0 < disk.f_files:
        return error(check, message, "make room now: without it no ping and no run can be recorded")
    if free < wanted or free < whole // 50:
        return warning(check, message, "make room before it is full")
    return ok(check, message)


def _backups(asked: Asked, seen: Seen | None, size: int, now: int) -> Iterator[Finding]:
    plan = asked.plan
    if plan is None:
        message = "there are no scheduled backups"
        yield warning("backups", message, "set backup_dir, or run tickd backup FILE from a crontab")
        return
    try:
        backups.check_plan(plan)
    except StartupError as fault:
        yield error("backups", fault.message, "the daemon won't start with this setting: correct it")
        return
    room = _room("backup disk", Path(plan.folder), size)
    if room.level != "ok":
        yield room
    found = backups.newest_of(Path(plan.folder), seen.secret, now, asked.db) if seen else None
    if found is None:
        message = f"there is no backup in {plan.folder} yet"
        yield warning("backups", message, "a running daemon makes the first a minute after its start")
        return
    last = found[0]
    message = f"the last backup is {times.span(now - last)} old: {times.rfc3339(last)}"
    missed = cron.next_after(plan.schedule, plan.timezone, last) + times.HOUR
    if missed < now:
        yield error("backups", message, "its log says why the daemon makes none; backup_schedule says when")
    else:
        yield ok("backups", message)
