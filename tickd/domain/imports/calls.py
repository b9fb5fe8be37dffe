"""Command lines that are nothing but a call of an address by curl or wget."""

from __future__ import annotations

import base64
import math
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

COMMAND = "it is a command"
"""What is said of a line that calls neither curl nor wget."""

_OPERATORS = set("();<>|&")
_NOWHERE = ("/dev/null", "-")
_LIVE = re.compile(r"[$`]")


class NoCall(Exception):
    """The line does something that a call of an address does not."""


@dataclass(slots=True)
class Call:
    """A call of an address, as a job of tickd makes it; `changed` and `held` say what is different."""

    program: str
    url: str = ""
    method: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: list[str] = field(default_factory=list)
    timeout_secs: int | None = None
    retries: int = 0
    changed: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    def fields(self) -> dict[str, Any]:
        """The job's fields."""
        body = "&".join(self.body)
        method = self.method or ("POST" if self.body else "GET")
        if self.body and not any(name.lower() == "content-type" for name in self.headers):
            self.headers["Content-Type"] = "application/x-www-form-urlencoded"
        return {
            "endpoint": self.url,
            "method": method.upper(),
            "headers": self.headers or None,
            "body": body or None,
            "retries": min(10, self.retries),
        }


def parse(command: str) -> Call:
    """The call that a shell command is; NoCall says in words why it is none."""
    first = command.split(None, 1)[0].rpartition("/")[2] if command.split() else ""
    if first not in _PROGRAMS:
        raise NoCall(COMMAND)
    words = _words(command)
    program = words[0].rpartition("/")[2] if words else ""
    options = _PROGRAMS.get(program)
    if options is None:
        raise NoCall(COMMAND)
    call = Call(program)
    rest = iter(words[1:])
    for word in rest:
        if word == "--":
            continue
        if not word.startswith("-") or word == "-":
            _address(call, word)
        else:
            _option(call, options, word, rest)
    if not call.url:
        raise NoCall("it calls no address")
    if re.search(r"[\[\]{}]", call.url):
        raise NoCall("its address stands for several")
    if "://" not in call.url:
        call.url = f"http://{call.url}"
    _credentials(call)
    if program == "wget":
        _follows(call)
    return call


def _credentials(call: Call) -> None:
    """Takes the user and the password out of the address: there anybody could read them."""
    scheme, _, rest = call.url.partition("://")
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, at, _ = place.rpartition("@")
    if at:
        call.url = f"{scheme}://{rest[len(user) + 1 :]}"
        if "Authorization" not in call.headers:
            name, _, password = user.partition(":")
            _user(call, f"{unquote(name)}:{unquote(password)}")


