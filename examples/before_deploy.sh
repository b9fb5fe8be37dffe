#!/bin/sh
# Before a deployment: look how everything is, run the backup job and wait for its end, check the shop.
# Goes on with what comes behind it only where all of that went well, and says what to do where it did not.
#
#   TICKD_API_KEY=… sh examples/before_deploy.sh && ./deploy.sh
set -u
tickd=${TICKD:-tickd}
backup=${BACKUP_JOB:-nightly dump}
shop=${SHOP_MONITOR:-shop}

$tickd status --quiet
case $? in
  0) echo "all is well" ;;
  5) $tickd status; echo "something fails already: no deployment now" >&2; exit 5 ;;
  3) echo "tickd can't be reached: nobody would notice a failure" >&2; exit 3 ;;
  *) exit 1 ;;
esac

if ! $tickd jobs run "$backup" --wait; then
  echo "the backup did not succeed; its runs:" >&2
  $tickd jobs runs "$backup" --limit 3 >&2
  exit 5
fi

$tickd monitors check "$shop" || exit
# How many jobs run, out of the lines with tabs that a pipe gets.
echo "$($tickd jobs list --no-header | cut -f 2 | grep -cv paused) jobs are active"
