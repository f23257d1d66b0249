"""The two hours before a result, for charts.

They are asked for when everything is judged and with a time of their own: a chart that cannot be
had is left out, and no verdict waits for one or depends on one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from pytest_deploygate.evaluation.trend import history_query
from pytest_deploygate.model import Measurement, RangeQuery, Reason, Result, Status
from pytest_deploygate.text import printable

WINDOW = 7200.0
"""Seconds."""

MOST_QUERIES = 100
"""A gate of thousands of expressions gets charts for its worst checks only."""

Points = tuple[tuple[float, float], ...]
BySeries = Mapping[frozenset[tuple[str, str]], Points]
"""The points of each series, found by its labels."""


def queries(results: Iterable[Result], at: float) -> list[RangeQuery]:
    """What to ask for at the evaluation time, each expression once, the failures' first."""
    lacking = sorted(filter(_lacks_history, results), key=lambda result: result.ok)
    expressions = dict.fromkeys(result.query for result in lacking)
    return [history_query(expr, at, WINDOW) for expr in islice(expressions, MOST_QUERIES)]


def by_labels(measurement: Measurement) -> BySeries:
    """The series of an answer, their labels written as results have them."""
    return {
        frozenset((printable(key), printable(value)) for key, value in one.labels.items()): (
            one.points
        )
        for one in measurement.series
    }


def joined(
    results: Iterable[Result], histories: Mapping[str, BySeries]
) -> tuple[Result, ...]:
    """The results, each with the points of the series that was judged worst.

    Args:
        results: what was judged.
        histories: what is known of each expression.
    """
    return tuple(
        replace(result, history=_ending_as_judged(result, points)) if points else result
        for result in results
        for points in [_points(result, histories)]
    )


def _lacks_history(result: Result) -> bool:
    asked_in_vain = result.reason is Reason.ERROR or result.status is Status.SKIPPED
    return bool(result.query) and not result.history and not asked_in_vain


def _points(result: Result, histories: Mapping[str, BySeries]) -> Points:
    if not _lacks_history(result):
        return ()
    return histories.get(result.query, {}).get(frozenset(result.labels.items()), ())


def _ending_as_judged(result: Result, points: Sequence[tuple[float, float]]) -> Points:
    """Samples may have arrived since: the last point is the value that was judged, if any was."""
    if result.value is None or math.isnan(result.value):
        return tuple(points)
    earlier = [point for point in points if point[0] < result.timestamp]
    return (*earlier, (result.timestamp, result.value))
