"""The form of a heartbeat: make one, edit one, and what its times would be."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from aiohttp import web
from msgspec import Struct, structs

from tickd.domain import cron
from tickd.domain import heartbeats as rules
from tickd.domain.heartbeats import Heartbeat, HeartbeatChange, HeartbeatCreation
from tickd.errors import Invalid
from tickd.web.pages import forms, limits, requests, words
from tickd.web.pages.forms import Field, Form, Section
from tickd.web.pages.visit import Page, Visit

UNITS = (("60", "minutes"), ("3600", "hours"), ("86400", "days"), ("1", "seconds"))
"""The units of a span of time, in seconds; the largest that divides it is shown."""
COMING = 5
"""How many expected times are shown."""
_WINDOW = re.compile(r"(\w+)\s+([0-9:]+)\s*[-\u2013]\s*([0-9:]+)")
_SPANS = ("interval_secs", "grace_secs")
STAND_INS = {"name": "x", "schedule": "0 0 * * *"}
"""What stands for a field that is wrong, or not filled in, while the others are looked at."""
T = TypeVar("T", bound=HeartbeatChange)

ESSENTIALS = Section(
    "",
    (
        Field("name", "Name", placeholder="Nightly backup", is_required=True),
        Field("rhythm", "When its ping is expected"),
        Field("interval_secs", "Every", "number", low=1),
        Field("interval_secs_unit", "Unit of the period", "select", options=UNITS),
        Field("schedule", "Cron expression", "text", placeholder="0 2 * * *"),
        Field("timezone", "Time zone", suggestions="zones", placeholder="UTC"),
        Field("grace_secs", "Grace", "number", low=0),
        Field("grace_secs_unit", "Unit of the grace", "select", options=UNITS),
    ),
)
"""What most people fill in; the template draws it by itself."""

_SEVERITIES = (
    ("", "As the account has it"),
    ("minor", "Minor"),
    ("major", "Major"),
    ("critical", "Critical"),
)

_ALERTS = Section(
    "Alerts",
    (
        Field(
            "failure_threshold",
            "Misses until it fails",
            "number",
            low=1,
            high=10,
            placeholder="2",
            hint="1 where it has a cron schedule, if you leave it empty.",
        ),
        Field("severity", "Severity", "select", options=_SEVERITIES),
        Field(
            "cooldown_secs",
            "Cooldown",
            "number",
            low=0,
            unit="seconds",
            placeholder="0",
            hint="So long after an incident no other one is opened.",
        ),
        Field(
            "channels",
            "Channels that are told",
            "many",
            hint="None: the default channels.",
        ),
        Field("alert_email", "Also tell this address", "email"),
        Field("alert_slack_webhook", "Also tell this Slack webhook", "url"),
        Field("webhook_url", "Also call this webhook", "url"),
    ),
    folded=True,
)
_WHO = Section(
    "Who may ping",
    (
        Field(
            "allowed_ips",
            "Addresses that may ping",
            "lines",
            rows=3,
            placeholder="203.0.113.7\n10.0.0.0/8",
            hint="One address or range a line; none lets everybody in who knows the ping URL.",
        ),
        Field(
            "max_pings_per_minute",
            "Pings a minute",
            "number",
            low=0,
            high=6000,
            placeholder="0",
            hint="What is more is refused; 0 is no limit of its own.",
        ),
    ),
    folded=True,
)
_PLACE = Section(
    "Tags, group, badges",
    (
        Field("tags", "Tags", "tags", placeholder="backup, night", hint="With commas between."),
        Field("group", "Group"),
        Field("slug", "Slug", hint="Made of the name, if you leave it empty."),
        Field("public", "Its badges can be seen by everybody", "checkbox"),
    ),
    folded=True,
)
_QUIET = Section(
    "Maintenance and dependencies",
    (
        Field(
            "maintenance_windows",
            "Its own maintenance, in UTC",
            "lines",
            rows=3,
            placeholder="sunday 02:00-04:00\ndaily 23:30-00:15",
            hint="One window a line: a day or daily, from and to. Nobody is told meanwhile.",
        ),
        Field(
            "depends_on",
            "Depends on",
            "lines",
            rows=3,
            placeholder="mon_…",
            hint="One id of a monitor, job or heartbeat a line. While one of these is down, "
            "nobody is told of this one.",
        ),
    ),
    folded=True,
)


def _rest(channels: list[tuple[str, str]]) -> tuple[Section, ...]:
    """What is folded away, with the channels that there are."""
    fields = [replace(one, options=channels) if one.name == "channels" else one for one in _ALERTS.fields]
    return replace(_ALERTS, fields=fields), _WHO, _PLACE, _QUIET


_PLAIN: dict[str, Any] = {
    "interval_secs": 3600,
    "grace_secs": None,
    "timezone": "UTC",
    "public": True,
    "rhythm": "every",
}
"""What a new form says; the defaults that depend on the schedule are left to it."""


def _known(heartbeat: Heartbeat) -> dict[str, Any]:
    """A heartbeat's values by field, as the API has them."""
    values = structs.asdict(heartbeat) | structs.asdict(heartbeat.options)
    windows = [f"{one.day} {one.start_utc}-{one.end_utc}" for one in heartbeat.options.maintenance_windows]
    is_cron = bool(heartbeat.schedule) and rules.seconds_of(heartbeat.schedule) is None
    return values | {"maintenance_windows": windows, "rhythm": "cron" if is_cron else "every"}


