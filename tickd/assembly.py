"""Assembly: the parts of the daemon that settings shape, each made by one function."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tickd import __version__
from tickd.clock import Clock
from tickd.config import Settings
from tickd.outbound import references
from tickd.outbound.dns import Resolver
from tickd.outbound.exchanges import Exchanges
from tickd.outbound.guard import Guard
from tickd.outbound.http import HttpClient
from tickd.outbound.prober import Prober, Target
from tickd.outbound.senders import Senders
from tickd.services.backups import Plan
from tickd.services.health import Health
from tickd.services.network import OwnNetwork
from tickd.services.own_heartbeat import OwnHeartbeat
from tickd.services.verifying import Verifier
from tickd.services.witness import Witness

REACH_SECS = 1.0
"""How long a reference target gets to answer."""


def own_network(settings: Settings, resolver: Resolver, clock: Clock, witness: Witness) -> OwnNetwork:
    """What tells an outage of the daemon's own network from one of its targets."""
    named = settings.reference

    def targets() -> Sequence[str]:
        return () if "none" in named else named or references.defaults()

    # Its own guard: a gateway is a private address, whatever may be checked.
    prober = Prober(resolver, Guard(), user_agent="", clock=clock)

    async def reach(reference: str) -> bool:
        seen = await prober.probe(Target(kind="tcp", url=reference, timeout_secs=REACH_SECS))
        # A refusal is an answer too: somebody is there to refuse.
        return not seen.fault or seen.error.startswith("connection refused")

    return OwnNetwork(targets, reach, clock, witness)


def senders(settings: Settings, http: HttpClient, clock: Clock, base_url: Callable[[], str]) -> Senders:
    """What delivers alerts, of every kind."""
    return Senders(
        http,
        clock,
        smtp_url=settings.smtp_url,
        mail_from=settings.mail_from,
        base_url=base_url,
        unguarded=not settings.block_private_targets,
    )


def own_heartbeat(settings: Settings, resolver: Resolver, health: Health, clock: Clock) -> OwnHeartbeat:
    """What tells a heartbeat elsewhere that tickd is well."""
    # Its own guard: it is the operator who names this URL, and it may well be in the operator's own network.
    guard = Guard(allow=settings.allow_target)
    http = HttpClient(resolver, guard, user_agent=f"tickd/{__version__}", clock=clock)
    return OwnHeartbeat(settings.own_heartbeat_url, settings.own_heartbeat_secs, http, health, clock)


def backup_plan(settings: Settings) -> Plan | None:
    """When backups are made, where a directory for them is set."""
    if not settings.backup_dir:
        return None
    return Plan(
        settings.backup_dir,
        settings.backup_schedule,
        settings.backup_timezone,
        settings.backup_keep,
        settings.backup_keep_weeks,
    )


def verifier(settings: Settings, clock: Clock, *, most: int = 128) -> Verifier:
    """What decides about e-mail addresses, `most` of them at a time."""
    exchanges = Exchanges(settings.dns_server, most=most, clock=clock)
    return Verifier(exchanges, disposable=settings.disposable_domain, allowed=settings.allowed_domain)
