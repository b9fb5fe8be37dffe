"""Targets: what a monitor asks the prober to look at, and what its check makes of what was seen."""

from __future__ import annotations

import base64
import ipaddress
import sys
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from tickd.domain import monitors as rules
from tickd.domain import verdicts
from tickd.domain.assertions import Answer
from tickd.domain.checks import CheckStatus
from tickd.domain.monitors import Monitor
from tickd.errors import Invalid
from tickd.outbound.guard import Guard, Refused
from tickd.outbound.prober import EVIDENCE_BYTES, Seen, Target


def target_of(monitor: Monitor) -> Target:
    """What the prober is to look at."""
    options = monitor.options
    if monitor.type != "http" and monitor.type != "json":
        return Target(kind=monitor.type, url=options.url, timeout_secs=float(options.timeout_secs))
    if is_plain(monitor):
        return Target(kind="http", url=options.url, timeout_secs=float(options.timeout_secs))
    pairs = list(options.headers)
    named = {name.lower() for name, _ in pairs}
    authorization = _authorization(monitor)
    if authorization:
        pairs = [(name, text) for name, text in pairs if name.lower() != "authorization"]
        pairs.append(("Authorization", authorization))
    body = options.body.encode() if options.method in rules.BODY_METHODS else b""
    if body and "content-type" not in named:
        pairs.append(("Content-Type", options.request_content_type or "application/json"))
    return Target(
        kind="http",
        url=options.url,
        method=options.method,
        headers=tuple(pairs),
        body=body,
        timeout_secs=float(options.timeout_secs),
        follow_redirects=options.follow_redirects,
        wants_body=verdicts.wants_body(monitor.type, options),
    )


def shown(target: Target) -> Target:
    """The same look, but for a person: the beginning of the body is read even where no check needs it."""
    if target.kind != "http" or target.wants_body:
        return target
    return replace(target, wants_body=True, max_body=EVIDENCE_BYTES)


def _authorization(monitor: Monitor) -> str:
    """Bearer wins over a whole header, and that over basic."""
    options = monitor.options
    if options.bearer_token:
        return f"Bearer {options.bearer_token}"
    if options.auth_header:
        return options.auth_header
    if options.basic_auth_user:
        pair = f"{options.basic_auth_user}:{options.basic_auth_pass}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    return ""


def host_of(monitor: Monitor) -> str:
    """Whose machine a check bothers, one text for all of its monitors: the limit per host counts by it."""
    place = monitor.options.url
    host = urlsplit(place if "://" in place else f"//{place}").hostname
    return sys.intern(host or place)


def is_plain(monitor: Monitor) -> bool:
    """Whether a mere GET is sent and any answer of 2xx or 3xx is up, as for most monitors."""
    options = monitor.options
    return (
        monitor.type == "http"
        and options.method == "GET"
        and options.expected_status_code is None
        and not (options.headers or options.assertions or options.json_assertions or options.follow_redirects)
        and not (options.bearer_token or options.auth_header or options.basic_auth_user)
        and not (options.keyword or options.response_threshold_ms)
    )


def judged(monitor: Monitor, seen: Seen, at: int) -> tuple[CheckStatus, str]:
    """The status of a check that began at `at` and saw this, and what is wrong with it."""
    options = monitor.options
    if monitor.type == "ssl" and seen.certificate is not None:
        certificate = seen.certificate
        found = verdicts.Certificate(certificate.not_after, certificate.issuer, certificate.fault)
        return verdicts.of_certificate(found, options.ssl_expiry_threshold_days, at)
    if seen.fault:
        return seen.fault, seen.error
    if monitor.type in ("http", "json"):
        answer = Answer(
            seen.status_code, seen.timings.total_ms or 0.0, seen.headers, seen.body, seen.truncated
        )
        return verdicts.of_answer(monitor.type, options, answer)
    return "up", ""


def refusal(guard: Guard) -> Callable[[Monitor], None]:
    """Refuse a monitor whose address may not be called; a name is judged where it leads, at each check."""

    def refuses(monitor: Monitor) -> None:
        place = monitor.options.url
        host = urlsplit(place if "://" in place else f"//{place}").hostname or place
        host = "127.0.0.1" if host == "localhost" or host.endswith(".localhost") else host
        try:
            ipaddress.ip_address(host)
            guard.check(host)
        except ValueError:
            return
        except Refused as refused:
            raise Invalid(
                "url", f"must not lead to a private or reserved address: {refused.sentence}"
            ) from refused

    return refuses
