#!/usr/bin/env bash
# Runs a command and reports it: its start, its exit status, and the end of its output.
#   PING_URL=https://tickd.example.com/p/YOUR_TOKEN bash with_output.bash COMMAND...
rid="$(date +%s)-$$"
output=$(mktemp)
trap 'rm -f "$output"' EXIT

curl -fsS -m 10 -o /dev/null "$PING_URL/start?rid=$rid" || true
"$@" 2>&1 | tee "$output"
status=${PIPESTATUS[0]}
tail -c 10000 "$output" |
  curl -fsS -m 10 --retry 5 -o /dev/null --data-binary @- "$PING_URL/$status?rid=$rid" || true
exit "$status"
