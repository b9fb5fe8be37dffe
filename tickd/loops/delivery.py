"""The delivery loops: send what waits in the outbox, and look again at what was held back."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.delivery import Delivery
from tickd.services.incidents import Incidents


def loop(delivery: Delivery, clock: Clock) -> Loop:
    """Ticks when an alert is due, and when one is queued."""
    made = Loop("delivery", delivery.tick, clock)
    delivery.wake = made.wake
    return made


def safeguards(incidents: Incidents, clock: Clock) -> Loop:
    """Ticks at the end of a window or cooldown, and when a reminder or a publication is due."""
    made = Loop("incidents", incidents.tick, clock)
    incidents.wake = made.wake
    return made
