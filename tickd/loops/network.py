"""The network loop: while our own network is lost, asks every second whether it is back."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops.runner import Loop
from tickd.services.network import OwnNetwork


def loop(network: OwnNetwork, clock: Clock) -> Loop:
    """Ticks while blind; sleeps until a check has reason to doubt."""
    made = Loop("network", network.tick, clock)
    network.wake = made.wake
    return made
