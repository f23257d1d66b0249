"""How PromQL judges a criterion, for rules and dashboards."""

from __future__ import annotations

from dataclasses import replace

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.engine.judging import kind_of
from pytest_deploygate.promql.expressions import Expressions, NotExpressible, either, grouped
from pytest_deploygate.promql.histograms import histogram
from pytest_deploygate.promql.traffic import with_enough


def form_of(criterion: Criterion) -> Expressions | NotExpressible:
    """The kind's own form, with what the histogram and the traffic leave unknown."""
    found = kind_of(criterion).promql(criterion)
    if isinstance(found, NotExpressible):
        return found
    behind = histogram(criterion.query) if criterion.comparison.lower_is_better else None
    if behind:
        found = _with_unknown(found, behind.without_finite)
    return with_enough(found, criterion)


def _with_unknown(found: Expressions, unknown: str) -> Expressions:
    """The same with series that cannot be judged for want of buckets: they count as failed."""
    return replace(
        found,
        judged=either(grouped(found.judged), unknown),
        every=either(grouped(found.every), unknown),
        graded=either(grouped(found.graded), unknown),
    )
