"""The outbox as a whole: whether alerts wait that nothing holds back."""

from __future__ import annotations

from tickd.store.database import Database

# The next of its subject, on a lane that does not rest: only the delivery loop itself can be why it waits.
STUCK = (
    "SELECT count(*) FROM alerts LEFT JOIN lanes ON lanes.lane = alerts.lane "
    "WHERE alerts.state = 'queued' AND max(alerts.due_at, coalesce(lanes.retry_at, 0)) <= ? "
    "AND NOT EXISTS (SELECT 1 FROM alerts AS before WHERE before.state IN ('queued', 'retrying') "
    "AND before.lane = alerts.lane AND before.kind = alerts.kind AND before.subject = alerts.subject "
    "AND before.row < alerts.row)"
)

HELD = "SELECT count(*) FROM alerts WHERE state IN ('queued', 'retrying') AND due_at > ?"
FAILING_LANES = "SELECT count(*) FROM lanes WHERE attempts > 0"


async def stuck(db: Database, before: int) -> int:
    """How many alerts could have gone out `before` that moment (milliseconds), and were not tried."""
    row = await db.fetch_one(STUCK, (before,))
    return 0 if row is None else int(row[0])


async def held(db: Database, now: int) -> int:
    """How many alerts wait for their time."""
    row = await db.fetch_one(HELD, (now,))
    return 0 if row is None else int(row[0])


async def failing_lanes(db: Database) -> int:
    """How many channels and addresses have failed at their last attempt."""
    row = await db.fetch_one(FAILING_LANES)
    return 0 if row is None else int(row[0])
