"""A row of bars, one a day, as a compact SVG: one path a state, coloured by the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tickd.domain import days
from tickd.domain.days import Day, State

SMALL_DAYS = 30
"""How many days the small form shows."""
FULL_DAYS = 90
"""How many days the full form shows."""

_STEP, _WIDTH = 4, 3
_SMALL_HEIGHT, _FULL_HEIGHT = 16, 32

_PICTURE = (
    '<svg class="{form}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
    'aria-label="{label}"><title>{label}</title>{inside}</svg>'
)


def small(shown: Sequence[Day], name: str = "") -> str:
    """The bars of a list, without a text for each day; `name` begins the summary."""
    return _picture("bars small", shown, name, _SMALL_HEIGHT, "")


def full(shown: Sequence[Day], name: str = "", *, tips: bool = False) -> str:
    """The bars of a subject's own page; with `tips` each day says its sentence when it is pointed at."""
    return _picture("bars", shown, name, _FULL_HEIGHT, _tips(shown) if tips else "")


def _picture(form: str, shown: Sequence[Day], name: str, height: int, above: str) -> str:
    label = days.summary(shown)
    if name:
        label = f"{name}. {label}"
    return _PICTURE.format(
        form=form,
        width=max(1, _STEP * len(shown) - 1),
        height=height,
        label=escape(label),
        inside=_paths([day.state for day in shown], height) + above,
    )


def _paths(states: Sequence[State], height: int) -> str:
    """Each state's bars as one path; what is next to each other moves on from where the last bar ended."""
    drawn: dict[State, list[str]] = {}
    for place, state in enumerate(states):
        drawn.setdefault(state, []).append(f"M{_STEP * place} 0h{_WIDTH}v{height}h-{_WIDTH}z")
    return "".join(
        f'<path class="bar-{state}" d="{"".join(drawn[state])}"/>' for state in days.STATES if state in drawn
    )


def _tips(shown: Sequence[Day]) -> str:
    """An unseen bar over each one, as high as all: its title shows where the pointer rests."""
    rects = (
        f'<rect x="{_STEP * place}" width="{_STEP}" height="{_FULL_HEIGHT}">'
        f"<title>{escape(day.text)}</title></rect>"
        for place, day in enumerate(shown)
    )
    return f'<g class="bar-tips">{"".join(rects)}</g>'
