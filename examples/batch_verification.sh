#!/bin/sh
# A batch of e-mail addresses with curl alone: given at once, followed as it goes, read page by page, deleted.
# Needs TICKD_API_KEY; see README.md beside it.
set -eu

url="${TICKD_URL:-http://127.0.0.1:8090}"
key="X-API-Key: ${TICKD_API_KEY:?make one with: tickd key create --name first --scope admin}"

# What tickd answers. When it refuses, its sentence goes to standard error, and the script ends.
call() {
  said=$(curl -sS --fail-with-body -H "$key" "$@") || { printf '%s\n' "$said" >&2; exit 1; }
  printf '%s' "$said"
}

# Up to 1,000 addresses. Without the Prefer header the call waits, and answers with the results.
batch=$(call "$url/v1/verify/batch" -H "Prefer: respond-async" \
  -d '{"emails": ["someone@gmail.com", "info@gmail.com", "someone@gmial.com", "someone@@gmail.com"]}')
printf 'taken in:\n%s\n\n' "$batch"
id=$(printf '%s' "$batch" | sed 's/^{"id":"\([^"]*\)".*/\1/')

# What becomes of it, event by event; -N, so that curl shows each as it comes. The last one has the results.
echo "followed:"
curl -sS -N --fail-with-body -H "$key" "$url/v1/verify/batch/$id/events"

# The same later, some results at a time.
results=$(call "$url/v1/verify/batch/$id?limit=2&offset=2")
printf 'the last two:\n%s\n\n' "$results"

# Its results go with it, out of the history too.
call -X DELETE "$url/v1/verify/batch/$id"
echo "deleted"
