"""The one table of settings: name, default, environment variable, flag, help.

A flag wins over the environment, the environment over the TOML file, the file over the default.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import idna

from tickd.errors import StartupError


@dataclass(frozen=True, slots=True)
class Settings:
    """What the daemon runs with; every value has been read and checked."""

    listen: tuple[str, int] = ("127.0.0.1", 8090)
    db: str = "tickd.db"
    base_url: str = ""
    dns_server: tuple[tuple[str, int], ...] = ()
    disposable_domain: tuple[str, ...] = ()
    allowed_domain: tuple[str, ...] = ()
    block_private_targets: bool = False
    allow_target: tuple[str, ...] = ()
    trusted_proxy: tuple[str, ...] = ()
    max_calls: int = 500
    max_calls_per_host: int = 50
    min_interval_secs: int = 30
    max_checks: int = 500
    max_checks_per_host: int = 10
    reference: tuple[str, ...] = ()
    stop_grace_secs: int = 6
    own_heartbeat_url: str = field(default="", repr=False)
    own_heartbeat_secs: int = 60
    backup_dir: str = ""
    backup_schedule: str = "15 3 * * *"
    backup_timezone: str = "UTC"
    backup_keep: int = 7
    backup_keep_weeks: int = 4
    smtp_url: str = field(default="", repr=False)
    mail_from: str = ""
    log_format: str = "text"
    log_level: str = "info"
    api_key: str = ""
    dev: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table; `read` turns text into the value or raises ValueError with a sentence."""

    name: str
    default: str
    help: str
    read: Callable[[str], Any] = str
    many: bool = False
    switch: bool = False
    flag: bool = True

    @property
    def env(self) -> str:
        """The environment variable: `TICKD_` and the name in capitals."""
        return "TICKD_" + self.name.upper()

    @property
    def option(self) -> str:
        """The command line's flag."""
        return "--" + self.name.replace("_", "-")


def host_port(text: str) -> tuple[str, int]:
    """Read `HOST:PORT`, `[V6]:PORT` or `:PORT`; port 0 asks the system for a free one."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be HOST:PORT with a port between 0 and 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("must put an IPv6 address in brackets, as in [::1]:8090")
    return host or "0.0.0.0", int(port)  # noqa: S104 - asked for by writing ":PORT"


def dns_server(text: str) -> tuple[str, int]:
    """Read a name server's `ADDRESS` or `ADDRESS:PORT` (port 53 when left out)."""
    try:
        return str(ipaddress.ip_address(text)), 53
    except ValueError:
        host, port = host_port(text)
    try:
        return str(ipaddress.ip_address(host)), port
    except ValueError:
        raise ValueError("must be an IP address, or ADDRESS:PORT") from None


def domain(text: str) -> str:
    """Read a domain name; it becomes lower-case ASCII (IDNA), and a full stop at its end is dropped."""
    name = text.removesuffix(".").lower()
    try:
        name = name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        name = ""
    labels = name.split(".")
    if len(name) > 253 or not all(re.fullmatch("(?!-)[a-z0-9-]{1,63}(?<!-)", label) for label in labels):
        raise ValueError("must be a domain name such as mail.example.com")
    return name


def network(text: str) -> str:
    """Read an address or a CIDR range."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError("must be an IP address or a CIDR range such as 10.0.0.0/8") from None


def reference(text: str) -> str:
    """Read a reference target's `ADDRESS:PORT`, or `none` for no reference at all."""
    if text == "none":
        return text
    host, port = host_port(text)
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        raise ValueError("must be ADDRESS:PORT with an IP address, or none") from None
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def base_url(text: str) -> str:
    """Read an http or https address without query; a slash at its end is dropped."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://tickd.example.com")
    return text.rstrip("/")


def ping_url(text: str) -> str:
    """Read a ping URL; what it says of a wrong one holds no part of it, since whoever knows it can ping."""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or not parts.path.strip("/") or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError("must be a ping URL such as https://tickd.example.com/p/TOKEN")
    return text


def smtp_url(text: str) -> str:
    """Read a mail server's address; what it says of a wrong one holds no part of it, such as a password."""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("smtp", "smtp+starttls", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or parts.path.strip("/") or parts.query or parts.fragment or not text.isprintable():
        raise ValueError(
            "must be like smtps://user:password@mail.example.com:465 (or smtp:, smtp+starttls:), "
            "with % and two digits for : / ? # @ in a password"
        )
    return text


def mail_from(text: str) -> str:
    """Read a sender: `ADDRESS`, or `NAME <ADDRESS>`."""
    _, address = parseaddr(text)
    if not re.fullmatch(r"[^\s@<>,;:\"()\\]+@[^\s@<>,;:\"()\\]+", address) or not text.isprintable():
        raise ValueError("must be an address such as tickd@example.com, or a name with one: tickd <a@b.com>")
    return text


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers from `low` to `high`."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number between {low} and {high}")
        return int(text)

    return read


