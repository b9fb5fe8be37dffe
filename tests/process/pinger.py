"""Heartbeats of a real daemon, and streams of pings at them from several threads, each ping noted."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.support.process import Child, query
from tickd.errors import Unavailable

FAST: dict[str, Any] = {"min_interval_secs": 1, "reference": "none"}
"""Settings that allow periods of a second, and ask nobody outside."""
MIXED = ("start", "", "fail", "log", "")
"""What half of a stream says by default: a run that begins and ends, and one ping of each other kind."""
PLAIN = ("plain",)
"""What the other half says: a ping without a run or a body, which tickd answers the short way."""
_KINDS = {"": "success", "plain": "success"}
_PINGS = "('success', 'start', 'fail', 'log')"
_STANDING = (
    *("last_pinged_at", "state", "failing", "consecutive_misses", "base_at", "expected_at", "due_at"),
    *("open_runs", "checks_total", "checks_failed"),
)


class Ping(NamedTuple):
    """One ping of a stream; `agent` is its own, and `status` is None where no answer came."""

    heartbeat: str
    agent: str
    kind: str
    body: str
    status: int | None
    retry_after: str


def beat(tickd: Child, **fields: Any) -> dict[str, Any]:
    """Make a heartbeat that takes as many pings as a stream has; it as it was answered."""
    plain = {"name": "backup", "interval_secs": 3600, "max_pings_per_minute": 6000}
    reply = tickd.call("POST", "/v1/heartbeats", plain | fields)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json
    return made


def ping(tickd: Child, heartbeat: dict[str, Any], kind: str = "", query_string: str = "") -> None:
    """Ping a heartbeat, which must be answered 200."""
    path = f"/p/{heartbeat['short_token']}" + (f"/{kind}" if kind else "") + query_string
    reply = tickd.call("POST", path, key=None)
    assert reply.status == 200, reply.json


def shown(tickd: Child, heartbeat: dict[str, Any]) -> dict[str, Any]:
    """The heartbeat as the API shows it."""
    found: dict[str, Any] = tickd.call("GET", f"/v1/heartbeats/{heartbeat['id']}").json
    return found


def events(tickd: Child, heartbeat: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    """The heartbeat's silences, moved deadlines and flips, oldest first; with `kinds`, those alone."""
    found = tickd.call("GET", f"/v1/heartbeats/{heartbeat['id']}/events?limit=500").json["events"][::-1]
    return [one for one in found if not kinds or one["kind"] in kinds]


def moment(text: str) -> int:
    """The milliseconds of a time that the API tells."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def standing(db: Path, heartbeat: dict[str, Any]) -> dict[str, Any]:
    """What the file holds of the heartbeat's standing."""
    sql = f"SELECT {', '.join(_STANDING)} FROM heartbeats WHERE id = ?"  # noqa: S608 - our own names
    (row,) = query(db, sql, heartbeat["id"])
    return dict(zip(_STANDING, row, strict=True))


def latenesses(db: Path) -> list[int]:
    """How long after its deadline each silence was noticed, in milliseconds."""
    return [
        row[0] for row in query(db, "SELECT received_at - at FROM heartbeat_events WHERE kind = 'missed'")
    ]


