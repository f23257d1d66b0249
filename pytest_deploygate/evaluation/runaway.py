"""Judge the newest value against the limit and against a multiple of its own average."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_deploygate.durations import seconds, spoken
from pytest_deploygate.evaluation.outcome import Outcome, judged, too_few
from pytest_deploygate.evaluation.trend import finite_points, history_query, why_too_few
from pytest_deploygate.model import Criterion, RangeQuery, Reason, Runaway, Series, number
from pytest_deploygate.text import value_text


def query(criterion: Criterion, at: float) -> RangeQuery:
    """The window of the baseline, whose last point is the current value."""
    return history_query(criterion.query, at, seconds(_kind(criterion).baseline))


def judge(criterion: Criterion, series: Sequence[Series], at: float) -> list[Outcome]:
    """One outcome for each series that still has a current value."""
    return [_judge_one(criterion, one, at) for one in series]


def _judge_one(criterion: Criterion, series: Series, at: float) -> Outcome:
    if at - series.points[-1][0] > query(criterion, at).step / 2:
        age = spoken(at - series.points[-1][0])
        return too_few(series, criterion, f"the newest point is {age} old")
    outcome = judged(criterion, series, value=series.value)
    if outcome.reason is not Reason.OK:
        return outcome
    points = finite_points(series)
    if missing := why_too_few(criterion, points, at):
        return too_few(series, criterion, f"no baseline: {missing}")
    return _against_baseline(criterion, series, outcome, float(points[:, 1].mean()))


def _against_baseline(
    criterion: Criterion, series: Series, outcome: Outcome, baseline: float
) -> Outcome:
    """A multiple of an average that is not above zero means nothing, and is not asked for."""
    factor = number(_kind(criterion).factor)
    limit = factor * baseline
    if not math.isfinite(limit) or baseline <= 0 or limit >= criterion.limit:
        return outcome
    window = spoken(seconds(_kind(criterion).baseline))
    average = value_text(baseline, criterion.unit)
    why = f" ({factor:g} x its {window} average {average})"
    stricter = judged(criterion, series, value=series.value, limit=limit)
    if stricter.reason is Reason.OK:
        return outcome
    return Outcome(
        series, Reason.BREACH, series.value, limit, stricter.badness, stricter.text + why
    )


def _kind(criterion: Criterion) -> Runaway:
    assert isinstance(criterion.kind, Runaway)
    return criterion.kind
