"""`tickd next`: what a schedule means."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from tickd.clock import SystemClock
from tickd.domain import cron


@click.command("next", short_help="Show when a schedule fires.")
@click.argument("schedule")
@click.option("--timezone", default="UTC", show_default=True, help="An IANA time zone.")
@click.option("--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many times.")
def upcoming(schedule: str, timezone: str, count: int) -> None:
    """Show what SCHEDULE means in words, and when it fires next, in its zone and in UTC."""
    expression = cron.parse(schedule).expression
    zone = cron.zone(timezone)
    click.echo(f"{cron.describe(expression)} ({zone.key})")
    moment = SystemClock().now()
    for _ in range(count):
        moment = cron.next_after(expression, zone.key, moment)
        when = datetime.fromtimestamp(moment / 1000, UTC)
        click.echo(f"{when.astimezone(zone):%a %Y-%m-%d %H:%M:%S %z}  {when:%Y-%m-%dT%H:%M:%SZ}")
