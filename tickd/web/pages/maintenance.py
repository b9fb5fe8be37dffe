"""The pages of maintenance: what is planned, its form, and the button that ends it now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from aiohttp import web
from msgspec import Struct, structs

from tickd.domain import cron, times, windows
from tickd.domain.windows import Maintenance, MaintenanceChange, MaintenanceCreation
from tickd.errors import Invalid
from tickd.services.maintenance import Seen
from tickd.web.pages import forms, requests
from tickd.web.pages.forms import Field, Form, Section
from tickd.web.pages.visit import Page, Visit

T = TypeVar("T", bound=MaintenanceChange)

BOXES_MOST = 200
"""How many subjects are shown as boxes; of more, ids and names are written."""
PAST_MOST = 50
"""How many windows that are over are listed on a page."""
NAMES_MOST = 5
"""How many subjects are named in a list."""

DAYS = (
    ("daily", "Every day"),
    *((day, f"{day.capitalize()}s") for day in ("monday", "tuesday", "wednesday", "thursday", "friday")),
    *(("saturday", "Saturdays"), ("sunday", "Sundays")),
)
"""The days of a weekly window, and what they are called."""

_COVERS = ("all", "tags", "subjects")
_ONCE = ("starts_at", "ends_at")
_WEEKLY = ("day", "start", "end")
_SECTION = Section(
    "",
    (
        Field("name", "Name", placeholder="Database upgrade", is_required=True),
        Field("covers", "What it covers"),
        Field(
            "tags",
            "Tags",
            "tags",
            "With commas between. Whatever has one of them is covered.",
            placeholder="shop, database",
            suggestions="tags",
        ),
        Field("subjects", "Jobs, monitors and heartbeats", "many"),
        Field("written", "Jobs, monitors and heartbeats", "lines", "One id or name a line.", rows=6),
        Field("when", "When"),
        Field("starts_at", "From", "datetime"),
        Field("ends_at", "Until", "datetime"),
        Field("day", "Day", "select", options=DAYS),
        Field("start", "From", placeholder="02:00", hint="HH:MM"),
        Field(
            "end", "Until", placeholder="04:00", hint="HH:MM, up to 24:00. Before the start is the next day."
        ),
        Field("timezone", "Time zone", placeholder="UTC", suggestions="zones"),
    ),
)
_STAND_INS = {"name": "-", "subjects": ["-"], "tags": ["-"]}
"""What can't be has these values while the rest is looked at."""
_NEW = {"covers": "subjects", "when": "once", "timezone": "UTC", "day": "daily"}


