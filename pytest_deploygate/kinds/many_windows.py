"""Windows before many times: sustained, trend and runaway over matrices.

Each function judges exactly as the kind's ``decide`` does at every single time; a property test
holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_deploygate.core.criterion import Comparison, Criterion
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import RangeQuery, Series
from pytest_deploygate.kinds import window as past
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.decision import ABSENT, Decisions
from pytest_deploygate.kinds.limit import largest_bucket
from pytest_deploygate.kinds.many import (
    CODE,
    Flags,
    Floats,
    Held,
    Matrix,
    badness,
    keeps,
    keeps_known,
)
from pytest_deploygate.kinds.times import Times

Indexes = NDArray[np.intp]

_DUST = 0.0005  # seconds; the source's timestamps have a resolution of one millisecond


@dataclass(frozen=True, slots=True)
class Windows:
    """Some of the times, and the points of their windows.

    Args:
        columns: the places of these times among all of them.
        matrix: the points on the grid that all of these windows share.
        first: the column in the matrix where each window begins.
        length: the points in a window.
        step: seconds between two points.
        span: seconds from the beginning of a window to its evaluation time.
    """

    columns: Indexes
    matrix: Matrix
    first: Indexes
    length: int
    step: float
    span: float

    def since(self, seconds: float) -> int:
        """The first point of a window that is not older than these many seconds."""
        return max(0, int(np.ceil((self.span - seconds - _DUST) / self.step)))

    def age(self, point: Indexes) -> Floats:
        """Seconds from a point of a window to its evaluation time."""
        return np.asarray(self.span - point * self.step, dtype=np.float64)

    def points(self, row: int) -> tuple[Floats, Flags]:
        """Values and presence of one series, (times, points)."""
        index = self.first[:, None] + np.arange(self.length)
        return self.matrix.values[row, index], self.matrix.present[row, index]


def windows(
    kind: Kind, criterion: Criterion, series: Sequence[Series], times: Times
) -> Iterator[Windows]:
    """The windows of a kind with one range query, those on the same grid together."""
    (asked,) = kind.queries(criterion, times)
    (single,) = kind.queries(criterion, Times(times.start))
    assert isinstance(single, RangeQuery)
    matrix = Matrix.of(series, asked)
    resolution = asked.step if isinstance(asked, RangeQuery) else single.step
    stride = round(single.step / resolution)
    span = single.end - single.start
    begins = np.rint(np.arange(times.count) * times.step / resolution).astype(int)
    for phase in np.unique(begins % stride):
        columns = np.flatnonzero(begins % stride == phase)
        yield Windows(
            columns,
            matrix.every(stride, int(phase)),
            begins[columns] // stride,
            int(span / single.step + _DUST) + 1,
            single.step,
            span,
        )


def _empty(series: Sequence[Series], times: Times) -> Decisions:
    shape = (len(series), times.count)
    return Decisions(
        tuple(one.labels for one in series),
        np.full(shape, ABSENT, dtype=np.int8),
        np.full(shape, np.nan),
        np.full(shape, np.nan),
        np.zeros(shape),
    )


def _fill(found: Decisions, columns: Indexes, row: int, held: Held, judged: Flags) -> None:
    found.codes[row, columns] = np.where(judged, held.codes, ABSENT)
    found.values[row, columns] = held.values
    found.limits[row, columns] = held.limits
    found.badness[row, columns] = held.badness


def _last(flags: Flags) -> Indexes:
    """The last place of each row that is true; -1 where none is."""
    length = flags.shape[1]
    return np.where(flags.any(axis=1), length - 1 - flags[:, ::-1].argmax(axis=1), -1)


def _at(values: Floats, points: Indexes) -> Floats:
    """One value of each row; of those without a point, any."""
    found: Floats = values[np.arange(len(values)), points]
    return found


def sustained(
    kind: Kind, criterion: Criterion, series: Sequence[Series], times: Times, length: float
) -> Decisions:
    """A breach is one that lasted for ``length`` seconds without a break."""
    found = _empty(series, times)
    for part in windows(kind, criterion, series, times):
        recent, newest = part.since(length), _newest(part, series, criterion.nan_is_breach)
        ended, judged = _ended(part, series, np.where(newest >= recent, newest, -1))
        for row in range(len(series)):
            values, present = part.points(row)
            largest = largest_bucket(criterion, series[row])
            counted = present if criterion.nan_is_breach else present & ~np.isnan(values)
            held = Held.against(criterion, _at(values, newest[row]), largest=largest)
            kept = counted & keeps_known(criterion, values, largest)
            lasting = _lasting(held, counted, kept, part, length)
            codes = np.where(ended[row], CODE[Reason.NO_DATA], lasting).astype(np.int8)
            _fill(found, part.columns, row, _with_codes(held, codes), judged[row])
        gone = (_newest(part, series) >= 0) & ~judged.any(axis=0)
        found.codes[:, part.columns] = np.where(
            gone, CODE[Reason.NO_DATA], found.codes[:, part.columns]
        )
    return found


def _lasting(
    held: Held, counted: Flags, kept: Flags, part: Windows, length: float
) -> NDArray[np.int8]:
    """The codes of the newest values, given for how long the limit has not been kept."""
    after = np.arange(part.length) > _last(kept)[:, None]
    begin = (counted & after).argmax(axis=1)
    brief = kept[:, part.since(length) :].any(axis=1)
    partly = part.age(begin) < length - _DUST
    failed = np.where(partly, CODE[Reason.NO_DATA], held.codes)
    failed = np.where(brief, CODE[Reason.OK], failed)
    codes = np.where(held.codes == CODE[Reason.OK], held.codes, failed)
    return codes.astype(np.int8)


def _with_codes(held: Held, codes: NDArray[np.int8]) -> Held:
    return Held(codes, held.values, held.limits, held.badness)


def trend(
    kind: Kind,
    criterion: Criterion,
    series: Sequence[Series],
    times: Times,
    *,
    least: int,
    coverage: float,
    dust: float,
) -> Decisions:
    """The slope per hour; ``least``, ``coverage`` and ``dust`` as in :class:`kinds.trend.Trend`."""
    found = _empty(series, times)
    for part in windows(kind, criterion, series, times):
        ended, there = _ended(part, series, _newest(part, series))
        for row in range(len(series)):
            values, present = part.points(row)
            newest = _at(values, _last(present))
            finite = present & np.isfinite(values)
            slope = _slopes(values, finite, part.step, dust) * 3600
            judged = Held.against(criterion, np.where(np.isfinite(newest), slope, newest))
            short = np.isfinite(newest) & _short(finite, part, least, coverage)
            codes = np.where(ended[row] | short, CODE[Reason.NO_DATA], judged.codes)
            held = _with_codes(judged, codes.astype(np.int8))
            _fill(found, part.columns, row, held, there[row])
    return found


def runaway(
    kind: Kind,
    criterion: Criterion,
    series: Sequence[Series],
    times: Times,
    *,
    least: int,
    coverage: float,
    factor: float,
) -> Decisions:
    """The newest value against the limit and ``factor`` times the average magnitude."""
    found = _empty(series, times)
    for part in windows(kind, criterion, series, times):
        ended, there = _ended(part, series, _newest(part, series))
        for row in range(len(series)):
            values, present = part.points(row)
            largest = largest_bucket(criterion, series[row])
            held = Held.against(criterion, _at(values, _last(present)), largest=largest)
            finite = present & np.isfinite(values)
            kept = held.codes == CODE[Reason.OK]
            short = kept & _short(finite, part, least, coverage)
            strict = _against_average(criterion, held, values, finite, factor)
            codes = np.where(ended[row] | short, CODE[Reason.NO_DATA], strict.codes)
            _fill(found, part.columns, row, _with_codes(strict, codes.astype(np.int8)), there[row])
    return found


def _against_average(
    criterion: Criterion, held: Held, values: Floats, finite: Flags, factor: float
) -> Held:
    """The same where the multiple of the average is not stricter than the limit."""
    if not criterion.comparison.lower_is_better:
        return held
    count = np.maximum(finite.sum(axis=1), 1)
    average = (np.where(finite, np.abs(values), 0.0) / count[:, None]).sum(axis=1)
    limits = factor * average
    strict = (held.codes == CODE[Reason.OK]) & (limits < criterion.limit)
    kept = keeps(Comparison.AT_MOST, held.values, limits)
    codes = np.where(strict & ~kept, CODE[Reason.BREACH], held.codes)
    worse = badness(Comparison.AT_MOST, held.values, limits)
    return Held(
        codes.astype(np.int8),
        held.values,
        np.where(strict, limits, held.limits),
        np.where(strict, worse, held.badness),
    )


def _newest(part: Windows, series: Sequence[Series], with_nan: bool = True) -> Indexes:
    """The newest point of each series in each window; -1 where there is none."""
    newest = np.full((len(series), len(part.columns)), -1)
    for row in range(len(series)):
        values, present = part.points(row)
        newest[row] = _last(present if with_nan else present & ~np.isnan(values))
    return newest


def _ended(part: Windows, series: Sequence[Series], newest: Indexes) -> tuple[Flags, Flags]:
    """Which series ended, and which are to be judged: not those that go on elsewhere.

    ``newest`` is the place of the newest point, -1 for a series that does not count.
    """
    there = newest >= 0
    ended = there & (newest < part.length - 1)
    names = [past.identity(one) for one in series]
    going_on = {
        name: np.any([there[row] & ~ended[row] for row, n in enumerate(names) if n == name], axis=0)
        for name in set(names)
    }
    replaced = np.zeros(there.shape, dtype=bool)
    for row, name in enumerate(names):
        replaced[row] = ended[row] & going_on[name]
    return ended, there & ~replaced


def _short(finite: Flags, part: Windows, least: int, coverage: float) -> Flags:
    """Where the finite points are too few, or span too short a time."""
    measured = (_last(finite) - finite.argmax(axis=1)) * part.step
    short: Flags = (finite.sum(axis=1) < max(least, 2)) | (measured < coverage * part.span)
    return short


def _slopes(values: Floats, finite: Flags, step: float, dust: float) -> Floats:
    """Least squares, per second, of every row; zero where the change is only rounding."""
    count = np.maximum(finite.sum(axis=1), 1)[:, None]
    largest = np.where(finite, np.abs(values), 0.0).max(axis=1, initial=0.0)[:, None]
    largest = np.where(largest == 0, 1.0, largest)
    times = np.arange(values.shape[1]) * step
    scaled = np.where(finite, values / largest, 0.0)
    early = np.where(finite, times, 0.0).sum(axis=1, keepdims=True) / count
    mean = scaled.sum(axis=1, keepdims=True) / count
    across = np.where(finite, times - early, 0.0)
    squares = (across * across).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (across * np.where(finite, scaled - mean, 0.0)).sum(axis=1) / squares
    length = (_last(finite) - finite.argmax(axis=1)) * step
    return np.where(np.abs(found) * length <= dust, 0.0, found * largest[:, 0])
