"""The layer table of the design: who may import whom, and who never touches what."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

import pytest

from tests.architecture.modules import Tree, functions, layer_of, package, parsed, texts
from tickd.cli import COMMANDS

BASE = {"clock", "errors", "ids", "logs"}
ALL = BASE | {"config", "files", "domain", "store", "outbound", "services", "loops", "web"}

MAY_IMPORT: dict[str, set[str]] = {
    "": set(),
    "clock": set(),
    "errors": set(),
    "ids": set(),
    "files": set(),
    "logs": set(),
    "config": {"errors"},
    "domain": {"errors", "ids"},
    "store": BASE | {"domain"},
    "outbound": {"domain", "errors", "clock"},
    "services": BASE | {"files", "domain", "store", "outbound"},
    "loops": {"services", "domain", "clock", "errors", "logs"},
    "web": BASE | {"services", "domain"},
    "assembly": ALL - {"store", "loops", "web"},
    "app": ALL | {"assembly"},
    "cli": BASE | {"app", "config", "domain", "services"},
    "__main__": {"cli"},
}
"""Beside itself, and the version in the package's own `__init__`."""

NEVER: dict[str, set[str]] = {
    "domain": {"asyncio", "aiohttp", "aiosqlite", "sqlite3", "time", "os", "random", "logging", "socket"},
    "store": {"aiohttp", "click"},
    "outbound": {"aiosqlite", "sqlite3", "click"},
    "services": {"aiohttp", "aiosqlite", "click", "httptools"},
    "loops": {"aiohttp", "aiosqlite", "sqlite3", "click"},
    "web": {"aiosqlite", "sqlite3", "click"},
    "cli": {"aiohttp", "aiosqlite", "sqlite3"},
}
HAS_SQL = {"store"}

_STATEMENT = (
    r"(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM"
    r"|(CREATE|DROP|ALTER)\s+(TABLE|INDEX)|PRAGMA\s+\w+)\b"
)
# In capitals anywhere; in small letters only at the beginning, because prose selects and updates too.
_SQL = re.compile(rf"\b{_STATEMENT}|\A\s*(?i:{_STATEMENT})", re.DOTALL)


def imported(tree: Tree, name: str) -> Iterator[tuple[int, str]]:
    """What a module imports, wherever in it, as (line, dotted name)."""
    for node in ast.walk(tree[name]):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                below = f"{module}.{alias.name}"
                yield node.lineno, below if below in tree else module


def wrong_imports(tree: Tree, names: Iterable[str]) -> list[str]:
    """Every import in the modules of these names that the table does not allow."""
    found = []
    for name in names:
        layer = layer_of(name)
        for line, target in imported(tree, name):
            where = f"{name}:{line} imports {target}"
            if target.startswith("."):
                found.append(f"{where}: relative")
            elif target.split(".")[0] == "tickd":
                if layer_of(target) not in MAY_IMPORT[layer] | {layer, ""}:
                    found.append(where)
            elif target.split(".")[0] in NEVER.get(layer, set()):
                found.append(where)
    return found


BY_NAME = "tickd.cli"
"""The one module that imports by name: a command when it is asked for, out of a table of its own."""


def hidden_imports(tree: Tree) -> list[str]:
    """Every import that this test could not read."""
    return [
        f"{name}:{node.lineno}"
        for name, module in tree.items()
        if name != BY_NAME
        for node in ast.walk(module)
        if (isinstance(node, ast.Name) and node.id == "__import__")
        or (isinstance(node, ast.Attribute) and node.attr == "import_module")
        or (isinstance(node, ast.alias) and node.name == "import_module")
    ]


def sql_elsewhere(tree: Tree) -> list[str]:
    """Every piece of SQL, and every statement run, outside the layer that has them."""
    found = []
    for name, module in tree.items():
        if layer_of(name) in HAS_SQL:
            continue
        found += [f"{name}:{line} has SQL" for line, text in texts(module) if _SQL.search(text)]
        for node in ast.walk(module):
            if isinstance(node, ast.Attribute):
                of_sqlite = isinstance(node.value, ast.Name) and node.value.id == "sqlite3"
                if of_sqlite and node.attr != "Connection":
                    found.append(f"{name}:{node.lineno} uses sqlite3.{node.attr}")
                if node.attr in ("execute", "executemany", "executescript", "fetch_one"):
                    found.append(f"{name}:{node.lineno} calls {node.attr}")
    return found


def waiting_in_domain(tree: Tree) -> list[str]:
    """Every function of the domain that can wait."""
    return [
        f"{name}:{node.lineno}"
        for name, module in tree.items()
        if layer_of(name) == "domain"
        for node in functions(module)
        if isinstance(node, ast.AsyncFunctionDef)
    ]


def clocks_read(tree: Tree) -> list[str]:
    """Every reading of the time outside `clock.py`."""
    found = []
    for name, module in tree.items():
        if name == "tickd.clock":
            continue
        found += [f"{name}:{line} imports time" for line, target in imported(tree, name) if target == "time"]
        found += [
            f"{name}:{node.lineno} reads {node.attr}"
            for node in ast.walk(module)
            if isinstance(node, ast.Attribute)
            and node.attr in ("now", "utcnow", "today")
            and isinstance(node.value, ast.Name)
            and node.value.id in ("datetime", "date")
        ]
    return found


