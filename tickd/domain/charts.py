"""A chart of response times as an SVG that stands alone, in a README or on a page, light or dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import pairwise
from operator import itemgetter
from statistics import median

from tickd.domain import times

Point = tuple[int, float | None, str]
"""When (ms), how long the response took (ms, None without one), and the check's status."""

DRAWN_MOST = 300
"""How many points a chart draws at most; where there are more, medians and the slowest are drawn."""

_FAILED = ("down", "timeout")
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 24
_BLUE, _RED = "#3b82f6", "#e5484d"
_ROUND = 'stroke-linejoin="round" stroke-linecap="round"'
_LETTER = 6.2  # about how wide a letter of the labels is, in pixels
_LABELS_MOST = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NICE = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
_STEPS = tuple(times.MINUTE * n for n in (1, 2, 3, 5, 10, 15, 20, 30)) + tuple(
    times.HOUR * n for n in (1, 2, 3, 4, 6, 8, 12)
)

_PICTURE = """\
<svg xmlns="http://www.w3.org/2000/svg" class="tickd-chart" width="{width}" height="{height}" \
viewBox="0 0 {width} {height}" role="img" aria-label="{summary}" font-family="system-ui,sans-serif" \
font-size="11" fill="currentColor" color="#57606a">\
<title>{summary}</title>\
<style>@media (prefers-color-scheme:dark){{.tickd-chart{{color:#9aa4af}}}}</style>\
{inside}</svg>"""


