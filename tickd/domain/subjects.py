"""Subjects: what monitors and heartbeats have in common that a person may say of them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from tickd.domain import maintenance, slugs, texts, urls
from tickd.domain.maintenance import Window
from tickd.errors import Invalid

_ADDRESS = re.compile(
    r"[^\s@<>,;:\"()\[\]\\\x00-\x1f]{1,64}@(\[[0-9.]+\]|[^\s@<>,;:\"()\[\]\\\x00-\x1f]{1,253})"
)


def name(value: Any) -> str:
    """A name without the space around it; Invalid where nothing, or nothing printable, is left."""
    stripped = str(value).strip()
    if texts.is_empty(stripped) or not texts.is_printable(stripped):
        raise Invalid("name", "must be 1 to 200 printable characters")
    return stripped


def slug(value: Any) -> str:
    """The last part of a status page's address."""
    return slugs.sanitise(value)


def unique(value: Any) -> tuple[str, ...]:
    """The items in their order, each once."""
    return tuple(dict.fromkeys(value))


def windows(value: Any) -> tuple[Window, ...]:
    """Maintenance windows, checked."""
    maintenance.validate(value)
    return tuple(value)


def hook(field: str) -> Callable[[Any], str]:
    """A rule for an address that may be empty; Invalid names `field`."""
    return lambda value: urls.http_url(field, value) if str(value).strip() else ""


def signing_secret(field: str, value: Any) -> str:
    """What signs a call by Standard Webhooks; Invalid names `field`."""
    secret = str(value)
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not key:
            raise Invalid(field, "must be base64 after whsec_")
    return secret


def mail_address(field: str, text: str) -> str:
    """An e-mail address that a mail server can be given; Invalid names `field`."""
    stripped = text.strip()
    if not _ADDRESS.fullmatch(stripped) or not stripped.isprintable():
        raise Invalid(field, f"has {stripped[:100]!r}, which is not an e-mail address")
    return stripped


def mail(field: str) -> Callable[[Any], str]:
    """A rule for an e-mail address that may be empty; Invalid names `field`."""
    return lambda value: mail_address(field, value) if str(value).strip() else ""
