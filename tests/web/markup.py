"""What a page is made of, as a browser without mercy reads it: its elements, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
LOOSE = frozenset(["p", "li", "dt", "dd", "tr", "td", "th", "option", "thead", "tbody", "tfoot", "colgroup"])
"""Elements whose end may be left out."""
TIMID = (
    "src",
    "href",
    "action",
    "formaction",
    "poster",
    "data",
    "hx-get",
    "hx-post",
    "hx-delete",
    "hx-put",
    "hx-patch",
)
"""Attributes that lead somewhere."""
TELLING = frozenset(
    [
        "script",
        "img",
        "svg",
        "iframe",
        "object",
        "embed",
        "link",
        "meta",
        "base",
        "form",
        "style",
        "template",
        "frame",
        "math",
    ]
)
"""Elements of which a page has as many as its template says, whatever its data."""


@dataclass(slots=True)
class Element:
    """An element with its attributes, and the text within it."""

    tag: str
    attributes: dict[str, str]
    inside: tuple[str, ...]
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text within it."""
        return "".join(self.texts).strip()

    @property
    def shape(self) -> tuple[str, ...]:
        """Its tag and the names of its attributes."""
        return self.tag, *sorted(self.attributes)


class Markup(HTMLParser):
    """The elements of a page in their order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.faults: list[str] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{one.tag}> is never closed" for one in self._open if one.tag not in LOOSE]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if len({name for name, _ in attrs}) < len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice: {attrs}")
        inside = tuple(one.tag for one in self._open)
        element = Element(tag, {name: value or "" for name, value in attrs}, inside)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open[-1].tag != tag and self._open[-1].tag in LOOSE:
            self._open.pop()
        if self._open and self._open[-1].tag == tag:
            self._open.pop()
        else:
            self.faults.append(f"</{tag}> ends nothing at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        for one in self._open:
            one.texts.append(data)

    def all(self, *tags: str) -> list[Element]:
        """The elements with one of these tags."""
        return [one for one in self.elements if one.tag in tags]

    @property
    def shapes(self) -> Counter[tuple[str, ...]]:
        """How many there are of the elements that data never makes."""
        return Counter(one.shape for one in self.elements if one.tag in TELLING)

    @property
    def kinds(self) -> set[tuple[str, str]]:
        """Which elements have which attributes."""
        return {(one.tag, name) for one in self.elements for name in ("", *one.attributes)}


def unsafe(page: Markup, own: str, known: tuple[str, ...] = ()) -> Iterator[str]:
    """What a strict policy forbids: scripts, styles and handlers inline, and all that is of another host.

    `own` is the daemon's address; a link may lead elsewhere only to an address that begins as one of `known`.
    """
    for one in page.elements:
        for name, value in one.attributes.items():
            if (
                name.startswith("on")
                or name in ("style", "srcdoc", "hx-on", "hx-vars")
                or name.startswith("hx-on:")
            ):
                yield f"<{one.tag}> has {name}={value!r}"
            if name in TIMID and not _is_own(one, name, value, own, known):
                yield f"<{one.tag}> leads elsewhere: {name}={value!r}"
            if name == "hx-vals" and value.lstrip().startswith(("js:", "javascript:")):
                yield f"<{one.tag}> evaluates {value!r}"
        if one.tag == "style" or (one.tag == "script" and not one.attributes.get("src")):
            yield f"<{one.tag}> is inline"
        if one.tag in ("iframe", "object", "embed", "base", "frame", "math"):
            yield f"there is a <{one.tag}>"


def _is_own(one: Element, name: str, value: str, own: str, known: tuple[str, ...]) -> bool:
    plain = value.strip().lower()
    if (
        plain.startswith(own + "/")
        or plain == own
        or (plain.startswith(("/", "#", "?")) and not plain.startswith("//"))
    ):
        return True
    if not plain:
        return name != "src"
    if one.tag == "a":
        is_page = plain.startswith(("http://", "https://")) and value.startswith(known or ("\0",))
        is_closed = {"noreferrer", "noopener"} & set(one.attributes.get("rel", "").split())
        return plain.startswith(("mailto:", "otpauth:")) or (is_page and bool(is_closed))
    return one.tag in ("img", "link") and plain.startswith("data:image/")


def careless(page: Markup) -> Iterator[str]:
    """What makes a page hard to use without eyes: no labels, names, headings, ids that are there twice.

    Of a part of a page only what a part must have.
    """
    yield from page.faults
    yield from (f"the id {name!r} is there {count} times" for name, count in _ids(page).items() if count > 1)
    yield from _nameless(page)
    if page.all("html"):
        yield from _of_a_whole(page)


def _nameless(page: Markup) -> Iterator[str]:
    labelled = {one.attributes.get("for") for one in page.all("label")}
    for one in page.all("input", "select", "textarea"):
        is_seen = "hidden" not in one.attributes and one.attributes.get("type") not in ("hidden", "submit")
        if is_seen and not _is_named(one) and "label" not in one.inside:
            is_labelled = one.attributes.get("id") in labelled
            if not is_labelled:
                yield f"<{one.tag} name={one.attributes.get('name')!r}> has no label"
    for number, one in enumerate(page.elements):
        if one.tag in ("a", "button", "summary") and not one.text and not _is_named(one):
            following = page.elements[number + 1 : number + 2]
            if not any(image.attributes.get("alt") for image in following):
                yield f"<{one.tag} {one.attributes}> has no name"
        if one.tag == "img" and "alt" not in one.attributes:
            yield f"<img {one.attributes}> has no alt"
        if one.tag == "th" and "scope" not in one.attributes:
            yield f"<th> {one.text!r} has no scope"


def _of_a_whole(page: Markup) -> Iterator[str]:
    if len(page.all("h1")) != 1:
        yield f"there are {len(page.all('h1'))} h1"
    level = 0
    for heading in page.all("h1", "h2", "h3", "h4", "h5", "h6"):
        if int(heading.tag[1]) > level + 1:
            yield f"{heading.tag} {heading.text!r} after h{level}"
        level = int(heading.tag[1])
    known = _ids(page)
    for one in page.elements:
        for name in ("aria-labelledby", "aria-describedby", "for", "aria-controls"):
            for target in one.attributes.get(name, "").split():
                if target not in known:
                    yield f"<{one.tag}> has {name}={target!r}, which is not there"
    if not all(one.attributes.get("lang") for one in page.all("html")):
        yield "it does not say its language"
    if not any(one.text for one in page.all("title")):
        yield "it has no title"


def _is_named(one: Element) -> bool:
    return bool({"aria-label", "aria-labelledby"} & one.attributes.keys())


def _ids(page: Markup) -> Counter[str]:
    return Counter(one.attributes["id"] for one in page.elements if "id" in one.attributes)
