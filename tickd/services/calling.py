"""Calling: the request of a run, sent once, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from tickd.clock import Clock
from tickd.domain import executions as rules
from tickd.domain import signing
from tickd.domain.executions import Outcome
from tickd.outbound.http import Failure, HttpClient, Request
from tickd.services.ledger import Run

RESPONSE_BYTES = 65_536
"""How much of a response body is read; 2,048 characters of it are kept."""
_HEADER_SAFE = " !\"#$&'()*+,-./:;<=>?@[]^_`{|}~"


class Calling:
    """Calls the endpoint of a job; it writes nothing and tries nothing again."""

    def __init__(self, http: HttpClient, clock: Clock, *, secret: bytes, base_url: Callable[[], str]) -> None:
        self._http = http
        self._clock = clock
        self._secret = secret
        self._base_url = base_url

    async def call(self, run: Run, identifier: str, scheduled_at: str, attempt: int) -> Outcome:
        """The outcome of attempt number `attempt` of a run, which the endpoint knows as `identifier`."""
        request = self._request(run, identifier, scheduled_at, attempt)
        try:
            response = await self._http.send(request)
        except Failure as failure:
            spent = round(failure.timings.total_ms or 0)
            if failure.kind == "timeout":
                return Outcome("timeout", failure.message, None, spent, "", "timeout")
            # A retry is for when no response came; what is forbidden or no address stays so.
            final = failure.responded or failure.kind in ("blocked", "url")
            ours = failure.kind == "local"
            return Outcome("failed", failure.message, None, spent, "", None if final else "network", ours)
        except ValueError as error:
            return Outcome("failed", f"the request can't be sent: {error}")
        spent = round(response.timings.total_ms or 0)
        return rules.answered(response.status, response.reason, spent, response.body)

    def _request(self, run: Run, identifier: str, scheduled_at: str, attempt: int) -> Request:
        job = run.job
        body = job.body.encode()
        headers = [
            ("X-Tickstem-Job-ID", job.id),
            ("X-Tickstem-Job-Name", quote(job.name, safe=_HEADER_SAFE)),
            ("X-Tickd-Execution-Id", identifier),
            ("X-Tickd-Scheduled-At", scheduled_at),
            ("X-Tickd-Attempt", str(attempt)),
        ]
        if job.completion == "callback":
            token = signing.run_token(self._secret, run.row)
            headers.append(("X-Tickd-Done-Url", f"{self._base_url()}/x/{token}"))
        if job.signing_secret:
            headers += signing.webhook_headers(job.signing_secret, identifier, self._clock.now(), body)
        if body and not any(name.lower() == "content-type" for name in job.headers):
            kind = "application/json" if job.body.lstrip()[:1] in ("{", "[") else "text/plain; charset=utf-8"
            headers.append(("Content-Type", kind))
        headers += job.headers.items()
        return Request(
            job.method,
            job.endpoint,
            tuple(headers),
            body,
            timeout_secs=float(job.timeout_secs),
            max_body=RESPONSE_BYTES,
        )
