"""A crontab as a manifest: calls of an address become jobs, other commands heartbeats that they ping."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import groupby, takewhile

from tickd.domain import cron, subjects
from tickd.domain.imports import calls
from tickd.domain.imports import draft as drafts
from tickd.domain.imports.draft import Draft, Item, shown
from tickd.errors import Invalid, Malformed

LINES_MOST = 20_000
"""How many lines are read."""
TIMEOUT_HIGH = 300
"""How long a job may wait for its answer, in seconds."""
LONGEST_PART = 32
"""A part of a path as long as this is taken for a key, and told to nobody."""

_SETTING = re.compile(
    r"\s*(?:\"([A-Za-z_][A-Za-z0-9_]*)\"|'([A-Za-z_][A-Za-z0-9_]*)'|([A-Za-z_][A-Za-z0-9_]*))\s*=\s*(.*?)\s*"
)
_QUOTED = re.compile(r"\"(.*)\"|'(.*)'", re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=.*", re.DOTALL)
_ADDRESS = re.compile(r"https?://(?:[^/?#]*@)?([A-Za-z0-9.-]+)", re.IGNORECASE)
_WRAPPERS: Mapping[str, Collection[str]] = {
    "nice": ("-n", "--adjustment"),
    "ionice": ("-c", "-n", "-p", "-t", "--class", "--classdata"),
    "sudo": (
        *("-u", "-g", "-p", "-h", "-C", "-T", "-r", "-t", "-U", "-D", "-R"),
        *("--user", "--group", "--prompt", "--host", "--role", "--type", "--chdir", "--chroot"),
    ),
    "env": ("-u", "-C", "-S", "--unset", "--chdir"),
    "nohup": (),
    "exec": ("-a",),
    "time": ("-f", "-o"),
    "chronic": (),
    **dict.fromkeys(("{", "!", "if", "then", "while", "do"), ()),
}
"""What stands before a program, and which of its options have a value."""
_PRELUDES = ("cd", "test", "[", "[[", "set", "export", "umask", "ulimit", "source", ".", ":")
"""What is done before the program that a line is about."""
_OPERATORS = set(";&|<>()")
_PROGRAM = re.compile(r"[\w.+-]+")
_ENDS = re.compile(
    r"(?:^|[\s;&|({])(?:exec|exit|return|trap|eval|source|\.|set\s+[-+][A-Za-z])(?=$|[\s;&|)A-Za-z])"
)
"""Words with which a line may end its own shell, before what stands behind it."""
_SHELLS = ("sh", "bash", "dash", "ash", "ksh", "ksh93", "mksh", "zsh", "busybox")
"""The shells that know `$?` and `( … )`."""
_KEY = re.compile(r"[:;=]|(?=.*[0-9])(?=.*[A-Za-z]).{16}")
_PERCENT = re.compile(r"(?<!\\)%")
_ARGUMENT = re.compile(r"(?![0-9]$)[A-Za-z0-9_./][A-Za-z0-9_./-]*")
_COMMENT = re.compile(r"(?:^|\s)#")
_MEANINGLESS = {
    "PATH",
    "HOME",
    "LOGNAME",
    "USER",
    "TERM",
    "EDITOR",
    "LANG",
    "LC_ALL",
    "CONTENT_TYPE",
}


@dataclass(slots=True)
class Reading:
    """A crontab while it is read: what its settings say so far, and its lines as they are to be."""

    draft: Draft
    timezone: str
    is_system: bool
    make_token: Callable[[], str] | None
    ping_url: str
    lines: list[str] = field(default_factory=list)
    channel: str = ""
    shell: str = "sh"
    is_crontab: bool = False


def convert(
    text: str,
    now: int,
    *,
    timezone: str,
    is_system: bool = False,
    make_token: Callable[[], str] | None = None,
    ping_url: str = "",
) -> tuple[Draft, str]:
    """The manifest of a crontab, what became of each line, and the crontab as it is to be.

    `timezone` is that of the machine; a system's crontab has the user's name behind the schedule. With
    `make_token` the commands ping `ping_url` and their token in the new crontab.
    """
    reading = Reading(Draft(now), timezone, is_system, make_token, ping_url)
    lines = text.removesuffix("\n").replace("\r\n", "\n").split("\n")
    if len(lines) > LINES_MOST:
        raise Malformed(f"the crontab has over {LINES_MOST} lines")
    for number, line in enumerate(lines, 1):
        reading.lines.append(_line(reading, number, line))
    if not reading.is_crontab:
        raise Malformed("this is no crontab: no line of it has a schedule that can be read")
    if make_token is None and reading.draft.manifest.get("heartbeats"):
        reading.draft.note(
            "each command has yet to ping its heartbeat: give --crontab and --base-url, or see ping_url"
        )
    return reading.draft, "".join(f"{line}\n" for line in reading.lines)


def _line(reading: Reading, number: int, line: str) -> str:
    """Read a line; what it is to be."""
    stripped = line.strip()
    if not stripped or stripped.startswith("#"):
        return line
    setting = _SETTING.fullmatch(line)
    if setting is not None:
        _setting(reading, setting[1] or setting[2] or setting[3], setting[4])
        return line
    count = 1 if stripped.startswith("@") else 5
    fields = stripped.split(None, count + reading.is_system)
    command = fields[-1] if len(fields) > count + reading.is_system else ""
    # Not the line itself: it may hold a password.
    item = reading.draft.item(f"line {number}", _name(command) if command else "")
    if not command:
        item.lose("it is no line of a crontab")
        return line
    schedule = " ".join(fields[:count])
    if schedule == "@reboot":
        reading.is_crontab = True
        item.lose(
            "@reboot: tickd's clock has no such time; ping a heartbeat by hand, or from the service's start"
        )
        return line
    try:
        expression = cron.parse(schedule).expression
    except Invalid as error:
        # Where it is a shell's, such as `export PASSWORD=…`, the reason would tell it.
        item.lose(shown(error.message) if "=" not in schedule else "it is no line of a crontab")
        return line
    reading.is_crontab = True
    return _entry(reading, item, line, expression, command)


def _setting(reading: Reading, name: str, value: str) -> None:
    quoted = _QUOTED.fullmatch(value)
    value = (quoted[1] if quoted[1] is not None else quoted[2]) if quoted else value
    if name == "CRON_TZ":
        item = reading.draft.item("setting", "CRON_TZ")
        try:
            reading.timezone = cron.zone(value).key
            item.became = "the time zone of what follows"
        except Invalid:
            item.lose(f"tickd does not know the time zone {shown(value)}; {reading.timezone} is taken")
    elif name == "MAILTO":
        _mail(reading, value)
    elif name == "SHELL":
        reading.shell = value.rpartition("/")[2]
    elif name not in _MEANINGLESS:
        reading.draft.note(f"{shown(name)} is set in the crontab: a job of tickd does not know it")


def _mail(reading: Reading, value: str) -> None:
    """Who gets the output of commands there is told of failures here."""
    reading.channel = ""
    if not value.strip():
        return
    item = reading.draft.item("setting", "MAILTO")
    try:
        to = [subjects.mail_address("to", one) for one in value.split(",") if one.strip()]
    except Invalid:
        item.lose(f"{shown(value)} is no e-mail address: make a channel")
        return
    name = f"crontab {', '.join(to)}"[:100]
    if name not in reading.draft.manifest.get("channels", {}):
        item.change("a channel that is told of failures, and not of output")
        reading.channel = reading.draft.put(
            item, "channels", {"kind": "email", "name": name, "to": to, "default": False}
        )
    else:
        reading.channel, item.became = name, f"channels.{name}"


def _entry(reading: Reading, item: Item, line: str, expression: str, command: str) -> str:
    common = {"schedule": expression, "timezone": reading.timezone}
    if reading.channel:
        common["channels"] = [reading.channel]  # type: ignore[assignment]
    try:
        if _PERCENT.search(command):
            raise calls.NoCall(
                "cron gives it input after the %" if command.startswith(("curl", "wget")) else calls.COMMAND
            )
        call = calls.parse(command.replace("\\%", "%"))
    except calls.NoCall as why:
        return _heartbeat(reading, item, line, command, common, str(why))
    return _job(reading, item, line, call, common)


def _job(reading: Reading, item: Item, line: str, call: calls.Call, common: dict[str, str]) -> str:
    said = {
        **call.fields(),
        **common,
        "name": drafts.name_of(item, _place(call.url)),
    }
    timeout = call.timeout_secs or TIMEOUT_HIGH
    if not call.timeout_secs:
        item.change(f"timeout_secs: {TIMEOUT_HIGH}, as tickd waits for no answer longer")
    said["timeout_secs"] = drafts.clamped(item, "timeout_secs", timeout, 1, TIMEOUT_HIGH)
    said["headers"] = drafts.headers_of(item, (said["headers"] or {}).items()) or None
    for words in call.changed:
        item.change(words)
    for words in call.held:
        item.hold(words)
    if not reading.draft.put(item, "jobs", said):
        return line
    # Where both call it, it is called twice.
    return f"# tickd calls this: {line}"


def _place(url: str) -> str:
    """The host of an address and its path, as far as that may be a name and is no key."""
    host, *path = re.split(r"[?#]", url.partition("://")[2])[0].rpartition("@")[2].split("/")
    told = takewhile(lambda part: len(part) < LONGEST_PART and not _KEY.search(part), path)
    return "/".join([host, *told])


def _heartbeat(
    reading: Reading, item: Item, line: str, command: str, common: dict[str, str], why: str
) -> str:
    if why != calls.COMMAND:
        item.change(f"it stays a command, as {why}")
    said = {**common, "name": drafts.name_of(item, _name(command)), "public": False}
    token = ""
    if reading.make_token is not None:
        if _COMMENT.search(command) or command.rstrip().endswith(("&", "\\", "|", ";")):
            item.lose("its ping: the line has a comment, or ends in an operator; add the ping by hand")
        elif reading.shell not in _SHELLS:
            item.lose(f"its ping: SHELL is {shown(reading.shell)}, which has other signs; use tickd exec")
        else:
            token = reading.make_token()
            said["token"] = token
    if not reading.draft.put(item, "heartbeats", said) or not token:
        return line
    return _pinging(line, command, f"{reading.ping_url}/p/{token}")


def _pinging(line: str, command: str, url: str) -> str:
    """The line that tells how its command ended."""
    ping = f"; curl -fsS -m 10 --retry 5 -o /dev/null {url}/$?"
    head = line[: line.rindex(command)]
    found = _PERCENT.search(command)
    # What follows the first % is the command's input.
    at = len(command) if found is None else found.start()
    run = command[:at].rstrip()
    if _ENDS.search(run):
        # In a shell of its own: it would end that which is to ping.
        run = f"( {run} )"
    return head + run + ping + command[at:]


def _name(command: str) -> str:
    """What a person calls it: the program and a first argument, or the host that is called.

    Never what may be the value of an option, nor anything behind one: it may be a password.
    """
    words = _program(command)
    name = words[0].rpartition("/")[2] if words else ""
    if not _PROGRAM.fullmatch(name):
        return "command"
    if name in ("curl", "wget"):
        hosts = (found[1].lower() for word in words[1:] if (found := _ADDRESS.match(word)))
        return f"{name} {next(hosts, '')}".strip()[:80]
    argument = words[1] if len(words) > 1 and _ARGUMENT.fullmatch(words[1]) else ""
    return f"{name} {argument.rpartition('/')[2] or argument}".strip()[:80]


def _program(command: str) -> list[str]:
    """The words of the first command of a line that is no prelude, from its program on."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="".join(_OPERATORS))
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        groups = [(is_operator, list(words)) for is_operator, words in groupby(lexer, _is_operator)]
    except ValueError:
        # Its quotes do not match: which words there are is anybody's guess.
        return []
    operator = ""
    for is_operator, words in groups:
        if is_operator:
            operator = words[-1]
            continue
        found = [] if set(operator) & set("<>") else _bare(words)
        if found and found[0] not in _PRELUDES:
            return found
    return []


def _is_operator(word: str) -> bool:
    return bool(word) and set(word) <= _OPERATORS


def _bare(words: list[str]) -> list[str]:
    """The words of a command without variables and programs that run it."""
    at = 0
    while at < len(words):
        values = _WRAPPERS.get(words[at].rpartition("/")[2])
        if values is None and not _ASSIGNMENT.fullmatch(words[at]):
            return words[at:]
        at += 1
        while values is not None and at < len(words) and words[at].startswith("-"):
            at += 2 if words[at] in values else 1
    return []
