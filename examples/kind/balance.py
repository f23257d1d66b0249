"""A kind of criterion of your own, in one file: is the load spread evenly over all instances?

It is given as ``kind=Balanced()`` and is judged, reported, recorded and replayed like the kinds
that ship. Try it: ``pytest -p deploygate --prometheus-url http://localhost:9090``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from pytest_deploygate import (
    Answers,
    Criterion,
    Decision,
    Expressions,
    Kind,
    Query,
    Times,
    hold,
)


@dataclass(frozen=True)
class Balanced(Kind):
    """Judge how many times the average the busiest series is."""

    def queries(self, criterion: Criterion, times: Times) -> Sequence[Query]:
        """Ask for the newest value of every series."""
        return (times.instant(criterion.query),)

    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        """Hold the busiest series against the limit; all of them together are one decision."""
        (series,) = answers
        average = fmean(one.value for one in series) if series else 0.0
        if average <= 0:
            return []  # without any load there is nothing to spread: no data
        busiest = max(series, key=lambda one: one.value)
        decision = hold(criterion, busiest, busiest.value / average)
        return [decision._replace(numbers=(average, len(series)))]

    def explain(self, criterion: Criterion, decision: Decision) -> str:
        """Say how much busier it is, and among how many."""
        average, count = decision.numbers
        limit = f"{decision.comparison.symbol} {decision.limit:g}x"
        return (
            f"the busiest of {count:.0f} has {decision.value:.2f}x the average of {average:.4g} "
            f"({limit})"
        )

    def promql(self, criterion: Criterion) -> Expressions:
        """Write the same for rules and dashboards."""
        value = f"max({criterion.query}) / avg({criterion.query})"
        passes = f"({value}) <= bool {criterion.limit:g}"
        return Expressions(value=value, judged=passes, every=passes, graded=passes)
