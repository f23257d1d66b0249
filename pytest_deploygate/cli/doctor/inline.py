"""What tests ask without a criterion as their parameter, read from their source.

Nothing is run: a test may do more than ask. What only its run can know is not read.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.text import printable
from pytest_deploygate.plugin.collecting import InlineTest

_ASKING = ("check", "query", "query_range")
_UNKNOWN = object()
"""The value of an expression that only a run can know."""

_LONGEST = 80
_ANY = -1e308
"""A limit that every number keeps: gate.query asks only whether there is data."""


class Inline(NamedTuple):
    """What one test asks.

    Attributes:
        criteria: of ``gate.check``; one of ``gate.query`` has a limit that means nothing.
        unlimited: the ids of those without a limit of their own.
        unread: whether it asks more, or nothing, as far as can be read.
        first: its first question as it is written; empty if it asks nothing.
    """

    criteria: tuple[Criterion, ...]
    unlimited: frozenset[str]
    unread: bool
    first: str = ""


def read(test: InlineTest) -> Inline:
    """What a test asks."""
    nodes, known = _questions(test)
    calls = [_asked(node, known) for node in nodes]
    criteria, unlimited = [], set()
    for number, (query, details) in enumerate(calls, start=1):
        name = test.name if number == 1 else f"{test.name}-{number}"
        criterion = _criterion(name, query, details, test)
        if criterion is None:
            continue
        if criterion.at_least == _ANY:
            unlimited.add(criterion.id)
        criteria.append(criterion)
    unread = not calls or len(criteria) < len(calls)
    first = _shown(nodes[0]) if nodes else ""
    return Inline(tuple(criteria), frozenset(unlimited), unread, first)


def _questions(test: InlineTest) -> tuple[list[ast.Call], _Known]:
    """Every question in the order of the source, and the names that it may use."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(test.function)))
    except (OSError, TypeError, SyntaxError):
        return [], _Known({})
    known = _Known({**getattr(test.function, "__globals__", {}), **test.params})
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            known.assign(node)
    asked = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _asks(node)]
    return sorted(asked, key=lambda one: (one.lineno, one.col_offset)), known


def _asked(node: ast.Call, known: _Known) -> tuple[Any, dict[str, Any]]:
    """The first argument and the keywords of a question."""
    query = known.value(node.args[0]) if node.args else _UNKNOWN
    keywords = {one.arg or "**": known.value(one.value) for one in node.keywords}
    is_check = isinstance(node.func, ast.Attribute) and node.func.attr == "check"
    return query, keywords if is_check else {"at_least": _ANY}


def _shown(node: ast.Call) -> str:
    """A question as it is written, without what follows the query."""
    query = ast.unparse(node.args[0]) if node.args else ""
    return printable(" ".join(f"{ast.unparse(node.func)}({query})".split()), _LONGEST)


def _asks(node: ast.Call) -> bool:
    """Whether it is ``gate.check(...)`` or the like."""
    called = node.func
    if not isinstance(called, ast.Attribute) or called.attr not in _ASKING:
        return False
    return isinstance(called.value, ast.Name) and called.value.id == "gate"


def _criterion(
    name: str, query: Any, details: Mapping[str, Any], test: InlineTest
) -> Criterion | None:
    if isinstance(query, Criterion):
        return query if query.severity else replace(query, severity=test.severity)
    if not isinstance(query, str):
        return None
    given = {"id": name, "severity": test.severity, **details}
    if "**" in given or any(value is _UNKNOWN for value in given.values()):
        given = {"id": name, "severity": test.severity, "at_least": _ANY}
    try:
        return Criterion(query=query, **given)
    except (ConfigurationError, TypeError):
        return None


class _Known:
    """The names of a test whose values do not depend on its run."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = dict(names)
        self._assigned: set[str] = set()

    def assign(self, node: ast.Assign) -> None:
        """A name that is given a value once has it; one that is given several has none."""
        for target in node.targets:
            for name in (one.id for one in ast.walk(target) if isinstance(one, ast.Name)):
                plain = isinstance(target, ast.Name) and name not in self._assigned
                self._names[name] = self.value(node.value) if plain else _UNKNOWN
                self._assigned.add(name)

    def value(self, node: ast.expr) -> Any:
        """The value of an expression that needs no run, else :data:`_UNKNOWN`."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._names.get(node.id, _UNKNOWN)
        if isinstance(node, ast.JoinedStr):
            return self._text([self._part(part) for part in node.values])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._text([self.value(node.left), self.value(node.right)])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            number = self.value(node.operand)
            return -number if isinstance(number, int | float) else _UNKNOWN
        if isinstance(node, ast.Attribute):
            owner = self.value(node.value)
            # An attribute of anything else may be a property, which would be run.
            return (
                getattr(owner, node.attr, _UNKNOWN) if isinstance(owner, ModuleType) else _UNKNOWN
            )
        return _UNKNOWN

    def _part(self, part: ast.expr) -> Any:
        if not isinstance(part, ast.FormattedValue):
            return self.value(part)
        value = self.value(part.value)
        plain = part.conversion == -1 and part.format_spec is None
        return str(value) if plain and isinstance(value, str | int | float) else _UNKNOWN

    @staticmethod
    def _text(parts: list[Any]) -> Any:
        return "".join(parts) if all(isinstance(part, str) for part in parts) else _UNKNOWN
