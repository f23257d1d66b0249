"""The two hours before a result, for charts.

They are asked for when everything is judged and with a time of their own: a chart that cannot be
had is left out, and no verdict waits for one or depends on one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from pytest_deploygate.core.report import WORST_FIRST
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.series import Measurement, Query, RangeQuery, Series
from pytest_deploygate.core.text import printable
from pytest_deploygate.kinds.times import Times

WINDOW = 7200.0
"""Seconds."""

STEP = 120.0
"""Seconds between two points: each five-minute window of a query is seen twice."""

MOST = 100
"""A page shows this many checks with their chart, the worst ones first."""

Points = tuple[tuple[float, float], ...]


def wanted(results: Iterable[Result]) -> list[Result]:
    """Return the results that lack a history and need one: the worst first, at most ``MOST``.

    Where there are too many, nobody looks at the charts of what passed.
    """
    lacking = [result for result in results if _lacks_history(result)]
    if len(lacking) > MOST:
        lacking = [result for result in lacking if not result.ok]
    return sorted(lacking, key=lambda result: WORST_FIRST.index(result.status))[:MOST]


def queries(results: Iterable[Result], at: float) -> list[RangeQuery]:
    """What to ask for at the evaluation time, each expression once."""
    times = Times(at)
    asked = (times.window(result.query, WINDOW, STEP) for result in results)
    return list(dict.fromkeys(asked))


def joined(results: Iterable[Result], answers: Mapping[Query, Measurement]) -> tuple[Result, ...]:
    """The results, each with the points of the series that was judged worst."""
    found = {
        (query.expr, _labels(one)): one.points
        for query, measurement in answers.items()
        for one in measurement.series
    }
    return tuple(_with_history(one, found.get((one.query, _labels(one)), ())) for one in results)


def _lacks_history(result: Result) -> bool:
    asked_in_vain = result.reason is Reason.ERROR or result.status is Status.SKIPPED
    has_own_chart = bool(result.history) or result.sides is not None
    return bool(result.query) and not has_own_chart and not asked_in_vain


def _labels(labelled: Result | Series) -> frozenset[tuple[str, str]]:
    """Labels as results show them."""
    return frozenset((printable(key), printable(value)) for key, value in labelled.labels.items())


def _with_history(result: Result, points: Points) -> Result:
    if not points or not _lacks_history(result):
        return result
    return result._replace(history=_ending_as_judged(result, points))


def _ending_as_judged(result: Result, points: Sequence[tuple[float, float]]) -> Points:
    """Samples may have arrived since: the last point is the value that was judged, if any was."""
    if result.value is None or math.isnan(result.value):
        return tuple(points)
    earlier = [point for point in points if point[0] < result.timestamp]
    return (*earlier, (result.timestamp, result.value))
