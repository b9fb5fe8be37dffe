"""The form of a status page: its fields, its groups by name, and its picture."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from tickd.domain import images
from tickd.domain.status_pages import StatusPage
from tickd.domain.status_views import Subject
from tickd.errors import Invalid
from tickd.web.pages import forms
from tickd.web.pages.forms import Field, Form, Section
from tickd.web.pages.receiving import Upload
from tickd.web.pages.visit import Visit

SPARE = 1
"""How many empty groups a form has for what is new."""
BOXES_MOST = 200
"""How many subjects are shown as boxes; of more, names and ids are written."""
BOXES_IN_ALL = 2_000
"""How many boxes a form has at most, over all of its groups."""
MOST = 60
"""How many groups a form is read with: more than a page may have, so that the rule says what is wrong."""

_VISIBILITIES = (("private", "Private: signed-in users only"), ("public", "Public: everybody"))
_ADDRESS = Section(
    "",
    (
        Field(
            "slug",
            "Slug",
            hint="Lowercase letters, digits and hyphens. The page is at /status/SLUG.",
            is_required=True,
        ),
        Field("title", "Title", hint="The heading of the page. The slug, if you leave it empty."),
        Field("description", "Description", "area", rows=3, hint="A few lines for the readers of the page."),
    ),
)
_READERS = Section(
    "Who sees it",
    (
        Field("visibility", "Visibility", "select", options=_VISIBILITIES),
        Field("enabled", "Enabled", "checkbox", hint="Without it the page is not there for anybody but you."),
        Field(
            "custom_domain",
            "Own domain",
            placeholder="status.example.com",
            hint="Point the name at the proxy before tickd. The page is then at its /, and nothing else is.",
        ),
    ),
)
_LOOKS = Section(
    "Looks",
    (
        Field("accent_color", "Accent colour", hint="Behind the title."),
        Field("no_accent", "No accent colour", "checkbox"),
    ),
)
_SHOWN = Section(
    "What it shows",
    (
        Field(
            "jobs",
            "Cron jobs too",
            "checkbox",
            hint="Lists the jobs that tickd calls under Scheduled Jobs, beside the heartbeats.",
        ),
    ),
)


def sections(groups: int) -> tuple[Section, ...]:
    """The form's parts, the last ones for so many groups."""
    return (_ADDRESS, _READERS, _SHOWN, _LOOKS, *(_group(number) for number in range(groups)))


def _group(number: int) -> Section:
    return Section(
        f"Group {number + 1}",
        (
            Field(f"group_{number}_name", "Heading"),
            Field(f"group_{number}_place", "Place", "number", low=1, high=MOST),
            Field(
                f"group_{number}_subjects",
                "Shows",
                "lines",
                rows=4,
                hint="A name or an id a line, in the order in which they are shown.",
            ),
            Field(f"group_{number}_chosen", "Shows", "many"),
            Field(f"group_{number}_tags", "And everything tagged", "tags", placeholder="web, shop"),
        ),
    )


def shown(page: StatusPage | None, subjects: Sequence[Subject], spare: int = SPARE) -> Form:
    """The form of a page as it stands, or of a new one."""
    if page is None:
        plain = {"visibility": "private", "enabled": True, "group_0_place": 1, "no_accent": True}
        return forms.filled(sections(spare), plain)
    known = structs.asdict(page) | {"no_accent": not page.accent_color}
    names, has_boxes = _names(subjects), _has_boxes(len(page.groups) + spare, subjects)
    for number, group in enumerate(page.groups):
        known[f"group_{number}_name"] = group.name
        known[f"group_{number}_place"] = number + 1
        if has_boxes:
            known[f"group_{number}_chosen"] = group.subjects
        else:
            known[f"group_{number}_subjects"] = [names.get(one, one) for one in group.subjects]
        known[f"group_{number}_tags"] = group.tags
    count = len(page.groups)
    known[f"group_{count}_place"] = count + 1
    return forms.filled(sections(count + spare), known)


@dataclass(frozen=True, slots=True)
class Pick:
    """A group as it is drawn: `boxes` are (subject, whether it is chosen), None where names are written."""

    number: int
    title: str
    fields: dict[str, Field]
    boxes: list[tuple[Subject, bool]] | None


