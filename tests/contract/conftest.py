"""What the contract tests share: a daemon beside the test, and the people who call it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trustme

from tests.contract.certificates import trusted
from tests.contract.served import Served, serving_beside


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A daemon on a thread of its own, one for the whole file."""
    with serving_beside(tmp_path_factory.mktemp("served") / "tickd.db") as made:
        yield made


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """An authority that daemons which are started after it trust, and no other."""
    with trusted(monkeypatch) as made:
        yield made
