"""Addresses that people give: http URLs, hosts, and hosts with a port."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from tickd.errors import Invalid

_PLAIN = re.compile(r"[^\x00-\x20\x7f\\]+")
_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)


def http_url(field: str, value: object) -> str:
    """The http or https address, as given; Invalid names `field`."""
    url = str(value).strip()
    try:
        parts = urlsplit(url)
        name = parts.hostname or ""
        fine = parts.scheme in ("http", "https") and parts.port != 0 and _is_host(name)
        if "[" in parts.netloc:
            ipaddress.IPv6Address(name)
    except ValueError:
        fine = False
    if not fine or not _PLAIN.fullmatch(url):
        raise Invalid(field, "must be an http or https address such as https://example.com/path")
    if parts.username is not None or parts.password is not None:
        raise Invalid(field, "must not hold a user name or password; send them in headers")
    return url


def origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port that a request to this address goes to; None where it can't be read."""
    try:
        parts = urlsplit(url.strip())
        return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None


def host(field: str, value: object) -> str:
    """A bare host name or IP address, in lower case; Invalid names `field`."""
    text = str(value).strip().rstrip(".").lower()
    if not _is_host(text.strip("[]") if text.startswith("[") else text):
        raise Invalid(field, "must be a bare host name such as example.com, without https:// or a path")
    return text


def host_port(field: str, value: object, *, default: int | None = None) -> str:
    """`host:port`, or `[v6]:port`; without a `default` the port is needed. Invalid names `field`."""
    text = str(value).strip()
    name, colon, port = text.rpartition(":")
    if not colon or (":" in name and not name.endswith("]")):
        name, port = text, "" if default is None else str(default)
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise Invalid(field, "must be HOST:PORT with a port between 1 and 65535")
    return f"{host(field, name)}:{int(port)}"


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        return True
    try:
        labels = text.encode("idna").decode("ascii").split(".")
    except UnicodeError:
        return False
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
