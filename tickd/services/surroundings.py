"""Surroundings: the machine that a daemon runs on, as doctor sees it."""

from __future__ import annotations

import resource
import ssl
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from tickd import files
from tickd.clock import Clock, is_synchronised
from tickd.domain import cron, times
from tickd.domain.contents import amount
from tickd.domain.diagnosis import Finding, error, ok, warning
from tickd.errors import Invalid

YEARS = range(2026, 2100)
"""A clock outside of them is wrong."""
DRIFT_SECS = 0.5
"""How far the wall clock may go from the monotonic one while doctor looks."""
BEHIND = 30 * times.SECOND
"""How far the last sign of life may be ahead of the clock."""
LITTLE_MEMORY = 128_000_000
KNOWN = (
    ("Europe/Berlin", "30 2 * * *", "2026-03-29T00:00:00+00:00", "2026-03-29T01:00:00+00:00"),
    ("America/New_York", "30 2 * * *", "2026-03-08T05:00:00+00:00", "2026-03-08T07:00:00+00:00"),
    ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00+00:00", "2026-04-04T14:45:00+00:00"),
)
"""Zone, schedule, a moment, and when it fires next: around changes of the clock."""


def findings(holder: int | None, max_calls: int, max_checks: int) -> list[Finding]:
    """Time zones, root certificates, open files, memory."""
    return [_zones(), _roots(), _open_files(holder, max_calls, max_checks), *_memory(holder)]


def clock_finding(clock: Clock, begun: tuple[int, float], alive_at: int | None) -> Finding:
    """The clock: against itself since `begun` (wall, monotonic), the last sign of life, and what keeps it."""
    now = clock.now()
    drift = (now - begun[0]) / 1000 - (clock.monotonic() - begun[1])
    shown = times.rfc3339(now // 1000 * 1000)
    if datetime.fromtimestamp(now / 1000, UTC).year not in YEARS:
        return error("clock", f"it is {shown}, says the clock", "set the clock, and let NTP keep it")
    if alive_at is not None and alive_at - now > BEHIND:
        message = (
            f"the clock ({shown}) is {times.span(alive_at - now)} behind the database's last sign of life"
        )
        return error("clock", message, "set the clock, and let NTP keep it")
    if abs(drift) > DRIFT_SECS:
        message = f"the clock stepped by {drift:+.1f} s while doctor looked"
        return warning("clock", message, "let NTP slew the clock instead of stepping it")
    if is_synchronised() is False:
        advice = "run an NTP client, such as systemd-timesyncd or chrony"
        return warning("clock", f"it is {shown}; nothing keeps the clock right", advice)
    return ok("clock", f"it is {shown}")


def _zones() -> Finding:
    advice = "install or update the package tzdata"
    for zone, schedule, after, wanted in KNOWN:
        try:
            found = cron.next_after(schedule, zone, _moment(after))
        except Invalid:
            return error("time zones", f"there is no time zone {zone}", advice)
        if found != _moment(wanted):
            return error("time zones", f"{zone} changes its clock at another time than it does", advice)
    version = _zone_version()
    known = f"{len(cron.zones())} zones, version {version}"
    if version[:4].isdigit() and int(version[:4]) < YEARS.start - 1:
        return warning("time zones", f"{known}, is old", advice)
    return ok("time zones", known)


def _moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


def _zone_version() -> str:
    """Of the directory that Python reads first, or else of the package."""
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / "Europe" / "Berlin").exists():
            try:
                with (folder / "tzdata.zi").open(encoding="ascii", errors="replace") as file:
                    return f"{file.readline(80).removeprefix('# version ').strip()} in {folder}"
            except OSError:
                return f"unknown in {folder}"
    try:
        return metadata.version("tzdata")
    except metadata.PackageNotFoundError:
        return "unknown"


def _roots() -> Finding:
    """Of our own process: a daemon with other SSL_CERT_FILE or SSL_CERT_DIR may have others."""
    paths = ssl.get_default_verify_paths()
    count = ssl.create_default_context().cert_store_stats()["x509_ca"]
    if count:
        return ok("root certificates", f"{count} in {paths.cafile or paths.capath}")
    # A directory is not read before a certificate is looked for in it, by the hash that is its name.
    folder = Path(paths.capath) if paths.capath else None
    if folder is not None and any(folder.glob("[0-9a-f]*.[0-9]")):
        return ok("root certificates", f"in {folder}")
    message = "there are none: every check, job and webhook of an https address fails"
    return error("root certificates", message, "install the package ca-certificates, or set SSL_CERT_FILE")


def _open_files(holder: int | None, max_calls: int, max_checks: int) -> Finding:
    limit = min(_file_limit(holder), files.MOST)
    shares = files.shares(limit, max_calls, max_checks)
    message = f"{limit} files may be open"
    if shares.calls < max_calls or shares.checks < max_checks:
        room = f"room for {shares.calls} calls and {shares.checks} checks, not {max_calls} and {max_checks}"
        advice = "raise it: LimitNOFILE= in the unit, ulimit -n in a shell"
        return warning("open files", f"{message}: {room}", advice)
    return ok("open files", f"{message}: room for {shares.connections} callers at once")


def _file_limit(holder: int | None) -> int:
    """The hard limit of the daemon, or our own where none runs or it can't be read."""
    for line in _lines(f"/proc/{holder}/limits") if holder else ():
        if line.startswith("Max open files"):
            word = line.split()[4]
            return int(word) if word.isdigit() else files.MOST
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return files.MOST if hard == resource.RLIM_INFINITY else hard


def _memory(holder: int | None) -> Iterator[Finding]:
    sizes = dict(line.split(":", 1) for line in _lines("/proc/meminfo") if ":" in line)
    words = sizes.get("MemAvailable", "").split()
    bounds = [int(words[0]) * 1024] if words and words[0].isdigit() else []
    bounds += _group_limit(holder)
    if not bounds:
        return
    least = min(bounds)
    message = f"{amount(least)} of memory are to be had"
    if least < LITTLE_MEMORY:
        yield warning("memory", message, "give it more: a busy daemon needs some 200 MB")
    else:
        yield ok("memory", message)


def _group_limit(holder: int | None) -> list[int]:
    """The memory limit of the control group, of either version."""
    found = []
    for line in _lines(f"/proc/{holder or 'self'}/cgroup"):
        _, kinds, group = line.split(":", 2)
        for name in (
            f"/sys/fs/cgroup{group}/memory.max",
            f"/sys/fs/cgroup/memory{group}/memory.limit_in_bytes",
        ):
            if kinds in ("", "memory"):
                found += [int(word) for word in _lines(name)[:1] if word.isdigit()]
    return found


def _lines(name: str) -> list[str]:
    try:
        return Path(name).read_text("ascii", "replace").splitlines()
    except OSError:
        return []
