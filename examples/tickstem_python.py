"""The Tickstem SDK for Python, pointed at tickd. Needs `pip install tickstem` and TICKD_API_KEY."""

import os
import sys

from tickstem import APIError, CronClient, CronRegisterParams


def main() -> None:
    """Register a job, look at it and its runs, pause and resume it, delete it."""
    key = os.environ.get("TICKD_API_KEY") or sys.exit("Set TICKD_API_KEY to a key of tickd.")
    url = os.environ.get("TICKD_URL", "http://127.0.0.1:8090")
    endpoint = os.environ.get("ENDPOINT", "http://127.0.0.1:3000/")
    with CronClient(key, base_url=f"{url}/v1") as client:
        job = client.register(
            CronRegisterParams(name="sdk-job", schedule="*/5 * * * *", endpoint=endpoint, timeout_secs=20)
        )
        print(f"registered {job.id}, next run {job.next_run_at}")

        again = client.register(CronRegisterParams(name="sdk-job", schedule="0 * * * *", endpoint=endpoint))
        print(f"registered again: the same job is {again.id == job.id}, schedule {again.schedule}")

        changed = CronRegisterParams(name="sdk-job", schedule="30 2 * * *", endpoint=endpoint)
        print(f"changed: {client.update(job.id, changed).schedule}")
        print(f"jobs: {', '.join(one.name for one in client.list())}")
        print(f"paused: {client.pause(job.id).status}, resumed: {client.resume(job.id).status}")
        for run in client.executions(job.id):
            print(f"{run.triggered_at} {run.status} {run.status_code} {run.duration_ms} ms")

        client.delete(job.id)
        try:
            client.get(job.id)
        except APIError as error:
            print(f"deleted: {error.status} {error}")


if __name__ == "__main__":
    try:
        main()
    except APIError as error:
        sys.exit(f"tickd answers {error.status}: {error}")
