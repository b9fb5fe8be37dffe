#!/bin/sh
# From a job to its runs, with curl alone. Needs TICKD_API_KEY; see README.md beside it.
set -eu

url="${TICKD_URL:-http://127.0.0.1:8090}"
endpoint="${ENDPOINT:-http://127.0.0.1:3000/}"
key="Authorization: Bearer ${TICKD_API_KEY:?make one with: tickd key create --name first --scope admin}"

# What tickd answers. When it refuses, its sentence goes to standard error, and the script ends.
call() {
  said=$(curl -sS --fail-with-body -H "$key" "$@") || { printf '%s\n' "$said" >&2; exit 1; }
  printf '%s' "$said"
}

# Register it. Run this script as often as you like: the name stays one job.
job=$(call "$url/v1/jobs" \
  -d '{"name": "first-job", "schedule": "* * * * *", "method": "GET", "endpoint": "'"$endpoint"'"}')
printf 'the job:\n%s\n\n' "$job"

# The id of the job, out of the answer. With jq: id=$(printf '%s' "$job" | jq -r .id)
id=$(printf '%s' "$job" | sed 's/^{"id":"\([^"]*\)".*/\1/')

# It fires when the minute is over. Don't wait: run it now.
triggered=$(call -X POST "$url/v1/jobs/$id/trigger")
printf 'triggered:\n%s\n\n' "$triggered"
sleep 1

runs=$(call "$url/v1/jobs/$id/executions?limit=3")
printf 'its runs, newest first:\n%s\n' "$runs"
