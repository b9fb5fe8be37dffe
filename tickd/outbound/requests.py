"""A request, and how it is written: the URL taken apart, the head put together."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from tickd.outbound.dns import ascii_host, is_literal

_PORTS: Final = {"http": 80, "https": 443}
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BREAKS: Final = re.compile(r"[\r\n\0]")
_BEYOND_HOST: Final = re.compile(r"[/?#@\\\s]")
# Neither credentials, brackets, fragment nor anything to encode.
_PLAIN: Final = re.compile(r"(https?://[A-Za-z0-9.\-]+(?::[0-9]{1,5})?)(/[!-\"$-~]*)?")
# Ours to say, since they describe how we send the message and not what the caller means by it.
_FRAMING: Final = frozenset(("connection", "content-length", "transfer-encoding"))


class Unsendable(ValueError):
    """A method or a header that would break out of its line."""


@dataclass(slots=True, frozen=True)
class Request:
    """One request; `timeout_secs` covers everything from the look-up to the last byte of the body.

    At most `max_body` bytes of the answer's body are read; then the connection is closed.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_secs: float = 30.0
    max_body: int = 65_536


@dataclass(slots=True, frozen=True)
class Destination:
    """Where a URL leads: what to resolve, what to verify, and what to say."""

    tls: bool
    literal: bool
    host: str
    port: int
    server_name: str
    host_header: str
    path: str
    authorization: str | None


def parse_url(url: str) -> Destination:
    """Take a URL apart; ValueError with half a sentence when it can't be called."""
    plain = _PLAIN.fullmatch(url)
    if plain is None:
        return _taken_apart(url)
    # Ten thousand URLs have few hosts, and what costs is the host.
    origin = _origin(plain[1])
    return Destination(
        origin.tls,
        origin.literal,
        origin.host,
        origin.port,
        origin.server_name,
        origin.host_header,
        plain[2] or "/",
        None,
    )


@lru_cache(maxsize=4096)
def _origin(url: str) -> Destination:
    return _taken_apart(url)


def _taken_apart(url: str) -> Destination:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("it must begin with http:// or https://")
    written = parts.hostname
    if not written:
        raise ValueError("it has no host")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    if port == 0:
        raise ValueError("its port must be between 1 and 65535")
    bracketed = "[" in parts.netloc
    # RFC 6874 writes a zone as %25; it means something on this machine only and is never sent.
    host = written.replace("%25", "%", 1) if bracketed else ascii_host(written)
    bare = str(IPv6Address(host)).partition("%")[0] if bracketed else host
    shown = f"[{bare}]" if bracketed else bare
    path = parts.path or "/"
    if not path.startswith("/"):
        path = "/" + path
    if parts.query:
        path = f"{path}?{parts.query}"
    if _UNPRINTABLE.search(path):
        path = quote(path, safe=_PRINTABLE)
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    return Destination(
        tls=parts.scheme == "https",
        literal=is_literal(host),
        host=host,
        port=port,
        server_name=bare.removesuffix("."),
        host_header=shown if port == _PORTS[parts.scheme] else f"{shown}:{port}",
        path=path,
        authorization=authorization,
    )


def head(request: Request, destination: Destination, user_agent: str) -> bytes:
    """Give the whole message, body included; `Unsendable` for what would break out of its line."""
    if not _TOKEN.fullmatch(request.method):
        raise Unsendable(f"not an HTTP method: {request.method!r}")
    lines = [f"{request.method} {destination.path} HTTP/1.1"]
    given = set()
    for name, value in request.headers:
        if not _TOKEN.fullmatch(name):
            raise Unsendable(f"not a header name: {name!r}")
        if _BREAKS.search(value):
            raise Unsendable(f"the value of the header {name} must not contain line breaks or NUL")
        lower = name.lower()
        if lower not in _FRAMING:
            given.add(lower)
            lines.append(f"{name}: {value}")
    if "host" not in given:
        lines.insert(1, f"Host: {destination.host_header}")
    if "user-agent" not in given:
        lines.append(f"User-Agent: {user_agent}")
    if "accept" not in given:
        lines.append("Accept: */*")
    if destination.authorization is not None and "authorization" not in given:
        lines.append(f"Authorization: {destination.authorization}")
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(request.body)}")
    lines.append("Connection: close\r\n\r\n")
    return "\r\n".join(lines).encode() + request.body


def parse_place(text: str, *, port_needed: bool) -> Destination:
    """Take "host:port", or "host" (443) unless `port_needed`, apart; ValueError with half a sentence."""
    if not text or _BEYOND_HOST.search(text):
        raise ValueError("it must be written as host:port")
    # "::1" alone is an address; read as an authority it would be a host and its port.
    authority = f"[{text}]" if ":" in text and is_literal(text) else text
    if port_needed and urlsplit(f"//{authority}").port is None:
        raise ValueError("it must be written as host:port")
    return parse_url(f"https://{authority}")
