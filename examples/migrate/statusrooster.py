"""Copies the monitors of an account at StatusRooster to tickd, whose API takes them as they come.

Runs on Python alone. ROOSTER_API_KEY is a key of that account, and ROOSTER_URL is https://statusrooster.com
unless set; TICKD_API_KEY and TICKD_URL are tickd's. What is there already, by type and name, is passed over:
it may be run again. Of heartbeats it prints the new ping URL beside the old one.
"""

import http.client
import json
import os
import sys
import urllib.error
import urllib.request

THERE = os.environ.get("ROOSTER_URL", "https://statusrooster.com").rstrip("/")
HERE = os.environ.get("TICKD_URL", "http://127.0.0.1:8090").rstrip("/")
# What it is, and not what it is made with; of a heartbeat the url is the ping URL.
ANSWERED = ("id", "status", "uptime_percent", "checks_total", "checks_failed", "created_at", "url", "slug")


def call(base: str, key: str, body: dict[str, object] | None = None) -> object:
    """The data of an answer; its sentence ends the program where it is an error."""
    raw = None if body is None else json.dumps(body).encode()
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    try:
        request = urllib.request.Request(f"{base}/api/v1/monitors", raw, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{base} answered {error.code}: {error.read(500).decode(errors='replace').strip()}")
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"{base} can't be reached: {getattr(error, 'reason', error)}")
    except ValueError as error:
        sys.exit(f"{base}: its address, the key or its answer is none: {error}")
    if not isinstance(said, dict) or "data" not in said:
        sys.exit(f"{base} answered what is not StatusRooster's: {str(said)[:100]}")
    return said["data"]


def made_with(one: dict[str, object]) -> dict[str, object]:
    """The body that makes such a monitor."""
    body = {name: value for name, value in one.items() if name not in ANSWERED and value is not None}
    if one["monitor_type"] in ("http", "json_api"):
        body["url"] = one["url"]
    return body


def main() -> None:
    """Copy what is not here yet."""
    theirs = os.environ.get("ROOSTER_API_KEY") or sys.exit("ROOSTER_API_KEY is not set")
    ours = os.environ.get("TICKD_API_KEY") or sys.exit("TICKD_API_KEY is not set")
    here = {(one["monitor_type"], one["name"]) for one in call(HERE, ours)}
    for one in call(THERE, theirs):
        if (one["monitor_type"], one["name"]) in here:
            print(f"{one['name']}: is here already")
            continue
        made = call(HERE, ours, made_with(one))
        print(f"{one['name']}: {one['id']} is {made['id']} here")
        if one["monitor_type"] == "heartbeat":
            print(f"  {one['ping_url']}\n  becomes {made['ping_url']}")


if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__.strip())
    elif sys.argv[1:]:
        print("give no arguments, but variables; --help says which", file=sys.stderr)
        sys.exit(2)
    else:
        main()
