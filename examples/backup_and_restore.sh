#!/bin/sh
# A drill: makes a backup of the database, puts it back elsewhere, looks at it, and cleans up. The daemon may run.
set -eu
tickd=${TICKD:-tickd}
db=${TICKD_DB:-tickd.db}
drill=$(mktemp -d)
trap 'rm -rf "$drill"' EXIT

echo "--- back it up"
made=$("$tickd" backup "$drill/backup.db" --db "$db")
echo "$made"

echo "--- put it back, into a database of its own"
"$tickd" restore "$drill/backup.db" --db "$drill/restored.db" --yes

echo "--- is it sound, and does it hold the same?"
again=$("$tickd" backup "$drill/again.db" --db "$drill/restored.db")
test "${made#*checked: }" = "${again#*checked: }"
"$tickd" doctor --full --json --db "$drill/restored.db" > "$drill/doctor.json" || true
grep -A 2 '"check": "integrity"' "$drill/doctor.json" | grep '"level": "ok"'

echo "the drill went well"
