"""The domain that was probably meant: slips of the fingers in the names of common mail providers.

It is cautious: a name that somebody may well have, or that is as near to another one, is left alone.
"""

from __future__ import annotations

import unicodedata

# A provider's name, and the endings under which it gives out addresses; the likeliest first.
_NAMES = {
    "gmail": "com",
    "googlemail": "com de",
    "yahoo": "com co.uk fr de it es ca in co.in co.jp com.br com.ar com.mx com.au com.hk com.sg com.tw com.ph"
    " com.vn co.id co.nz co.kr co.th gr ie no se dk ro pl be at cl cn",
    "ymail": "com",
    "rocketmail": "com",
    "hotmail": "com co.uk fr de it es nl be ca se no dk fi ch at com.br com.ar com.mx com.tr com.au co.jp"
    " co.in cl gr",
    "outlook": "com fr de it es be at dk ie pt com.br com.ar com.au co.id co.th jp kr in cl cz gr hu lv ph sa"
    " sg sk com.tr com.vn",
    "live": "com co.uk fr de it nl be ca se no dk fi at ie in cl cn com.ar com.au com.mx com.pt ru co.za jp"
    " hk",
    "msn": "com",
    "passport": "com",
    "icloud": "com",
    "me": "com",
    "mac": "com",
    "aol": "com co.uk de fr it es",
    "aim": "com",
    "protonmail": "com ch",
    "proton": "me",
    "pm": "me",
    "tutanota": "com de",
    "tuta": "com io",
    "fastmail": "com fm",
    "hey": "com",
    "zoho": "com eu in",
    "zohomail": "com eu in",
    "yandex": "com ru ua by kz com.tr",
    "mail": "com ru ee",
    "email": "com it de",
    "inbox": "com ru lv eu",
    "bk": "ru",
    "list": "ru",
    "internet": "ru",
    "rambler": "ru",
    "gmx": "com net de at ch fr co.uk us es",
    "web": "de",
    "t-online": "de",
    "freenet": "de",
    "arcor": "de",
    "posteo": "de net",
    "mailbox": "org",
    "vodafone": "de it",
    "orange": "fr es",
    "wanadoo": "fr es",
    "free": "fr",
    "sfr": "fr",
    "neuf": "fr",
    "laposte": "net",
    "bbox": "fr",
    "libero": "it",
    "virgilio": "it",
    "tiscali": "it co.uk",
    "alice": "it",
    "tin": "it",
    "fastwebnet": "it",
    "bluewin": "ch",
    "telenet": "be",
    "skynet": "be",
    "ziggo": "nl",
    "kpnmail": "nl",
    "planet": "nl",
    "xs4all": "nl",
    "home": "nl",
    "chello": "nl at",
    "btinternet": "com",
    "virginmedia": "com",
    "talktalk": "net",
    "ntlworld": "com",
    "blueyonder": "co.uk",
    "sky": "com",
    "bigpond": "com net.au com.au",
    "optusnet": "com.au",
    "comcast": "net",
    "xfinity": "com",
    "verizon": "net",
    "att": "net",
    "sbcglobal": "net",
    "bellsouth": "net",
    "charter": "net",
    "cox": "net",
    "earthlink": "net",
    "juno": "com",
    "optonline": "net",
    "frontier": "com",
    "windstream": "net",
    "mindspring": "com",
    "netzero": "net com",
    "shaw": "ca",
    "rogers": "com",
    "sympatico": "ca",
    "telus": "net",
    "videotron": "ca",
    "qq": "com",
    "163": "com",
    "126": "com",
    "sina": "com cn",
    "sohu": "com",
    "foxmail": "com",
    "naver": "com",
    "daum": "net",
    "hanmail": "net",
    "rediffmail": "com",
    "uol": "com.br",
    "bol": "com.br",
    "terra": "com.br com",
    "ig": "com.br",
    "seznam": "cz",
    "centrum": "cz sk",
    "wp": "pl",
    "o2": "pl co.uk",
    "onet": "pl eu",
    "interia": "pl eu",
    "ukr": "net",
    "abv": "bg",
    "walla": "co.il com",
}
KNOWN = frozenset(f"{name}.{ending}" for name, endings in _NAMES.items() for ending in endings.split())
"""The domains of common providers."""

