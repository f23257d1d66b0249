"""Hold one series' value against a limit, and say it."""

from __future__ import annotations

import math
from typing import NamedTuple

from pytest_deploygate.model import Comparison, Criterion, Reason, Series
from pytest_deploygate.text import same, value_and_limit, value_text

LOWER_IS_BETTER = (Comparison.BELOW, Comparison.AT_MOST)


class Outcome(NamedTuple):
    """One series judged: ``reason`` is ok, breach, no-data or error; ``text`` says why."""

    series: Series
    reason: Reason
    value: float
    limit: float
    badness: float
    text: str


def judged(
    criterion: Criterion, series: Series, *, value: float, limit: float | None = None
) -> Outcome:
    """Hold one value against the limit. NaN is no data or a breach, infinity is a breach."""
    bound = criterion.limit if limit is None else limit
    badness = criterion.comparison.badness(value, bound)
    if math.isnan(value) and not criterion.nan_is_breach:
        text = "0/0, nothing was counted"
        return Outcome(series, Reason.NO_DATA, value, bound, badness, text)
    if _is_cut_off(criterion, value):
        reason, text = _cut_off(criterion, value)
        return Outcome(series, reason, value, bound, badness, text)
    passes = keeps(criterion, value, bound)
    reason = Reason.OK if passes else Reason.BREACH
    return Outcome(series, reason, value, bound, badness, _phrase(criterion, value, bound, passes))


def keeps(criterion: Criterion, value: float, limit: float) -> bool:
    """Whether a value is known to keep to a limit; what differs by rounding alone is equal."""
    if _is_cut_off(criterion, value):
        return False
    return criterion.comparison.passes(limit if same(value, limit) else value, limit)


def _is_cut_off(criterion: Criterion, value: float) -> bool:
    """Whether a quantile is in the last bucket: it is given as its lower bound, and may be more.

    Source: the documentation of histogram_quantile().
    """
    if not criterion.buckets or criterion.comparison not in LOWER_IS_BETTER:
        return False
    return max(criterion.buckets) <= value < math.inf


def _cut_off(criterion: Criterion, value: float) -> tuple[Reason, str]:
    largest = shown(criterion, max(criterion.buckets))
    quantity = f"{criterion.quantity} above {largest}".lstrip()
    limit = shown(criterion, criterion.limit)
    if criterion.comparison.passes(value, criterion.limit):
        told = f"the histogram cannot tell whether {limit} is kept"
        return Reason.ERROR, f"{quantity}, the largest bucket: {told}"
    return Reason.BREACH, f"{quantity}, the largest bucket, limit {limit}"


def _phrase(criterion: Criterion, value: float, limit: float, passes: bool) -> str:
    """``p95 2.12 s (< 2.50 s)`` for a pass, ``p95 4.92 s, limit 4.50 s`` for a breach."""
    found, bound = value_and_limit(value, limit, criterion.unit)
    text = f"{criterion.quantity} {found}".lstrip()
    symbol = criterion.comparison.symbol
    if passes:
        return f"{text} ({symbol} {bound})"
    exactly = f", must be {symbol} it" if same(value, limit) else ""
    return f"{text}, limit {bound}{exactly}"


def unjudged(series: Series, criterion: Criterion, text: str) -> Outcome:
    """A series that cannot be judged, at least not yet."""
    return Outcome(series, Reason.NO_DATA, series.value, criterion.limit, 0.0, text)


def shown(criterion: Criterion, value: float) -> str:
    """A number with the criterion's unit."""
    return value_text(value, criterion.unit)