class Part(Struct, kw_only=True):
    """Which part of what is over is wanted."""

    offset: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A maintenance as it is listed."""

    seen: Seen
    covers: str
    when: str


def when(one: Maintenance) -> str:
    """When a weekly window is, in words; nothing for one that comes once."""
    if one.weekly is None:
        return ""
    weekly = one.weekly
    over = " of the day after" if weekly.end <= weekly.start else ""
    return f"{dict(DAYS)[weekly.day]} from {weekly.start} to {weekly.end}{over}, {weekly.timezone}"


def covers(one: Maintenance, names: Mapping[str, str]) -> str:
    """What it covers, in words; `names` by id."""
    if one.all:
        return "everything"
    if one.tags:
        return ("the tag " if len(one.tags) == 1 else "the tags ") + ", ".join(one.tags)
    known = [names.get(identifier, f"{identifier} (deleted)") for identifier in one.subjects]
    more = f" and {len(known) - NAMES_MOST:,} more" if len(known) > NAMES_MOST else ""
    return ", ".join(known[:NAMES_MOST]) + more


async def page(visit: Visit) -> web.Response:
    """`/maintenance`"""
    offset = max(0, min(1 << 53, visit.query(Part).offset))
    every = await visit.services.maintenance.all(visit.account_id)
    over = sorted((one for one in every if _is_over(one)), key=lambda one: -(one.maintenance.ends_at or 0))
    groups = {
        "now": sorted((one for one in every if one.active), key=lambda one: one.next_ends_at or 0),
        "planned": sorted(
            (one for one in every if not one.active and one.next_starts_at and not one.maintenance.weekly),
            key=lambda one: one.next_starts_at or 0,
        ),
        "weekly": [one for one in every if one.maintenance.weekly and not one.active],
        "over": over[offset : offset + PAST_MOST],
    }
    return visit.page(
        "maintenance/rows.html" if visit.is_fragment else "maintenance/list.html",
        groups=await _rows(visit, groups),
        is_empty=not every,
        total=len(over),
        limit=PAST_MOST,
        offset=offset,
    )


def _is_over(one: Seen) -> bool:
    return not one.active and one.next_ends_at is None


async def _rows(visit: Visit, groups: Mapping[str, Sequence[Seen]]) -> dict[str, list[Row]]:
    shown = [one.maintenance for group in groups.values() for one in group]
    wanted = [identifier for one in shown for identifier in one.subjects[:NAMES_MOST]]
    named = await visit.services.maintenance.named(visit.account_id, wanted)
    names = {identifier: subject.name for identifier, subject in named.items()}
    return {
        name: [Row(one, covers(one.maintenance, names), when(one.maintenance)) for one in group]
        for name, group in groups.items()
    }


async def new(visit: Visit) -> web.Response:
    """`/maintenance/new`; `subject` or `tag` says what it is of"""
    query = visit.request.query
    known: dict[str, Any] = dict(_NEW)
    if query.get("subject"):
        known["subjects"] = known["written"] = [query["subject"]]
    if query.get("tag"):
        known |= {"covers": "tags", "tags": [query["tag"]]}
    return await _form(visit, forms.filled((_SECTION,), known))


async def create(visit: Visit) -> web.Response:
    """Plan a maintenance."""
    check = partial(windows.create, identifier="", account_id="", now=0)
    form, spec, values = await _read(visit, MaintenanceCreation, check)
    if visit.text("do") == "request":
        return await _request(visit, form, ("POST", "/v1/maintenance", values))
    if spec is not None:
        try:
            made = await visit.services.maintenance.create(visit.account_id, spec)
            return visit.go("/maintenance", f"{made.maintenance.name} was planned.")
        except forms.REFUSED as error:
            form.blame(error)
    return await _form(visit, form)


async def edit(visit: Visit) -> web.Response:
    """`/maintenance/{id}`"""
    known = (await visit.services.maintenance.get(visit.account_id, visit.path("id"))).maintenance
    return await _form(visit, forms.filled((_SECTION,), _known(known)), known)


async def change(visit: Visit) -> web.Response:
    """Change a maintenance."""
    known = (await visit.services.maintenance.get(visit.account_id, visit.path("id"))).maintenance
    check = lambda said: windows.change(known, said, 0)  # noqa: E731
    form, spec, values = await _read(visit, MaintenanceChange, check)
    if visit.text("do") == "request":
        return await _request(visit, form, ("PATCH", f"/v1/maintenance/{known.id}", values), known)
    if spec is not None:
        try:
            await visit.services.maintenance.change(visit.account_id, known.id, spec)
            return visit.go("/maintenance", "Saved.")
        except forms.REFUSED as error:
            form.blame(error)
    return await _form(visit, form, known)


async def end(visit: Visit) -> web.Response:
    """End the window that holds now."""
    ended = await visit.services.maintenance.end(visit.account_id, visit.path("id"))
    return visit.go("/maintenance", f"{ended.maintenance.name} is over.")


async def ask_delete(visit: Visit) -> web.Response:
    """Ask before it is deleted."""
    seen = await visit.services.maintenance.get(visit.account_id, visit.path("id"))
    name = seen.maintenance.name
    now = "It holds now: what is down gets its incident at once. " if seen.active else ""
    return visit.page(
        "confirm.html",
        title=f"Delete the maintenance {name}?",
        message=f"{now}Nothing that it covers is in it any more.",
        action=f"/maintenance/{seen.maintenance.id}/delete",
        label="Delete the maintenance",
        back="/maintenance",
        hidden=[],
    )


async def delete(visit: Visit) -> web.Response:
    """Delete a maintenance."""
    seen = await visit.services.maintenance.get(visit.account_id, visit.path("id"))
    await visit.services.maintenance.delete(visit.account_id, seen.maintenance.id)
    return visit.go("/maintenance", f"{seen.maintenance.name} was deleted.")


def _known(one: Maintenance) -> dict[str, Any]:
    """A maintenance's values by field; moments in UTC as the browser's own field writes them."""
    values: dict[str, Any] = {"name": one.name, "tags": one.tags, "subjects": one.subjects}
    values |= {"written": one.subjects, "timezone": "UTC", "day": "daily", "when": "once"}
    values["covers"] = next((name for name in _COVERS if getattr(one, name)), "subjects")
    if one.weekly is not None:
        return values | structs.asdict(one.weekly) | {"when": "weekly"}
    for name in _ONCE:
        values[name] = times.rfc3339((getattr(one, name) or 0) // times.MINUTE * times.MINUTE)[:16]
    return values


async def _read(
    visit: Visit, kind: type[T], rules: Callable[[T], object]
) -> tuple[Form, T | None, dict[str, Any]]:
    """The form as it was sent, and what it says; all that `rules` refuse is blamed at once."""
    form = forms.sent((_SECTION,), visit.data)
    said = forms.said(form)
    values = {"name": said["name"]} | await _covered(visit, form, said)
    if said["when"] == "weekly":
        values |= {name: said[name] for name in _WEEKLY if said.get(name)}
        values["timezone"] = said["timezone"] or "UTC"
    else:
        values |= _moments(form, said)
    # Without its times, a rule would say that they are missing where they only can't be read.
    check = rules if {*_ONCE, "timezone"}.isdisjoint(form.errors) else None
    return form, forms.spec(form, kind, values, rules=check, stand_ins=_STAND_INS), values


async def _covered(visit: Visit, form: Form, said: Mapping[str, Any]) -> dict[str, Any]:
    """What is covered, in the API's own fields; who chose nothing is told beside the choice."""
    if said["covers"] == "all":
        return {"all": True}
    if said["covers"] == "tags":
        name, chosen = "tags", said["tags"]
    else:
        name, chosen = "subjects", await _subjects(visit, form, [*said["subjects"], *said["written"]])
    if not chosen:
        form.errors.setdefault(name, "are missing: choose at least one")
    return {name: chosen or _STAND_INS[name]}