def one_of(*choices: str) -> Callable[[str], str]:
    """A reader of one word of `choices`."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError("must be one of " + ", ".join(choices))
        return text

    return read


def switch(text: str) -> bool:
    """Read a yes or no."""
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False}
    words |= {"off": False, "": False}
    if text.lower() not in words:
        raise ValueError("must be true or false")
    return words[text.lower()]


SETTINGS: tuple[Setting, ...] = (
    Setting("listen", "127.0.0.1:8090", "Address and port to serve on.", host_port),
    Setting("db", "tickd.db", "The database file; it is made when it is missing."),
    Setting("base_url", "", "How other machines reach this daemon; default: http://LISTEN.", base_url),
    Setting("dns_server", "", "Name server to ask instead of the system's; may be given more than once.",
            dns_server, many=True),
    Setting("disposable_domain", "", "Domain of throw-away mailboxes that the kept list lacks, for "
            "verification; may be given more than once.", domain, many=True),
    Setting("allowed_domain", "", "Domain that is not disposable, whatever the kept list says; may be given "
            "more than once.", domain, many=True),
    Setting("block_private_targets", "false", "Refuse to call addresses that are not public.", switch,
            switch=True),
    Setting("allow_target", "", "Address or range that may be called in spite of the rules, link-local "
            "ones included; may be given more than once.", network, many=True),
    Setting("trusted_proxy", "", "Address or range of a reverse proxy whose X-Forwarded-For is believed; "
            "may be given more than once.", network, many=True),
    Setting("max_calls", "500", "Job calls under way at once, 1 to 5000.", whole(1, 5000)),
    Setting("max_calls_per_host", "50", "Job calls to one host under way at once, 1 to 5000.",
            whole(1, 5000)),
    Setting(
        "min_interval_secs",
        "30",
        "The shortest interval of a monitor, 1 to 86400; under 5 it lowers the shortest timeout too.",
        whole(1, 86_400),
    ),
    Setting("max_checks", "500", "Checks under way at once, 1 to 5000.", whole(1, 5000)),
    Setting("max_checks_per_host", "10", "Checks of one host under way at once, 1 to 5000.", whole(1, 5000)),
    Setting(
        "reference",
        "",
        "ADDRESS:PORT that tells a lost network of our own from a target that is down, or none; may be given "
        "more than once. Default: the resolvers and the default gateway.",
        reference,
        many=True,
    ),
    Setting(
        "smtp_url",
        "",
        "The mail server for alerts, such as smtp+starttls://user:password@mail.example.com:587.",
        smtp_url,
    ),
    Setting("mail_from", "", "Whom mails come from; default: tickd@ and the host of the base URL.",
            mail_from),
    Setting("own_heartbeat_url", "", "Ping URL of a heartbeat elsewhere: pinged while tickd itself is well.",
            ping_url),
    Setting("own_heartbeat_secs", "60", "Seconds between two of these pings, 10 to 3600.", whole(10, 3600)),
    Setting("backup_dir", "", "The directory for scheduled backups; without one there are none."),
    Setting("backup_schedule", "15 3 * * *", "When backups are made: a cron expression of five fields."),
    Setting("backup_timezone", "UTC", "The IANA time zone of that schedule."),
    Setting("backup_keep", "7", "How many of the newest backups are kept, 1 to 1000.", whole(1, 1000)),
    Setting("backup_keep_weeks", "4", "Of how many weeks the last backup is kept beside them, 0 to 520.",
            whole(0, 520)),
    Setting("stop_grace_secs", "6", "Seconds that running calls get to end at stop, 0 to 7.", whole(0, 7)),
    Setting("log_format", "text", "text or json.", one_of("text", "json")),
    Setting("log_level", "info", "debug, info, warning or error.",
            one_of("debug", "info", "warning", "error")),
    Setting("api_key", "", "An API key that is registered with every scope at start.", flag=False),
)  # fmt: skip


def load(
    flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None = None, *, dev: bool = False
) -> Settings:
    """Merge flags, environment and TOML file; StartupError names the setting that is wrong."""
    table = _read_file(file) if file else {}
    values: dict[str, Any] = {"dev": dev}
    for setting in SETTINGS:
        given = flags.get(setting.name)
        if given not in (None, (), ""):
            values[setting.name] = _read(setting, given, setting.option)
        elif environment.get(setting.env):
            text = environment[setting.env]
            values[setting.name] = _read(setting, text.split(",") if setting.many else text, setting.env)
        elif table.get(setting.name) not in (None, "", []):
            values[setting.name] = _read(setting, table[setting.name], f"{setting.name} in {file}")
    return Settings(**values)


def _read_file(file: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise StartupError(f"can't read {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartupError(f"{file} is not valid TOML: {error}") from error
    unknown = sorted(set(table) - {setting.name for setting in SETTINGS})
    if unknown:
        raise StartupError(f"{file} has an unknown setting: {unknown[0]}")
    return table


def _read(setting: Setting, given: Any, source: str) -> Any:
    try:
        if setting.many:
            if not isinstance(given, str | list | tuple):
                raise ValueError("must be text or a list of texts")
            items: Sequence[Any] = [given] if isinstance(given, str) else given
            return tuple(_read_one(setting, str(item).strip(), source) for item in items)
        if isinstance(given, dict | list):
            raise ValueError("must be a single value")
        if isinstance(given, bool):
            return given if setting.switch else setting.read(str(given))
        return setting.read(str(given).strip())
    except ValueError as error:
        raise StartupError(f"{source} {error}") from error


def _read_one(setting: Setting, text: str, source: str) -> Any:
    try:
        return setting.read(text)
    except ValueError as error:
        raise StartupError(f"{source} {text[:100]!r} {error}") from error
