#!/bin/sh
# A file of e-mail addresses, verified on this machine: no daemon, no key.
# Needs the command tickd, or its path in TICKD; see README.md beside it.
set -eu

tickd="${TICKD:-tickd}"
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

cat > "$folder/people.csv" <<'END'
name;email;city
"Lovelace, Ada";someone@gmail.com;London
Bob;bob@@gmail.com;Berlin
Cleo;cleo@mailinator.com;Paris
END

# Status 3 means that all is written, but nothing could be found out about some of them.
status=0
"$tickd" verify "$folder/people.csv" || status=$?
[ "$status" -eq 0 ] || [ "$status" -eq 3 ] || exit "$status"

cat "$folder/people.verified.csv"
