"""For `.ci/build`: what is in the packages, and how quickly the programs start. Needs nothing but Python.

packages.py contents SOURCE WHEEL ARCHIVE    ends with a sentence when something is missing, or too much
packages.py starts COUNT PROGRAM...          the medians of so many starts of each
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

NEEDED = ("tickd/py.typed", "tickd/store/migrations/", "tickd/templates/", "tickd/static/vendor/", "LICENSE")
BESIDE = ("docs/install.md", "examples/tickd.toml", "tests/conftest.py", "README.md", "pyproject.toml")


def contents(source: str, wheel: str, archive: str) -> None:
    """Compare what the packages hold with the tree they were made from."""
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(archive) as opened:
        in_archive = {name.partition("/")[2] for name in opened.getnames()}
    files = (path for path in Path(source, "tickd").rglob("*") if path.is_file())
    ours = {str(path.relative_to(source)) for path in files if "__pycache__" not in path.parts}
    missing = sorted(ours - in_wheel) + sorted(ours - in_archive)
    for name in NEEDED:
        missing += [] if any(name in held for held in in_wheel) else [name]
        missing += [] if any(name in held for held in in_archive) else [name]
    missing += [name for name in BESIDE if name not in in_archive]
    stray = [name for name in in_wheel if not name.startswith(("tickd/", "tickd-"))]
    if missing or stray:
        sys.exit(f"missing in the packages: {missing[:9]}; not wanted in the wheel: {stray[:9]}")
    print(f"the wheel has {len(in_wheel)} files, the source archive {len(in_archive)}")


def starts(count: int, programs: list[str]) -> None:
    """Print for each the seconds until `--version` has ended, and until /healthz has answered."""
    for program in programs:
        versions = [_version(program) for _ in range(count)]
        serves = [_serve(program) for _ in range(count)]
        print(
            f"{os.path.relpath(program):<48.48} --version {statistics.median(versions):.2f} s"
            f"   serve, to /healthz {statistics.median(serves):.2f} s"
        )


def _version(program: str) -> float:
    began = time.perf_counter()
    subprocess.run([program, "--version"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _serve(program: str) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [program, "serve", "--db", f"{folder}/tickd.db", "--listen", f"127.0.0.1:{port}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
            try:
                while True:
                    try:
                        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
                        break
                    except OSError:
                        if daemon.poll() is not None:
                            sys.exit(f"{program} serve ended with {daemon.returncode}")
                        if time.perf_counter() - began > 120:
                            sys.exit(f"{program} serve does not answer within 120 s")
                        time.sleep(0.005)
                took = time.perf_counter() - began
            finally:
                daemon.terminate()
        if daemon.returncode:
            sys.exit(f"{program} serve ended with {daemon.returncode} after SIGTERM")
    return took


if __name__ == "__main__":
    if sys.argv[1] == "contents":
        contents(*sys.argv[2:])
    else:
        starts(int(sys.argv[2]), sys.argv[3:])
