"""The own heartbeat loop: one ping a period, where the daemon has been given somewhere to send it."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.own_heartbeat import OwnHeartbeat


def loop(heartbeat: OwnHeartbeat, clock: Clock) -> Loop:
    """Ticks every period, and a few seconds after it has first seen something wrong."""
    return Loop("own_heartbeat", heartbeat.tick, clock)
