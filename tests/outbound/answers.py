"""Answers that many tests give, and how they expect a failure."""

from __future__ import annotations

from typing import Final

import pytest

from tickd.outbound.http import Failure, HttpClient, Kind, Request

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OPEN_ENDED: Final = b"HTTP/1.1 200 OK\r\n\r\n"
LONGEST_MS: Final = 5000


async def failing(client: HttpClient, request: Request, kind: Kind, *words: str) -> Failure:
    """Send a request that has to fail in this way, with these words, and soon."""
    with pytest.raises(Failure) as caught:
        await client.send(request)
    failure = caught.value
    assert failure.kind == kind, failure.message
    assert all(word in failure.message for word in words), failure.message
    assert failure.timings.total_ms is not None and failure.timings.total_ms < LONGEST_MS
    return failure
