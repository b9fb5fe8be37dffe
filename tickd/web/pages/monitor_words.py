"""What a monitor's page says of it in words and numbers."""

from __future__ import annotations

from tickd.domain import times
from tickd.domain.checks import Check
from tickd.domain.monitors import Monitor, Options
from tickd.web.pages import words

BADGES = (("Uptime", ""), ("Status", "/status"), ("Response time", "/response"))
"""The badges of a monitor, and where each is below its id."""


def steps(check: Check) -> list[tuple[str, float]]:
    """The steps of a check that were taken, in their order, in milliseconds; what is left is the transfer."""
    named = [
        ("DNS", check.dns_ms),
        ("Connect", check.connect_ms),
        ("TLS", check.tls_ms),
        ("First byte", check.first_byte_ms),
    ]
    taken = [(name, ms) for name, ms in named if ms is not None]
    rest = (check.duration_ms or 0) - sum(ms for _, ms in taken)
    if check.first_byte_ms is not None and rest >= 0:
        taken.append(("Transfer", rest))
    return taken


def days_left(monitor: Monitor, now: int) -> int | None:
    """How many whole days the certificate has left, below 0 when it has ended; None without one."""
    return None if monitor.ssl_expires_at is None else (monitor.ssl_expires_at - now) // times.DAY


def watched(monitor: Monitor) -> list[tuple[str, str]]:
    """What is looked at and when it counts, as (name, words); nothing that is secret."""
    options = monitor.options
    said = [
        ("Every", words.duration(options.interval_secs)),
        ("Gives up after", words.duration(options.timeout_secs)),
    ]
    if monitor.type in ("http", "json"):
        said += _request(options)
    if monitor.type == "ssl":
        said.append(("Degraded below", words.plural(options.ssl_expiry_threshold_days, "day") + " left"))
    said.append(("Down after", words.plural(options.failure_threshold, "failure") + " in a row"))
    said.append(("Up again after", words.plural(options.recovery_threshold, "good check")))
    if options.cooldown_secs:
        said.append(("Cooldown", words.duration(options.cooldown_secs)))
    said.append(("Severity", options.severity.capitalize()))
    return said


def _request(options: Options) -> list[tuple[str, str]]:
    code = options.expected_status_code
    said = [("Request", options.method + (", follows redirects" if options.follow_redirects else ""))]
    if code is not None or not options.assertions:
        said.append(("Status code", "200 to 399" if code is None else str(code)))
    if options.keyword:
        said.append(("Words", options.keyword))
    if options.response_threshold_ms:
        said.append(("Down when it takes", f"{options.response_threshold_ms} ms"))
    count = len(options.assertions) + len(options.json_assertions)
    if count:
        said.append(("Assertions", words.number(count)))
    if options.bearer_token or options.auth_header or options.basic_auth_user:
        said.append(("Signs in", "yes"))
    return said


def snippets(base_url: str, monitor: Monitor) -> list[tuple[str, str, str, str]]:
    """The badges as (title, path, Markdown, HTML)."""
    page = f"{base_url}/s/{monitor.slug}"
    found = []
    for title, below in BADGES:
        path = f"/badge/{monitor.id}{below}.svg"
        found.append((title, path, *badge_lines(title, base_url + path, page)))
    return found


def badge_lines(title: str, picture: str, page: str) -> tuple[str, str]:
    """A badge that leads to its page, in Markdown and in HTML."""
    return f"[![{title}]({picture})]({page})", f'<a href="{page}"><img src="{picture}" alt="{title}"></a>'
