"""Structured logs: one line an event, as text or JSON, written off the event loop.

Call `logging.getLogger("tickd.…").info("job fired", extra=fields(job=…))`; secrets are never fields.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import queue
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO


def fields(**values: object) -> dict[str, Any]:
    """The `extra` of a log call: what happened to whom, as key and value."""
    return {"fields": values}


class TextFormatter(logging.Formatter):
    """`2026-03-03T12:30:00.123Z INFO job fired job=job_… name="nightly backup"`."""

    def format(self, record: logging.LogRecord) -> str:
        parts = [_stamp(record), record.levelname, record.getMessage()]
        parts += [f"{key}={_word(value)}" for key, value in _fields(record).items()]
        if record.exc_info:
            parts.append("\n" + self.formatException(record.exc_info))
        return " ".join(parts)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `event`, `logger`, and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {"time": _stamp(record), "level": record.levelname.lower()}
        line |= {"event": record.getMessage(), "logger": record.name, **_fields(record)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


@contextmanager
def configured(form: str, level: str, stream: TextIO | None = None) -> Iterator[None]:
    """Log to `stream` (default: stderr) until the block ends.

    A thread of its own writes the lines: a pipe that nobody reads must not stall the event loop.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    entrance = _Entrance(lines)
    listener = logging.handlers.QueueListener(lines, handler)
    root = logging.getLogger()
    root.addHandler(entrance)
    root.setLevel(level.upper())
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(entrance)
        listener.stop()
        handler.flush()


class _Entrance(logging.handlers.QueueHandler):
    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        # The stock method formats here; the listener's thread does it for us.
        return record


def _stamp(record: logging.LogRecord) -> str:
    when = datetime.fromtimestamp(record.created, UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def _fields(record: logging.LogRecord) -> dict[str, object]:
    found: dict[str, object] = getattr(record, "fields", {})
    return found


def _word(value: object) -> str:
    text = str(value)
    plain = text and all(" " < letter < "\x7f" and letter not in '"=' for letter in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
