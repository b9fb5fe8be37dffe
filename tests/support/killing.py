"""Work in a process of its own that ends by SIGKILL at its n-th step on the file system."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable

STEPS = {
    "os.rename",
    "os.link",
    "os.remove",
    "os.chown",
    "sqlite3.connect",
    "shutil.copyfile",
    "tempfile.mkstemp",
}
"""What counts as a step, as Python's audit hooks call it; the kill comes before it is done."""


def killed(work: Callable[[], object], *, at: int) -> bool:
    """Run `work` in a fork that is killed at step `at` (the first is 1); False when it ended before that."""
    with warnings.catch_warnings():
        # Later Pythons warn where other threads run; the child uses none of theirs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _run(work, at)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed"
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _run(work: Callable[[], object], at: int) -> None:
    done = 0

    def count(event: str, _arguments: tuple[object, ...]) -> None:
        nonlocal done
        if event in STEPS:
            done += 1
            if done == at:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        sys.addaudithook(count)
        work()
        os._exit(0)
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(1)
