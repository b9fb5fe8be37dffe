"""`tickd top`: how everything is, live in the terminal, with one call a refresh."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Thread
from types import FrameType
from typing import Any

import click

from tickd.cli import status
from tickd.cli.listing import result
from tickd.cli.remote import MISREAD, Refused, Remote, Unreachable, misread, remote, remote_options
from tickd.cli.terminal import (
    NOTHING,
    Cell,
    Column,
    Screen,
    ago,
    cut,
    lasting,
    local,
    moment,
    plural,
    safe,
    span,
    width_of,
    word,
)
from tickd.clock import SystemClock

ANSWER_SECS = 10.0
"""How long one answer is waited for."""
SLOW_SECS = 3.0
"""After how long it is said that there is none."""
TALLEST = 1_000
"""Of how many lines the screen is on which an answer is tried out."""
POOR = ("dumb", "unknown")
"""Terminals that have no screen to draw on, as TERM calls them."""


@click.command(short_help="Show it live.")
@click.option(
    "--interval",
    type=click.FloatRange(0.5, 3600),
    default=2.0,
    show_default=True,
    help="Seconds between two looks.",
)
@remote_options
@click.pass_context
def top(
    context: click.Context, interval: float, url: str | None, key: str | None, profile: str | None
) -> None:
    """Show live how everything is: what fails, what runs, what came of it, what comes next.

    q ends it, p stops it where it is and goes on, r looks at once. While the daemon does not answer, what was
    seen last stays on the screen.

    \b
    Example:
      tickd top --interval 5
    """
    daemon = remote(url, key, profile)
    if not (Screen.current().is_terminal and sys.stdin and sys.stdin.isatty()):
        raise click.UsageError("this needs a terminal; tickd status prints the same once")
    if (kind := os.environ.get("TERM", "")) in POOR:
        raise click.UsageError(f"TERM={kind} has no screen to draw on; tickd status prints the same once")
    # The first answer is waited for outside, so that a wrong key is said in a sentence.
    looks = _Looks(replace(daemon, timeout_secs=ANSWER_SECS), interval)
    looks.overview = looked(looks.daemon)
    try:
        with _heeding_signals(looks), _keys(sys.stdin.fileno()) as keyboard:
            _watch(looks, keyboard)
    finally:
        looks.close()
    context.exit(looks.ending or 0)


def looked(daemon: Remote) -> dict[str, Any]:
    """The overview, if all of it can be shown; else Unreachable."""
    found = status.read(daemon)
    try:
        page(found, Screen(True, False, 80), TALLEST, "")
    except MISREAD as error:
        raise misread(daemon.url, error) from error
    return found


@dataclass
class _Looks:
    """What was seen last, and what went wrong since; a look is taken on a thread of its own."""

    daemon: Remote
    interval: float
    overview: dict[str, Any] = field(default_factory=dict)
    trouble: str = ""
    answered: float = 0.0
    is_paused: bool = False
    ending: int | None = None
    """The exit status, when a signal has ended it: Ctrl-C is as q."""

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.answered = self.clock.monotonic()
        self._thread: Thread | None = None
        self._due = self.answered + self.interval
        self.woken, self._waker = os.pipe()

    def wake(self, why: bytes) -> None:
        """Let whoever waits for `woken` go on: a look has ended (`l`), the window's size is new (`s`), a
        signal says that it is to end (`e`)."""
        os.write(self._waker, why)

    def begin_if_due(self) -> float:
        """Begin a look where one is due; seconds until something may have changed."""
        now = self.clock.monotonic()
        if self._thread is None and not self.is_paused and now >= self._due:
            self._thread = Thread(target=self._look, daemon=True)
            self._thread.start()
        # While there is no answer the seconds are counted.
        return 1.0 if self.trouble or self._thread else max(0.01, min(60.0, self._due - now))

    def heard(self) -> None:
        """Take note of what it was woken for."""
        if b"l" in os.read(self.woken, 64):
            self._thread = None
            self._due = self.clock.monotonic() + self.interval

    def close(self) -> None:
        """Wait no longer; a look that is under way ends by itself."""
        if self._thread is None:
            os.close(self.woken)
            os.close(self._waker)

    def soon(self) -> None:
        """Look at once."""
        self._due = 0.0

    def _look(self) -> None:
        try:
            self.overview = looked(self.daemon)
            self.answered, self.trouble = self.clock.monotonic(), ""
        except (Unreachable, Refused) as error:
            self.trouble = safe(error.message)
        finally:
            self.wake(b"l")


def _watch(looks: _Looks, keyboard: int) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False, no_color=bool(os.environ.get("NO_COLOR")) or None)

    def drawn() -> Text:
        screen = Screen.current()
        shown = page(looks.overview, screen, console.height, note(looks, screen))
        return Text("\n", no_wrap=True, overflow="crop").join(Text.from_ansi(line) for line in shown)

    with Live(drawn(), console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            ready, _, _ = select.select([keyboard, looks.woken], [], [], looks.begin_if_due())
            if looks.woken in ready:
                looks.heard()
            if looks.ending is not None:
                return
            if keyboard in ready and not _obey(looks, os.read(keyboard, 64)):
                return
            live.update(drawn(), refresh=True)


def _obey(looks: _Looks, typed: bytes) -> bool:
    """Do what the keys say; whether to go on."""
    if not typed or set(typed) & set(b"qQ\x03\x04"):
        return False
    if set(typed) & set(b"pP "):
        looks.is_paused = not looks.is_paused
    if set(typed) & set(b"rR"):
        looks.is_paused = False
        looks.soon()
    return True


@contextmanager
def _heeding_signals(looks: _Looks) -> Iterator[None]:
    """Let SIGTERM, SIGHUP and SIGINT end it with the terminal as it was, and SIGWINCH draw it again."""

    # None of them is raised: in the middle of the first drawing, that would leave the terminal as it is then.
    def stop(number: int, _frame: FrameType | None) -> None:
        looks.ending = 0 if number == signal.SIGINT else 128 + number
        looks.wake(b"e")

    def resized(_number: int, _frame: FrameType | None) -> None:
        looks.wake(b"s")

    ending = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    handlers = {**dict.fromkeys(ending, stop), signal.SIGWINCH: resized}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _keys(descriptor: int) -> Iterator[int]:
    """The keyboard, key by key and unseen; as it was before at the end."""
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield descriptor
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


# What is on the screen.


def note(looks: _Looks, screen: Screen) -> str:
    """The last line: what is wrong, or which keys there are."""
    silent = looks.clock.monotonic() - looks.answered
    if looks.trouble or (not looks.is_paused and silent > looks.interval + SLOW_SECS):
        why = f": {looks.trouble}" if looks.trouble else ""
        said = f"No answer for {span(int(silent * 1000))}{why}"
        return screen.styled(cut(said, screen.width), "bad")
    if looks.is_paused:
        return screen.styled("Paused; p goes on, q ends", "warn")
    keys = f"every {looks.interval:g} s   q ends   p pauses   r looks now"
    return screen.styled(cut(keys, screen.width), "quiet")


def page(overview: Mapping[str, Any], screen: Screen, height: int, last: str) -> list[str]:
    """The lines of the screen: what matters most gets its lines first, the note is the last."""
    now = moment(overview["at"]) or screen.now
    lines = [_head(overview, screen), *status.counts(overview, screen)]
    lines += [screen.styled(safe(fault), "bad") for fault in overview["faults"]]
    left = height - len(lines) - 1
    # What fails gets up to half of it, and what it leaves is for the others.
    failing = list(status.failing(overview, now, screen, max(1, left // 2 - 4)))[: max(0, left)]
    left -= len(failing)
    parts = (_running, _next, _recent)
    blocks = [part(overview, now, screen) for part in parts]
    for place, block in enumerate(blocks):
        share = left // (len(blocks) - place)
        kept = block[:share] if share >= 3 else []
        left -= len(kept)
        failing += kept
    lines += failing
    lines += [""] * (height - len(lines) - 1)
    return [*lines[: height - 1], last]


def _head(overview: Mapping[str, Any], screen: Screen) -> str:
    ready = word("ready" if overview["ready"] else "not ready")
    now = moment(overview["at"]) or screen.now
    waiting = overview["alerts"]["queued"] + overview["alerts"]["retrying"]
    facts = [
        screen.styled(f"tickd {safe(overview['version'])}", "title"),
        screen.styled(ready.text, ready.tone),
        local(overview["at"])[11:],
        _counted(overview["incidents_total"], "open incident", screen),
        _counted(waiting, "alert", screen) + " waiting",
    ]
    for one in overview["maintenance"][:1]:
        name = cut(safe(one["name"]), 24)
        facts.append(screen.styled(f"maintenance: {name} ends {ago(one['ends_at'], now)}", "warn"))
    while width_of(click.unstyle("  ".join(facts))) > screen.width and len(facts) > 1:
        facts.pop()
    return "  ".join(facts)


def _counted(count: int, one: str, screen: Screen) -> str:
    return screen.styled(plural(count, one), "warn" if count else "quiet")


_RUNNING = (Column("job", least=14), Column("status"), Column("for"), Column("execution", drop=1))


def _running(overview: Mapping[str, Any], now: int, screen: Screen) -> list[str]:
    if not overview["running"]:
        return []
    rows = [
        [
            Cell(safe(one["name"])),
            Cell(one["status"]),
            Cell(lasting(one["since"], now)),
            Cell(one["execution_id"], "quiet"),
        ]
        for one in overview["running"]
    ]
    title = screen.styled(f"Running: {overview['running_total']:,}", "title")
    return ["", title, *screen.table(_RUNNING, rows, 2)[1:]]


_NEXT = (Column("due"), Column("job", least=14), Column("target", least=16, drop=1))


def _next(overview: Mapping[str, Any], now: int, screen: Screen) -> list[str]:
    if not overview["next"]:
        return []
    rows = [
        [Cell(ago(one["next_at"], now)), Cell(safe(one["name"])), Cell(safe(one["target"]), "quiet")]
        for one in overview["next"]
    ]
    return ["", screen.styled("Next", "title"), *screen.table(_NEXT, rows, 2)[1:]]


_RECENT = (Column("at"), Column("kind", drop=1), Column("name", least=14), Column("result", least=16))


def _recent(overview: Mapping[str, Any], now: int, screen: Screen) -> list[str]:
    if not overview["recent"]:
        return []
    rows = [
        [
            Cell(ago(one["at"], now)),
            Cell(one["kind"], "quiet"),
            Cell(safe(one["name"])),
            Cell(result(one) or NOTHING, one["outcome"]),
        ]
        for one in overview["recent"]
    ]
    return ["", screen.styled("Latest", "title"), *screen.table(_RECENT, rows, 2)[1:]]
