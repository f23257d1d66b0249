"""Judge the slope of a linear regression, one for each series."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.durations import Duration, seconds, spoken
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import RangeQuery, Series
from pytest_deploygate.kinds import window as past
from pytest_deploygate.kinds.base import Answers, Kind
from pytest_deploygate.kinds.decision import Decision, Decisions, Lack
from pytest_deploygate.kinds.limit import hold, shown, unjudged
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.comparisons import keeps, measured
from pytest_deploygate.promql.expressions import Expressions, either, grouped, literal
from pytest_deploygate.promql.subqueries import Window

DUST = 1e-9
"""A change over the window below this share of the value is rounding, not a trend."""

_NOT_FINITE = "the newest value is not a finite number"


@dataclass(frozen=True, slots=True)
class Trend(Kind):
    """Judge the slope of a linear regression over the window, per hour, one for each series.

    Args:
        window: how far back the regression reaches.
        min_points: the fewest points that it needs.
        coverage: the share of the window that they must span.
    """

    window: Duration = "2h"
    min_points: int = 10
    coverage: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a window that is not a duration."""
        seconds(self.window)

    @property
    def length(self) -> float:
        """The window in seconds."""
        return seconds(self.window)

    @property
    def step(self) -> float:
        """Seconds between two points."""
        return self.length / past.STEPS

    def queries(self, criterion: Criterion, times: Times) -> Sequence[RangeQuery]:
        """The window before each time."""
        return (times.window(criterion.query, self.length, self.step),)

    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        """One decision for each series."""
        series = past.without_replaced(answers[0], at, self.step)
        return [self._decide_one(criterion, one, at) for one in series]

    def _decide_one(self, criterion: Criterion, series: Series, at: float) -> Decision:
        if age := past.age_of_ended(series, at, self.step):
            return unjudged(criterion, series, past.ENDED, (age,))
        if not math.isfinite(series.value):
            return hold(criterion, series, series.value)._replace(case=_NOT_FINITE)
        points = past.finite_points(series)
        case, number = past.shortage(
            points, self.length, least=self.min_points, coverage=self.coverage
        )
        if case:
            return unjudged(criterion, series, case, (number,), Lack.TIME)
        return hold(criterion, series, slope(points) * 3600)

    def decide_many(self, criterion: Criterion, answers: Answers, times: Times) -> Decisions:
        """The same over the matrix."""
        from pytest_deploygate.kinds.many_windows import trend

        return trend(
            self,
            criterion,
            answers[0],
            times,
            least=self.min_points,
            coverage=self.coverage,
            dust=DUST,
        )

    def explain(self, criterion: Criterion, decision: Decision) -> str:
        """The slope, in words, and the newest value."""
        if decision.case == _NOT_FINITE:
            now = shown(criterion, decision.value)
            return f"{criterion.quantity} is now {now}".lstrip()
        if decision.case:
            number, given = decision.numbers[0], (self.min_points, self.coverage)
            return past.explained(
                decision.case, number, self.length, least=given[0], coverage=given[1]
            )
        text = _direction(criterion, decision.value, decision.series.value)
        if decision.reason is Reason.BREACH:
            text += f", limit {criterion.comparison.symbol} {criterion.limit:g} per hour"
        return text

    def promql(self, criterion: Criterion) -> Expressions:
        """The slope per hour of a series that is a number now, with its dust off."""
        window = Window.of(criterion, self.length, self.step)
        derived = f"deriv({window.finite}[{window.range}])"
        largest = f"max_over_time(abs{window.finite}[{window.range}])"
        value = f"""\
  3600 * {derived}
  * (
    abs({derived}) * {literal(self.length)}
    > bool {literal(DUST)} * {largest}
  )
and -Inf < {window.query} < Inf
and {window.enough(self.min_points, self.coverage)}"""
        passes = keeps(criterion, grouped(value))
        not_finite = f"{measured(criterion, window.query)} % Inf >= bool -Inf == 0"
        return window.expressions(
            value,
            passes,
            either(passes, not_finite),
            past.PLACES,
            condition=f"the slope over {spoken(self.length)}",
            per_hour=True,
        )


def slope(points: past.Points) -> float:
    """Least squares, per second; zero where the change is only floating-point dust.

    For the 120 points of a window a library of arrays takes as long, and far longer to be loaded.
    """
    largest = max(abs(value) for _, value in points) or 1.0
    times = _centred([time for time, _ in points])
    values = _centred([value / largest for _, value in points])
    found = math.fsum(map(operator.mul, times, values)) / math.fsum(time * time for time in times)
    change = abs(found) * (times[-1] - times[0])
    return 0.0 if change <= DUST else found * largest


def _centred(numbers: Sequence[float]) -> list[float]:
    mean = math.fsum(numbers) / len(numbers)
    return [number - mean for number in numbers]


def _direction(criterion: Criterion, per_hour: float, current: float) -> str:
    now = shown(criterion, current)
    if per_hour == 0:
        return f"{criterion.quantity} stable (now {now})".lstrip()
    direction = "rising" if per_hour > 0 else "falling"
    change = shown(criterion, abs(per_hour))
    return f"{criterion.quantity} {direction} by {change} per hour (now {now})".lstrip()
