"""The own heartbeat: tickd tells a heartbeat elsewhere that it is well, and what is wrong when it is not."""

from __future__ import annotations

import logging
from typing import Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from tickd import logs
from tickd.clock import Clock
from tickd.domain import times
from tickd.outbound.http import Failure, HttpClient, Request
from tickd.services.health import Health

TIMEOUT_SECS = 10.0
BEGIN_SECS = 1.0
"""How soon it looks again while the daemon starts."""
CONFIRM_SECS = 5.0
"""After how long it looks a second time before it says that something is wrong."""
REASON_LETTERS = 2_000
ANSWER_BYTES = 1_000

Outcome = Literal["success", "fail", "undelivered"]

log = logging.getLogger("tickd.own_heartbeat")


class OwnHeartbeat:
    """Pings `url` every `every_secs` while tickd's invariants hold; nothing where `url` is empty.

    What is undelivered is logged once, counted, and said again at the next turn: it never raises.
    """

    def __init__(self, url: str, every_secs: int, http: HttpClient, health: Health, clock: Clock) -> None:
        self._url = url
        self._every_secs = every_secs
        self._http = http
        self._health = health
        self._clock = clock
        self._suspected = False
        self._is_lost = False
        self._broken: list[str] = []
        self.sent: dict[Outcome, int] = {"success": 0, "fail": 0, "undelivered": 0}
        self.delivered_at: int | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether there is a URL to ping."""
        return bool(self._url)

    @property
    def overdue_secs(self) -> float:
        """For how long one should have been delivered, since the start where none was; 0 when well."""
        since = self._health.started_at if self.delivered_at is None else self.delivered_at
        return max(0.0, (self._clock.now() - since) / 1000 - self._every_secs)

    async def tick(self, now: int) -> int | None:
        """Look and tell; when to do so again (milliseconds)."""
        if not self._url:
            return None
        if not self._health.accepting:
            return now + round(BEGIN_SECS * times.SECOND)
        broken = await self._health.broken()
        if broken and not self._suspected:
            # A stall of a second, a write that failed once: most of what is wrong has ended by then.
            self._suspected = True
            return now + round(CONFIRM_SECS * times.SECOND)
        self._suspected = bool(broken)
        await self._tell(broken)
        return now + self._every_secs * times.SECOND

    async def _tell(self, broken: list[str]) -> None:
        if broken and not self._broken:
            log.error("tickd's own invariants are broken", extra=logs.fields(reasons="; ".join(broken)))
        elif self._broken and not broken:
            log.info("tickd's own invariants hold again")
        self._broken = broken
        error = await self._send(request_for(self._url, "; ".join(broken)))
        if error:
            self.sent["undelivered"] += 1
            if not self._is_lost:
                log.warning("own heartbeat not delivered; it is tried again", extra=logs.fields(error=error))
        else:
            self.sent["fail" if broken else "success"] += 1
            self.delivered_at = self._clock.now()
            if self._is_lost:
                log.info("own heartbeat delivered again")
        self._is_lost = bool(error)

    async def _send(self, request: Request) -> str:
        """What went wrong in a sentence that does not hold the URL, or nothing."""
        try:
            answer = await self._http.send(request)
        except (Failure, ValueError) as failure:
            # A Failure's sentence names the host at most; whatever else might name the URL is left out.
            return failure.message if isinstance(failure, Failure) else "the URL can't be called"
        return "" if 200 <= answer.status < 300 else f"it was answered {answer.status}"


def request_for(url: str, reason: str) -> Request:
    """The ping that says `reason`, or that all is well where there is none.

    Uptime Kuma's push monitors (`/api/push/…`) take the state and the words in the query. Everybody else
    takes a GET of the URL for a success and a POST with a body to `/fail` below it: tickd, Healthchecks.
    """
    parts, said = urlsplit(url), reason[:REASON_LETTERS]
    if "/api/push/" in parts.path:
        query = urlencode({"status": "down" if said else "up", "msg": said[:250] or "OK"})
        url = urlunsplit(parts._replace(query=query))
    elif said:
        url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/fail"))
        headers = (("Content-Type", "text/plain; charset=utf-8"),)
        return Request("POST", url, headers, said.encode(), TIMEOUT_SECS, ANSWER_BYTES)
    return Request("GET", url, timeout_secs=TIMEOUT_SECS, max_body=ANSWER_BYTES)
