"""Files that commands write: whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from tickd.errors import StartupError


def is_special(path: str) -> bool:
    """Whether a path leads to a device, a pipe or the like, which is written into and never replaced."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def write(path: str, text: str, mode: int | None = None) -> None:
    """Write a file through the links that lead to it; StartupError when it can't be.

    Without `mode` it keeps its permissions, and a new one has those that new files have.
    """
    try:
        if is_special(path):
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        else:
            _replace(Path(os.path.realpath(path)), text, mode)
    except OSError as error:
        raise StartupError(f"can't write {path}: {error.strerror}") from error


def _replace(target: Path, text: str, mode: int | None) -> None:
    if target.is_dir():
        raise IsADirectoryError(0, "it is a directory")
    descriptor, beside = tempfile.mkstemp(".tmp", f".{target.name}.", target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            os.fchmod(descriptor, _mode_of(target) if mode is None else mode)
            file.write(text)
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise


def _mode_of(target: Path) -> int:
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        # The only way to read it is to set it.
        mask = os.umask(0o077)
        os.umask(mask)
        return 0o666 & ~mask
