"""Queries of counted events that do not say ``$window`` themselves, written so that they do."""

from __future__ import annotations

import re
from typing import Any

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.text import printable
from pytest_deploygate.promql.expressions import label_name
from pytest_deploygate.promql.narrowing import matchers_of
from pytest_deploygate.promql.tokens import tokens
from pytest_deploygate.promql.windows import has_window, in_window

_TEMPLATE = re.compile(r"\{\{-?\s*\.?window\s*-?\}\}")
_COUNTING = frozenset({"rate", "increase"})
_ANY = 300.0
_WRITE = "write [$window] for the range of its counters, as in sum(rate(requests_total[$window]))"


def windowed(query: str, *, counter: bool) -> str:
    """The query with ``$window`` for the length of the window in which events are counted.

    Args:
        query: PromQL that has ``$window`` or ``{{.window}}``; or whose only ranges are those of
            ``rate`` and ``increase``, and alike; or a counter or sums of one, without a range.
        counter: whether the query is said to be a counter.

    Raises:
        ConfigurationError: it is something else, or no PromQL.
    """
    query = _TEMPLATE.sub("$window", query.strip())
    if has_window(query):
        _parsed(in_window(query, _ANY))
        return query
    node = _parsed(query)
    ranges = _ranges(node)
    if ranges is None:
        raise ConfigurationError(f"it looks back by more than rate and increase; {_WRITE}")
    if len(ranges) > 1:
        raise ConfigurationError(f"its ranges differ; {_WRITE}")
    if ranges:
        return _with_ranges_replaced(query)
    if not counter:
        raise ConfigurationError(f"it has no range, and counter is not true; {_WRITE}")
    summed = _rate_of(node)
    if summed is None:
        raise ConfigurationError(f"it is not a counter or a sum of one; {_WRITE}")
    return summed


def mixed(one: str, other: str) -> bool:
    """Whether one query has the rate of counters, and the other their increase.

    False where the parser cannot read one of them, such as an extension of MetricsQL.
    """
    try:
        both = [_counting(_parsed(in_window(query, _ANY))) for query in (one, other)]
    except ConfigurationError:
        return False
    return all(both) and not both[0] & both[1]


def _counting(node: Any) -> set[str]:
    import promql_parser as promql

    found: set[str] = set()

    def visit(inner: Any) -> bool:
        if isinstance(inner, promql.Call) and inner.func.name in _COUNTING:
            found.add(inner.func.name)
        return True

    promql.walk(node, pre_visit=visit)
    return found


def _parsed(query: str) -> Any:
    import promql_parser

    try:
        return promql_parser.parse(query)
    except ValueError as error:
        raise ConfigurationError(f"it is not PromQL: {printable(str(error), 200)}") from None


def _ranges(node: Any) -> set[float] | None:
    """The ranges of ``rate`` and ``increase`` in seconds; None if there are any others."""
    import promql_parser as promql

    counted: list[float] = []
    others = 0

    def visit(inner: Any) -> bool:
        nonlocal others
        if isinstance(inner, promql.Call) and inner.func.name in _COUNTING:
            counted.extend(
                one.range.total_seconds()
                for one in inner.args
                if isinstance(one, promql.MatrixSelector)
            )
        elif isinstance(inner, promql.SubqueryExpr | promql.MatrixSelector):
            others += 1
        return True

    promql.walk(node, pre_visit=visit)
    return None if others != len(counted) else set(counted)


def _with_ranges_replaced(query: str) -> str:
    parts, done, inside = [], 0, False
    for token in tokens(query):
        if token.text == "[":
            parts.append(query[done : token.end] + "$window")
            inside = True
        elif token.text == "]" and inside:
            done, inside = token.start, False
    return "".join([*parts, query[done:]])


def _rate_of(node: Any) -> str | None:
    """The rate of a counter, or sums of it; None if the expression is something else."""
    import promql_parser as promql

    if isinstance(node, promql.ParenExpr):
        return _rate_of(node.expr)
    if isinstance(node, promql.VectorSelector):
        return _rate(node)
    if not isinstance(node, promql.AggregateExpr) or str(node.op) != "sum":
        return None
    inner = _rate_of(node.expr)
    if inner is None or node.modifier is None:
        return inner and f"sum({inner})"
    word = "by" if node.modifier.type == promql.AggModifierType.By else "without"
    names = ", ".join(map(label_name, node.modifier.labels))
    return f"sum {word} ({names}) ({inner})"


def _rate(selector: Any) -> str | None:
    if selector.offset or selector.at or selector.matchers.or_matchers:
        return None
    given = ",".join(one.expr for one in matchers_of(selector))
    matchers = f"{{{given}}}" if given else ""
    return f"rate({selector.name or ''}{matchers}[$window])"
