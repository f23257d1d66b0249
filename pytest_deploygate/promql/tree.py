"""What the parser makes of an expression, and what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def parsed(expr: str) -> Any:
    """The root of an expression; None if it cannot be parsed."""
    import promql_parser as promql

    try:
        return promql.parse(expr)
    except ValueError:
        return None


def nodes(node: Any) -> Iterator[Any]:
    """The node, and all that is in it."""
    if node is not None:
        yield node
        for inner in children(node):
            yield from nodes(inner)


def children(node: Any) -> list[Any]:
    """The operands of a node, and the arguments of a call."""
    import promql_parser as promql

    if isinstance(node, promql.BinaryExpr):
        return [node.lhs, node.rhs]
    if isinstance(node, promql.Call):
        return list(node.args)
    if isinstance(node, promql.MatrixSelector):
        return [node.vector_selector]
    if isinstance(node, promql.AggregateExpr):
        return [node.expr, *([node.param] if node.param is not None else [])]
    inner = getattr(node, "expr", None)  # parentheses, a sign, a subquery
    return [] if inner is None else [inner]


def bare(node: Any) -> Any:
    """The node without parentheses around it."""
    import promql_parser as promql

    return bare(node.expr) if isinstance(node, promql.ParenExpr) else node


def names_of(node: Any) -> list[str]:
    """The names of the metrics in an expression, each once."""
    import promql_parser as promql

    selectors = (one for one in nodes(node) if isinstance(one, promql.VectorSelector))
    return list(dict.fromkeys(filter(None, map(name_of, selectors))))


def name_of(selector: Any) -> str:
    """The name of a selector's metric; empty without one."""
    name: str = selector.name or dict(equal(selector)).get("__name__", "")
    return name


def equal(selector: Any) -> list[tuple[str, str]]:
    """The labels that a selector holds equal to a value, with the value."""
    import promql_parser as promql

    given = selector.matchers.matchers
    return [(one.name, one.value) for one in given if one.op == promql.MatchOp.Equal]
