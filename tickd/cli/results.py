"""Where results are written: a file that has its name only once it is complete, or a stream."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tickd.errors import Conflict, TickdError

_TABLES, _LISTS = (".csv", ".tsv", ".tab"), (".txt", ".lst", ".list")


class Access(NamedTuple):
    """Who may read a file: its mode, and the numbers of its owner and group."""

    mode: int
    owner: int
    group: int


def beside(name: str, *, is_list: bool) -> str:
    """What the results of an input are called: `people.verified.csv` for `people.csv`, `-` for `-`."""
    if name == "-":
        return "-"
    path = Path(name)
    suffix = path.suffix.lower()
    kept = path.suffix if suffix in _TABLES and not is_list else ".csv"
    stem = path.stem if suffix in (*_TABLES, *_LISTS) else path.name
    return str(path.with_name(f"{stem}.verified{kept}"))


def is_stream(name: str) -> bool:
    """Whether writing to it can't be taken back: standard output, a device, a pipe."""
    if name == "-":
        return True
    try:
        mode = os.stat(name).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


@contextmanager
def written(name: str, *, access: Access, force: bool) -> Iterator[BinaryIO]:
    """A file to write the results to; whatever goes wrong leaves none, and nothing half under its name.

    `access` says who may read it. Conflict when it exists and not `force`; TickdError when it can't be
    written.
    """
    try:
        if name == "-":
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        elif is_stream(name):
            with open(name, "wb") as stream:
                yield stream
        else:
            with _renamed(Path(name), access, force=force) as file:
                yield file
    except BrokenPipeError:
        # Whoever reads has enough, as `head` does: that is no fault of ours to tell.
        raise
    except OSError as error:
        shown = "standard output" if name == "-" else name
        raise TickdError(f"can't write {shown}: {error.strerror}") from error


@contextmanager
def _renamed(path: Path, access: Access, *, force: bool) -> Iterator[BinaryIO]:
    if path.is_dir():
        raise TickdError(f"can't write {path}: it is a folder")
    if not force and os.path.lexists(path):
        raise _exists(path)
    descriptor, part = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            _give(descriptor, access)
            # A disk that is full may say so only now.
            os.fsync(descriptor)
        _give_name(part, path, force=force)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)


def _give(descriptor: int, access: Access) -> None:
    """Let those read the file who may read what it was made of, or fewer of them."""
    # The group goes first: the mode would open the file to another one.
    mode, group = access.mode, access.group
    try:
        os.fchown(descriptor, access.owner if os.geteuid() == 0 else -1, group)
    except OSError:
        # Not in that group: its members are everybody now, and others are the file's group.
        both = mode >> 3 & mode & 0o7
        mode = mode & 0o700 | both << 3 | both
    os.fchmod(descriptor, mode)


def _give_name(part: str, path: Path, *, force: bool) -> None:
    if force:
        os.replace(part, path)
        return
    try:
        # Unlike a rename this never replaces what has come up meanwhile.
        os.link(part, path)
    except FileExistsError:
        raise _exists(path) from None
    except OSError:
        # A file system without hard links.
        if os.path.lexists(path):
            raise _exists(path) from None
        os.rename(part, path)


def _exists(path: Path) -> Conflict:
    return Conflict(f"{path} exists already; --force replaces it, --out names another file")
