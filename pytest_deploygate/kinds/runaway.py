"""Judge the newest value against the limit and against a multiple of its own average."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_deploygate.core.criterion import Comparison, Criterion, Limit, number
from pytest_deploygate.core.durations import Duration, seconds, spoken
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import RangeQuery, Series
from pytest_deploygate.kinds import window as past
from pytest_deploygate.kinds.base import Answers, Kind
from pytest_deploygate.kinds.decision import Decision, Decisions, Lack
from pytest_deploygate.kinds.limit import explained, hold, holds, largest_bucket, shown, unjudged
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.comparisons import held_against, keeps, measured
from pytest_deploygate.promql.expressions import Expressions, either, literal
from pytest_deploygate.promql.histograms import largest_bucket as largest_in_promql
from pytest_deploygate.promql.subqueries import Window

_AVERAGE = "held against the average"
_MAGNITUDE = "held against the average magnitude"


@dataclass(frozen=True, slots=True)
class Runaway(Kind):
    """Judge the newest value against the limit and against a multiple of its own average.

    The multiple counts where it is stricter than the limit. It is a multiple of the average
    magnitude, because an average near or below zero says nothing about the size of the values. A
    value may be equal to it, whatever the comparison: a loss that is always zero does not run away.

    Args:
        baseline: how far back the average reaches.
        factor: the multiple of the average that a value may reach.
        min_points: the fewest points that an average needs.
        coverage: the share of the baseline that they must span.
    """

    baseline: Duration = "2h"
    factor: Limit = 3.0
    min_points: int = 10
    coverage: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a baseline that is not a duration."""
        seconds(self.baseline)

    @property
    def length(self) -> float:
        """The baseline in seconds."""
        return seconds(self.baseline)

    @property
    def step(self) -> float:
        """Seconds between two points."""
        return self.length / past.STEPS

    def limits(self) -> Mapping[str, Limit]:
        """The factor."""
        return {"factor": self.factor}

    def queries(self, criterion: Criterion, times: Times) -> Sequence[RangeQuery]:
        """The window of the baseline, whose last point is the current value."""
        return (times.window(criterion.query, self.length, self.step),)

    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        """One decision for each series."""
        series = past.without_replaced(answers[0], at, self.step)
        return [self._decide_one(criterion, one, at) for one in series]

    def _decide_one(self, criterion: Criterion, series: Series, at: float) -> Decision:
        if age := past.age_of_ended(series, at, self.step):
            return unjudged(criterion, series, past.ENDED, (age,))
        decision = hold(criterion, series, series.value, largest=largest_bucket(criterion, series))
        if decision.reason is not Reason.OK:
            return decision
        points = past.finite_points(series)
        case, missing = past.shortage(
            points, self.length, least=self.min_points, coverage=self.coverage
        )
        if case:
            return unjudged(criterion, series, case, (missing,), Lack.TIME)
        return self._against_average(criterion, decision, [value for _, value in points])

    def _against_average(
        self, criterion: Criterion, decision: Decision, values: Sequence[float]
    ) -> Decision:
        average = math.fsum(abs(value) / len(values) for value in values)
        limit = number(self.factor) * average
        if not criterion.comparison.lower_is_better or limit >= criterion.limit:
            return decision
        reason = Reason.OK if holds(Comparison.AT_MOST, decision.value, limit) else Reason.BREACH
        return decision._replace(
            reason=reason,
            comparison=Comparison.AT_MOST,
            limit=limit,
            badness=Comparison.AT_MOST.badness(decision.value, limit),
            case=_AVERAGE if min(values) >= 0 else _MAGNITUDE,
            numbers=(average,),
        )

    def decide_many(self, criterion: Criterion, answers: Answers, times: Times) -> Decisions:
        """The same over the matrix."""
        from pytest_deploygate.kinds.many_windows import runaway

        return runaway(
            self,
            criterion,
            answers[0],
            times,
            least=self.min_points,
            coverage=self.coverage,
            factor=number(self.factor),
        )

    def explain(self, criterion: Criterion, decision: Decision) -> str:
        """The value and the stricter of both limits."""
        if decision.case in (past.ENDED, past.TOO_FEW, past.TOO_SHORT):
            missing = past.explained(
                decision.case,
                decision.numbers[0],
                self.length,
                least=self.min_points,
                coverage=self.coverage,
            )
            return missing if decision.case == past.ENDED else f"no baseline: {missing}"
        if decision.case not in (_AVERAGE, _MAGNITUDE):
            return explained(criterion, decision)
        average = "average" if decision.case == _AVERAGE else "average magnitude"
        origin = f"{number(self.factor):g} x its {spoken(self.length)} {average}"
        text = explained(criterion, decision, origin)
        if decision.reason is Reason.OK:
            return text
        return f"{text} ({origin} {shown(criterion, decision.numbers[0])})"

    def promql(self, criterion: Criterion) -> Expressions:
        """The newest value against the limit and, if it keeps that, against its average."""
        window = Window.of(criterion, self.length, self.step)
        now = measured(criterion, window.query)
        kept = both = keeps(criterion, now, largest_in_promql(criterion))
        baseline = title = ""
        if criterion.comparison.lower_is_better:
            factor = literal(number(self.factor))
            baseline = f"{factor} * avg_over_time(abs{window.finite}[{window.range}])"
            title = f"{number(self.factor):g} x its {spoken(self.length)} average"
            both = f"{now} {held_against(Comparison.AT_MOST, baseline, 1)}"
        judged = either(
            f"{kept} == 0", f"{both}\nand {window.enough(self.min_points, self.coverage)}"
        )
        return window.expressions(
            window.asked,
            judged,
            judged,
            past.PLACES,
            baseline=baseline,
            baseline_title=title,
        )
