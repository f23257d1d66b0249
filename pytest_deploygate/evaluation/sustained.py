"""A breach is one that lasted for the whole of a window without a break, until now."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_deploygate.durations import seconds, spoken
from pytest_deploygate.evaluation.outcome import Outcome, judged, too_few, value_phrase
from pytest_deploygate.model import Criterion, RangeQuery, Reason, Series, Sustained
from pytest_deploygate.text import lasting

_STEPS_IN_WINDOW = 20
_LOOKBACK = 7200.0
_DUST = 0.0005  # seconds; the source's timestamps have a resolution of one millisecond
_MOST_POINTS = 5000  # a range query may return 11,000 points a series


def query(criterion: Criterion, at: float) -> RangeQuery:
    """Two hours in steps of a twentieth of the window, so that "for 20m" can be told."""
    window = _window(criterion)
    step = window / _STEPS_IN_WINDOW
    lookback = max(window, min(_LOOKBACK, step * _MOST_POINTS))
    return RangeQuery(criterion.query, at - lookback, at, step)


def judge(criterion: Criterion, series: Sequence[Series], at: float) -> list[Outcome]:
    """One outcome for each series."""
    return [_judge_one(criterion, one, at) for one in series]


def _judge_one(criterion: Criterion, series: Series, at: float) -> Outcome:
    window = _window(criterion)
    points = [(t, v) for t, v in series.points if not math.isnan(v) or criterion.nan_is_breach]
    recent = [value for time, value in points if time >= at - window - _DUST]
    if not recent:
        return too_few(series, criterion, f"nothing in the last {spoken(window)}")
    current = judged(criterion, series, value=recent[-1])
    lasted = at - _breach_start(criterion, points, at)
    if any(_passes(criterion, value) for value in recent):
        return _not_for_long(criterion, current, lasted, window)
    if lasted < window - _DUST:
        told = f"only {spoken(lasted)} of {spoken(window)} measured, all of it in breach"
        return too_few(series, criterion, told)
    text = f"{current.text}, for {lasting(lasted)}"
    return Outcome(series, Reason.BREACH, current.value, criterion.limit, current.badness, text)


def _breach_start(criterion: Criterion, points: Sequence[tuple[float, float]], at: float) -> float:
    """When the breach that lasts until now began. A gap does not end it: nothing was measured."""
    start = at
    for time, value in reversed(points):
        if _passes(criterion, value):
            break
        start = time
    return start


def _not_for_long(criterion: Criterion, current: Outcome, lasted: float, window: float) -> Outcome:
    text = value_phrase(criterion, current.value, criterion.limit, passes=True)
    if current.reason is Reason.BREACH:
        text = f"{current.text}, for {lasting(lasted)}, allowed for less than {spoken(window)}"
    return Outcome(current.series, Reason.OK, current.value, criterion.limit, current.badness, text)


def _passes(criterion: Criterion, value: float) -> bool:
    return criterion.comparison.passes(value, criterion.limit)


def _window(criterion: Criterion) -> float:
    assert isinstance(criterion.kind, Sustained)
    return seconds(criterion.kind.window)
