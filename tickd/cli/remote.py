"""A daemon that commands talk to over its API: this machine's or another's, by address, key or profile."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import click

from tickd import __version__
from tickd.cli.terminal import safe
from tickd.errors import StartupError, TickdError

F = TypeVar("F", bound=Callable[..., Any])

LOCAL = "http://127.0.0.1:8090"
"""Where a daemon listens by default."""
TIMEOUT_SECS = 30.0
"""How long an answer is waited for; a check now takes as long as its target."""
PROFILE_FIELDS = ("url", "key", "key_file", "key_env")
"""What a profile may have."""
PAGE = 500
"""How many items one page of a list brings."""


class Refused(TickdError):
    """The daemon refused a call: `status` is that of its answer, the message its sentence."""

    code = "refused"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(safe(message))
        self.status = status
        self.exit_status = 4 if status == 404 else 1


class Unreachable(TickdError):
    """No daemon answered."""

    code = "unreachable"
    exit_status: ClassVar[int] = 3


class _Broken(Unreachable):
    """The connection broke off before the answer was there."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A daemon's API: an address without a slash at its end, and a key."""

    url: str
    key: str = field(repr=False)
    timeout_secs: float = TIMEOUT_SECS

    def call(
        self, method: str, path: str, body: object = None, query: Mapping[str, object] | None = None
    ) -> Any:
        """The decoded JSON of an answer (None where it is empty); Refused or Unreachable say what is wrong.

        Redirects are not followed: the key would go to whoever answers there. A call that only reads is made
        once more where the connection breaks; one that writes never is.
        """
        try:
            status, answered, raw = self._exchange(method, path + _query(query), body)
        except _Broken:
            if method != "GET":
                raise
            status, answered, raw = self._exchange(method, path + _query(query), body)
        if 300 <= status < 400:
            location = safe(answered.get("Location") or "nowhere")
            raise Unreachable(f"{self.url} redirects to {location}; give --url as that has it")
        try:
            answer = json.loads(raw) if raw else None
        except ValueError:
            raise Unreachable(f"{self.url} answered {status}, but not as tickd does") from None
        if status >= 400:
            said = answer.get("error") if isinstance(answer, dict) else None
            words = said if isinstance(said, str) else f"{self.url} answered {status}"
            raise Refused(status, words + self._advice(status, answered.get("Retry-After") or ""))
        return answer

    def _advice(self, status: int, wait: str) -> str:
        """What to do about a refusal, as the rest of its sentence."""
        if status == 401:
            where = "TICKD_API_KEY, --key or a profile"
            made = "`tickd key create` on the daemon's machine or its dashboard makes one"
            return (
                f"; give {self.url} another key in {where}: {made}"
                if self.key
                else f"; give one in {where}: {made}"
            )
        if status in (429, 503) and wait.isascii() and wait.isdigit():
            return f"; try again in {wait} s"
        return ""

    def each(self, path: str, noun: str, query: Mapping[str, object] | None = None) -> Iterator[Any]:
        """Every item of a list, page after page; `noun` is the list's field."""
        offset = 0
        while True:
            page = self.call("GET", path, query={**(query or {}), "limit": PAGE, "offset": offset})
            if not isinstance(page, dict) or not isinstance(page.get(noun), list) or "total" not in page:
                raise Unreachable(f"{self.url}{path} answered, but not as tickd does; is it an older one?")
            yield from page[noun]
            offset += len(page[noun])
            if not page[noun] or offset >= page["total"]:
                return

    def _exchange(self, method: str, path: str, body: object) -> tuple[int, Message, bytes]:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self.timeout_secs)
        headers = {"User-Agent": f"tickd/{__version__}", "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, parts.path + path, sent, headers)
            with connection.getresponse() as response:
                return response.status, response.headers, response.read()
        except TimeoutError as error:
            raise Unreachable(f"{self.url} does not answer within {self.timeout_secs:.0f} s") from error
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"{self.url} is not believed: {error.verify_message}") from error
        except (ConnectionResetError, BrokenPipeError, http.client.IncompleteRead) as error:
            raise _Broken(f"{self.url} broke the connection off") from error
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            words = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Unreachable(f"{self.url} can't be reached: {words}") from error
        finally:
            connection.close()


