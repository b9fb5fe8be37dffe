"""A daemon that commands talk to over its API: this machine's or another's, by address, key or profile."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import click

from tickd import __version__
from tickd.errors import StartupError, TickdError

F = TypeVar("F", bound=Callable[..., Any])

LOCAL = "http://127.0.0.1:8090"
"""Where a daemon listens by default."""
TIMEOUT_SECS = 30.0
"""How long an answer is waited for; a check now takes as long as its target."""
PAGE = 500
"""How many items one page of a list brings."""


class Refused(TickdError):
    """The daemon refused a call: `status` is that of its answer, the message its sentence."""

    code = "refused"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.exit_status = 4 if status == 404 else 1


class Unreachable(TickdError):
    """No daemon answered."""

    code = "unreachable"
    exit_status: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class Remote:
    """A daemon's API: an address without a slash at its end, and a key."""

    url: str
    key: str = field(repr=False)

    def call(
        self, method: str, path: str, body: object = None, query: Mapping[str, object] | None = None
    ) -> Any:
        """The decoded JSON of an answer (None where it is empty); Refused or Unreachable say what is wrong.

        Redirects are not followed: the key would go to whoever answers there.
        """
        status, location, raw = self._exchange(method, path + _query(query), body)
        if 300 <= status < 400:
            raise Unreachable(f"{self.url} redirects to {location or 'nowhere'}; give --url as that has it")
        try:
            answer = json.loads(raw) if raw else None
        except ValueError:
            raise Unreachable(f"{self.url} answered {status}, but not as tickd does") from None
        if status >= 400:
            said = answer.get("error") if isinstance(answer, dict) else None
            raise Refused(status, said if isinstance(said, str) else f"{self.url} answered {status}")
        return answer

    def each(self, path: str, noun: str, query: Mapping[str, object] | None = None) -> Iterator[Any]:
        """Every item of a list, page after page; `noun` is the list's field."""
        offset = 0
        while True:
            page = self.call("GET", path, query={**(query or {}), "limit": PAGE, "offset": offset})
            yield from page[noun]
            offset += len(page[noun])
            if not page[noun] or offset >= page["total"]:
                return

    def _exchange(self, method: str, path: str, body: object) -> tuple[int, str, bytes]:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECS)
        headers = {"User-Agent": f"tickd/{__version__}", "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, parts.path + path, sent, headers)
            with connection.getresponse() as response:
                return response.status, response.headers.get("Location") or "", response.read()
        except TimeoutError as error:
            raise Unreachable(f"{self.url} does not answer within {TIMEOUT_SECS:.0f} s") from error
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"{self.url} is not believed: {error.verify_message}") from error
        except (OSError, http.client.HTTPException) as error:
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


def _profile(name: str) -> Mapping[str, Any] | None:
    path = profiles_file()
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StartupError(f"can't read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartupError(f"{path} is not valid TOML: {error}") from error
    found = table.get(name)
    if found is None:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("url"), str):
        raise StartupError(f"profile {name} in {path} must be a table with a url")
    unknown = sorted(set(found) - {"url", "key", "key_file", "key_env"})
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
        return os.environ.get(profile["key_env"], "")
    key: str = profile.get("key", "")
    return key


def _checked(url: str, source: str) -> str:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment or parts.username is not None or not url.isprintable():
        raise StartupError(f"{source} must be an address such as https://tickd.example.com")
    return url.rstrip("/")


def remote(url: str | None, key: str | None, profile: str | None) -> Remote:
    """The daemon that is meant: flags win over a named profile, that over the environment, that over the
    profile `default`. The key of a profile goes to the address of that profile alone."""
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
    chosen = _checked(address or LOCAL, source)
    return Remote(chosen, key or variables.get("TICKD_API_KEY") or "")


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
