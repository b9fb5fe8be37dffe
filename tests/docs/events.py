"""What tickd logs, read out of its source: each event with its logger, level and own fields."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from tests.architecture.modules import Tree, package

LEVELS = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "critical": "critical",
}


class Logged(NamedTuple):
    """One log call; `event` has its `%s` as it stands in the source."""

    event: str
    level: str
    logger: str


def logged(tree: Tree | None = None) -> set[Logged]:
    """Every log call with a text of its own."""
    found: set[Logged] = set()
    for name, module in (package() if tree is None else tree).items():
        loggers = dict(_loggers(name, module))
        found |= {one for node in ast.walk(module) for one in _calls(node, loggers)}
    return found


def _loggers(name: str, module: ast.Module) -> Iterator[tuple[str, str]]:
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            made, target = node.value, node.targets[0]
            if ast.unparse(made.func) == "logging.getLogger" and isinstance(target, ast.Name) and made.args:
                (said,) = made.args
                yield target.id, str(said.value) if isinstance(said, ast.Constant) else name


def _calls(node: ast.AST, loggers: dict[str, str]) -> Iterator[Logged]:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return
    owner, level = node.func.value, node.func.attr
    if not isinstance(owner, ast.Name) or owner.id not in loggers or level not in LEVELS or not node.args:
        return
    for text in ast.walk(node.args[0]):
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield Logged(text.value, LEVELS[level], loggers[owner.id])
