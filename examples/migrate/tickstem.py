"""Reads what an account at Tickstem has, and prints it as a manifest for `tickd apply`.

Runs on Python alone, and only reads. TICKSTEM_API_KEY is a key of that account; TICKSTEM_URL is
https://api.tickstem.dev/v1 unless set. What can't be brought along is told on standard error.
"""

import http.client
import json
import os
import re
import sys
import urllib.error
import urllib.request

URL = os.environ.get("TICKSTEM_URL", "https://api.tickstem.dev/v1").rstrip("/")
JOB = ("description", "schedule", "endpoint", "method", "headers", "body", "timeout_secs")
MONITOR = ("name", "url", "interval_secs", "timeout_secs", "assertions")
HEARTBEAT = ("name", "token", "interval_secs", "grace_secs")


def listed(noun: str, key: str) -> list[dict[str, object]]:
    """All jobs, monitors or heartbeats of the account."""
    try:
        request = urllib.request.Request(f"{URL}/{noun}", headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{URL}/{noun} answered {error.code}: {error.read(500).decode(errors='replace').strip()}")
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"{URL} can't be reached: {getattr(error, 'reason', error)}")
    except ValueError as error:
        sys.exit(f"{URL}: its address, the key or its answer is none: {error}")
    if not isinstance(said, dict) or noun not in said:
        sys.exit(f"{URL}/{noun} answered what is not Tickstem's: {str(said)[:100]}")
    found = said[noun] or []
    if said.get("total", len(found)) > len(found):
        print(f"{noun}: only {len(found)} of {said['total']} were listed", file=sys.stderr)
    return found


def taken(one: dict[str, object], fields: tuple[str, ...]) -> dict[str, object]:
    """Those of its fields that were answered, and that it is paused."""
    kept = {name: one[name] for name in fields if one.get(name) not in (None, "", [], {})}
    return kept | ({"status": "paused"} if one["status"] == "paused" else {})


def slug(name: str, known: dict[str, object]) -> str:
    """A key for a name: unlike a job's, the names of monitors and heartbeats may come twice."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-") or "unnamed"
    number, key = 1, plain
    while key in known:
        number += 1
        key = f"{plain}-{number}"
    return key


def main() -> None:
    """Print the manifest."""
    key = os.environ.get("TICKSTEM_API_KEY") or sys.exit("TICKSTEM_API_KEY is not set")
    jobs: dict[str, object] = {}
    for one in listed("jobs", key):
        jobs[str(one["name"])] = taken(one, JOB)
        if "headers" not in one:
            print(f"job {one['name']}: its headers were not answered; add them by hand", file=sys.stderr)
    monitors: dict[str, object] = {}
    for one in listed("monitors", key):
        monitors[slug(str(one["name"]), monitors)] = taken(one, MONITOR)
    heartbeats: dict[str, object] = {}
    for one in listed("heartbeats", key):
        heartbeats[slug(str(one["name"]), heartbeats)] = taken(one, HEARTBEAT)
    # JSON is YAML.
    manifest = {"version": 1, "monitors": monitors, "heartbeats": heartbeats, "jobs": jobs}
    print(json.dumps(manifest, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__.strip())
    elif sys.argv[1:]:
        print("give no arguments, but variables; --help says which", file=sys.stderr)
        sys.exit(2)
    else:
        main()
