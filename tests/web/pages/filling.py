"""A form as a browser would send it: what stands in its fields, read out of the page."""

from __future__ import annotations

from html.parser import HTMLParser


class _Filled(HTMLParser):
    """Collects the successful controls of the form of that class."""

    def __init__(self, kind: str) -> None:
        super().__init__(convert_charrefs=True)
        self.kind = kind
        self.values: dict[str, list[str]] = {}
        self._within = False
        self._area = ""
        self._select = ""
        self._options: list[str] = []
        self._chosen: list[str] = []
        self._many = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._within = self.kind in (given.get("class") or "").split()
        name = given.get("name") or ""
        if not self._within:
            return
        if tag == "textarea":
            self._area, self.values[name] = name, self.values.get(name, [""])
        elif tag == "select":
            self._select = name
            self._many, self._options, self._chosen = "multiple" in given, [], []
        elif tag == "option" and self._select:
            self._options.append(given.get("value") or "")
            if "selected" in given:
                self._chosen.append(self._options[-1])
        elif tag == "input" and name and name != "csrf":
            is_box = given.get("type") in ("checkbox", "radio")
            if not is_box or "checked" in given:
                self.values.setdefault(name, []).append(given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._within = False
        elif tag == "textarea":
            self._area = ""
        elif tag == "select" and self._select:
            # A list of one choice sends its first when none was chosen.
            sent = self._chosen or ([] if self._many else self._options[:1])
            self.values.setdefault(self._select, []).extend(sent)
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] = [self.values[self._area][0] + data]


def filled(page: str, kind: str) -> dict[str, list[str]]:
    """The fields of the form of class `kind`, as they would be sent."""
    reader = _Filled(kind)
    reader.feed(page)
    # The line feed behind <textarea> is no part of it.
    return {name: [text.removeprefix("\n") for text in texts] for name, texts in reader.values.items()}
