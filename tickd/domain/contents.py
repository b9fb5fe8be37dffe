"""What a database file holds, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contents:
    """A database by its numbers: schema, rows of what a person counts, bytes."""

    schema: int
    rows: dict[str, int]
    size: int

    def words(self) -> str:
        """For a sentence: `1 account, 12 jobs, 3 monitors (schema 9)`."""
        counted = [
            f"{count} {noun.removesuffix('s') if count == 1 else noun}" for noun, count in self.rows.items()
        ]
        return f"{', '.join(counted)} (schema {self.schema})"


def amount(count: int) -> str:
    """A number of bytes: `512 B`, `1.4 MB`."""
    shown = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if shown < 1000:
            return f"{shown:.0f} {unit}" if unit == "B" or shown >= 10 else f"{shown:.1f} {unit}"
        shown /= 1000
    return f"{shown:.1f} TB"
