"""How the pings of a run reach tickd: beside the run, with retries, through the spool where they don't."""

from __future__ import annotations

import http.client
import json
import os
import threading
import uuid
from collections.abc import Callable
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from tickd import __version__
from tickd.cli import spool
from tickd.cli.pings import Ping, Target, mask, say, text_of
from tickd.cli.spool import Replay, Spool, Tried
from tickd.clock import Clock

TRY_SECS = 5.0
"""How long one try may take to connect, and to answer."""
START_SECS = 15.0
"""How long the ping at the start is tried while the command runs: later it would tell a wrong time."""
REPLAY_SECS = 5.0
"""How long a run may send what earlier ones left."""
TRIES = 3
_BACKOFF_SECS = 1.0
_NEVER = float("inf")
_BY_AND_BY = {408, 425, 429}
"""Of the statuses that say it is the caller's fault, those that time mends."""

Fate = Literal["taken", "refused", "later"]


class Answer(NamedTuple):
    """What came back: `later` may be tried again after `after` seconds; `reason` is for people."""

    fate: Fate
    reason: str = ""
    status: int = 0
    after: float = 0.0


def send(ping: Ping, *, replay: bool, secs: float) -> Answer:
    """Try once to deliver a ping. It raises nothing, asks no proxy, and follows no redirect."""
    connection: http.client.HTTPConnection | None = None
    try:
        parts = urlsplit(ping.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=max(0.001, min(TRY_SECS, secs)))
        headers = {"User-Agent": f"tickd-exec/{__version__}", "Content-Type": "text/plain; charset=utf-8"}
        connection.request("POST", ping.path(replay=replay), ping.body.encode(errors="replace"), headers)
        with connection.getresponse() as response:
            answer = _judged(response.status, response.headers.get, response.read(4_000))
    # A library's surprise must not end the thread: it would be a run without its report.
    except Exception as error:
        answer = Answer("later", _why(error))
    finally:
        if connection is not None:
            connection.close()
    return answer._replace(reason=ping.masked(answer.reason)[:300])


def _judged(status: int, header: Callable[[str], str | None], body: bytes) -> Answer:
    if 200 <= status < 300:
        if _field(body, "ok") is True:
            return Answer("taken", status=status)
        return Answer("later", f"answered {status}, but not as tickd does", status, _NEVER)
    if 300 <= status < 400:
        # Whoever answers for another host might be anyone: the token is not carried on.
        there = header("Location") or "nowhere"
        return Answer("later", f"redirects to {there}: give --url as that has it", status, _NEVER)
    said = _field(body, "error")
    reason = f"answered {status}" + (f", {said}" if isinstance(said, str) and said else "")
    if status >= 500 or status in _BY_AND_BY:
        return Answer("later", reason, status, _seconds(header("Retry-After")))
    return Answer("refused", reason, status)


def _field(body: bytes, name: str) -> Any:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found.get(name) if isinstance(found, dict) else None


def _seconds(text: str | None) -> float:
    """What `Retry-After` says; a date is as good as nothing, because this clock may be wrong."""
    return float(text) if text and text.isascii() and text.isdigit() else 0.0


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "does not answer"
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"can't be reached: {words}"


