"""A daemon and the commands that speak to it, as people use them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.served import Served, serving_beside
from tests.support.commands import Ended, Run
from tests.support.daemon import KEY
from tests.support.endpoint import Endpoint, serving

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Speaking:
    """A daemon with an endpoint for its jobs and monitors."""

    served: Served
    endpoint: Endpoint

    def make(self, path: str, **fields: Any) -> dict[str, Any]:
        """What the API makes of these fields."""
        reply = self.served.call("POST", path, fields)
        assert reply.status in (200, 201), reply.json
        made: dict[str, Any] = reply.json
        return made

    def job(self, name: str, **fields: Any) -> dict[str, Any]:
        """A job that calls the endpoint, once a year by itself."""
        plain = {"schedule": "0 0 1 1 *", "endpoint": self.endpoint.url, "retries": 0}
        return self.make("/v1/jobs", **(plain | {"name": name} | fields))

    def monitor(self, name: str, **fields: Any) -> dict[str, Any]:
        """A monitor of the endpoint."""
        plain = {"url": self.endpoint.url, "interval_secs": 86400}
        return self.make("/v1/monitors", **(plain | {"name": name} | fields))

    def heartbeat(self, name: str, **fields: Any) -> dict[str, Any]:
        """A heartbeat that is expected once a day."""
        return self.make("/v1/heartbeats", **({"interval_secs": 86400, "name": name} | fields))


@contextmanager
def speaking(path: Path) -> Iterator[Speaking]:
    """A daemon on the database `path`, and an endpoint."""
    with serving_beside(path) as served:
        opened = serving()
        endpoint = served.run(opened.__aenter__())
        try:
            yield Speaking(served, endpoint)
        finally:
            served.run(opened.__aexit__(None, None, None))


class Said:
    """Runs `tickd` against a daemon, with its address and key in the environment."""

    def __init__(self, run: Run, url: str) -> None:
        self._run = run
        self.url = url

    def __call__(self, *arguments: str, key: str = KEY) -> Ended:
        """How the command ends."""
        os.environ["TICKD_URL"], os.environ["TICKD_API_KEY"] = self.url, key
        try:
            return self._run(*arguments)
        finally:
            del os.environ["TICKD_URL"], os.environ["TICKD_API_KEY"]
