"""Documents: manifests as TOML and YAML files, read and written."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Literal

import tomli_w
import yaml

from tickd.cli.terminal import safe
from tickd.domain import manifest as shape
from tickd.domain.manifest import Manifest
from tickd.errors import StartupError

Format = Literal["toml", "yaml"]

FORMATS: Mapping[str, Format] = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml"}
"""Which format a file is of, by how its name ends."""
MOST_BYTES = 8 * 1024 * 1024
"""The largest file that is read."""
MOST_NODES = 500_000
"""How many values a YAML file may have once its aliases are written out."""
PARTS_MOST = 100
"""How many parts a key in TOML may have with dots between them."""
WIDTH = 100
"""A list longer than this is written one item a line."""


class Unreadable(StartupError):
    """A file is no document: where and why, in a sentence."""

    def __init__(self, message: str) -> None:
        # Keys and values of the file are quoted in it.
        super().__init__(safe(message))


def format_of(path: str, given: Format | None = None) -> Format:
    """The format of a file by its name, unless `given`; Unreadable where neither says it."""
    if given is not None:
        return given
    found = FORMATS.get(Path(path).suffix.lower())
    if found is None:
        what = "standard input" if path == "-" else path
        raise Unreadable(f"{what} may be TOML or YAML: give --format, or a name that ends in .toml or .yaml")
    return found


def read(path: str, given: Format | None = None) -> dict[str, Any]:
    """The table in a file, `-` being standard input; times are texts, as the API has them.

    Unreadable says what is wrong and where. Nothing is said of its fields: see `domain/manifest_checks.py`.
    """
    kind = format_of(path, given)
    name = "standard input" if path == "-" else path
    text = _text(path, name)
    try:
        found = _loaded(text, name) if kind == "toml" else _yaml(text)
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(f"{name} is not valid TOML: {error}") from error
    except yaml.MarkedYAMLError as error:
        raise Unreadable(f"{name} is not valid YAML: {_where(error)}") from error
    except (yaml.YAMLError, ValueError) as error:
        # PyYAML's own words may be of several lines.
        raise Unreadable(f"{name} is not valid {kind.upper()}: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise Unreadable(f"{name} is nested too deeply") from error
    if not isinstance(found, dict):
        raise Unreadable(f"{name} must be a table of sections, such as jobs and monitors")
    try:
        table: dict[str, Any] = _plain(found, name, "")
    except RecursionError as error:
        raise Unreadable(f"{name} is nested too deeply") from error
    return table


def write(manifest: Mapping[str, Any], kind: Format, heading: str = "") -> str:
    """The manifest as a document, always in the same order; `heading` becomes comments at its top."""
    ordered = shape.ordered(manifest)
    comment = "".join(f"# {line}".rstrip() + "\n" for line in heading.splitlines())
    body = _toml(ordered) if kind == "toml" else _dumped(ordered)
    return f"{comment}\n{body}" if comment else body


def _text(path: str, name: str) -> str:
    try:
        if path == "-":
            raw = sys.stdin.read(MOST_BYTES + 1).encode()
        else:
            with Path(path).open("rb") as file:
                raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise Unreadable(f"{name} is over {MOST_BYTES >> 20} MiB")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{name} is not UTF-8") from error
    except OSError as error:
        raise Unreadable(f"can't read {name}: {error.strerror}") from error


def _plain(value: Any, name: str, where: str) -> Any:
    """The value with times as texts; keys must be texts."""
    if isinstance(value, dict):
        made = {}
        for key, inner in value.items():
            if not isinstance(key, str):
                raise Unreadable(f"{name}: {where or 'the file'} has the key {_said(key)}; put it in quotes")
            made[key] = _plain(inner, name, f"{where}.{key}" if where else key)
        return made
    if isinstance(value, list):
        return [_plain(inner, name, where) for inner in value]
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Unreadable(f"{name}: {where} must be a time with its offset, such as 2026-03-03T12:30:00Z")
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, date):
        return value.isoformat()
    if value is not None and not isinstance(value, str | int | float):
        kind = type(value).__name__
        raise Unreadable(f"{name}: {where} has a value of the type {kind}, which no field has")
    return value


def _said(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) or key is None else str(key)


# YAML.


class _Loader(yaml.SafeLoader):
    """YAML's own core types and no others: `no` is a text, and so are `12:30`, `0777` and dates."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """What a node stands for; a value that does not fit the tag before it is said with its place."""
        try:
            return super().construct_object(node, deep)
        except (LookupError, AttributeError, TypeError, ValueError, ArithmeticError) as error:
            kind = node.tag.rpartition(":")[2]
            raise yaml.MarkedYAMLError(
                problem=f"a value does not fit its tag !!{kind}", problem_mark=node.start_mark
            ) from error


