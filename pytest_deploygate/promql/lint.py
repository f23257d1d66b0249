"""What is wrong with an expression whatever a server has: it misleads when something else breaks.

Each rule is a function of :data:`RULES`. It gets the expression and yields what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pytest_deploygate.core.text import printable
from pytest_deploygate.promql.tree import bare, children, equal, name_of, names_of, nodes, parsed

RATES = frozenset({"rate", "irate", "increase", "delta", "idelta", "deriv"})
"""The functions that need two samples in their window."""

_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "^"})
_SPOILT = frozenset({"sum", "avg", "stddev", "stdvar"})
"""The aggregations that are NaN if one of their values is. The others leave NaN out."""
_COUNTING = frozenset({"count", "group", "count_values"})
_CHOOSING = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})
_KEEPING = frozenset({"abs", "clamp", "clamp_min", "clamp_max", "label_replace", "label_join"})
_KEEPING_RATES = _KEEPING | {"sort", "sort_desc", "histogram_quantile", "avg_over_time"}
_ALWAYS = frozenset({"vector", "scalar", "time", "pi", "absent", "absent_over_time"})
"""The functions that have a value although no series is there."""
_LONGEST = 100

Passes = Callable[[float], bool]
Dead = Callable[[Any], bool]


class Finding(NamedTuple):
    """What is wrong.

    Attributes:
        part: of the expression.
        advice: what is wrong with it, and what to write.
    """

    part: str
    advice: str


class Window(NamedTuple):
    """A function of :data:`RATES` over a window in seconds; ``metric`` is empty without a name."""

    metric: str
    length: float
    part: str


def findings(expr: str, passes: Passes) -> list[Finding]:
    """What is wrong with an expression; nothing if it cannot be parsed.

    Args:
        expr: PromQL.
        passes: whether a value of the whole expression keeps its limit.
    """
    root = parsed(expr)
    found = [one for rule in RULES for one in rule(root, passes)] if root is not None else []
    return list(dict.fromkeys(found))


def windows(expr: str) -> list[Window]:
    """The windows of rates, without those of subqueries."""
    import promql_parser as promql

    found = []
    for node in nodes(parsed(expr)):
        if isinstance(node, promql.Call) and node.func.name in RATES:
            inner = node.args[0]
            if isinstance(inner, promql.MatrixSelector):
                length = inner.range.total_seconds()
                found.append(Window(name_of(inner.vector_selector), length, _shown(node)))
    return list(dict.fromkeys(found))


def works_without(expr: str, metric: str, label: str = "", value: str = "") -> bool:
    """Whether an expression can have a value without a metric, or its series with a label."""

    def dead(selector: Any) -> bool:
        if name_of(selector) != metric:
            return False
        return not label or any(one[:2] == (label, value) for one in equal(selector))

    root = parsed(expr)
    return root is not None and _answers(root, dead)


def _hides_a_dead_metric(root: Any, passes: Passes) -> Iterator[Finding]:
    """``or vector(0)`` and ``or 0 * ...``: a metric that is gone looks like one that is well.

    It is harmless if the value does not keep the limit, if failures are divided by it, and if
    another part of the expression has no value without the metric. Zero times the traffic of the
    same expression says that there was traffic, and is harmless too.
    """
    import promql_parser as promql

    divisors = _divisors_of_failures(root)
    for node in nodes(root):
        if not isinstance(node, promql.BinaryExpr) or str(node.op) != "or":
            continue
        if str(node) in divisors:
            continue
        constant = _constant(node.rhs)
        if constant is None or (str(bare(root)) == str(node) and not passes(constant.value)):
            continue
        own = names_of(node.lhs)
        if constant.of is not None and _is_own_traffic(constant.of, own, root):
            continue
        for metric in own:
            if _is_hidden(metric, node, root):
                yield Finding(
                    f"or {_shown(node.rhs)}",
                    f"hides that {metric} is gone; write or 0 * TRAFFIC, with a metric that the "
                    "query has no value without",
                )
                break


def _divisors_of_failures(root: Any) -> set[str]:
    """What divides something that a comparison has chosen: the result is never 0."""
    import promql_parser as promql

    found: set[str] = set()
    for node in nodes(root):
        if isinstance(node, promql.BinaryExpr) and str(node.op) == "/":
            dividend = bare(node.lhs)
            if isinstance(dividend, promql.BinaryExpr) and str(dividend.op) in _COMPARISONS:
                found.update(map(str, nodes(node.rhs)))
    return found


def _is_hidden(metric: str, default: Any, root: Any) -> bool:
    dead = _named(metric)
    return _answers(root, dead) and not _answers(root, dead, without=str(default))


def _named(metric: str) -> Dead:
    return lambda selector: name_of(selector) == metric


class _Constant(NamedTuple):
    value: float
    of: Any = None


def _constant(node: Any) -> _Constant | None:
    """The value that ``vector(0)`` or ``0 * x`` has; None if it is something else."""
    import promql_parser as promql

    node = bare(node)
    if isinstance(node, promql.Call) and node.func.name == "vector":
        inner = bare(node.args[0])
        return _Constant(inner.val) if isinstance(inner, promql.NumberLiteral) else None
    if isinstance(node, promql.BinaryExpr) and str(node.op) == "*":
        for zero, other in ((node.lhs, node.rhs), (node.rhs, node.lhs)):
            if isinstance(bare(zero), promql.NumberLiteral) and bare(zero).val == 0:
                return _Constant(0.0, other)
    return None


def _is_own_traffic(node: Any, own: list[str], root: Any) -> bool:
    """Whether the expression is about these metrics, or has no value without those of the node."""
    found = names_of(node)
    if set(found) <= set(own):  # also where no selector has a name
        return True
    return not any(_answers(root, _named(metric)) for metric in found)


def _spoilt_by_nan(root: Any, passes: Passes) -> Iterator[Finding]:
    """``sum(a / b)``: where one b is 0, the sum is NaN or infinite, whatever the others are."""
    import promql_parser as promql

    for node in nodes(root):
        if isinstance(node, promql.AggregateExpr) and str(node.op) in _SPOILT:
            for ratio in _ratios(node.expr):
                yield Finding(
                    _shown(node),
                    f"one {_shown(ratio.rhs)} of 0 makes it NaN; write sum(a) / sum(b), or "
                    "a / (b > 0)",
                )


def _ratios(node: Any) -> Iterator[Any]:
    """The divisions whose result is summed as it is, by what may be 0."""
    import promql_parser as promql

    node = bare(node)
    if isinstance(node, promql.BinaryExpr):
        op = str(node.op)
        if op == "/" and _may_be_zero(node.rhs):
            yield node
        elif op in _ARITHMETIC or op == "or":
            yield from _ratios(node.lhs)
            yield from _ratios(node.rhs)
        elif op == "unless":
            yield from _ratios(node.lhs)
        # A comparison drops NaN, and "and" keeps what its right side has chosen.
    elif isinstance(node, promql.Call) and node.func.name in _KEEPING:
        yield from _ratios(node.args[0])


def _may_be_zero(node: Any) -> bool:
    import promql_parser as promql

    node = bare(node)
    if isinstance(node, promql.BinaryExpr):
        op = str(node.op)
        if op == "or":
            return _may_be_zero(node.lhs) or _may_be_zero(node.rhs)
        return op in _ARITHMETIC and (_may_be_zero(node.lhs) or _may_be_zero(node.rhs))
    if isinstance(node, promql.NumberLiteral):
        return bool(node.val == 0)
    if isinstance(node, promql.Call):
        if node.func.name == "vector":
            return _may_be_zero(node.args[0])
        return node.func.name not in ("clamp_min", "scalar", "time")
    return True


def _quantile_without_le(root: Any, passes: Passes) -> Iterator[Finding]:
    """``histogram_quantile`` of buckets that were added up: it has no buckets to look into."""
    import promql_parser as promql

    for node in nodes(root):
        if not isinstance(node, promql.Call) or node.func.name != "histogram_quantile":
            continue
        for grouping in _aggregations(node.args[1]):
            if _loses_le(grouping) and any(map(_has_buckets, nodes(grouping))):
                yield Finding(
                    _shown(grouping),
                    "adds up the buckets of all bounds; write "
                    f"{grouping.op!s} by (le, ...) in histogram_quantile",
                )


def _aggregations(node: Any) -> Iterator[Any]:
    """Those through which the buckets come."""
    import promql_parser as promql

    node = bare(node)
    if isinstance(node, promql.AggregateExpr):
        yield node
        yield from _aggregations(node.expr)
    elif isinstance(node, promql.BinaryExpr):
        yield from _aggregations(node.lhs)
        if str(node.op) == "or":
            yield from _aggregations(node.rhs)
    elif isinstance(node, promql.Call) and node.args:
        yield from _aggregations(node.args[0])


def _loses_le(grouping: Any) -> bool:
    import promql_parser as promql

    if str(grouping.op) in _CHOOSING:
        return False
    if grouping.modifier is None:
        return True
    named: bool = "le" in grouping.modifier.labels
    by = bool(grouping.modifier.type == promql.AggModifierType.By)
    return named != by


def _has_buckets(node: Any) -> bool:
    """Whether it selects series of a classic histogram; a native one has no ``le``."""
    import promql_parser as promql

    return isinstance(node, promql.VectorSelector) and name_of(node).endswith("_bucket")


def _equal_rate(root: Any, passes: Passes) -> Iterator[Finding]:
    """``rate(x[5m]) == 0.1``: a rate is extrapolated, and never exactly what is expected."""
    import promql_parser as promql

    for node in nodes(root):
        equals = isinstance(node, promql.BinaryExpr) and str(node.op) == "=="
        if equals and (_is_rate(node.lhs) or _is_rate(node.rhs)):
            advice = "a rate is rarely equal to a number; write <=, >= or a range"
            yield Finding(_shown(node), advice)


def _is_rate(node: Any) -> bool:
    """Whether the value of an expression is a rate, or computed from one."""
    import promql_parser as promql

    node = bare(node)
    if isinstance(node, promql.Call):
        name: str = node.func.name
        is_kept = name in _KEEPING_RATES and any(map(_is_rate, node.args))
        return is_kept or name in RATES
    if isinstance(node, promql.SubqueryExpr):
        return _is_rate(node.expr)
    if isinstance(node, promql.AggregateExpr):
        return str(node.op) not in _COUNTING and _is_rate(node.expr)
    if not isinstance(node, promql.BinaryExpr):
        return False
    if str(node.op) in _COMPARISONS or str(node.op) in ("and", "unless"):
        answers_bool = node.modifier is not None and node.modifier.return_bool
        return not answers_bool and _is_rate(node.lhs)
    return _is_rate(node.lhs) or _is_rate(node.rhs)


RULES: tuple[Callable[[Any, Passes], Iterator[Finding]], ...] = (
    _hides_a_dead_metric,
    _spoilt_by_nan,
    _quantile_without_le,
    _equal_rate,
)
"""All rules that need no server."""


def _answers(node: Any, dead: Dead, *, without: str = "") -> bool:
    """Whether an expression can have a value if some selectors have no series.

    Args:
        node: the expression.
        dead: whether a selector has no series; all others have some.
        without: an ``or``, as text, whose right side has no value.
    """
    import promql_parser as promql

    if isinstance(node, promql.VectorSelector):
        return not dead(node)
    if isinstance(node, promql.Call) and node.func.name in _ALWAYS:
        return True
    if not isinstance(node, promql.BinaryExpr):
        return all(_answers(inner, dead, without=without) for inner in children(node))
    left = _answers(node.lhs, dead, without=without)
    if str(node.op) == "unless":
        return left
    right = _answers(node.rhs, dead, without=without)
    if str(node.op) == "or":
        return left or (right and str(node) != without)
    return left and right


def _shown(node: Any) -> str:
    """An expression in a message; the parser writes ``x{}`` for ``x``."""
    return printable(str(node).replace("{}", ""), _LONGEST)
