"""What can be known of a query without asking: whether it is a scalar, whether NaN can be in it."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any


def is_known(query: str) -> bool:
    """Whether it is PromQL as the parser knows it; True if there is no parser."""
    return _parsed(query) is not None or find_spec("promql_parser") is None


def is_scalar(query: str) -> bool:
    """Whether the answer is a scalar, which no aggregation takes."""
    return _is_scalar(_parsed(query))


def drops_nan(query: str) -> bool:
    """Whether the last thing that the query does is to compare with a number, which drops NaN."""
    return _drops_nan(_parsed(query))


@cache
def _parsed(query: str) -> Any:
    try:
        import promql_parser

        return promql_parser.parse(query)
    except (ImportError, ValueError):
        return None


def _is_scalar(node: Any) -> bool:
    kind = type(node).__name__
    if kind == "NumberLiteral":
        return True
    if kind in ("ParenExpr", "UnaryExpr"):
        return _is_scalar(node.expr)
    if kind == "BinaryExpr":
        return _is_scalar(node.lhs) and _is_scalar(node.rhs)
    return kind == "Call" and str(node.func.return_type) == "ValueType.Scalar"


def _drops_nan(node: Any) -> bool:
    kind = type(node).__name__
    if kind == "ParenExpr":
        return _drops_nan(node.expr)
    if kind != "BinaryExpr" or str(node.op) not in ("<", "<=", ">", ">=", "=="):
        return False
    bool_result = node.modifier is not None and node.modifier.return_bool
    return not bool_result and _is_scalar(node.lhs) != _is_scalar(node.rhs)
