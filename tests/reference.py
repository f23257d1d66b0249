"""Write the tables of the reference, and the schema of the file: ``python -m tests.reference``.

A page of ``docs/reference`` is text around tables. A table stands between two comments, of which
the first names it. ``tests/docs/test_reference.py`` holds that every table is up to date.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import promql_parser

from gate_checks import criteria
from pytest_deploygate import Criterion
from pytest_deploygate.actions.registry import known_kinds, schema
from pytest_deploygate.cli import COMMANDS
from pytest_deploygate.cli.schema import text as schema_text
from pytest_deploygate.config.options import OPTIONS, Option
from pytest_deploygate.config.schema import file_schema
from pytest_deploygate.core.text import value_text

PAGES = Path(__file__).parents[1] / "docs" / "reference"
REPORT = Path(import_module("pytest_deploygate").__file__ or "").parent / "schemas"
SCHEMA = REPORT / "deploygate.schema.json"
TABLE = re.compile(r"(<!-- table: ([\w /.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SHIPPED: tuple[Criterion, ...] = (
    *criteria.TARGETS,
    *criteria.SCHEMA,
    *criteria.API,
    *criteria.LATENCY,
    *criteria.RL,
    *criteria.RESOURCES,
    *criteria.CACHE,
)


def main() -> None:
    """Write every table anew, and the schema of the configuration file."""
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    for page in sorted(PAGES.glob("*.md")):
        page.write_text(made(page.read_text(encoding="utf-8")), encoding="utf-8")


def made(text: str) -> str:
    """The text of a page with its tables as the code is now."""
    return TABLE.sub(lambda found: f"{found[1]}\n{table(found[2])}\n{found[3]}", text)


def table(name: str) -> str:
    """One table as Markdown: a fixed name, or the name of a command, or a place in a schema."""
    what, _, of = name.partition(" ")
    rows = {
        "options": _options,
        "command": lambda: _command(of),
        "file-options": _file_options,
        "file": lambda: _keys(_at(_file(), of), "required", ""),
        "actions": _actions,
        "report": lambda: _keys(_at(_report(), of), "", "not in every report"),
        "shipped": _shipped,
        "metrics": _metrics,
    }[what]()
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _head(*titles: str) -> Iterator[tuple[str, ...]]:
    yield titles
    yield tuple("---" for _ in titles)


def _cell(text: str) -> str:
    """A text that cannot end its cell, or begin HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _options() -> Iterator[tuple[str, ...]]:
    yield from _head("option", "meaning")
    for option in OPTIONS:
        value = f" {_value(option)}".rstrip()
        yield _code(f"--{option.name}{value}"), _cell(option.help)


def _value(option: Option) -> str:
    return ", ".join(option.choices) if option.choices else option.metavar


def _command(name: str) -> Iterator[tuple[str, ...]]:
    parser = argparse.ArgumentParser()
    import_module(COMMANDS[name]).add_arguments(parser)
    yield from _head("argument", "meaning")
    for action in parser._actions:
        if action.dest != "help":
            words = " ".join((*action.option_strings, _metavar(action))).strip()
            text = (action.help or "") % {**vars(action), "prog": "deploygate"}
            yield _code(words), _cell(text)


