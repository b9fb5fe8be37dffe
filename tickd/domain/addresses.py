"""The syntax of an e-mail address: RFC 5322 and internationalised ones, and what is wrong in plain words."""

from __future__ import annotations

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email
from msgspec import Struct

LOCAL_MOST = 64
"""How many octets stand before the @-sign at most (RFC 5321, 4.5.3.1.1)."""
WHOLE_MOST = 254
"""How many octets an address has at most (RFC 5321, 4.5.3.1.3)."""
REASON_MOST = 200
"""How many characters of a reason are given: the library's can list every character of an address."""

_NAMED = {
    "\n": "a line break",
    "\r": "a line break",
    "\x0b": "a line break",
    "\x0c": "a line break",
    "\x85": "a line break",
    "\u2028": "a line break",
    "\u2029": "a line break",
    "\t": "a tab",
    "\x00": "a null character",
    "\xad": "an invisible character (a soft hyphen)",
    "\ufeff": "an invisible character (a byte-order mark)",
}
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_KINDS = {
    "Cc": "a control character",
    "Cf": "an invisible character",
    "Cs": "half a character",
    "Co": "a character that has no agreed meaning",
    "Cn": "a character that is not known",
}
_LONG = f"the address is longer than {WHOLE_MOST} characters"
_LONG_AS_SENT = f"the address is longer than {WHOLE_MOST} bytes"
_ENCLOSED = "the address has a name or angle brackets around it"
_LONG_LOCAL = f"the part before the @-sign is longer than {LOCAL_MOST} bytes"
_LONG_DOMAIN = "the part after the @-sign is longer than 253 bytes"
_LONG_LABEL = "after the @-sign more than 63 characters stand between two periods"
# What the library says, by its beginning, and what is said instead; "…" keeps the rest of it.
_PLAINER = (
    ("An email address must have an @-sign", "the address has no @-sign"),
    ("A display name and angle brackets", _ENCLOSED),
    ("An open angle bracket", _ENCLOSED),
    ("The display name", _ENCLOSED),
    ("There can't be anything after", _ENCLOSED),
    ("Extra character(s) found after close quote", "after the closing quote there must be the @-sign"),
    ("There must be something before the @-sign", "there is nothing before the @-sign"),
    ("There must be something after the @-sign", "there is nothing after the @-sign"),
    ("The part after the @-sign is not valid. It should", "the part after the @-sign has no period"),
    (
        "The part after the @-sign is not valid. It is not",
        "the part after the @-sign has no top-level domain",
    ),
    ("The part after the @-sign is invalid (Label too long", _LONG_LABEL),
    ("The part after the @-sign is invalid", "the part after the @-sign is not a domain name…"),
    ("After the @-sign, periods cannot be", _LONG_LABEL),
    ("The email address is too long before", _LONG_LOCAL),
    ("The email address is too long after the @-sign", _LONG_DOMAIN),
    ("The email address is too long", _LONG_AS_SENT),
    ("After Unicode normalization: The email address", "the address…"),
    ("The email address", "the address…"),
    ("An email address", "an address…"),
    ("The part", "the part…"),
)
_SPACE = re.compile(r"\b((?:[A-Z-]+ )*)SPACE\b")
_CODE = re.compile(r"Codepoint (U\+[0-9A-F]{4,6}) ")
_LOUD = re.compile(r"(?<!\S)[A-Z][A-Z -]{2,}")


class Address(Struct, frozen=True):
    """An address whose syntax is right: what stands before the @-sign, and the domain in ASCII.

    `typed` is the domain in the alphabet it was given in.
    """

    local: str
    domain: str
    typed: str


class Mistake(Struct, frozen=True):
    """What is wrong with an address, as a sentence without its full stop."""

    reason: str


def read(email: str) -> Address | Mistake:
    """Take an address apart, or say what is wrong with it; any text at all may be given."""
    strange = _too_long(email) or _strange(email)
    if strange:
        return Mistake(strange)
    try:
        found = validate_email(
            email,
            allow_smtputf8=True,
            allow_quoted_local=True,
            allow_domain_literal=False,
            allow_display_name=False,
            allow_empty_local=False,
            check_deliverability=False,
            test_environment=False,
            globally_deliverable=True,
        )
    except EmailNotValidError as error:
        return Mistake(_plain(str(error), email))
    local, _, given = email.rpartition("@")
    if len(local.encode()) > LOCAL_MOST:
        return Mistake(_LONG_LOCAL)
    domain = found.ascii_domain.lower()
    return Address(found.local_part or "", domain, domain if given.isascii() else found.domain)


def _too_long(email: str) -> str:
    # Of a megabyte nothing but its length is ever looked at.
    if len(email) > WHOLE_MOST:
        return _LONG
    return "" if email.strip() else "there is no address"


def _strange(email: str) -> str:
    """Name the first character that has no place in an address, without ever giving it back."""
    if not email.isprintable():
        for character in email:
            if unicodedata.category(character) in _KINDS or character in _NAMED:
                return f"the address contains {_named(character)}"
    return "the address begins or ends with a space" if email != email.strip() else ""


def _named(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    code = f"U+{ord(character):04X}"
    if character in _DIRECTIONS:
        return f"an invisible character that turns the direction of the text ({code})"
    return f"{_KINDS[unicodedata.category(character)]} ({code})"


def _plain(said: str, email: str) -> str:
    sentence = _known_mistake(said, email)
    if not sentence:
        sentence = said.removesuffix(".")
        for beginning, instead in _PLAINER:
            if said.startswith(beginning):
                kept = instead.endswith("…")
                sentence = instead[:-1] + sentence[len(beginning) :] if kept else instead
                break
    words, colon, characters = sentence.partition(": ")
    characters = _LOUD.sub(lambda found: found[0].lower(), _SPACE.sub(_space, characters))
    sentence = "".join(one if one.isprintable() else "?" for one in words + colon + characters)
    return sentence if len(sentence) <= REASON_MOST else sentence[: REASON_MOST - 1] + "…"


def _known_mistake(said: str, email: str) -> str:
    if email.startswith('"') and "must have an @-sign" in said:
        return "the quote before the @-sign is not closed"
    if email.count("@") > 1 and '"' not in email and "<" not in email:
        return "the address has more than one @-sign"
    if "in brackets" in said or "bracketed" in said:
        return "after the @-sign there are brackets, not a domain"
    code = _CODE.search(said)
    return f"the part after the @-sign has a character that no domain has ({code[1]})" if code else ""


def _space(found: re.Match[str]) -> str:
    return f"a space ({found[1].strip().lower()})" if found[1] else "a space"
