"""Receiving: a form as a browser sends it, in UTF-8 and in nothing else, and never larger than 1 MiB.

The sender names the encodings of a form, of each part and of its fields. Python knows some in which a MiB
takes minutes to decode, and others that make text that is none. Our pages and their forms are in UTF-8.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import BadHttpMessage
from multidict import MultiDict, MultiDictProxy

from tickd.errors import Malformed, TooLarge
from tickd.web.routes import BODY_BYTES, BODY_SECS

FIELDS_MOST = 2_000
"""The most fields of a form."""
_UNREADABLE = "the form can't be read"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a form: the name it had, and what is in it."""

    filename: str
    content: bytes


Data = MultiDictProxy[str | Upload]
"""What a form says: texts and files by the field's name."""


async def receive(request: web.Request) -> Data:
    """The form that was sent; Malformed when it is none, or does not arrive, TooLarge over 1 MiB."""
    try:
        async with asyncio.timeout(BODY_SECS):
            if request.content_type == "multipart/form-data":
                return MultiDictProxy(await _parts(request))
            return MultiDictProxy(await _pairs(request))
    except TimeoutError as error:
        raise Malformed(f"the form did not arrive within {BODY_SECS:g} s") from error
    except web.HTTPRequestEntityTooLarge as error:
        raise TooLarge("the form is larger than 1 MiB") from error
    except (ValueError, LookupError, RuntimeError, BadHttpMessage, web.RequestPayloadError) as error:
        raise Malformed(_UNREADABLE) from error


async def _pairs(request: web.Request) -> MultiDict[str | Upload]:
    body = await request.read()
    if not body:
        return MultiDict()
    if request.content_type != "application/x-www-form-urlencoded":
        raise Malformed(f"a form is not sent as {request.content_type}")
    if body.count(b"&") >= FIELDS_MOST:
        raise TooLarge(f"the form has more than {FIELDS_MOST} fields")
    text = body.decode("utf-8", "replace")
    return MultiDict(parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace"))


async def _parts(request: web.Request) -> MultiDict[str | Upload]:
    found: MultiDict[str | Upload] = MultiDict()
    left = BODY_BYTES
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or not part.name:
            raise Malformed(_UNREADABLE)
        if len(found) >= FIELDS_MOST:
            raise TooLarge(f"the form has more than {FIELDS_MOST} fields")
        content = bytearray()
        while piece := await part.read_chunk():
            content += piece
            if len(content) > left:
                raise TooLarge("the form is larger than 1 MiB")
        left -= len(content)
        if part.filename is None:
            found.add(part.name, content.decode("utf-8", "replace"))
        else:
            found.add(part.name, Upload(part.filename, bytes(content)))
    return found