def _metavar(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.choices:
        return ", ".join(map(str, action.choices))
    return str(action.metavar or action.dest.upper())


_TYPES = {
    "path": "path of a file",
    "output": "path of a file",
    "log": "path of a file",
    "flag": "true or false",
    "duration": "a duration: `30s`, `5m`, `1h30m`",
    "length": "a duration, or `0s`",
    "count": "a whole number from 1",
    "time": "RFC 3339, or Unix seconds",
}


def _file_options() -> Iterator[tuple[str, ...]]:
    yield from _head("key", "value", "meaning")
    for option in OPTIONS:
        if option.in_file:
            choices = ", ".join(f'`"{choice}"`' for choice in option.choices)
            yield _code(option.name), choices or _TYPES.get(option.type, "text"), _cell(option.help)


def _file() -> Mapping[str, Any]:
    return file_schema(schema(known_kinds()))


def _report() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((REPORT / "report.schema.json").read_text("utf-8"))
    return found


def _at(document: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """The schema of an object at a place such as ``watch`` or ``freezes``; lists by their items."""
    found = document
    for name in filter(None, place.split("/")):
        found = (
            found["$defs"][name] if name in found.get("$defs", {}) else found["properties"][name]
        )
        found = found.get("items", found)
        extra = found.get("additionalProperties")
        if isinstance(extra, dict) and "properties" in extra:
            found = extra
        if "$ref" in found:
            found = document["$defs"][found["$ref"].rpartition("/")[2]]
    return found


def _keys(of: Mapping[str, Any], needed: str, spared: str) -> Iterator[tuple[str, ...]]:
    """The keys of an object; what to say of those that it must have, and of the others."""
    yield from _head("key", "value", "meaning")
    required = of.get("required", ())
    for name, value in of["properties"].items():
        remark = needed if name in required else spared
        meaning = "; ".join(filter(None, (_cell(value.get("description", "").rstrip(".")), remark)))
        yield _code(name), _type(value), meaning


_WORDS = {"string": "text", "array": "list", "boolean": "true or false", "number": "number"}
_REFERENCES = {"texts": "texts", "time": "a time", "count": "a count", "known": "text or null"}


def _type(value: Mapping[str, Any]) -> str:
    """What may stand there; in the configuration a time is a type of TOML, which JSON lacks."""
    if "enum" in value or "const" in value:
        allowed = value.get("enum", [value.get("const")])
        return ", ".join(_code(json.dumps(one, ensure_ascii=False)) for one in allowed)
    if "anyOf" in value:
        return " or ".join(map(_type, value["anyOf"]))
    if "$ref" in value:
        return _REFERENCES.get(value["$ref"].rpartition("/")[2], "object")
    types = "a time" if value.get("title") == "time" else value["type"]
    return " or ".join(_WORDS.get(one, one) for one in ([types] if type(types) is str else types))


def _actions() -> Iterator[tuple[str, ...]]:
    """The keys of each kind of action that the others lack."""
    yield from _head("kind", "keys of its own; those in bold are required")
    for rule in schema(known_kinds())["items"]["allOf"]:
        own = {name: keys for name, keys in rule["then"]["properties"].items() if keys is not True}
        required = rule["then"]["required"]
        names = (f"**{_code(name)}**" if name in required else _code(name) for name in own)
        yield _code(rule["if"]["properties"]["kind"]["const"]), ", ".join(names)


def _shipped() -> Iterator[tuple[str, ...]]:
    yield from _head("id", "severity", "rule", "thresholds with their defaults")
    for one in _SHIPPED:
        severity = f"{one.severity}{', optional' if one.optional else ''}"
        kind = f", {type(one.kind).__name__}" if one.kind else ""
        rule = f"{one.quantity} {one.comparison.symbol} {value_text(one.limit, one.unit)}{kind}"
        keys = (f"{_code(threshold.key)} {threshold.default:g}" for threshold in one.thresholds)
        yield _code(one.id), severity, _cell(rule), ", ".join(keys)


def _metrics() -> Iterator[tuple[str, ...]]:
    yield from _head("id", "metrics, with the labels that the query selects by")
    for one in _SHIPPED:
        found: dict[str, set[str]] = {}
        for metric, labels in _selected(one.query):
            found.setdefault(metric, set()).update(labels)
        texts = (_code(f"{name}{_braces(labels)}") for name, labels in found.items())
        yield _code(one.id), ", ".join(texts)


def _braces(labels: Iterable[str]) -> str:
    return f"{{{','.join(sorted(labels))}}}" if labels else ""


def _selected(query: str) -> Iterator[tuple[str, set[str]]]:
    """Every metric of an expression with the labels of its matchers; a pattern names several."""
    nodes: list[Any] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            nodes.append(node)

    promql_parser.walk(promql_parser.parse(query), pre_visit=visit)
    for node in nodes:
        matchers = {matcher.name: matcher.value for matcher in node.matchers.matchers}
        for name in (node.name or matchers.pop("__name__")).split("|"):
            yield name, {"le", *matchers} if name.endswith("_bucket") else set(matchers)


if __name__ == "__main__":
    main()