async def _subjects(visit: Visit, form: Form, wanted: Sequence[str]) -> list[str]:
    """The ids of what was chosen and written; a name that is of none, or of several, is told."""
    every = await visit.services.maintenance.subjects(visit.account_id)
    known = {one.id for one in every}
    by_name: dict[str, list[str]] = {}
    for one in every:
        by_name.setdefault(one.name.casefold(), []).append(one.id)
    found = []
    for text in dict.fromkeys(wanted):
        ids = [text] if text in known else by_name.get(text.casefold(), [])
        if len(ids) != 1:
            why = "is the name of several: write its id" if ids else "is no id and no name"
            form.errors.setdefault("subjects", f"can\N{RIGHT SINGLE QUOTATION MARK}t be: {text[:100]} {why}")
        found += ids[:1]
    return found


def _moments(form: Form, said: Mapping[str, Any]) -> dict[str, str]:
    """Start and end with the offset that the zone has then."""
    found: dict[str, str] = {}
    try:
        zone = cron.zone(said["timezone"] or "UTC")
    except Invalid as error:
        form.blame(error)
        return found
    for name in _ONCE:
        text = str(said.get(name, "")).removesuffix("Z")
        try:
            wall = datetime.fromisoformat(text).replace(tzinfo=zone)
            is_shown = wall.astimezone(UTC).astimezone(zone).replace(fold=0) == wall.replace(fold=0)
        except (ValueError, OverflowError):
            form.errors[name] = "must be a date and a time" if text else "is required"
            continue
        if not is_shown:
            form.errors[name] = f"does not come in {zone.key}: the clocks are put forward over it"
        found[name] = wall.isoformat().replace("+00:00", "Z")
    return found


async def _request(
    visit: Visit, form: Form, call: tuple[str, str, dict[str, Any]], known: Maintenance | None = None
) -> web.Response:
    """The form as a call of the API: (method, path, body)."""
    if form.errors:
        return (
            visit.page("refused.html", 422, form=form)
            if visit.is_fragment
            else await _form(visit, form, known)
        )
    snippets = requests.snippets(call[0], visit.base_url + call[1], call[2])
    if visit.is_fragment:
        return visit.page("requests.html", snippets=snippets)
    return await _form(visit, form, known, snippets)


async def _form(
    visit: Visit,
    form: Form,
    known: Maintenance | None = None,
    snippets: list[tuple[str, str]] | None = None,
) -> web.Response:
    every = await visit.services.maintenance.subjects(visit.account_id)
    boxes = {kind: [one for one in every if one.kind == kind] for kind in ("monitor", "job", "heartbeat")}
    return visit.page(
        "maintenance/form.html",
        422 if form.errors else 200,
        form=form,
        known=known,
        boxes=boxes if len(every) <= BOXES_MOST else {},
        count=len(every),
        tags=await visit.services.maintenance.tags(visit.account_id),
        zones=cron.zones(),
        snippets=snippets,
    )


_ONE = "/maintenance/{id}"

PAGES = (
    Page("GET", "/maintenance", page),
    Page("GET", "/maintenance/new", new, "write"),
    Page("POST", "/maintenance/new", create, "write"),
    Page("GET", _ONE, edit, "write"),
    Page("GET", f"{_ONE}/edit", edit, "write"),
    Page("POST", f"{_ONE}/edit", change, "write"),
    Page("POST", f"{_ONE}/end", end, "write"),
    Page("GET", f"{_ONE}/delete", ask_delete, "write"),
    Page("POST", f"{_ONE}/delete", delete, "write"),
)
