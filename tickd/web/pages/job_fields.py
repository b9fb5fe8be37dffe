"""The fields of a job's form: what there is to fill in, what it shows, and what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, get_args

from tickd.domain import headers, jobs
from tickd.domain.jobs import Job, JobChange
from tickd.web.pages import forms
from tickd.web.pages.forms import Field, Form, Section

PRESETS = (
    ("* * * * *", "Every minute"),
    ("*/5 * * * *", "Every 5 minutes"),
    ("*/15 * * * *", "Every 15 minutes"),
    ("0 * * * *", "Hourly"),
    ("0 2 * * *", "Daily at 02:00"),
    ("0 9 * * 1-5", "Weekdays at 09:00"),
    ("0 3 * * 0", "Sundays at 03:00"),
    ("0 4 1 * *", "Monthly on the 1st at 04:00"),
)
"""Schedules to begin with."""
BARE = Job(row=0, id="", account_id="", name="", schedule="", endpoint="", created_at=0, updated_at=0)
"""A job of which nothing was said."""
_SAID = tuple(name for name in JobChange.__struct_fields__ if name != "status")

ESSENTIALS = Section(
    "",
    (
        Field("name", "Name", placeholder="nightly-backup", is_required=True),
        Field("endpoint", "Endpoint", "url", is_required=True, placeholder="https://example.com/jobs/backup"),
        Field("method", "Method", "select", options=[(one, one) for one in get_args(jobs.Method)]),
        Field(
            *("schedule", "Schedule"),
            placeholder="0 2 * * *",
            is_required=True,
            suggestions="presets",
            hint="Minute, hour, day of month, month, day of week; or @daily and its like.",
        ),
        Field("timezone", "Time zone", suggestions="zones", placeholder="UTC"),
    ),
)
"""What most people fill in."""
_FRESH = replace(
    ESSENTIALS, fields=[replace(one, is_zone=one.name == "timezone") for one in ESSENTIALS.fields]
)
STAND_INS = {"name": "x", "schedule": "* * * * *", "endpoint": "https://example.com/"}
"""What stands for a field that is wrong, or not filled in, while the others are looked at."""

_REQUEST = Section(
    "Request",
    (
        Field(
            *("headers", "Headers", "pairs"),
            placeholder="Authorization: Bearer …",
            hint=f"One “Name: value” a line. {headers.MASK} stands for a secret that is kept as it is.",
        ),
        Field("body", "Body", "code", hint="Sent as UTF-8; JSON where it begins with { or [."),
        Field("timeout_secs", "Timeout", "number", low=1, high=300, unit="seconds"),
        Field(
            *("signing_secret", "Signing secret", "secret"),
            hint="Signs each call by Standard Webhooks. Never shown again; empty leaves it as it is.",
        ),
    ),
    folded=True,
)
_FORGET = Field("forget_secret", "Remove the signing secret", "checkbox")
_FAILURE = Section(
    "Retries and failure",
    (
        Field("retries", "Retries", "number", low=0, high=10, hint="Further attempts, with growing pauses."),
        Field("failure_threshold", "Failed runs until it fails", "number", low=1, high=10),
        Field(
            *("retry_on", "Try again after", "many"),
            options=(
                ("network", "no answer: no connection, name not found, TLS failed"),
                ("timeout", "a timeout"),
                ("status", "an answer other than 2xx"),
            ),
        ),
    ),
    folded=True,
)
_MEETINGS = Section(
    "Overlap, catching up, long runs",
    (
        Field(
            *("overlap", "While an earlier run has not ended", "select"),
            options=(
                ("allow", "run beside it"),
                ("skip", "skip the new run"),
                ("queue", "wait for it"),
            ),
        ),
        Field(
            *("catch_up", "What was missed while tickd was down", "select"),
            options=(
                ("last", "run the latest one"),
                ("none", "run none"),
                ("all", "run them all, the latest 100"),
            ),
        ),
        Field(
            *("completion", "A run has ended", "select"),
            options=(
                ("response", "with the answer"),
                ("callback", "when the job reports it"),
            ),
        ),
        Field(
            *("max_runtime_secs", "A report must come within", "number"), low=1, high=86_400, unit="seconds"
        ),
    ),
    folded=True,
)
_SEVERITIES = (("minor", "Minor"), ("major", "Major"), ("critical", "Critical"))


class Choices(NamedTuple):
    """What a form lets people choose from, as (value, label).

    `targets` and `subjects` are None where there are so many that their ids are typed.
    """

    channels: list[tuple[str, str]]
    targets: list[tuple[str, str]] | None
    subjects: list[tuple[str, str]] | None


def sections(choices: Choices, job: Job | None, *, is_fresh: bool = False) -> tuple[Section, ...]:
    """The form of a new job, or of that one; one that `is_fresh` begins in the reader's own time zone."""
    severities = _SEVERITIES if job else (("", "As the account has it"), *_SEVERITIES)
    request = _REQUEST
    if job is not None and job.signing_secret:
        request = Section(request.title, (*request.fields, _FORGET), folded=True)
    return (
        _FRESH if is_fresh else ESSENTIALS,
        request,
        _FAILURE,
        _MEETINGS,
        Section(
            "What must be up",
            (
                _ids("requires", "It requires", choices.targets, "Monitors or heartbeats."),
                Field(
                    *("when_down", "While one of them is down", "select"),
                    options=(
                        ("defer", "wait until it is up"),
                        ("skip", "skip the run"),
                        ("fire", "run anyway"),
                    ),
                ),
                Field("defer_max_secs", "Wait at most", "number", low=0, high=86_400, unit="seconds"),
            ),
            folded=True,
        ),
        Section(
            "Alerts",
            (
                Field("severity", "Severity", "select", options=severities),
                Field(
                    *("channels", "Channels that are told", "many"),
                    options=choices.channels,
                    hint="None chosen: the default channels.",
                ),
                _ids(
                    *("depends_on", "It depends on", choices.subjects),
                    "While one of them is down, nobody is told that this job fails.",
                ),
            ),
            folded=True,
        ),
        Section(
            "Description, tags, state",
            (
                Field("description", "Description", "area", hint="For you; at most 2,000 characters."),
                Field("tags", "Tags", "tags", placeholder="backup, nightly", hint="With commas between."),
                Field("status", "State", "select", options=(("active", "Active"), ("paused", "Paused"))),
            ),
            folded=True,
        ),
    )