# Names that are nobody's word, so that a slip in them may be taken for one. Short ones and words are not
# here: "chapter.net" is no slip of "charter.net", and "photon.me" none of "proton.me".
_DISTINCT = """
gmail googlemail yahoo rocketmail hotmail outlook icloud protonmail tutanota yandex rambler t-online wanadoo
laposte virgilio btinternet virginmedia ntlworld blueyonder bigpond optusnet comcast verizon sbcglobal
bellsouth earthlink sympatico rediffmail hanmail seznam fastwebnet
"""
# What is one or two slips away from those, and somebody's own name all the same.
_NEIGHBOURS = """
gail grail yahoos hotmale outlooks outlock incloud iloud googlemaps photonmail laposta virgili virginio
simpatico scglobal earthling comcash
"""
_DISTINCT_NAMES = frozenset(_DISTINCT.split())
_SOMEBODYS = frozenset(_NEIGHBOURS.split())
# Endings that exist, and are one slip away from com, net or org. Those of two letters count as slips all the
# same: who holds gmail.co, gmail.cm or gmail.om holds it for those who type too fast.
_REAL = frozenset(("cam", "bom", "mom", "bet", "pet", "vet", "nec", "new", "next", "ong"))
# Slips that are two letters wide, and common.
_COMMON = {"icould": "icloud"}
# Endings of two letters swapped, under which there is no domain.
_SWAPPED = frozenset(("ed", "rf", "ti", "ln", "hc", "ta", "ur", "lp"))
# What looks like one of the letters, and has no accent that could be taken off it.
_LIKE = str.maketrans("ıł", "il")
_LONG = 10
"""From this length on, a name may have two slips."""


# By both letters that a slip of them may begin with.
_FIRST = {
    letter: [name for name in sorted(_DISTINCT_NAMES) if letter in name[:2]]
    for letter in "abcdefghijklmnopqrstuvwxyz-"
}


def meant(domain: str) -> str:
    """Give the provider's domain that `domain` (lower case) is a slip of, or an empty text."""
    if not domain.isascii():
        plain = _plain(domain)
        return plain if plain in KNOWN and plain.partition(".")[0] in _DISTINCT_NAMES else ""
    name, _, ending = domain.partition(".")
    if domain in KNOWN or not ending or name in _SOMEBODYS:
        return ""
    if name not in _NAMES:
        name = _COMMON.get(name) or _nearest(name)
        if not name:
            return ""
        if f"{name}.{ending}" in KNOWN:
            return f"{name}.{ending}"
    wanted = next((one for one in _NAMES[name].split() if _is_slip(ending, one)), "")
    return f"{name}.{wanted}" if wanted else ""


def _plain(domain: str) -> str:
    """Take the accents off the letters."""
    letters = unicodedata.normalize("NFKD", domain.translate(_LIKE))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _nearest(name: str) -> str:
    """Give the distinctive name that `name` is a slip of, unless another provider's is as near."""
    for best in _FIRST.get(name[:1], ()):
        slips = 2 if len(best) >= _LONG else 1
        if _begins_like(name, best) and _within(slips, name, best):
            slips = distance(name, best)
            others = [one for one in _NAMES if one != best and _within(slips, name, one)]
            return "" if others else best
    return ""


def _within(slips: int, name: str, known: str) -> bool:
    # A slip brings in one letter at most, and takes one away: that spares nearly all of the arithmetic.
    return (
        abs(len(name) - len(known)) <= slips
        and len(set(name) ^ set(known)) <= 2 * slips
        and distance(name, known) <= slips
    )


def _begins_like(name: str, known: str) -> bool:
    """Nobody misses the first letter, but many are too fast with the second."""
    return name[0] == known[0] or name[:2] == known[1::-1]


def _is_slip(ending: str, wanted: str) -> bool:
    if ending == wanted.replace(".", "") and "." in wanted:
        return True
    first, dot, country = wanted.partition(".")
    if dot:
        given, _, rest = ending.partition(".")
        return rest == country and distance(given, first) <= 1
    if len(wanted) == 2:
        doubled = ending in (wanted[0] + wanted, wanted + wanted[1])
        return doubled or (ending == wanted[::-1] and ending in _SWAPPED)
    given, twice, again = ending.partition(".")
    if twice:
        return given == wanted and (again == wanted or (len(again) > 2 and _is_slip(again, wanted)))
    return ending not in _REAL and distance(ending, wanted) == 1


def distance(one: str, other: str) -> int:
    """Count the letters put in, left out, changed or swapped with the next between one and the other."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
