"""Reports a run to tickd. Needs Python 3.9 or newer, and PING_URL."""

import os
import sys
import time
import traceback
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager


def ping(url: str, text: str = "", tries: int = 3) -> None:
    """Ping, and raise nothing: a report that is lost must not fail the run."""
    for attempt in range(tries):
        try:
            with urllib.request.urlopen(url, data=text.encode(errors="replace"), timeout=10):
                return
        except Exception as error:
            print(f"ping: {error}", file=sys.stderr)
            if getattr(error, "code", 500) in (400, 403, 404, 413):
                return
        if attempt + 1 < tries:
            time.sleep(2**attempt)


@contextmanager
def reported(url: str) -> Iterator[None]:
    """Ping when the block begins, and when it ends: how it did, and the traceback where it failed."""
    rid = uuid.uuid4()
    ping(f"{url}/start?rid={rid}", tries=1)
    try:
        yield
    except BaseException as error:
        went_well = isinstance(error, SystemExit) and not error.code
        text = "" if went_well else traceback.format_exc()[-10_000:]
        ping(f"{url}/{'0' if went_well else 'fail'}?rid={rid}", text)
        raise
    ping(f"{url}?rid={rid}")


if __name__ == "__main__":
    with reported(os.environ["PING_URL"]):
        print("42 files saved")
