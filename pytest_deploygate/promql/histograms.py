"""The histogram behind a quantile: which series to ask for its buckets, and its largest bound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.promql.expressions import duration, grouped, string
from pytest_deploygate.promql.narrowing import Matcher, matchers_of
from pytest_deploygate.promql.tree import bare

PLACES = frozenset({"instance", "pod", "node", "host"})
"""The labels that tell the instances of one service apart."""

_QUANTILE = "histogram_quantile"
_METRIC = "__name__"
_INFINITE = 'label_replace(vector(1), "le", "+Inf", "", "")'
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_SETS = frozenset({"and", "or", "unless"})
_RELABELLING = frozenset({"label_replace", "label_join", "sort", "sort_desc"})
_CHOOSING = frozenset({"max", "min", "avg", "topk", "bottomk"})


class Histogram(NamedTuple):
    """What a query takes a quantile of.

    Attributes:
        expr: the second argument of ``histogram_quantile``.
        metric: the name of the buckets' series.
        matchers: of their selector, without those of ``le`` and of an instance.
        window: seconds that it looks back.
        by: the labels of the quantiles; None for those of the instances' series.
        known: whether the labels of the quantiles are known. A further aggregation chooses among
            quantiles, and ``without`` keeps labels that a query does not name.
        alone: whether every value of the query is a quantile.
        summed: whether the buckets are summed as they are. Otherwise the query itself makes sure
            that they fit together.
    """

    expr: str
    metric: str
    matchers: tuple[Matcher, ...]
    window: float
    by: frozenset[str] | None
    known: bool
    alone: bool
    summed: bool

    @property
    def bounds(self) -> str:
        """PromQL for the buckets of all series of the metric, and of how many instances each is."""
        places = ", ".join(sorted(PLACES))
        selector = f'{{{_METRIC}={string(self.metric)}, le!=""}}'
        return f"count without ({places}) (last_over_time({selector}[{duration(self.window)}]))"

    @property
    def largest(self) -> str:
        """PromQL for the largest finite bound: the quantile if every request took longer."""
        longer = grouped(self.expr)
        finite = f"(0 * {longer} unless on (le) {_INFINITE})"
        return f"histogram_quantile(0.5, {finite} or ({longer} and on (le) {_INFINITE}) ^ 0)"

    @property
    def without_finite(self) -> str:
        """PromQL for 0 where there is no finite bucket."""
        return f"0 * (count without (le) {grouped(self.expr)} == 1)"


@lru_cache(maxsize=4096)
def histogram(query: str) -> Histogram | None:
    """The histogram behind a query whose value is a quantile; None if there is none.

    A quantile that is computed with further is not one: its buckets have another unit.
    """
    if _QUANTILE not in query:
        return None
    import promql_parser

    try:
        parsed = promql_parser.parse(query)
        call, chosen = next(_quantiles(parsed), (None, False))
        return _histogram(call.args[1], chosen, _alone(parsed)) if call is not None else None
    except ValueError:  # an extension of MetricsQL
        return None


def largest_bucket(criterion: Criterion) -> str | float:
    """The bound from which on a value may be larger than it says: PromQL, or a number.

    It is infinity where there is none.
    """
    if not criterion.comparison.lower_is_better:
        return math.inf
    found = histogram(criterion.query)
    if found is not None:
        return found.largest
    return max(criterion.buckets, default=math.inf)


def _quantiles(node: Any, chosen: bool = False) -> Iterator[tuple[Any, bool]]:
    """The calls whose value is the value of this expression, and whether some are chosen."""
    import promql_parser as promql

    if isinstance(node, promql.ParenExpr):
        yield from _quantiles(node.expr, chosen)
    elif isinstance(node, promql.Call):
        if node.func.name == _QUANTILE:
            yield node, chosen
        elif node.func.name in _RELABELLING:
            yield from _quantiles(node.args[0], chosen)
    elif isinstance(node, promql.AggregateExpr) and str(node.op) in _CHOOSING:
        yield from _quantiles(node.expr, True)
    elif isinstance(node, promql.BinaryExpr) and _keeps_values(node):
        yield from _quantiles(node.lhs, chosen)
        yield from _quantiles(node.rhs, chosen)


def _keeps_values(node: Any) -> bool:
    answers_bool = node.modifier is not None and node.modifier.return_bool
    return str(node.op) in _COMPARISONS | _SETS and not answers_bool


def _alone(node: Any) -> bool:
    import promql_parser as promql

    if isinstance(node, promql.BinaryExpr):
        return str(node.op) in _COMPARISONS and _alone(bare(node.lhs))
    return isinstance(bare(node), promql.Call)


def _histogram(node: Any, chosen: bool, alone: bool) -> Histogram | None:
    import promql_parser as promql

    selectors: list[Any] = []
    windows = [300.0]

    def visit(inner: Any) -> bool:
        if isinstance(inner, promql.MatrixSelector):
            windows.append(inner.range.total_seconds())
            selectors.append(inner.vector_selector)
        elif isinstance(inner, promql.VectorSelector):
            selectors.append(inner)
        return True

    promql.walk(node, pre_visit=visit)
    expr = str(node)
    # The parser does not write everything as it was read, such as the colon of a subquery.
    if not selectors or str(promql.parse(expr)) != expr:
        return None
    found = [(_name(one), _matchers(one)) for one in selectors]
    metric, matchers = found[0]
    if not metric or any(name != metric for name, _ in found):
        return None
    root = bare(node)
    aggregated = isinstance(root, promql.AggregateExpr)
    by = _by(root)
    known = not chosen and not (aggregated and by is None)
    return Histogram(expr, metric, matchers, max(windows), by, known, alone, aggregated)


def _by(node: Any) -> frozenset[str] | None:
    """The labels that an aggregation keeps; of a set operation, those of its left side."""
    import promql_parser as promql

    if isinstance(node, promql.BinaryExpr):
        return _by(bare(node.lhs))
    if not isinstance(node, promql.AggregateExpr) or node.modifier is None:
        return None
    if node.modifier.type != promql.AggModifierType.By:
        return None
    return frozenset(node.modifier.labels) - {"le"}


def _name(selector: Any) -> str:
    named = (one.value for one in matchers_of(selector) if one[:2] == (_METRIC, "="))
    return str(selector.name or next(named, ""))


def _matchers(selector: Any) -> tuple[Matcher, ...]:
    ignored = PLACES | {"le", _METRIC}
    return tuple(one for one in matchers_of(selector) if one.name not in ignored)
