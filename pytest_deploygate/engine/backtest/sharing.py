"""Queries that are answered by others: by finer ones, and by longer ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.series import Measurement, Query, RangeQuery, Series
from pytest_deploygate.engine.asking import Measurements
from pytest_deploygate.engine.over_time import MOST_POINTS
from pytest_deploygate.kinds.many import points_of, sliced

_DUST = 0.002  # seconds; a source rounds the times of its points to milliseconds


class Shared:
    """Asks each expression only as finely as it must be asked.

    Args:
        measurements: what asks.

    Attributes:
        rounded: seconds by which the source answered for earlier times than those it was asked
            for, 0 if it did not.
    """

    def __init__(self, measurements: Measurements) -> None:
        self._measurements = measurements
        self._finer: dict[Query, Sequence[RangeQuery]] = {}
        self.rounded = 0.0

    def prefetch(self, queries: Iterable[Query], *, join: bool = False) -> list[Query]:
        """Begin to ask; the queries that are asked themselves.

        Args:
            queries: what has to be answered.
            join: whether those that overlap on one grid are asked as one.
        """
        wanted = list(dict.fromkeys(queries))
        asking: dict[str, list[RangeQuery]] = {}
        own = [one for one in wanted if isinstance(one, RangeQuery)]
        ranges = list(dict.fromkeys([*own, *(_unions(own) if join else ())]))
        for one in sorted(ranges, key=lambda one: (one.step, one.start - one.end)):
            if finer := _finer(one, asking.setdefault(one.expr, [])):
                self._finer[one] = finer
            else:
                asking[one.expr].append(one)
        asked = [one for one in dict.fromkeys([*wanted, *ranges]) if one not in self._finer]
        self._measurements.prefetch(asked)
        return asked

    def ask(self, query: Query) -> Measurement:
        """The answer to a query, with points at the times that were asked for.

        Raises:
            SourceError: the source could not answer.
        """
        finer = self._finer.get(query)
        if finer:
            try:
                return _joined(query, [self._answer(one) for one in finer])
            except SourceError:  # less may be answered
                pass
        return self._answer(query)

    def _answer(self, query: Query) -> Measurement:
        """A query frontend may round the times of a range down to multiples of its step.

        Source: --query-range.align-range-with-step of Thanos, align_queries_with_step of Mimir.
        """
        answer = self._measurements.ask(query)
        late = _rounded_by(query, answer)
        if not late:
            return answer
        self.rounded = max(self.rounded, late)
        series = tuple(
            one._replace(points=tuple((round(time + late, 3), value) for time, value in one.points))
            for one in answer.series
        )
        return Measurement(series, answer.warnings)

    def progress(self, queries: Iterable[Query]) -> Iterator[tuple[int, int]]:
        """How many queries are answered, of how many, until these are."""
        return self._measurements.progress(queries)

    def answers(self) -> dict[Query, Measurement | SourceError]:
        """Everything that was asked and what came of it."""
        return self._measurements.answers()


def _rounded_by(query: Query, answer: Measurement) -> float:
    if isinstance(query, RangeQuery) and answer.series:
        late = (query.start - answer.series[0].points[0][0]) % query.step
        if _DUST < late < query.step - _DUST:
            return late
    return 0.0


def _unions(ranges: Iterable[RangeQuery]) -> list[RangeQuery]:
    """What answers several overlapping queries of one expression and one grid together.

    None has more points than a source answers.
    """
    found: list[RangeQuery] = []
    for one in sorted(ranges, key=_on_one_grid):
        newest = found[-1] if found else one
        union = newest._replace(end=max(newest.end, one.end))
        goes_on = one.start <= newest.end + newest.step + _DUST
        alike = _on_one_grid(one)[:3] == _on_one_grid(newest)[:3]
        if found and alike and goes_on and points_of(union) <= MOST_POINTS:
            found[-1] = union
        else:
            found.append(one)
    return found


def _on_one_grid(query: RangeQuery) -> tuple[str, float, float, float]:
    """The expression, the step, the place of the points between two steps, and the start."""
    offset = round(query.start % query.step, 3)
    return query.expr, query.step, offset if offset < query.step else 0.0, query.start


def _finer(query: RangeQuery, others: Iterable[RangeQuery]) -> list[RangeQuery]:
    """The queries that have all points of this one together; empty if there are none."""
    finer = [one for one in others if one.step <= query.step and _on_grid(query, one)]
    found, at = [], query.start
    for one in sorted(finer, key=lambda one: one.start):
        if one.start - _DUST <= at <= one.end + _DUST:
            found.append(one)
            passed = math.floor((one.end + _DUST - query.start) / query.step) + 1
            at = query.start + passed * query.step
        if at > query.end + _DUST:
            return found
    return []


def _on_grid(query: RangeQuery, finer: RangeQuery) -> bool:
    steps = query.step / finer.step
    offset = (query.start - finer.start) / finer.step
    return all(abs(one - round(one)) * finer.step < _DUST / 2 for one in (steps, offset))


def _joined(query: Query, answers: Iterable[Measurement]) -> Measurement:
    """Only the points that a query asks for, of answers that overlap."""
    points: dict[tuple[tuple[str, str], ...], dict[float, float]] = {}
    warnings: dict[str, None] = {}
    for answer in answers:
        warnings |= dict.fromkeys(answer.warnings)
        for one in sliced(answer.series, query):
            key = tuple(sorted(one.labels.items()))
            points.setdefault(key, {}).update(one.points)
    series = (Series(dict(key), tuple(sorted(found.items()))) for key, found in points.items())
    return Measurement(tuple(series), tuple(warnings))
