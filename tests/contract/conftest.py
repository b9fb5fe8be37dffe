"""What the contract tests share: a daemon beside the test, and the people who call it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.served import Served, serving_beside


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A daemon on a thread of its own, one for the whole file."""
    with serving_beside(tmp_path_factory.mktemp("served") / "tickd.db") as made:
        yield made
