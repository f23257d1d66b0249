"""Judge the newest value of every series, and say when a histogram's buckets decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pytest_deploygate.core.criterion import Criterion, Limit
from pytest_deploygate.core.series import InstantQuery, Series
from pytest_deploygate.kinds.limit import Outcome, judged, shown


@dataclass(frozen=True, slots=True)
class Instant:
    """Judge the newest value of every series."""

    def limits(self) -> Mapping[str, Limit]:
        """What ``--gate-set`` may change."""
        return {}


def query(criterion: Criterion, at: float) -> InstantQuery:
    """The criterion's expression at the evaluation time."""
    return InstantQuery(criterion.query, at)


def judge(criterion: Criterion, series: Sequence[Series], at: float) -> list[Outcome]:
    """One outcome for each series."""
    return [_judge_one(criterion, one) for one in series]


def _judge_one(criterion: Criterion, series: Series) -> Outcome:
    outcome = judged(criterion, series, value=series.value)
    told = _interpolated(criterion, series.value)
    return outcome._replace(text=outcome.text + told) if told else outcome


def _interpolated(criterion: Criterion, value: float) -> str:
    """Say that value and limit lie in one bucket, where the quantile is only interpolated."""
    bounds = (0.0, *sorted(criterion.buckets))
    for lower, upper in pairwise(bounds):
        if lower < criterion.limit < upper and lower < value < upper:
            width = f"{shown(criterion, lower)} to {shown(criterion, upper)}"
            return f", interpolated in the bucket from {width}"
    return ""
