"""Heartbeats with the Tickstem SDK for Python. Needs `pip install tickstem` and TICKD_API_KEY."""

import os
import sys

from tickstem import APIError, HeartbeatClient, HeartbeatCreateParams


def main() -> None:
    """Make a heartbeat, ping it as a job would, look at it, pause and resume it, delete it."""
    key = os.environ.get("TICKD_API_KEY") or sys.exit("Set TICKD_API_KEY to a key of tickd.")
    url = os.environ.get("TICKD_URL", "http://127.0.0.1:8090")
    with HeartbeatClient(key, base_url=f"{url}/v1") as client:
        # Without grace_secs the SDK asks for none at all.
        wanted = HeartbeatCreateParams(name="sdk-heartbeat", interval_secs=86_400, grace_secs=3600)
        heartbeat = client.create(wanted)
        print(f"made {heartbeat.id}, {heartbeat.status}, every {heartbeat.interval_secs} s")

        # What the job does at its end; the token is all that it needs.
        print(f"pinged: {client.ping(heartbeat.token)}")

        seen = client.get(heartbeat.id)
        print(f"last ping {seen.last_pinged_at}, the next one by {seen.next_expected_at}")
        print(f"pings: {len(client.pings(heartbeat.id, limit=5))}")
        print(f"heartbeats: {', '.join(one.name for one in client.list())}")
        paused = client.pause(heartbeat.id)
        said = client.ping(heartbeat.token)
        resumed = client.resume(heartbeat.id)
        print(f"paused: {paused.status}, pinged: {said}, resumed: {resumed.status}")

        client.delete(heartbeat.id)
        try:
            client.get(heartbeat.id)
        except APIError as error:
            print(f"deleted: {error.status} {error}")


if __name__ == "__main__":
    try:
        main()
    except APIError as error:
        sys.exit(f"tickd answers {error.status}: {error}")
