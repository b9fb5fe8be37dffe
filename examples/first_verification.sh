#!/bin/sh
# E-mail addresses with curl alone: verified one by one, listed, exported, deleted.
# Needs TICKD_API_KEY; see README.md beside it.
set -eu

url="${TICKD_URL:-http://127.0.0.1:8090}"
key="X-API-Key: ${TICKD_API_KEY:?make one with: tickd key create --name first --scope admin}"

# What tickd answers. When it refuses, its sentence goes to standard error, and the script ends.
call() {
  said=$(curl -sS --fail-with-body -H "$key" "$@") || { printf '%s\n' "$said" >&2; exit 1; }
  printf '%s' "$said"
}

# One that is good, one that has a role, one that is a typo, one that is no address, one to be thrown away.
# Of all that only the names of the domains leave this machine, as questions to the name server.
for email in someone@gmail.com info@gmail.com someone@gmail.con someone@@gmail.com someone@mailinator.com; do
  verified=$(call "$url/v1/verify" -d '{"email": "'"$email"'"}')
  printf '%s\n' "$verified"
done

# The history, newest first: what is not valid of it.
bad=$(call "$url/v1/verify/history?valid=false&limit=5")
printf '\nnot valid:\n%s\n\n' "$bad"

# All of it as a file for a spreadsheet.
sheet=$(call "$url/v1/verify/history/export?format=csv")
printf 'as CSV:\n%s\n\n' "$sheet"

# Addresses are personal data: this removes what is kept of one person.
deleted=$(call -X DELETE "$url/v1/verify/history?email=someone@gmail.com")
printf 'deleted:\n%s\n' "$deleted"