@dataclass(slots=True)
class _Slot:
    """The points that share a column of the chart."""

    at: float
    times: list[float] = field(default_factory=list)
    failed: bool = False
    blank: bool = False


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where in the picture a moment and a response time are."""

    since: int
    until: int
    width: int
    height: int
    top_ms: float

    @property
    def right(self) -> int:
        return self.width - _RIGHT

    @property
    def floor(self) -> int:
        return self.height - _BOTTOM

    def x(self, at: float) -> float:
        return _LEFT + (at - self.since) / (self.until - self.since) * (self.right - _LEFT)

    def y(self, ms: float) -> float:
        return self.floor - min(ms / self.top_ms, 1) * (self.floor - _TOP)


def latency(points: Sequence[Point], *, since: int, until: int, width: int = 720, height: int = 180) -> str:
    """The response times from `since` to `until` (ms) as a chart: a line, failures in red, gaps blank."""
    until = max(until, since + 1)
    seen = sorted((point for point in points if since <= point[0] <= until), key=itemgetter(0))
    summary = summarise(seen, since=since, until=until)
    known = [ms for _, ms, status in seen if ms is not None and status != "unknown"]
    step = _nice(_top(known) / 3)
    frame = _Frame(since, until, width, height, 3 * step)
    if any(status != "unknown" for _, _, status in seen):
        slots = _slots(seen, frame)
        pause = _pause(seen, frame)
        inside = (
            _grid(frame, step if known else None)
            + _line(frame, slots, pause)
            + _failures(frame, slots, pause)
        )
    else:
        middle = (_LEFT + frame.right) / 2
        inside = (
            f'<path d="M{_LEFT} {frame.floor}H{frame.right}" stroke="currentColor" stroke-opacity=".3"/>'
            f'<text x="{middle:g}" y="{(_TOP + frame.floor) / 2 + 4:g}" text-anchor="middle" '
            f'font-size="13">{summary}</text>'
        )
    inside += _time_labels(frame)
    return _PICTURE.format(width=width, height=height, summary=escape(summary), inside=inside)


def summarise(points: Sequence[Point], *, since: int, until: int) -> str:
    """What the chart shows, in a sentence for those who don't see it."""
    told = [point for point in points if point[2] != "unknown"]
    if not told:
        return "No checks in this time"
    taken = sorted(ms for _, ms, _ in told if ms is not None)
    failures = sum(status in _FAILED for _, _, status in told)
    counted = f"{failures or 'no'} failure{'' if failures == 1 else 's'}"
    middle = "no responses"
    if taken:
        within = taken[-(-95 * len(taken) // 100) - 1]
        middle = f"median {_words(median(taken))}, 95 % within {_words(within)}"
    return f"Response time over the last {_span(until - since)}: {middle}, {counted}"


def _span(length: int) -> str:
    for unit, name in ((times.DAY, "days"), (times.HOUR, "h"), (times.MINUTE, "min")):
        if length >= 2 * unit:
            return f"{round(length / unit)} {name}"
    return f"{round(length / times.SECOND)} s"


def _words(ms: float) -> str:
    if ms >= 10_000:
        return f"{ms / 1000:.1f} s"
    return f"{round(ms)} ms" if ms >= 9.95 else f"{ms:.1f} ms"


def _top(known: list[float]) -> float:
    """How high the chart must be: a few responses far slower than the rest are cut off, and marked."""
    if not known:
        return 100
    within = sorted(known)[-(-98 * len(known) // 100) - 1]
    return max(min(max(known), 2 * within), 1)


def _nice(step: float) -> float:
    size = 1.0
    while step > 10 * size:
        size *= 10
    while step <= size:
        size /= 10
    return next(nice * size for nice in _NICE if step <= nice * size * (1 + 1e-9))


def _slots(points: Sequence[Point], frame: _Frame) -> list[_Slot]:
    """The points by column, in the order of time; a column with nothing in it is left out."""
    columns = max(1, min(DRAWN_MOST, (frame.right - _LEFT) // 2))
    each = (frame.until - frame.since) / columns
    by_column: dict[int, list[Point]] = {}
    for point in points:
        by_column.setdefault(min(int((point[0] - frame.since) / each), columns - 1), []).append(point)
    slots = []
    for shared in by_column.values():
        slot = _Slot(sum(at for at, _, _ in shared) / len(shared))
        slot.times = [ms for _, ms, status in shared if ms is not None and status != "unknown"]
        slot.failed = any(status in _FAILED for _, _, status in shared)
        slot.blank = all(status == "unknown" for _, _, status in shared)
        slots.append(slot)
    return slots


def _pause(points: Sequence[Point], frame: _Frame) -> float:
    """How far apart two columns are at most to be joined: a missed look or two is no gap."""
    apart = [later[0] - earlier[0] for earlier, later in pairwise(points)]
    usual = median(apart) if apart else 0
    return max(2.5 * usual, 2.5 * (frame.until - frame.since) / DRAWN_MOST)


def _runs(slots: Sequence[_Slot], pause: float, *, failed: bool) -> Iterator[list[_Slot]]:
    """The slots that are drawn in one stroke: those with responses, or those with failures."""
    run: list[_Slot] = []
    for slot in slots:
        wanted = slot.failed if failed else bool(slot.times)
        if run and (not wanted or slot.at - run[-1].at > pause):
            yield run
            run = []
        if wanted:
            run.append(slot)
    if run:
        yield run


def _line(frame: _Frame, slots: Sequence[_Slot], pause: float) -> str:
    lines, dots, bands, areas, cut = [], [], [], [], []
    for run in _runs(slots, pause, failed=False):
        xs = [frame.x(slot.at) for slot in run]
        middles = [f"{x:.1f} {frame.y(median(slot.times)):.1f}" for x, slot in zip(xs, run, strict=True)]
        tops = [f"{x:.1f} {frame.y(max(slot.times)):.1f}" for x, slot in zip(xs, run, strict=True)]
        if len(run) == 1:
            dots.append(f"M{middles[0]}m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0z")
        else:
            lines.append("M" + "L".join(middles))
            areas.append(f"M{xs[0]:.1f} {frame.floor}L{'L'.join(middles)}L{xs[-1]:.1f} {frame.floor}z")
            if middles != tops:
                bands.append("M" + "L".join(tops) + "L" + "L".join(reversed(middles)) + "z")
        peaks = (x for x, slot in zip(xs, run, strict=True) if max(slot.times) > frame.top_ms)
        cut += [f"M{x:.1f} {_TOP - 7}l3 5h-6z" for x in peaks]
    drawn = [
        (areas, f'fill="{_BLUE}" fill-opacity=".08"'),
        (bands, f'fill="{_BLUE}" fill-opacity=".28"'),
        (lines, f'fill="none" stroke="{_BLUE}" stroke-width="1.5" {_ROUND}'),
        (dots + cut, f'fill="{_BLUE}"'),
    ]
    return "".join(f'<path d="{"".join(paths)}" {look}/>' for paths, look in drawn if paths)


def _failures(frame: _Frame, slots: Sequence[_Slot], pause: float) -> str:
    marks = []
    for run in _runs(slots, pause, failed=True):
        begin, end = max(frame.x(run[0].at) - 1.5, _LEFT), min(frame.x(run[-1].at) + 1.5, frame.right)
        marks.append(f"M{begin:.1f} {frame.floor - 8}H{end:.1f}V{frame.floor}H{begin:.1f}z")
    return f'<path d="{"".join(marks)}" fill="{_RED}"/>' if marks else ""


def _grid(frame: _Frame, step: float | None) -> str:
    """The base line, and a scale of three steps where there is something to measure."""
    out = [f'<path d="M{_LEFT} {frame.floor}H{frame.right}" stroke="currentColor" stroke-opacity=".3"/>']
    if step is None:
        return out[0]
    seconds = 3 * step >= 1000
    for number in (1, 2, 3):
        y = frame.y(number * step)
        label = f"{number * step / 1000:g} s" if seconds else f"{number * step:g} ms"
        out.append(f'<path d="M{_LEFT} {y:g}H{frame.right}" stroke="currentColor" stroke-opacity=".15"/>')
        out.append(f'<text x="{_LEFT - 6}" y="{y + 4:g}" text-anchor="end">{label}</text>')
    return "".join(out)


def _time_labels(frame: _Frame) -> str:
    out = [f'<text x="{_LEFT - 6}" y="{frame.height - 7}" text-anchor="end" fill-opacity=".7">UTC</text>']
    most = max(2, min(_LABELS_MOST, (frame.right - _LEFT) // 60))
    for at in _moments(frame.since, frame.until, most):
        label, x = _moment_text(at), frame.x(at)
        half = len(label) * _LETTER / 2
        middle = min(max(x, _LEFT + half), frame.width - 2 - half)
        out.append(f'<path d="M{x:.1f} {frame.floor}v4" stroke="currentColor" stroke-opacity=".3"/>')
        out.append(f'<text x="{middle:.1f}" y="{frame.height - 7}" text-anchor="middle">{label}</text>')
    return "".join(out)


def _moments(since: int, until: int, most: int) -> list[int]:
    """Round moments after `since` to label, at most so many: of the clock, or else every so many days."""
    for step in _STEPS:
        first = (since // step + 1) * step
        if (until - first) // step < most:
            return list(range(first, until + 1, step))
    days = range((since // times.DAY + 1) * times.DAY, until + 1, times.DAY)
    return list(days[:: -(-len(days) // most)])


def _moment_text(at: int) -> str:
    when = _EPOCH + timedelta(milliseconds=at)
    if at % times.DAY == 0:
        return f"{when.day} {_MONTHS[when.month - 1]}"
    return f"{when:%H:%M}"
