"""Subjects that fail and recover while their daemon is killed, and what their receiver was told of it.

`python -m tests.process.alert_kills 200` kills a daemon as often, at random, and prints what came of it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from tests.support.process import Child, eventually, query, served
from tickd import ids

Stage = Literal["connect", "head", "body", "answered"]
Kind = Literal["monitor", "expiry", "fail", "job"]

STAGES: tuple[Stage, ...] = ("connect", "head", "body", "answered")
"""When a receiver can act on a request: at its connection, behind its head, whole, and answered."""
KINDS: tuple[Kind, ...] = ("monitor", "expiry", "fail", "job")
"""What fails: a check, a silence, a ping that says so, a run."""
FAST: dict[str, Any] = {"min_interval_secs": 1, "reference": "none"}
_HELD_SECS = 30.0
_TOGETHER = "told together with its recovery"


class Delivery(NamedTuple):
    """An alert as it came: its path, its header `webhook-id`, its JSON."""

    path: str
    message: str
    said: dict[str, Any]

    @property
    def alert(self) -> str:
        """The id of the alert."""
        return str(self.said["alert_id"])


class _Trap:
    """What is done once, at a stage of a request to a path that begins so."""

    def __init__(self, stage: Stage, path: str, act: Callable[[], object], skip: int) -> None:
        self.stage = stage
        self.path = path
        self.done = threading.Event()
        self._act = act
        self._skip = skip
        self._lock = threading.Lock()

    def spring(self, stage: Stage, path: str) -> None:
        with self._lock:
            if self.done.is_set() or stage != self.stage or not path.startswith(self.path):
                return
            if self._skip:
                self._skip -= 1
                return
            self._act()
            self.done.set()


@dataclass(slots=True)
class Taker:
    """An HTTP server on threads for checks, runs and webhooks; `statuses` has those that are not 200.

    Webhooks have a port of their own, where every path begins with `/told`. A status of 0 closes the
    connection without an answer; a path in `gates` waits for its event.
    """

    url: str = ""
    hooks: str = ""
    deliveries: list[Delivery] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    gates: dict[str, threading.Event] = field(default_factory=dict)
    traps: list[_Trap] = field(default_factory=list)
    chance: Callable[[], int] | None = None

    def at(self, stage: Stage, path: str, act: Callable[[], object], skip: int = 0) -> threading.Event:
        """Do this once, at that stage of a request to a path that begins so; set when it is done."""
        trap = _Trap(stage, path, act, skip)
        self.traps.append(trap)
        return trap.done

    def _reached(self, stage: Stage, path: str) -> None:
        for trap in list(self.traps):
            trap.spring(stage, path)

    def take(self, connection: socket.socket, port: str) -> None:
        """Serve one connection, whose caller may be gone at any moment; `port` is how its paths begin."""
        connection.settimeout(_HELD_SECS)
        self._reached("connect", port)
        with connection.makefile("rb") as stream:
            path = stream.readline().split(b" ")[1].decode()
            headers = {}
            while (line := stream.readline().strip()) != b"":
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            self._reached("head", path)
            body = stream.read(int(headers.get("content-length", 0)))
            if path.startswith("/told"):
                self.deliveries.append(Delivery(path, headers["webhook-id"], json.loads(body)))
            status = self.statuses.get(path, 200)
            if path.startswith("/told") and self.chance is not None:
                status = self.chance()
            self._reached("body", path)
            gate = self.gates.get(path)
            if gate is not None:
                gate.wait(_HELD_SECS)
            if status:
                connection.sendall(
                    f"HTTP/1.1 {status} x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".encode()
                )
            self._reached("answered", path)


@contextmanager
def taking(watched: str = "127.0.0.1", told: str = "127.0.0.1") -> Iterator[Taker]:
    """A taker on free ports of these addresses."""
    taker = Taker()
    with ExitStack() as ports:
        taker.url = ports.enter_context(_accepting(taker, watched, "/watched"))
        taker.hooks = ports.enter_context(_accepting(taker, told, "/told"))
        try:
            yield taker
        finally:
            for gate in taker.gates.values():
                gate.set()


@contextmanager
def _accepting(taker: Taker, host: str, port: str) -> Iterator[str]:
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        # A caller that was killed may be gone at any place.
        with connection, contextlib.suppress(OSError, IndexError):
            taker.take(connection, port)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                thread = threading.Thread(target=serve, args=(listener.accept()[0],))
                thread.start()
                threads[:] = [one for one in threads if one.is_alive()] + [thread]

    with closing(socket.create_server((host, 0), backlog=512)) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


class Subject:
    """Something that is made to fail and to recover, through whichever daemon runs; it outlives kills."""

    def __init__(self, tickd: Child, taker: Taker, kind: Kind, number: int = 0) -> None:
        self.kind = kind
        self.name = f"{kind}-{number}"
        self.told = f"/told/{self.name}"
        self._taker = taker
        self.watched = f"/watched/{self.name}"
        place, fields = self._fields()
        reply = tickd.call("POST", f"/v1/{place}", fields)
        assert reply.status == 201, reply.json
        self.id = str(reply.json["id"])
        self._path = f"/v1/{place}/{self.id}"
        self._ping = f"/p/{reply.json['short_token']}" if place == "heartbeats" else ""

    def _fields(self) -> tuple[str, dict[str, Any]]:
        plain: dict[str, Any] = {"name": self.name, "failure_threshold": 1}
        url, hook = self._taker.url, {"webhook_url": self._taker.hooks + self.told}
        if self.kind == "monitor":
            return "monitors", plain | hook | {
                "url": url + self.watched,
                "interval_secs": 1,
                "timeout_secs": 9,
            }
        if self.kind == "job":
            job = {"schedule": "0 0 29 2 *", "endpoint": url + self.watched, "catch_up": "last"}
            return "jobs", plain | job | {"channels": [f"told {self.name}"]}
        more = {"interval_secs": 3600, "grace_secs": 0, "max_pings_per_minute": 6000}
        return "heartbeats", plain | more | hook

    def fail(self, tickd: Child) -> None:
        """Have it fail soon; OSError or HTTPException when the daemon has gone meanwhile."""
        if self.kind in ("monitor", "job"):
            self._taker.statuses[self.watched] = 500
            self._run(tickd)
        elif self.kind == "fail":
            self._taken(tickd.call("POST", self._ping + "/fail", key=None).status)
        else:
            self._taken(tickd.call("PATCH", self._path, {"interval_secs": 1}).status)
            self._taken(tickd.call("POST", self._ping, key=None).status)

    def mend(self, tickd: Child) -> None:
        """Have it recover soon."""
        if self.kind in ("monitor", "job"):
            self._taker.statuses.pop(self.watched, None)
            self._run(tickd)
        else:
            if self.kind == "expiry":
                self._taken(tickd.call("PATCH", self._path, {"interval_secs": 3600}).status)
            self._taken(tickd.call("POST", self._ping, key=None).status)

    def _run(self, tickd: Child) -> None:
        if self.kind == "job":
            self._taken(tickd.call("POST", self._path + "/trigger").status)

    def _taken(self, status: int) -> None:
        assert status in (200, 202), status

    def half_ping(self, tickd: Child, kind: str) -> None:
        """Send a ping, and wait for no answer."""
        at = urlsplit(tickd.url)
        request = f"POST {self._ping}{kind} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        with closing(socket.create_connection((at.hostname or "", at.port or 0))) as connection:
            connection.sendall(request.encode())

    def status(self, tickd: Child) -> str:
        """`active` or `failing`, as the API shows it."""
        return str(tickd.call("GET", self._path).json["status"])


def make(tickd: Child, taker: Taker, kind: Kind, number: int = 0) -> Subject:
    """A subject that is well, and tells a path of its own."""
    if kind == "job":
        name = f"told {kind}-{number}"
        hook = {
            "name": name,
            "kind": "webhook",
            "url": f"{taker.hooks}/told/{kind}-{number}",
            "default": False,
        }
        reply = tickd.call("POST", "/v1/channels", hook)
        assert reply.status == 201, reply.json
    made = Subject(tickd, taker, kind, number)
    if kind != "job":
        if kind != "monitor":
            made.mend(tickd)
        eventually(lambda: tickd.call("GET", made._path).json["state"] == "up")
    return made


# What must hold.


class _Told(NamedTuple):
    incident: str
    event: str
    id: str
    state: str
    why: str


_SUBJECTS = (
    "SELECT 'monitor' AS kind, row, failing FROM monitors UNION ALL "
    "SELECT 'heartbeat', row, failing FROM heartbeats UNION ALL SELECT 'job', row, failing FROM jobs"
)


def assert_atomic(db: Path) -> None:
    """Whatever fails has one open incident and what is well has none; each incident has its alerts."""
    wrong = query(
        db,
        f"SELECT kind, row, failing, (SELECT count(*) FROM incidents WHERE incidents.kind = found.kind "  # noqa: S608
        f"AND subject = found.row AND status = 'open') AS open FROM ({_SUBJECTS}) AS found "
        "WHERE open <> (failing <> 0)",
    )
    assert wrong == [], wrong
    wanted = (
        "SELECT id, status, (SELECT group_concat(event) FROM (SELECT event FROM alerts "
        "WHERE incident = incidents.row ORDER BY row)) FROM incidents"
    )
    for identifier, status, events in query(db, wanted):
        begun = "down,recovered" if status == "resolved" else "down"
        assert events in (begun, begun.replace("down", "job_failed")), (identifier, status, events)


def all_told(db: Path) -> bool:
    """Whether nothing waits to be sent."""
    return query(db, "SELECT 1 FROM alerts WHERE state NOT IN ('sent', 'suppressed')") == []


def assert_told(db: Path, deliveries: Iterable[Delivery]) -> None:
    """Every alert came, under one id: who drops repeats saw each once, and each end behind its beginning."""
    assert_atomic(db)
    rows = query(
        db,
        "SELECT incidents.id, event, alerts.row, alerts.state, why FROM alerts "
        "JOIN incidents ON incidents.row = alerts.incident ORDER BY alerts.row",
    )
    told = {}
    for incident, event, row, state, why in rows:
        one = _Told(incident, event, ids.row_id("alt", row), state, why)
        told[one.id] = one
    came: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        assert delivery.message == delivery.alert, delivery
        came[delivery.alert].append(delivery)
    assert set(came) <= set(told), "an alert came that nobody queued"
    order = {identifier: number for number, identifier in enumerate(came)}
    merged = {one.incident for one in told.values() if one.state == "suppressed"}
    ends = {one.incident: one for one in told.values() if one.event == "recovered"}
    for one in told.values():
        if one.state == "suppressed":
            assert (one.why, ends[one.incident].state) == (_TOGETHER, "sent"), one
            assert came[ends[one.incident].id][-1].said["together"] is True
            continue
        assert one.state == "sent", one
        assert came[one.id], f"{one} never came"
        assert len({(each.path, each.said["incident_id"]) for each in came[one.id]}) == 1
        assert came[one.id][0].said["incident_id"] == one.incident
    for incident, end in ends.items():
        begun = next(one for one in told.values() if one.incident == incident and one.event != "recovered")
        assert incident in merged or order[begun.id] < order[end.id], f"{end} came before {begun}"


# Kills at random.


@dataclass(slots=True)
class Figures:
    """What random kills came to."""

    kills: int = 0
    traps: int = 0
    incidents: int = 0
    alerts: int = 0
    together: int = 0
    deliveries: int = 0
    repeats: int = 0
    most: int = 0
    secs: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.kills} kills ({self.traps} of them by the receiver) in {self.secs:.0f} s: "
            f"{self.incidents} incidents, {self.alerts} alerts ({self.together} told by their recovery), "
            f"{self.deliveries} deliveries, {self.repeats} of them repeats (at most {self.most} of one "
            "alert), none lost"
        )


def _answer(chance: random.Random) -> int:
    return chance.choices((200, 503, 0), (0.85, 0.1, 0.05))[0]


def _live(tickd: Child, taker: Taker, subjects: list[Subject], chance: random.Random) -> bool:
    """Fail and mend some, and kill it somewhere behind that; whether the receiver did."""
    kill = partial(tickd.process.kill)
    trapped = None
    if chance.random() < 0.5:
        stage = chance.choice(STAGES)
        trapped = taker.at(stage, "/told", kill, skip=chance.randrange(6))
    until = time.monotonic() + chance.uniform(0, 0.35)
    with contextlib.suppress(OSError, http.client.HTTPException):
        for subject in chance.sample(subjects, len(subjects) // 2):
            act = subject.mend if chance.random() < 0.5 else subject.fail
            act(tickd)
            if time.monotonic() > until:
                break
    if trapped is not None:
        trapped.wait(1)
    else:
        time.sleep(max(0.0, until - time.monotonic()))
    tickd.kill()
    taker.traps.clear()
    return trapped is not None and trapped.is_set()


def at_random(db: Path, taker: Taker, kills: int, seed: int = 20_260_303) -> Figures:
    """Kill a daemon so often while what it watches fails and recovers; what came of it, after checking it."""
    chance, figures, begun = random.Random(seed), Figures(kills), time.monotonic()
    subjects: list[Subject] = []
    taker.chance = partial(_answer, chance)
    for _ in range(kills):
        with served(db, log_level="error", **FAST) as tickd:
            if not subjects:
                subjects = [make(tickd, taker, kind, number) for kind in KINDS for number in range(4)]
            figures.traps += _live(tickd, taker, subjects, chance)
        assert_atomic(db)
    taker.chance = None
    with served(db, log_level="error", **FAST) as tickd:
        # Whoever waits for its lane's next attempt need not: the receiver is well now.
        for act, status in ((Subject.fail, "failing"), (Subject.mend, "active")):
            for subject in subjects:
                act(subject, tickd)
            eventually(lambda: {one.status(tickd) for one in subjects} == {status}, 15)  # noqa: B023
        eventually(lambda: all_told(db), 60)
        assert tickd.stop()[0] == 0
    assert_told(db, taker.deliveries)
    often = Counter(one.alert for one in taker.deliveries)
    ((figures.incidents,),) = query(db, "SELECT count(*) FROM incidents")
    ((figures.alerts, figures.together),) = query(db, "SELECT count(*), sum(state <> 'sent') FROM alerts")
    figures.deliveries, figures.most = len(taker.deliveries), max(often.values())
    figures.repeats = figures.deliveries - len(often)
    figures.secs = time.monotonic() - begun
    return figures


@contextmanager
def locked(db: Path) -> Iterator[None]:
    """Nobody else writes to the file within the block, which may end on another thread."""
    with closing(sqlite3.connect(db, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


def main(kills: str = "200") -> None:
    """Kill so often, and print what came of it."""
    with tempfile.TemporaryDirectory() as folder, taking() as taker:
        sys.stdout.write(f"{at_random(Path(folder, 'tickd.db'), taker, int(kills))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
