"""Every error a caller can see: a code and a sentence, and nothing about HTTP.

`web/answers.py` holds the one table that says which status each of them becomes on which face.
"""

from __future__ import annotations

from typing import ClassVar


class TickdError(Exception):
    """Something the caller is told about, in one sentence."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(TickdError):
    """A field is missing, of the wrong type, or out of its range: `Invalid("retries", "must be …")`."""

    code = "invalid"

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field} {sentence}")
        self.field = field
        self.sentence = sentence


class Malformed(TickdError):
    """The request as a whole can't be read: broken JSON, not an object."""

    code = "malformed"


class Unauthorized(TickdError):
    """The credential is missing, unknown or revoked."""

    code = "unauthorized"


class Forbidden(TickdError):
    """The credential is good, but lacks the scope, or its account is suspended."""

    code = "forbidden"


class LimitReached(TickdError):
    """A limit of the account is reached: `LimitReached("max_jobs", "this account may have …")`."""

    code = "limit_reached"

    def __init__(self, limit: str, sentence: str, *, message: str = "") -> None:
        """`message` is what the caller is told where the name of the limit says nothing to them."""
        super().__init__(message or f"{limit}: {sentence}")
        self.limit = limit
        self.sentence = sentence


class NotFound(TickdError):
    """There is no such thing in this account."""

    code = "not_found"


class MethodNotAllowed(TickdError):
    """The path exists, but not for this method; `allowed` are those it has."""

    code = "method_not_allowed"

    def __init__(self, method: str, allowed: list[str]) -> None:
        super().__init__(f"{method} is not allowed here; allowed: {', '.join(allowed)}")
        self.allowed = allowed


class Conflict(TickdError):
    """The thing exists already, or has moved on: a name taken, a run that has ended."""

    code = "conflict"


class TooLarge(TickdError):
    """The request body is over its limit."""

    code = "too_large"


class TooMany(TickdError):
    """Too many requests; `retry_after` is in whole seconds."""

    code = "too_many"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(TickdError):
    """The daemon can't do it now (disk full, database locked, stopping); `retry_after` in seconds."""

    code = "unavailable"

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StartupError(TickdError):
    """The daemon or a command can't start: bad setting, database in use or newer than the program."""

    code = "startup"
