#!/bin/sh
# A monitor with curl alone: first on tickd's own API, then on that of StatusRooster.
# Needs TICKD_API_KEY; see README.md beside it.
set -eu

url="${TICKD_URL:-http://127.0.0.1:8090}"
endpoint="${ENDPOINT:-http://127.0.0.1:3000/}"
key="X-API-Key: ${TICKD_API_KEY:?make one with: tickd key create --name first --scope admin}"

# What tickd answers. When it refuses, its sentence goes to standard error, and the script ends.
call() {
  said=$(curl -sS --fail-with-body -H "$key" "$@") || { printf '%s\n' "$said" >&2; exit 1; }
  printf '%s' "$said"
}

# Watch the address: every minute, 200 within two seconds, or it is down.
monitor=$(call "$url/v1/monitors" \
  -d '{"name": "first-monitor", "url": "'"$endpoint"'", "interval_secs": 60,
       "assertions": [{"source": "status_code", "comparison": "eq", "target": "200"},
                      {"source": "response_time", "comparison": "lt", "target": "2000"}]}')
printf 'the monitor:\n%s\n\n' "$monitor"

# The id of the monitor, out of the answer. With jq: id=$(printf '%s' "$monitor" | jq -r .id)
id=$(printf '%s' "$monitor" | sed 's/^{"id":"\([^"]*\)".*/\1/')

# It was checked at once, and will be every minute. Check it once more.
checked=$(call -X POST "$url/v1/monitors/$id/check")
printf 'checked now:\n%s\n\n' "$checked"
uptime=$(call "$url/v1/monitors/$id/uptime?days=7")
printf 'its uptime:\n%s\n\n' "$uptime"

# The same monitor, as a client of StatusRooster sees it, and its last check.
there=$(call "$url/api/v1/monitors/$id")
printf 'for StatusRooster:\n%s\n\n' "$there"
last=$(call "$url/api/v1/monitors/$id/checks?limit=1")
printf 'its last check there:\n%s\n\n' "$last"

# A badge for a README. It needs no key, as long as the monitor is public.
badge=$(curl -fsS "$url/badge/$id/status.svg")
printf 'its badge at %s says:\n%s\n\n' "$url/badge/$id/status.svg" \
  "$(printf '%s' "$badge" | sed 's/.*<title>\(.*\)<\/title>.*/\1/')"

# Made for the example only.
deleted=$(call -X DELETE "$url/api/v1/monitors/$id")
printf 'deleted:\n%s\n' "$deleted"
