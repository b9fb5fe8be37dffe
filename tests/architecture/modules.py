"""The package as a tree of parsed modules, for tests that read it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import tickd

ROOT = Path(tickd.__file__).parent

Tree = dict[str, ast.Module]
"""Modules by their dotted name; a package by its own name."""


@cache
def package() -> Tree:
    """Every module of tickd."""
    return parsed({_name(path): path.read_text("utf-8") for path in sorted(ROOT.rglob("*.py"))})


def parsed(sources: Mapping[str, str]) -> Tree:
    """The modules of these sources."""
    return {name: ast.parse(source, name) for name, source in sources.items()}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(name: str) -> str:
    """`store` for `tickd.store.jobs`, `app` for `tickd.app`, nothing for `tickd` itself."""
    return name.split(".")[1] if "." in name else ""


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module, nested ones and methods included."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstrings(module: ast.Module) -> set[ast.expr]:
    """The nodes that are strings standing alone: docstrings, and those of constants."""
    return {node.value for node in ast.walk(module) if isinstance(node, ast.Expr)}


def texts(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Every string that is used, as (line, text); a field of an f-string is a question mark."""
    skipped = docstrings(module)
    inside: set[ast.expr] = {
        part for node in ast.walk(module) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    for node in ast.walk(module):
        if isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.values)
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped | inside:
            yield node.lineno, node.value