def _query(values: Mapping[str, object] | None) -> str:
    given = {name: value for name, value in (values or {}).items() if value is not None}
    return "?" + urlencode(given) if given else ""


def segment(text: str) -> str:
    """What was typed as one segment of a path."""
    return quote(text, safe="")


def profiles_file() -> Path:
    """Where profiles are kept: `$XDG_CONFIG_HOME/tickd/profiles.toml`, by default under `~/.config`."""
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "tickd" / "profiles.toml"


def read_profiles() -> dict[str, Any]:
    """Every profile by its name; none where there is no file. StartupError when it can't be read."""
    path = profiles_file()
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
            mode = os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StartupError(f"can't read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartupError(f"{path} is not valid TOML: {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and any(
        isinstance(one, dict) and "key" in one for one in table.values()
    ):
        click.echo(f"tickd: others may read the keys in {path}; chmod 600 it", err=True)
    return table


def _profile(name: str) -> Mapping[str, Any] | None:
    path = profiles_file()
    found = read_profiles().get(name)
    if found is None:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("url"), str):
        raise StartupError(f"profile {name} in {path} must be a table with a url")
    unknown = sorted(set(found) - set(PROFILE_FIELDS))
    if unknown:
        raise StartupError(f"profile {name} in {path} has an unknown field: {unknown[0]}")
    for key in found:
        if not isinstance(found[key], str):
            raise StartupError(f"{key} of profile {name} in {path} must be text")
    return found


def _key_of(profile: Mapping[str, Any], name: str) -> str:
    if "key_file" in profile:
        path = Path(profile["key_file"]).expanduser()
        try:
            return path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            words = getattr(error, "strerror", None) or "it is not text"
            raise StartupError(f"can't read {path}, the key of profile {name}: {words}") from error
    if "key_env" in profile:
        if not os.environ.get(profile["key_env"]):
            raise StartupError(f"{profile['key_env']}, the key of profile {name}, is not set")
        return os.environ[profile["key_env"]]
    key: str = profile.get("key", "")
    return key


def checked(url: str, source: str) -> str:
    """The address without a slash at its end; StartupError names its source where it is none."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment or parts.username is not None or not _is_plain(url):
        raise StartupError(f"{source} must be an address such as https://tickd.example.com")
    return url.rstrip("/")


def _is_plain(text: str) -> bool:
    """Whether it can be sent in the head of a request."""
    return text.isascii() and text.isprintable() and " " not in text


def remote(url: str | None, key: str | None, profile: str | None) -> Remote:
    """The daemon that is meant: flags win over a named profile, that over the environment, that over the
    profile `default`. The key of a profile goes to the address of that profile alone."""
    if url and profile:
        raise click.UsageError("give --url or --profile, not both: a profile's key is for its own address")
    variables = os.environ
    named = profile or (None if url else variables.get("TICKD_PROFILE")) or None
    found = _profile(named) if named else None
    if named and found is None:
        raise StartupError(f"there is no profile {named} in {profiles_file()}")
    address, source = url, "--url"
    if address is None and found is None:
        address, source = variables.get("TICKD_URL") or None, "TICKD_URL"
    if address is None and found is None and not variables.get("TICKD_API_KEY") and key is None:
        named, found = "default", _profile("default")
    if address is None and found is not None:
        address, source = found["url"], f"url of profile {named}"
        key = key or _key_of(found, named or "default")
    chosen = checked(address or LOCAL, source)
    key = (key or variables.get("TICKD_API_KEY") or "").strip()
    if not _is_plain(key):
        raise StartupError("the API key must be plain text, such as tk_ and letters")
    return Remote(chosen, key)


def remote_options(function: F) -> F:
    """Gives a command the options `url`, `key` and `profile`, for `remote`."""
    options = (
        click.option("--url", help=f"The daemon's address.  [env: TICKD_URL; default: {LOCAL}]"),
        click.option(
            "--key",
            help="The API key; others on the machine can see it here, so better in the "
            "environment or a profile.  [env: TICKD_API_KEY]",
        ),
        click.option(
            "--profile",
            help="An address with its key, by its name in profiles.toml.  "
            "[env: TICKD_PROFILE; default: default]",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function
