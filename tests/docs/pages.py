"""Reads the documentation: pages, tables, code blocks, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_IMAGE = re.compile(r'(?:src|srcset)="([^"]+)"')

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text("utf-8")

    @property
    def prose(self) -> str:
        """The text without its code blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, *languages: str) -> Iterator[str]:
        """The code blocks in one of these languages."""
        for language, block in _FENCE.findall(self.text):
            if language in languages:
                yield block

    def tables(self, *columns: str) -> list[Row]:
        """The rows of every table that begins with these columns, as column and cell."""
        rows: list[Row] = []
        header: list[str] = []
        for line in self.prose.splitlines():
            cells = (
                [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
            )
            if not cells:
                header = []
            elif not header:
                header = cells
            elif set(cells[0]) != {"-"} and tuple(header[: len(columns)]) == columns:
                rows.append(dict(zip(header, cells, strict=True)))
        return rows

    def sections(self) -> dict[str, str]:
        """The text of each section by its heading of the second level."""
        parts = re.split(r"^## (.+)$", self.text, flags=re.MULTILINE)
        return dict(zip(parts[1::2], parts[2::2], strict=True))

    def anchors(self) -> set[str]:
        """What a link may name behind `#`: the headings, as GitHub writes them."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def links(self) -> list[str]:
        """Where its links and images lead."""
        return _LINK.findall(self.prose) + _IMAGE.findall(self.prose)


def page(name: str) -> Page:
    """The page of that path below the repository."""
    return Page(ROOT / name)


def pages() -> list[Page]:
    """Every page that is documentation."""
    found = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [Page(path) for path in found]


def codes(cell: str) -> list[str]:
    """What stands between backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def tables_of(text: str, *columns: str) -> list[Row]:
    """The rows of the tables in a piece of text."""
    header = "| " + " | ".join(columns) + " |"
    rows = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line == header:
            for row in lines[number + 2 :]:
                if not row.startswith("|"):
                    break
                cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
                rows.append(dict(zip(columns, cells, strict=True)))
    return rows


def command_lines(page: Page) -> Iterator[str]:
    """The lines of its shell blocks, continued ones joined."""
    for block in page.blocks("sh"):
        joined = re.sub(r"\\\n\s*", " ", block)
        # A quoted text may run over several lines.
        line = ""
        for part in joined.splitlines():
            line = f"{line} {part.strip()}" if line else part
            if not _open_quote(line):
                if line.strip():
                    yield line
                line = ""
        assert not line, f"{page.path}: a quote is not closed: {line}"


def _open_quote(line: str) -> str:
    """The quotation mark that is not closed; "" where there is none."""
    inside = ""
    for letter in re.sub(r"\\.", "", line):
        if letter in "'\"" and inside in ("", letter):
            inside = "" if inside else letter
    return inside
