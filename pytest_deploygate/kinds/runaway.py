"""Judge the newest value against the limit and against a multiple of its own average."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_deploygate.core.criterion import Criterion, Limit, number
from pytest_deploygate.core.durations import Duration, seconds, spoken
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import RangeQuery, Series
from pytest_deploygate.kinds.limit import LOWER_IS_BETTER, Outcome, judged, shown, unjudged
from pytest_deploygate.kinds.trend import (
    finite_points,
    history_query,
    why_ended,
    why_too_few,
    without_replaced,
)


@dataclass(frozen=True, slots=True)
class Runaway:
    """Judge the newest value against the limit and against a multiple of its own average."""

    baseline: Duration = "2h"
    factor: Limit = 3.0
    min_points: int = 10
    coverage: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a window that is not a duration."""
        seconds(self.baseline)

    def limits(self) -> Mapping[str, Limit]:
        """What ``--gate-set`` may change."""
        return {"factor": self.factor}


def query(criterion: Criterion, at: float) -> RangeQuery:
    """The window of the baseline, whose last point is the current value."""
    return history_query(criterion.query, at, seconds(_kind(criterion).baseline))


def judge(criterion: Criterion, series: Sequence[Series], at: float) -> list[Outcome]:
    """One outcome for each series."""
    return [_judge_one(criterion, one, at) for one in without_replaced(criterion, series, at)]


def _judge_one(criterion: Criterion, series: Series, at: float) -> Outcome:
    if ended := why_ended(criterion, series, at):
        return unjudged(series, criterion, ended)
    outcome = judged(criterion, series, value=series.value)
    if outcome.reason is not Reason.OK:
        return outcome
    points = finite_points(series)
    if missing := why_too_few(criterion, points):
        return unjudged(series, criterion, f"no baseline: {missing}")
    return _against_baseline(criterion, outcome, [value for _, value in points])


def _against_baseline(criterion: Criterion, outcome: Outcome, values: Sequence[float]) -> Outcome:
    """The multiple of the average counts where it is stricter than the limit.

    It is that of the values' magnitudes: an average around zero, or below, is no size to multiply.
    It may be reached, whatever the limit: what is always zero does not run away.
    """
    factor = number(_kind(criterion).factor)
    baseline = math.fsum(abs(value) / len(values) for value in values)
    limit = factor * baseline
    if criterion.comparison not in LOWER_IS_BETTER or limit >= criterion.limit:
        return outcome
    average = "average" if min(values) >= 0 else "average magnitude"
    origin = f"{factor:g} x its {spoken(seconds(_kind(criterion).baseline))} {average}"
    stricter = judged(criterion, outcome.series, value=outcome.value, at_most=limit, origin=origin)
    if stricter.reason is Reason.OK:
        return stricter
    return stricter._replace(text=f"{stricter.text} ({origin} {shown(criterion, baseline)})")


def _kind(criterion: Criterion) -> Runaway:
    assert isinstance(criterion.kind, Runaway)
    return criterion.kind
