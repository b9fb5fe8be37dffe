"""The supervision loop: twice in each period of the service manager's watchdog, once a minute without one."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.supervision import Supervision


def loop(supervision: Supervision, clock: Clock) -> Loop:
    """Ticks while a service manager listens; without one it sleeps for ever."""
    return Loop("supervision", supervision.tick, clock)
