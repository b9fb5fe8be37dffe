"""Badges: small SVG pictures of a word and a value, flat as shields.io draws them."""

from __future__ import annotations

from html import escape
from math import floor

GREEN, YELLOW_GREEN, YELLOW = "#4c1", "#a4a61d", "#dfb317"
AMBER, RED, GREY = "#e8912d", "#e05d44", "#9f9f9f"

_STATUS_COLOURS = {"up": GREEN, "down": RED, "warn": AMBER, "degraded": AMBER}
_PADDING = 5

# How wide Verdana's letters are, in thousandths of its size; from `!` to `~`.
_PRINTED = (
    *(394, 459, 818, 636, 1076, 727, 269, 454, 454, 636, 818, 364, 454, 364, 454),
    *(636, 636, 636, 636, 636, 636, 636, 636, 636, 636, 454, 454, 818, 818, 818, 545, 1000),
    *(684, 686, 698, 771, 632, 575, 775, 751, 421, 455, 693, 557, 843),
    *(748, 787, 603, 787, 695, 684, 616, 732, 684, 989, 685, 615, 685),
    *(454, 454, 454, 818, 636, 636),
    *(601, 623, 521, 623, 596, 352, 623, 633, 274, 344, 592, 274, 973),
    *(633, 607, 623, 623, 427, 521, 394, 633, 592, 818, 592, 592, 525),
    *(635, 454, 635, 818),
)
_WIDTHS = {" ": 352} | {chr(code): width for code, width in enumerate(_PRINTED, ord("!"))}
_WIDEST = 1076
_SIZE = 11

_PICTURE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{label}: {value}">\
<title>{label}: {value}</title>\
<linearGradient id="s{width}" x2="0" y2="100%"><stop offset="0" stop-color="#bbb" stop-opacity=".1"/>\
<stop offset="1" stop-opacity=".1"/></linearGradient>\
<clipPath id="r{width}"><rect width="{width}" height="20" rx="3" fill="#fff"/></clipPath>\
<g clip-path="url(#r{width})"><rect width="{split}" height="20" fill="#555"/>\
<rect x="{split}" width="{rest}" height="20" fill="{colour}"/>\
<rect width="{width}" height="20" fill="url(#s{width})"/></g>\
<g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" \
text-rendering="geometricPrecision" font-size="110">{texts}</g></svg>"""
_TEXT = """\
<text aria-hidden="true" x="{x}" y="150" fill="#010101" fill-opacity=".3" transform="scale(.1)" \
textLength="{length}">{text}</text>\
<text x="{x}" y="140" transform="scale(.1)" textLength="{length}">{text}</text>"""


def uptime(percent: float | None) -> str:
    """The badge of an uptime: 99.9% in the contract's colours, n/a in grey."""
    if percent is None:
        return _badge("uptime", "n/a", GREY)
    # Rounded down, so that 100% is never said of something that was down; not for a float's last bit.
    tenths = floor(percent * 10 + 1e-6)
    colour = _below(-percent, [(-99.5, GREEN), (-99, YELLOW_GREEN), (-95, YELLOW)], inclusive=True)
    return _badge("uptime", f"{tenths / 10:g}%", colour)


def status(word: str) -> str:
    """The badge of a state: up, down, warn, degraded; anything else (pending, paused) in grey."""
    return _badge("status", word, _STATUS_COLOURS.get(word, GREY))


def response(ms: float | None) -> str:
    """The badge of a response time: 245ms in the contract's colours, n/a in grey."""
    if ms is None:
        return _badge("response", "n/a", GREY)
    took = round(ms)
    return _badge("response", f"{took}ms", _below(took, [(500, GREEN), (1500, YELLOW_GREEN), (3000, YELLOW)]))


def _below(value: float, steps: list[tuple[float, str]], *, inclusive: bool = False) -> str:
    """The colour of the first step that a value is below, else red."""
    for edge, colour in steps:
        if value < edge or (inclusive and value == edge):
            return colour
    return RED


def _badge(label: str, value: str, colour: str) -> str:
    # No XML may hold a control character, however it is written.
    value = "".join(letter for letter in value if letter.isprintable())[:50]
    left, right = _width(label), _width(value)
    split, rest = left + 2 * _PADDING, right + 2 * _PADDING
    texts = _text(label, split / 2 + 1, left) + _text(value, split + rest / 2 - 1, right)
    return _PICTURE.format(
        label=escape(label),
        value=escape(value),
        width=split + rest,
        split=split,
        rest=rest,
        colour=colour,
        texts=texts,
    )


def _text(text: str, middle: float, width: int) -> str:
    return _TEXT.format(x=round(middle * 10), length=width * 10, text=escape(text))


def _width(text: str) -> int:
    """A text's width in whole pixels, an odd number as shields.io has it: its middle falls on one."""
    return int(sum(_WIDTHS.get(letter, _WIDEST) for letter in text) * _SIZE / 1000) | 1
