"""The table of loops: all that a daemon runs."""

from __future__ import annotations

from tickd.clock import Clock
from tickd.loops import (
    accounts,
    backup,
    cron,
    days,
    delivery,
    expiry,
    history,
    network,
    own_heartbeat,
    supervision,
    upkeep,
    uptime,
    witness,
)
from tickd.loops.runner import Loop
from tickd.services.bundle import Services
from tickd.services.supervision import Supervision
from tickd.services.suspensions import Suspensions
from tickd.services.upkeep import Upkeep


def loops_of(
    services: Services, keeper: Upkeep, suspensions: Suspensions, watched: Supervision, clock: Clock
) -> tuple[Loop, ...]:
    """Every loop, the witness last: it wakes the others when the clock has stepped."""
    health = services.health
    workers = (
        cron.loop(services.firing, clock),
        uptime.loop(health.checking, clock),
        expiry.callbacks(services.firing, clock),
        expiry.loop(health.expiry, clock),
        delivery.loop(health.delivery, clock),
        delivery.safeguards(services.incidents, clock),
        history.loop(health.history, clock),
        network.loop(health.network, clock),
        upkeep.loop(keeper, clock),
        days.loop(services.days, clock),
        accounts.loop(suspensions, clock),
        backup.loop(services.backups, clock),
        own_heartbeat.loop(services.own_heartbeat, clock),
        supervision.loop(watched, clock),
    )
    return (*workers, witness.loop(health.witness, clock, workers))
