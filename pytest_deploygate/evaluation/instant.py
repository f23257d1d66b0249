"""Judge the newest value of every series, and say when a histogram's buckets decided."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pytest_deploygate.evaluation.outcome import Outcome, judged, shown_limit
from pytest_deploygate.model import Criterion, InstantQuery, Reason, Series


def query(criterion: Criterion, at: float) -> InstantQuery:
    """The criterion's expression at the evaluation time."""
    return InstantQuery(criterion.query, at)


def judge(criterion: Criterion, series: Sequence[Series], at: float) -> list[Outcome]:
    """One outcome for each series."""
    return [judge_value(criterion, one) for one in series]


def judge_value(criterion: Criterion, series: Series) -> Outcome:
    """Hold the newest value against the limit."""
    value = series.value
    if criterion.buckets and value >= max(criterion.buckets):
        return _cut_off(criterion, series)
    return judged(criterion, series, value=value, why=_interpolated(criterion, value))


def _cut_off(criterion: Criterion, series: Series) -> Outcome:
    """A quantile in the last bucket is answered with that bucket's lower bound: it may be more.

    Source: the documentation of histogram_quantile().
    """
    largest = max(criterion.buckets)
    quantity = f"{criterion.quantity} above {shown_limit(criterion, largest)}".lstrip()
    outcome = judged(criterion, series, value=series.value)
    limit = shown_limit(criterion, criterion.limit)
    if outcome.reason is Reason.BREACH:
        text, reason = f"{quantity}, the largest bucket, limit {limit}", Reason.BREACH
    else:
        text = f"{quantity}, the largest bucket: the histogram cannot tell whether {limit} is kept"
        reason = Reason.ERROR
    return Outcome(series, reason, outcome.value, outcome.limit, outcome.badness, text)


def _interpolated(criterion: Criterion, value: float) -> str:
    """Say that value and limit lie in one bucket, where the quantile is only interpolated."""
    bounds = (0.0, *sorted(criterion.buckets))
    for lower, upper in pairwise(bounds):
        if lower < criterion.limit < upper and lower < value <= upper:
            width = f"{shown_limit(criterion, lower)} to {shown_limit(criterion, upper)}"
            return f", interpolated in the bucket from {width}"
    return ""
