"""Hold one series' value against a limit, and say it."""

from __future__ import annotations

import math
from typing import NamedTuple

from pytest_deploygate.core.criterion import Comparison, Criterion
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import Series
from pytest_deploygate.core.text import same, value_and_limit, value_text

LOWER_IS_BETTER = (Comparison.BELOW, Comparison.AT_MOST)


class Outcome(NamedTuple):
    """One series judged: ``reason`` is ok, breach, no-data or error; ``text`` says why.

    ``comparison`` and ``limit`` are what the value was held against.
    """

    series: Series
    reason: Reason
    value: float
    comparison: Comparison
    limit: float
    badness: float
    text: str


def judged(
    criterion: Criterion,
    series: Series,
    *,
    value: float,
    at_most: float | None = None,
    origin: str = "",
) -> Outcome:
    """Hold one value against the limit. NaN is no data or a breach, infinity is a breach.

    ``at_most`` takes the place of the criterion's limit, and ``origin`` says where it is from.
    """
    comparison = criterion.comparison if at_most is None else Comparison.AT_MOST
    limit = criterion.limit if at_most is None else at_most
    if math.isnan(value) and not criterion.nan_is_breach:
        reason, text = Reason.NO_DATA, "0/0, nothing was counted"
    elif _is_cut_off(criterion, value):
        reason, text = _cut_off(criterion, value)
    elif _holds(comparison, value, limit):
        reason, text = Reason.OK, _passing(criterion, value, comparison, limit, origin)
    else:
        reason, text = Reason.BREACH, _failing(criterion, value, comparison, limit)
    badness = comparison.badness(value, limit)
    return Outcome(series, reason, value, comparison, limit, badness, text)


def keeps(criterion: Criterion, value: float) -> bool:
    """Whether a value is known to keep to the limit."""
    known = not _is_cut_off(criterion, value)
    return known and _holds(criterion.comparison, value, criterion.limit)


def _holds(comparison: Comparison, value: float, limit: float) -> bool:
    """What differs by rounding alone is equal."""
    return comparison.passes(limit if same(value, limit) else value, limit)


def largest_bucket(criterion: Criterion) -> float:
    """The bound from which on a value may be more than it says, infinity where there is none.

    A quantile in the last bucket is given as its lower bound; a trend's slope is no quantile.
    Source: the documentation of histogram_quantile().
    """
    bounded = criterion.comparison in LOWER_IS_BETTER and type(criterion.kind).__name__ != "Trend"
    return max(criterion.buckets) if criterion.buckets and bounded else math.inf


def _is_cut_off(criterion: Criterion, value: float) -> bool:
    return largest_bucket(criterion) <= value < math.inf


def _cut_off(criterion: Criterion, value: float) -> tuple[Reason, str]:
    largest = shown(criterion, max(criterion.buckets))
    quantity = f"{criterion.quantity} above {largest}".lstrip()
    limit = shown(criterion, criterion.limit)
    if criterion.comparison.passes(value, criterion.limit):
        told = f"the histogram cannot tell whether {limit} is kept"
        return Reason.ERROR, f"{quantity}, the largest bucket: {told}"
    return Reason.BREACH, f"{quantity}, the largest bucket, limit {limit}"


def _passing(
    criterion: Criterion, value: float, comparison: Comparison, limit: float, origin: str
) -> str:
    """``p95 2.12 s (< 2.50 s)``."""
    found, bound = value_and_limit(value, limit, criterion.unit)
    told = f"{bound}, {origin}" if origin else bound
    return f"{criterion.quantity} {found} ({comparison.symbol} {told})".lstrip()


def _failing(criterion: Criterion, value: float, comparison: Comparison, limit: float) -> str:
    """``p95 4.92 s, limit 4.50 s``; for the limit itself ``p95 4.50 s, must be < 4.50 s``."""
    found, bound = value_and_limit(value, limit, criterion.unit)
    told = f"must be {comparison.symbol} {bound}" if same(value, limit) else f"limit {bound}"
    return f"{criterion.quantity} {found}, {told}".lstrip()


def unjudged(series: Series, criterion: Criterion, text: str) -> Outcome:
    """A series that cannot be judged, at least not yet."""
    held = criterion.comparison, criterion.limit
    return Outcome(series, Reason.NO_DATA, series.value, *held, 0.0, text)


def shown(criterion: Criterion, value: float) -> str:
    """A number with the criterion's unit."""
    return value_text(value, criterion.unit)
