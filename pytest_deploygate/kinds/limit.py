"""Hold one value against a criterion's limit, and put that into words."""

from __future__ import annotations

import math

from pytest_deploygate.core.criterion import Comparison, Criterion
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import Series
from pytest_deploygate.core.text import printable, same, value_and_limit, value_text
from pytest_deploygate.kinds.decision import Decision, Lack

WITHOUT_LABEL = "without_label"
"""The label of a series that a query adds for traffic without the label that it judges by."""

_CUT_OFF = "cut off"


def hold(
    criterion: Criterion, series: Series, value: float, *, largest: float = math.inf
) -> Decision:
    """Hold a value against the limit. NaN is no data or a breach, infinity is a breach.

    Args:
        criterion: its limit, and what NaN means.
        series: whose value it is.
        value: in the criterion's unit.
        largest: the bound from which on the value may be larger than it says (see
            :func:`largest_bucket`).
    """
    comparison, limit = criterion.comparison, criterion.limit
    badness = comparison.badness(value, limit)
    if math.isnan(value) and not criterion.nan_is_breach:
        return Decision(series, Reason.NO_DATA, value, comparison, limit, badness)
    if largest <= value < math.inf:
        # Even the smallest value that it can be is in breach; or nobody knows.
        reason = Reason.ERROR if comparison.passes(value, limit) else Reason.BREACH
        return Decision(series, reason, value, comparison, limit, badness, _CUT_OFF)
    reason = Reason.OK if holds(comparison, value, limit) else Reason.BREACH
    return Decision(series, reason, value, comparison, limit, badness)


def holds(comparison: Comparison, value: float, limit: float) -> bool:
    """Whether a value keeps the limit. Numbers that differ only by rounding are equal."""
    return comparison.passes(limit if same(value, limit) else value, limit)


def keeps(criterion: Criterion, value: float, *, largest: float = math.inf) -> bool:
    """Whether a value is known to keep the criterion's limit."""
    known = not largest <= value < math.inf
    return known and holds(criterion.comparison, value, criterion.limit)


def largest_bucket(criterion: Criterion, series: Series) -> float:
    """The bound from which on a value may be larger than it says; infinity where there is none.

    A quantile in the last bucket is given as that bucket's lower bound.
    Source: the documentation of histogram_quantile().
    """
    found = buckets(criterion, series)
    return max(found) if found and criterion.comparison.lower_is_better else math.inf


def buckets(criterion: Criterion, series: Series) -> tuple[float, ...]:
    """The finite bounds of the histogram behind a series: those that were found come first."""
    return series.buckets or criterion.buckets


def unjudged(
    criterion: Criterion,
    series: Series,
    case: str,
    numbers: tuple[float, ...] = (),
    lack: Lack = Lack.DATA,
) -> Decision:
    """A series that cannot be judged, at least not yet."""
    held = criterion.comparison, criterion.limit
    return Decision(series, Reason.NO_DATA, series.value, *held, 0.0, case, numbers, lack=lack)


def explained(criterion: Criterion, decision: Decision, origin: str = "") -> str:
    """What was held against which limit; ``origin`` says where a limit of the kind comes from."""
    if decision.reason is Reason.NO_DATA:
        lacking = printable(decision.series.labels.get(WITHOUT_LABEL, ""))
        return f"no label {lacking}" if lacking else "0/0, nothing was counted"
    if decision.case == _CUT_OFF:
        return _cut_off(criterion, decision)
    if decision.reason is Reason.OK:
        return _passing(criterion, decision, origin)
    return _failing(criterion, decision)


def _cut_off(criterion: Criterion, decision: Decision) -> str:
    limit = shown(criterion, criterion.limit)
    above = (
        f"above {shown(criterion, max(buckets(criterion, decision.series)))}, the largest bucket"
    )
    if decision.reason is Reason.ERROR:
        return _of(criterion, f"{above}: the histogram cannot tell whether {limit} is kept")
    return _of(criterion, f"{above}, limit {limit}")


def _passing(criterion: Criterion, decision: Decision, origin: str) -> str:
    """``p95 2.12 s (< 2.50 s)``."""
    found, bound = value_and_limit(decision.value, decision.limit, criterion.unit)
    bound = f"{bound}, {origin}" if origin else bound
    return _of(criterion, f"{found} ({decision.comparison.symbol} {bound})")


def _failing(criterion: Criterion, decision: Decision) -> str:
    """``p95 4.92 s, limit 4.50 s``; for the limit itself ``p95 4.50 s, must be < 4.50 s``."""
    found, bound = value_and_limit(decision.value, decision.limit, criterion.unit)
    if same(decision.value, decision.limit):
        return _of(criterion, f"{found}, must be {decision.comparison.symbol} {bound}")
    return _of(criterion, f"{found}, limit {bound}")


def _of(criterion: Criterion, text: str) -> str:
    return f"{criterion.quantity} {text}".lstrip()


def shown(criterion: Criterion, value: float) -> str:
    """A number with the criterion's unit."""
    return value_text(value, criterion.unit)
