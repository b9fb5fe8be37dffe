"""Logs: one line an event, written elsewhere, and nothing left behind."""

from __future__ import annotations

import asyncio
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


def test_what_is_bound_is_in_every_line_until_the_block_ends() -> None:
    stream = io.StringIO()
    with logs.configured("json", "info", stream):
        with logs.bound(request="r1", job="around"):
            with logs.bound(job="job_1", execution="exec_1"):
                log.info("inner", extra=logs.fields(execution="its own"))
            log.info("outer")
        log.info("after")
    inner, outer, after = map(json.loads, stream.getvalue().splitlines())
    assert (inner["request"], inner["job"], inner["execution"]) == ("r1", "job_1", "its own")
    assert (outer["request"], outer["job"], "execution" in outer) == ("r1", "around", False)
    assert not {"request", "job"} & set(after)


async def test_a_task_that_outlives_the_block_no_longer_bears_its_fields() -> None:
    async def work() -> tuple[dict[str, object], dict[str, object]]:
        before = logs.bound_fields()
        await go_on.wait()
        with logs.bound(execution="exec_1"):
            return before, logs.bound_fields()

    go_on = asyncio.Event()
    with logs.bound(request="r1"):
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
    go_on.set()
    assert await task == ({"request": "r1"}, {"execution": "exec_1"})