for _tag, _pattern, _first in (
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", "tTfF"),
    ("null", r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    ("int", r"(?:0|[-+]?[1-9][0-9]{0,18})", "-+0123456789"),
    ("float", r"[-+]?(?:0|[1-9][0-9]{0,18})\.[0-9]{1,30}", "-+0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^{_pattern}$"), list(_first))


def _yaml(text: str) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}
        _size(node, {}, set())
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int], under: set[int]) -> int:
    """How many values a node has once its aliases are written out; too many, or one in itself, is refused."""
    if id(node) in known:
        return known[id(node)]
    if id(node) in under:
        raise yaml.MarkedYAMLError(problem="an alias leads into itself", problem_mark=node.start_mark)
    under.add(id(node))
    total = 1 + sum(_size(child, known, under) for child in _children(node))
    under.discard(id(node))
    if total > MOST_NODES:
        raise yaml.MarkedYAMLError(problem=f"it has over {MOST_NODES:,} values", problem_mark=node.start_mark)
    known[id(node)] = total
    return total


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    """What is in a node; no key may be there twice, of which PyYAML would take the last."""
    seen: set[str] = set()
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if isinstance(key, yaml.ScalarNode) and key.value in seen:
            raise yaml.MarkedYAMLError(problem=f"{key.value} is there twice", problem_mark=key.start_mark)
        seen |= {key.value} if isinstance(key, yaml.ScalarNode) else set()
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        if isinstance(child, tuple):
            yield from child
        else:
            yield child


def _where(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return f"{error.problem or error.context}{place}"


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, references on one line; what any YAML reader would misread is in quotes."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists under their key."""
        super().increase_indent(flow, False)


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if _is_block(text) else None
    if style is None and _LIKE_NUMBER.fullmatch(text):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _table_node(dumper: yaml.SafeDumper, table: dict[str, Any]) -> yaml.MappingNode:
    node: yaml.MappingNode = dumper.represent_mapping("tag:yaml.org,2002:map", table.items())
    node.flow_style = shape.is_reference(table)
    return node


# YAML 1.2 reads as numbers what 1.1 reads as text, and the other way round.
_LIKE_NUMBER = re.compile(r"[-+]?[0-9.][-+0-9A-Fa-fxob._:]*")
_Dumper.add_representer(str, _text_node)
_Dumper.add_representer(dict, _table_node)
_Dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]


def _dumped(manifest: Manifest) -> str:
    parts = []
    for name, table in manifest.items():
        section = {name: table}
        parts.append(yaml.dump(section, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000))
    return "\n".join(parts)


# TOML.

_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_.-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{PARTS_MOST}}}")


def _loaded(text: str, name: str) -> dict[str, Any]:
    # For each part of a key tomllib goes through all parts before it. What stands behind is not looked at, or
    # the search would take as long.
    found = _LONG_KEY.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        raise Unreadable(f"{name} is not valid TOML: a key of over {PARTS_MOST} parts (line {line})")
    return tomllib.loads(text)


def _is_block(text: str) -> bool:
    """Whether a text is read more easily over several lines."""
    return "\n" in text.rstrip("\n") and all(letter == "\n" or letter.isprintable() for letter in text)


def _toml(manifest: Manifest) -> str:
    lines = [f"version = {manifest['version']}"]
    for name, table in manifest.items():
        if name == "version":
            continue
        tables = {"": table} if name == "account" else table
        for key, item in tables.items():
            lines += ["", f"[{name}]" if key == "" and name == "account" else f"[{name}.{_key(key)}]"]
            lines += [f"{_key(field)} = {_value(value)}" for field, value in item.items()]
    return "\n".join(lines) + "\n"


def _key(text: str) -> str:
    return tomli_w.dumps({text: 0})[: -len(" = 0\n")]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _inline(value)
    if isinstance(value, list):
        return _list(value)
    if isinstance(value, str) and _is_block(value):
        whole = value.replace("\\", "\\\\").replace('""', '"\\"')
        return f'"""\n{whole[:-1]}\\""""' if whole.endswith('"') else f'"""\n{whole}"""'
    return _scalar(value)


def _scalar(value: Any) -> str:
    return tomli_w.dumps({"x": value})[len("x = ") : -1]


def _inline(table: Mapping[str, Any]) -> str:
    items = ", ".join(f"{_key(key)} = {_flat(value)}" for key, value in table.items())
    return f"{{ {items} }}" if items else "{}"


def _list(items: list[Any]) -> str:
    flat = _flat(items)
    if len(flat) <= WIDTH and not any(isinstance(item, Mapping) for item in items):
        return flat
    return "[\n" + "".join(f"  {_flat(item)},\n" for item in items) + "]"


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return _inline(value)
    if isinstance(value, list):
        return f"[{', '.join(_flat(item) for item in value)}]"
    return _scalar(value)
