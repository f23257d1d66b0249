"""Answers at many times as matrices, and values held against limits all at once.

Imported only where there are many times: an ordinary run has one, for which loading numpy would
take longer than everything that is computed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_deploygate.core.criterion import Comparison, Criterion
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import InstantQuery, Query, RangeQuery, Series
from pytest_deploygate.core.text import SAME
from pytest_deploygate.kinds.decision import ABSENT, REASONS, Decision, Decisions
from pytest_deploygate.kinds.limit import largest_bucket
from pytest_deploygate.kinds.times import Times

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int8]

CODE: Mapping[Reason, int] = {reason: code for code, reason in enumerate(REASONS)}

_NEAR = 0.002  # seconds; a source rounds the times of its points to milliseconds


@dataclass(frozen=True, slots=True)
class Matrix:
    """The series of one answer, (series, points): ``present`` says where there is a value.

    NaN is a value like any other: a source may answer it.
    """

    labels: tuple[Mapping[str, str], ...]
    values: Floats
    present: Flags

    @classmethod
    def of(cls, series: Sequence[Series], query: Query) -> Matrix:
        """The answer to a query, a column for each time that was asked for."""
        if isinstance(query, InstantQuery):
            start, step, count = query.at, 1.0, 1
        else:
            start, step, count = query.start, query.step, points_of(query)
        values = np.full((len(series), count), np.nan)
        present = np.zeros((len(series), count), dtype=bool)
        for row, one in enumerate(series):
            points = np.array(one.points)
            # A frontend may have rounded the times of all points down by less than one step.
            columns = np.ceil((points[:, 0] - start - _NEAR) / step).astype(int)
            values[row, columns] = points[:, 1]
            present[row, columns] = True
        return cls(tuple(one.labels for one in series), values, present)

    def every(self, stride: int, first: int) -> Matrix:
        """Only every so many-th column, from the first on."""
        columns = slice(first, None, stride)
        return Matrix(self.labels, self.values[:, columns], self.present[:, columns])


def largest_buckets(criterion: Criterion, series: Sequence[Series]) -> Floats:
    """The bound of each series from which on a value may be larger, as a column."""
    return np.array([[largest_bucket(criterion, one)] for one in series]).reshape(-1, 1)


@dataclass(frozen=True, slots=True)
class Held:
    """Values held against limits, as :func:`kinds.limit.hold` does it, in arrays of one shape."""

    codes: Codes
    values: Floats
    limits: Floats
    badness: Floats

    @classmethod
    def against(
        cls, criterion: Criterion, values: Floats, *, largest: Floats | float = np.inf
    ) -> Held:
        """Hold values against the criterion's limit."""
        comparison, limit = criterion.comparison, criterion.limit
        kept = keeps(comparison, values, limit)
        codes = np.where(kept, CODE[Reason.OK], CODE[Reason.BREACH])
        cut_off = (values >= largest) & (values < np.inf)
        unknown = cut_off & (comparison.holds(values, limit) & np.isfinite(values))
        codes = np.where(cut_off, np.where(unknown, CODE[Reason.ERROR], CODE[Reason.BREACH]), codes)
        if not criterion.nan_is_breach:
            codes = np.where(np.isnan(values), CODE[Reason.NO_DATA], codes)
        limits = np.full(values.shape, limit)
        return cls(codes.astype(np.int8), values, limits, badness(comparison, values, limit))

    def decisions(self, labels: Iterable[Mapping[str, str]], judged: Flags) -> Decisions:
        """The same of these series, absent where they were not judged."""
        codes = np.where(judged, self.codes, ABSENT).astype(np.int8)
        return Decisions(tuple(labels), codes, self.values, self.limits, self.badness)


def keeps(comparison: Comparison, values: Floats, limits: Floats | float) -> Flags:
    """Where a value keeps its limit. Numbers that differ only by rounding are equal."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(values - limits)
        same = (apart <= SAME * np.maximum(np.abs(values), np.abs(limits))) | (values == limits)
    found: Flags = np.isfinite(values) & comparison.holds(np.where(same, limits, values), limits)
    return found


def keeps_known(criterion: Criterion, values: Floats, largest: float) -> Flags:
    """Where a value is known to keep the criterion's limit."""
    cut_off = (values >= largest) & (values < np.inf)
    return ~cut_off & keeps(criterion.comparison, values, criterion.limit)


def badness(comparison: Comparison, values: Floats, limits: Floats | float) -> Floats:
    """Numbers that grow as the values get worse; NaN is worst of all."""
    if comparison is Comparison.EQUALS:
        grown = np.abs(values - limits)
    elif comparison.lower_is_better:
        grown = np.where(values == -np.inf, np.inf, values)
    else:
        grown = np.where(values == np.inf, np.inf, -values)
    return np.where(np.isnan(values), np.inf, grown)


def one_by_one(
    queries: Callable[[Times], Sequence[Query]],
    decide: Callable[[Sequence[Sequence[Series]], float], list[Decision]],
    answers: Sequence[Sequence[Series]],
    times: Times,
) -> Decisions:
    """Decide one time after the other, from answers for all of them.

    Args:
        queries: all that has to be asked to judge at some times.
        decide: judges the answers to the queries of one time.
        answers: to ``queries(times)``.
        times: when to judge.
    """
    at_each = times.all
    rows: dict[tuple[tuple[str, str], ...], int] = {}
    cells: list[tuple[int, int, int, float, float, float]] = []
    for column, at in enumerate(at_each):
        asked = queries(Times(at))
        then = [list(sliced(one, query)) for one, query in zip(answers, asked, strict=True)]
        for decision in decide(then, at):
            row = rows.setdefault(tuple(sorted(decision.series.labels.items())), len(rows))
            numbers = decision.value, decision.limit, decision.badness
            cells.append((row, column, CODE[decision.reason], *numbers))
    shape = (len(rows), len(at_each))
    codes = np.full(shape, ABSENT, dtype=np.int8)
    values, limits, bad = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape)
    for row, column, code, value, limit, worse in cells:
        codes[row, column], values[row, column] = code, value
        limits[row, column], bad[row, column] = limit, worse
    return Decisions(tuple(dict(labels) for labels in rows), codes, values, limits, bad)


def sliced(series: Iterable[Series], query: Query) -> Iterator[Series]:
    """What the answer to one query would be, from an answer that holds all of its points."""
    start, end = (
        (query.at, query.at) if isinstance(query, InstantQuery) else (query.start, query.end)
    )
    for one in series:
        # The points are in the order of time: a search for each of thousands of times is short.
        first = bisect_left(one.points, (start - _NEAR,))
        last = bisect_right(one.points, (end + _NEAR,))
        points = tuple(point for point in one.points[first:last] if _is_asked(point[0], query))
        if points:
            yield one._replace(points=points)


def points_of(query: RangeQuery) -> int:
    """How many points the answer to a query has for a series that is always there."""
    return int((query.end - query.start) / query.step + _NEAR) + 1


def _is_asked(time: float, query: Query) -> bool:
    if isinstance(query, InstantQuery):
        return True
    steps = (time - query.start) / query.step
    return abs(steps - round(steps)) * query.step < _NEAR
