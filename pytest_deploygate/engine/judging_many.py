"""One criterion judged at many times, as arrays. What loads numpy; an ordinary run does not."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterator
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError, TooMuchError
from pytest_deploygate.core.series import InstantQuery, Measurement, Query
from pytest_deploygate.engine import enough, over_time
from pytest_deploygate.engine.buckets import Buckets, question
from pytest_deploygate.engine.culprit import Ask
from pytest_deploygate.engine.judgements import (
    Judgements,
    concluded,
    joined,
    stacked,
    unanswered_many,
)
from pytest_deploygate.engine.judging import judge, kind_of, measured, measuring, prepared
from pytest_deploygate.engine.outcome import Measured, conclude
from pytest_deploygate.engine.over_time import MOST_POINTS, OverTime, Places
from pytest_deploygate.kinds.many import points_of, sliced
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.tokens import has_ends


def judge_many(criterion: Criterion, times: Times, ask: Ask) -> Judgements:
    """Judge a criterion at many times, exactly as ``judge`` does at each of them.

    What the source cannot answer has the reason ``error`` at the times that it was asked for,
    never an exception. A warning of the source counts at all times of the answer that has it.
    ``ask`` remembers what it was asked, answered or not: it may be asked again.
    """
    histogram = question(criterion, times.start)
    bounds = OverTime.of(histogram.expr, times, ask) if histogram else None
    pieces: list[tuple[Places, Judgements]] = []
    first = 0
    for part in parts(criterion, times):
        places = np.arange(first, first + part.count)
        pieces.append((places, _Part(criterion, part, ask, bounds, places).judged()))
        first += part.count
    return joined(times.all, pieces)


def queries_of_many(criterion: Criterion, times: Times) -> list[Query]:
    """Everything that :func:`judge_many` asks, so that it can be asked side by side.

    What a comparison asks depends on the answers to what it asks first: see
    :func:`queries_of_compared`.
    """
    kind, histogram = kind_of(criterion), question(criterion, times.start)
    if kind.compares:
        first = [kind.measuring(criterion, at) for at in times.all]
        asked: list[Query] = [query for query in first if query is not None]
    else:
        asked = [query for one in parts(criterion, times) for query in measuring(criterion, one)]
    return asked + (over_time.queries(histogram.expr, times) if histogram else [])


def queries_of_compared(criterion: Criterion, times: Times, ask: Ask) -> Iterator[Query]:
    """The rest of what :func:`judge_many` asks for a comparison; nothing for other kinds."""
    if kind_of(criterion).compares:
        for at in times.all:
            with suppress(SourceError):  # its judgement says why
                yield from measuring(prepared(criterion, at, ask), Times(at))


def parts(criterion: Criterion, times: Times) -> list[Times]:
    """The times, cut only where one query for all of them would have too many points.

    They are judged one by one where a query for many times cannot say the same as a query for
    each: the points are not on one grid, or the query speaks of its own start or end. A comparison
    measures at each time how often its metric is scraped, before it asks.
    """
    if kind_of(criterion).compares or not _is_one_grid(criterion, times):
        return times.parts(1)
    counts = range(1, times.count + 1)
    most = bisect_right(counts, False, key=lambda count: not _fits(criterion, times.part(0, count)))
    return times.parts(max(1, most))


def _is_one_grid(criterion: Criterion, times: Times) -> bool:
    """Whether the points of all times are on one grid of whole milliseconds.

    A source rounds every time to a millisecond. With a step between two milliseconds its points
    would drift away from the grid.
    """
    queries, singles = measuring(criterion, times), measuring(criterion, Times(times.start))
    for query, single in zip(queries, singles, strict=True):
        if has_ends(query.expr):
            return False
        if isinstance(query, InstantQuery):
            continue
        steps = [query.step] if isinstance(single, InstantQuery) else [query.step, single.step]
        if any(abs(step * 1000 - round(step * 1000)) > 1e-6 for step in steps):
            return False
    return True


def _fits(criterion: Criterion, times: Times) -> bool:
    """Whether no query for these times has more points than a source answers."""
    return all(
        isinstance(query, InstantQuery) or points_of(query) <= MOST_POINTS
        for query in measuring(criterion, times)
    )


class _Part(NamedTuple):
    """Times that are judged from one set of answers; ``places`` are theirs among all times."""

    criterion: Criterion
    times: Times
    ask: Ask
    bounds: OverTime | None
    places: Places

    def judged(self) -> Judgements:
        criterion, times = self.criterion, self.times
        if times.count == 1:
            return stacked(times.all, [judge(criterion, times.start, self._served)])
        try:
            found = self._measured()
        except TooMuchError:
            return self._in_smaller_parts()
        except SourceError:
            return unanswered_many(criterion, times)
        if self.bounds is None:
            return self._decided(found)
        return joined(times.all, list(self._by_buckets(found, self.bounds)))

    def _measured(self) -> Measured:
        return measured(self.criterion, self.times, self.ask)

    def _in_smaller_parts(self) -> Judgements:
        """One time that the source cannot evaluate fails a query for all: find the others.

        Where a smaller query is not answered either, it is not the number of times.
        """
        parts, first = [], int(self.places[0])
        for times in self.times.smaller():
            places = np.arange(first, first + times.count)
            parts.append(self._replace(times=times, places=places))
            first += times.count
        if not any(one._is_answered() for one in parts):
            return unanswered_many(self.criterion, self.times)
        pieces = [(one.places - self.places[0], one.judged()) for one in parts]
        return joined(self.times.all, pieces)

    def _is_answered(self) -> bool:
        try:
            self._measured()
        except SourceError:
            return False
        return True

    def _served(self, query: Query) -> Measurement:
        """The answer for a single time; the buckets are known already."""
        if self.bounds is not None and query == question(self.criterion, self.times.start):
            return self.bounds.at(int(self.places[0]))
        return self.ask(query)

    def _decided(self, found: Measured) -> Judgements:
        decisions = kind_of(self.criterion).decide_many(self.criterion, found.answers, self.times)
        decisions = enough.checked_many(self.criterion, decisions, found.traffic, self.times)
        warned = bool(found.warnings)
        return concluded(self.criterion, self.times, decisions, warned=warned)

    def _by_buckets(self, found: Measured, bounds: OverTime) -> Iterator[tuple[Places, Judgements]]:
        """The times in groups with the same buckets behind the quantile."""
        groups: dict[Hashable, tuple[Buckets | None, list[Places]]] = {}
        for places in bounds.alike(self.places, values=True):
            buckets = self._buckets(bounds, int(places[0]))
            key = buckets.key if buckets else None
            groups.setdefault(key, (buckets, []))[1].append(places - self.places[0])
        for buckets, places_of in groups.values():
            places = np.sort(np.concatenate(places_of))
            if buckets is None:
                yield places, unanswered_many(self.criterion, self.times).chosen(places)
            elif buckets.broken:
                yield places, self._one_by_one(found, buckets, places)
            else:
                answers = tuple(buckets.attached(found.answers))
                yield places, self._decided(found._replace(answers=answers)).chosen(places)

    def _buckets(self, bounds: OverTime, place: int) -> Buckets | None:
        try:
            return Buckets(self.criterion, bounds.at(place))
        except SourceError:
            return None

    def _one_by_one(self, found: Measured, buckets: Buckets, places: Places) -> Judgements:
        """Where buckets say nothing about some quantiles; from the answers that there are."""
        criterion, kind = self.criterion, kind_of(self.criterion)
        answers = buckets.attached(found.answers)
        times = self.times.all
        at_each, results = [times[place] for place in places], []
        for at in at_each:
            asked = kind.queries(criterion, Times(at))
            then = [list(sliced(one, query)) for one, query in zip(answers, asked, strict=True)]
            decisions = buckets.checked(kind.decide(criterion, then, at), at)
            if traffic := enough.question(criterion, Times(at)):
                decisions = enough.checked(
                    criterion, decisions, list(sliced(found.traffic, traffic))
                )
            results.append(conclude(criterion, kind, at, decisions, found))
        return stacked(at_each, results)