def _ids(name: str, label: str, choices: list[tuple[str, str]] | None, hint: str) -> Field:
    if choices is None:
        return Field(name, label, "lines", rows=3, placeholder="mon_…", hint=f"{hint} One id a line.")
    return Field(name, label, "many", options=choices, hint=hint)


# What a form shows and says.


def known(job: Job) -> dict[str, Any]:
    """A job's values by field, as the API has them: secret headers masked, the signing secret left out."""
    values = {name: getattr(job, name) for name in _SAID if name != "signing_secret"}
    return values | {
        "headers": headers.masked(job.headers),
        "status": "paused" if job.paused else "active",
    }


DEFAULTS = known(BARE) | {"severity": ""}
"""What a new job's form shows, and what a call of the API need not say."""


def copied(job: Job) -> tuple[dict[str, Any], list[str]]:
    """What the form of a job's copy shows, and which of its secrets are not copied."""
    secret = [f"the header {name}" for name in job.headers if headers.is_secret(name)]
    plain = {name: text for name, text in job.headers.items() if not headers.is_secret(name)}
    if job.signing_secret:
        secret.append("the signing secret")
    name = f"{job.name[:190]} (copy)"
    return known(job) | {"headers": plain, "name": name, "status": "active"}, secret


def said(form: Form, job: Job | None) -> dict[str, Any]:
    """What the form says in the API's own fields."""
    values = forms.said(form)
    if values.pop("forget_secret", False):
        values["signing_secret"] = ""
    if not values.get("timezone"):
        values.pop("timezone", None)
    if job is not None and "headers" in values:
        values["headers"] = headers.unmasked(values["headers"], job.headers)
    return values


def call(form: Form, job: Job | None) -> dict[str, Any]:
    """The body of the API's call that does what the form does; a stored secret stays masked."""
    values = said(form, None)
    plain = {name: value for name, value in DEFAULTS.items() if name not in ("name", "schedule", "endpoint")}
    return forms.changed(values, plain if job is None else known(job))


def opened(form: Form, job: Job | None) -> set[str]:
    """The titles of the folded sections in which something is other than usual, or wrong."""
    plain = forms.filled(form.sections, known(BARE) if job else DEFAULTS).values
    return {
        section.title
        for section in form.sections
        for one in section.fields
        if one.name in form.errors or form.values[one.name] != plain[one.name]
    }
