"""The syntax of addresses: what is one, what is none and why, and that no text at all breaks it."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tickd.domain.addresses import LOCAL_MOST, REASON_MOST, WHOLE_MOST, Address, Mistake, read

LONGEST = "a" * LOCAL_MOST + "@" + ".".join(["b" * 62] * 3) + "b"

FINE = [
    ("a@b.example", "a", "b.example"),
    ("Ann.Lee@X.Example", "Ann.Lee", "x.example"),
    ("o'neil+tag@x.example", "o'neil+tag", "x.example"),
    ("!#$%&'*+/=?^_`{|}~-@x.example", "!#$%&'*+/=?^_`{|}~-", "x.example"),
    ("a@x-y.z1.example", "a", "x-y.z1.example"),
    ("1@1.example", "1", "1.example"),
    ('"a b"@x.example', '"a b"', "x.example"),
    ('"a@b"@x.example', '"a@b"', "x.example"),
    (r'"a\"b\\c"@x.example', r'"a\"b\\c"', "x.example"),
    ('" "@x.example', '" "', "x.example"),
    ('"..a.."@x.example', '"..a.."', "x.example"),
    ('"plain"@x.example', "plain", "x.example"),
    ("ü@x.example", "ü", "x.example"),
    ("u\u0308@x.example", "ü", "x.example"),
    ("用户@例子.广告", "用户", "xn--fsqu00a.xn--4rr70v"),
    ("😀@x.example", "😀", "x.example"),
    ("אב@x.example", "אב", "x.example"),
    ("a@אב.example", "a", "xn--4dbc.example"),
    ("a@bücher.example", "a", "xn--bcher-kva.example"),
    ("a@BÜCHER.EXAMPLE", "a", "xn--bcher-kva.example"),
    ("a@XN--BCHER-KVA.example", "a", "xn--bcher-kva.example"),
    ("a@x。example", "a", "x.example"),
    ("a" * LOCAL_MOST + "@x.example", "a" * LOCAL_MOST, "x.example"),
    ("ü" * (LOCAL_MOST // 2) + "@x.example", "ü" * (LOCAL_MOST // 2), "x.example"),
    ("a@" + "b" * 63 + ".example", "a", "b" * 63 + ".example"),
]

WRONG = [
    ("", "there is no address"),
    ("a", "the address has no @-sign"),
    ("@", "there is nothing before the @-sign"),
    ("@x.example", "there is nothing before the @-sign"),
    ('""@x.example', "there is nothing before the @-sign"),
    ("a@", "there is nothing after the @-sign"),
    ("a@b@c.example", "the address has more than one @-sign"),
    ("a@x.example,b@y.example", "the address has more than one @-sign"),
    (" a@x.example", "the address begins or ends with a space"),
    ("a@x.example ", "the address begins or ends with a space"),
    ("\u00a0a@x.example", "the address begins or ends with a space"),
    ("   ", "there is no address"),
    ("\u00a0\n", "there is no address"),
    ("a@x.example\n", "the address contains a line break"),
    ("a@x.example\r\nBcc: b@y.example", "the address contains a line break"),
    ("a\nb@x.example", "the address contains a line break"),
    ('"a\r\nb"@x.example', "the address contains a line break"),
    ('"a\\\nb"@x.example', "the address contains a line break"),
    ("a@x.example\u2028", "the address contains a line break"),
    ("a\u0085@x.example", "the address contains a line break"),
    ("a\tb@x.example", "the address contains a tab"),
    ("a\x00@x.example", "the address contains a null character"),
    ("a@x.example\x00.com", "the address contains a null character"),
    ("a\x1b[31m@x.example", "the address contains a control character (U+001B)"),
    ("a\x7f@x.example", "the address contains a control character (U+007F)"),
    ("a\ud800@x.example", "the address contains half a character (U+D800)"),
    ("a@\udfff.example", "the address contains half a character (U+DFFF)"),
    ("\u202ea@x.example", "an invisible character that turns the direction of the text (U+202E)"),
    ("a\u200b@x.example", "the address contains an invisible character (U+200B)"),
    ("a@x\u00ady.example", "the address contains an invisible character (a soft hyphen)"),
    ("\ufeffa@x.example", "the address contains an invisible character (a byte-order mark)"),
    ("\ue000@x.example", "the address contains a character that has no agreed meaning (U+E000)"),
    ("a b@x.example", "the address contains invalid characters before the @-sign: a space"),
    ("a\u3000b@x.example", "the address contains unsafe characters: a space (ideographic)"),
    ("\u0301a@x.example", "the address contains unsafe characters: combining acute accent"),
    ("a,b@x.example", "the address contains invalid characters before the @-sign: ','"),
    ("a(me)@x.example", "the address contains invalid characters before the @-sign: '(', ')'"),
    ("mailto:a@x.example", "the address contains invalid characters before the @-sign: ':'"),
    ("a..b@x.example", "an address cannot have two periods in a row"),
    (".a@x.example", "an address cannot start with a period"),
    ("a.@x.example", "an address cannot have a period immediately before the @-sign"),
    ("a@.x.example", "an address cannot have a period immediately after the @-sign"),
    ("a@x..example", "an address cannot have two periods in a row"),
    ("a@x.example.", "an address cannot end with a period"),
    ("a@-x.example", "an address cannot have a hyphen immediately after the @-sign"),
    ("a@x-.example", "an address cannot have a period and a hyphen next to each other"),
    ("a@x y.example", "the part after the @-sign contains invalid characters: a space"),
    ("a@x_y.example", "the part after the @-sign contains invalid characters: '_'"),
    ("a@gmail,com", "the part after the @-sign contains invalid characters: ','"),
    ("a@x", "the part after the @-sign has no period"),
    ("a@localhost", "the part after the @-sign has no period"),
    ("a@127.0.0.1", "the part after the @-sign has no top-level domain"),
    ("a@[127.0.0.1]", "after the @-sign there are brackets, not a domain"),
    ("a@[IPv6:::1]", "after the @-sign there are brackets, not a domain"),
    ("a@[IPv6:x]", "after the @-sign there are brackets, not a domain"),
    ("a@x.test", "the part after the @-sign is a special-use or reserved name"),
    ("a@x.invalid", "the part after the @-sign is a special-use or reserved name"),
    ("a@😀.example", "the part after the @-sign has a character that no domain has (U+1F600)"),
    ("a@אa.example", "the part after the @-sign is not a domain name"),
    ("a@xn--\u00fc.example", "the part after the @-sign is not a domain name"),
    ("Ann <a@x.example>", "the address has a name or angle brackets around it"),
    ("<a@x.example>", "the address has a name or angle brackets around it"),
    ("<a@x.example", "the address has a name or angle brackets around it"),
    ('"a@x.example', "the quote before the @-sign is not closed"),
    ('"a"b@x.example', "after the closing quote there must be the @-sign"),
    ("a\uff20x.example", "instead of a regular at-sign"),
    ("a\ufe6bx.example", "instead of a regular at-sign"),
    ("a" * (LOCAL_MOST + 1) + "@x.example", "the part before the @-sign is longer than 64 bytes"),
    ("ü" * 33 + "@x.example", "the part before the @-sign is longer than 64 bytes"),
    ('"' + "a" * 63 + '"@x.example', "the part before the @-sign is longer than 64 bytes"),
    ("a" * 90 + "@x.example", "the part before the @-sign is longer than 64 bytes"),
    ("a@" + "b" * 64 + ".example", "after the @-sign more than 63 characters stand between two periods"),
    ("a@" + "ü" * 60 + ".example", "after the @-sign more than 63 characters stand between two periods"),
    ("a" + LONGEST, "the address is longer than 254 characters"),
    ("a" * 1_000_000, "the address is longer than 254 characters"),
    ("üüü@" + ".".join(["ü" * 20] * 9) + ".example", "the address is longer than 254 bytes"),
    ("a@" + ".".join(["ü" * 12] * 16) + ".example", "after the @-sign is longer than 253 bytes"),
]


@pytest.mark.parametrize(("email", "local", "domain"), FINE)
def test_an_address_is_taken_apart(email: str, local: str, domain: str) -> None:
    found = read(email)
    assert isinstance(found, Address)
    assert (found.local, found.domain) == (local, domain)


@pytest.mark.parametrize(
    ("email", "typed"),
    [
        ("a@X.Example", "x.example"),
        ("a@BÜCHER.example", "bücher.example"),
        ("a@xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("a@x。example", "x.example"),
        ("ü@x.example", "x.example"),
        ("用户@例子.广告", "例子.广告"),
    ],
)
def test_a_domain_is_kept_in_the_alphabet_it_was_typed_in(email: str, typed: str) -> None:
    found = read(email)
    assert isinstance(found, Address)
    assert found.typed == typed


def test_the_longest_address_is_one() -> None:
    assert len(LONGEST) == WHOLE_MOST
    assert isinstance(read(LONGEST), Address)


@pytest.mark.parametrize(("email", "reason"), WRONG, ids=[repr(email[:30]) for email, _ in WRONG])
def test_a_mistake_is_named_in_plain_words(email: str, reason: str) -> None:
    mistake = read(email)
    assert isinstance(mistake, Mistake)
    assert reason in mistake.reason
    assert mistake.reason[0].islower()
    assert "too many" not in mistake.reason and "too long" not in mistake.reason
    assert not mistake.reason.endswith(".")


def test_a_reason_that_names_a_lot_of_characters_is_cut() -> None:
    spaces = (*range(0x2000, 0x200B), 0x3000, 0x205F, 0x1680, 0x202F)
    mistake = read("a" + "".join(map(chr, spaces)) + "@x.example")
    assert isinstance(mistake, Mistake)
    assert mistake.reason.startswith("the address contains unsafe characters: a space (ogham) mark, en quad")
    assert len(mistake.reason) == 200 and mistake.reason.endswith("…")


PIECES = st.sampled_from(
    [
        *"@.\"\\<>()[],;: -+_'",
        "\r\n",
        "\x00",
        "\u202e",
        "\u200d",
        "\uff20",
        "。",
        "a",
        "B",
        "7",
        "ü",
        "xn--",
        "😀",
        "\u0301",
        "א",
        "\u0660",
        "\ud800",
        "IPv6:",
        ".example",
        "gmail.com",
    ]
)
TEXTS = st.one_of(
    st.text(st.characters(), max_size=400),
    st.text(max_size=300),
    st.lists(PIECES, max_size=80).map("".join),
    st.tuples(st.lists(PIECES, max_size=12), st.lists(PIECES, max_size=12)).map(
        lambda sides: "".join(sides[0]) + "@" + "".join(sides[1]) + ".example"
    ),
    st.tuples(st.text(max_size=30), st.text(max_size=60)).map("@".join),
)


@given(TEXTS)
@example("\u0338<@\u0338")
@example('"\\')
@example("a@" + "\u0660" * 250)
def test_any_text_at_all_gives_an_address_or_a_reason(text: str) -> None:
    found = read(text)
    if isinstance(found, Mistake):
        assert found.reason
        assert len(found.reason) <= REASON_MOST
        assert found.reason.isprintable()
        found.reason.encode()
        return
    assert found.domain.isascii() and found.domain == found.domain.lower() and "." in found.domain
    assert len(f"{found.local}@{found.domain}".encode()) <= WHOLE_MOST + 2  # quotes may be added
    assert not any(unicodedata.category(one).startswith("C") for one in found.local)


def _secs(work: Callable[[], object]) -> float:
    """The best of a few: what it takes when nobody disturbs."""
    taken = []
    for _ in range(5):
        begun = time.thread_time()
        work()
        taken.append(time.thread_time() - begun)
    return min(taken)


ADVERSE = [
    "." * 250 + "@",
    '"' * 253 + "@",
    '"' + "\\" * 252,
    "@" * 254,
    "<" * 254,
    "a@" + "." * 252,
    "a@" + "-." * 126,
    "a@" + "\u0660" * 252,
    "a@xn--" + "a" * 240,
    "a@" + "ü" * 252,
    "a@" + ".".join("אב7" for _ in range(62)),
    "\u0301" * 254,
    "a" + "\u0301" * 240 + "@x.example",
    '"' + "\\a" * 120 + '"@x.example',
    "".join(map(chr, range(0x4E00, 0x4E00 + 240))) + "@ .example",
    "".join(map(chr, range(0x2500, 0x2500 + 240))),
]


@pytest.mark.parametrize("email", ADVERSE, ids=lambda email: repr(email[:12]))
def test_no_address_takes_long(email: str) -> None:
    # An ordinary one of the same length is the measure: quadratic work over 254 would be 100 times it.
    ordinary = "a" * 60 + "@" + ".".join(["büch" + "b" * 20] * 7) + ".example"
    assert isinstance(read(email), Mistake)
    assert _secs(lambda: read(email)) < 60 * _secs(lambda: read(ordinary)) + 0.001


@pytest.mark.parametrize("length", [320, 10_000, 1_000_000])
@pytest.mark.parametrize("piece", [".", '"', "\\", "@", "a.", "ü", "\u0660", "\ud800", "a@b."])
def test_of_a_long_text_only_the_length_is_looked_at(piece: str, length: int) -> None:
    text = (piece * length)[:length]
    assert read(text) == Mistake("the address is longer than 254 characters")
    assert _secs(lambda: [read(text) for _ in range(100)]) < 100 * _secs(lambda: read("a@b.example")) + 0.001
