"""Judgements of many times, held against each of them alone."""

from __future__ import annotations

import math

import numpy as np

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Result
from pytest_deploygate.engine.culprit import Ask
from pytest_deploygate.engine.judgements import STATUSES, Judgements
from pytest_deploygate.engine.judging import judge
from pytest_deploygate.engine.judging_many import judge_many
from pytest_deploygate.kinds.decision import REASONS
from pytest_deploygate.kinds.times import Times


def alone(result: Result) -> tuple[object, ...]:
    """What one result says, as :func:`together` says it of one time."""
    # An error of one of the series names it, and may have no value.
    named = dict(result.labels) if result.value is not None or result.failing else None
    counts = (result.failing, result.total)
    return (result.status, result.reason, named, *counts)


def together(found: Judgements, place: int) -> tuple[object, ...]:
    """Status, reason, the labels of the worst series, and the counts at one of the times."""
    worst = int(found.worst[place])
    named = dict(found.labels[worst]) if worst >= 0 else None
    counts = int(found.failing[place]), int(found.total[place])
    return STATUSES[found.statuses[place]], REASONS[found.reasons[place]], named, *counts


def assert_alike(given: Criterion, times: Times, ask: Ask) -> None:
    """Many times at once are judged as each of them alone."""
    found = judge_many(given, times, ask)
    assert len(found.times) == times.count
    for place, at in enumerate(times.all):
        result = judge(given, at, ask)
        assert together(found, place) == alone(result), (at, result.message)
        assert result.threshold is not None
        value = math.nan if result.value is None else result.value
        np.testing.assert_allclose(found.values[place], value, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.limits[place], result.threshold, rtol=1e-9)