def _words(command: str) -> list[str]:
    """The words of a simple command without what sends its output nowhere."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError as error:
        raise NoCall("its quotes do not match") from error
    if _LIVE.search(_without_single_quotes(command)):
        raise NoCall("the shell has something to fill in")
    kept: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word and set(word) <= _OPERATORS:
            at = _past_redirection(words, at, kept)
            continue
        kept.append(word)
        at += 1
    return kept


def _past_redirection(words: list[str], at: int, kept: list[str]) -> int:
    """The place behind `>/dev/null` and `2>&1`; NoCall for any other operator."""
    target = words[at + 1] if at + 1 < len(words) else ""
    if words[at] in (">", ">>", "&>", ">&") and target in ("/dev/null", "1", "2"):
        # The number before it is which output is meant, and no word of the command.
        if kept and kept[-1] in ("1", "2"):
            kept.pop()
        return at + 2
    raise NoCall(f"the shell has more to do: {words[at]}")


def _without_single_quotes(command: str) -> str:
    return re.sub(r"'[^']*'", "", command)


def _address(call: Call, word: str) -> None:
    if call.url:
        raise NoCall("it calls several addresses")
    call.url = word


def _option(call: Call, options: Mapping[str, Any], word: str, rest: Iterator[str]) -> None:
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        _apply(call, options, name, value if equals else None, rest)
        return
    letters = word[1:]
    while letters:
        name, letters = f"-{letters[0]}", letters[1:]
        rule = options.get(name, _UNKNOWN)
        if rule is None or rule is _UNKNOWN:
            _apply(call, options, name, None, rest)
            continue
        _apply(call, options, name, letters or None, rest)
        return


_UNKNOWN = object()


def _apply(call: Call, options: Mapping[str, Any], name: str, value: str | None, rest: Iterator[str]) -> None:
    rule = options.get(name, _UNKNOWN)
    if rule is _UNKNOWN:
        raise NoCall(f"its option {name[:40]} has no counterpart")
    if rule is None:
        return
    if isinstance(rule, str):
        _FLAGS[rule](call)
        return
    given = value if value is not None else next(rest, None)
    if given is None:
        raise NoCall(f"its option {name} lacks a value")
    rule(call, given)


# What options do.


def _method(call: Call, value: str) -> None:
    call.method = value


def _header(call: Call, value: str) -> None:
    name, colon, text = value.partition(":")
    if not colon or value.startswith("@"):
        raise NoCall("one of its headers can't be read")
    call.headers[name.strip()] = text.strip()


def _named(name: str) -> Callable[[Call, str], None]:
    return lambda call, value: call.headers.__setitem__(name, value)


def _body(call: Call, value: str) -> None:
    if value.startswith("@"):
        raise NoCall("it sends a file")
    call.body.append(value)


def _json_body(call: Call, value: str) -> None:
    _body(call, value)
    call.headers.setdefault("Content-Type", "application/json")
    call.headers.setdefault("Accept", "application/json")


def _timeout(call: Call, value: str) -> None:
    try:
        call.timeout_secs = math.ceil(float(value))
    except (ValueError, OverflowError) as error:
        raise NoCall("its time limit can't be read") from error


def _retries(call: Call, value: str) -> None:
    if not value.isdigit() or len(value) > 4:
        raise NoCall("its retries can't be read")
    call.retries = int(value)


def _tries(call: Call, value: str) -> None:
    _retries(call, value)
    call.retries = max(0, call.retries - 1)


def _user(call: Call, value: str) -> None:
    call.headers["Authorization"] = "Basic " + base64.b64encode(value.encode()).decode()


def _cookie(call: Call, value: str) -> None:
    if "=" not in value:
        raise NoCall("it reads cookies from a file")
    call.headers["Cookie"] = value


def _output(call: Call, value: str) -> None:
    if value not in _NOWHERE:
        raise NoCall("it saves what it gets in a file")


def _url(call: Call, value: str) -> None:
    _address(call, value)


def _ignored(_call: Call, _value: str) -> None:
    """What has no meaning for the call itself."""


def _insecure(call: Call) -> None:
    call.held.append("certificate errors are ignored there: tickd always checks certificates")


def _follows(call: Call) -> None:
    call.changed.append("redirects: a job of tickd does not follow them, and takes one for a failure")


def _head(call: Call) -> None:
    call.method = "HEAD"


def _bearer(call: Call, value: str) -> None:
    call.headers["Authorization"] = f"Bearer {value}"


_FLAGS: Mapping[str, Callable[[Call], None]] = {"insecure": _insecure, "follows": _follows, "head": _head}
_CURL: Mapping[str, Any] = {
    **dict.fromkeys(("-X", "--request"), _method),
    **dict.fromkeys(("-H", "--header"), _header),
    **dict.fromkeys(("-d", "--data", "--data-raw", "--data-ascii", "--data-binary"), _body),
    "--json": _json_body,
    **dict.fromkeys(("-m", "--max-time"), _timeout),
    "--retry": _retries,
    **dict.fromkeys(("-u", "--user"), _user),
    "--oauth2-bearer": _bearer,
    **dict.fromkeys(("-A", "--user-agent"), _named("User-Agent")),
    **dict.fromkeys(("-e", "--referer"), _named("Referer")),
    **dict.fromkeys(("-b", "--cookie"), _cookie),
    **dict.fromkeys(("-o", "--output"), _output),
    "--url": _url,
    **dict.fromkeys(
        ("-w", "--write-out", "--connect-timeout", "--retry-delay", "--retry-max-time"), _ignored
    ),
    **dict.fromkeys(("-k", "--insecure"), "insecure"),
    **dict.fromkeys(("-L", "--location"), "follows"),
    **dict.fromkeys(("-I", "--head"), "head"),
    **dict.fromkeys(("-s", "-S", "-f", "-v", "-i", "-g", "-4", "-6", "-#", "-N", "-q"), None),
    **dict.fromkeys(
        ("--silent", "--show-error", "--fail", "--fail-with-body", "--verbose", "--include"), None
    ),
    **dict.fromkeys(
        ("--compressed", "--globoff", "--no-progress-meter", "--progress-bar", "--no-buffer"), None
    ),
    **dict.fromkeys(
        ("--retry-connrefused", "--retry-all-errors", "--ipv4", "--ipv6", "--http1.1", "--http2"), None
    ),
}
"""curl's options: what their value does, what they do without one, or nothing that matters here."""
_WGET: Mapping[str, Any] = {
    "--header": _header,
    **dict.fromkeys(("--post-data", "--body-data"), _body),
    "--method": _method,
    **dict.fromkeys(("-T", "--timeout", "--read-timeout"), _timeout),
    **dict.fromkeys(("-t", "--tries"), _tries),
    **dict.fromkeys(("-U", "--user-agent"), _named("User-Agent")),
    **dict.fromkeys(("-O", "--output-document", "-o", "--output-file"), _output),
    **dict.fromkeys(("--connect-timeout", "--dns-timeout", "-w", "--wait", "--waitretry"), _ignored),
    "--no-check-certificate": "insecure",
    "--spider": "head",
    **dict.fromkeys(("-q", "--quiet", "-nv", "--no-verbose", "-v", "--delete-after", "-S", "-4", "-6"), None),
    **dict.fromkeys(
        ("-n", "--no-cache", "--no-cookies", "--no-proxy", "--server-response", "--retry-connrefused"), None
    ),
    **dict.fromkeys(("--inet4-only", "--inet6-only"), None),
}
_PROGRAMS: Mapping[str, Mapping[str, Any]] = {"curl": _CURL, "wget": _WGET}
