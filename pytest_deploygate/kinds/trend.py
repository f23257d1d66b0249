"""Judge the slope of a linear regression, one for each series."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_deploygate.core.criterion import Criterion, Limit
from pytest_deploygate.core.durations import Duration, seconds, spoken
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import RangeQuery, Series
from pytest_deploygate.kinds.limit import Outcome, judged, shown, unjudged

Points = Sequence[tuple[float, float]]

_STEPS = 120
PLACES = frozenset({"instance", "pod", "node", "host"})
"""The labels that say where something is measured, not what."""

DUST = 1e-9
"""A change over the window below this share of the value is rounding, not a trend."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Judge the slope of a linear regression over the window, per hour, one for each series."""

    window: Duration = "2h"
    min_points: int = 10
    coverage: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a window that is not a duration."""
        seconds(self.window)

    def limits(self) -> Mapping[str, Limit]:
        """What ``--gate-set`` may change."""
        return {}


def query(criterion: Criterion, at: float) -> RangeQuery:
    """The window in 120 steps."""
    return history_query(criterion.query, at, _history(criterion))


def history_query(expr: str, at: float, window: float) -> RangeQuery:
    """A window before the evaluation time in 120 steps."""
    return RangeQuery(expr, at - window, at, window / _STEPS)


def judge(criterion: Criterion, series: Sequence[Series], at: float) -> list[Outcome]:
    """One outcome for each series."""
    return [_judge_one(criterion, one, at) for one in without_replaced(criterion, series, at)]


def _judge_one(criterion: Criterion, series: Series, at: float) -> Outcome:
    if ended := why_ended(criterion, series, at):
        return unjudged(series, criterion, ended)
    if not math.isfinite(series.value):
        outcome = judged(criterion, series, value=series.value)
        text = f"{criterion.quantity} is now {shown(criterion, series.value)}".lstrip()
        return outcome._replace(text=text)
    points = finite_points(series)
    if missing := why_too_few(criterion, points):
        return unjudged(series, criterion, missing)
    slope = _slope(points) * 3600
    outcome = judged(criterion, series, value=slope)
    told = _told(criterion, slope, series.value)
    if outcome.reason is Reason.BREACH:
        told += f", limit {criterion.comparison.symbol} {criterion.limit:g} per hour"
    return outcome._replace(text=told)


def without_replaced(criterion: Criterion, series: Sequence[Series], at: float) -> list[Series]:
    """Without those that ended and go on elsewhere, as they do when new pods replace old ones."""
    ended = {id(one) for one in series if why_ended(criterion, one, at)}
    going_on = {_identity(one) for one in series if id(one) not in ended}
    return [one for one in series if id(one) not in ended or _identity(one) not in going_on]


def _identity(series: Series) -> frozenset[tuple[str, str]]:
    """The labels that say what is measured, not where."""
    return frozenset(item for item in series.labels.items() if item[0] not in PLACES)


def why_ended(criterion: Criterion, series: Series, at: float) -> str:
    """Why a series has no current value, or nothing when it has one.

    The source looks back five minutes, so the last sample is older than the last point.
    """
    age = at - series.points[-1][0]
    if age <= _history(criterion) / _STEPS / 2:
        return ""
    return f"no value for at least {spoken(age)}"


def finite_points(series: Series) -> Points:
    """The points that are numbers."""
    return [point for point in series.points if math.isfinite(point[1])]


def why_too_few(criterion: Criterion, points: Points) -> str:
    """Why these points are not enough for the window, or nothing when they are."""
    kind: Any = criterion.kind
    window, needed = _history(criterion), max(kind.min_points, 2)
    if len(points) < needed:
        found = "1 point" if len(points) == 1 else f"{len(points)} points"
        return f"{found} in {spoken(window)}, at least {needed} needed"
    measured, enough = points[-1][0] - points[0][0], kind.coverage * window
    if measured < enough:
        return f"{spoken(measured)} of {spoken(window)} measured, at least {spoken(enough)} needed"
    return ""


def _slope(points: Points) -> float:
    """Least squares, per second; zero where the change is only floating-point dust.

    For the 120 points of a window a library of arrays takes as long, and far longer to be loaded.
    """
    largest = max(abs(value) for _, value in points) or 1.0
    times = _centred([time for time, _ in points])
    values = _centred([value / largest for _, value in points])
    slope = math.fsum(map(operator.mul, times, values)) / math.fsum(time * time for time in times)
    change = abs(slope) * (times[-1] - times[0])
    return 0.0 if change <= DUST else slope * largest


def _centred(numbers: Sequence[float]) -> list[float]:
    mean = math.fsum(numbers) / len(numbers)
    return [number - mean for number in numbers]


def _told(criterion: Criterion, slope: float, current: float) -> str:
    now = shown(criterion, current)
    if slope == 0:
        return f"{criterion.quantity} stable (now {now})".lstrip()
    direction = "rising" if slope > 0 else "falling"
    change = shown(criterion, abs(slope))
    return f"{criterion.quantity} {direction} by {change} per hour (now {now})".lstrip()


def _history(criterion: Criterion) -> float:
    kind: Any = criterion.kind
    return seconds(kind.window if isinstance(kind, Trend) else kind.baseline)