def picks(form: Form, subjects: Sequence[Subject]) -> list[Pick]:
    """The groups of a form; boxes begin with what is chosen, in its order, which is sent again like that."""
    count, found = _count(form), []
    has_boxes = _has_boxes(count, subjects)
    by_id = {one.id: one for one in subjects}
    for number in range(count):
        prefix = f"group_{number}_"
        chosen = [one for one in form.values.get(f"{prefix}chosen") or () if one in by_id]
        boxes = [(by_id[one], True) for one in dict.fromkeys(chosen)]
        boxes += [(one, False) for one in subjects if one.id not in chosen]
        mine = {one.name.removeprefix(prefix): one for one in form.fields() if one.name.startswith(prefix)}
        if has_boxes:
            mine["subjects"] = replace(mine["subjects"], label="Order", hint=_FIRST, rows=3)
        found.append(Pick(number, f"Group {number + 1}", mine, boxes if has_boxes else None))
    return found


_FIRST = "A name or an id a line: these are chosen too, and stand first, in this order."


def _has_boxes(groups: int, subjects: Sequence[Subject]) -> bool:
    return len(subjects) <= BOXES_MOST and groups * len(subjects) <= BOXES_IN_ALL


def _count(form: Form) -> int:
    return sum(one.name.endswith("_place") for one in form.fields())


def sent(visit: Visit) -> Form:
    """The form as a person sent it, with as many groups as it has."""
    count = sum(name.endswith("_name") and name.startswith("group_") for name in set(visit.data))
    return forms.sent(sections(min(count, MOST)), visit.data)


def more(form: Form) -> Form:
    """The same form with one more empty group."""
    count = _count(form)
    values = form.values | {f"group_{count}_place": str(count + 1)}
    longer = Form(sections(count + 1), values)
    for one in longer.fields():
        longer.values.setdefault(one.name, [] if one.kind == "many" else "")
    return longer


def said(form: Form, visit: Visit, subjects: Sequence[Subject]) -> dict[str, Any]:
    """What the form says as the API takes it; what can't be is beside its field in `form.errors`."""
    values = forms.said(form)
    groups = sorted(_groups(form, values, subjects), key=lambda found: found[0])
    plain = {name: value for name, value in values.items() if not name.startswith("group_")}
    if plain.pop("no_accent"):
        plain["accent_color"] = ""
    plain["groups"] = [group for _, group in groups]
    picture = _picture(form, visit)
    if picture is not None:
        plain["logo"] = picture
    return plain


def _groups(
    form: Form, values: dict[str, Any], subjects: Sequence[Subject]
) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    """Each group that says anything, with its place."""
    by_name = _by_name(subjects)
    count = _count(form)
    for number in range(count):
        name = values.get(f"group_{number}_name", "")
        lines, tags = values.get(f"group_{number}_subjects", []), values.get(f"group_{number}_tags", [])
        chosen = values.get(f"group_{number}_chosen") or []
        if not (name or lines or tags or chosen):
            continue
        if not name:
            form.errors[f"group_{number}_name"] = "is required"
        found = []
        for line in lines:
            try:
                found.append(_found(line, by_name))
            except ValueError as error:
                form.errors[f"group_{number}_subjects"] = str(error)
        place = values.get(f"group_{number}_place", number + 1)
        yield (place, number), {"name": name, "subjects": [*dict.fromkeys([*found, *chosen])], "tags": tags}


def _found(line: str, by_name: dict[str, list[str]]) -> str:
    """The id that a line means; what looks like no name of ours may be an id, which the service checks."""
    known = by_name.get(line.casefold(), [])
    if len(known) > 1:
        raise ValueError(f"has “{line}”, as several are called; write its id: {', '.join(known[:5])}")
    if known:
        return known[0]
    if line.split("_")[0] in ("mon", "ssl", "hb", "job") and "_" in line:
        return line
    raise ValueError(f"has “{line}”, and there is no monitor, heartbeat or job of that name")


def _by_name(subjects: Sequence[Subject]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in subjects:
        found.setdefault(one.name.casefold(), []).append(one.id)
    # An id means itself, whatever somebody has called something else.
    return found | {one.id: [one.id] for one in subjects}


def _names(subjects: Sequence[Subject]) -> dict[str, str]:
    """What stands for an id in the form: its name, where no other has it."""
    by_name = _by_name(subjects)
    return {one.id: one.name for one in subjects if by_name[one.name.casefold()] == [one.id]}


def _picture(form: Form, visit: Visit) -> str | None:
    """The picture that was sent as a `data:` address, "" to take the old one away, None to leave it."""
    sent_file = visit.data.get("logo")
    if isinstance(sent_file, Upload) and sent_file.filename:
        content = sent_file.content[: images.MOST_BYTES + 1]
        try:
            image = images.from_bytes("logo", content)
        except Invalid as error:
            form.errors["logo"] = error.sentence
            return None
        return f"data:{image.content_type};base64,{base64.b64encode(image.content).decode()}"
    return "" if visit.text("no_logo") else None
