"""What `--db` may name, said before anything tries to open it."""

from __future__ import annotations

from pathlib import Path

from tickd.errors import StartupError


def check(db: str) -> None:
    """StartupError where `db` can't be a file: it is a directory, or stands in one that does not exist."""
    path = Path(db)
    if path.is_dir():
        raise StartupError(f"{db} is a directory; --db names a file, such as {path / 'tickd.db'}")
    if not path.parent.exists():
        raise StartupError(f"the directory {path.parent} of the database {db} does not exist; make it first")
    if not path.parent.is_dir():
        raise StartupError(f"{path.parent} is not a directory, so {db} can't be the database")


def is_new(db: str) -> bool:
    """Whether opening `db` would make the file."""
    return not Path(db).exists()


def full_name(db: str) -> str:
    """The path for a sentence: absolute, so that it says which directory was meant."""
    try:
        return str(Path(db).absolute())
    except OSError:  # the directory we are in was removed
        return db
