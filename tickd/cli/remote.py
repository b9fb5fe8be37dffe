"""A daemon that commands talk to over its API: this machine's or another's, by address, key or profile."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

import click

from tickd.cli.exchange import Broken, Call, exchange, shown
from tickd.cli.exchange import Unreachable as Unreachable
from tickd.cli.terminal import safe
from tickd.errors import StartupError, TickdError

F = TypeVar("F", bound=Callable[..., Any])

LOCAL = "http://127.0.0.1:8090"
"""Where a daemon listens by default."""
TIMEOUT_SECS = 30.0
"""How long a whole answer is waited for, from the look-up of the daemon's name on."""
CHECK_SECS = 120.0
"""How long the answer to a check now is waited for: it takes as long as its target, and may have to queue."""
PROFILE_FIELDS = ("url", "key", "key_file", "key_env")
"""What a profile may have."""
PAGE = 500
"""How many items one page of a list brings."""


class Refused(TickdError):
    """The daemon refused a call: `status` is that of its answer, the message its sentence."""

    code = "refused"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(shown(message))
        self.status = status
        self.exit_status = 4 if status == 404 else 1


@dataclass(frozen=True, slots=True)
class Remote:
    """A daemon's API: an address without a slash at its end, and a key; `key_places`: where that is given."""

    url: str
    key: str = field(repr=False)
    timeout_secs: float = TIMEOUT_SECS
    key_places: str = field(default="TICKD_API_KEY, --key or a profile", compare=False)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, object] | None = None,
        timeout_secs: float | None = None,
    ) -> Any:
        """The decoded JSON object of an answer (None where it is empty); Refused or Unreachable say what is
        wrong.

        Redirects are not followed: the key would go to whoever answers there. A call that only reads is made
        once more where the connection breaks; one that writes never is.
        """
        seconds = self.timeout_secs if timeout_secs is None else timeout_secs
        sent = Call(method, path + _query(query), body)
        try:
            status, answered, raw = exchange(self.url, self.key, sent, seconds)
        except Broken:
            if method != "GET":
                raise
            status, answered, raw = exchange(self.url, self.key, sent, seconds)
        if 300 <= status < 400:
            location = safe(answered.get("Location") or "nowhere")
            raise Unreachable(f"{self.url} redirects to {location}; give --url as that has it")
        try:
            answer = json.loads(raw, parse_constant=_no_number) if raw else None
        except (ValueError, RecursionError):
            raise Unreachable(f"{self.url} answered {status}, but not as tickd does") from None
        if raw and not isinstance(answer, dict):
            raise Unreachable(f"{self.url} answered {status}, but not as tickd does")
        _note_answer(self.url)
        if status >= 400:
            said = answer.get("error") if answer else None
            words = said if isinstance(said, str) else f"{self.url} answered {status}"
            raise Refused(status, words + self._advice(status, answered.get("Retry-After") or ""))
        return answer

    def _advice(self, status: int, wait: str) -> str:
        """What to do about a refusal, as the rest of its sentence."""
        if status == 401:
            where = self.key_places
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


def _no_number(_said: str) -> None:
    raise ValueError("JSON has neither NaN nor Infinity")


_ANSWERED = "tickd.answered"
MISREAD = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)
"""What comes of an answer that lacks something, or has something else in its place."""


def misread(url: str, error: Exception) -> Unreachable:
    """An answer that MISREAD came of: it is not tickd's."""
    return Unreachable(f"{url} answered, but not as tickd does ({type(error).__name__}: {error!s:.80})")


def _note_answer(url: str) -> None:
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[_ANSWERED] = url


def _query(values: Mapping[str, object] | None) -> str:
    given = {name: value for name, value in (values or {}).items() if value is not None}
    return "?" + urlencode(given) if given else ""


def segment(text: str) -> str:
    """What was typed as one segment of a path."""
    return quote(text, safe="")


class _Homeless(StartupError):
    """Who runs this has no home directory."""


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise _Homeless(f"{safe(path)} is nowhere: there is no home directory; set HOME") from error


def profiles_file() -> Path:
    """Where profiles are kept: `$XDG_CONFIG_HOME/tickd/profiles.toml`, by default under `~/.config`.

    StartupError where there is no home directory either.
    """
    return _expanded(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "tickd" / "profiles.toml"


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
        path = _expanded(profile["key_file"])
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
    profile `default`. The key of a profile goes to the address of that profile alone, and to that address no
    other key goes but one that `--key` gives."""
    for option, value in (("--url", url), ("--key", key), ("--profile", profile)):
        if value is not None and not value.strip():
            # An unset variable of a script, which would mean this machine, or another daemon's key.
            raise click.UsageError(f"{option} is given, but empty")
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
        with suppress(_Homeless):
            named, found = "default", _profile("default")
    if found is not None:
        # Never the key of the environment, which is another daemon's: the profile has its own, or none.
        chosen = checked(found["url"], f"url of profile {named}")
        return Remote(chosen, _plain_key(key or _key_of(found, named or "default")), key_places=_PLACES)
    chosen = checked(address or LOCAL, source)
    return Remote(chosen, _plain_key(key or variables.get("TICKD_API_KEY") or ""))


_PLACES = "the profile or --key"


def _plain_key(key: str) -> str:
    stripped = key.strip()
    if not _is_plain(stripped):
        raise StartupError("the API key must be plain text, such as tk_ and letters")
    return stripped


def remote_options(function: F) -> F:
    """Gives a command the options `url`, `key` and `profile`, for `remote`; an answer that it does not
    understand ends it as one of no daemon does."""

    @wraps(function)
    def command(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except MISREAD as error:
            url = click.get_current_context().meta.get(_ANSWERED)
            # Letters that the output does not have are no fault of the answer.
            if url is None or isinstance(error, UnicodeError):
                raise
            raise misread(url, error) from error

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
    made: Any = command
    for option in reversed(options):
        made = option(made)
    return cast(F, made)
