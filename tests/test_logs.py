"""Logs: one line an event, written elsewhere, and nothing left behind."""

from __future__ import annotations

import io
import json
import logging

import pytest

from tickd import logs

log = logging.getLogger("tickd.test")


def lines(form: str) -> list[str]:
    """What three events leave in a log of that form."""
    stream = io.StringIO()
    with logs.configured(form, "info", stream):
        log.debug("not shown")
        log.info("job fired", extra=logs.fields(job="job_1", name='a "b"\nc'))
        log.warning("plain")
    return stream.getvalue().splitlines()


def test_text_is_one_line_an_event() -> None:
    fired, plain = lines("text")
    assert fired.endswith('Z INFO job fired job=job_1 name="a \\"b\\"\\nc"')
    assert plain.endswith("Z WARNING plain")


def test_json_is_one_object_an_event() -> None:
    fired, _ = map(json.loads, lines("json"))
    assert (fired["event"], fired["level"], fired["job"]) == ("job fired", "info", "job_1")
    assert fired["name"] == 'a "b"\nc'
    assert fired["time"].endswith("Z")


def test_a_stream_that_is_closed_ends_nothing() -> None:
    stream = io.StringIO()
    with logs.configured("text", "info", stream):
        stream.close()
        log.info("into the void")


@pytest.mark.parametrize("name", ["", "aiosqlite", "asyncio"])
def test_logging_is_left_as_it_was_found(name: str) -> None:
    before = logging.getLogger(name).level, logging.getLogger().handlers[:], logging.logThreads
    lines("json")
    assert (logging.getLogger(name).level, logging.getLogger().handlers, logging.logThreads) == before
