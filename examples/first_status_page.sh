#!/bin/sh
# A status page with curl alone: made, read as everybody reads it, deleted.
# Needs TICKD_API_KEY; see README.md beside it.
set -eu

url="${TICKD_URL:-http://127.0.0.1:8090}"
key="X-API-Key: ${TICKD_API_KEY:?make one with: tickd key create --name first --scope admin}"

# What tickd answers. When it refuses, its sentence goes to standard error, and the script ends.
call() {
  said=$(curl -sS --fail-with-body -H "$key" "$@") || { printf '%s\n' "$said" >&2; exit 1; }
  printf '%s' "$said"
}

# The id of what was made, out of the answer. With jq: jq -r .id
id_of() {
  printf '%s' "$1" | sed 's/^{"id":"\([^"]*\)".*/\1/'
}

# Something to show: a heartbeat that fails, and what people are told of it.
beat=$(call "$url/v1/heartbeats" -d '{"name": "first-backup", "interval_secs": 3600, "tags": ["first"]}')
token=$(printf '%s' "$beat" | sed 's/.*"token":"\([^"]*\)".*/\1/')
curl -fsS "$url/p/$token/fail" -d "no space left on /dev/sdb" > /dev/null
incident=$(call "$url/v1/incidents?subject=$(id_of "$beat")" | grep -o 'inc_[0-9a-z]*' | head -n 1)
call "$url/v1/incidents/$incident/updates" \
  -d '{"status": "identified", "message": "The disk is full. We make room."}' > /dev/null

# A public page with a group for what has that tag. Without groups it would show everything.
page=$(call "$url/v1/status-pages" \
  -d '{"slug": "first-status-page", "title": "First status page", "visibility": "public",
       "accent_color": "#2456a6", "groups": [{"name": "Backups", "tags": ["first"]}]}')
printf 'the page:\n%s\n\n' "$page"

# Nobody needs a key for any of these. In a browser, the first is the page itself.
printf 'it is at:\n%s\n\n' "$url/status/first-status-page"
printf 'its banner, out of its JSON:\n'
curl -fsS "$url/status/first-status-page.json" | grep -o '"banner":"[^"]*"'
printf '\nits feed:\n'
curl -fsS "$url/status/first-status-page/rss" | grep '<title>'
printf '\nits badge:\n'
curl -fsS "$url/status/first-status-page/badge.svg" | sed 's/.*<title>\(.*\)<\/title>.*/\1/'

# Made for the example only.
call -X DELETE "$url/v1/status-pages/$(id_of "$page")"
call -X DELETE "$url/v1/heartbeats/$(id_of "$beat")"
printf '\ndeleted\n'
