"""Judge the slope of a linear regression, one for each series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_deploygate.durations import seconds, spoken
from pytest_deploygate.evaluation.outcome import Outcome, judged, too_few
from pytest_deploygate.model import Criterion, RangeQuery, Reason, Runaway, Series, Trend
from pytest_deploygate.text import value_text

if TYPE_CHECKING:
    import numpy as np

_STEPS = 120
_STALE_AFTER = 300.0  # an instant selector looks back five minutes, and so does this
_DUST = 1e-9  # a change over the window below this share of the value is rounding, not a trend


def query(criterion: Criterion, at: float) -> RangeQuery:
    """The window in 120 steps."""
    return history_query(criterion.query, at, _window(criterion))


def history_query(expr: str, at: float, window: float) -> RangeQuery:
    """A window before the evaluation time in 120 steps."""
    return RangeQuery(expr, at - window, at, window / _STEPS)


def judge(criterion: Criterion, series: Sequence[Series], at: float) -> list[Outcome]:
    """One outcome for each series."""
    return [_judge_one(criterion, one, at) for one in series]


def _judge_one(criterion: Criterion, series: Series, at: float) -> Outcome:
    if not math.isfinite(series.value):
        return judged(criterion, series, value=series.value)
    points = finite_points(series)
    if missing := why_too_few(criterion, points, at):
        return too_few(series, criterion, missing)
    slope = _slope(points) * 3600
    outcome = judged(criterion, series, value=slope)
    told = _told(criterion, slope, series.value)
    if outcome.reason is Reason.BREACH:
        told += f", limit {criterion.comparison.symbol} {criterion.limit:g} per hour"
    return Outcome(series, outcome.reason, slope, outcome.limit, outcome.badness, told)


def finite_points(series: Series) -> np.ndarray:
    """The points that are numbers, as an array of (time, value) rows."""
    import numpy as np

    points: np.ndarray = np.asarray(series.points, dtype=float)
    finite: np.ndarray = points[np.isfinite(points[:, 1])]
    return finite


def why_too_few(criterion: Criterion, points: np.ndarray, at: float) -> str:
    """Why these points are not enough for the window, or nothing when they are."""
    kind = criterion.kind
    assert isinstance(kind, Trend | Runaway)
    window = seconds(kind.window if isinstance(kind, Trend) else kind.baseline)
    if len(points) == 0:
        return f"nothing in the last {spoken(window)}"
    first, last = float(points[0, 0]), float(points[-1, 0])
    if at - last > _STALE_AFTER:
        return f"the newest point is {spoken(at - last)} old"
    if len(points) < kind.min_points:
        return f"{len(points)} points in {spoken(window)}, at least {kind.min_points} are needed"
    if last - first < kind.coverage * window:
        needed = spoken(kind.coverage * window)
        return f"{spoken(last - first)} of {spoken(window)} measured, at least {needed} are needed"
    return ""


def _slope(points: np.ndarray) -> float:
    """Least squares, per second; zero where the change is only floating-point dust."""
    times, values = points[:, 0] - points[:, 0].mean(), points[:, 1]
    slope = float((times @ (values - values.mean())) / (times @ times))
    change = abs(slope) * float(times[-1] - times[0])
    return 0.0 if change <= _DUST * float(abs(values).max()) else slope


def _told(criterion: Criterion, slope: float, current: float) -> str:
    now = value_text(current, criterion.unit)
    if slope == 0:
        return f"{criterion.quantity} stable (now {now})".lstrip()
    direction = "rising" if slope > 0 else "falling"
    change = value_text(abs(slope), criterion.unit)
    return f"{criterion.quantity} {direction} by {change} per hour (now {now})".lstrip()


def _window(criterion: Criterion) -> float:
    assert isinstance(criterion.kind, Trend)
    return seconds(criterion.kind.window)
