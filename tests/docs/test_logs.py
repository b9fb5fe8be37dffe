"""The page on logs names every event that the code can log, and no other; its examples are real."""

from __future__ import annotations

import io
import json
import logging

import yaml

from tests.architecture.modules import parsed
from tests.docs.events import Logged, logged
from tests.docs.pages import codes, page
from tickd import logs

PAGE = "docs/logs.md"


def test_every_event_is_listed_with_its_level_and_logger() -> None:
    rows = page(PAGE).tables("event", "level", "logger")
    said = [Logged(codes(row["event"])[0], row["level"], codes(row["logger"])[0]) for row in rows]
    assert set(said) == logged()
    assert len(said) == len(set(said))


def test_events_are_found_in_source() -> None:
    tree = parsed(
        {
            "tickd.a": "import logging\nlog = logging.getLogger('tickd.x')\n"
            "def f(error):\n    log.info('one' if error else 'two')\n    log.exception('three')",
            "tickd.b": "import logging\nlogger = logging.getLogger(__name__)\nlogger.debug('four: %s', 1)",
        }
    )
    assert logged(tree) == {
        Logged("one", "info", "tickd.x"),
        Logged("two", "info", "tickd.x"),
        Logged("three", "error", "tickd.x"),
        Logged("four: %s", "debug", "tickd.b"),
    }


def test_the_events_to_be_woken_for_exist() -> None:
    section = page(PAGE).sections()["What to be woken for"]
    known = {one.event for one in logged()}
    assert set(codes(section)) - {"critical"} <= known


def test_the_lines_that_are_shown_have_the_form_of_real_ones() -> None:
    (shown,) = [block for block in page(PAGE).blocks("text") if "INFO" in block]
    first, _ = page(PAGE).blocks("json")
    for form, line in (("text", shown), ("json", first)):
        stream = io.StringIO()
        with logs.configured(form, "info", stream):
            words = logs.fields(job="job_01jq2", name="nightly backup", execution="exec_01jq3", attempt=1)
            logging.getLogger("tickd.firing").info("job fired", extra=words)
        if form == "text":
            assert stream.getvalue().partition(" ")[2] == line.partition(" ")[2]
        else:
            real, told = json.loads(stream.getvalue()), json.loads(line)
            assert {name: real[name] for name in told if name != "time"} == {
                name: value for name, value in told.items() if name != "time"
            }


def test_the_recipe_for_loki_is_yaml_with_fields_that_exist() -> None:
    (block,) = page(PAGE).blocks("yaml")
    (job,) = yaml.safe_load(block)["scrape_configs"]
    fields = job["pipeline_stages"][0]["json"]["expressions"]
    assert set(fields.values()) <= {"time", "level", "event", "logger"}
