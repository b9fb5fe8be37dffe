"""What a scrape costs with 30,000 monitors: milliseconds, CPU, bytes; of the daemon and of each subject.

Run it as `python -m tests.benchmarks.metrics`. The daemon is a real `tickd serve` on loopback whose monitors
are due once a day. Beside the scrapes, in the same run, `/healthz`: what any answer costs.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.support.process import Child, spawned
from tickd.domain import monitors as rules
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.store import monitors
from tickd.store.database import Database

MONITORS = 30_000
PATHS = (("/healthz", 200), ("/readyz", 50), ("/metrics", 50), ("/v1/metrics", 5))


async def _fill(db: Path) -> None:
    now = time.time_ns() // 1_000_000
    database = await Database.open(str(db), readers=0)

    def insert(tx: sqlite3.Connection) -> None:
        for number in range(MONITORS):
            spec = rules.MonitorCreation(
                name=f"monitor {number}", url=f"http://127.0.0.1:9/{number}", interval_secs=86_400
            )
            made = rules.create(spec, identifier=f"mon_{number:016d}", account_id=DEFAULT_ACCOUNT, now=now)
            monitors.insert(tx, made)

    try:
        await database.write(insert)
    finally:
        await database.close()


def _cpu(child: Child) -> float:
    fields = Path(f"/proc/{child.process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Fill a file, ask for each page again and again, print the table."""
    print("{:<14} {:>12} {:>12} {:>12} {:>12}".format("page", "median ms", "worst ms", "CPU ms", "bytes"))
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder, "tickd.db")
        asyncio.run(_fill(db))
        with spawned(db) as child:
            child.await_greeting(60)
            for path, rounds in PATHS:
                took, size, cpu = [], 0, _cpu(child)
                for _ in range(rounds):
                    begun = time.perf_counter()
                    size = len(str(child.call("GET", path, timeout=60).json))
                    took.append((time.perf_counter() - begun) * 1000)
                spent = (_cpu(child) - cpu) / rounds * 1000
                print(f"{path:<14} {median(took):12.1f} {max(took):12.1f} {spent:12.1f} {size:12,}")
            child.stop()


if __name__ == "__main__":
    main()
