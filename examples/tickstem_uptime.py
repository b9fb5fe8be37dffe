"""Monitors with the Tickstem SDK for Python. Needs `pip install tickstem` and TICKD_API_KEY."""

import os
import sys
import time

from tickstem import APIError, Assertion, UptimeClient, UptimeCreateParams, UptimeUpdateParams


def main() -> None:
    """Make a monitor, look at it and its checks, change, pause and resume it, delete it."""
    key = os.environ.get("TICKD_API_KEY") or sys.exit("Set TICKD_API_KEY to a key of tickd.")
    url = os.environ.get("TICKD_URL", "http://127.0.0.1:8090")
    endpoint = os.environ.get("ENDPOINT", "http://127.0.0.1:3000/")
    with UptimeClient(key, base_url=f"{url}/v1") as client:
        monitor = client.create(
            UptimeCreateParams(
                name="sdk-monitor",
                url=endpoint,
                interval_secs=60,
                assertions=[
                    Assertion(source="status_code", comparison="eq", target="200"),
                    Assertion(source="response_time", comparison="lt", target="2000"),
                ],
            )
        )
        print(f"made {monitor.id}, {monitor.status}, every {monitor.interval_secs} s")

        # The first check begins at once.
        until = time.monotonic() + 10
        while not (checks := client.checks(monitor.id, limit=5)) and time.monotonic() < until:
            time.sleep(0.1)
        for check in checks:
            print(f"checked: {check.status} {check.status_code} in {check.duration_ms} ms {check.error}")

        print(f"monitors: {', '.join(one.name for one in client.list())}")
        print(f"next check at {client.get(monitor.id).next_check_at}")
        slower = client.update(monitor.id, UptimeUpdateParams(interval_secs=300, timeout_secs=30))
        print(f"changed: every {slower.interval_secs} s, {slower.timeout_secs} s at most")
        paused = client.update(monitor.id, UptimeUpdateParams(status="paused"))
        resumed = client.update(monitor.id, UptimeUpdateParams(status="active"))
        print(f"paused: {paused.status}, resumed: {resumed.status}")

        client.delete(monitor.id)
        try:
            client.get(monitor.id)
        except APIError as error:
            print(f"deleted: {error.status} {error}")


if __name__ == "__main__":
    try:
        main()
    except APIError as error:
        sys.exit(f"tickd answers {error.status}: {error}")
