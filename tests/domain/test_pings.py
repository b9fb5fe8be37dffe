"""Pings: how a path, a query and a body are read."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain import pings
from tickd.domain.expiry import Outcome
from tickd.domain.pings import Kind, Said
from tickd.domain.times import DAY, HOUR, MINUTE, rfc3339
from tickd.errors import Invalid

NOON = 1_772_539_200_000


# What stands behind the token.


@pytest.mark.parametrize(
    ("word", "kind", "status"),
    [
        ("", "success", None),
        ("start", "start", None),
        ("fail", "fail", None),
        ("log", "log", None),
        ("0", "success", 0),
        ("000", "success", 0),
        ("1", "fail", 1),
        ("01", "fail", 1),
        ("143", "fail", 143),
        ("255", "fail", 255),
    ],
)
def test_a_path_says_start_fail_log_or_an_exit_status(word: str, kind: Kind, status: int | None) -> None:
    assert pings.of_path(word) == (kind, status)


@pytest.mark.parametrize(
    "word",
    [
        *("256", "999", "0000", "1000", "-1", "+1", "1.0", "1e1", " 1", "1 ", "0x1", "\u0661", "\u00b2"),
        *("START", "starts", "success", "Fail", "logs", "null", "start/"),
    ],
)
def test_any_other_path_is_refused(word: str) -> None:
    with pytest.raises(Invalid) as refused:
        pings.of_path(word)
    assert refused.value.message == "exit status must be between 0 and 255, or start, fail or log"


@given(st.text(max_size=6) | st.integers(-10, 1000).map(str))
def test_a_path_is_read_or_invalid(word: str) -> None:
    try:
        kind, status = pings.of_path(word)
    except Invalid:
        assert not (word.isascii() and word.isdigit() and len(word) < 4 and int(word) < 256)
        return
    assert status is None or (0 <= status <= 255 and kind == ("fail" if status else "success"))


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (Said(), "success"),
        (Said(degraded=True), "degraded"),
        (Said(kind="fail"), "fail"),
        (Said(kind="fail", degraded=True), "fail"),
        (Said(kind="start"), None),
        (Said(kind="log"), None),
    ],
)
def test_a_start_and_a_log_say_nothing_of_how_it_went(said: Said, outcome: Outcome | None) -> None:
    assert said.outcome == outcome


# The run's id.


@pytest.mark.parametrize("text", ["", "a", "728b3763-ad80-4113-9fc0-f50b5f63fde1", "ünï 1", "x" * 100])
def test_a_run_is_known_by_any_short_printable_text(text: str) -> None:
    assert pings.run_id(text) == text


@pytest.mark.parametrize("text", ["x" * 101, "a\nb", "\x00", "a\tb", "\u202e", "\ud800"])
def test_what_is_long_or_unprintable_is_no_run_id(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        pings.run_id(text)
    assert refused.value.field == "rid"


# When it was sent.


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-03T11:00:00Z", NOON - HOUR),
        ("2026-03-03T11:00:00.250Z", NOON - HOUR + 250),
        ("2026-03-03T12:00:00+01:00", NOON - HOUR),
        ("2026-03-03T12:00:00 01:00", NOON - HOUR),  # a plus that was decoded
        ("2026-03-03T05:30:00-05:30", NOON - HOUR),
        ("20260303T110000Z", NOON - HOUR),
        ("1772535600", NOON - HOUR),
        ("1772535600.25", NOON - HOUR + 250),
        ("1772535600.123456789", NOON - HOUR + 123),
        ("2026-03-02T12:00:00Z", NOON - DAY),
        # A clock that is a little ahead sent it now, not in the future.
        ("2026-03-03T12:00:30Z", NOON),
        ("2026-03-03T12:01:00Z", NOON),
    ],
)
def test_a_ping_may_say_when_it_was_sent(text: str, moment: int) -> None:
    assert pings.sent_at(text, NOON) == moment


def test_a_ping_that_says_nothing_was_sent_now() -> None:
    assert pings.sent_at("", NOON) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2026-03-02T11:59:59.999Z", "must be within the last 24 hours"),
        ("2026-03-03T12:01:00.001Z", "must be within the last 24 hours"),
        ("1772535600000", "must be within the last 24 hours"),  # in milliseconds
        ("9999999999999", "must be within the last 24 hours"),
        ("9999-12-31T23:59:59Z", "must be within the last 24 hours"),
        ("0001-01-01T00:00:00+23:59", "must be within the last 24 hours"),
        ("2026-03-03T11:00:00", "must be a time such as"),
        ("2026-03-03 11:00:00", "must be a time such as"),
        ("2026-03-03", "must be a time such as"),
        ("yesterday", "must be a time such as"),
        ("2026-02-30T11:00:00Z", "must be a time such as"),
        ("12345678", "must be a time such as"),
        ("-1772535600", "must be a time such as"),
        ("1e12", "must be a time such as"),
        ("nan", "must be a time such as"),
        ("inf", "must be a time such as"),
        ("\u0661772535600", "must be a time such as"),
    ],
)
def test_what_is_no_time_of_the_last_day_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        pings.sent_at(text, NOON)
    assert (refused.value.field, refused.value.sentence[: len(sentence)]) == ("at", sentence)


@given(
    st.text(max_size=30)
    | st.text("0123456789-:TZ+. W", max_size=30)
    | st.datetimes(timezones=st.just(timezone(timedelta(hours=14)))).map(datetime.isoformat)
    | st.floats().map(str)
)
def test_any_time_is_within_the_last_day_or_invalid(text: str) -> None:
    try:
        moment = pings.sent_at(text, NOON)
    except Invalid as error:
        assert error.field == "at"
    else:
        assert moment is None or NOON - DAY <= moment <= NOON


@given(st.integers(NOON - DAY, NOON + MINUTE))
def test_both_forms_of_a_time_are_read_to_the_millisecond(moment: int) -> None:
    whole, rest = divmod(moment, 1000)
    assert pings.sent_at(rfc3339(moment), NOON) == min(moment, NOON)
    assert pings.sent_at(f"{whole}.{rest:03}", NOON) == min(moment, NOON)


# What it says.


@pytest.mark.parametrize(
    ("text", "body", "message"),
    [
        ("", "", ""),
        ("done", "more", "done"),
        ("  done \n", "", "done"),
        (" ", "\n\n  first line \nsecond", "first line"),
        ("", "\r\n\t\r\nover\r\n", "over"),
        ("a\nb", "", "a b"),
        ("a\x00\x1b[31mb", "", "a  [31mb"),
        ("é\u202eß", "", "é ß"),
        ("x" * 501, "", "x" * 500),
        ("", "y" * 700, "y" * 500),
    ],
)
def test_a_message_is_one_printable_line(text: str, body: str, message: str) -> None:
    assert pings.message_of(text, body) == message


@given(st.text(), st.text())
def test_any_text_makes_a_message_that_can_be_stored(text: str, body: str) -> None:
    message = pings.message_of(text, body)
    assert len(message) <= 500
    assert message.isprintable()
    message.encode()


# Numbers.


def test_metrics_are_names_and_numbers() -> None:
    metrics = {"queue": 3, "load": 0.25, "délai ms": -1e308}
    assert pings.check_metrics(metrics) == metrics
    fifty = {f"n{number}": 1.0 for number in range(50)}
    assert pings.check_metrics(fifty) == fifty
    assert pings.check_metrics({"x" * 100: 1.0}) == {"x" * 100: 1.0}


@pytest.mark.parametrize(
    ("metrics", "sentence"),
    [
        ({f"n{number}": 1.0 for number in range(51)}, "must be at most 50 numbers"),
        ({"": 1.0}, "must have names of 1 to 100 printable characters"),
        ({"x" * 101: 1.0}, "must have names of 1 to 100 printable characters"),
        ({"a\n": 1.0}, "must have names of 1 to 100 printable characters"),
        ({"a": math.inf}, "must be a map of names to numbers: a is none"),
        ({"a": 1.0, "b": math.nan}, "must be a map of names to numbers: b is none"),
        ({"a": True}, "must be a map of names to numbers: a is none"),
    ],
)
def test_what_is_no_number_is_refused(metrics: dict[str, float], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        pings.check_metrics(metrics)
    assert (refused.value.field, refused.value.sentence) == ("metrics", sentence)


@given(st.dictionaries(st.text(max_size=3), st.floats() | st.integers(), max_size=4))
def test_metrics_are_kept_or_invalid(metrics: dict[str, float]) -> None:
    try:
        kept = pings.check_metrics(metrics)
    except Invalid as error:
        assert error.field == "metrics"
    else:
        assert kept == metrics
