"""A breach is one that lasted for the whole of a window without a break, until now."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_deploygate.core.criterion import Criterion, Limit
from pytest_deploygate.core.durations import Duration, seconds, spoken
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import RangeQuery, Series
from pytest_deploygate.core.text import lasting
from pytest_deploygate.kinds.limit import Outcome, judged, keeps, unjudged

_STEPS_IN_WINDOW = 20
_LOOKBACK = 7200.0
_DUST = 0.0005  # seconds; the source's timestamps have a resolution of one millisecond
_MOST_POINTS = 5000  # a range query may return 11,000 points a series


@dataclass(frozen=True, slots=True)
class Sustained:
    """A breach is one that lasted for the whole window without a break, until now."""

    window: Duration = "5m"

    def __post_init__(self) -> None:
        """Refuse a window that is not a duration."""
        seconds(self.window)

    def limits(self) -> Mapping[str, Limit]:
        """What ``--gate-set`` may change."""
        return {}


def query(criterion: Criterion, at: float) -> RangeQuery:
    """Two hours in steps of a twentieth of the window, so that "for 20m" can be told."""
    window = _window(criterion)
    step = window / _STEPS_IN_WINDOW
    lookback = max(window, min(_LOOKBACK, step * _MOST_POINTS))
    return RangeQuery(criterion.query, at - lookback, at, step)


def judge(criterion: Criterion, series: Sequence[Series], at: float) -> list[Outcome]:
    """One outcome for each series; one that ended before the window is of the past.

    If all of them ended, each has no data.
    """
    begin = at - _window(criterion) - _DUST
    measured = [_without_gaps(criterion, one) for one in series]
    current = [one for one in measured if one.points and one.points[-1][0] >= begin]
    if not current:
        told = f"nothing in the last {spoken(_window(criterion))}"
        return [unjudged(one, criterion, told) for one in series]
    return [_judge_one(criterion, one, at) for one in current]


def _without_gaps(criterion: Criterion, series: Series) -> Series:
    """NaN is a gap, unless it is a breach."""
    if criterion.nan_is_breach:
        return series
    return series._replace(points=tuple(p for p in series.points if not math.isnan(p[1])))


def _judge_one(criterion: Criterion, series: Series, at: float) -> Outcome:
    window = _window(criterion)
    current = judged(criterion, series, value=series.value)
    recent = [value for time, value in series.points if time >= at - window - _DUST]
    lasted = at - _breach_start(criterion, series, at)
    if current.reason is Reason.OK:
        return current
    if any(keeps(criterion, value) for value in recent):
        text = f"{current.text}, for {lasting(lasted)}, allowed for less than {spoken(window)}"
        return current._replace(reason=Reason.OK, text=text)
    if lasted < window - _DUST:
        told = f"only {spoken(lasted)} of {spoken(window)} measured, all of it in breach"
        return unjudged(series, criterion, told)
    more = " or more" if at - lasted <= query(criterion, at).start + _DUST else ""
    return current._replace(text=f"{current.text}, for {lasting(lasted)}{more}")


def _breach_start(criterion: Criterion, series: Series, at: float) -> float:
    """When the breach that lasts until now began. A gap does not end it: nothing was measured."""
    start = at
    for time, value in reversed(series.points):
        if keeps(criterion, value):
            break
        start = time
    return start


def _window(criterion: Criterion) -> float:
    assert isinstance(criterion.kind, Sustained)
    return seconds(criterion.kind.window)
