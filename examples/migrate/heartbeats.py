"""Makes a manifest for `tickd apply` of a table of heartbeats: for services that have no API to list them.

`python heartbeats.py FILE` reads a CSV file. Its columns are fields of a heartbeat, as many as you like:
`name`, `schedule` (cron, or 30m, 6h, 7d) or `interval_secs`, `timezone`, `grace_secs` or `grace_minutes` or
`grace_multiplier`, `token` (to keep a ping URL's), and `allowed_ips` with blanks in between.
"""

import csv
import json
import re
import sys

WHOLE = ("interval_secs", "grace_secs", "grace_multiplier", "failure_threshold")
TEXT = ("name", "schedule", "timezone", "token", "severity", "alert_email")
OTHERS = ("grace_minutes", "allowed_ips")


def heartbeat(row: dict[str, str]) -> dict[str, object]:
    """A heartbeat, out of what its row says."""
    said = {name: text.strip() for name, text in row.items() if text and text.strip()}
    made: dict[str, object] = {name: said[name] for name in TEXT if name in said}
    made |= {name: int(said[name]) for name in WHOLE if name in said}
    if "grace_minutes" in said:
        made["grace_secs"] = int(said["grace_minutes"]) * 60
    if "allowed_ips" in said:
        made["allowed_ips"] = said["allowed_ips"].split()
    return made


def main(path: str) -> None:
    """Print the manifest."""
    heartbeats: dict[str, object] = {}
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        unknown = set(rows.fieldnames or ()) - {*WHOLE, *TEXT, *OTHERS}
        if unknown or "name" not in (rows.fieldnames or ()):
            sys.exit(f"{path}: no column name, or columns that are none: {', '.join(sorted(unknown))}")
        for row in rows:
            key = re.sub(r"[^a-z0-9]+", "-", row["name"].lower()).strip("-")
            if not key or key in heartbeats:
                sys.exit(f"{path}, line {rows.line_num}: {row['name']!r} is no name, or comes twice")
            heartbeats[key] = heartbeat(row)
    # JSON is YAML.
    print(json.dumps({"version": 1, "heartbeats": heartbeats}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1])