def _shown(sections: Sequence[Section], known: dict[str, Any]) -> Form:
    values = dict(known)
    for name in _SPANS:
        unit = _unit(known[name])
        values |= {name: known[name] and known[name] // unit, f"{name}_unit": str(unit)}
    if values["rhythm"] != "cron":
        values["schedule"] = ""
    return forms.filled(sections, values)


def _unit(seconds: int | None) -> int:
    """The largest unit that a span is a whole number of; minutes where there is none."""
    sizes = sorted((int(size) for size, _ in UNITS), reverse=True)
    return next(size for size in sizes if seconds % size == 0) if seconds else 60


def said(form: Form) -> dict[str, Any]:
    """What the form says in the API's own fields; what can't be read has its message."""
    values = forms.said(form)
    rhythm = values.pop("rhythm", "every")
    for name in _SPANS:
        unit = values.pop(f"{name}_unit", "60")
        if name in values:
            values[name] *= int(unit) if unit in dict(UNITS) else 60
    for name in ("interval_secs",) if rhythm == "cron" else ("schedule", "timezone"):
        values.pop(name, None)
        form.errors.pop(name, None)
    if rhythm == "cron" and not values.get("timezone"):
        values.pop("timezone", None)
    if rhythm == "cron" and not values.get("schedule"):
        values.pop("schedule", None)
        form.errors["schedule"] = "is required"
    for name in ("slug", "severity"):
        if not values.get(name):
            values.pop(name, None)
    try:
        values["maintenance_windows"] = [_window(line) for line in values["maintenance_windows"]]
    except ValueError as error:
        form.errors["maintenance_windows"] = str(error)
        del values["maintenance_windows"]
    return values


def _window(line: str) -> dict[str, str]:
    found = _WINDOW.fullmatch(line.strip().lower())
    if found is None:
        raise ValueError(f"must have lines such as sunday 02:00-04:00, not {line[:50]}")
    return {"day": found[1], "start_utc": found[2], "end_utc": found[3]}


@dataclass(frozen=True, slots=True)
class Coming:
    """What a schedule means: in words, its next times in its own zone, or what is wrong with it."""

    words: str = ""
    zone: str = ""
    times: Sequence[tuple[int, str]] = field(default_factory=tuple)
    error: str = ""


class Rhythm(Struct, kw_only=True):
    """What a preview is wanted of."""

    rhythm: str = "cron"
    schedule: str = ""
    timezone: str = "UTC"


def coming(visit: Visit, wanted: Rhythm) -> Coming:
    """The meaning of a cron schedule; nothing where there is none yet."""
    schedule = " ".join(wanted.schedule.split())
    if wanted.rhythm != "cron" or not schedule:
        return Coming()
    zone = wanted.timezone.strip() or "UTC"
    seconds = rules.seconds_of(schedule)
    if seconds is not None:
        return Coming(f"{words.duration(seconds)} after the ping before it")
    try:
        told, times = visit.services.heartbeats.preview(schedule, zone, COMING)
    except Invalid as error:
        return Coming(
            error=f"{'Time zone' if error.field == 'timezone' else 'Cron expression'} {error.sentence}"
        )
    tz = cron.zone(zone)
    walls = [datetime.fromtimestamp(at / 1000, tz) for at in times]
    return Coming(
        told,
        zone,
        [(at, f"{wall:%a} {wall.day} {wall:%b %Y, %H:%M %Z}") for at, wall in zip(times, walls, strict=True)],
    )


async def preview(visit: Visit) -> web.Response:
    """What a schedule means, as a part of the form."""
    return visit.page("heartbeats/preview.html", coming=coming(visit, visit.query(Rhythm)))


async def new(visit: Visit) -> web.Response:
    """The form of a new heartbeat; `from` says which one it is like."""
    known, like = dict(_PLAIN), visit.request.query.get("from", "")
    if like:
        original = await visit.services.heartbeats.get(visit.account_id, like)
        known = _known(original) | {"name": f"{original.name[:190]} (copy)", "slug": ""}
    begun = _shown(await _sections(visit, known.get("channels", ())), known)
    return await _page(visit, await limits.warned(visit, "heartbeats", begun))


async def create(visit: Visit) -> web.Response:
    """Make a heartbeat, and lead to its ping URL."""
    plain = _shown(await _sections(visit), _PLAIN)
    form, spec, values = await _read(visit, HeartbeatCreation)
    if visit.text("do") == "request":
        return await _request(visit, form, "POST", "/v1/heartbeats", forms.changed(values, said(plain)))
    if spec is not None and visit.text("do") != "preview":
        try:
            made = await visit.services.heartbeats.create(visit.account_id, spec)
            return visit.go(f"/heartbeats/{made.id}", f"{made.name} was created. Now let your job ping it.")
        except forms.REFUSED as error:
            form.blame(error)
    return await _page(visit, form)


async def edit(visit: Visit) -> web.Response:
    """The form of a heartbeat."""
    known = await visit.services.heartbeats.get(visit.account_id, visit.path("id"))
    sections = await _sections(visit, known.options.channels)
    return await _page(visit, _shown(sections, _known(known)), known)


async def change(visit: Visit) -> web.Response:
    """Change a heartbeat."""
    known = await visit.services.heartbeats.get(visit.account_id, visit.path("id"))
    form, spec, values = await _read(visit, HeartbeatChange, known)
    if visit.text("do") == "request":
        before = said(_shown(form.sections, _known(known)))
        return await _request(
            visit, form, "PATCH", f"/v1/heartbeats/{known.id}", forms.changed(values, before), known
        )
    if spec is not None and visit.text("do") != "preview":
        try:
            await visit.services.heartbeats.change(visit.account_id, known.id, spec)
            return visit.go(f"/heartbeats/{known.id}", "Saved.")
        except forms.REFUSED as error:
            form.blame(error)
    return await _page(visit, form, known)


async def _sections(visit: Visit, chosen: Sequence[str] = ()) -> tuple[Section, ...]:
    """The form's sections; what is chosen stays a choice, whatever it may be the name of."""
    found, _ = await visit.services.channels.page(visit.account_id, limit=500, offset=0)
    names = {one.channel.id: one.channel.name for one in found}
    known = {one.channel.name for one in found}
    options = [(name if name in chosen else key, name) for key, name in names.items()]
    lost = [(one, f"{one} (there is none)") for one in chosen if one not in names and one not in known]
    return (ESSENTIALS, *_rest([*options, *lost]))


async def _read(
    visit: Visit, kind: type[T], known: Heartbeat | None = None
) -> tuple[Form, T | None, dict[str, Any]]:
    form = forms.sent(await _sections(visit, known.options.channels if known else ()), visit.data)
    values = said(form)
    spec = forms.spec(form, kind, values, rules=_rules(visit, known), stand_ins=STAND_INS)
    low, high = visit.services.heartbeats.floor_secs, rules.INTERVAL_HIGH
    if not low <= values.get("interval_secs", low) <= high:
        form.errors["interval_secs"] = f"must be between {low} and {high}"
    for name in _SPANS:
        if "between" in form.errors.get(name, ""):
            form.errors[name] += " seconds"
    return form, None if form.errors else spec, values


def _rules(visit: Visit, known: Heartbeat | None) -> Callable[[HeartbeatChange], object]:
    """The rules of a new heartbeat, or of a change of that one."""
    now = visit.services.jobs.now()
    new = Heartbeat(
        row=0, id="", account_id="", name="", token="", short_token="", created_at=0, updated_at=0
    )
    return lambda said: rules.change(known or new, said, now)


async def _request(
    visit: Visit, form: Form, method: str, path: str, values: dict[str, Any], known: Heartbeat | None = None
) -> web.Response:
    if form.errors:
        return (
            visit.page("refused.html", 422, form=form)
            if visit.is_fragment
            else await _page(visit, form, known)
        )
    snippets = requests.snippets(method, visit.base_url + path, values)
    if visit.is_fragment:
        return visit.page("requests.html", snippets=snippets)
    return await _page(visit, form, known, snippets=snippets)


async def _page(
    visit: Visit, form: Form, known: Heartbeat | None = None, snippets: list[tuple[str, str]] | None = None
) -> web.Response:
    wanted = Rhythm(**{name: form.values[name] for name in ("rhythm", "schedule", "timezone")})
    return visit.page(
        "heartbeats/form.html",
        422 if form.errors else 200,
        form=form,
        known=known,
        coming=Coming() if form.errors.keys() & {"schedule", "timezone"} else coming(visit, wanted),
        is_fresh=not known and visit.request.method == "GET" and "from" not in visit.request.query,
        opened=[section.title for section in form.sections if _says(section, form)],
        snippets=snippets,
        zones=cron.zones(),
    )


def _says(section: Section, form: Form) -> bool:
    """Whether something in the section differs from a new form, or is wrong."""
    usual = {"failure_threshold": ("", "1", "2"), "public": (True,), "severity": ("", "minor")}
    usual |= dict.fromkeys(("cooldown_secs", "max_pings_per_minute"), ("", "0"))
    usual["slug"] = (form.values.get("slug", ""),)
    return any(
        one.name in form.errors or form.values[one.name] not in usual.get(one.name, ("", []))
        for one in section.fields
    )


PAGES = (
    Page("GET", "/heartbeats/new", new, "write"),
    Page("POST", "/heartbeats/new", create, "write"),
    Page("GET", "/heartbeats/preview", preview, "write"),
    Page("GET", "/heartbeats/{id}/edit", edit, "write"),
    Page("POST", "/heartbeats/{id}/edit", change, "write"),
)
