#!/bin/sh
# How many alerts other settings would have sent, with curl alone.
# Needs TICKD_API_KEY; see README.md beside it.
set -eu

url="${TICKD_URL:-http://127.0.0.1:8090}"
endpoint="${ENDPOINT:-http://127.0.0.1:3000/}"
key="X-API-Key: ${TICKD_API_KEY:?make one with: tickd key create --name first --scope write}"

# What tickd answers. When it refuses, its sentence goes to standard error, and the script ends.
call() {
  said=$(curl -sS --fail-with-body -H "$key" "$@") || { printf '%s\n' "$said" >&2; exit 1; }
  printf '%s' "$said"
}

# A monitor that fails: no endpoint but a teapot answers 418. Two bad checks in a row are an incident.
monitor=$(call "$url/v1/monitors" \
  -d '{"name": "first-backtest", "url": "'"$endpoint"'", "expected_status_code": 418, "failure_threshold": 2}')
id=$(printf '%s' "$monitor" | sed 's/^{"id":"\([^"]*\)".*/\1/')

# Three checks, for a history.
for _ in 1 2 3; do
  checked=$(call -X POST "$url/v1/monitors/$id/check")
  printf '%s\n' "$checked" | sed 's/.*"error":"\([^"]*\)".*/checked: \1/'
done

# What if it took five? Nothing is changed by asking.
tested=$(call "$url/v1/monitors/$id/backtest" -d '{"days": 7, "failure_threshold": 5}')
printf '\nthe back-test:\n%s\n\n' "$tested"
# With jq: printf '%s' "$tested" | jq -r .summary
printf '%s\n' "$tested" | sed 's/^{"summary":"\([^"]*\)".*/in a sentence: \1/'

# Made for the example only.
call -X DELETE "$url/v1/monitors/$id"
