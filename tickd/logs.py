"""Structured logs: one line an event, as text or JSON, written off the event loop.

Call `logging.getLogger("tickd.…").info("job fired", extra=fields(job=…))`; secrets are never fields. What is
done for one request, run or alert is done `with bound(request=…)`: every line made meanwhile has its fields.
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

_PLAIN = re.compile(r"[!#-<>-~]+")


def fields(**values: object) -> dict[str, Any]:
    """The `extra` of a log call: what happened to whom, as key and value."""
    return {"fields": values}


class bound:
    """Adds these fields to every line that is made until the block ends, in it and in the tasks it begins.

    A task that goes on after the block has ended no longer has them: what it does is about something else.
    """

    __slots__ = ("_above", "_is_over", "_token", "_values")

    def __init__(self, **values: object) -> None:
        self._values = values
        self._above: bound | None = None
        self._is_over = False

    def __enter__(self) -> None:
        self._above = _BOUND.get()
        self._token = _BOUND.set(self)

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        _BOUND.reset(self._token)

    def add_to(self, values: dict[str, object]) -> None:
        """Put the fields of this block, and of those around it, into `values`; the innermost has its way."""
        if self._above is not None:
            self._above.add_to(values)
        if not self._is_over:
            values.update(self._values)


_BOUND: ContextVar[bound | None] = ContextVar("tickd_log_fields", default=None)


def bound_fields() -> dict[str, object]:
    """The fields that a line made here and now has beside its own."""
    values: dict[str, object] = {}
    inner = _BOUND.get()
    if inner is not None:
        inner.add_to(values)
    return values


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
    lines = _Lines(JsonFormatter() if form == "json" else TextFormatter(), stream or sys.stderr)
    levels: dict[str, int | str] = {"": level.upper(), "aiosqlite": "WARNING", "asyncio": "WARNING"}
    before = {name: getattr(logging, name) for name in _UNUSED}
    levels_before = {name: logging.getLogger(name).level for name in levels}
    logging.getLogger().addHandler(lines)
    for name, value in levels.items():
        logging.getLogger(name).setLevel(value)
    for name in _UNUSED:
        setattr(logging, name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(logging, name, value)
        for name, value in levels_before.items():
            logging.getLogger(name).setLevel(value)
        logging.getLogger().removeHandler(lines)
        lines.close()


# What no formatter here shows; finding out the caller alone is a third of a log call's cost.
_UNUSED = ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing")


class _Lines(logging.Handler):
    """Takes records on any thread, and writes all that wait at once on its own."""

    def __init__(self, formatter: logging.Formatter, stream: TextIO) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._stream = stream
        self._waiting: queue.SimpleQueue[logging.LogRecord | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="tickd-log", daemon=True)
        self._thread.start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Queue the record; formatting is the thread's work."""
        # Here, where the context is still the caller's.
        around = bound_fields()
        if around:
            record.__dict__["fields"] = {**_fields(record), **around, **_fields(record)}
        self._waiting.put(record)
        return True

    def close(self) -> None:
        """Write what waits, then end; a stream that nobody reads is given a second."""
        self._waiting.put(None)
        self._thread.join(1.0)
        super().close()

    def _write(self) -> None:
        going = True
        while going:
            records = [self._waiting.get()]
            with contextlib.suppress(queue.Empty):
                while len(records) < 1000:
                    records.append(self._waiting.get_nowait())
            going = None not in records
            text = "".join(self.format(record) + "\n" for record in records if record is not None)
            # A log that can't be written (a closed pipe, a full disk) must not end the daemon.
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(text)
                self._stream.flush()


def _stamp(record: logging.LogRecord) -> str:
    return f"{_second(int(record.created))}.{int(record.created * 1000) % 1000:03d}Z"


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _fields(record: logging.LogRecord) -> dict[str, object]:
    found: dict[str, object] = getattr(record, "fields", {})
    return found


def _word(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
