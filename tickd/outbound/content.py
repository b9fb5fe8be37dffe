"""Bodies: content codings undone as they come and within a limit, bytes made text."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import Final, Protocol

import brotli

ACCEPTED: Final = "gzip, deflate, br"
# Each member copies what follows it: thousands of empty ones would stall the loop.
MAX_MEMBERS: Final = 256
_CHARSET: Final = re.compile(r""";\s*charset\s*=\s*["']?([^\s"';]+)""", re.IGNORECASE)
# Named one by one: Python also knows codecs that take quadratic time or are no charsets, and it
# remembers every name that it was ever asked for.
_KNOWN: Final = re.compile(
    r"utf-?(8|(16|32)(-?[bl]e)?)|(us-)?ascii|iso[-_]?8859[-_]\d\d?|latin-?\d|(windows-|cp-?)\d{3,4}"
    r"|koi8-[ru]|gb2312|gbk|gb18030|big5(-hkscs)?|shift[-_]jis|euc-(jp|kr)|iso-2022-(jp|kr)|macintosh|tis-620"
)


class BadContent(Exception):
    """The body is not what its Content-Encoding says; the argument is a sentence."""


class Decoder(Protocol):
    """Undoes one content coding."""

    def feed(self, data: bytes, most: int) -> bytes:
        """Give what `data` stands for; the rest is lost once it is `most` bytes. Raises `BadContent`."""

    def finish(self) -> None:
        """Raise `BadContent` when the end of the coding has not come."""


class _Zlib:
    """gzip in any number of members, and deflate with or without the zlib header that it should have."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._inflate = zlib.decompressobj(31) if name == "gzip" else None
        self._begin = b""
        self._empty = True
        self._members = 1

    def feed(self, data: bytes, most: int) -> bytes:
        self._empty = False
        if self._inflate is None:
            self._begin += data
            if len(self._begin) < 2:
                return b""
            data = self._begin
            # RFC 1950: a checksum over the first two bytes. Without it, the server sends raw deflate.
            wrapped = data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._inflate = zlib.decompressobj(15 if wrapped else -15)
        out = b""
        try:
            while data and len(out) < most:
                if self._inflate.eof:
                    # What follows the end is dropped, unless it is another member.
                    self._members += 1
                    if self._name != "gzip" or data[0] != 0x1F or self._members > MAX_MEMBERS:
                        break
                    self._inflate = zlib.decompressobj(31)
                out += self._inflate.decompress(data, most - len(out))
                data = self._inflate.unused_data
        except zlib.error:
            raise BadContent(f"the response body is not {self._name}, though its headers say so") from None
        return out

    def finish(self) -> None:
        if not self._empty and (self._inflate is None or not self._inflate.eof):
            raise BadContent(f"the response body ends in the middle of its {self._name} coding")


class _Brotli:
    def __init__(self) -> None:
        self._brotli = brotli.Decompressor()
        self._empty = True

    def feed(self, data: bytes, most: int) -> bytes:
        self._empty = False
        if self._brotli.is_finished():
            return b""
        try:
            return bytes(self._brotli.process(data, output_buffer_limit=most))
        except brotli.error:
            raise BadContent("the response body is not brotli, though its headers say so") from None

    def finish(self) -> None:
        if not self._empty and not self._brotli.is_finished():
            raise BadContent("the response body ends in the middle of its brotli coding")


def decoder_for(headers: Sequence[tuple[bytes, bytes]]) -> Decoder | None:
    """Give the decoder for the one coding that the headers name; None when there is none or it is unknown."""
    named = [value for name, value in headers if name.lower() == b"content-encoding"]
    if not named:
        return None
    codings = [coding.strip() for coding in b",".join(named).lower().split(b",")]
    match [coding for coding in codings if coding not in (b"", b"identity")]:
        case [b"gzip" | b"x-gzip"]:
            return _Zlib("gzip")
        case [b"deflate"]:
            return _Zlib("deflate")
        case [b"br"]:
            return _Brotli()
    return None


def text_of(body: bytes, content_type: str) -> str:
    """Decode a body by the charset of its Content-Type, or as UTF-8; what is no text becomes U+FFFD."""
    named = _CHARSET.search(content_type)
    charset = named[1].lower() if named else "utf-8"
    if not _KNOWN.fullmatch(charset):
        charset = "utf-8"
    try:
        text = body.decode(charset, "replace")
    except LookupError:
        text = body.decode("utf-8", "replace")
    return text.removeprefix("\ufeff")