class Stream:
    """Threads that ping as fast as they are answered; half of them keep their connection."""

    def __init__(self, tickd: Child, beats: Sequence[dict[str, Any]]) -> None:
        self.pings: list[Ping] = []
        self._at = urlsplit(tickd.url)
        self._beats = beats
        self._ending = threading.Event()

    def often(self) -> Counter[int | None]:
        """How many pings were answered with which status."""
        return Counter(one.status for one in list(self.pings))

    def end(self) -> None:
        """Ping no more once the pings under way are answered."""
        self._ending.set()

    def run(self, name: str, kinds: Sequence[str], keeps: bool) -> None:
        """Ping until the end, once at least, whatever becomes of the daemon."""
        connection: http.client.HTTPConnection | None = None
        number = 0
        while number == 0 or not self._ending.is_set():
            # A run's start and end carry the same id.
            run = f"{name}.{number - (number % len(kinds) == 1)}"
            if connection is None:
                connection = http.client.HTTPConnection(self._at.hostname or "", self._at.port, timeout=20)
            heartbeat = self._beats[number // len(kinds) % len(self._beats)]
            agent = f"{name}.{number}"
            status = self._ping(connection, heartbeat, kinds[number % len(kinds)], run, agent)
            number += 1
            if status is None or not keeps:
                connection.close()
                connection = None
            if status != 200:
                time.sleep(0.02)
        if connection is not None:
            connection.close()

    def _ping(
        self,
        connection: http.client.HTTPConnection,
        heartbeat: dict[str, Any],
        kind: str,
        run: str,
        agent: str,
    ) -> int | None:
        path = f"/p/{heartbeat['short_token']}" + (f"/{kind}" if kind in ("start", "fail", "log") else "")
        body = "" if kind == "plain" else f"{agent} says {kind or 'success'}"
        status, retry_after = None, ""
        try:
            if kind == "plain":
                connection.request("GET", path, headers={"User-Agent": agent})
            else:
                connection.request("POST", f"{path}?rid={run}", body, {"User-Agent": agent})
            answer = connection.getresponse()
            raw = answer.read()
            status, retry_after = answer.status, answer.headers.get("Retry-After", "")
            assert (status == 200) == (json.loads(raw) == {"ok": True}), raw
        except (OSError, http.client.HTTPException):
            pass
        said = _KINDS.get(kind, kind)
        self.pings.append(Ping(heartbeat["id"], agent, said, body, status, retry_after))
        return status


@contextmanager
def streaming(
    tickd: Child, *beats: dict[str, Any], threads: int = 4, kinds: Sequence[str] = MIXED, name: str = ""
) -> Iterator[Stream]:
    """Ping these heartbeats until the block ends; `name` keeps the pings of one stream from another's.

    Of four threads two say `kinds` and two plain pings, and one of each two keeps its connection.
    """
    stream = Stream(tickd, beats)
    runners = [
        threading.Thread(
            target=stream.run, args=(f"{name}{number}", PLAIN if number & 2 else kinds, number & 1 == 0)
        )
        for number in range(threads)
    ]
    for runner in runners:
        runner.start()
    try:
        yield stream
    finally:
        stream.end()
        for runner in runners:
            runner.join()


def recorded(db: Path) -> Counter[tuple[str, str, str, str]]:
    """How often each ping of a stream is in the file: by heartbeat, user agent, kind and body."""
    sql = (
        "SELECT heartbeats.id, user_agent, kind, coalesce(body, '') FROM heartbeat_events "  # noqa: S608 - constants
        "JOIN heartbeats ON heartbeats.row = heartbeat LEFT JOIN ping_bodies ON event = heartbeat_events.row "
        f"WHERE kind IN {_PINGS} AND accepted AND user_agent != ''"
    )
    return Counter((row[0], row[1], row[2], row[3]) for row in query(db, sql))


def assert_kept(db: Path, pings: Sequence[Ping], cut_off: int) -> None:
    """Every ping that was answered 200 is in the file once, what was refused is not, and nothing is half.

    At most `cut_off` pings may be there that got no answer.
    """
    found = recorded(db)
    by_status: dict[int | None, set[tuple[str, str, str, str]]] = {}
    for one in pings:
        by_status.setdefault(one.status, set()).add(one[:4])
    answered = by_status.pop(200, set())
    silent = by_status.pop(None, set())
    assert set(found.values()) <= {1}, "a ping is there twice"
    assert not answered - found.keys(), "an answered ping is lost"
    assert not found.keys() & set().union(*by_status.values()), "a refused ping is there"
    assert found.keys() <= answered | silent, "a ping is there that nobody sent"
    assert len(found.keys() & silent) <= cut_off
    assert query(db, "SELECT count(*) FROM ping_bodies") == query(
        db,
        "SELECT count(*) FROM ping_bodies WHERE event IN (SELECT row FROM heartbeat_events)",
    )


def assert_standing(db: Path, heartbeat: dict[str, Any]) -> None:
    """The heartbeat stands as the newest ping of its history left it, and its counts are the history's."""
    sql = (
        "SELECT at, kind FROM heartbeat_events WHERE heartbeat = (SELECT row FROM heartbeats WHERE id = ?) "
        "AND kind IN ('success', 'fail') AND accepted ORDER BY at, row"
    )
    rows = query(db, sql, heartbeat["id"])
    at, kind = rows[-1]
    due_at = at + (heartbeat["interval_secs"] + heartbeat["grace_secs"]) * 1000
    runs = query(
        db,
        "SELECT count(*) FROM open_runs WHERE heartbeat = (SELECT row FROM heartbeats WHERE id = ?)",
        heartbeat["id"],
    )
    assert standing(db, heartbeat) == {
        "last_pinged_at": at,
        "state": "up" if kind == "success" else "down",
        "failing": int(kind == "fail"),
        "consecutive_misses": 0,
        "base_at": at,
        "expected_at": due_at - heartbeat["grace_secs"] * 1000,
        "due_at": due_at,
        "open_runs": runs[0][0],
        "checks_total": len(rows),
        "checks_failed": sum(kind == "fail" for _, kind in rows),
    }


async def refuse(gathered: list[Any]) -> None:
    """In the place of the method that writes pings: what it does on a full disk."""
    for _, future in gathered:
        future.set_exception(Unavailable("the disk is full", 30))
