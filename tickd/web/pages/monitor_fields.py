"""The fields of a monitor's form: which there are, which types of monitors they concern, what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from msgspec import structs

from tickd.domain import headers
from tickd.domain.monitors import Monitor, Options
from tickd.web.native.monitors import INTERVAL_HIGH, TIMEOUT_HIGH, TIMEOUT_LOW
from tickd.web.pages.forms import Field, Section
from tickd.web.pages.visit import Visit

TYPES: Sequence[tuple[str, str, str]] = (
    ("http", "Website or API", "asks for a URL and looks at the answer"),
    ("json", "JSON API", "as before, and the answer must be JSON"),
    ("ssl", "Certificate", "warns before it ends, or when it is not trusted"),
    ("tcp", "TCP port", "connects, and hangs up"),
    ("dns", "Host name", "looks the name up"),
)
"""The types of monitors: the API's word, a person's, and what it does."""
PLACES = {
    "http json": ("URL", "https://example.com/health"),
    "ssl": ("Host, with a port unless it is 443", "example.com"),
    "tcp": ("Host and port", "db.example.com:5432"),
    "dns": ("Host name", "example.com"),
}
"""What the address is called, and an example, by types."""
WEB = "http json"
"""The types that send a request."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SENT_SECRETS = ("basic_auth_pass", "bearer_token", "auth_header")
"""The secrets that a check sends to its target."""
HOOK_SECRETS = ("alert_slack_webhook", "webhook_url")
"""The secrets that alerts go to."""
SECRETS = SENT_SECRETS + HOOK_SECRETS
"""What is never shown again once it is stored."""
ROWS = ("assertions", "maintenance_windows", "json_assertions")
"""The fields that are lists of objects."""
SOURCES = (
    ("status_code", "Status code"),
    ("response_time", "Response time (ms)"),
    ("body", "Body"),
    ("header", "Header"),
    ("json", "JSON value"),
)
COMPARISONS = (
    ("eq", "is"),
    ("ne", "is not"),
    ("lt", "is less than"),
    ("lte", "is at most"),
    ("gt", "is greater than"),
    ("gte", "is at least"),
    ("contains", "contains"),
    ("not_contains", "does not contain"),
    ("exists", "exists"),
    ("not_exists", "does not exist"),
)
DAYS = ("daily", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Part:
    """A section of the form, and the types that it concerns, "" being all."""

    section: Section
    types: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen in an account: (id, name) of channels and subjects, and the groups there are."""

    channels: Sequence[tuple[str, str]]
    subjects: Sequence[tuple[str, str]]
    groups: Sequence[str]


async def choices(visit: Visit, monitor: Monitor | None = None) -> Choices:
    """What the account has to choose from, and what `monitor` has chosen; it can't depend on itself."""
    services, account_id = visit.services, visit.account_id
    channels, _ = await services.channels.page(account_id, limit=500, offset=0)
    monitors = await services.monitors.stored(account_id)
    jobs, _ = await services.jobs.page(account_id, status=None, tag=None, limit=500, offset=0)
    beats = await services.heartbeats.all(account_id)
    subjects = [
        (one.id, f"Monitor {one.name}") for one in monitors if monitor is None or one.id != monitor.id
    ]
    subjects += [(one.id, f"Job {one.name}") for one in jobs]
    subjects += [(one.id, f"Heartbeat {one.name}") for one in beats]
    names = [(one.channel.id, one.channel.name) for one in channels]
    groups = sorted(
        {group for group in (*(one.group for one in monitors), *(one.group for one in beats)) if group}
    )
    if monitor is not None:
        names += _others(monitor.options.channels, names)
        subjects += _others(monitor.options.depends_on, subjects)
    return Choices(names, subjects, groups)


def _others(given: Sequence[str], known: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is said by name, or is no longer there: unchecked it would be lost by the next edit."""
    identifiers = {identifier for identifier, _ in known}
    return [(one, one) for one in given if one not in identifiers]


def parts(floor_secs: int, chosen: Choices, monitor: Monitor | None = None) -> list[Part]:
    """The form's sections; of `monitor` it is known which secrets it has."""
    made = [
        Part(_essentials(floor_secs)),
        Part(_answer(), WEB),
        Part(_certificate(), "ssl"),
        Part(_request(), WEB),
        Part(_assertions(), WEB),
        Part(_thresholds()),
        Part(_alerts(chosen)),
        Part(_place(is_new=monitor is None)),
        Part(_maintenance()),
    ]
    return made if monitor is None else [_with_stored(part, monitor) for part in made]


def _essentials(floor_secs: int) -> Section:
    low = min(TIMEOUT_LOW, floor_secs)
    return Section(
        "What to watch",
        (
            Field("type", "Type", "select", options=[(name, label) for name, label, _ in TYPES]),
            Field("url", "Address", "url", is_required=True),
            Field("name", "Name", is_required=True, hint="As it stands in lists and alerts."),
            Field(
                "interval_secs", "Check every", "number", low=floor_secs, high=INTERVAL_HIGH, unit="seconds"
            ),
            Field("timeout_secs", "Give up after", "number", low=low, high=TIMEOUT_HIGH, unit="seconds"),
        ),
    )


def _answer() -> Section:
    return Section(
        "A good answer",
        (
            Field(
                "expected_status_code",
                "Status code",
                "number",
                low=100,
                high=599,
                nullable=True,
                placeholder="200 to 399",
                hint="Empty: any of 200 to 399.",
            ),
            Field(
                "response_threshold_ms",
                "Response time",
                placeholder="> 2000",
                unit="ms",
                hint="Down when it is “> 2000”, “< 50”, or outside of “200-3000”.",
            ),
            Field(
                "keyword",
                "Words in the body",
                "text",
                placeholder="welcome AND NOT maintenance",
                hint="Joined by AND, OR and NOT; “quotes” hold a phrase together.",
            ),
        ),
    )


def _certificate() -> Section:
    days = Field(
        "ssl_expiry_threshold_days",
        "Degraded when fewer days are left",
        "number",
        low=1,
        high=90,
        unit="days",
    )
    return Section("The certificate", (days,))


def _request() -> Section:
    return Section(
        "Request and sign-in",
        (
            Field("method", "Method", "select", options=[(one, one) for one in METHODS]),
            Field("request_content_type", "Content type", placeholder="application/json"),
            Field("follow_redirects", "Follow redirects", "checkbox"),
            Field("headers", "Headers", "pairs", placeholder="Accept: application/json"),
            Field("body", "Body", "code", hint="Sent with POST, PUT, PATCH and DELETE."),
            Field("bearer_token", "Bearer token", "secret"),
            Field("auth_header", "Whole Authorization header", "secret"),
            Field("basic_auth_user", "User name"),
            Field("basic_auth_pass", "Password", "secret"),
        ),
        folded=True,
    )


def _assertions() -> Section:
    hint = "For JSON assertions as the rooster API has them: a list of path, operator and value."
    example = '[{"path": "status", "operator": "equals", "value": "ok"}]'
    return Section(
        "Assertions",
        (
            Field("assertions", "Assertions", "json"),
            Field("json_assertions", "In rooster's words", "json", hint=hint, placeholder=example, rows=3),
        ),
        hint="All of them must hold. With assertions, the status code counts only where one asks for it.",
        folded=True,
    )


def _thresholds() -> Section:
    return Section(
        "When it counts as down",
        (
            Field("failure_threshold", "Failures in a row", "number", low=1, high=10, unit="checks"),
            Field(
                "recovery_threshold",
                "Good checks in a row to recover",
                "number",
                low=1,
                high=10,
                unit="checks",
            ),
            Field(
                "cooldown_secs",
                "No new incident for",
                "number",
                low=0,
                high=604_800,
                unit="seconds",
                hint="After the last one has ended.",
            ),
            Field(
                "severity",
                "Severity",
                "select",
                options=[("minor", "Minor"), ("major", "Major"), ("critical", "Critical")],
            ),
        ),
        folded=True,
    )


def _alerts(chosen: Choices) -> Section:
    return Section(
        "Alerts",
        (
            Field(
                "channels",
                "Channels",
                "many",
                options=chosen.channels,
                hint="None: the account's default channels.",
            ),
            Field("alert_email", "E-mail address", "email", hint="Empty: the account's own."),
            Field("alert_slack_webhook", "Slack webhook", "secret"),
            Field("webhook_url", "Webhook", "secret"),
            Field(
                "depends_on",
                "Depends on",
                "many",
                options=chosen.subjects,
                hint="While one of these is down, this one's alerts are held back.",
            ),
        ),
        folded=True,
    )


def _place(*, is_new: bool) -> Section:
    paused = (Field("paused", "Create it paused", "checkbox", hint="It is not checked until it is resumed."),)
    return Section(
        "Where it is shown",
        (
            Field("group", "Group", suggestions="groups"),
            Field("tags", "Tags", "tags", placeholder="production, eu", hint="With commas between."),
            Field("slug", "Address of its public page", hint="Empty: made of the name."),
            Field("public", "Public page and badges", "checkbox"),
            *(paused if is_new else ()),
        ),
        folded=True,
    )


def _maintenance() -> Section:
    return Section(
        "Weekly maintenance",
        (Field("maintenance_windows", "Windows", "json"),),
        hint="Times in UTC. Checks go on, but open no incident, and don't count in the uptime.",
        folded=True,
    )


def _with_stored(part: Part, monitor: Monitor) -> Part:
    """The section with what is stored of its secrets: a mask, and a box to take each away."""
    kept = [one for one in part.section.fields if one.name in SECRETS and getattr(monitor.options, one.name)]
    if not kept:
        return part
    masked = [
        replace(one, placeholder=headers.MASK, hint="Stored. Leave it empty to keep it.")
        if one in kept
        else one
        for one in part.section.fields
    ]
    name = "forget_sent" if part.types == WEB else "forget_hooks"
    box = Field(name, "Take away what is stored", "many", options=[(one.name, one.label) for one in kept])
    return replace(part, section=replace(part.section, fields=(*masked, box)))


def _plain(value: Any) -> Any:
    plain = msgspec.to_builtins(value)
    return list(plain) if isinstance(plain, tuple) else plain


def place(kind: str) -> tuple[str, str]:
    """What the address of a monitor of that type is called, and an example of one."""
    return next((pair for kinds, pair in PLACES.items() if kind in kinds.split()), PLACES["http json"])


def values_of(monitor: Monitor) -> dict[str, Any]:
    """A monitor's fields as the API writes them, secrets included."""
    said = {name: _plain(value) for name, value in structs.asdict(monitor.options).items()}
    said["headers"] = dict(monitor.options.headers)
    return said | {
        "name": monitor.name,
        "type": monitor.type,
        "group": monitor.group,
        "slug": monitor.slug,
        "public": monitor.public,
        "paused": monitor.paused,
        "tags": list(monitor.tags),
    }


def masked(values: dict[str, Any]) -> dict[str, Any]:
    """The fields as a form may show them: without secrets, and with secret headers masked."""
    pairs = values["headers"].items()
    shown = {name: headers.MASK if headers.is_secret(name) else text for name, text in pairs}
    return {name: item for name, item in values.items() if name not in SECRETS} | {"headers": shown}


def copied(values: dict[str, Any]) -> dict[str, Any]:
    """The fields of a duplicate: no secret, no secret header, no address of its own."""
    kept = {name: item for name, item in values.items() if name not in (*SECRETS, "slug")}
    kept["headers"] = {name: text for name, text in values["headers"].items() if not headers.is_secret(name)}
    return kept | {"name": f"{values['name'][:190]} (copy)", "slug": ""}


BARE = Monitor(
    row=0,
    id="",
    account_id="",
    name="",
    type="http",
    options=Options(url=""),
    created_at=0,
    updated_at=0,
)
"""A monitor of which nothing was said."""
DEFAULTS = values_of(BARE)
"""What a monitor's fields are when nothing is said of them."""
