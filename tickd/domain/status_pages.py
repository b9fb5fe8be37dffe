"""Status pages: what a person may say of one, and the rules of its address and its looks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

import idna
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tickd.domain import images, subjects, texts
from tickd.domain.images import Image
from tickd.domain.jobs import Name, Reference, Tag
from tickd.errors import Invalid

Visibility = Literal["private", "public"]

SUBJECTS_MOST = 1_000
"""How many jobs, monitors and heartbeats a page shows at most, and its groups may name."""
GROUPS_MOST = 50
DEFAULT_COLOR = "#1f2937"
"""The accent of a page that has none of its own."""

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_COLOR = re.compile(r"#[0-9a-f]{6}")


class StatusGroup(Struct, frozen=True, kw_only=True):
    """A heading of a page and what is below it: these subjects in order, then those with these tags."""

    name: Name
    subjects: Annotated[list[Reference], Meta(max_length=SUBJECTS_MOST)] = []
    tags: Annotated[list[Tag], Meta(max_length=50)] = []


class StatusPageChange(Struct, kw_only=True):
    """What a caller may say of a status page; a field left out keeps its value."""

    slug: Annotated[str, Meta(min_length=1, max_length=63)] | UnsetType = UNSET
    title: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=2000)] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    custom_domain: Annotated[str, Meta(max_length=253)] | UnsetType = UNSET
    accent_color: Annotated[str, Meta(max_length=7)] | UnsetType = UNSET
    logo: Annotated[str, Meta(max_length=images.MOST_LETTERS)] | UnsetType = UNSET
    groups: Annotated[list[StatusGroup], Meta(max_length=GROUPS_MOST)] | UnsetType = UNSET
    jobs: bool | UnsetType = UNSET


class StatusPageCreation(StatusPageChange, kw_only=True):
    """A status page to be made."""

    slug: Annotated[str, Meta(min_length=1, max_length=63)]


class StatusPage(Struct, frozen=True, kw_only=True):
    """A status page as it is stored; `row` is its key in the store, times are milliseconds.

    `logo` is the digest of its picture, which is kept apart; without `groups` it shows all of the account.
    """

    row: int
    id: str
    account_id: str
    slug: str
    title: str = ""
    description: str = ""
    enabled: bool = True
    visibility: Visibility = "private"
    custom_domain: str = ""
    accent_color: str = ""
    logo: str = ""
    groups: tuple[StatusGroup, ...] = ()
    jobs: bool = False
    created_at: int
    updated_at: int

    @property
    def is_open(self) -> bool:
        """Whether anybody may see it."""
        return self.enabled and self.visibility == "public"

    @property
    def heading(self) -> str:
        """Its title, or its slug where it has none."""
        return self.title or self.slug

    @property
    def subjects(self) -> tuple[str, ...]:
        """The ids that its groups name, each once."""
        return tuple(dict.fromkeys(one for group in self.groups for one in group.subjects))


def create(
    spec: StatusPageCreation, *, identifier: str, account_id: str, own_host: str, now: int
) -> tuple[StatusPage, Image | None]:
    """A new page out of what the caller said, and its picture; Invalid names the field that can't be."""
    bare = StatusPage(row=0, id=identifier, account_id=account_id, slug="", created_at=now, updated_at=now)
    return change(bare, spec, own_host=own_host, now=now)


def change(
    before: StatusPage, spec: StatusPageChange, *, own_host: str, now: int
) -> tuple[StatusPage, Image | None]:
    """The page with what was said of it, and the picture where a new one was given.

    `own_host` is the name that tickd itself is reached by, which no page may take. Invalid names the field.
    """
    said: dict[str, Any] = {
        name: getattr(spec, name) for name in spec.__struct_fields__ if getattr(spec, name) is not UNSET
    }
    said = {name: _RULES[name](value) if name in _RULES else value for name, value in said.items()}
    if said.get("custom_domain", "") and said["custom_domain"] == own_host:
        raise Invalid("custom_domain", "must be another name than the one that tickd itself is reached by")
    image: Image | None = said.get("logo")
    if "logo" in said:
        said["logo"] = "" if image is None else image.digest
    changed = structs.replace(before, **said)
    if changed == before:
        return before, None
    return structs.replace(changed, updated_at=now), image if changed.logo != before.logo else None


def host(value: str) -> str:
    """A host name in lower case, an international one as its A-label; ValueError where it is none."""
    name = idna.encode(value.strip().lower(), uts46=True).decode("ascii").rstrip(".")
    if "." not in name or name.rpartition(".")[2].isdigit() or name.endswith(".localhost"):
        raise ValueError("an address, or a name of this machine alone")
    return name


def is_light(color: str) -> bool:
    """Whether dark text reads better on that colour than light text does (WCAG's contrast)."""
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    luminance = 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)
    # (1 + .05) / (l + .05) is white's contrast, (l + .05) / .05 black's: they meet here.
    return luminance > 0.179


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _slug(value: Any) -> str:
    if not _SLUG.fullmatch(value):
        sentence = "must be 1 to 63 lowercase letters, digits and hyphens, with no hyphen at either end"
        raise Invalid("slug", sentence)
    return str(value)


def _line(field: str) -> Callable[[Any], str]:
    def rule(value: Any) -> str:
        stripped = str(value).strip()
        if not texts.is_printable(stripped):
            raise Invalid(field, "must be one line of printable characters")
        return "" if texts.is_empty(stripped) else stripped

    return rule


def _text(value: Any) -> str:
    text = "\n".join(str(value).strip().splitlines())
    if not texts.is_printable(text.translate({ord("\n"): " ", ord("\t"): " "})):
        raise Invalid("description", "must be printable characters and line ends")
    return text


def _domain(value: Any) -> str:
    if not str(value).strip():
        return ""
    try:
        return host(value)
    except (idna.IDNAError, ValueError) as error:
        raise Invalid(
            "custom_domain", "must be a host name such as status.example.com, without https:// or a path"
        ) from error


def _color(value: Any) -> str:
    color = str(value).strip().lower()
    if color and not _COLOR.fullmatch(color):
        raise Invalid("accent_color", "must be a colour as #rrggbb")
    return color


def _logo(value: Any) -> Image | None:
    return images.from_address("logo", value) if str(value).strip() else None


def _groups(value: Any) -> tuple[StatusGroup, ...]:
    named: set[str] = set()
    for number, group in enumerate(value, 1):
        if texts.is_empty(group.name) or not texts.is_printable(group.name.strip()):
            raise Invalid("groups", f"has a mistake in number {number}: name must be printable characters")
        if group.name.strip() in named:
            raise Invalid("groups", f"has a mistake in number {number}: its name is there twice")
        named.add(group.name.strip())
    if sum(len(group.subjects) for group in value) > SUBJECTS_MOST:
        raise Invalid("groups", f"must name at most {SUBJECTS_MOST} subjects together")
    return tuple(
        StatusGroup(
            name=one.name.strip(),
            subjects=list(subjects.unique(one.subjects)),
            tags=list(subjects.unique(one.tags)),
        )
        for one in value
    )


_RULES: dict[str, Callable[[Any], Any]] = {
    "slug": _slug,
    "title": _line("title"),
    "description": _text,
    "custom_domain": _domain,
    "accent_color": _color,
    "logo": _logo,
    "groups": _groups,
}
