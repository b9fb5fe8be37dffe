"""The start with 50,000 jobs in the file: seconds until `/readyz` says ready, and what it keeps in memory.

Run it as `python -m tests.benchmarks.start`. It starts real `tickd serve` processes, one after the other;
beside them, on an empty file, so that what the jobs cost stands apart from the interpreter and its imports.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.support.process import Child, eventually, fill, query, spawned

JOBS = (0, 50_000)
ROUNDS = 5
ODD_MS = 3 * 86_400_000 + 12_345
"""When the jobs are due: no schedule has such a moment, so whoever planned again would be seen."""


def _rss_mib(child: Child) -> float:
    status = Path(f"/proc/{child.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def _started(db: Path) -> tuple[float, float, float]:
    """Seconds to ready, CPU seconds until then, MiB."""
    begun = time.perf_counter()
    with spawned(db) as child:
        child.await_greeting(60)
        eventually(lambda: child.call("GET", "/readyz").status == 200)
        ready = time.perf_counter() - begun
        fields = Path(f"/proc/{child.process.pid}/stat").read_text().rpartition(")")[2].split()
        cpu = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        rss = _rss_mib(child)
        assert child.stop()[0] == 0
    return ready, cpu, rss


def main() -> None:
    """Fill the files, start each a few times, print the medians."""
    print("{:>8} {:>16} {:>12} {:>8} {:>10}".format("jobs", "ready, median", "worst", "CPU s", "RSS MiB"))
    for count in JOBS:
        with tempfile.TemporaryDirectory() as folder:
            db, due_at = Path(folder, "tickd.db"), time.time_ns() // 1_000_000 + ODD_MS
            asyncio.run(fill(db, count, due_at=due_at))
            rounds = [_started(db) for _ in range(ROUNDS)]
            planned = query(db, "SELECT count(*) FROM jobs WHERE next_run_at = ?", due_at)
            assert planned == [(count,)], "a start planned again"
        ready, cpu, rss = (median(figures) for figures in zip(*rounds, strict=True))
        worst = max(round_[0] for round_ in rounds)
        print(f"{count:8,} {ready:14.2f} s {worst:10.2f} s {cpu:8.2f} {rss:10.0f}")


if __name__ == "__main__":
    main()
