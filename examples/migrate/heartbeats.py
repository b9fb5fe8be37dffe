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
MORE = "more"


def whole(name: str, text: str) -> int:
    """A whole number; ValueError says which one is none."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ValueError(f"{name} must be a whole number, not {text!r}")
    return int(text)


def heartbeat(row: dict[str, str]) -> dict[str, object]:
    """A heartbeat, out of what its row says."""
    said = {name: text.strip() for name, text in row.items() if text and text.strip()}
    made: dict[str, object] = {name: said[name] for name in TEXT if name in said}
    made |= {name: whole(name, said[name]) for name in WHOLE if name in said}
    if "grace_minutes" in said:
        made["grace_secs"] = whole("grace_minutes", said["grace_minutes"]) * 60
    if "allowed_ips" in said:
        made["allowed_ips"] = said["allowed_ips"].split()
    return made


def table(path: str, rows: "csv.DictReader[str]") -> dict[str, object]:
    """The heartbeats by their keys; what is wrong with a row ends the program."""
    found: dict[str, object] = {}
    columns = rows.fieldnames or ()
    unknown = set(columns) - {*WHOLE, *TEXT, *OTHERS}
    if unknown:
        sys.exit(f"{path}: has columns that are none of a heartbeat: {', '.join(sorted(map(repr, unknown)))}")
    if "name" not in columns:
        sys.exit(f"{path}: has no column name")
    for row in rows:
        where = f"{path}, line {rows.line_num}"
        key = re.sub(r"[^a-z0-9]+", "-", row["name"].lower()).strip("-")
        if MORE in row:
            sys.exit(f"{where}: has more cells than there are columns")
        if not key or key in found:
            sys.exit(f"{where}: {row['name']!r} is no name, or comes twice")
        try:
            found[key] = heartbeat(row)
        except ValueError as error:
            sys.exit(f"{where}: {error}")
    return found


def main(path: str) -> None:
    """Print the manifest."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            heartbeats = table(path, csv.DictReader(file, restkey=MORE, restval=""))
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}")
    except UnicodeDecodeError:
        sys.exit(f"{path}: is not UTF-8")
    except csv.Error as error:
        sys.exit(f"{path}: is no CSV: {error}")
    # JSON is YAML.
    print(json.dumps({"version": 1, "heartbeats": heartbeats}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__.strip())
    elif len(sys.argv) != 2:
        print("give one CSV file; --help says what is in it", file=sys.stderr)
        sys.exit(2)
    else:
        main(sys.argv[1])