class Courier:
    """Delivers a run's two pings on a thread of its own, so that nothing of it can hold up the run."""

    def __init__(self, to: Target, clock: Clock, begun: int, done: Callable[[], None]) -> None:
        self.deadline = _NEVER
        self.finished = threading.Event()
        self._to, self._clock, self._done = to, clock, done
        self._rid = str(uuid.uuid4())
        self._ended, self._hurried = threading.Event(), threading.Event()
        self._report: Callable[[], tuple[int, bytes]] = lambda: (0, b"")
        # What is neither delivered nor kept nor refused: `close` looks at it while the thread may still try.
        self._open = {"start": self._ping("start", begun)}
        self._kept, self._unkept = 0, ""
        self._reason = ""
        self._said: set[str] = set()

    def _ping(self, kind: str, at: int) -> Ping:
        return Ping(self._to.url, self._to.token, kind, self._rid, at)

    def start(self) -> None:
        """Begin with the ping that says the run has begun."""
        threading.Thread(target=self._run, name="courier", daemon=True).start()

    def end(self, report: Callable[[], tuple[int, bytes]], secs: float) -> None:
        """The run has ended; `report` waits for its last words, and has its status. Be done within `secs`."""
        self.deadline = self._clock.monotonic() + secs
        self._report = report
        self._open["end"] = self._ping("", self._clock.now())
        self._ended.set()

    def hurry(self, secs: float) -> None:
        """Be done within `secs`, whatever was meant before."""
        self.deadline = min(self.deadline, self._clock.monotonic() + secs)
        self._hurried.set()

    def close(self) -> None:
        """Keep what is undelivered now that the time is over, and say what was not delivered."""
        for name, ping in list(self._open.items()):
            self._keep(name, ping if name == "start" else self._filled(ping))
        reason = self._reason or "does not answer"
        if self._kept:
            pings = "a ping is" if self._kept == 1 else f"{self._kept} pings are"
            say(f"{self._to.url} {reason}; {pings} kept for later")
        if self._unkept:
            say(f"{self._to.url} {reason}, and what it was to be told can't be kept: {self._unkept}")

    def _run(self) -> None:
        try:
            self._deliver("start", self._open["start"], self._clock.monotonic() + START_SECS, self._ended)
            self._ended.wait()
            end = self._filled(self._open["end"])
            if self._deliver("end", end, self.deadline, self._hurried):
                until = min(self.deadline, self._clock.monotonic() + REPLAY_SECS)
                replay(self._clock, until, url=self._to.url, enough=self._hurried.is_set)
        finally:
            self.finished.set()
            self._done()

    def _filled(self, ping: Ping) -> Ping:
        status, output = self._report()
        return ping._replace(kind=str(status), body=text_of(output))

    def _deliver(self, name: str, ping: Ping, deadline: float, stop: threading.Event) -> bool:
        """Whether the ping arrived; it is kept where trying again may help."""
        answer = Answer("later", self._reason or "was not called: there was no time for it")
        for number in range(TRIES):
            # Full jitter: what was lost together must not come back together.
            pause = max(answer.after, _BACKOFF_SECS * 2 ** (number - 1) * _chance()) if number else 0.0
            left = deadline - self._clock.monotonic() - pause
            if left <= 0 or (number and stop.wait(pause)):
                break
            answer = send(ping, replay=False, secs=left)
            if answer.fate != "later":
                break
        if answer.fate == "later":
            self._reason = answer.reason
            self._keep(name, ping)
        elif answer.fate == "refused":
            self._say(f"{ping.url} refuses the ping for {mask(ping.token)}: {answer.reason}")
        self._open.pop(name, None)
        return answer.fate == "taken"

    def _keep(self, name: str, ping: Ping) -> None:
        try:
            Spool(spool.folder(os.environ)).keep(ping)
            self._kept += 1
        except OSError as error:
            self._unkept = error.strerror or str(error)
        self._open.pop(name, None)

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            say(text)


def _chance() -> float:
    return int.from_bytes(os.urandom(4)) / 2**32


def replay(
    clock: Clock, deadline: float, *, url: str | None = None, enough: Callable[[], bool] = lambda: False
) -> Replay:
    """Send what is kept until the deadline (monotonic), and say what went wrong."""
    reasons: list[str] = []

    def again(ping: Ping) -> Tried:
        answer = send(ping, replay=True, secs=deadline - clock.monotonic())
        if answer.fate == "later":
            reasons.append(f"{ping.url} {answer.reason}")
            return Tried(over=False, holds_up="heartbeat" if answer.status == 429 else "tickd")
        if answer.fate == "refused":
            say(f"{ping.url} refuses a kept ping for {mask(ping.token)}: {answer.reason}")
        return Tried(over=True)

    try:
        kept = Spool(spool.folder(os.environ))
        found = kept.replay(
            again,
            clock.now(),
            url=url,
            enough=lambda: enough() or clock.monotonic() >= deadline,
        )
    except OSError as error:
        say(f"kept pings can't be sent: {error}")
        return Replay(1)
    if found.left and url is None:
        why = "another process is sending them" if found.busy else "; ".join(reasons[:3] or ["no time left"])
        say(f"{found.left} kept {'ping is' if found.left == 1 else 'pings are'} left: {why}")
    return found