@pytest.fixture(scope="module")
def tree() -> Tree:
    return package()


def test_every_part_of_the_package_has_its_row(tree: Tree) -> None:
    assert {layer_of(name) for name in tree} == set(MAY_IMPORT)
    assert len(tree) > 50


def test_the_layers_import_what_they_may(tree: Tree) -> None:
    assert wrong_imports(tree, tree) == []
    assert hidden_imports(tree) == []
    assert {place.rpartition(".")[0] for place in COMMANDS.values()} == {BY_NAME}


def test_sql_lives_in_the_store(tree: Tree) -> None:
    assert sql_elsewhere(tree) == []


def test_the_domain_waits_for_nothing(tree: Tree) -> None:
    assert waiting_in_domain(tree) == []


def test_only_the_clock_reads_the_time(tree: Tree) -> None:
    assert clocks_read(tree) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("tickd.domain.jobs", "import asyncio"),
        ("tickd.domain.jobs", "from os import path"),
        ("tickd.domain.jobs", "import logging.handlers"),
        ("tickd.domain.jobs", "from tickd.clock import Clock"),
        ("tickd.domain.jobs", "from tickd.store import jobs"),
        ("tickd.domain.jobs", "def later():\n    from tickd import store"),
        ("tickd.domain.jobs", "from . import times"),
        ("tickd.domain.jobs", "from .times import rfc3339"),
        ("tickd.store.jobs", "from tickd.services import jobs"),
        ("tickd.store.jobs", "if TYPE_CHECKING:\n    import tickd.outbound"),
        ("tickd.store.jobs", "import aiohttp"),
        ("tickd.outbound.http", "import tickd.store"),
        ("tickd.services.jobs", "from aiohttp import web"),
        ("tickd.services.jobs", "from tickd.web.answers import Answer"),
        ("tickd.services.jobs", "import tickd.loops"),
        ("tickd.loops.cron", "from tickd.store import jobs"),
        ("tickd.loops.cron", "import tickd.web"),
        ("tickd.web.native.jobs", "from tickd.store import jobs"),
        ("tickd.web.native.jobs", "from tickd.outbound.http import HttpClient"),
        ("tickd.web.native.jobs", "import sqlite3"),
        ("tickd.web.native.jobs", "from tickd.loops.runner import Loop"),
        ("tickd.web.server", "from tickd import app"),
        ("tickd.cli.keys", "from tickd.store import accounts"),
        ("tickd.clock", "from tickd import ids"),
        ("tickd.errors", "import tickd.clock"),
    ],
)
def test_a_wrong_import_would_be_found(tree: Tree, name: str, source: str) -> None:
    assert len(wrong_imports(tree | parsed({name: source}), [name])) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("tickd.domain.jobs", "from tickd.errors import Invalid"),
        ("tickd.services.jobs", "import sqlite3\nfrom tickd.store import jobs"),
        ("tickd.web.native.jobs", "from tickd import __version__, errors, logs"),
        ("tickd.app", "import asyncio\nfrom tickd.web import server\nfrom tickd.store import jobs"),
    ],
)
def test_a_right_import_is_left_alone(tree: Tree, name: str, source: str) -> None:
    assert wrong_imports(tree | parsed({name: source}), [name]) == []


@pytest.mark.parametrize(
    "source",
    [
        "GET = 'SELECT id FROM jobs'",
        "GET = f'SELECT {all} FROM jobs WHERE id = ?'",
        "def f(tx):\n    '''Docstring.'''\n    return 'delete from jobs'",
        "SET = 'UPDATE jobs SET row = 1'",
        "SET = 'INSERT OR IGNORE INTO jobs VALUES (1)'",
        "SET = 'PRAGMA journal_mode'",
        "def f(tx):\n    tx.execute(GET)",
        "import sqlite3\nsqlite3.connect('x')",
    ],
)
@pytest.mark.parametrize(
    "name", ["tickd.services.jobs", "tickd.web.server", "tickd.loops.cron", "tickd.cli.keys"]
)
def test_sql_elsewhere_would_be_found(name: str, source: str) -> None:
    assert len(sql_elsewhere(parsed({name: source}))) == 1
    assert sql_elsewhere(parsed({"tickd.store.jobs": source})) == []


def test_prose_about_sql_is_no_sql() -> None:
    source = "'''SELECT what is due FROM here.'''\nX = 'choose one from these, update it, set it'"
    assert sql_elsewhere(parsed({"tickd.services.jobs": source})) == []


@pytest.mark.parametrize(
    "source", ["import time", "from time import time", "now = datetime.now(UTC)", "date.today()"]
)
def test_reading_the_time_would_be_found(source: str) -> None:
    assert len(clocks_read(parsed({"tickd.services.jobs": source}))) == 1
    assert clocks_read(parsed({"tickd.clock": source})) == []


def test_hidden_imports_and_waiting_would_be_found() -> None:
    sources = {
        "tickd.a": "__import__('tickd.store')",
        "tickd.b": "importlib.import_module('tickd.store')",
        "tickd.c": "from importlib import import_module",
        "tickd.domain.d": "async def f(): ...",
        "tickd.services.e": "async def f(): ...",
    }
    assert hidden_imports(parsed(sources)) == ["tickd.a:1", "tickd.b:1", "tickd.c:1"]
    assert waiting_in_domain(parsed(sources)) == ["tickd.domain.d:1"]
