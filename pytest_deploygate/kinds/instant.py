"""Judge the newest value of every series, and say when a histogram's buckets decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.series import Query
from pytest_deploygate.kinds.base import Answers, Kind
from pytest_deploygate.kinds.decision import Decision, Decisions
from pytest_deploygate.kinds.limit import buckets, explained, hold, largest_bucket, shown
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.comparisons import asked, keeps, measured
from pytest_deploygate.promql.expressions import Expressions, either, operand
from pytest_deploygate.promql.histograms import largest_bucket as largest_in_promql


@dataclass(frozen=True, slots=True)
class Instant(Kind):
    """Judge the newest value of every series."""

    def queries(self, criterion: Criterion, times: Times) -> Sequence[Query]:
        """The criterion's expression at each time."""
        return (times.instant(criterion.query),)

    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        """Hold every value against the limit."""
        return [
            hold(criterion, one, one.value, largest=largest_bucket(criterion, one))
            for one in answers[0]
        ]

    def decide_many(self, criterion: Criterion, answers: Answers, times: Times) -> Decisions:
        """The same over the matrix."""
        from pytest_deploygate.kinds.many import Held, Matrix, largest_buckets

        matrix = Matrix.of(answers[0], times.instant(criterion.query))
        held = Held.against(
            criterion, matrix.values, largest=largest_buckets(criterion, answers[0])
        )
        return held.decisions(matrix.labels, matrix.present)

    def explain(self, criterion: Criterion, decision: Decision) -> str:
        """The value and the limit."""
        return explained(criterion, decision) + _interpolated(criterion, decision)

    def promql(self, criterion: Criterion) -> Expressions:
        """The comparison itself."""
        query, largest = operand(asked(criterion)), largest_in_promql(criterion)
        every = keeps(criterion, query, largest)
        judged = keeps(criterion, measured(criterion, query), largest)
        graded = either(judged, f"0.5 * {query} ^ 0") if judged != every else every
        return Expressions(value=asked(criterion), judged=judged, every=every, graded=graded)


def _interpolated(criterion: Criterion, decision: Decision) -> str:
    """Say that value and limit lie in one bucket, where the quantile is only interpolated."""
    value, bounds = decision.value, (0.0, *sorted(buckets(criterion, decision.series)))
    for lower, upper in pairwise(bounds):
        if lower < criterion.limit < upper and lower < value < upper:
            width = f"{shown(criterion, lower)} to {shown(criterion, upper)}"
            return f", interpolated in the bucket from {width}"
    return ""
