"""A host that loses its network and gets it back: `unshare -rn python -m tests.process.lost_network FOLDER`.

It must run in a network namespace of its own, whose loopback interface it gives addresses that are not
loopback ones: what is watched, what takes the alerts, and the reference that tickd asks. It takes them away,
and gives them back.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from tests.process.alert_kills import Delivery, Taker, taking
from tests.process.pinger import beat, events, moment, ping
from tests.process.pinger import shown as heard
from tests.process.test_checking import checks, shown, watch
from tests.support.process import Child, eventually, query, served

WATCHED, TOLD, REFERENCE = ADDRESSES = ("10.99.0.2", "10.99.0.3", "10.99.0.9")
SLACK_MS = 2_500
"""The blind time begins when the world was last seen, and ends when it is asked for again: each a second."""
QUIET_SECS = 2.5


def network(there: bool) -> tuple[int, int]:
    """Give the host its addresses, or take them away; when that began and ended (milliseconds).

    The reference comes last and goes first: whoever is away while it answers has failed by itself.
    """
    begun = time.time_ns() // 1_000_000
    action, addresses = ("add", ADDRESSES) if there else ("del", ADDRESSES[::-1])
    orders = "".join(f"address {action} {address}/32 dev lo\n" for address in addresses)
    subprocess.run(["ip", "-batch", "-"], input=orders, text=True, check=True)
    return begun, time.time_ns() // 1_000_000


def is_blind(tickd: Child) -> bool:
    """Whether it says that its own network is lost."""
    return tickd.metrics()["tickd_blind"] == 1


def told(taker: Taker) -> list[Delivery]:
    """What its channel was told."""
    return [one for one in taker.deliveries if one.path == "/told/channel"]


def lose(
    tickd: Child, taker: Taker, monitors: list[str], silent: dict[str, str]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Take the network away until checks have failed and a deadline has passed; when it went and came."""
    going = network(there=False)
    eventually(lambda: is_blind(tickd))
    due_at = moment(str(heard(tickd, silent)["next_expected_at"]))
    eventually(lambda: time.time() * 1000 > due_at + 1000)
    for one in monitors:
        eventually(lambda one=one: [each["status"] for each in checks(tickd, one)][-2:] == ["unknown"] * 2)  # type: ignore[misc]
        assert shown(tickd, one)["status"] == "active"
    assert told(taker) == []
    return going, network(there=True)


def main(folder: str) -> None:
    """Lose the network, get it back, and see what was told of it."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    network(there=True)
    db = Path(folder, "tickd.db")
    with (
        taking(WATCHED, TOLD) as taker,
        closing(socket.create_server((REFERENCE, 0), backlog=512)) as reference,
        served(db, min_interval_secs=1, reference=f"{REFERENCE}:{reference.getsockname()[1]}") as tickd,
    ):
        hook = {"name": "programs", "kind": "webhook", "url": taker.hooks + "/told/channel"}
        assert tickd.call("POST", "/v1/channels", hook).status == 201
        monitors = [watch(tickd, f"{taker.url}/watched/{number}") for number in range(3)]
        silent = beat(tickd, name="silent", interval_secs=4, grace_secs=0, failure_threshold=1)
        reference.settimeout(10)
        reference.accept()[0].close()
        for one in monitors:
            eventually(lambda one=one: shown(tickd, one)["state"] == "up")  # type: ignore[misc]
        ping(tickd, silent)
        going, coming = lose(tickd, taker, monitors, silent)
        eventually(lambda: not is_blind(tickd))
        for one in monitors:
            eventually(lambda one=one: checks(tickd, one)[-1]["status"] == "up")  # type: ignore[misc]
        (notice,) = eventually(lambda: told(taker))
        assert notice.said["event"] == "tickd.blind"
        since, until = moment(notice.said["since"]), moment(notice.said["until"])
        assert going[0] - SLACK_MS <= since <= going[1] + 1000, (going, since)
        assert coming[0] <= until <= coming[1] + SLACK_MS, (coming, until)
        # The deadline that passed meanwhile was put off, and whoever pings now was never missed.
        kinds = [one["kind"] for one in eventually(lambda: events(tickd, silent))]
        assert kinds == ["moved"], kinds
        ping(tickd, silent)
        time.sleep(QUIET_SECS)
        assert query(db, "SELECT * FROM incidents") == []
        assert query(db, "SELECT event, state FROM alerts") == [("blind", "sent")]
        assert [one.message for one in told(taker)] == [notice.message]
        # What fails from now on is the target's own.
        taker.statuses["/watched/0"] = 500
        eventually(lambda: [one.said["event"] for one in told(taker)] == ["tickd.blind", "monitor.down"])
        assert tickd.stop()[0] == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
