#!/bin/sh
# From a job to its runs, with curl alone. Needs TICKD_API_KEY; see README.md beside it.
set -eu

url="${TICKD_URL:-http://127.0.0.1:8090}"
endpoint="${ENDPOINT:-http://127.0.0.1:3000/}"
key="Authorization: Bearer ${TICKD_API_KEY:?make one with: tickd key create --name first --scope admin}"

# Register it. Run this script as often as you like: the name stays one job.
job=$(curl -fsS "$url/v1/jobs" -H "$key" \
  -d '{"name": "first-job", "schedule": "* * * * *", "endpoint": "'"$endpoint"'"}')
printf 'the job:\n%s\n\n' "$job"

# The id of the job, out of the answer. With jq: id=$(printf '%s' "$job" | jq -r .id)
id=$(printf '%s' "$job" | sed 's/^{"id":"\([^"]*\)".*/\1/')

# It fires when the minute is over. Don't wait: run it now.
printf 'triggered:\n%s\n\n' "$(curl -fsS -X POST "$url/v1/jobs/$id/trigger" -H "$key")"
sleep 1

printf 'its runs, newest first:\n%s\n' "$(curl -fsS "$url/v1/jobs/$id/executions?limit=3" -H "$key")"
