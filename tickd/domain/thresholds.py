"""Response time thresholds: `> 2000` is down when slower, `< 50` when faster, `200-3000` when outside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tickd.errors import Invalid

_FORM = re.compile(
    r"\s*(?:(?P<sign>[<>])\s*(?P<one>[0-9]{1,7})|(?P<low>[0-9]{1,7})\s*-\s*(?P<high>[0-9]{1,7}))\s*"
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """The fastest and the slowest response that will do, in whole milliseconds."""

    least: int | None = None
    most: int | None = None

    def violated(self, ms: float) -> str | None:
        """What is wrong with a response time, or None; it counts rounded, as it is shown."""
        took = round(ms)
        too_fast = self.least is not None and took < self.least
        too_slow = self.most is not None and took > self.most
        if not too_fast and not too_slow:
            return None
        if self.least is not None and self.most is not None:
            return f"response took {took} ms, not {self.least} to {self.most} ms"
        if too_fast:
            return f"response took {took} ms, less than {self.least} ms"
        return f"response took {took} ms, more than {self.most} ms"


@lru_cache(maxsize=1024)
def parse(text: str) -> Threshold:
    """Read a threshold, the empty one being never violated; raises `Invalid`."""
    if not text.strip():
        return Threshold()
    form = _FORM.fullmatch(text.strip())
    if form and form["sign"]:
        edge = int(form["one"])
        return Threshold(most=edge) if form["sign"] == ">" else Threshold(least=edge)
    if form and int(form["low"]) < int(form["high"]):
        return Threshold(int(form["low"]), int(form["high"]))
    raise Invalid("response_threshold_ms", "must be like '> 2000', '< 50' or '200-3000'")
