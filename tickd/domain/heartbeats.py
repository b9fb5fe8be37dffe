"""Heartbeats: jobs that run elsewhere and ping when they are done; what a person may say of one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tickd import ids
from tickd.domain import cron, expiry, slugs, subjects
from tickd.domain.expiry import Rhythm, Standing
from tickd.domain.jobs import Name, Reference, Severity, Tag
from tickd.domain.maintenance import Window
from tickd.errors import Invalid

Status = Literal["active", "failing", "paused"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

INTERVAL_LOW, INTERVAL_HIGH = 60, 31_622_400
"""The range of a period, in seconds; a leap year is the longest. The operator may lower its lower end."""
GRACE_HIGH = 86_400
"""The longest grace, in seconds."""
OF_SCHEDULE = {"grace_secs": 1800, "failure_threshold": 1}
"""What a heartbeat that is made with a `schedule` has by default."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
_EVERY = re.compile(r"([0-9]{1,6})([mhd])")
_UNITS = {"m": 60, "h": 3600, "d": 86_400}


class HeartbeatChange(Struct, kw_only=True):
    """What a caller may say of a heartbeat; a field left out keeps its value."""

    name: Name | UnsetType = UNSET
    interval_secs: Annotated[int, Meta(ge=1, le=INTERVAL_HIGH)] | UnsetType = UNSET
    schedule: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    timezone: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    grace_secs: Annotated[int, Meta(ge=0, le=GRACE_HIGH)] | UnsetType = UNSET
    grace_multiplier: Annotated[float, Meta(ge=1, le=10)] | UnsetType = UNSET
    allowed_ips: Annotated[list[str], Meta(max_length=100)] | UnsetType = UNSET
    max_pings_per_minute: Annotated[int, Meta(ge=0, le=6000)] | UnsetType = UNSET
    failure_threshold: Annotated[int, Meta(ge=1, le=10)] | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET
    cooldown_secs: Annotated[int, Meta(ge=0, le=604_800)] | UnsetType = UNSET
    channels: Annotated[list[Reference], Meta(max_length=50)] | UnsetType = UNSET
    depends_on: Annotated[list[Reference], Meta(max_length=50)] | UnsetType = UNSET
    tags: Annotated[list[Tag], Meta(max_length=50)] | UnsetType = UNSET
    group: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    public: bool | UnsetType = UNSET
    status: Literal["active", "paused"] | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    slug: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    check_interval_secs: Annotated[int, Meta(ge=1, le=86_400)] | UnsetType = UNSET
    maintenance_windows: Annotated[list[Window], Meta(max_length=50)] | UnsetType = UNSET
    alert_email: Annotated[str, Meta(max_length=320)] | UnsetType = UNSET
    alert_slack_webhook: Annotated[str, Meta(max_length=2048)] | UnsetType = UNSET
    webhook_url: Annotated[str, Meta(max_length=2048)] | UnsetType = UNSET
    token: Annotated[str, Meta(min_length=16, max_length=64)] | UnsetType = UNSET


class HeartbeatCreation(HeartbeatChange, kw_only=True):
    """A heartbeat to be made."""

    name: Name


