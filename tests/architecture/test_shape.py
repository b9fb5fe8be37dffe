"""House rules that a parser can see: length, docstrings, state, print, and one name a noun."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.modules import ROOT, Tree, functions, layer_of, package, parsed

MODULE_LINES = 450
FUNCTION_LINES = 60
HANDLER_LINES = 15

NOUNS = {
    "accounts",
    "alerts",
    "channels",
    "heartbeats",
    "incidents",
    "jobs",
    "maintenance",
    "monitors",
    "overview",
    "status_pages",
    "verification",
    "verification_batches",
}
PART_OF = {"executions": "jobs", "checks": "monitors", "alerts": "incidents"}
"""What is no noun of its own: it has its rules and its SQL, and its use cases are the noun's."""

_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_MAKERS = {"list", "dict", "set", "defaultdict", "deque", "Counter", "OrderedDict", "bytearray"}
_INHERITED = {"Clock": {"SystemClock"}}
"""Protocols whose methods are documented there, and the classes that have them."""


@pytest.fixture(scope="module")
def tree() -> Tree:
    return package()


def length(node: ast.stmt) -> int:
    """How many lines a statement takes."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def long_functions(tree: Tree, most: int) -> list[str]:
    """Every function over `most` lines."""
    return [
        f"{name}.{node.name} has {length(node)} lines"
        for name, module in tree.items()
        for node in functions(module)
        if length(node) > most
    ]


def undocumented(tree: Tree) -> list[str]:
    """Every public module, class, function and method that says nothing about itself."""
    found = []
    for name, module in tree.items():
        if ast.get_docstring(module) is None:
            found.append(name)
        for node in module.body:
            found += [f"{name}.{path}" for path, one in _public(node) if ast.get_docstring(one) is None]
    return found


Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _public(node: ast.stmt) -> Iterator[tuple[str, Named]]:
    if not isinstance(node, Named) or node.name.startswith("_"):
        return
    yield node.name, node
    # What overrides another's method is documented there.
    if isinstance(node, ast.ClassDef) and not any(node.name in heirs for heirs in _INHERITED.values()):
        if {ast.unparse(base) for base in node.bases} - {"Struct", "Protocol", "Exception", "Page"}:
            return
        for one in node.body:
            yield from ((f"{node.name}.{path}", found) for path, found in _public(one))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def state(tree: Tree) -> list[str]:
    """Every name of a module that can change: what is mutable and not written as a constant, and `global`."""
    found = []
    for name, module in tree.items():
        for node in module.body:
            if not isinstance(node, ast.Assign | ast.AnnAssign):
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            made = _last(node.value.func) if isinstance(node.value, ast.Call) else ""
            if isinstance(node.value, _MUTABLE) or made in _MAKERS:
                names = [_last(target) for target in targets]
                found += [f"{name}.{one}" for one in names if one != one.upper() and not one.startswith("__")]
        found += [f"{name}:{node.lineno} global" for node in ast.walk(module) if isinstance(node, ast.Global)]
    return found


def prints(tree: Tree) -> list[str]:
    """Every call of print."""
    return [
        f"{name}:{node.lineno}"
        for name, module in tree.items()
        for node in ast.walk(module)
        if isinstance(node, ast.Name) and node.id == "print"
    ]


def test_modules_are_small(tree: Tree) -> None:
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in ROOT.rglob("*.py")}
    assert {path.name: count for path, count in lines.items() if count > MODULE_LINES} == {}


def test_functions_are_small(tree: Tree) -> None:
    assert long_functions(tree, FUNCTION_LINES) == []


def test_handlers_hide_no_rule(tree: Tree) -> None:
    native = {name: module for name, module in tree.items() if name.startswith("tickd.web.native.")}
    handlers = [
        (f"{name}.{node.name}", sum(map(length, node.body[1:])))
        for name, module in native.items()
        for node in functions(module)
        if isinstance(node, ast.AsyncFunctionDef)
    ]
    assert len(handlers) > 10
    assert [found for found in handlers if found[1] > HANDLER_LINES] == []


def test_every_public_name_has_its_docstring(tree: Tree) -> None:
    assert undocumented(tree) == []


def test_no_module_has_state(tree: Tree) -> None:
    assert state(tree) == []


def test_nothing_is_printed(tree: Tree) -> None:
    assert prints(tree) == []


def test_a_noun_has_one_name_in_every_layer(tree: Tree) -> None:
    shown = {name.rpartition(".")[2] for name in tree if name.startswith("tickd.web.native.")}
    assert shown <= NOUNS | set(PART_OF)
    for noun in shown:
        layers = ("domain", "store") if noun in PART_OF else ("domain", "store", "services")
        assert [layer for layer in layers if f"tickd.{layer}.{noun}" not in tree] == [], noun


def test_no_module_is_called_utils(tree: Tree) -> None:
    words = {"util", "utils", "helper", "helpers", "common", "misc"}
    assert [name for name in tree if words & set(name.split("."))] == []
    assert {layer_of(name) for name in tree} >= {"domain", "store", "services", "web"}


def test_each_of_these_rules_can_be_broken() -> None:
    bad = parsed(
        {
            "tickd.a": "seen = {}\nknown: list[int] = list()\nLIMITS = {}\n_TABLE = [1]\n__all__ = ['a']",
            "tickd.b": "def f():\n    global x\n    print(1)" + "\n    y = 1" * 60,
            "tickd.c": '"""Doc."""\nclass C:\n    """Doc."""\n    def m(self): ...\n    def _p(self): ...',
            "tickd.d": '"""Doc."""\nasync def f():\n    def inner(): ...\n\nclass _D: ...',
        }
    )
    assert state(bad) == ["tickd.a.seen", "tickd.a.known", "tickd.b:2 global"]
    assert prints(bad) == ["tickd.b:3"]
    assert long_functions(bad, FUNCTION_LINES) == ["tickd.b.f has 63 lines"]
    assert undocumented(bad) == ["tickd.a", "tickd.b", "tickd.b.f", "tickd.c.C.m", "tickd.d.f"]
