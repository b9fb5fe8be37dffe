"""Verdicts: what one look at a monitor's target says, by everything its owner asked for."""

from __future__ import annotations

from dataclasses import dataclass

from tickd.domain import assertions, keywords, thresholds, times
from tickd.domain.assertions import Answer
from tickd.domain.checks import CheckStatus
from tickd.domain.monitors import Options, Type


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a check saw of a certificate; times in milliseconds, `fault` empty when it is good."""

    not_after: int
    issuer: str
    fault: str = ""


def of_answer(kind: Type, options: Options, answer: Answer) -> tuple[CheckStatus, str]:
    """The status of an http or json check that got an answer, and what is wrong with it."""
    wrong = (
        _wrong_status(options, answer)
        or assertions.failing(options.assertions, answer)
        or _wrong_time(options, answer)
        or _wrong_body(kind, options, answer)
    )
    if wrong and answer.truncated:
        wrong += "; only the first 1 MiB of the body was read"
    return ("down", wrong) if wrong else ("up", "")


def _wrong_status(options: Options, answer: Answer) -> str | None:
    code = answer.status_code or 0
    if options.expected_status_code is not None:
        if code != options.expected_status_code:
            return f"status code {code} is not {options.expected_status_code}"
        return None
    # Where there are assertions, they alone decide.
    if options.assertions or 200 <= code < 400:
        return None
    return f"status code {code}"


def _wrong_time(options: Options, answer: Answer) -> str | None:
    if not options.response_threshold_ms:
        return None
    return thresholds.parse(options.response_threshold_ms).violated(answer.response_ms)


def _wrong_body(kind: Type, options: Options, answer: Answer) -> str | None:
    if options.keyword and (unmet := keywords.parse(options.keyword).unmet(answer.body)):
        return unmet
    if options.json_assertions and (violated := assertions.failing_json(options.json_assertions, answer)):
        return violated
    return "the body is not JSON" if kind == "json" and not answer.is_json else None


def of_certificate(certificate: Certificate, threshold_days: int, now: int) -> tuple[CheckStatus, str]:
    """The status of an ssl check: down for a bad certificate, degraded for one that soon expires."""
    if certificate.fault:
        return "down", certificate.fault
    left = certificate.not_after - now
    if left <= 0:
        return "down", f"certificate expired {times.span(-left)} ago"
    if left <= threshold_days * times.DAY:
        return "degraded", f"certificate expires in {times.span(left)}"
    return "up", ""


def wants_body(kind: Type, options: Options) -> bool:
    """Whether a check has to read the body."""
    asked = any(assertion.source in ("body", "json") for assertion in options.assertions)
    return kind == "json" or asked or bool(options.keyword or options.json_assertions)