class Options(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person says of a heartbeat that no ping asks for; stored as one object."""

    severity: Severity = "minor"
    cooldown_secs: int = 0
    channels: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    check_interval_secs: int = 60
    maintenance_windows: tuple[Window, ...] = ()
    alert_email: str = ""
    alert_slack_webhook: str = ""
    webhook_url: str = ""


class Heartbeat(Struct, frozen=True, kw_only=True):
    """A heartbeat as it stands; `row` is its key in the store, times are milliseconds.

    `schedule` is as it was written: a cron expression, a span such as `6h` (which `interval_secs` holds
    too), or empty. `metrics` are the latest that a ping brought.
    """

    row: int
    id: str
    account_id: str
    name: str
    group: str = ""
    slug: str = ""
    public: bool = True
    paused: bool = False
    tags: tuple[str, ...] = ()
    options: Options = Options()
    interval_secs: int = 3600
    schedule: str = ""
    timezone: str = "UTC"
    grace_secs: int = 300
    failure_threshold: int = 2
    allowed_ips: tuple[str, ...] = ()
    max_pings_per_minute: int = 0
    token: str
    short_token: str
    standing: Standing = Standing()
    metrics: dict[str, float] = {}
    checks_total: int = 0
    checks_failed: int = 0
    created_at: int
    updated_at: int

    @property
    def status(self) -> Status:
        """`paused` before `failing` before `active`."""
        return "paused" if self.paused else "failing" if self.standing.failing else "active"

    @property
    def rhythm(self) -> Rhythm:
        """What the rule of expiry needs to know."""
        expression = "" if seconds_of(self.schedule) else self.schedule
        return Rhythm(self.interval_secs, expression, self.timezone, self.grace_secs, self.failure_threshold)


_OPTIONS = frozenset(Options.__struct_fields__)


def create(
    spec: HeartbeatCreation, *, identifier: str, account_id: str, token: str, short_token: str, now: int
) -> Heartbeat:
    """A new heartbeat out of what the caller said, every other field at its default."""
    by_schedule = spec.schedule is not UNSET and bool(spec.schedule.strip())
    bare = Heartbeat(
        row=0,
        id=identifier,
        account_id=account_id,
        name=spec.name,
        slug=slugs.fresh(spec.name, identifier[-6:]),
        token=token,
        short_token=short_token,
        created_at=now,
        updated_at=now,
        **(OF_SCHEDULE if by_schedule else {}),  # type: ignore[arg-type]
    )
    return structs.replace(change(bare, spec, now), updated_at=now)


def change(heartbeat: Heartbeat, spec: HeartbeatChange, now: int) -> Heartbeat:
    """The heartbeat with what was said of it; Invalid names the field that can't be."""
    said: dict[str, Any] = {name: value for name, value in structs.asdict(spec).items() if value is not UNSET}
    said = {name: _RULES[name](value) if name in _RULES else value for name, value in said.items()}
    status, paused = said.pop("status", None), said.pop("paused", None)
    said |= _timing(heartbeat, said)
    if "token" in said:
        said["short_token"] = ids.short_token(said["token"])
    options = {name: said.pop(name) for name in _OPTIONS & said.keys()}
    if status is not None or paused is not None:
        said["paused"] = paused if status is None else status == "paused"
    changed = structs.replace(heartbeat, options=structs.replace(heartbeat.options, **options), **said)
    if changed == heartbeat:
        return heartbeat
    return structs.replace(changed, standing=_standing(heartbeat, changed, now), updated_at=now)


def _standing(before: Heartbeat, after: Heartbeat, now: int) -> Standing:
    if after.paused:
        return expiry.paused(after.standing)
    if before.paused:
        return expiry.resumed(after.rhythm, after.standing, now)
    return expiry.replanned(before.rhythm, after.rhythm, after.standing, now)


def rotated(heartbeat: Heartbeat, token: str, short_token: str, now: int) -> Heartbeat:
    """The heartbeat with new tokens; the old ones lead nowhere any more."""
    return structs.replace(heartbeat, token=token, short_token=short_token, updated_at=now)


def seconds_of(schedule: str) -> int | None:
    """The seconds of a span such as `30m`, `6h` or `7d`; None for what is no span."""
    found = _EVERY.fullmatch(schedule)
    return None if found is None else int(found[1]) * _UNITS[found[2]]


def _timing(heartbeat: Heartbeat, said: dict[str, Any]) -> dict[str, Any]:
    """`interval_secs`, `schedule` and `grace_secs` as they follow from each other; takes what is said of
    them out of `said`."""
    timing: dict[str, Any] = {
        name: said.pop(name) for name in ("interval_secs", "schedule", "grace_secs") if name in said
    }
    schedule, span = timing.get("schedule"), None
    if schedule:
        span = seconds_of(schedule)
    elif "interval_secs" in timing and heartbeat.schedule and schedule is None:
        # An interval alone ends a cron schedule; one that the span says already leaves it as it is written.
        timing["schedule"] = (
            "" if timing["interval_secs"] != seconds_of(heartbeat.schedule) else heartbeat.schedule
        )
    if span is not None:
        if timing.get("interval_secs", span) != span:
            raise Invalid("interval_secs", f"must be {span}, as schedule says, or left out")
        timing["interval_secs"] = span
    multiplier = said.pop("grace_multiplier", None)
    if multiplier is None:
        return timing
    if "grace_secs" in timing:
        raise Invalid("grace_multiplier", "can't be used with grace_secs")
    if (
        timing.get("schedule", heartbeat.schedule)
        and seconds_of(timing.get("schedule", heartbeat.schedule)) is None
    ):
        raise Invalid("grace_multiplier", "can't be used with a cron schedule; use grace_secs")
    grace = round((multiplier - 1) * timing.get("interval_secs", heartbeat.interval_secs))
    if grace > GRACE_HIGH:
        raise Invalid("grace_multiplier", f"must make a grace of at most {GRACE_HIGH} s, not {grace} s")
    return timing | {"grace_secs": grace}


def _schedule(value: Any) -> str:
    schedule = " ".join(str(value).split())
    if not schedule:
        return ""
    seconds = seconds_of(schedule)
    if seconds is None:
        if schedule[-1] in "mhds" and schedule[:-1].isdigit():
            raise Invalid(
                "schedule", "must be a cron expression, or minutes, hours or days such as 30m, 6h or 7d"
            )
        cron.parse(schedule)
    elif not INTERVAL_LOW <= seconds <= INTERVAL_HIGH:
        raise Invalid("schedule", "must be between 1m and 366d")
    return schedule


def own_token(value: Any) -> str:
    """A token that came along from another service; Invalid where it can't be one."""
    if not _TOKEN.fullmatch(value):
        raise Invalid("token", "must be 16 to 64 of the letters A-Z a-z, digits, _ and -")
    return str(value)


def _timezone(value: Any) -> str:
    return cron.zone(str(value)).key


def _allowed(value: Any) -> tuple[str, ...]:
    found: list[str] = []
    for number, text in enumerate(value, 1):
        try:
            network = ipaddress.ip_network(str(text).strip(), strict=False)
        except ValueError as error:
            raise Invalid(
                "allowed_ips",
                f"has a mistake in number {number}: must be an address or a range such as 10.0.0.0/8",
            ) from error
        mapped = getattr(network.network_address, "ipv4_mapped", None)
        if mapped is not None and network.prefixlen >= 96:
            network = ipaddress.ip_network((mapped, network.prefixlen - 96), strict=False)
        found.append(str(network.network_address) if network.num_addresses == 1 else str(network))
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=4096)
def networks(allowed: tuple[str, ...]) -> tuple[Network, ...]:
    """An allow-list's networks."""
    return tuple(ipaddress.ip_network(text) for text in allowed)


def may_ping(allowed: tuple[str, ...], source: str) -> bool:
    """Whether a ping from the address `source` is let in; an empty list lets everybody in."""
    if not allowed:
        return True
    try:
        address = ipaddress.ip_address(source.strip("[]").partition("%")[0])
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in networks(allowed))


_RULES: dict[str, Callable[[Any], Any]] = {
    "name": subjects.name,
    "slug": subjects.slug,
    "schedule": _schedule,
    "timezone": _timezone,
    "token": own_token,
    "allowed_ips": _allowed,
    "maintenance_windows": subjects.windows,
    "channels": subjects.unique,
    "depends_on": subjects.unique,
    "tags": subjects.unique,
    "alert_email": subjects.mail("alert_email"),
    "alert_slack_webhook": subjects.hook("alert_slack_webhook"),
    "webhook_url": subjects.hook("webhook_url"),
}
