"""What each event of an alert is called on every page: in the form of a channel, in lists and timelines."""

from __future__ import annotations

from collections.abc import Mapping

from tickd.domain.alerts import Event

EVENTS: Mapping[Event, str] = {
    "down": "Down",
    "recovered": "Recovered",
    "degraded": "Degraded",
    "certificate": "Certificate",
    "job_failed": "Job failed",
    "reminder": "Reminder",
    "blind": "Blind time",
    "delivery": "Channel failing",
    "test": "Test",
}
"""Each event in one or two words."""
MEANINGS: Mapping[Event, str] = {
    "down": "a monitor or heartbeat fails",
    "recovered": "what failed is well again",
    "degraded": "a monitor is slow, a heartbeat says so",
    "certificate": "one expires soon",
    "job_failed": "a run failed, timed out or was missed",
    "reminder": "it still fails",
    "blind": "a time in which tickd could not see is over",
    "delivery": "another channel takes nothing",
    "test": "the test button",
}
"""When it comes, for whoever chooses."""
