"""One criterion judged at many times, as arrays. What loads numpy; an ordinary run does not."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError, TooMuchError
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.series import InstantQuery, Measurement, Query
from pytest_deploygate.engine import enough, over_time
from pytest_deploygate.engine.buckets import Buckets, question
from pytest_deploygate.engine.culprit import Ask
from pytest_deploygate.engine.judging import judge, kind_of, measured, measuring
from pytest_deploygate.engine.outcome import (
    Measured,
    conclude,
    counts_missing,
    failed_status,
    incomplete_status,
    without_data,
)
from pytest_deploygate.engine.over_time import MOST_POINTS, OverTime, Places
from pytest_deploygate.kinds.decision import ABSENT, REASONS, Decisions
from pytest_deploygate.kinds.many import CODE, points_of, sliced
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.tokens import has_ends

STATUSES = tuple(Status)
"""The code of a status is its place here."""


@dataclass(frozen=True, slots=True)
class Judgements:
    """One criterion at many times; every array has one entry for each time.

    Args:
        times: in Unix seconds.
        statuses: places in :data:`STATUSES`.
        reasons: places in ``kinds.base.REASONS``.
        values: of the worst series, NaN where none is named.
        limits: what the values were held against.
        worst: the place of the worst series in ``labels``, -1 where none is named.
        failing: how many series failed, or had no data while the others passed.
        total: how many series there were.
        warned: whether the source warned that its answer is not whole.
        labels: of all series.
    """

    times: tuple[float, ...]
    statuses: NDArray[np.int8]
    reasons: NDArray[np.int8]
    values: NDArray[np.float64]
    limits: NDArray[np.float64]
    worst: NDArray[np.intp]
    failing: NDArray[np.intp]
    total: NDArray[np.intp]
    warned: NDArray[np.bool_]
    labels: tuple[Mapping[str, str], ...]

    def chosen(self, places: Places) -> Judgements:
        """The same at some of the times."""
        arrays = {name: getattr(self, name)[places] for name in _ARRAYS}
        return replace(self, times=tuple(self.times[n] for n in places), **arrays)

    def named(self, place: int) -> Mapping[str, str] | None:
        """The labels of the worst series at one of the times; None where none is named."""
        return self.labels[self.worst[place]] if self.worst[place] >= 0 else None


_ARRAYS = (
    *("statuses", "reasons", "values", "limits", "worst"),
    *("failing", "total", "warned"),
)


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
    return _joined(times.all, pieces)


def unanswered_many(criterion: Criterion, times: Times) -> Judgements:
    """The judgements when the source could not answer for any of the times."""
    none = np.full(times.count, -1), np.zeros(times.count, int), np.zeros(times.count, int)
    return Judgements(
        times.all,
        np.full(times.count, _code(failed_status(criterion.level)), np.int8),
        np.full(times.count, CODE[Reason.ERROR], np.int8),
        np.full(times.count, np.nan),
        np.full(times.count, criterion.limit),
        *none,
        np.zeros(times.count, bool),
        (),
    )


def queries_of_many(criterion: Criterion, times: Times) -> list[Query]:
    """Everything that :func:`judge_many` asks, so that it can be asked side by side."""
    histogram = question(criterion, times.start)
    asked = [query for one in parts(criterion, times) for query in measuring(criterion, one)]
    return asked + (over_time.queries(histogram.expr, times) if histogram else [])


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
            return _stacked(times.all, [judge(criterion, times.start, self._served)])
        try:
            found = self._measured()
        except TooMuchError:
            return self._in_smaller_parts()
        except SourceError:
            return unanswered_many(criterion, times)
        if self.bounds is None:
            return self._decided(found)
        return _joined(times.all, list(self._by_buckets(found, self.bounds)))

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
        return _joined(self.times.all, pieces)

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
        return _concluded(self.criterion, self.times, _ordered(decisions), warned=warned)

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
        return _stacked(at_each, results)


def _joined(times: tuple[float, ...], pieces: Sequence[tuple[Places, Judgements]]) -> Judgements:
    """Judgements of some of the times each, put at their places."""
    if len(pieces) == 1:
        return pieces[0][1]
    rows: dict[tuple[tuple[str, str], ...], int] = {}
    whole = {name: np.empty(len(times), getattr(pieces[0][1], name).dtype) for name in _ARRAYS}
    for places, one in pieces:
        keys = (tuple(sorted(labels.items())) for labels in one.labels)
        moved = np.array([rows.setdefault(key, len(rows)) for key in keys], dtype=np.intp)
        for name in _ARRAYS:
            whole[name][places] = getattr(one, name)
        if len(moved):
            whole["worst"][places] = np.where(one.worst >= 0, moved[one.worst], -1)
    return Judgements(times, **whole, labels=tuple(dict(key) for key in rows))


def _ordered(decisions: Decisions) -> Decisions:
    """The series in the order of their labels: of two that are equally bad the last is named."""
    labels = decisions.labels
    order = sorted(range(len(labels)), key=lambda row: sorted(labels[row].items()))
    return Decisions(
        tuple(labels[row] for row in order),
        decisions.codes[order],
        decisions.values[order],
        decisions.limits[order],
        decisions.badness[order],
    )


def _concluded(criterion: Criterion, times: Times, found: Decisions, *, warned: bool) -> Judgements:
    """What ``outcome.conclude`` says of all series, at every time at once."""
    codes = found.codes
    breach, error = codes == CODE[Reason.BREACH], codes == CODE[Reason.ERROR]
    passing, missing = codes == CODE[Reason.OK], codes == CODE[Reason.NO_DATA]
    breached, failed = breach.any(axis=0), (breach | error).any(axis=0)
    some = passing.any(axis=0)
    lacking = missing.any(axis=0) & counts_missing(criterion)
    partly = some & ~failed & (lacking | warned)
    nothing = ~some & ~failed
    reasons = np.select(
        [breached, failed, nothing | partly],
        [CODE[Reason.BREACH], CODE[Reason.ERROR], CODE[Reason.NO_DATA]],
        CODE[Reason.OK],
    )
    statuses = np.select(
        [failed, nothing, partly],
        [
            _code(failed_status(criterion.level)),
            _code(_nothing_status(criterion, warned=warned)),
            _code(incomplete_status(criterion)),
        ],
        _code(Status.GO),
    )
    named = np.where(breached, breach, np.where(failed, error, passing))
    worst = _worst(found, named)
    row, column = np.maximum(worst, 0), np.arange(times.count)
    limits = np.full(times.count, criterion.limit)
    values = np.full(times.count, np.nan)
    if found.labels:
        values = np.where(worst >= 0, found.values[row, column], np.nan)
        limits = np.where(worst >= 0, found.limits[row, column], criterion.limit)
    counted = np.where(failed, named.sum(axis=0), 0)
    if not warned:
        counted = np.where(partly, missing.sum(axis=0), counted)
    return Judgements(
        times.all,
        statuses.astype(np.int8),
        reasons.astype(np.int8),
        values,
        limits,
        worst,
        counted,
        (codes != ABSENT).sum(axis=0),
        np.full(times.count, warned),
        found.labels,
    )


def _worst(found: Decisions, named: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The last of the worst of these series at each time, -1 where there is none."""
    if not found.labels:
        return np.full(named.shape[1], -1)
    bad = np.where(named, found.badness, -np.inf)
    # An infinitely good value is still a value: it comes before what is not named at all.
    rank = np.where(named, np.where(bad == -np.inf, -np.finfo(float).max, bad), -np.inf)
    last = len(found.labels) - 1 - rank[::-1].argmax(axis=0)
    return np.where(named.any(axis=0), last, -1)


def _nothing_status(criterion: Criterion, *, warned: bool) -> Status:
    status = without_data(criterion)
    return status if not warned or status is Status.NO_GO else Status.WARNING


def _code(status: Status) -> int:
    return STATUSES.index(status)


def _stacked(times: Sequence[float], results: Sequence[Result]) -> Judgements:
    """Results of one time each, as arrays."""
    labels = {tuple(sorted(one.labels.items())): None for one in results}
    places = {key: place for place, key in enumerate(labels)}
    named = [
        -1 if one.value is None else places[tuple(sorted(one.labels.items()))] for one in results
    ]
    return Judgements(
        tuple(times),
        np.array([_code(one.status) for one in results], np.int8),
        np.array([REASONS.index(one.reason) for one in results], np.int8),
        np.array([np.nan if one.value is None else one.value for one in results]),
        np.array([one.threshold for one in results], float),
        np.array(named),
        np.array([one.failing for one in results]),
        np.array([one.total for one in results]),
        np.array([bool(one.warnings) for one in results]),
        tuple(dict(key) for key in labels),
    )
