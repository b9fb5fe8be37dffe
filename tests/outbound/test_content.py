"""Bodies: codings, bombs, lies about them, and charsets."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial

import brotli
import pytest

from tests.support.servers import answering, our_loop
from tickd.outbound.content import MAX_MEMBERS, BadContent, decoder_for, text_of
from tickd.outbound.prober import Prober, Target

TEXT = "grün " * 5000
PLAIN = TEXT.encode()


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = {
    "gzip": gzip.compress(PLAIN),
    "x-gzip": gzip.compress(PLAIN),
    "GZIP": gzip.compress(PLAIN[:100]) + gzip.compress(PLAIN[100:]),
    "gzip, identity": gzip.compress(PLAIN) + b"something after the end",
    "deflate": zlib.compress(PLAIN),
    " deflate ": raw_deflate(PLAIN),
    "br": brotli.compress(PLAIN),
}
HEAD = "HTTP/1.1 200 OK\r\nContent-Encoding: {}\r\n\r\n"


async def seen_of(prober: Prober, *pieces: bytes, limit: int = 1 << 20) -> tuple[str, str, bool]:
    async with answering(*pieces) as server:
        seen = await prober.probe(Target("http", server.url, wants_body=True, max_body=limit))
        assert await server.deserted()
    assert seen.fault == ("down" if seen.error else "") and seen.status_code == 200
    return seen.error, seen.body, seen.truncated


@pytest.mark.parametrize("coding", PACKED)
@our_loop
async def test_codings_are_undone(prober: Prober, coding: str) -> None:
    head = HEAD.format(coding).encode()
    assert await seen_of(prober, head + PACKED[coding]) == ("", TEXT, False)
    limit = len(PLAIN)
    assert await seen_of(prober, head + PACKED[coding], limit=limit) == ("", TEXT, False)
    assert await seen_of(prober, head + PACKED[coding], limit=limit - 1) == ("", TEXT[:-1], True)


@pytest.mark.parametrize("coding", PACKED)
def test_codings_may_come_in_any_pieces(coding: str) -> None:
    decoder = decoder_for([(b"Content-Encoding", coding.encode())])
    assert decoder is not None
    out = b"".join(decoder.feed(PACKED[coding][at : at + 1], 1 << 20) for at in range(len(PACKED[coding])))
    decoder.finish()
    assert out == PLAIN


@pytest.mark.parametrize("coding", ["", "identity", "zstd", "gzip, br", "gzip;q=1"])
@our_loop
async def test_what_is_not_known_is_left_as_it_is(prober: Prober, coding: str) -> None:
    assert await seen_of(prober, HEAD.format(coding).encode() + b"as it is") == ("", "as it is", False)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
@our_loop
async def test_an_empty_body_needs_no_coding(prober: Prober, coding: str) -> None:
    assert await seen_of(prober, HEAD.format(coding).encode()) == ("", "", False)


@pytest.mark.parametrize(
    ("coding", "body", "words"),
    [
        ("gzip", b"not packed at all", "the response body is not gzip, though its headers say so"),
        ("gzip", gzip.compress(PLAIN, mtime=0)[:-8] + bytes(8), "is not gzip"),
        ("deflate", b"not packed at all", "is not deflate"),
        ("br", b"not packed at all, and more of that", "is not brotli"),
        ("gzip", gzip.compress(PLAIN, mtime=0)[:-9], "ends in the middle of its gzip coding"),
        ("deflate", zlib.compress(PLAIN)[:-9], "ends in the middle of its deflate coding"),
        ("deflate", b"x", "ends in the middle of its deflate coding"),
        ("br", brotli.compress(PLAIN)[:-2], "ends in the middle of its brotli coding"),
    ],
)
@our_loop
async def test_bodies_that_are_not_what_they_claim(
    prober: Prober, coding: str, body: bytes, words: str
) -> None:
    error, text, _ = await seen_of(prober, HEAD.format(coding).encode() + body)
    assert words in error and text == ""


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_bomb_ends_at_the_limit_and_not_in_memory(coding: str) -> None:
    zeros = bytes(8_000_000)
    pack: dict[str, Callable[[bytes], bytes]]
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": partial(brotli.compress, quality=1)}
    bomb = pack[coding](zeros)
    decoder = decoder_for([(b"content-encoding", coding.encode())])
    assert decoder is not None
    tracemalloc.start()
    try:
        out = decoder.feed(bomb, 100_001)
        assert 100_001 <= len(out) < 1_000_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@our_loop
async def test_a_bomb_is_an_answer_cut_short(prober: Prober) -> None:
    bomb = HEAD.format("gzip").encode() + gzip.compress(bytes(8_000_000), 1)
    error, text, truncated = await seen_of(prober, bomb, limit=100_000)
    assert (error, len(text), truncated) == ("", 100_000, True)


@our_loop
async def test_packed_nothing_without_end_is_no_body(prober: Prober) -> None:
    nothing = b"\x00\x00\x00\xff\xff" * 100_000
    error, _, _ = await seen_of(prober, HEAD.format("deflate").encode() + b"\x78\x9c" + nothing)
    assert "more framing than content" in error


def test_members_are_counted() -> None:
    decoder = decoder_for([(b"content-encoding", b"gzip")])
    assert decoder is not None
    member = gzip.compress(b"x")
    assert decoder.feed(member * 5000, 1 << 20) == b"x" * MAX_MEMBERS
    decoder.finish()


def test_an_error_may_come_late() -> None:
    decoder = decoder_for([(b"content-encoding", b"gzip")])
    assert decoder is not None
    packed = gzip.compress(PLAIN)
    decoder.feed(packed[:20], 1 << 20)
    with pytest.raises(BadContent):
        decoder.feed(b"\xff" * 500, 1 << 20)


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("grün".encode(), "", "grün"),
        ("grün".encode(), "text/html", "grün"),
        ("grün".encode(), 'text/html; charset="UTF-8"', "grün"),
        (b"\xef\xbb\xbf{}", "application/json", "{}"),
        (b"gr\xfcn", "text/plain;charset=ISO-8859-1", "grün"),
        (b"gr\xfcn", "text/plain; x=y; Charset = 'windows-1252'", "grün"),
        (b"gr\xfcn", "text/plain", "gr\ufffdn"),
        ("grün".encode("utf-16"), "text/plain; charset=utf-16", "grün"),
        ("日本".encode("shift_jis"), "text/plain; charset=Shift_JIS", "日本"),
        ("привет".encode("koi8-r"), "text/plain; charset=koi8-r", "привет"),
        (b"abc", "text/plain; charset=punycode", "abc"),
        (b"abc", "text/plain; charset=rot13", "abc"),
        (b"abc", "text/plain; charset=cp9999", "abc"),
        (b"abc", "text/plain; charset=", "abc"),
        (b"abc", "text/plain; charset=" + "x" * 60_000, "abc"),
        (b"\\x41", "text/plain; charset=unicode_escape", "\\x41"),
    ],
)
def test_bytes_become_text(body: bytes, content_type: str, text: str) -> None:
    assert text_of(body, content_type) == text


CHARSETS = """
    utf-8 utf8 utf-16le utf-32 ascii us-ascii iso-8859-15 latin-1 cp1252 cp437 windows-1251 koi8-u gb2312 gbk
    gb18030 big5 big5-hkscs shift_jis euc-jp euc-kr iso-2022-jp iso-2022-kr macintosh tis-620
"""


@pytest.mark.parametrize("charset", CHARSETS.split())
def test_every_charset_that_is_let_through_is_one_that_python_has(charset: str) -> None:
    body = "A".encode(charset)
    assert text_of(body, f"text/plain; charset={charset}") == "A"
