"""Redirects: whether to follow, what to ask next, and what of the request a stranger must not see."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import urljoin, urlsplit

from tickd.outbound.answer import RawHeaders, Response
from tickd.outbound.progress import Failure
from tickd.outbound.requests import Destination, Request

MAX_REDIRECTS: Final = 10
_SHOWN: Final = 100
_STATUSES: Final = frozenset((301, 302, 303, 307, 308))
# What says nothing about who asks; everything else stays with the host it was written for.
_HARMLESS: Final = frozenset(
    (
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-type",
        "pragma",
        "user-agent",
    )
)


def is_redirect(status: int, headers: RawHeaders) -> bool:
    """Tell whether an answer leads elsewhere."""
    return status in _STATUSES and any(name.lower() == b"location" and value for name, value in headers)


class Redirects:
    """The way of one request: the next one each time, at most ten, never the same twice."""

    def __init__(self) -> None:
        self._asked: set[tuple[str, str]] = set()

    def following(self, request: Request, destination: Destination, response: Response) -> Request | None:
        """Give the request that this answer leads to, or None when it leads nowhere; raises `Failure`."""
        location = (response.header("location") or "").strip() if response.status in _STATUSES else ""
        if not location:
            return None
        self._asked.add((request.method, _bare(request.url)))
        if len(self._asked) > MAX_REDIRECTS:
            raise Failure("protocol", f"the target redirected more than {MAX_REDIRECTS} times")
        url = _joined(request.url, location)
        request = replace(_rewritten(request, response.status), url=url)
        if (request.method, _bare(url)) in self._asked:
            raise Failure("protocol", f"the redirects go in a circle, back to {origin(url)}")
        # In the URL it would be lost with the next absolute one, though the host stays the same.
        if destination.authorization and not any(
            name.lower() == "authorization" for name, _ in request.headers
        ):
            kept = (*request.headers, ("Authorization", destination.authorization))
            request = replace(request, headers=kept)
        return request


def _joined(url: str, location: str) -> str:
    try:
        joined = urljoin(url, location)
        parts = urlsplit(joined)
    except ValueError as failed:
        raise Failure("url", f"the target redirected to something that is no URL: {failed}") from failed
    if parts.scheme not in ("http", "https"):
        raise Failure("url", f"the target redirected to a {parts.scheme}: address, which can't be followed")
    return joined


def _rewritten(request: Request, status: int) -> Request:
    """Turn it into a GET where browsers do."""
    if not (status == 303 and request.method != "HEAD") and not (
        status in (301, 302) and request.method == "POST"
    ):
        return request
    headers = tuple(pair for pair in request.headers if not pair[0].lower().startswith("content-"))
    return replace(request, method="GET", body=b"", headers=headers)


def for_strangers(request: Request, before: Destination, after: Destination) -> Request:
    """Drop what was meant for the host before, unless the one after is the same and as safe."""
    upgraded = after.tls and not before.tls and (before.port, after.port) == (80, 443)
    if before.host == after.host and (upgraded or (before.tls, before.port) == (after.tls, after.port)):
        return request
    kept = tuple(pair for pair in request.headers if pair[0].lower() in _HARMLESS)
    return replace(request, headers=kept)


def origin(url: str) -> str:
    """Give what may be shown of a URL: no credentials, path or query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2][:_SHOWN]}"


def _bare(url: str) -> str:
    return url.partition("#")[0]
