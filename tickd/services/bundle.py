"""What a face can call: one service a noun."""

from __future__ import annotations

from dataclasses import dataclass

from tickd.services.accounts import Accounts
from tickd.services.backtest import Backtests
from tickd.services.backups import Backups
from tickd.services.bulk import Bulk
from tickd.services.channels import Channels
from tickd.services.days import Days
from tickd.services.firing import Firing
from tickd.services.health import Health
from tickd.services.heartbeats import Heartbeats
from tickd.services.incidents import Incidents
from tickd.services.jobs import Jobs
from tickd.services.limits import Limits
from tickd.services.maintenance import Maintenance
from tickd.services.monitors import Monitors
from tickd.services.overview import Overview
from tickd.services.own_heartbeat import OwnHeartbeat
from tickd.services.status_pages import StatusPages
from tickd.services.users import Users
from tickd.services.verification import Verifications
from tickd.services.verification_batches import VerificationBatches


@dataclass(frozen=True, slots=True)
class Services:
    """All use cases, built by `app.py`."""

    accounts: Accounts
    users: Users
    jobs: Jobs
    monitors: Monitors
    backtests: Backtests
    heartbeats: Heartbeats
    incidents: Incidents
    channels: Channels
    maintenance: Maintenance
    status_pages: StatusPages
    days: Days
    overview: Overview
    bulk: Bulk
    firing: Firing
    health: Health
    limits: Limits
    verifications: Verifications
    verification_batches: VerificationBatches
    backups: Backups
    own_heartbeat: OwnHeartbeat
