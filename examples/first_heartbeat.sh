#!/bin/sh
# A heartbeat with curl alone: made, pinged as a job would, and seen from every side.
# Needs TICKD_API_KEY; see README.md beside it.
set -eu

url="${TICKD_URL:-http://127.0.0.1:8090}"
key="X-API-Key: ${TICKD_API_KEY:?make one with: tickd key create --name first --scope admin}"

# What tickd answers. When it refuses, its sentence goes to standard error, and the script ends.
call() {
  said=$(curl -sS --fail-with-body -H "$key" "$@") || { printf '%s\n' "$said" >&2; exit 1; }
  printf '%s' "$said"
}

# Wait for a job that runs at two every night, and may take half an hour.
heartbeat=$(call "$url/v1/heartbeats" \
  -d '{"name": "first-heartbeat", "schedule": "0 2 * * *", "timezone": "Europe/Berlin", "grace_secs": 1800}')
printf 'the heartbeat:\n%s\n\n' "$heartbeat"

# Id and token, out of the answer. With jq: id=$(printf '%s' "$heartbeat" | jq -r .id)
id=$(printf '%s' "$heartbeat" | sed 's/.*"id":"\(hb_[^"]*\)".*/\1/')
token=$(printf '%s' "$heartbeat" | sed 's/.*"short_token":"\([^"]*\)".*/\1/')

# The job: it needs no key. A ping that fails must not fail the job.
ping="curl -fsS -m 10 --retry 5 -o /dev/null"
$ping "$url/p/$token/start?rid=first" || true
echo "42 files saved" | $ping --data-binary @- "$url/p/$token/0?rid=first" || true

pings=$(call "$url/v1/heartbeats/$id/pings")
printf 'its pings, newest first:\n%s\n\n' "$pings"
now=$(call "$url/v1/heartbeats/$id")
printf 'the heartbeat now:\n%s\n\n' "$now"

# A job that fails says so, and it is known at once.
$ping "$url/p/$token/1" || true
events=$(call "$url/v1/heartbeats/$id/events")
printf 'what changed it:\n%s\n\n' "$events"

# The same heartbeat, as a client of StatusRooster sees it.
there=$(call "$url/api/v1/monitors/$id")
printf 'for StatusRooster:\n%s\n\n' "$there"

# Made for the example only.
curl -fsS -X DELETE -H "$key" "$url/v1/heartbeats/$id"
printf 'deleted\n'
